/* runner_hear.c -- what a runner says. See runner.h.
 *
 * An answer ends its call, and its op's callback comes when all that was read is taken in: then what
 * waits for the runners has been handed over, and they work while callbacks do. A process may say
 * anything, so all is checked; one that says what makes no sense is killed. */
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "offload/pool.h"
#include "offload/runner.h"
#include <errno.h>

static void count_run(struct runner *runner, const struct errand *call)
{
	struct job_figures *figures = &runner->crew->figures[call->job];
	const struct board_place *place = board_place(runner->board, call->number);
	uint64_t now = clock_ns();
	uint64_t began = between(call->handed, board_read(&place->began), now);
	uint64_t ran = between(began, board_read(&place->ended), now) - began;

	hist_add(&figures->wait_ns, began - call->asked, 1);
	hist_add(&figures->run_ns, ran, 1);
	figures->usual_ns = figures->usual_ns ? (figures->usual_ns * 7 + ran + 7) / 8 : ran + 1;
	runner->busy_ns += ran;
	runner->jobs++;
	runner->jobs_of_life++;
	runner->deaths = 0;
	if (runner->crew->base.loop->trace)
		ouro__crew_ran(runner, call, call->op, began, began + ran, OURO_ECANCELED);
}

/* What is in the runner's box will be written over before the callback, if that has to wait. */
static int keep_result(struct crew_op *room, const struct frame *frame)
{
	size_t n = frame->bytes.len;
	char *bytes = room->small;

	room->result = *frame;
	if (frame->taken || frame->segment)
		return 0;
	if (n > sizeof(room->small)) {
		bytes = room->result.taken = ouro__realloc(NULL, n);
		if (!bytes)
			n = 0;
	}
	if (n)
		memcpy(bytes, frame->bytes.ptr, n);
	room->result.bytes = ouro_str_n(bytes, n);
	return bytes ? 0 : -ENOMEM;
}

static void answer(struct runner *runner, struct errand *call, struct frame *frame)
{
	struct job_figures *figures = &runner->crew->figures[call->job];
	struct op *op = call->op;
	int err;

	if (runner->state == RUNNER_COMING) /* the nursery's word may come later */
		runner->state = RUNNER_UP;
	count_run(runner, call);
	ouro__runner_take_off(runner, call);
	if (op) {
		struct crew_op *room = crew_op_of(op);

		room->call = NULL;
		err = frame->bytes_lost ? frame->bytes_lost : keep_result(room, frame);
		err = err ? err : frame->value;
		count_add(err < 0 ? &figures->failed : &figures->done, 1);
		ouro__op_settle(op, err);
	} else {
		ouro__frame_release(frame);
	}
	ouro__call_free(runner->crew, call);
}

static void progress(struct ouro_loop *loop, const struct errand *call, struct frame *frame)
{
	struct op *op = call->op;

	if (op && call->on_progress) {
		op->pool->now = ouro__op_token(op);
		call_begin(loop, OURO_PHASE_IO, CALL_FN(call->on_progress),
			   (struct cause){ "progress of a", -1, "job" }, NULL);
		call->on_progress(frame->bytes, op->arg);
		op->pool->now = (ouro_op){ 0 };
		call_end(loop);
	}
	ouro__frame_release(frame);
}

/* The call that a message is about; NULL: there is no such call, so it is garbage. */
static struct errand *find(const struct runner *runner, const struct frame *frame)
{
	struct errand *call = runner->handed[frame->id % BOARD_PLACES];

	if (frame->kind != HOST_ANSWER && frame->kind != HOST_PROGRESS)
		return NULL;
	return call && call->number == frame->id ? call : NULL;
}

/* Nothing it says is believed any more. In this process that is memory trampled on. */
static void disbelieve(struct runner *runner)
{
	ouro__check(crew_is_of_processes(runner->crew));
	ouro__watch_stop(&runner->in);
	if (runner_is_doomed(runner))
		return;
	ouro__runner_take_all_back(runner);
	ouro__runner_kill(runner, REASON_GARBAGE);
}

/* All that was taken in. False: something was wrong with it. */
static bool take_messages(struct runner *runner)
{
	struct ouro_crew *crew = runner->crew;
	struct frame frame;
	struct errand *call;
	int got = 0;

	while (!crew->base.closing && (got = ouro__frame_next(&runner->end, &frame)) > 0) {
		call = find(runner, &frame);
		if (!call) {
			ouro__frame_release(&frame);
			return false;
		}
		if (frame.kind == HOST_ANSWER)
			answer(runner, call, &frame);
		else
			progress(crew->base.loop, call, &frame);
	}
	return got >= 0;
}

void ouro__runner_hear_out(struct runner *runner)
{
	if (runner->reason == REASON_GARBAGE)
		return;
	while (ouro__frame_read(&runner->end) > 0)
		if (!take_messages(runner))
			break;
}

static void recycle_if_due(struct runner *runner)
{
	const ouro_crew_opts *opts = &runner->crew->opts;
	bool is_old = opts->recycle_after && runner->jobs_of_life >= opts->recycle_after;
	bool is_fat = opts->recycle_rss && board_read(&runner->board->resident) > opts->recycle_rss;

	if (runner->state != RUNNER_UP || !crew_is_of_processes(runner->crew) ||
	    !(is_old || is_fat))
		return;
	ouro__runner_take_all_back(runner);
	runner->state = RUNNER_GOING;
	runner->reason = REASON_RECYCLED;
	runner->crew->recycled++;
}

/* One that is recycled ends when it has answered what it had begun. */
static void hang_up_if_idle(struct runner *runner)
{
	if (runner->reason == REASON_RECYCLED && !runner->out_count &&
	    runner->state == RUNNER_GOING)
		ouro__runner_tell_end(runner);
}

/* First the runners get what waits for them, then the callbacks: they may take long. */
static void flush_all(struct ouro_crew *crew)
{
	for (unsigned i = 0; i < crew->opts.count; i++)
		if (!list_empty(&crew->runners[i].flush.link))
			ouro__runner_flush(&crew->runners[i]);
}

bool ouro__runner_drop_messages(struct runner *runner)
{
	struct frame frame;
	bool is_over = false;

	while (ouro__frame_next(&runner->end, &frame) > 0) {
		is_over |= frame.kind == HOST_END;
		ouro__frame_release(&frame);
	}
	return is_over;
}

void ouro__runner_readable(struct watch *watch, unsigned ready)
{
	struct runner *runner = list_of(watch, struct runner, in);
	struct ouro_crew *crew = runner->crew;
	struct ouro_loop *loop = watch_loop(watch);
	int got = ouro__frame_read(&runner->end);

	(void)ready;
	if (crew->base.closing) { /* a thread, which has to come to its end */
		if (ouro__runner_drop_messages(runner) || got == OURO_EOF)
			ouro__runner_thread_ended(runner);
		return;
	}
	if (!take_messages(runner) || got == OURO_EPROTO || got == OURO_ETOOBIG)
		disbelieve(runner);
	else if (got == OURO_EOF) /* it dies: the nursery will say of what */
		ouro__watch_stop(&runner->in);
	if (!crew->base.closing) {
		recycle_if_due(runner);
		hang_up_if_idle(runner);
		ouro__crew_dispatch(crew);
		flush_all(crew);
	}
	ouro__ops_answer(ouro__pool_if_any(loop));
}
