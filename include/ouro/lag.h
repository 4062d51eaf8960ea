/* lag.h -- who held the loop, and for how long.
 *
 * A loop is one thread: while a callback runs, everybody else waits. ouro times every callback (one
 * clock read each) and can always say how late it is; a callback that took longer than
 * ouro_loop_opts.lag_ms is reported by name. */
#ifndef OURO_LAG_H
#define OURO_LAG_H
#include "ouro/base.h"
#include "ouro/hist.h"
OURO_BEGIN

typedef struct ouro_loop ouro_loop;

typedef struct ouro_lag {
	const char *who;    /* the name its handle was given, or its function's: "fib_page" */
	const char *doing;  /* what it was called for: "timer", "descriptor 7", "micro task" */
	uint64_t    ns;     /* how long it held the loop */
	uint64_t    calls;  /* 1; a run of micro tasks of one function is timed as a whole */
	uint64_t    missed; /* reports lost since the one before: they came too fast */
} ouro_lag;

/* On the loop's thread, between two callbacks, soon after (a thread looks the function's name up in
 * the symbol table; the loop does not wait for it); from a stripped program the name is like
 * "app+0x1f3a". Valid during the call. A run of micro tasks that feeds itself is reported while it
 * lasts: after 10,000 tasks or 10 ms. */
typedef void ouro_lag_fn(ouro_loop *loop, const ouro_lag *lag, void *arg);

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
typedef struct ouro_stats {
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
} ouro_stats;

/* A reading, at any moment and from any thread, also while the loop is held. The figures are each
 * right, but may be a callback apart. */
OURO_API void ouro_loop_stats(const ouro_loop *loop, ouro_stats *ret_stats);

/* "timers". Static; "?" for what is no phase. */
OURO_API const char *ouro_phase_name(enum ouro_phase phase);
OURO_END
#endif
