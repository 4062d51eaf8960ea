/* lag.h -- who held the loop, and for how long.
 *
 * A loop is one thread: while a callback runs, everybody else waits. ouro times every callback (one
 * clock read each) and can always say how late it is; a callback that took longer than
 * ouro_loop_opts.lag_ms is reported by name.
 *
 * The loop itself can only tell when it is over. So there is a watchdog: a thread of ouro's own that
 * wakes when a callback has run for watch_ms, and tells at once, while the loop is still held, who
 * holds it, for what, with the stack, and how many descriptors wait. ouro_loop_main() has one unless
 * told otherwise; any other loop when it is asked for (ouro_loop_opts.watch_ms). It costs the loop
 * a few plain stores a turn, and no wake-up while the loop has nothing to do. In a host's loop it
 * watches the host's own callbacks too, and calls them "host". */
#ifndef OURO_LAG_H
#define OURO_LAG_H
#include "ouro/base.h"
#include "ouro/hist.h"
#include "ouro/str.h"
OURO_BEGIN

typedef struct ouro_loop ouro_loop;

typedef struct ouro_lag {
	const char *who;    /* the name its handle was given, or its function's: "fib_page" */
	const char *doing;  /* what it was called for: "timer", "descriptor 7", "GET /fib?n=42" */
	uint64_t    ns;     /* how long it held the loop */
	uint64_t    calls;  /* 1; a run of micro tasks of one function is timed as a whole */
	uint64_t    missed; /* reports left out since the one before: they came too fast */

	bool        ongoing; /* it holds the loop still: ns so far */
	uint64_t    began;   /* in the loop's time, ouro_loop_now() */
	const char *route;   /* for a request its line in the table, "/fib/:n"; "": none */
	const char *origin;  /* who made it, a line a caller; "" without OURO_ORIGINS=1 */

	/* What the watchdog saw when it looked last; nothing, if it was off or not quick enough. */
	const char *const *stack; /* names of functions, the innermost first; one that calls itself
				     is there once, one that was inlined or left by a tail call is
				     not there */
	unsigned           depth; /* of stack; 0: there is none */
	unsigned           waiting; /* descriptors that were ready and had to wait; at most 1024. In
				       a host's libev loop the host's own too; 0 if that polls by
				       anything but epoll */
} ouro_lag;

/* As on_lag: on the loop's thread, between two callbacks, soon after (a thread looks the function's name
 * up in the symbol table; the loop does not wait for it). As on_held and on_stuck: on the watchdog's
 * thread, while the loop is held; of the loop only the readings below may be called there. From
 * ouro_loop_worst(): on the caller's. From a stripped program the name is like "app+0x1f3a". Valid
 * during the call. A run of micro tasks that feeds itself is reported while it lasts: after 10,000
 * tasks or 10 ms.
 *
 * Five reports are told as they come, and one more every twelve seconds; so it is with on_held, for
 * itself. What is left out is in `missed`, in the figures of ouro_loop_get_stats(), and in what the
 * watchdog knows. */
typedef void ouro_lag_fn(ouro_loop *loop, const ouro_lag *lag, void *arg);

/* Held for stuck_ms, a loop is stuck for good, and this is what comes of it. */
enum ouro_stuck {
	OURO_STUCK_REPORT, /* on_stuck, or else on_held, is told; once for each */
	OURO_STUCK_ABORT   /* that, and then abort(): a core has every thread's stack */
};

/* ---- What the watchdog knows. From any thread, also while the loop is held. ---- */

/* Calls fn for each of the 32 that held the loop longest, the longest first, but before all of them
 * the one that holds it now, if one does. The strings are valid during the call. Returns how many;
 * fn NULL: counts only. 0 without a watchdog. */
OURO_API size_t ouro_loop_worst(ouro_loop *loop, ouro_lag_fn *fn, void *arg);

/* All that was ever over watch_ms, summed up by function or by the line of a request's route. */
enum ouro_blame_by { OURO_BY_FUNCTION, OURO_BY_ROUTE };
typedef struct ouro_blame {
	const char *name;  /* "fib_page", "/fib/:n"; "others", when there are more than 63 */
	uint64_t    count; /* how often */
	uint64_t    ns;    /* all of it */
	uint64_t    max_ns;
} ouro_blame;
typedef void ouro_blame_fn(const ouro_blame *blame, void *arg);

/* Calls fn for each, the one with most ns first; the rest as ouro_loop_worst(). */
OURO_API size_t ouro_loop_blame(ouro_loop *loop, enum ouro_blame_by by, ouro_blame_fn *fn,
				void *arg);

/* Adds to `to` a line for each of ouro_loop_worst() that has a stack, the outermost function first,
 * and the milliseconds: "main;ouro_loop_run;fib_page;fib 1840". Flame graphs are drawn from such.
 * 0, or -ENOMEM. */
OURO_API int ouro_loop_folded(ouro_loop *loop, ouro_buf *to);

/* The phases a turn's time is told by, and their names. */
#define OURO_PHASES(X)      \
	X(IO, "io")         \
	X(CHECK, "check")   \
	X(CLOSE, "close")   \
	X(TIMERS, "timers") \
	X(MICRO, "micro")

enum ouro_phase {
#define OURO_PHASE_ENUM(phase, name) OURO_PHASE_##phase,
	OURO_PHASES(OURO_PHASE_ENUM)
#undef OURO_PHASE_ENUM
		OURO_PHASE_COUNT
};

/* Everything is counted since the loop was made, and never reset: subtract two readings. */
typedef struct ouro_loop_stats {
	uint64_t  turns;
	uint64_t  idle_ns;                    /* inside the poll */
	uint64_t  busy_ns;                    /* outside it; a host's own callbacks too */
	uint64_t  phase_ns[OURO_PHASE_COUNT]; /* inside callbacks, by phase */
	ouro_hist callback_ns;                /* each callback */
	ouro_hist turn_ns; /* each turn that called back: so long others waited */
	ouro_hist late_ns; /* each timer: how long after its deadline it ran */
	uint64_t  lags;    /* callbacks slower than lag_ms */
	uint64_t  held_ns; /* so long runs the callback of now; 0: none does */
	uint64_t  timers;  /* live now */
	uint64_t  handles; /* open or closing now */
	uint64_t  tasks;   /* micro and macro tasks waiting now */
} ouro_loop_stats;

/* A reading, at any moment and from any thread, also while the loop is held. The figures are each
 * right, but may be a callback apart. */
OURO_API void ouro_loop_get_stats(const ouro_loop *loop, ouro_loop_stats *ret_stats);

/* "timers". Static; "?" for what is no phase. */
OURO_API const char *ouro_phase_name(enum ouro_phase phase);
OURO_END
#endif
