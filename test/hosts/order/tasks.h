/* tasks.h -- micro tasks after every callback, macro tasks and posts in the check phase. */
#ifndef ORDER_TASKS_H
#define ORDER_TASKS_H

static void micro_that_queues_another(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("m1");
	micro(loop, "m3");
}

static void queue_two_micro_tasks(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	call_micro(loop, micro_that_queues_another, NULL);
	micro(loop, "m2");
}

TEST(micro_tasks_run_in_order_after_their_timer_and_before_the_next)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, queue_two_micro_tasks, word("T1"));
	after(loop, 10, "T2");
	drive(loop);
	CHECK_STR(said, "T1 m1 m2 m3 T2");
	done(loop);
}

static void two_macro_tasks(ouro_loop *loop, void *arg)
{
	(void)arg;
	call_macro(loop, queue_two_micro_tasks, word("I1"));
	macro(loop, "I2");
}

TEST(micro_tasks_of_a_macro_task_run_before_the_next_macro_task)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, two_macro_tasks, NULL);
	drive(loop);
	CHECK_STR(said, "I1 m1 m2 m3 I2");
	done(loop);
}

/* The kernel says which of the two comes first, so they are named in the order they come. */
static void one_of_two_ready(ouro_io *io, unsigned ready, void *arg)
{
	static int nth;
	static const char *const micros[] = { "m1", "m2" }, *const macros[] = { "I1", "I2" };

	(void)ready, (void)arg;
	say("d%d", nth + 1);
	micro(ouro_io_loop(io), micros[nth]);
	macro(ouro_io_loop(io), macros[nth]);
	nth++;
	ouro_io_close(io);
}

TEST(micro_tasks_of_one_ready_descriptor_run_before_the_next_and_macro_tasks_after_both)
{
	ouro_loop *loop = new_loop();
	struct tube one = tube_full(), two = tube_full();

	watch(loop, one.out, OURO_READABLE, one_of_two_ready, NULL);
	watch(loop, two.out, OURO_READABLE, one_of_two_ready, NULL);
	drive(loop);
	CHECK_STR(said, "d1 m1 d2 m2 I1 I2");
	done(loop);
	tube_close(one);
	tube_close(two);
}

static void close_with_micro(void *arg)
{
	say("close");
	micro(arg, "micro");
}

static void close_two(ouro_loop *loop, void *arg)
{
	ouro_io **two = arg;

	(void)loop;
	ouro_io_close(two[0]);
	ouro_io_close(two[1]);
}

TEST(micro_tasks_of_an_on_close_run_before_the_next_on_close)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *two[] = { watch(loop, tube.out, OURO_READABLE, never, loop),
			   watch(loop, tube.in, 0, never, loop) };

	ouro_io_on_close(two[0], close_with_micro);
	ouro_io_on_close(two[1], close_with_micro);
	call_after(loop, 10, close_two, two);
	drive(loop);
	CHECK_STR(said, "close micro close micro");
	done(loop);
	tube_close(tube);
}

static void post_with_micro(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_post(loop, queue_two_micro_tasks, arg), 0);
	post(loop, "P2");
}

TEST(micro_tasks_of_a_post_run_before_the_next_post)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, post_with_micro, word("P1"));
	drive(loop);
	CHECK_STR(said, "P1 m1 m2 m3 P2");
	done(loop);
}

static void micro_chain(ouro_loop *loop, void *arg)
{
	unsigned *left = arg;

	if (--*left)
		call_micro(loop, micro_chain, left);
	else
		say("end");
}

TEST(micro_tasks_that_feed_themselves_run_to_their_end_first)
{
	ouro_loop *loop = new_loop();
	unsigned left = 25000;

	call_after(loop, 10, micro_chain, &left);
	after(loop, 10, "T2");
	drive(loop);
	CHECK_STR(said, "end T2");
	done(loop);
}

static unsigned chain_left;

static void say_left(ouro_loop *loop, void *arg)
{
	say("%u", chain_left);
	if (--chain_left)
		call_micro(loop, say_left, arg);
	else
		ouro_io_close(to_be_closed);
}

static void chain_and_data(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	to_be_closed = watch(loop, tube->out, OURO_READABLE, say_and_drain, word("io"));
	tube_fill(*tube);
	chain_left = 7;
	call_micro(loop, say_left, NULL);
}

TEST(micro_max_lets_the_poll_in_between_and_loses_none)
{
	ouro_loop *loop =
		loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .micro_max = 3 });
	struct tube tube = tube_empty();

	call_after(loop, 10, chain_and_data, &tube);
	drive(loop);
	CHECK(strstr(said, "7 6 5") == said);
	CHECK(strstr(said, "io") && strstr(said, "io") < strstr(said, "1"));
	CHECK_EQ(chain_left, 0);
	done(loop);
	tube_close(tube);
}

TEST(a_micro_task_from_outside_a_callback_runs_first_thing)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	macro(loop, "macro");
	micro(loop, "micro");
	drive(loop);
	CHECK_STR(said, "micro io macro");
	done(loop);
	tube_close(tube);
}

/* ---- macro tasks and posts ---- */

static void macro_that_queues_another(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("I1");
	macro(loop, "I3");
	after(loop, 0, "T");
}

static void two_macro_tasks_one_queues(ouro_loop *loop, void *arg)
{
	call_macro(loop, macro_that_queues_another, arg);
	macro(loop, "I2");
}

TEST(macro_tasks_queued_by_a_macro_task_wait_for_the_next_turn)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, two_macro_tasks_one_queues, NULL);
	drive(loop);
	CHECK_STR(said, "I1 I2 T I3");
	done(loop);
}

static void micro_that_queues_a_macro(ouro_loop *loop, void *arg)
{
	macro(loop, arg);
}

static void macro_whose_micro_queues_a_macro(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("I1");
	call_micro(loop, micro_that_queues_a_macro, word("I3"));
	after(loop, 0, "T");
}

static void two_macro_tasks_one_by_micro(ouro_loop *loop, void *arg)
{
	call_macro(loop, macro_whose_micro_queues_a_macro, arg);
	macro(loop, "I2");
}

TEST(macro_tasks_queued_by_a_micro_task_of_the_check_phase_wait_too)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, two_macro_tasks_one_by_micro, NULL);
	drive(loop);
	CHECK_STR(said, "I1 I2 T I3");
	done(loop);
}

static void macro_then_post(ouro_loop *loop, void *arg)
{
	(void)arg;
	macro(loop, "I1");
	post(loop, "P1");
	macro(loop, "I2");
	post(loop, "P2");
}

TEST(posts_run_before_macro_tasks_each_in_their_order)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, macro_then_post, NULL);
	drive(loop);
	CHECK_STR(said, "P1 P2 I1 I2");
	done(loop);
}

static void post_that_posts(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("P1");
	post(loop, "P3");
	after(loop, 0, "T");
}

static void two_posts_one_posts(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_post(loop, post_that_posts, arg), 0);
	post(loop, "P2");
}

TEST(posts_made_by_a_post_wait_for_the_next_turn)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, two_posts_one_posts, NULL);
	drive(loop);
	CHECK_STR(said, "P1 P2 T P3");
	done(loop);
}
#endif
