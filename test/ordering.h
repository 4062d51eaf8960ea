/* ordering.h -- what runs before what, and what does not run at all: the same in every host.
 *
 * A program of test/hosts/ defines the three functions below for its kind of host and includes this
 * file, so each rule is tried in a loop of our own, inside libev, and behind a descriptor.
 * Clocks are virtual: no test waits, and none depends on how fast the machine is. Every scene starts
 * from a callback or from a timer that is not due yet, because how a run begins is for each
 * kind of host to say. */
#ifndef ORDERING_H
#define ORDERING_H
#include "kit.h"

/* A loop in the host at hand, turned until nothing is left, and freed with its host. `done` takes
 * NULL when the test has freed the loop. */
static ouro_loop *loop_for_test(const ouro_loop_opts *opts);
static void drive(ouro_loop *loop);
static void done(ouro_loop *loop);

static ouro_loop *new_loop(void)
{
	return loop_for_test(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
}

/* ---- one turn: I/O, check, close, timers ---- */

static void io_asks_for_everything(ouro_io *io, unsigned ready, void *arg)
{
	ouro_loop *loop = ouro_io_loop(io);

	(void)ready, (void)arg;
	say("io");
	after(loop, 0, "timer");
	ouro_io_close(io);
	macro(loop, "check");
	micro(loop, "micro");
}

TEST(a_turn_is_io_then_check_then_close_then_timers)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, io_asks_for_everything, word("close"));

	ouro_io_on_close(io, say_closed);
	drive(loop);
	CHECK_STR(said, "io micro check close timer");
	done(loop);
	tube_close(tube);
}

static ouro_io *to_be_closed;

static void task_asks_for_everything(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	after(loop, 0, "timer");
	ouro_io_close(to_be_closed);
	macro(loop, "check");
}

static ouro_io *watch_nothing(ouro_loop *loop, int fd, const char *close_word)
{
	ouro_io *io = watch(loop, fd, 0, never, word(close_word));

	ouro_io_on_close(io, say_closed);
	ouro_io_hold(io, false);
	return io;
}

static void macro_that_asks_for_everything(ouro_loop *loop, void *arg)
{
	(void)arg;
	call_macro(loop, task_asks_for_everything, word("macro"));
}

TEST(a_close_asked_for_by_a_macro_task_comes_before_the_timers_of_the_turn)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	to_be_closed = watch_nothing(loop, tube.out, "close");
	call_after(loop, 10, macro_that_asks_for_everything, NULL);
	drive(loop);
	CHECK_STR(said, "macro close timer check");
	done(loop);
	tube_close(tube);
}

TEST(from_a_timer_a_macro_task_comes_before_a_new_timer_of_0)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	to_be_closed = watch_nothing(loop, tube.out, "close");
	call_after(loop, 10, task_asks_for_everything, word("A"));
	drive(loop);
	CHECK_STR(said, "A check close timer");
	done(loop);
	tube_close(tube);
}

static void block_while_data_comes(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	say("block");
	tube_fill(*tube);
	CHECK_EQ(ouro_loop_advance(loop, 300), 0);
}

/* The rule the turn was cut for: the client did send in time; it is we who did not look. */
TEST(after_a_block_data_that_waits_comes_before_the_idle_timer)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("data"));
	after(loop, 100, "idle");
	call_after(loop, 10, block_while_data_comes, &tube);
	drive(loop);
	CHECK_STR(said, "block data idle");
	done(loop);
	tube_close(tube);
}

static void block_in_io(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	block_while_data_comes(ouro_io_loop(io), arg);
	ouro_io_close(io);
}

TEST(data_that_came_while_an_io_callback_blocked_comes_before_the_idle_timer)
{
	ouro_loop *loop = new_loop();
	struct tube slow = tube_full(), other = tube_empty();

	watch(loop, slow.out, OURO_READABLE, block_in_io, &other);
	watch(loop, other.out, OURO_READABLE, say_and_close, word("data"));
	after(loop, 100, "idle");
	drive(loop);
	CHECK_STR(said, "block data idle");
	done(loop);
	tube_close(slow);
	tube_close(other);
}

/* ---- micro tasks ---- */

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

/* ---- timers ---- */

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

/* ---- descriptors ---- */

static void say_with_macro(ouro_io *io, unsigned ready, void *arg)
{
	int *calls_left = arg;

	CHECK_EQ(ready, OURO_READABLE);
	say("io");
	macro(ouro_io_loop(io), "macro");
	if (--*calls_left == 0)
		ouro_io_close(io);
}

TEST(a_descriptor_left_unread_is_called_once_a_turn)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();
	int calls_left = 3;

	watch(loop, tube.out, OURO_READABLE, say_with_macro, &calls_left);
	drive(loop);
	CHECK_STR(said, "io macro io macro io macro");
	done(loop);
	tube_close(tube);
}

#define CROWD 4
static ouro_io *crowd[CROWD];

static void close_all(ouro_io *io, unsigned ready, void *arg)
{
	(void)io, (void)ready, (void)arg;
	say("ran");
	for (int i = 0; i < CROWD; i++)
		ouro_io_close(crowd[i]);
}

static void forget_memory(void *arg)
{
	say("gone");
	free(arg);
}

/* What a callback could still touch is freed in on_close: the sanitizer watches. */
TEST(the_first_of_four_ready_descriptors_can_close_the_other_three)
{
	ouro_loop *loop = new_loop();
	struct tube tubes[CROWD];

	for (int i = 0; i < CROWD; i++) {
		tubes[i] = tube_full();
		crowd[i] = watch(loop, tubes[i].out, OURO_READABLE, close_all, malloc(1));
		ouro_io_on_close(crowd[i], forget_memory);
	}
	drive(loop);
	CHECK_STR(said, "ran gone gone gone gone");
	done(loop);
	for (int i = 0; i < CROWD; i++)
		tube_close(tubes[i]);
}

static struct tube reused_tubes[2];

/* Closes the neighbour and puts another pipe under its number, all in the turn in which the
 * neighbour was found readable. */
static void replace_the_other(ouro_io *io, unsigned ready, void *arg)
{
	struct tube *fresh = arg;
	int other = io == crowd[0];
	int fd = reused_tubes[other].out;

	(void)ready;
	say("first");
	ouro_io_close(crowd[other]);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(dup3(fresh->out, fd, O_CLOEXEC), fd);
	to_be_closed = watch(ouro_io_loop(io), fd, OURO_READABLE, say_and_close, word("fresh"));
	ouro_io_close(io);
}

static void close_the_one_kept(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	say("T");
	ouro_io_close(to_be_closed);
}

static ouro_loop *two_ready_one_replaced(struct tube *fresh)
{
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 2; i++) {
		reused_tubes[i] = tube_full();
		crowd[i] =
			watch(loop, reused_tubes[i].out, OURO_READABLE, replace_the_other, fresh);
	}
	return loop;
}

TEST(a_number_reused_in_the_same_turn_does_not_get_the_events_of_its_predecessor)
{
	struct tube fresh = tube_empty();
	ouro_loop *loop = two_ready_one_replaced(&fresh);

	call_after(loop, 10, close_the_one_kept, NULL);
	drive(loop);
	CHECK_STR(said, "first T");
	done(loop);
	tube_close(fresh);
	tube_close(reused_tubes[0]);
	tube_close(reused_tubes[1]);
}

TEST(a_number_reused_in_the_same_turn_gets_events_of_its_own)
{
	struct tube fresh = tube_full();
	ouro_loop *loop = two_ready_one_replaced(&fresh);

	drive(loop);
	CHECK_STR(said, "first fresh");
	done(loop);
	tube_close(fresh);
	tube_close(reused_tubes[0]);
	tube_close(reused_tubes[1]);
}

static void silence_the_other(ouro_io *io, unsigned ready, void *arg)
{
	unsigned *then = arg;
	ouro_io *other = crowd[io == crowd[0]];

	(void)ready;
	say("first");
	CHECK_EQ(ouro_io_set(other, 0), 0);
	CHECK_EQ(ouro_io_set(other, *then), 0);
	ouro_io_close(io);
	*then = 0;
}

static void second_or_first(ouro_io *io, unsigned ready, void *arg)
{
	static bool second;

	if (!second)
		silence_the_other(io, ready, arg);
	else
		say_and_close(io, ready, word("second"));
	second = true;
}

static void two_ready(ouro_loop *loop, struct tube tubes[2], ouro_io_fn *fn, void *arg)
{
	for (int i = 0; i < 2; i++) {
		tubes[i] = tube_full();
		crowd[i] = watch(loop, tubes[i].out, OURO_READABLE, fn, arg);
	}
}

static void say_the_first_to_come(ouro_io *io, unsigned ready, void *arg)
{
	int *kept = arg;
	ouro_io *other = crowd[io == crowd[0]];

	(void)ready;
	say(*kept < 0 ? "first" : "second");
	if (*kept < 0) {
		*kept = io == crowd[0];
		CHECK_EQ(ouro_io_set(other, 0), 0);
		CHECK_EQ(ouro_io_events(other), 0);
	}
	CHECK_EQ(ouro_io_set(io, 0), 0);
}

static void listen_to_the_one_kept(ouro_loop *loop, void *arg)
{
	int *kept = arg;

	(void)loop;
	say("T");
	CHECK_EQ(ouro_io_set(crowd[*kept], OURO_READABLE), 0);
}

static void close_both(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	ouro_io_close(crowd[0]);
	ouro_io_close(crowd[1]);
}

TEST(an_event_no_longer_wanted_is_dropped_and_comes_when_wanted_again)
{
	ouro_loop *loop = new_loop();
	struct tube tubes[2];
	int kept = -1;

	two_ready(loop, tubes, say_the_first_to_come, &kept);
	call_after(loop, 10, listen_to_the_one_kept, &kept);
	call_after(loop, 20, close_both, NULL);
	drive(loop);
	CHECK_STR(said, "first T second");
	done(loop);
	tube_close(tubes[0]);
	tube_close(tubes[1]);
}

TEST(events_changed_and_changed_back_are_not_lost)
{
	ouro_loop *loop = new_loop();
	struct tube tubes[2];
	unsigned then = OURO_READABLE;

	two_ready(loop, tubes, second_or_first, &then);
	drive(loop);
	CHECK_STR(said, "first second");
	done(loop);
	tube_close(tubes[0]);
	tube_close(tubes[1]);
}

static void open_a_ready_one(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	watch(loop, tube->out, OURO_READABLE, say_and_close, word("io"));
	say("opened");
	macro(loop, "macro");
}

TEST(opening_a_ready_descriptor_does_not_call_back_before_it_returns)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	call_after(loop, 10, open_a_ready_one, &tube);
	drive(loop);
	CHECK_STR(said, "opened io macro");
	done(loop);
	tube_close(tube);
}

static void say_events(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	say("%u", ready);
	ouro_io_close(io);
}

TEST(readable_and_writable_come_in_one_call)
{
	ouro_loop *loop = new_loop();
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	watch(loop, ends[0], OURO_READABLE | OURO_WRITABLE, say_events, NULL);
	drive(loop);
	CHECK_STR(said, "3");
	done(loop);
	close(ends[0]);
	close(ends[1]);
}

static void close_crowd_in_order(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	ouro_io_close(crowd[2]);
	ouro_io_close(crowd[0]);
	ouro_io_close(crowd[1]);
	ouro_io_close(crowd[2]);
}

TEST(on_close_comes_once_each_in_the_order_of_the_closes)
{
	static const char *const names[] = { "a", "b", "c" };
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	for (int i = 0; i < 3; i++)
		crowd[i] = watch_nothing(loop, tube.out, names[i]);
	call_after(loop, 10, close_crowd_in_order, NULL);
	drive(loop);
	CHECK_STR(said, "c a b");
	done(loop);
	tube_close(tube);
}

static void close_the_other_too(void *arg)
{
	say("one");
	ouro_io_close(arg);
}

TEST(a_close_asked_for_by_an_on_close_is_kept_too)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *two = watch_nothing(loop, tube.in, "two");
	ouro_io *one = watch(loop, tube.out, OURO_READABLE, never, two);

	ouro_io_on_close(one, close_the_other_too);
	ouro_io_close(one);
	drive(loop);
	CHECK_STR(said, "one two");
	done(loop);
	tube_close(tube);
}

/* ---- what keeps the loop alive, and what ends it ---- */

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

TEST(a_descriptor_that_is_not_held_does_not_keep_the_loop_alive)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, NULL);

	ouro_io_hold(io, false);
	ouro_io_hold(io, false);
	after(loop, 10, "T");
	drive(loop);
	CHECK_STR(said, "T");
	done(loop);
	tube_close(tube);
}

TEST(a_closing_handle_keeps_the_loop_alive_until_its_on_close)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();

	ouro_io_close(watch_nothing(loop, tube.out, "closed"));
	drive(loop);
	CHECK_STR(said, "closed");
	done(loop);
	tube_close(tube);
}

static void release(ouro_loop *loop, void *arg)
{
	say("%s", (const char *)arg);
	ouro_loop_hold(loop, false);
}

static void release_by_post(ouro_loop *loop, void *arg)
{
	say("post");
	CHECK_EQ(ouro_loop_post(loop, release, arg), 0);
}

TEST(holds_are_counted)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = call_after(loop, 10, release_by_post, word("first"));
	ouro_timer second = call_after(loop, 20, release_by_post, word("second"));

	CHECK(ouro_timer_hold(loop, timer, false));
	CHECK(ouro_timer_hold(loop, second, false));
	ouro_loop_hold(loop, true);
	ouro_loop_hold(loop, true);
	drive(loop);
	CHECK_STR(said, "post first post second");
	done(loop);
}

static void stop_the_loop(ouro_loop *loop, void *arg)
{
	say("A");
	macro(loop, arg);
	ouro_loop_stop(loop, 0);
}

TEST(stop_finishes_the_turn_and_no_more)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, stop_the_loop, word("macro"));
	after(loop, 10, "B");
	after(loop, 11, "C");
	drive(loop);
	CHECK_STR(said, "A B");
	done(loop);
}

static void turn_again(ouro_loop *loop, void *arg)
{
	(void)arg;
	say("A");
	macro(loop, "macro");
	micro(loop, "micro");
	CHECK(ouro_loop_turn(loop));
	say("a");
}

TEST(a_turn_inside_a_callback_does_nothing)
{
	ouro_loop *loop = new_loop();

	call_after(loop, 10, turn_again, NULL);
	drive(loop);
	CHECK_STR(said, "A a micro macro");
	done(loop);
}

static void free_the_loop(ouro_loop *loop, void *arg)
{
	say("free");
	after(loop, 0, "[timer]");
	macro(loop, "[macro]");
	micro(loop, arg);
	ouro_loop_free(loop);
	say("A");
}

TEST(a_callback_can_free_its_loop)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_full();

	call_after(loop, 10, free_the_loop, word("micro"));
	after(loop, 10, "B");
	watch_nothing(loop, tube.out, "closed");
	drive(loop);
	CHECK_STR(said, "free A micro B closed");
	done(NULL);
	tube_close(tube);
}

static void free_by_on_close(void *arg)
{
	say("free");
	ouro_loop_free(arg);
}

TEST(an_on_close_can_free_the_loop)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, loop);

	ouro_io_on_close(io, free_by_on_close);
	watch_nothing(loop, tube.out, "closed");
	ouro_io_close(io);
	drive(loop);
	CHECK_STR(said, "free closed");
	done(NULL);
	tube_close(tube);
}

/* ---- nobody starves ---- */

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
