/* pieces.c -- operations that come in pieces, those that nobody works at, and when a kind's own
 * memory goes. */
#include "ops.h"

static ouro_loop *new_loop(unsigned threads)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = threads });

	CHECK(loop != NULL);
	return loop;
}

static void finish(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

/* --- A long one: so many pieces, a gate in one of them, and it notes how it was ended --- */

struct far {
	const char *word;
	int pieces;
	struct gate *gate; /* at the end of the first piece; NULL: none */
	_Atomic int done;  /* pieces */
	_Atomic int undone, released;
	int err, answers;
};

static int far_work(struct op *op)
{
	struct far *far = op->arg;

	if (ouro__op_is_stopped(op)) {
		far->undone++;
		return 0;
	}
	if (++far->done == 1 && far->gate)
		gate_pass(far->gate);
	return far->done < far->pieces ? OP_AGAIN : 0;
}

static void far_done(struct op *op, int err)
{
	struct far *far = op->arg;

	far->err = err;
	far->answers++;
	say("%s", far->word);
}

static void far_release(struct op *op)
{
	((struct far *)op->arg)->released++;
}

static const struct op_kind far_kind = {
	.call = "far",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = far_work,
	.done = far_done,
	.release = far_release,
};

static ouro_op ask_far(ouro_loop *loop, struct far *far)
{
	struct op *op = ouro__op_new(loop, &far_kind, CALL_FN(far_done), far);

	CHECK(op != NULL);
	return ouro__op_submit(op);
}

static void check_far(const struct far *far, int err, int undone)
{
	CHECK_EQ(far->answers, 1);
	CHECK_EQ(far->err, err);
	CHECK_EQ(far->undone, undone);
	CHECK_EQ(far->released, 1);
}

TEST(an_operation_in_pieces_is_done_piece_by_piece_and_answered_once)
{
	ouro_loop *loop = new_loop(2);
	struct far far = { .word = "far", .pieces = 100 };

	ask_far(loop, &far);
	finish(loop);
	CHECK_EQ(far.done, 100);
	check_far(&far, 0, 0);
}

/* One thread, and all wait behind a gate while they are asked for. */
TEST(between_two_pieces_whoever_waits_in_any_lane_has_a_turn)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job first = { .word = "first", .gate = &gate }, jobs[OURO_LANE_COUNT] = { { 0 } };
	struct far far = { .word = "far", .pieces = 50 };

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &first);
	gate_await(&gate, 1);
	ask_far(loop, &far);
	for (int lane = 0; lane < OURO_LANE_COUNT; lane++) {
		jobs[lane].word = ouro_lane_name((enum ouro_lane)lane);
		ask_job(loop, (enum ouro_lane)lane, &jobs[lane]);
	}
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "first files names user far");
}

TEST(two_of_them_share_the_thread)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct far one = { .word = "long", .pieces = 50, .gate = &gate },
		   other = { .word = "short", .pieces = 10 };

	gate_init(&gate);
	ask_far(loop, &one);
	gate_await(&gate, 1);
	ask_far(loop, &other);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "short long");
}

TEST(one_can_be_cancelled_in_the_middle_and_puts_its_things_away_on_its_thread)
{
	ouro_loop *loop = new_loop(2);
	struct gate gate;
	struct far far = { .word = "far", .pieces = 1000000000, .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_far(loop, &far);
	gate_await(&gate, 1);
	CHECK(ouro_op_cancel(loop, op));
	CHECK_EQ(far.answers, 0);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(far.done, 1);
	check_far(&far, OURO_ECANCELED, 1);
}

TEST(one_that_waits_for_its_next_piece_can_be_cancelled)
{
	ouro_loop *loop = new_loop(1);
	struct gate first, second;
	struct far far = { .word = "far", .pieces = 1000000000, .gate = &first };
	struct job job = { .word = "job", .gate = &second };
	ouro_op op;

	gate_init(&first);
	gate_init(&second);
	op = ask_far(loop, &far);
	gate_await(&first, 1);
	ask_job(loop, OURO_LANE_FILES, &job);
	gate_open(&first, 1);
	gate_await(&second, 1);
	CHECK(ouro_op_cancel(loop, op));
	CHECK_EQ(far.undone, 0);
	gate_open(&second, 1);
	finish(loop);
	CHECK_EQ(far.done, 1);
	check_far(&far, OURO_ECANCELED, 1);
}

TEST(one_that_has_not_begun_is_cancelled_without_a_thread)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job job = { .word = "job", .gate = &gate };
	struct far far = { .word = "far", .pieces = 2 };
	ouro_op op;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_FILES, &job);
	gate_await(&gate, 1);
	op = ask_far(loop, &far);
	CHECK(ouro_op_cancel(loop, op));
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "far job");
	CHECK_EQ(far.done, 0);
	check_far(&far, OURO_ECANCELED, 0);
}

static void turn_until_said(ouro_loop *loop)
{
	while (!*said)
		CHECK(ouro_loop_turn(loop));
}

TEST(its_time_can_run_out_in_the_middle_of_a_piece)
{
	ouro_loop *loop = new_loop(2);
	struct gate gate;
	struct far far = { .word = "far", .pieces = 1000000000, .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_far(loop, &far);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(far.err, OURO_ETIMEOUT);
	CHECK_EQ(figures(loop).stuck, 1);
	CHECK_EQ(far.released, 0);
	gate_open(&gate, 1);
	wait_until(far.undone == 1);
	ouro_loop_free(loop);
	check_far(&far, OURO_ETIMEOUT, 1);
}

TEST(its_time_can_run_out_between_two_pieces)
{
	ouro_loop *loop = new_loop(1);
	struct gate first, second;
	struct far far = { .word = "far", .pieces = 1000000000, .gate = &first };
	struct job job = { .gate = &second };
	ouro_op op;

	gate_init(&first);
	gate_init(&second);
	op = ask_far(loop, &far);
	gate_await(&first, 1);
	ask_job(loop, OURO_LANE_FILES, &job);
	gate_open(&first, 1);
	gate_await(&second, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	turn_until_said(loop);
	CHECK_EQ(far.err, OURO_ETIMEOUT);
	CHECK_EQ(figures(loop).stuck, 0);
	CHECK_EQ(far.undone, 0);
	gate_open(&second, 1);
	finish(loop);
	check_far(&far, OURO_ETIMEOUT, 1);
}

static void *open_when_ending(void *arg)
{
	void **both = arg;
	struct pool *pool = both[0];
	bool ending = false;

	while (!ending) {
		pthread_mutex_lock(&pool->lock);
		ending = pool->ending;
		pthread_mutex_unlock(&pool->lock);
		sched_yield();
	}
	gate_open(both[1], 1);
	return NULL;
}

TEST(a_loop_that_is_freed_does_not_wait_for_all_the_pieces)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct far runs = { .word = "runs", .pieces = 1000000000, .gate = &gate };
	void *both[] = { NULL, &gate };
	pthread_t thread;

	gate_init(&gate);
	ask_far(loop, &runs);
	gate_await(&gate, 1);
	both[0] = ouro__pool_if_any(loop);
	CHECK_EQ(pthread_create(&thread, NULL, open_when_ending, both), 0);
	ouro_loop_free(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(runs.done, 1);
	check_far(&runs, OURO_ECANCELED, 1);
}

TEST(nor_for_the_pieces_of_one_that_waits_for_its_next)
{
	ouro_loop *loop = new_loop(1);
	struct gate first, second;
	struct far far = { .word = "far", .pieces = 1000000000, .gate = &first };
	struct job job = { .gate = &second };
	void *both[] = { NULL, &second };
	pthread_t thread;

	gate_init(&first);
	gate_init(&second);
	ask_far(loop, &far);
	gate_await(&first, 1);
	ask_job(loop, OURO_LANE_FILES, &job);
	gate_open(&first, 1);
	gate_await(&second, 1);
	both[0] = ouro__pool_if_any(loop);
	CHECK_EQ(pthread_create(&thread, NULL, open_when_ending, both), 0);
	ouro_loop_free(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(job.err, 0);
	CHECK_EQ(far.done, 1);
	check_far(&far, OURO_ECANCELED, 1);
}

TEST(one_that_hung_beyond_the_loops_end_still_puts_its_things_away)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct far fars[3] = { { .word = "" }, { .word = "" }, { .word = "" } };
	ouro_op op;

	gate_init(&gate);
	for (int i = 0; i < 2; i++) {
		fars[i].pieces = 1000000000;
		fars[i].gate = &gate;
		op = ask_far(loop, &fars[i]);
		gate_await(&gate, 1);
		CHECK(ouro_op_timeout(loop, op, 1));
		CHECK_EQ(ouro_loop_run(loop), 0);
	}
	ouro_loop_free(loop);
	gate_open(&gate, 2);
	wait_until(atomic_load(&test_memory.held) == 0);
	for (int i = 0; i < 2; i++)
		check_far(&fars[i], OURO_ETIMEOUT, 1);
}

/* --- Nobody works at it --- */

static void parked_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static int released;

static void count_release(struct op *op)
{
	(void)op;
	released++;
}

static const struct op_kind parked_kind = {
	.call = "wait for another",
	.lane = OURO_LANE_NAMES,
	.done = parked_done,
	.release = count_release,
};

static struct op *new_parked(ouro_loop *loop, const char *what)
{
	struct op *op = ouro__op_new(loop, &parked_kind, CALL_FN(say_done), word(what));

	CHECK(op != NULL);
	return op;
}

TEST(a_parked_one_is_answered_later_and_once)
{
	ouro_loop *loop = new_loop(1);
	struct op *op = new_parked(loop, "A");

	CHECK(ouro__op_park(op).id != 0);
	CHECK(ouro_loop_turn(loop));
	ouro__op_answer(op, -ENOENT);
	say("later");
	ouro__op_answer(op, 0);
	finish(loop);
	CHECK_STR(said, "later A:ENOENT");
	CHECK_EQ(released, 1);
}

TEST(a_parked_one_can_be_cancelled_and_an_answer_after_that_is_none)
{
	ouro_loop *loop = new_loop(1);
	struct op *op = new_parked(loop, "A");
	ouro_op token = ouro__op_park(op);

	CHECK(ouro_op_cancel(loop, token));
	CHECK(!ouro_op_cancel(loop, token));
	ouro__op_answer(op, 0);
	finish(loop);
	CHECK_STR(said, "A:OURO_ECANCELED");
	CHECK_EQ(released, 1);
}

TEST(a_parked_one_can_be_timed_out)
{
	ouro_loop *loop = new_loop(1);

	CHECK(ouro_op_timeout(loop, ouro__op_park(new_parked(loop, "A")), 1));
	finish(loop);
	CHECK_STR(said, "A:OURO_ETIMEOUT");
	CHECK_EQ(released, 1);
}

TEST(a_parked_one_is_cancelled_when_the_loop_is_freed)
{
	ouro_loop *loop = new_loop(1);

	ouro__op_park(new_parked(loop, "A"));
	ouro_loop_free(loop);
	CHECK_STR(said, "A:OURO_ECANCELED");
	CHECK_EQ(released, 1);
}

TEST(one_without_work_is_answered_later_with_the_error_it_was_given)
{
	ouro_loop *loop = new_loop(1);
	struct op *good = new_parked(loop, "good"), *bad = new_parked(loop, "bad");

	bad->err = -EINVAL;
	CHECK(ouro__op_submit(good).id != 0);
	CHECK(ouro__op_submit(bad).id != 0);
	say("later");
	CHECK_EQ(figures(loop).threads, 0);
	finish(loop);
	CHECK_STR(said, "later good bad:EINVAL");
	CHECK_EQ(released, 2);
}

TEST(one_that_was_refused_half_made_is_released_and_never_answered)
{
	ouro_loop *loop = new_loop(1);

	errno = 0;
	CHECK_EQ(ouro__op_refuse(new_parked(loop, "A")).id, 0);
	CHECK_EQ(errno, ENOMEM);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	finish(loop);
	CHECK_STR(said, "");
	CHECK_EQ(released, 1);
}

/* --- When its memory goes --- */

static int wait_at_gate(struct op *op)
{
	gate_pass(op->arg);
	return 0;
}

static void say_answer(struct op *op, int err)
{
	(void)op;
	say("%s", ouro_errname(err));
}

static _Atomic int gone;

static void note_gone(struct op *op)
{
	(void)op;
	gone++;
}

static const struct op_kind held_kind = {
	.call = "held",
	.lane = OURO_LANE_USER,
	.work = wait_at_gate,
	.done = say_answer,
	.release = note_gone,
};

static ouro_op ask_held(ouro_loop *loop, struct gate *gate)
{
	struct op *op = ouro__op_new(loop, &held_kind, NULL, gate);

	CHECK(op != NULL);
	return ouro__op_submit(op);
}

TEST(what_a_hidden_one_holds_is_released_after_its_answer)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;

	gate_init(&gate);
	ask_held(loop, &gate);
	gate_await(&gate, 1);
	CHECK_EQ(gone, 0);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "OK");
	CHECK_EQ(gone, 1);
}

TEST(what_one_holds_stays_while_a_thread_may_look_at_it)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	ouro_op op;

	gate_init(&gate);
	op = ask_held(loop, &gate);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "OURO_ETIMEOUT");
	CHECK_EQ(gone, 0);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
	CHECK_EQ(gone, 1);
}

TEST(and_beyond_the_end_of_the_loop)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	ouro_op op;

	gate_init(&gate);
	op = ask_held(loop, &gate);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	CHECK_EQ(gone, 0);
	gate_open(&gate, 1);
	wait_until(atomic_load(&test_memory.held) == 0);
	CHECK_EQ(gone, 1);
}
