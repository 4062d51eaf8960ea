/* timer.h -- callbacks by the clock. Never early; in order of deadline, then of making.
 *
 * A timer is a token: a plain value with nothing to free. The loop forgets a timer when it has
 * fired for good or was stopped; using its token after that does nothing and says false. All
 * of it on the loop's thread. */
#ifndef OURO_TIMER_H
#define OURO_TIMER_H
#include "ouro/loop.h"
OURO_BEGIN

typedef struct ouro_timer {
	uint64_t id; /* 0: none */
} ouro_timer;

/* Once, ms from now; 0: in the next timer phase. However large, it never fires early. {0} with
 * errno set when there is no memory for it (ENOMEM; also with 16 million alive) or the loop is
 * ending (ECANCELED). */
OURO_API ouro_timer ouro_timer_after(ouro_loop *loop, uint64_t ms, ouro_task_fn *fn, void *arg);

/* Again and again, ms from the start of the last call; 0: once a turn. Late periods are not made
 * up. */
OURO_API ouro_timer ouro_timer_every(ouro_loop *loop, uint64_t ms, ouro_task_fn *fn, void *arg);

/* Each is false, and harmless, when the timer has fired for good, was stopped, or is {0}. Inside
 * its own callback an `after` has fired for good, an `every` has not.
 *
 * stop   it will not be called any more.
 * again  its full time from now, as if made new. Costs next to nothing: made for time-outs.
 * hold   whether it keeps the loop alive; a new timer does. */
OURO_API bool ouro_timer_stop(ouro_loop *loop, ouro_timer timer);
OURO_API bool ouro_timer_again(ouro_loop *loop, ouro_timer timer);
OURO_API bool ouro_timer_hold(ouro_loop *loop, ouro_timer timer, bool hold);

/* What lag reports and ouro_loop_active() call it, instead of its function's name. Copied. False:
 * as above, or no memory. */
OURO_API bool ouro_timer_set_name(ouro_loop *loop, ouro_timer timer, const char *name);

/* Nanoseconds until it is due, 0 when it is overdue, UINT64_MAX when it has ended. */
OURO_API uint64_t ouro_timer_left(const ouro_loop *loop, ouro_timer timer);
OURO_END
#endif
