/* runner_send.c -- what a runner is handed, and what is taken back. See runner.h, and workers/board.h for
 * who has a call.
 *
 * What it is handed lines up and leaves at the end of the turn (loop/flush.h), many calls in one write;
 * until the runner takes it, by a word on its board, it can be taken back from wherever it is. */
#include "base/alloc.h"
#include "offload/runner.h"

bool ouro__runner_takes(const struct runner *runner)
{
	return (runner->state == RUNNER_UP || runner->state == RUNNER_COMING) &&
	       runner->next - runner->first < BOARD_PLACES;
}

static void on_writable(struct watch *watch, unsigned ready)
{
	(void)ready;
	ouro__runner_flush(list_of(watch, struct runner, out));
}

static void watch_out(struct runner *runner, bool wanted)
{
	if (wanted == runner->out_is_watched)
		return;
	runner->out_is_watched = wanted;
	if (wanted)
		ouro__watch_start(&runner->out, runner->crew->base.loop,
				  ouro__frame_blocker(&runner->end), OURO_WRITABLE, on_writable);
	else
		ouro__watch_stop(&runner->out);
}

/* An error here is the runner's end, which is told elsewhere. */
void ouro__runner_flush(struct runner *runner)
{
	flush_cancel(&runner->flush);
	loop_expect(runner->crew->base.loop);
	watch_out(runner, ouro__frame_flush(&runner->end) == 1);
}

static void on_flush(struct flush *flush)
{
	ouro__runner_flush(list_of(flush, struct runner, flush));
}

void ouro__runner_open(struct runner *runner)
{
	runner->first = runner->next = 1;
	flush_init(&runner->flush, on_flush);
}

void ouro__runner_hush(struct runner *runner)
{
	watch_out(runner, false);
	flush_cancel(&runner->flush);
}

/* A large input leaves the call: to its thread it moves, for a process it was copied. */
static int send_call(struct runner *runner, struct errand *call)
{
	struct frame frame = { .kind = HOST_CALL,
			       .value = (int32_t)call->job,
			       .id = call->number,
			       .bytes = call->in };
	bool is_large = call->in.len > CALL_SMALL, moves = !crew_is_of_processes(runner->crew);
	int err = ouro__frame_send(&runner->end, &frame, is_large && moves ? call->memory : NULL);

	if (err || !is_large || (!moves && call->tries_left))
		return err;
	if (!moves)
		ouro__free(call->memory);
	call->memory = NULL;
	call->in.ptr = NULL;
	return 0;
}

static void put_on(struct runner *runner, struct errand *call)
{
	call->runner = runner;
	call->handed = clock_ns();
	call->number = runner->next++;
	runner->handed[call->number % BOARD_PLACES] = call;
	runner->out_count++;
	runner->slow_count += !call->is_quick;
	board_send(runner->board, call->number);
}

void ouro__runner_take_off(struct runner *runner, struct errand *call)
{
	runner->handed[call->number % BOARD_PLACES] = NULL;
	runner->out_count--;
	runner->slow_count -= !call->is_quick;
	call->runner = NULL;
	while (runner->first < runner->next && !runner->handed[runner->first % BOARD_PLACES])
		runner->first++;
}

int ouro__runner_hand(struct runner *runner, struct errand *call)
{
	struct ouro_crew *crew = runner->crew;
	int err;

	put_on(runner, call);
	err = send_call(runner, call);
	if (err) {
		board_claim(runner->board, call->number, BOARD_BACK);
		ouro__runner_take_off(runner, call);
		return err;
	}
	flush_soon(crew->base.loop, &runner->flush);
	if (call->timeout)
		ouro__crew_tick_at(crew, call->handed + call->timeout);
	return 0;
}

bool ouro__runner_take_back(struct runner *runner, struct errand *call)
{
	if (!board_claim(runner->board, call->number, BOARD_BACK))
		return false;
	ouro__runner_take_off(runner, call);
	return true;
}

struct errand *ouro__runner_last_before(struct runner *runner, uint64_t *number)
{
	while (*number > runner->first) {
		struct errand *call = runner->handed[--*number % BOARD_PLACES];

		if (call && call->number == *number)
			return call;
	}
	return NULL;
}

void ouro__runner_take_all_back(struct runner *runner)
{
	uint64_t number = runner->next;
	struct errand *call;

	while ((call = ouro__runner_last_before(runner, &number)))
		if (ouro__runner_take_back(runner, call))
			ouro__queue_back(runner->crew, call);
}

void ouro__runner_tell_end(struct runner *runner)
{
	const struct frame end = { .kind = HOST_END };

	if (!ouro__frame_send(&runner->end, &end, NULL))
		ouro__frame_flush(&runner->end);
	ouro__frame_hang_up(&runner->end);
}
