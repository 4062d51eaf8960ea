/* share.h -- nobody starves, and nothing is lost when memory runs out. */
#ifndef ORDER_SHARE_H
#define ORDER_SHARE_H

static void macro_for_ever(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	if (!strstr(said, "io") || !strstr(said, "T"))
		call_macro(loop, macro_for_ever, arg);
}

TEST(macro_tasks_that_queue_themselves_let_descriptors_and_timers_through)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	call_macro(loop, macro_for_ever, NULL);
	after(loop, 5, "T");
	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	drive(loop);
	CHECK_STR(said, "io T");
	done(loop);
	tube_close(tube);
}

static void io_for_ever(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready, (void)arg;
	CHECK_EQ(ouro_loop_advance(ouro_io_loop(io), 1), 0);
	if (strstr(said, "macro") && strstr(said, "T"))
		ouro_io_close(io);
}

TEST(a_descriptor_nobody_reads_lets_macro_tasks_and_timers_through)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	watch(loop, tube.out, OURO_READABLE, io_for_ever, NULL);
	after(loop, 5, "T");
	macro(loop, "macro");
	drive(loop);
	CHECK_STR(said, "macro T");
	done(loop);
	tube_close(tube);
}

static void timer_for_ever(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	if (!strstr(said, "io") || !strstr(said, "T"))
		call_after(loop, 0, timer_for_ever, arg);
}

TEST(timers_that_make_timers_of_0_let_descriptors_and_timers_through)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	call_after(loop, 1, timer_for_ever, NULL);
	after(loop, 5, "T");
	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	drive(loop);
	CHECK_STR(said, "io T");
	done(loop);
	tube_close(tube);
}

static void take_2_ms(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	CHECK_EQ(ouro_loop_advance(loop, 2), 0);
}

static void three_slow_macro_tasks(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	call_macro(loop, take_2_ms, word("I1"));
	call_macro(loop, take_2_ms, word("I2"));
	call_macro(loop, take_2_ms, word("I3"));
	tube_fill(*tube);
}

static void three_times(ouro_io *io, unsigned ready, void *arg)
{
	int *calls_left = arg;

	(void)ready;
	say("io");
	if (--*calls_left == 0)
		ouro_io_close(io);
}

TEST(a_turn_over_its_budget_leaves_the_rest_to_the_next)
{
	ouro_loop *loop =
		loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .turn_us = 1000 });
	struct tube tube = tube_empty();
	int calls_left = 3;

	watch(loop, tube.out, OURO_READABLE, three_times, &calls_left);
	call_after(loop, 10, three_slow_macro_tasks, &tube);
	drive(loop);
	CHECK_STR(said, "io I1 io I2 io I3");
	done(loop);
	tube_close(tube);
}

static void take_2_ms_and_fill(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	take_2_ms(loop, word("T1"));
	tube_fill(*tube);
}

TEST(timers_that_a_turn_over_its_budget_leaves_keep_their_order)
{
	ouro_loop *loop =
		loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .turn_us = 1000 });
	struct tube tube = tube_empty();
	int calls_left = 3;

	watch(loop, tube.out, OURO_READABLE, three_times, &calls_left);
	call_after(loop, 10, take_2_ms_and_fill, &tube);
	call_after(loop, 10, take_2_ms, word("T2"));
	call_after(loop, 10, take_2_ms, word("T3"));
	drive(loop);
	CHECK_STR(said, "T1 io T2 io T3 io");
	done(loop);
	tube_close(tube);
}

/* Named in the order they come, which is the kernel's. */
static void slow_reader(ouro_io *io, unsigned ready, void *arg)
{
	static const char *const names[] = { "d1", "d2", "d3" };
	int *nth = arg;

	(void)ready;
	macro(ouro_io_loop(io), "macro");
	take_2_ms(ouro_io_loop(io), word(names[(*nth)++]));
	ouro_io_close(io);
}

static ouro_loop *three_slow_readers(ouro_io_fn *fn, void *arg, struct tube tubes[3])
{
	ouro_loop *loop =
		loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .turn_us = 1000 });

	for (int i = 0; i < 3; i++) {
		tubes[i] = tube_full();
		crowd[i] = watch(loop, tubes[i].out, OURO_READABLE, fn, arg);
	}
	return loop;
}

TEST(descriptors_that_a_turn_over_its_budget_leaves_come_in_the_next)
{
	struct tube tubes[3];
	int nth = 0;
	ouro_loop *loop = three_slow_readers(slow_reader, &nth, tubes);

	drive(loop);
	CHECK_STR(said, "d1 macro d2 macro d3 macro");
	done(loop);
	for (int i = 0; i < 3; i++)
		tube_close(tubes[i]);
}

static void close_all_three(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	say("close");
	for (int i = 0; i < 3; i++)
		ouro_io_close(crowd[i]);
}

static void slow_reader_and_closer(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready, (void)arg;
	call_macro(ouro_io_loop(io), close_all_three, NULL);
	take_2_ms(ouro_io_loop(io), word("d1"));
}

TEST(a_descriptor_left_by_a_turn_over_its_budget_can_still_be_closed)
{
	struct tube tubes[3];
	ouro_loop *loop = three_slow_readers(slow_reader_and_closer, NULL, tubes);

	drive(loop);
	CHECK_STR(said, "d1 close");
	done(loop);
	for (int i = 0; i < 3; i++)
		tube_close(tubes[i]);
}

/* ---- memory ---- */

static void say_and_release(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready, (void)arg;
	say("io");
	ouro_loop_hold(ouro_io_loop(io), false);
	ouro_io_close(io);
}

static ouro_loop *schedule_one_of_each(struct tube tube)
{
	ouro_loop *loop = new_loop();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, say_and_release, word("closed"));

	ouro_io_on_close(io, say_closed);
	ouro_loop_hold(loop, true);
	after(loop, 10, "T1");
	after(loop, 10, "T2");
	CHECK(ouro_timer_hold(loop, every(loop, 4, "e"), false));
	micro(loop, "micro");
	macro(loop, "macro");
	post(loop, "post");
	return loop;
}

/* Whatever was scheduled while there was memory runs, whichever allocation fails after that. */
TEST(nothing_scheduled_is_lost_when_memory_runs_out_later)
{
	struct tube tube = tube_full();
	bool failed = true;

	for (size_t nth = 1; failed; nth++) {
		ouro_loop *loop = schedule_one_of_each(tube);
		size_t last;

		fail_allocation(nth);
		last = allocations() + nth;
		drive(loop);
		failed = allocations() >= last;
		CHECK_STR(said, "micro io post macro closed e e T1 T2");
		said[0] = 0;
		done(loop);
	}
	fail_allocation(0);
	tube_close(tube);
}
#endif
