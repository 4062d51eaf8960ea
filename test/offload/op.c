/* op.c -- what is true of every operation: answered once, later, in order; and what its token may
 * still be used for. */
#include "ops.h"

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static void run(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

/* Runs what is there and frees it. */
static void finish(ouro_loop *loop)
{
	run(loop);
	ouro_loop_free(loop);
}

static ouro_loop *new_loop_of(unsigned threads)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = threads });

	CHECK(loop != NULL);
	return loop;
}

/* --- One answer --- */

TEST(an_answer_is_what_the_work_returned)
{
	ouro_loop *loop = new_loop();
	struct job good = { .result = 7 }, bad = { .result = -ENOENT };

	CHECK(ouro_pool_run(loop, job_work, job_done, &good).id != 0);
	CHECK(ouro_pool_run(loop, job_work, job_done, &bad).id != 0);
	finish(loop);
	CHECK_EQ(good.err, 7);
	CHECK_EQ(bad.err, -ENOENT);
	CHECK_EQ(good.worked + bad.worked, 2);
	CHECK_EQ(good.answers + bad.answers, 2);
}

TEST(it_comes_later_even_when_the_work_is_over_before_the_call_returns)
{
	ouro_loop *loop = new_loop();
	struct job job = { .word = "answer" };

	ask_job(loop, OURO_LANE_USER, &job);
	wait_until_left(loop, 0);
	say("later");
	finish(loop);
	CHECK_STR(said, "later answer");
}

struct from_thread {
	pthread_t work, done;
};

static int note_worker(void *arg)
{
	((struct from_thread *)arg)->work = pthread_self();
	return 0;
}

static void note_answerer(int err, void *arg)
{
	(void)err;
	((struct from_thread *)arg)->done = pthread_self();
}

TEST(the_work_is_done_on_another_thread_and_answered_on_the_loops)
{
	ouro_loop *loop = new_loop();
	struct from_thread seen;

	CHECK(ouro_pool_run(loop, note_worker, note_answerer, &seen).id != 0);
	finish(loop);
	CHECK(!pthread_equal(seen.work, pthread_self()));
	CHECK(pthread_equal(seen.done, pthread_self()));
}

TEST(an_operation_keeps_the_loop_alive_until_its_answer_and_no_longer)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate };

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &job);
	CHECK(ouro_loop_turn(loop));
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(job.answers, 1);
}

static void ask_again(int err, void *arg)
{
	struct job *next = ((struct job **)arg)[0];
	ouro_loop *loop = ((ouro_loop **)arg)[1];

	(void)err;
	say("first");
	ask_job(loop, OURO_LANE_FILES, next);
}

TEST(an_operation_can_be_asked_for_in_the_callback_of_another)
{
	ouro_loop *loop = new_loop();
	struct job job = { .word = "second" };
	void *both[] = { &job, loop };

	ask(loop, OURO_LANE_USER, work_nothing, ask_again, both);
	finish(loop);
	CHECK_STR(said, "first second");
}

/* --- Order --- */

TEST(callbacks_come_in_the_order_in_which_the_operations_ended)
{
	ouro_loop *loop = new_loop();
	struct gate gates[3];
	struct job jobs[] = { { .word = "A" }, { .word = "B" }, { .word = "C" } };

	for (int i = 0; i < 3; i++) {
		gate_init(&gates[i]);
		jobs[i].gate = &gates[i];
		ask_job(loop, OURO_LANE_FILES, &jobs[i]);
		gate_await(&gates[i], 1);
	}
	for (int i = 2; i >= 0; i--) {
		gate_open(&gates[i], 1);
		wait_until_left(loop, (uint64_t)i);
	}
	finish(loop);
	CHECK_STR(said, "C B A");
}

TEST(a_cancelled_and_a_refused_one_have_their_place_in_that_order)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 1 });
	struct gate gate;
	struct job first = { .word = "first", .gate = &gate }, waiting = { .word = "waiting" },
		   refused = { .word = "refused" }, last = { .word = "last", .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &first);
	gate_await(&gate, 1);
	op = ask_job(loop, OURO_LANE_USER, &waiting);
	ask_job(loop, OURO_LANE_USER, &refused);
	gate_open(&gate, 1);
	wait_until_left(loop, 0);
	ask_job(loop, OURO_LANE_USER, &last);
	gate_await(&gate, 1);
	op = ask_job(loop, OURO_LANE_USER, &first);
	CHECK(ouro_op_cancel(loop, op));
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "refused first waiting first last");
	CHECK_EQ(refused.err, OURO_EBUSY);
	CHECK_EQ(first.err, OURO_ECANCELED);
}

struct overtake {
	ouro_loop *loop;
	struct gate *gate;
};

static void let_it_end(ouro_loop *loop, void *arg)
{
	gate_open(((struct overtake *)arg)->gate, 1);
	wait_until_left(loop, 1);
}

/* Both happen in one timer phase: the one that is waited for, then the time-out. */
TEST(a_timed_out_one_has_its_place_in_that_order)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct gate first, second;
	struct job ends = { .word = "ends", .gate = &first },
		   hangs = { .word = "hangs", .gate = &second };
	struct overtake overtake = { loop, &first };
	ouro_op op;

	gate_init(&first);
	gate_init(&second);
	call_after(loop, 10, let_it_end, &overtake);
	ask_job(loop, OURO_LANE_USER, &ends);
	op = ask_job(loop, OURO_LANE_USER, &hangs);
	CHECK(ouro_op_timeout(loop, op, 10));
	gate_await(&first, 1);
	gate_await(&second, 1);
	CHECK_EQ(ouro_loop_advance(loop, 10), 0);
	run(loop);
	CHECK_STR(said, "ends hangs");
	CHECK_EQ(hangs.err, OURO_ETIMEOUT);
	gate_open(&second, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}

/* --- Cancelling --- */

TEST(one_that_waits_can_be_cancelled_and_never_runs)
{
	ouro_loop *loop = new_loop_of(1);
	struct gate gate;
	struct job runs = { .gate = &gate }, waits = { .word = "cancelled" };
	ouro_op op;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &runs);
	gate_await(&gate, 1);
	op = ask_job(loop, OURO_LANE_USER, &waits);
	CHECK(ouro_op_cancel(loop, op));
	say("later");
	CHECK(!ouro_op_cancel(loop, op));
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "later cancelled");
	CHECK_EQ(waits.err, OURO_ECANCELED);
	CHECK_EQ(waits.answers, 1);
	CHECK_EQ(waits.worked, 0);
}

TEST(one_that_runs_cannot_be_cancelled_and_answers_as_if_nothing_had_been_asked)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate, .result = 5 };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(!ouro_op_cancel(loop, op));
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(job.err, 5);
	CHECK_EQ(job.answers, 1);
}

TEST(the_one_behind_a_cancelled_one_moves_up)
{
	ouro_loop *loop = new_loop_of(1);
	struct gate gate;
	struct job first = { .word = "1", .gate = &gate }, second = { .word = "2" },
		   third = { .word = "3" }, fourth = { .word = "4" };
	ouro_op middle, end;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &first);
	gate_await(&gate, 1);
	middle = ask_job(loop, OURO_LANE_USER, &second);
	ask_job(loop, OURO_LANE_USER, &third);
	end = ask_job(loop, OURO_LANE_USER, &fourth);
	CHECK(ouro_op_cancel(loop, end));
	CHECK(ouro_op_cancel(loop, middle));
	CHECK_EQ(figures(loop).lane[OURO_LANE_USER].waiting, 1);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "4 2 1 3");
	CHECK_EQ(third.worked, 1);
}

/* --- Tokens after their time --- */

struct ended {
	ouro_loop *loop;
	int answers;
};

static void look_at_oneself(int err, void *arg)
{
	struct ended *ended = arg;
	ouro_op self = ouro_op_now(ended->loop);

	CHECK_EQ(err, 0);
	CHECK(self.id != 0);
	CHECK_STR(ouro_op_call(ended->loop, self), "ouro_pool_run");
	CHECK(!ouro_op_cancel(ended->loop, self));
	CHECK(!ouro_op_timeout(ended->loop, self, 0));
	CHECK(!ouro_op_timeout(ended->loop, self, OURO_NEVER));
	ended->answers++;
}

/* A time-out that it set on itself would come down on whoever has its record next. */
TEST(inside_its_own_callback_an_operation_has_ended)
{
	ouro_loop *loop = new_loop();
	struct ended ended = { .loop = loop };
	struct gate gate;
	struct job next = { .gate = &gate };

	gate_init(&gate);
	CHECK(ouro_pool_run(loop, work_nothing, look_at_oneself, &ended).id != 0);
	run(loop);
	CHECK_EQ(ended.answers, 1);
	ask_job(loop, OURO_LANE_USER, &next);
	gate_await(&gate, 1);
	after(loop, 2, "timer");
	while (!*said)
		CHECK(ouro_loop_turn(loop));
	CHECK_EQ(next.answers, 0);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(next.err, 0);
}

static void check_dead(ouro_loop *loop, ouro_op op)
{
	CHECK(!ouro_op_cancel(loop, op));
	CHECK(!ouro_op_timeout(loop, op, 1));
	CHECK_STR(ouro_op_call(loop, op), "");
	CHECK_STR(ouro_op_path(loop, op), "");
}

TEST(a_token_after_its_time_does_nothing_and_harms_nobody)
{
	ouro_loop *loop = new_loop();
	struct job jobs[64] = { { 0 } };
	ouro_op old[64], now[64];

	check_dead(loop, (ouro_op){ 0 });
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 64; i++)
			now[i] = ask_job(loop, OURO_LANE_USER, &jobs[i]);
		for (int i = 0; round && i < 64; i++)
			check_dead(loop, old[i]);
		run(loop);
		memcpy(old, now, sizeof(now));
	}
	for (int i = 0; i < 64; i++) {
		check_dead(loop, old[i]);
		CHECK_EQ(jobs[i].answers, 20);
		CHECK_EQ(jobs[i].err, 0);
	}
	ouro_loop_free(loop);
}

TEST(a_token_of_another_loop_without_a_pool_is_none)
{
	ouro_loop *loop = new_loop();

	check_dead(loop, (ouro_op){ 1 });
	CHECK_EQ(ouro_op_now(loop).id, 0);
	ouro_loop_free(loop);
}

/* --- Time-outs --- */

TEST(one_that_hangs_is_answered_when_its_time_is_up_and_its_late_answer_is_dropped)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
	CHECK_EQ(job.err, OURO_ETIMEOUT);
	CHECK_EQ(figures(loop).stuck, 1);
	check_dead(loop, op);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	finish(loop);
	CHECK_EQ(job.answers, 1);
	CHECK_EQ(job.worked, 1);
}

/* The thread may still write there. */
TEST(nobody_else_gets_the_record_of_one_that_hangs)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job hangs = { .gate = &gate }, next = { 0 };
	ouro_op op, other;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &hangs);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
	for (int i = 0; i < 300; i++) {
		other = ask_job(loop, OURO_LANE_FILES, &next);
		CHECK(slab_index(other.id) != slab_index(op.id));
		if (i % 10 == 0)
			run(loop);
	}
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	finish(loop);
	CHECK_EQ(next.answers, 300);
	CHECK_EQ(hangs.answers, 1);
}

TEST(one_whose_time_is_up_while_it_waits_never_runs)
{
	ouro_loop *loop = new_loop_of(1);
	struct gate gate;
	struct job hangs = { .gate = &gate }, waits = { .word = "too late" };
	ouro_op op;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &hangs);
	gate_await(&gate, 1);
	op = ask_job(loop, OURO_LANE_USER, &waits);
	CHECK(ouro_op_timeout(loop, op, 1));
	while (!*said)
		CHECK(ouro_loop_turn(loop));
	CHECK_EQ(waits.err, OURO_ETIMEOUT);
	CHECK_EQ(figures(loop).stuck, 0);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(waits.worked, 0);
	CHECK_EQ(waits.answers, 1);
}

TEST(one_that_ends_in_time_is_not_timed_out)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct job job = { .result = 3 };

	CHECK(ouro_op_timeout(loop, ask_job(loop, OURO_LANE_USER, &job), 10));
	run(loop);
	CHECK_EQ(job.err, 3);
	after(loop, 100, "T");
	finish(loop);
	CHECK_EQ(job.answers, 1);
}

/* It is over, and only the loop has not heard yet. */
TEST(one_that_ended_before_its_time_was_up_keeps_its_answer)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct job job = { .result = 3 };

	CHECK(ouro_op_timeout(loop, ask_job(loop, OURO_LANE_USER, &job), 10));
	wait_until_left(loop, 0);
	CHECK_EQ(ouro_loop_advance(loop, 1000), 0);
	finish(loop);
	CHECK_EQ(job.err, 3);
	CHECK_EQ(job.answers, 1);
}

static void advance_and_look(ouro_loop *loop, uint64_t ms)
{
	CHECK_EQ(ouro_loop_advance(loop, ms), 0);
	for (int i = 0; i < 3; i++)
		CHECK(ouro_loop_turn(loop));
}

TEST(asked_again_the_new_time_counts)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 10));
	CHECK(ouro_op_timeout(loop, op, 100));
	advance_and_look(loop, 50);
	CHECK_EQ(job.answers, 0);
	CHECK(ouro_op_timeout(loop, op, 100));
	advance_and_look(loop, 99);
	CHECK_EQ(job.answers, 0);
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	run(loop);
	CHECK_EQ(job.err, OURO_ETIMEOUT);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}

TEST(a_time_out_of_never_lifts_the_one_before)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 10));
	CHECK(ouro_op_timeout(loop, op, OURO_NEVER));
	advance_and_look(loop, 1000);
	CHECK_EQ(job.answers, 0);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_EQ(job.err, 0);
}

/* --- For messages --- */

static void look_at_call(int err, void *arg)
{
	ouro_loop *loop = arg;

	say("%s", ouro_op_call(loop, ouro_op_now(loop)));
	say("%s", ouro_errname(err));
}

TEST(the_call_is_known_until_the_callback_returns)
{
	ouro_loop *loop = new_loop();
	ouro_op op = ask(loop, OURO_LANE_FILES, work_nothing, look_at_call, loop);

	CHECK_STR(ouro_op_call(loop, op), "a test's files");
	CHECK_STR(ouro_op_path(loop, op), "");
	run(loop);
	CHECK_STR(said, "a test's files OK");
	check_dead(loop, op);
	ouro_loop_free(loop);
}

TEST(so_it_is_of_one_whose_time_is_up)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op, hangs;

	gate_init(&gate);
	hangs = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, hangs, 1));
	op = ask(loop, OURO_LANE_FILES, work_nothing, look_at_call, loop);
	CHECK(ouro_op_timeout(loop, op, OURO_NEVER));
	run(loop);
	check_dead(loop, hangs);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}

static ouro_op seen_now;

static void note_now(int err, void *arg)
{
	CHECK_EQ(err, 0);
	seen_now = ouro_op_now(arg);
}

TEST(now_is_the_operation_whose_callback_runs_and_none_outside)
{
	ouro_loop *loop = new_loop();
	ouro_op op = ask(loop, OURO_LANE_USER, work_nothing, note_now, loop);

	CHECK_EQ(ouro_op_now(loop).id, 0);
	run(loop);
	CHECK_EQ(seen_now.id, op.id);
	CHECK_EQ(ouro_op_now(loop).id, 0);
	ouro_loop_free(loop);
}

static void tell_kind(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	CHECK(*active->name != 0);
	CHECK_EQ(active->fd, -1);
	say("%s", active->kind);
}

TEST(what_keeps_the_loop_alive_lists_operations_until_they_are_answered)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_NAMES, &job);
	gate_await(&gate, 1);
	CHECK_EQ(ouro_loop_active(loop, tell_kind, NULL), 1);
	CHECK_STR(said, "a test's names");
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	ouro_loop_free(loop);
}

/* --- The end of the loop --- */

struct last_one {
	struct pool *pool;
	struct gate *gate;
};

static bool anybody_waits(struct pool *pool)
{
	bool waits = false;

	pthread_mutex_lock(&pool->lock);
	for (int lane = 0; lane < OURO_LANE_COUNT; lane++)
		waits |= pool->lane[lane].waiting > 0;
	pthread_mutex_unlock(&pool->lock);
	return waits;
}

static void *open_when_nobody_waits(void *arg)
{
	struct last_one *last = arg;

	wait_until(!anybody_waits(last->pool));
	gate_open(last->gate, 1);
	return NULL;
}

TEST(a_loop_that_is_freed_waits_for_what_runs_and_cancels_what_waits)
{
	ouro_loop *loop = new_loop_of(1);
	struct gate gate;
	struct job runs = { .gate = &gate, .result = 9 }, waits[3] = { { 0 } };
	struct last_one last = { .gate = &gate };
	pthread_t thread;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &runs);
	gate_await(&gate, 1);
	for (int i = 0; i < OURO_LANE_COUNT; i++)
		ask_job(loop, (enum ouro_lane)i, &waits[i]);
	last.pool = ouro__pool_if_any(loop);
	CHECK_EQ(pthread_create(&thread, NULL, open_when_nobody_waits, &last), 0);
	ouro_loop_free(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(runs.err, 9);
	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		CHECK_EQ(waits[i].err, OURO_ECANCELED);
		CHECK_EQ(waits[i].answers, 1);
		CHECK_EQ(waits[i].worked, 0);
	}
}

static void free_and_ask(int err, void *arg)
{
	ouro_loop *loop = arg;

	CHECK_EQ(err, 0);
	say("free");
	ouro_loop_free(loop);
	errno = 0;
	CHECK_EQ(ouro_pool_run(loop, work_nothing, never_done, NULL).id, 0);
	CHECK(errno != 0);
}

TEST(a_loop_can_be_freed_in_a_callback_and_takes_nothing_new_from_then_on)
{
	ouro_loop *loop = new_loop_of(1);
	struct gate gate;
	struct job runs = { .word = "ran", .gate = &gate }, waits = { .word = "cancelled" };

	gate_init(&gate);
	ask(loop, OURO_LANE_USER, work_nothing, free_and_ask, loop);
	wait_until_left(loop, 0);
	ask_job(loop, OURO_LANE_USER, &runs);
	gate_await(&gate, 1);
	ask_job(loop, OURO_LANE_USER, &waits);
	gate_open(&gate, 1);
	run(loop);
	CHECK(strstr(said, "free") == said);
	CHECK_EQ(runs.answers, 1);
	CHECK_EQ(waits.answers, 1);
}

/* The last thread takes the pool with it: the test must not look for what is left before that. */
static void wait_until_nothing_is_held(void)
{
	wait_until(atomic_load(&test_memory.held) == 0);
}

TEST(a_loop_that_is_freed_does_not_wait_for_one_that_hangs_beyond_its_time)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job jobs[2] = { { .gate = &gate }, { .gate = &gate } };

	gate_init(&gate);
	for (int i = 0; i < 2; i++) {
		ouro_op op = ask_job(loop, OURO_LANE_USER, &jobs[i]);

		gate_await(&gate, 1);
		CHECK(ouro_op_timeout(loop, op, 1));
	}
	run(loop);
	CHECK_EQ(figures(loop).stuck, 2);
	ouro_loop_free(loop);
	CHECK(test_memory.held > 0);
	gate_open(&gate, 2);
	wait_until_nothing_is_held();
	CHECK_EQ(jobs[0].answers + jobs[1].answers, 2);
	CHECK_EQ(jobs[0].err, OURO_ETIMEOUT);
}

TEST(a_late_answer_that_nobody_has_taken_goes_with_the_loop)
{
	ouro_loop *loop = new_loop();
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
	CHECK_EQ(job.answers, 1);
}

/* --- Memory --- */

#define MANY   (1000000 / TEST_SLOW)
#define BURST  (10000 / TEST_SLOW)
#define BURSTS (MANY / BURST)

static void ask_for_many(ouro_loop *loop, struct job *job)
{
	for (int i = 0; i < BURSTS; i++) {
		for (int n = 0; n < BURST; n++)
			ask_job(loop, (enum ouro_lane)(n % OURO_LANE_COUNT), job);
		run(loop);
	}
}

/* But for a thread that is started only now, because there was always an idle one before. */
TEST(a_second_million_allocates_nothing)
{
	ouro_loop *loop = new_loop();
	struct job job = { 0 };
	size_t before, held;
	unsigned threads;

	ask_for_many(loop, &job);
	before = allocations();
	held = test_memory.held;
	threads = figures(loop).threads;
	ask_for_many(loop, &job);
	CHECK_EQ(allocations() - before, figures(loop).threads - threads);
	CHECK_EQ(test_memory.held, held);
	CHECK_EQ(job.answers, 2 * BURSTS * BURST);
	CHECK_EQ(job.worked, 2 * BURSTS * BURST);
	ouro_loop_free(loop);
}

static int refused_err;

static void note_err(int err, void *arg)
{
	(void)arg;
	refused_err = err;
}

/* Asks for one with a time-out, in a loop of its own; the answer comes, or nothing was taken. */
static int attempt_one(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_op op;
	int err = -ENOMEM;

	if (!loop)
		return -errno;
	refused_err = -1;
	op = ouro_pool_run(loop, work_nothing, note_err, NULL);
	if (!op.id)
		CHECK_EQ(errno, ENOMEM);
	else if (ouro_op_timeout(loop, op, 60000 * TEST_SLOW))
		err = 0;
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	if (op.id)
		CHECK(refused_err == 0 || refused_err == -ENOMEM);
	return op.id && refused_err ? refused_err : err;
}

TEST(any_allocation_may_fail)
{
	CHECK(for_each_failing_allocation(attempt_one) >= 5);
}
