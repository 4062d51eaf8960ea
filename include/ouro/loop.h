/* loop.h -- the loop, its turn and its two task queues.
 *
 * One turn:   ready I/O, in the order the kernel gave
 *             check: the posts and macro tasks queued before this phase began
 *             close: closed handles get their last callback and their memory goes
 *             timers due by now, in order of deadline, then of making
 *
 * After every single callback the micro queue runs until it is empty. The first turn of a run has a
 * timer phase and no other. A time-out that ran out while callbacks held the turn up, by a
 * millisecond or more, waits for one more poll: the data it watches over may have come meanwhile. A
 * loop belongs to the thread that turns it; ouro_loop_post() and the readings of lag.h alone may be
 * called from another. */
#ifndef OURO_LOOP_H
#define OURO_LOOP_H
#include "ouro/base.h"
#include "ouro/lag.h"
#include "ouro/log.h"
OURO_BEGIN

struct ev_loop;
typedef struct ouro_loop ouro_loop;
typedef void             ouro_task_fn(ouro_loop *loop, void *arg);

/* The virtual clock stands still while anything is ready, then jumps to the next deadline: a test
 * of a 30 s time-out takes no time and always goes the same way. */
enum ouro_clock { OURO_CLOCK_REAL, OURO_CLOCK_VIRTUAL };

typedef struct ouro_loop_opts {
	struct ev_loop *ev;        /* live inside this libev loop; NULL: a loop of its own */
	enum ouro_clock clock;     /* OURO_CLOCK_REAL */
	unsigned        micro_max; /* micro tasks in a row before the poll gets its turn; 0: any */
	unsigned        turn_us; /* a turn that took longer leaves the rest to the next; 0: never */
	unsigned        lag_ms;  /* report a callback slower than this; 0: 50; OURO_NEVER */
	ouro_lag_fn    *on_lag;  /* who held the loop, 5 a minute; NULL: counted, not reported */
	ouro_log_fn    *on_log;  /* what went wrong, in words; NULL: quiet */
	void           *arg;     /* handed to on_lag and on_log */

	unsigned pool_threads; /* 1 to 1024; 0: what OURO_POOL_SIZE says in the environment, or 4 */
	unsigned pool_queue;   /* operations that may wait in a lane before OURO_EBUSY; 0: any */
	size_t   pool_stack;   /* bytes of stack a pool thread; 0: 256 KiB */

	unsigned watch_ms;        /* a watchdog (lag.h) tells who holds the loop longer than this;
				     0: in ouro_loop_main() 50, elsewhere there is none;
				     OURO_NEVER: none */
	int      watch_signal;    /* what it asks the loop's thread for its stack by; 0: a real-time
					 one that nobody uses; below 0: none, and no stacks */
	ouro_lag_fn    *on_held;  /* who holds the loop, while it does, from the watchdog's thread,
				     5 a minute; NULL: not told, but kept for ouro_loop_worst() */
	unsigned        stuck_ms; /* held so long it is stuck for good; 0: it never is */
	enum ouro_stuck stuck;    /* what then; OURO_STUCK_REPORT */
	ouro_lag_fn    *on_stuck; /* then, from the watchdog's thread; NULL: on_held */
} ouro_loop_opts;

/* A new loop; opts NULL: all defaults. NULL with errno set when the machine refuses (ENOMEM,
 * EMFILE), or EINVAL for an option (or OURO_POOL_SIZE) that makes no sense, which on_log is told in
 * words.
 *
 * With opts.ev set the loop lives in a host's libev loop: the host's ev_run() turns it, and returns
 * as soon as nothing is left in either. It owns only watchers of its own there. */
OURO_API ouro_loop *ouro_loop_new(const ouro_loop_opts *opts) OURO_MUST_CHECK;

/* The call above says by itself which headers it was compiled with. Options grow from version to
 * version, so a library of another major or minor number refuses: NULL, and -errno is OURO_EVERSION.
 * (A caller of the function without the macro, as from another language, is not asked.) */
OURO_API ouro_loop *ouro_loop_new_for(unsigned version, const ouro_loop_opts *opts) OURO_MUST_CHECK;
#define ouro_loop_new(...) ouro_loop_new_for(OURO_VERSION_NUMBER, __VA_ARGS__)

/* Ends the loop: closes what is open (each gets its on_close), stops every timer, drops tasks that
 * have not run, cancels operations that wait for the pool (each callback gets OURO_ECANCELED),
 * waits for those that run unless their time was already up, and frees. From a callback of this
 * loop: all that when the turn is over, and run() returns. Either way it is the one and only free.
 * A host's ev_loop goes on without us. NULL: nothing. */
OURO_API void ouro_loop_free(ouro_loop *loop);

/* Turns until nothing is left that could call back, or ouro_loop_stop(). Returns stop's code, or 0.
 * -EBUSY: it is running already, and this was called from one of its callbacks. -EINVAL: it lives
 * in a host's libev loop, which must be run instead. */
OURO_API int ouro_loop_run(ouro_loop *loop);

/* The turn that is under way is finished, then run() returns `code` (0 or more, by habit an exit
 * code) and forgets it. Before run(): the next run() returns at once. Behind a descriptor the next
 * turn answers false; in a host's libev loop we stop holding its ev_run(), for good; what is ours
 * stays open. */
OURO_API void ouro_loop_stop(ouro_loop *loop, int code);

/* For a loop of another make: poll this descriptor beside your own and, when it reads ready, take a
 * turn. Everything is behind it: timers, posts, descriptors. Hosts that poll by level and by edge
 * lose nothing; what is asked of ouro outside a turn makes it ready. The number stays the same for
 * the loop's life and is not yours to close. Below 0: -EMFILE, -ENOMEM, -EINVAL (lives in a
 * libev loop), -ENOTSUP (this libev does not poll by epoll). */
OURO_API int ouro_loop_fd(ouro_loop *loop);

/* Turns without waiting: once, or, when ouro_loop_fd() was asked for, until nothing is ready (a few
 * times at most; the rest makes the descriptor ready again). False: nothing left that could
 * call back, or stopped. True, and nothing done, from a callback of this loop. */
OURO_API bool ouro_loop_turn(ouro_loop *loop);

/* In the child after a fork(), before anything else is asked of this loop there: gives it kernel
 * objects of its own, so that the two do not eat each other's events. Timers, handles and tasks
 * are there in both. In a host's libev loop call ev_loop_fork() of the host too. 0, or -EMFILE,
 * -ENOMEM: the loop can then only be freed. Not needed before exec. */
OURO_API int ouro_loop_after_fork(ouro_loop *loop) OURO_MUST_CHECK;

/* Monotonic nanoseconds, as read before the callback that is running now. Loop's thread. */
OURO_API uint64_t ouro_loop_now(const ouro_loop *loop);

/* With the virtual clock: ms pass, as if the callback that is running had taken them.
 * -EINVAL with the real one. */
OURO_API int ouro_loop_advance(ouro_loop *loop, uint64_t ms);

/* Three ways to say "not now". fn(loop, arg) runs once. 0; or -ENOMEM, or (the loop is ending; not for
 * post) OURO_ECLOSED, and it never will.
 *
 * micro  after the callback that is running now, before any other; from outside a callback, first
 *        thing in the next turn. Does not keep the loop alive.
 * macro  in the check phase of this turn, or of the next when that phase has begun.
 * post   in the next check phase, before the macro tasks. From any thread, in the order of the
 *        calls of each; wakes the loop. Not from a signal handler: see ouro_wake_send(). What
 *        arrives when the loop has nothing else left may stay unrun: see ouro_loop_hold(). */
OURO_API int ouro_loop_micro(ouro_loop *loop, ouro_task_fn *fn, void *arg);
OURO_API int ouro_loop_macro(ouro_loop *loop, ouro_task_fn *fn, void *arg);
OURO_API int ouro_loop_post(ouro_loop *loop, ouro_task_fn *fn, void *arg);

/* Keep the loop alive although it has nothing to do: for posts that other threads will make.
 * Counted: as many false as true. */
OURO_API void ouro_loop_hold(ouro_loop *loop, bool hold);

/* Why does it not end? One of these for each thing that keeps the loop alive. */
typedef struct ouro_active {
	const char *kind;   /* "timer", "descriptor", "signal", "wake", "macro task", "hold", ... */
	const char *name;   /* as set, or else its callback's: "sweep", "app+0x1f3a" */
	int         fd;     /* a descriptor's or a signal's number; -1: has none */
	const char *origin; /* who made it, a line a caller; "" without OURO_ORIGINS=1 */
} ouro_active;
typedef void ouro_active_fn(ouro_loop *loop, const ouro_active *active, void *arg);

/* Calls fn for each, now; its strings are valid during the call, and fn must not open or close.
 * Returns how many. fn NULL: counts only. With OURO_ORIGINS=1 in the environment when the loop was
 * made, origins are kept and functions are named too, which reads symbol tables from disk: a tool
 * for debugging. */
OURO_API size_t ouro_loop_active(ouro_loop *loop, ouro_active_fn *fn, void *arg);
OURO_END
#endif
