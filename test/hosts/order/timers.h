/* timers.h -- which timers run in a turn, in which order, and what they may do to each other. */
#ifndef ORDER_TIMERS_H
#define ORDER_TIMERS_H

static void timer_that_makes_two(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("A");
	after(loop, 0, "B");
	macro(loop, "macro");
}

TEST(a_timer_made_by_a_timer_waits_for_the_next_turn)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, timer_that_makes_two, NULL);
	after(loop, 10, "C");
	drive(loop);
	CHECK_STR(said, "A C macro B");
	done(loop);
}

static void take_20_ms(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	macro(loop, "macro");
	CHECK_EQ(ouro_loop_advance(loop, 20), 0);
}

TEST(a_timer_that_falls_due_while_another_runs_waits_for_the_next_turn)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, take_20_ms, word("A"));
	after(loop, 10, "B");
	after(loop, 15, "C");
	drive(loop);
	CHECK_STR(said, "A B macro C");
	done(loop);
}

static void make_out_of_order(ouro_loop *loop, void *arg)
{
	(void)arg;
	after(loop, 30, "c");
	after(loop, 10, "a1");
	after(loop, 20, "b1");
	after(loop, 10, "a2");
	after(loop, 20, "b2");
	after(loop, 0, "0");
	CHECK_EQ(ouro_loop_advance(loop, 100), 0);
}

/* Node keeps a list for each duration and drains a whole list, which lets a later one overtake. */
TEST(late_timers_run_by_deadline_then_by_making)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, make_out_of_order, NULL);
	drive(loop);
	CHECK_STR(said, "0 a1 a2 b1 b2 c");
	done(loop);
}

static void make_in_steps(ouro_loop *loop, void *arg)
{
	(void)arg;
	after(loop, 20, "A1");
	CHECK_EQ(ouro_loop_advance(loop, 5), 0);
	after(loop, 20, "B");
	CHECK_EQ(ouro_loop_advance(loop, 5), 0);
	after(loop, 10, "A2");
	CHECK_EQ(ouro_loop_advance(loop, 100), 0);
}

TEST(a_deadline_is_reckoned_from_the_moment_of_making)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, make_in_steps, NULL);
	drive(loop);
	CHECK_STR(said, "A1 A2 B");
	done(loop);
}

TEST(twenty_timers_due_at_once_run_in_the_order_they_were_made)
{
	static char names[20][4];
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		after(loop, 10, names[i]);
	}
	drive(loop);
	CHECK_STR(said, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
	done(loop);
}

struct interval {
	ouro_timer timer;
	uint64_t last; /* when it was called last */
	uint64_t takes_ms;
	int calls_left;
};

static void say_gap(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	say("%u", (unsigned)((ouro_loop_now(loop) - interval->last) / MS));
	interval->last = ouro_loop_now(loop);
	CHECK_EQ(ouro_loop_advance(loop, interval->takes_ms), 0);
	if (--interval->calls_left == 0)
		CHECK(ouro_timer_stop(loop, interval->timer));
}

static void start_interval(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	interval->last = ouro_loop_now(loop);
	interval->timer = ouro_timer_every(loop, 20, say_gap, interval);
}

TEST(an_interval_counts_from_the_start_of_its_callback)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .takes_ms = 5, .calls_left = 3 };

	call_after(loop, 10, start_interval, &interval);
	drive(loop);
	CHECK_STR(said, "20 20 20");
	done(loop);
}

TEST(late_calls_of_an_interval_are_not_made_up)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .takes_ms = 50, .calls_left = 4 };

	call_after(loop, 10, start_interval, &interval);
	drive(loop);
	CHECK_STR(said, "20 50 50 50");
	done(loop);
}

static void say_gap_slow_once(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	say_gap(loop, interval);
	interval->takes_ms = 0;
}

static void start_interval_slow_once(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	interval->last = ouro_loop_now(loop);
	interval->timer = ouro_timer_every(loop, 20, say_gap_slow_once, interval);
}

TEST(an_interval_that_was_late_once_has_its_full_gap_again)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .takes_ms = 70, .calls_left = 5 };

	call_after(loop, 10, start_interval_slow_once, &interval);
	drive(loop);
	CHECK_STR(said, "20 70 20 20 20");
	done(loop);
}

static void count_to_three(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	say("T");
	if (--interval->calls_left)
		macro(loop, "macro");
	else
		CHECK(ouro_timer_stop(loop, interval->timer));
}

TEST(an_interval_of_0_is_called_once_a_turn)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .calls_left = 3 };

	interval.timer = ouro_timer_every(loop, 0, count_to_three, &interval);
	drive(loop);
	CHECK_STR(said, "T macro T macro T");
	done(loop);
}

struct pair {
	ouro_timer one, two;
};

static void stop_the_other(ouro_loop *loop, void *arg)
{
	struct pair *pair = arg;

	say("A");
	CHECK(ouro_timer_stop(loop, pair->two));
	CHECK(!ouro_timer_stop(loop, pair->two));
	CHECK(!ouro_timer_stop(loop, pair->one));
}

TEST(a_timer_can_stop_one_that_is_due_in_the_same_turn)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	pair.one = call_after(loop, 10, stop_the_other, &pair);
	pair.two = call_after(loop, 10, never_task, NULL);
	after(loop, 10, "C");
	drive(loop);
	CHECK_STR(said, "A C");
	done(loop);
}

static void stop_by_micro(ouro_loop *loop, void *arg)
{
	say("A");
	call_micro(loop, stop_the_other, arg);
}

TEST(a_micro_task_between_two_timers_can_stop_the_second)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	pair.one = call_after(loop, 10, stop_by_micro, &pair);
	pair.two = call_after(loop, 10, never_task, NULL);
	drive(loop);
	CHECK_STR(said, "A A");
	done(loop);
}

static void put_off_the_other(ouro_loop *loop, void *arg)
{
	struct pair *pair = arg;

	say("A");
	CHECK(ouro_timer_again(loop, pair->two));
	after(loop, 10, "C");
}

TEST(again_puts_off_a_timer_that_is_due_in_the_same_turn)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	pair.one = call_after(loop, 10, put_off_the_other, &pair);
	pair.two = after(loop, 10, "B");
	after(loop, 15, "15");
	drive(loop);
	CHECK_STR(said, "A 15 B C");
	done(loop);
}

static void again_then_wait(ouro_loop *loop, void *arg)
{
	struct pair *pair = arg;

	CHECK(ouro_timer_again(loop, pair->one));
	CHECK_EQ(ouro_loop_advance(loop, 100), 0);
}

TEST(again_makes_a_timer_the_youngest_of_those_due_with_it)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	call_after(loop, 10, again_then_wait, &pair);
	pair.one = after(loop, 20, "A");
	pair.two = after(loop, 30, "B");
	drive(loop);
	CHECK_STR(said, "B A");
	done(loop);
}

static void in_its_own_callback(ouro_loop *loop, void *arg)
{
	struct pair *pair = arg;

	say("T");
	CHECK(!ouro_timer_stop(loop, pair->one));
	CHECK(!ouro_timer_again(loop, pair->one));
	CHECK(!ouro_timer_hold(loop, pair->one, false));
	CHECK(!ouro_timer_set_name(loop, pair->one, "late"));
	CHECK_EQ(ouro_timer_left(loop, pair->one), UINT64_MAX);
}

TEST(a_timer_that_fires_once_has_ended_in_its_own_callback)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	pair.one = call_after(loop, 10, in_its_own_callback, &pair);
	drive(loop);
	CHECK_STR(said, "T");
	done(loop);
}

static void again_in_its_own_callback(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	say("%u", (unsigned)((ouro_loop_now(loop) - interval->last) / MS));
	interval->last = ouro_loop_now(loop);
	CHECK_EQ(ouro_loop_advance(loop, 5), 0);
	if (--interval->calls_left)
		CHECK(ouro_timer_again(loop, interval->timer));
	else
		CHECK(ouro_timer_stop(loop, interval->timer));
}

static void start_again(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	interval->last = ouro_loop_now(loop);
	interval->timer = ouro_timer_every(loop, 20, again_in_its_own_callback, interval);
}

/* From the start of the callback by itself; from the call of again with it. */
TEST(again_in_its_own_callback_counts_from_there)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .calls_left = 3 };

	call_after(loop, 10, start_again, &interval);
	drive(loop);
	CHECK_STR(said, "20 25 25");
	done(loop);
}

static void stop_then_make(ouro_loop *loop, void *arg)
{
	struct pair *pair = arg;

	say("T");
	pair->two = after(loop, 10, "new");
	CHECK(pair->two.id != pair->one.id);
	CHECK(!ouro_timer_stop(loop, pair->one));
	CHECK(!ouro_timer_again(loop, pair->one));
}

TEST(the_token_of_a_fired_timer_is_not_its_successors)
{
	ouro_loop *loop = new_loop();
	struct pair pair;

	pair.one = call_after(loop, 10, stop_then_make, &pair);
	drive(loop);
	CHECK_STR(said, "T new");
	done(loop);
}

TEST(a_timer_that_is_not_held_fires_while_the_loop_lives_and_no_longer)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = every(loop, 10, "e");

	CHECK(ouro_timer_hold(loop, timer, false));
	CHECK(ouro_timer_hold(loop, timer, false));
	after(loop, 35, "T");
	drive(loop);
	CHECK_STR(said, "e e e T");
	done(loop);
}

static void let_go(ouro_loop *loop, void *arg)
{
	struct interval *interval = arg;

	say("T");
	if (--interval->calls_left == 0)
		CHECK(ouro_timer_hold(loop, interval->timer, false));
}

TEST(an_interval_can_let_go_of_the_loop_in_its_own_callback)
{
	ouro_loop *loop = new_loop();
	struct interval interval = { .calls_left = 3 };

	interval.timer = ouro_timer_every(loop, 10, let_go, &interval);
	drive(loop);
	CHECK_STR(said, "T T T");
	done(loop);
}
#endif
