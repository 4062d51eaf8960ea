/* call.h -- around every call of a user's function.
 *
 *     call_begin(loop, OURO_PHASE_TIMERS, CALL_FN(fn), (struct cause){ "timer", -1, NULL }, label);
 *     fn(loop, arg);
 *     call_end(loop);
 *
 * What was needed of the handle is saved before: fn may have closed it. Compiled with OURO__NO_LAG
 * nothing is timed, which is there only so that a bench can tell what timing costs. */
#ifndef OURO__CALL_H
#define OURO__CALL_H
#include "loop/loop.h"

static inline void call_begin(struct ouro_loop *loop, enum ouro_phase phase, const void *fn,
			      struct cause cause, struct label *label)
{
	struct call *call = &loop->lag.call;

	call->cause = cause;
	call->route = NULL;
	call->label = label;
	call->phase = phase;
	atomic_signal_fence(memory_order_release);
	__atomic_store_n(&call->fn, fn, __ATOMIC_RELAXED);
}

/* `calls` calls are over; answers how long they took. */
static inline uint64_t call_timed(struct ouro_loop *loop, uint64_t calls)
{
	struct lag *lag = &loop->lag;
	uint64_t took = 0;

	lag->calls += calls;
#ifndef OURO__NO_LAG
	uint64_t now = loop_clock(loop);

	took = now - lag->stamp;
	count_set(&lag->stamp, now);
	count_add(&lag->phase_ns[lag->call.phase], took);
	hist_add(&lag->callback_ns, calls == 1 ? took : took / calls, calls);
	if (took >= lag->limit)
		ouro__lag_slow(loop, took, calls);
#endif
	if (loop->trace)
		ouro__trace_call(loop, took, calls);
	__atomic_store_n(&lag->call.fn, NULL, __ATOMIC_RELAXED);
	atomic_signal_fence(memory_order_release);
	lag->call.label = NULL;
	if (lag->call.orphan) {
		ouro__label_free(lag->call.orphan);
		lag->call.orphan = NULL;
	}
	return took;
}

/* The time at this point of the turn: the last callback's end. */
static inline uint64_t call_now(struct ouro_loop *loop)
{
#ifdef OURO__NO_LAG
	count_set(&loop->lag.stamp, loop_clock(loop));
#endif
	return loop->lag.stamp;
}

static inline void call_tasks(struct ouro_loop *loop)
{
	if (!task_queue_is_empty(&loop->tasks.micro))
		ouro__micro_run(loop);
}

static inline void call_end(struct ouro_loop *loop)
{
	call_timed(loop, 1);
	call_tasks(loop);
}
#endif
