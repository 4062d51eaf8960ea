/* turn.c -- the heart: one turn of the loop, a line a phase.
 *
 * Why this order, and why the turn is cut at the poll: a loop that was held up finds, when it comes
 * back, data that arrived meanwhile and time-outs that ran out meanwhile. It must look at the
 * data first, or it would throw out clients that were in time. So I/O comes first and timers
 * last. Read as a circle it is Node's: timers, I/O, check, close. A run begins with the timers, so
 * its first turn is nothing else. */
#include "loop/call.h"
#include "loop/flush.h"
#include "loop/handle.h"
#include "loop/loop.h"

/* Virtual time passes only when there is nothing else to do, and then all at once. */
static void jump(struct ouro_loop *loop)
{
	uint64_t next;

	if (loop->away || ouro__loop_is_busy(loop))
		return;
	next = ouro__timers_deadline(&loop->timers);
	if (next != UINT64_MAX && next > loop->virtual_now)
		loop->virtual_now = next;
}

static void begin(struct ouro_loop *loop, enum ouro_phase phase)
{
	if (loop->trace)
		ouro__trace_open_phase(loop, phase);
}

static void end(struct ouro_loop *loop)
{
	if (loop->trace)
		ouro__trace_close_phase(loop);
}

static void run_io(struct ouro_loop *loop)
{
	begin(loop, OURO_PHASE_IO);
	ouro__io_phase(loop);
	end(loop);
}

static void run_check(struct ouro_loop *loop)
{
	begin(loop, OURO_PHASE_CHECK);
	ouro__check_phase(loop);
	end(loop);
}

static void run_close(struct ouro_loop *loop)
{
	begin(loop, OURO_PHASE_CLOSE);
	ouro__close_phase(loop);
	end(loop);
}

static void run_timers(struct ouro_loop *loop)
{
	begin(loop, OURO_PHASE_TIMERS);
	ouro__timer_phase(loop);
	end(loop);
}

uint64_t ouro__turn(struct ouro_loop *loop)
{
	uint64_t before = loop->lag.calls;

	ouro__poll_settle(&loop->poll);
	if (loop->is_virtual)
		jump(loop);
	ouro__lag_awake(loop);
	loop->turning = true;
	loop->turn_began = loop->lag.stamp;
	loop->turn_starts = loop->timers.starts;
	if (loop->trace)
		ouro__trace_open_turn(loop);

	if (!task_queue_is_empty(&loop->tasks.micro)) /* queued outside any callback */
		ouro__micro_run(loop);
	if (!loop->fresh) {
		run_io(loop);
		if (tasks_to_check(&loop->tasks))
			run_check(loop);
		if (!list_empty(&loop->closing))
			run_close(loop);
	}
	run_timers(loop);
	if (!list_empty(&loop->flushes))
		flush_phase(loop);

	if (loop->lag.waiting)
		ouro__lag_tell(loop);
	ouro__lag_turn_done(loop);
	if (loop->trace)
		ouro__trace_close_turn(loop);
	ouro__tasks_hold_posts(loop);
	loop->fresh = false;
	loop->turning = false;
	return loop->lag.calls - before;
}
