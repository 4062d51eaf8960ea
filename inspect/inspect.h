/* inspect.h -- what the three files of libouro-inspect.so share.
 *
 *     LD_PRELOAD=libouro-inspect.so OURO_INSPECT=127.0.0.1:7777 sniproxy -f
 *     curl http://127.0.0.1:7777/json
 *
 * The library stands between a program and its libev. Each function of libev's that starts or stops
 * a watcher is also one of ours: it puts a callback of ours into the watcher while it is active,
 * which calls the program's and times it, and takes it out again (watched.c). The first ev_run()
 * lets ouro into that loop as a guest, with a server that tells (page.c). All of it is done on the
 * program's own thread; it makes no thread, sets no timer, prints nothing and touches no signal, so
 * a program that waits goes on waiting. Without OURO_INSPECT every function only passes on.
 *
 * libev is looked up when it is needed, and not linked: a program without it must not get it. */
#ifndef INSPECT_H
#define INSPECT_H
#include <ev.h>
#include <ouro.h>
#include <stdbool.h>
#include <stdint.h>

/* The functions of libev's that the program calls and we stand before: start and stop of these. */
#define INSPECT_KINDS(X) \
	X(io)            \
	X(timer)         \
	X(periodic)      \
	X(signal)        \
	X(child)         \
	X(stat)          \
	X(idle)          \
	X(prepare)       \
	X(check)         \
	X(async)

enum inspect_kind {
#define INSPECT_KIND(kind) INSPECT_##kind,
	INSPECT_KINDS(INSPECT_KIND)
#undef INSPECT_KIND
		INSPECT_KIND_COUNT
};

/* One function that watchers call. */
struct inspect_callback {
	const void *fn;
	bool ours; /* ouro's own, or libev's: not counted */
	uint64_t calls, total_ns, max_ns;
	char name[96];
};

/* The loop was held by one callback, so long, so long ago. */
struct inspect_block {
	const struct inspect_callback *callback;
	uint64_t at, ns;
};
#define INSPECT_BLOCKS    16
#define INSPECT_BLOCK_NS  (50 * UINT64_C(1000000))
#define INSPECT_CALLBACKS 256

struct inspect_facts {
	uint64_t since;                        /* when the inspection began */
	ouro_hist lag_ns;                      /* each pass: so long others waited */
	uint64_t busy_ns;                      /* in all */
	unsigned watchers[INSPECT_KIND_COUNT]; /* active now */
	struct inspect_block blocks[INSPECT_BLOCKS];
	unsigned block_count; /* in all; the last are kept */
	struct inspect_callback callbacks[INSPECT_CALLBACKS];
	unsigned callback_count;
};
extern struct inspect_facts inspect_facts;

uint64_t inspect_now(void);

/* Around the call of libev's that starts or stops a watcher. libev itself stops a timer that has run
 * out, and calls it afterwards. */
void inspect_before(void *watcher);
void inspect_after(void *watcher, enum inspect_kind kind, bool by_libev);
void inspect_restore(void *watcher);

/* libev is at work on this thread, and no callback of the program's inside it. */
extern _Thread_local bool inspect_libev_works;

/* This is the child of a fork, and has not been looked at. */
extern bool inspect_has_forked;
void inspect_child_goes_on(struct ev_loop *loop);

/* The inspection begins, also in a child. */
void inspect_begin(void);

/* A pass has taken so long. */
void inspect_pass(uint64_t ns);

/* The page, and the same as JSON. `turns`: of the program's loop. */
void inspect_page(ouro_req *req, void *arg);
void inspect_json(ouro_req *req, unsigned turns);
#endif
