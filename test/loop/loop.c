/* loop.c -- making, running, stopping and freeing a loop of our own. */
#include "kit.h"

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

/* ---- making ---- */

TEST(a_loop_with_nothing_to_do_returns_at_once)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!ouro_loop_turn(loop));
	ouro_loop_free(loop);
}

TEST(options_that_make_no_sense_are_refused)
{
	errno = 0;
	CHECK(ouro_loop_new(&(ouro_loop_opts){ .clock = (enum ouro_clock)7 }) == NULL);
	CHECK_EQ(errno, EINVAL);
}

TEST(freeing_null_does_nothing)
{
	ouro_loop_free(NULL);
}

/* A program's environment must not choose how a library polls. */
TEST(the_environment_does_not_choose_the_backend)
{
	ouro_loop *loop;

	CHECK_EQ(setenv("LIBEV_FLAGS", "1", 1), 0); /* select */
	loop = ouro_loop_new(NULL);
	CHECK(loop != NULL);
	CHECK(ouro_loop_fd(loop) >= 0);
	after(loop, 1, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "T");
	ouro_loop_free(loop);
}

/* ---- running ---- */

TEST(the_first_turn_of_a_run_starts_with_the_timers)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	for (int i = 0; i < 2; i++) {
		watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
		macro(loop, "macro");
		after(loop, 0, "T");
		CHECK_EQ(ouro_loop_run(loop), 0);
	}
	CHECK_STR(said, "T io macro T io macro");
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(a_micro_task_alone_is_run_too)
{
	ouro_loop *loop = new_loop();

	micro(loop, "micro");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "micro");
	ouro_loop_free(loop);
}

TEST(a_loop_that_ran_dry_can_be_run_again)
{
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 3; i++) {
		after(loop, 10, "T");
		CHECK_EQ(ouro_loop_run(loop), 0);
	}
	CHECK_STR(said, "T T T");
	ouro_loop_free(loop);
}

static void stop_with_seven(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("stop");
	ouro_loop_stop(loop, 7);
}

TEST(run_returns_the_code_of_stop_and_forgets_it)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, stop_with_seven, NULL);
	after(loop, 20, "T");
	CHECK_EQ(ouro_loop_run(loop), 7);
	CHECK_STR(said, "stop");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "stop T");
	ouro_loop_free(loop);
}

/* libev forgets a break that comes before the run. */
TEST(a_stop_before_the_run_makes_it_return_at_once)
{
	ouro_loop *loop = new_loop();

	after(loop, 10, "T");
	ouro_loop_stop(loop, 3);
	CHECK_EQ(ouro_loop_run(loop), 3);
	CHECK_STR(said, "");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "T");
	ouro_loop_free(loop);
}

static void stop_by_macro(ouro_loop *loop, void *arg)
{
	(void)arg;
	stop_with_seven(loop, NULL);
	after(loop, 0, "timer");
	macro(loop, "next");
}

TEST(stop_in_the_check_phase_still_runs_the_timers_of_the_turn)
{
	ouro_loop *loop = new_loop();

	call_macro(loop, stop_by_macro, NULL);
	macro(loop, "macro");
	CHECK_EQ(ouro_loop_run(loop), 7);
	CHECK_STR(said, "stop macro timer");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "stop macro timer next");
	ouro_loop_free(loop);
}

static int words_logged;

static void count_words(ouro_log_level level, const char *sentence, void *arg)
{
	CHECK(level <= OURO_LOG_WARN);
	CHECK(strlen(sentence) > 10);
	CHECK(strchr(sentence, '\n') == NULL);
	CHECK_STR(arg, "mine");
	words_logged++;
}

static void run_inside(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("A");
	CHECK_EQ(ouro_loop_run(loop), -EBUSY);
}

TEST(a_run_inside_a_callback_is_refused_in_words)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){
		.clock = OURO_CLOCK_VIRTUAL, .on_log = count_words, .arg = word("mine") });

	call_after(loop, 10, run_inside, NULL);
	after(loop, 20, "B");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "A B");
	CHECK_EQ(words_logged, 1);
	ouro_loop_free(loop);
}

static void run_the_other(ouro_loop *loop, void *other)
{
	(void)loop;
	say("begin");
	CHECK_EQ(ouro_loop_run(other), 0);
	say("end");
}

TEST(two_loops_in_one_thread_do_not_meet)
{
	ouro_loop *one = new_loop(), *two = new_loop();

	call_after(one, 10, run_the_other, two);
	after(one, 10, "one");
	macro(two, "macro");
	after(two, 30, "two");
	CHECK_EQ(ouro_loop_run(one), 0);
	CHECK_STR(said, "begin macro two end one");
	ouro_loop_free(one);
	ouro_loop_free(two);
}

TEST(turning_by_hand_tells_when_nothing_is_left)
{
	ouro_loop *loop = new_loop();

	macro(loop, "macro");
	after(loop, 10, "T");
	CHECK(ouro_loop_turn(loop));
	CHECK_STR(said, "macro");
	CHECK(!ouro_loop_turn(loop));
	CHECK_STR(said, "macro T");
	CHECK(!ouro_loop_turn(loop));
	ouro_loop_free(loop);
}

TEST(a_turn_by_hand_does_not_wait)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	call_after(loop, 3600000, never_task, NULL);
	CHECK(ouro_loop_turn(loop));
	CHECK(ouro_loop_turn(loop));
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

TEST(a_turn_that_was_stopped_answers_false_once)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, stop_with_seven, NULL);
	after(loop, 20, "T");
	CHECK(!ouro_loop_turn(loop));
	CHECK_STR(said, "stop");
	CHECK(!ouro_loop_turn(loop));
	CHECK_STR(said, "stop T");
	ouro_loop_free(loop);
}

TEST(waiting_takes_no_turns)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct tube tube = tube_empty();
	ouro_loop_stats stats;

	ouro_io_hold(watch(loop, tube.out, OURO_READABLE | OURO_ERROR, never, NULL), false);
	CHECK(ouro_timer_hold(loop, call_after(loop, 3600000, never_task, NULL), false));
	after(loop, 20, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_get_stats(loop, &stats);
	CHECK_STR(said, "T");
	CHECK(stats.turns <= 5);
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(a_hold_released_too_often_is_said_in_words)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){
		.clock = OURO_CLOCK_VIRTUAL, .on_log = count_words, .arg = word("mine") });

	ouro_loop_hold(loop, false);
	CHECK_EQ(words_logged, 1);
	after(loop, 10, "T"); /* which must hold the loop as it always does */
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "T");
	ouro_loop_free(loop);
}

/* ---- freeing ---- */

static void never_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signal, (void)arg;
	say("[signal %d]", signo);
}

static void never_wake(ouro_wake *wake, void *arg)
{
	(void)wake, (void)arg;
	say("[wake]");
}

TEST(free_closes_what_is_open_and_drops_what_has_not_run)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, word("io"));
	ouro_signal *signal;
	ouro_wake *wake;

	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, never_signal, word("signal"), &signal), 0);
	CHECK_EQ(ouro_wake_open(loop, never_wake, word("wake"), &wake), 0);
	ouro_io_on_close(io, say_closed);
	ouro_signal_on_close(signal, say_closed);
	ouro_wake_on_close(wake, say_closed);
	call_after(loop, 0, never_task, NULL);
	CHECK(ouro_timer_every(loop, 0, never_task, NULL).id != 0);
	call_micro(loop, never_task, NULL);
	call_macro(loop, never_task, NULL);
	CHECK_EQ(ouro_loop_post(loop, never_task, NULL), 0);
	ouro_wake_send(wake);
	ouro_loop_free(loop);
	CHECK(strstr(said, "io") && strstr(said, "signal") && strstr(said, "wake"));
	CHECK_EQ(strlen(said), strlen("io signal wake"));
	tube_close(tube);
}

TEST(free_calls_on_close_of_what_was_closing_once)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, word("closed"));

	ouro_io_on_close(io, say_closed);
	ouro_io_close(io);
	ouro_loop_free(loop);
	CHECK_STR(said, "closed");
	tube_close(tube);
}

static ouro_loop *asked_again;

static void ask_again(void *arg)
{
	struct tube *tube = arg;

	say("closed");
	CHECK_EQ(ouro_timer_after(asked_again, 0, never_task, NULL).id, 0);
	CHECK(ouro_io_open(asked_again, tube->out, OURO_READABLE, never, NULL, NULL) < 0);
	(void)ouro_loop_macro(asked_again, never_task, NULL);
	(void)ouro_loop_micro(asked_again, never_task, NULL);
	(void)ouro_loop_post(asked_again, never_task, NULL);
}

/* Otherwise an on_close that re-opens would keep a free from ending. */
TEST(nothing_new_is_run_while_the_loop_is_freed)
{
	struct tube tube = tube_full();
	ouro_io *io;

	asked_again = new_loop();
	io = watch(asked_again, tube.out, OURO_READABLE, never, &tube);
	ouro_io_on_close(io, ask_again);
	ouro_loop_free(asked_again);
	CHECK_STR(said, "closed");
	tube_close(tube);
}

static void free_and_say(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("free");
	ouro_loop_free(loop);
}

TEST(run_returns_when_a_callback_has_freed_its_loop)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, free_and_say, NULL);
	call_after(loop, 11, never_task, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "free");
}

TEST(a_turn_whose_callback_frees_the_loop_answers_false)
{
	ouro_loop *loop = new_loop();

	call_macro(loop, free_and_say, NULL);
	call_after(loop, 11, never_task, NULL);
	CHECK(!ouro_loop_turn(loop));
	CHECK_STR(said, "free");
}

static void free_by_io(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	free_and_say(ouro_io_loop(io), arg);
}

TEST(an_io_callback_can_free_its_loop)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, free_by_io, word("closed"));

	ouro_io_on_close(io, say_closed);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "free closed");
	tube_close(tube);
}

/* ---- figures ---- */

static void take_5_ms(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 5), 0);
}

TEST(the_stats_count_turns_callbacks_and_what_is_live)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, NULL);
	ouro_loop_stats before, after_it;

	call_after(loop, 10, take_5_ms, NULL);
	call_after(loop, 12, take_5_ms, NULL);
	call_macro(loop, say_task, word("macro"));
	ouro_loop_get_stats(loop, &before);
	CHECK_EQ(before.timers, 2);
	CHECK_EQ(before.handles, 1);
	CHECK_EQ(before.tasks, 1);
	ouro_io_hold(io, false);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_get_stats(loop, &after_it);
	CHECK_EQ(after_it.timers, 0);
	CHECK_EQ(after_it.handles, 1);
	CHECK_EQ(after_it.tasks, 0);
	CHECK_EQ(after_it.held_ns, 0);
	CHECK(after_it.turns - before.turns >= 3);
	CHECK_EQ(after_it.callback_ns.count - before.callback_ns.count, 3);
	CHECK_EQ(after_it.callback_ns.max, 5 * MS);
	CHECK_EQ(after_it.phase_ns[OURO_PHASE_TIMERS], 10 * MS);
	CHECK_EQ(after_it.late_ns.count, 2);
	CHECK_EQ(after_it.late_ns.max, 3 * MS);
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(phases_have_names)
{
	CHECK_STR(ouro_phase_name(OURO_PHASE_IO), "io");
	CHECK_STR(ouro_phase_name(OURO_PHASE_MICRO), "micro");
	CHECK_STR(ouro_phase_name(OURO_PHASE_COUNT), "?");
}

static void stop_and_free(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_stop(loop, 3);
	ouro_loop_free(loop);
}

static void only_free(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_free(loop);
}

TEST(a_run_whose_loop_was_freed_in_it_still_returns_the_code_of_stop)
{
	ouro_loop *loop = new_loop();

	call_macro(loop, stop_and_free, NULL);
	CHECK_EQ(ouro_loop_run(loop), 3);
	loop = new_loop();
	ouro_loop_stop(loop, 5);
	CHECK_EQ(ouro_loop_run(loop), 5);
	call_macro(loop, only_free, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
}
