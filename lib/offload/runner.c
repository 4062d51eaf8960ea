/* runner.c -- one runner, as the loop sees it. See crew.h, and workers/board.h for who has a call.
 *
 * Whether a call has begun is written on the board, by whom it concerns; so a runner that is to be
 * killed first has everything taken back that it has not begun, and only if the one it has begun is
 * still the one that nobody waits for is it killed. One that has died tells by its board which call
 * it died of: that one has crashed, the others go back into the queue. */
#include "offload/runner.h"
#include "sys/fd.h"
#include <poll.h>
#include <stdio.h>

/* A runner that dies of its jobs is replaced at once, so many times in a row, and then after a
 * moment; one that dies of nothing is worse, and waits for longer each time. */
#define DEATHS_FREE  8
#define DEATH_DELAY  (10 * NS_PER_MS)
#define BIRTH_DELAY  (100 * NS_PER_MS)
#define BIRTH_LONGER 6 /* doublings: to 6.4 s */
#define YOUNG        NS_PER_S

/* Killing. */

void ouro__runner_kill(struct runner *runner, enum runner_reason why)
{
	runner->state = RUNNER_GOING;
	runner->reason = why;
	ouro__nursery_ask(runner, NURSERY_KILL, NULL);
}

void ouro__runner_give_up(struct runner *runner, struct errand *call)
{
	struct ouro_crew *crew = runner->crew;

	if (ouro__runner_take_back(runner, call)) {
		ouro__call_free(crew, call);
		ouro__crew_dispatch(crew);
		return;
	}
	board_write(&runner->board->cancelled, call->number);
	if (!crew_is_of_processes(crew) || runner_is_doomed(runner) || crew->base.closing)
		return;
	ouro__runner_take_all_back(runner);
	if (board_look(runner->board, call->number) == BOARD_TAKEN) {
		crew->killed++;
		ouro__runner_kill(runner, REASON_KILLED);
	}
	ouro__crew_dispatch(crew);
}

/* Starting. */

static void name_it(const struct runner *runner, char name[16])
{
	snprintf(name, 16, "ouro-%.6s-%u", runner->crew->name, (runner->which + 1) % 1000);
}

static int start_thread(struct runner *runner)
{
	struct ouro_crew *crew = runner->crew;
	char name[16];
	int err;

	name_it(runner, name);
	err = ouro__host_thread_start(&runner->thread, crew->plan, name, crew->opts.stack,
				      &runner->end, &runner->board);
	runner->state = err ? RUNNER_GONE : RUNNER_UP;
	return err;
}

static int start_process(struct runner *runner)
{
	struct frame_end far;
	int fds[FRAME_ENDS], err = ouro__frame_pair(&runner->end, &far, FRAME_PROCESSES);

	if (err)
		return err;
	runner->board = boards_nth(runner->crew->nursery.boards, runner->which);
	memset(runner->board, 0, sizeof(*runner->board));
	ouro__frame_detach(&far, fds);
	err = ouro__nursery_ask(runner, NURSERY_START, fds);
	if (err) {
		for (int i = 0; i < FRAME_ENDS; i++)
			ouro__fd_close(&fds[i]);
		ouro__frame_close(&runner->end);
		return err;
	}
	runner->end.max = runner->crew->plan->out_max;
	runner->state = RUNNER_COMING;
	return 0;
}

/* A virtual clock stands still while a call is out: then nothing is put off. */
static void put_off(struct runner *runner, uint64_t ns)
{
	runner->due = clock_ns() + (runner->crew->base.loop->is_virtual ? 0 : ns);
	ouro__crew_tick_at(runner->crew, runner->due);
}

int ouro__runner_start(struct runner *runner)
{
	bool process = crew_is_of_processes(runner->crew);
	int err;

	runner->life++;
	runner->born = clock_ns();
	runner->reason = REASON_NONE;
	runner->jobs_of_life = 0;
	runner->id = 0;
	ouro__runner_open(runner);
	err = process ? start_process(runner) : start_thread(runner);
	if (!err)
		err = ouro__watch_start(&runner->in, runner->crew->base.loop,
					ouro__frame_reader(&runner->end), OURO_READABLE,
					ouro__runner_readable);
	if (err)
		put_off(runner, BIRTH_DELAY);
	return err;
}

void ouro__runner_up(struct runner *runner, pid_t id)
{
	runner->id = id;
	if (runner->state == RUNNER_COMING)
		runner->state = RUNNER_UP;
}

/* Dying. */

/* How long until the next one, after this one's end. */
static uint64_t delay(struct runner *runner, bool had_begun)
{
	unsigned longer;

	if (runner->reason == REASON_KILLED || runner->reason == REASON_RECYCLED)
		return 0;
	runner->deaths++;
	if (had_begun)
		return runner->deaths > DEATHS_FREE ? DEATH_DELAY : 0;
	if (runner->deaths == 1 || clock_ns() - runner->born > YOUNG)
		return 0;
	longer = runner->deaths - 2 < BIRTH_LONGER ? runner->deaths - 2 : BIRTH_LONGER;
	return BIRTH_DELAY << longer;
}

/* Will another runner have it again? */
static bool is_tried_again(const struct runner *runner, const struct errand *call)
{
	return call->op && call->tries_left && runner->reason != REASON_GARBAGE;
}

/* The call that it died of, or that was under way when it was killed. */
static void end_call(struct runner *runner, struct errand *call, const struct proc_end *end)
{
	struct ouro_crew *crew = runner->crew;
	bool is_garbage = runner->reason == REASON_GARBAGE, again = is_tried_again(runner, call);
	struct crew_op *room;

	ouro__runner_take_off(runner, call);
	if (!call->op) {
		ouro__call_free(crew, call);
	} else if (again) {
		call->tries_left--;
		count_add(&crew->retried, 1);
		ouro__queue_back(crew, call);
	} else {
		room = crew_op_of(call->op);
		room->death = (ouro_death){ end->signal, end->status };
		ouro__proc_words(end, room->small, PROC_WORDS);
		room->result.bytes = ouro_str_z(room->small);
		ouro__call_end(call, is_garbage ? OURO_EPROTO : OURO_ECRASHED);
	}
}

static void record_death(struct runner *runner, const struct errand *call)
{
	const struct board_place *place = board_place(runner->board, call->number);
	uint64_t now = clock_ns(), began = between(call->handed, board_read(&place->began), now);
	struct op *op = is_tried_again(runner, call) ? NULL : call->op;

	ouro__crew_ran(runner, call, op, began, now, OURO_ECRASHED);
}

/* One that had not begun goes to another; if its input has gone with the dead it cannot. True: it
 * was under way. */
static bool bury_call(struct runner *runner, struct errand *call, const struct proc_end *end)
{
	bool had_begun = !board_claim(runner->board, call->number, BOARD_BACK);

	if (had_begun && runner->crew->base.loop->trace)
		record_death(runner, call);
	if (had_begun || !call->op || (call->in.len && !call->in.ptr)) {
		end_call(runner, call, end);
	} else {
		ouro__runner_take_off(runner, call);
		ouro__queue_back(runner->crew, call);
	}
	return had_begun;
}

static void let_go(struct runner *runner)
{
	ouro__runner_hush(runner);
	ouro__watch_stop(&runner->in);
	ouro__frame_close(&runner->end);
	runner->state = RUNNER_GONE;
	runner->board = NULL;
	runner->id = 0;
}

void ouro__runner_died(struct runner *runner, const struct proc_end *end)
{
	struct ouro_crew *crew = runner->crew;
	uint64_t number;
	struct errand *call;
	bool had_begun = false;

	ouro__runner_hear_out(runner);
	number = runner->next;
	while (!crew->base.closing && (call = ouro__runner_last_before(runner, &number)))
		had_begun |= bury_call(runner, call, end);
	if (runner->state == RUNNER_GONE) /* a callback has closed the crew */
		return;
	let_go(runner);
	put_off(runner, delay(runner, had_begun || runner->jobs_of_life));
}

/* By the clock. */

static void check_call(struct errand *call, uint64_t now)
{
	struct runner *runner = call->runner;
	const struct board_place *place = board_place(runner->board, call->number);
	enum board_state state = board_look(runner->board, call->number);
	uint64_t began = between(call->handed, board_read(&place->began), now), up;

	if (!call->op || !call->timeout || state == BOARD_DONE)
		return;
	up = (state == BOARD_TAKEN ? began : now) + call->timeout;
	if (up <= now)
		ouro__op_expire(call->op);
	else
		ouro__crew_tick_at(runner->crew, up);
}

void ouro__runner_check(struct runner *runner, uint64_t now)
{
	if (runner->state == RUNNER_GONE && runner->due <= now) {
		if (!crew_is_of_processes(runner->crew) || runner->crew->nursery.up)
			ouro__runner_start(runner);
		return;
	}
	if (runner->state == RUNNER_GONE) {
		ouro__crew_tick_at(runner->crew, runner->due);
		return;
	}
	for (uint64_t number = runner->first; number < runner->next; number++) {
		struct errand *call = runner->handed[number % BOARD_PLACES];

		if (call && call->number == number)
			check_call(call, now);
	}
}

/* The end. All its calls have been given up. */

static void free_calls(struct runner *runner)
{
	uint64_t number = runner->next;
	struct errand *call;

	while ((call = ouro__runner_last_before(runner, &number))) {
		ouro__runner_take_off(runner, call);
		ouro__call_free(runner->crew, call);
	}
}

/* A process dies by the nursery's hand; a thread when it has read that it is to. */
void ouro__runner_close(struct runner *runner)
{
	if (runner->state == RUNNER_GONE || crew_is_of_processes(runner->crew)) {
		if (runner->state != RUNNER_GONE)
			let_go(runner);
		free_calls(runner);
		runner->crew->alive--;
		return;
	}
	ouro__runner_hush(runner);
	ouro__runner_tell_end(runner);
	runner->state = RUNNER_GOING;
}

static void gone(struct runner *runner)
{
	let_go(runner);
	free_calls(runner);
	runner->thread = NULL;
	runner->crew->alive--;
	ouro__crew_settled(runner->crew);
}

void ouro__runner_thread_ended(struct runner *runner)
{
	ouro__host_thread_join(runner->thread);
	gone(runner);
}

/* Somebody has given up its call before the crew was closed, and it has not come back from it. */
static bool is_stuck(struct runner *runner)
{
	for (uint64_t number = runner->first; number < runner->next; number++) {
		const struct errand *call = runner->handed[number % BOARD_PLACES];

		if (call && call->given_up && board_look(runner->board, number) == BOARD_TAKEN)
			return true;
	}
	return false;
}

void ouro__runner_await(struct runner *runner)
{
	struct pollfd p = { .fd = ouro__frame_reader(&runner->end), .events = POLLIN };
	bool is_over = false;

	if (!runner->thread)
		return;
	if (is_stuck(runner)) {
		ouro__host_thread_leave(runner->thread);
		gone(runner);
		return;
	}
	while (!is_over) {
		poll(&p, 1, -1);
		is_over = ouro__frame_read(&runner->end) == OURO_EOF;
		is_over |= ouro__runner_drop_messages(runner);
	}
	ouro__runner_thread_ended(runner);
}

/* In the child after a fork. */
void ouro__runner_forget(struct runner *runner)
{
	if (runner->state != RUNNER_GONE) {
		ouro__runner_hush(runner);
		ouro__watch_stop(&runner->in);
		ouro__frame_forget(&runner->end);
		if (runner->thread)
			ouro__host_thread_forget(runner->thread);
		runner->thread = NULL;
		runner->state = RUNNER_GONE;
	}
	free_calls(runner);
}
