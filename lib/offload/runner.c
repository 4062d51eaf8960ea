/* runner.c -- one runner, as the loop sees it. See crew.h, and workers/board.h for who has a call.
 *
 * Whether a call has begun is written on the board, by whom it concerns; so a runner that is to be
 * killed first has everything taken back that it has not begun, and only if the one it has begun is
 * still the one that nobody waits for is it killed. One that has died tells by its board which call
 * it died of: that one has crashed, the others go back into the queue. */
#include "offload/runner.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "offload/pool.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

/* A runner that dies of its jobs is replaced at once, so many times in a row, and then after a
 * moment; one that dies of nothing is worse, and waits for longer each time. */
#define DEATHS_FREE  8
#define DEATH_DELAY  (10 * NS_PER_MS)
#define BIRTH_DELAY  (100 * NS_PER_MS)
#define BIRTH_LONGER 6 /* doublings: to 6.4 s */
#define YOUNG        NS_PER_S

/* Handing over, and taking back. */

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

/* Answers. */

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
		struct crew_op *room = (struct crew_op *)(void *)op->room;

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

void ouro__runner_tell_end(struct runner *runner)
{
	const struct frame end = { .kind = HOST_END };

	if (!ouro__frame_send(&runner->end, &end, NULL))
		ouro__frame_flush(&runner->end);
	ouro__frame_hang_up(&runner->end);
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
		room = (struct crew_op *)(void *)call->op->room;
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

void ouro__runner_hear_out(struct runner *runner)
{
	if (runner->reason == REASON_GARBAGE)
		return;
	while (ouro__frame_read(&runner->end) > 0)
		if (!take_messages(runner))
			break;
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
