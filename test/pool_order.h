/* pool_order.h -- when answers of the pool come, beside everything else a loop calls: the same in
 * every host.
 *
 * As ordering.h: a program of test/offload/ has a kind of host (host.h) and includes this file.
 * Clocks are virtual, and stand still while an operation is out. */
#ifndef POOL_ORDER_H
#define POOL_ORDER_H
#include "host.h"
#include "ops.h"

static ouro_loop *new_loop(void)
{
	return loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .pool_threads = 1 });
}

static ouro_loop *scene;

static void say_queue_all(int err, void *arg)
{
	say_done(err, arg);
	micro(scene, "micro");
	macro(scene, "macro");
	after(scene, 0, "timer");
}

/* Asks for both and has both ended before the loop looks. */
static void ask_for_two(ouro_loop *loop, void *arg)
{
	(void)arg;
	scene = loop;
	ask(loop, OURO_LANE_USER, work_nothing, say_queue_all, word("A"));
	ask(loop, OURO_LANE_FILES, work_nothing, say_queue_all, word("B"));
	say("asked");
	wait_until_left(loop, 0);
	say("ended");
}

TEST(answers_come_together_with_micro_tasks_between_and_macro_tasks_and_timers_after)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, ask_for_two, NULL);
	drive(loop);
	CHECK_STR(said, "asked ended A micro B micro macro macro timer timer");
	done(loop);
}

static void ask_with_a_macro_task(ouro_loop *loop, void *arg)
{
	(void)arg;
	ask(loop, OURO_LANE_USER, work_nothing, say_done, word("A"));
	wait_until_left(loop, 0);
	macro(loop, "macro");
	after(loop, 0, "timer");
	micro(loop, "micro");
}

TEST(an_answer_comes_before_the_macro_tasks_and_timers_of_its_turn)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, ask_with_a_macro_task, NULL);
	drive(loop);
	CHECK_STR(said, "micro A macro timer");
	done(loop);
}

static void ask_in_a_macro_task(ouro_loop *loop, void *arg)
{
	(void)arg;
	ask(loop, OURO_LANE_USER, work_nothing, say_done, word("A"));
	wait_until_left(loop, 0);
	macro(loop, "macro");
	after(loop, 0, "timer");
}

/* Timers are of this turn, the answer is of the next one's I/O, and so before its macro tasks. */
TEST(asked_for_in_a_macro_task_it_comes_after_the_timers_of_this_turn)
{
	ouro_loop *loop = new_loop();

	call_macro(loop, ask_in_a_macro_task, NULL);
	drive(loop);
	CHECK_STR(said, "timer A macro");
	done(loop);
}

static void ask_one_after_the_other(int err, void *arg)
{
	int *left = arg;

	CHECK_EQ(err, 0);
	say("%d", *left);
	if (--*left) {
		ask(scene, OURO_LANE_USER, work_nothing, ask_one_after_the_other, left);
		wait_until_left(scene, 0);
		macro(scene, "macro");
	}
}

/* It has ended before its asker's callback is over, and yet it is not of the same turn. */
TEST(one_asked_for_in_the_callback_of_another_comes_in_a_later_turn)
{
	ouro_loop *loop = new_loop();
	int left = 3;

	scene = loop;
	ask(loop, OURO_LANE_USER, work_nothing, ask_one_after_the_other, &left);
	drive(loop);
	CHECK_STR(said, "3 macro 2 macro 1");
	done(loop);
}

struct trio {
	struct gate gate;
	ouro_op waits;
};

static void cancel_the_last(int err, void *arg)
{
	struct trio *trio = arg;

	CHECK_EQ(err, 0);
	gate_await(&trio->gate, 1);
	say("%s", ouro_op_cancel(scene, trio->waits) ? "cancelled" : "not");
	micro(scene, "micro");
}

static int wait_at_gate(void *arg)
{
	gate_pass(&((struct trio *)arg)->gate);
	return 0;
}

static void open_gate(int err, void *arg)
{
	say("%s", ouro_errname(err));
	gate_open(&((struct trio *)arg)->gate, 1);
}

static void say_hung(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	say("hung");
}

TEST(a_cancelled_one_is_called_back_after_its_canceller_has_returned)
{
	ouro_loop *loop = new_loop();
	struct trio trio;

	gate_init(&trio.gate);
	scene = loop;
	ask(loop, OURO_LANE_USER, work_nothing, cancel_the_last, &trio);
	ask(loop, OURO_LANE_USER, wait_at_gate, say_hung, &trio);
	trio.waits = ask(loop, OURO_LANE_USER, work_nothing, open_gate, &trio);
	drive(loop);
	CHECK_STR(said, "cancelled micro OURO_ECANCELED hung");
	done(loop);
}

TEST(one_asked_for_outside_any_turn_wakes_the_host)
{
	ouro_loop *loop = new_loop();

	macro(loop, "macro");
	drive(loop);
	for (int i = 0; i < 3; i++) {
		ask(loop, OURO_LANE_USER, work_nothing, say_done, word("A"));
		drive(loop);
	}
	CHECK_STR(said, "macro A A A");
	done(loop);
}

static void free_scene(int err, void *arg)
{
	say_done(err, arg);
	micro(scene, "micro");
	macro(scene, "[macro]");
	ouro_loop_free(scene);
}

/* The turn is finished first: what has ended by then is answered as it ended. */
TEST(a_loop_that_is_freed_in_an_answer_still_answers_what_is_out)
{
	ouro_loop *loop = new_loop();

	scene = loop;
	ask(loop, OURO_LANE_USER, work_nothing, free_scene, word("A"));
	ask(loop, OURO_LANE_USER, work_nothing, say_done, word("B"));
	wait_until_left(loop, 0);
	drive(loop);
	CHECK(strstr(said, "A micro B") == said);
	done(NULL);
}

static void use_up_the_turn(int err, void *arg)
{
	say_done(err, arg);
	CHECK_EQ(ouro_loop_advance(scene, 10), 0);
}

TEST(a_turn_that_has_used_up_its_time_leaves_answers_to_the_next)
{
	ouro_loop *loop =
		loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .turn_us = 5000 });

	scene = loop;
	ask(loop, OURO_LANE_USER, work_nothing, use_up_the_turn, word("A"));
	wait_until_left(loop, 0);
	ask(loop, OURO_LANE_USER, work_nothing, use_up_the_turn, word("B"));
	wait_until_left(loop, 0);
	macro(loop, "macro");
	drive(loop);
	CHECK_STR(said, "A macro B");
	done(loop);
}
#endif
