/* nursery.c -- the loop's side of the process that starts, kills and reaps runners. See crew.h and
 * workers/process.h.
 *
 * Should it die, its runners die with it, and a new one is forked, after a moment if that happens
 * again and again. Its own end is told by a descriptor, so whatever the host does with SIGCHLD and
 * with children that it does not know, no call is left without an answer. The boards of one nursery
 * are never those of the next: a runner of the old one may be about to write there. */
#include "base/alloc.h"
#include "offload/crew.h"
#include "offload/pool.h"
#include "sys/fd.h"

#include <errno.h>
#include <signal.h>

#define FIRST_DELAY (100 * NS_PER_MS)
#define LONGER      6 /* doublings */

static struct ouro_crew *crew_of(struct nursery_link *nursery)
{
	return list_of(nursery, struct ouro_crew, nursery);
}

/* Orders. */

static void flush(struct nursery_link *nursery);

static void on_writable(struct watch *watch, unsigned ready)
{
	(void)ready;
	flush(list_of(watch, struct nursery_link, out));
}

static void watch_out(struct nursery_link *nursery, bool wanted)
{
	if (wanted == nursery->out_is_watched)
		return;
	nursery->out_is_watched = wanted;
	if (wanted)
		ouro__watch_start(&nursery->out, crew_of(nursery)->base.loop,
				  ouro__frame_blocker(&nursery->end), OURO_WRITABLE, on_writable);
	else
		ouro__watch_stop(&nursery->out);
}

static void flush(struct nursery_link *nursery)
{
	watch_out(nursery, false); /* what it waits for may be another descriptor now */
	watch_out(nursery, ouro__frame_flush(&nursery->end) == 1);
}

int ouro__nursery_ask(struct runner *runner, enum nursery_message what, const int *fds)
{
	struct nursery_link *nursery = &runner->crew->nursery;
	struct frame frame = { .kind = (uint8_t)what,
			       .value = (int32_t)runner->which,
			       .id = runner->life,
			       .fd_count = fds ? FRAME_ENDS : 0 };
	int err;

	if (!nursery->up)
		return OURO_ECLOSED;
	if (fds)
		memcpy(frame.fd, fds, FRAME_ENDS * sizeof(*fds));
	err = ouro__frame_send(&nursery->end, &frame, NULL);
	if (!err)
		flush(nursery);
	return err;
}

/* Reports. */

static void take_report(struct ouro_crew *crew, const struct frame *frame)
{
	struct proc_end end = { .known = true };
	struct runner *runner;
	pid_t pid;

	if (frame->value < 0 || (unsigned)frame->value >= crew->opts.count)
		return;
	runner = &crew->runners[frame->value];
	if (runner->life != frame->id || runner->state == RUNNER_GONE)
		return;
	if (frame->kind == NURSERY_STARTED && frame->bytes.len == sizeof(pid)) {
		memcpy(&pid, frame->bytes.ptr, sizeof(pid));
		ouro__runner_up(runner, pid);
	} else if (frame->kind == NURSERY_ENDED && frame->bytes.len == sizeof(end)) {
		memcpy(&end, frame->bytes.ptr, sizeof(end));
		ouro__runner_died(runner, &end);
	} else if (frame->kind == NURSERY_REFUSED) { /* it has not lived */
		end.known = false;
		ouro__runner_died(runner, &end);
	}
}

static void on_readable(struct watch *watch, unsigned ready)
{
	struct nursery_link *nursery = list_of(watch, struct nursery_link, in);
	struct ouro_crew *crew = crew_of(nursery);
	struct ouro_loop *loop = watch_loop(watch);
	struct frame frame;
	int got = ouro__frame_read(&nursery->end);

	(void)ready;
	while (!crew->base.closing && ouro__frame_next(&nursery->end, &frame) > 0) {
		take_report(crew, &frame);
		ouro__frame_release(&frame);
	}
	if (got == OURO_EOF && !crew->base.closing) /* it ends: `died` will say so */
		ouro__watch_stop(&nursery->in);
	if (!crew->base.closing)
		ouro__crew_dispatch(crew);
	ouro__ops_answer(ouro__pool_if_any(loop));
}

/* Its end. */

static void let_go(struct nursery_link *nursery)
{
	watch_out(nursery, false);
	if (nursery->up) {
		ouro__watch_stop(&nursery->in);
		ouro__frame_close(&nursery->end);
	}
	nursery->up = false;
}

/* Its pidfd is closed by now, so the watch must have been stopped before. */
static void gone(struct nursery_link *nursery)
{
	struct ouro_crew *crew = crew_of(nursery);

	let_go(nursery);
	ouro__boards_drop(nursery->boards, crew->opts.count);
	nursery->boards = NULL;
}

static void put_off(struct nursery_link *nursery)
{
	struct ouro_crew *crew = crew_of(nursery);
	bool was_young = clock_ns() - nursery->born < NS_PER_S;
	unsigned longer;

	nursery->deaths = was_young ? nursery->deaths + 1 : 1;
	longer = nursery->deaths - 1 < LONGER ? nursery->deaths - 1 : LONGER;
	nursery->due = clock_ns();
	if (nursery->deaths > 1 && !crew->base.loop->is_virtual)
		nursery->due += FIRST_DELAY << longer;
	ouro__crew_tick_at(crew, nursery->due);
}

/* Its runners die with it, of the same signal. */
static void bury_runners(struct ouro_crew *crew)
{
	static const struct proc_end killed = { .known = true, .signal = SIGKILL };

	for (unsigned i = 0; i < crew->opts.count && !crew->base.closing; i++)
		if (crew->runners[i].state != RUNNER_GONE)
			ouro__runner_died(&crew->runners[i], &killed);
}

static void on_died(struct watch *watch, unsigned ready)
{
	struct nursery_link *nursery = list_of(watch, struct nursery_link, died);
	struct ouro_crew *crew = crew_of(nursery);
	struct ouro_loop *loop = watch_loop(watch);

	(void)ready;
	ouro__watch_stop(watch);
	ouro__proc_reap(&nursery->proc, NULL);
	ouro__fd_close(&nursery->proc.fd);
	if (!crew->base.closing) {
		bury_runners(crew);
		ouro__log(
			&loop->log, OURO_LOG_ERROR,
			"the process that starts the runners of crew %s has died; another follows",
			crew->name);
	}
	gone(nursery);
	if (crew->base.closing)
		ouro__crew_settled(crew);
	else
		put_off(nursery);
	ouro__ops_answer(ouro__pool_if_any(loop));
}

/* Its beginning. */

int ouro__nursery_open(struct ouro_crew *crew)
{
	struct nursery_link *nursery = &crew->nursery;
	int err = -ENOMEM;

	nursery->born = clock_ns();
	nursery->boards = ouro__boards_new(crew->opts.count);
	if (nursery->boards)
		err = ouro__nursery_start(&nursery->proc, crew->plan, nursery->boards,
					  crew->opts.count, &nursery->end);
	if (err) {
		ouro__boards_drop(nursery->boards, crew->opts.count);
		nursery->boards = NULL;
		return err;
	}
	nursery->up = true;
	ouro__watch_start(&nursery->in, crew->base.loop, ouro__frame_reader(&nursery->end),
			  OURO_READABLE, on_readable);
	ouro__watch_start(&nursery->died, crew->base.loop, nursery->proc.fd, OURO_READABLE,
			  on_died);
	return 0;
}

void ouro__nursery_check(struct ouro_crew *crew, uint64_t now)
{
	struct nursery_link *nursery = &crew->nursery;

	if (!crew_is_of_processes(crew) || nursery->up || nursery->proc.fd >= 0)
		return;
	if (nursery->due > now)
		ouro__crew_tick_at(crew, nursery->due);
	else if (ouro__nursery_open(crew))
		put_off(nursery);
}

/* Told to end it kills what is left; on_died() hears of that. One that cannot be told is killed,
 * and its runners die with it. */
void ouro__nursery_close(struct ouro_crew *crew)
{
	struct nursery_link *nursery = &crew->nursery;
	const struct frame end = { .kind = NURSERY_END };

	if (nursery->up &&
	    (ouro__frame_send(&nursery->end, &end, NULL) || ouro__frame_flush(&nursery->end)))
		ouro__proc_signal(&nursery->proc, SIGKILL);
	let_go(nursery);
}

void ouro__nursery_await(struct ouro_crew *crew)
{
	struct nursery_link *nursery = &crew->nursery;

	if (nursery->proc.fd < 0)
		return;
	ouro__watch_stop(&nursery->died);
	ouro__proc_wait(&nursery->proc, NULL);
	ouro__fd_close(&nursery->proc.fd);
	gone(nursery);
	ouro__crew_settled(crew);
}

void ouro__nursery_forget(struct ouro_crew *crew)
{
	struct nursery_link *nursery = &crew->nursery;

	if (nursery->proc.fd >= 0)
		ouro__watch_stop(&nursery->died);
	ouro__fd_close(&nursery->proc.fd);
	gone(nursery);
}
