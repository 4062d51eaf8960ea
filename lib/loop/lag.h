/* lag.h -- the loop's clock: every callback is timed, the slow ones are reported by name.
 *
 * The end of one callback is the start of the next, so the price is one clock read each. Whoever
 * calls a user's function does it between call_begin() and call_end(); the micro queue runs in
 * call_end(). The figures are counters that any thread may read (base/count.h).
 *
 * Reports wait in a short queue until the function's name is known. To find it a thread reads the
 * symbol tables; the loop goes on meanwhile and tells the user when the thread is done. */
#ifndef OURO__LAG_H
#define OURO__LAG_H
#include "base/count.h"
#include "loop/label.h"
#include "loop/voice.h"
#include "ouro/lag.h"
#include "ouro/loop.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* What a callback is called for: "timer", with a number "descriptor 7", of a thing "close of a
 * wake". */
struct cause {
	const char *kind;
	int number;        /* -1: none */
	const char *thing; /* NULL: none */
};

/* The callback that is running. */
struct call {
	const void *fn; /* written last, and unwritten first: the watchdog looks at any moment */
	struct cause cause;
	const char *route; /* NULL: none */
	struct label *label;
	struct label *orphan; /* label, when what it was on ended in the meantime: ours to free */
	enum ouro_phase phase;
};

#define LAG_QUEUE     16
#define LAG_NAME_ROOM 128

struct lag_report {
	const void *fn; /* NULL: a host's, in whose loop we are */
	bool named;     /* who is there */
	bool ready;     /* to be told */
	bool wanted;    /* by on_lag, and not by the watchdog alone */
	int seen;       /* the watchdog has more of it under this number; -1: has not */
	uint64_t began, ns, calls;
	uint64_t missed; /* before it, that were wanted */
	char who[LAG_NAME_ROOM];
	char doing[256], route[LAG_NAME_ROOM];
};

struct lag_namer {
	bool running;     /* the loop's word: a thread was started and its names are not taken */
	atomic_bool done; /* the thread's: the names are there */
	atomic_bool gone; /* and it will not touch this any more */
	int wake_fd;
	pid_t pid; /* the thread's process */
	unsigned count;
	const struct lag_report *report[LAG_QUEUE];
	const void *fn[LAG_QUEUE];
	char name[LAG_QUEUE][LAG_NAME_ROOM];
};

struct lag {
	uint64_t stamp; /* when the callback that runs began, or the last one ended */
	uint64_t limit; /* ns; a callback that took as long is looked at */
	uint64_t lag;   /* ns; and that is one: the same, unless the watchdog minds less */
	struct call call;
	uint64_t calls;     /* callbacks so far */
	uint64_t asleep;    /* when the poll began, in a host's loop */
	uint64_t last_idle; /* how long the last poll took */
	uint64_t awake;     /* when it ended */

	uint64_t turns, idle_ns, busy_ns, lags;
	uint64_t waits; /* what ouro__lag_waits() adds to */
	uint64_t phase_ns[OURO_PHASE_COUNT];
	ouro_hist callback_ns, turn_ns, late_ns;

	struct lag_report reports[LAG_QUEUE];
	unsigned first, waiting;
	struct voice voice; /* of on_lag; unsaid: those that had no room as well */
	struct lag_namer namer;
};

void ouro__lag_init(struct ouro_loop *loop, const ouro_loop_opts *opts);
void ouro__lag_end(struct ouro_loop *loop);

/* In the child after a fork: the thread that looked names up is not there. */
void ouro__lag_after_fork(struct ouro_loop *loop);

/* The poll is over: reads the clock. */
void ouro__lag_awake(struct ouro_loop *loop);

/* The turn is over. */
void ouro__lag_turn_done(struct ouro_loop *loop);

/* The lengths of all turns, each squared, in units of 1024 ns; the turn of now as far as it has come.
 * The difference of two readings, divided by the time between them, is how long the turn was that
 * something came into which came in that time, on average; and 0 while the loop slept. In a host's
 * loop its own callbacks count as well. */
uint64_t ouro__lag_waits(const struct ouro_loop *loop);

/* In a host's loop: its poll begins, and is over. */
void ouro__lag_host_asleep(struct ouro_loop *loop);
void ouro__lag_host_awake(struct ouro_loop *loop);

/* The callback, called `calls` times, held the loop for ns, up to the last stamp. */
void ouro__lag_report(struct ouro_loop *loop, uint64_t ns, uint64_t calls);

/* The same, if it is long enough for anybody; and of a host. */
void ouro__lag_slow(struct ouro_loop *loop, uint64_t ns, uint64_t calls);
void ouro__lag_report_host(struct ouro_loop *loop, uint64_t began, uint64_t ns);

/* Tells the user the reports that have their names. Between two callbacks. */
void ouro__lag_tell(struct ouro_loop *loop);

/* Can ouro__lag_tell() do anything? */
bool ouro__lag_can_tell(const struct ouro_loop *loop);

/* A label's owner has ended: frees the label, or leaves that to call_end() when it is in use. */
void ouro__lag_drop_label(struct ouro_loop *loop, struct label *label);

/* A function as an address. */
#define CALL_FN(fn) ((const void *)(uintptr_t)(fn))
#endif
