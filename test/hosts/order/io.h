/* io.h -- ready descriptors: once a turn each, and not after they were closed. */
#ifndef ORDER_IO_H
#define ORDER_IO_H

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

static void drain_and_touch_the_other(ouro_io *io, unsigned ready, void *arg)
{
	ouro_io *other = crowd[io == crowd[0]];

	(void)arg, (void)ready;
	say("first");
	drain(ouro_io_fd(io));
	drain(ouro_io_fd(other));
	CHECK_EQ(ouro_io_set(other, 0), 0);
	CHECK_EQ(ouro_io_set(other, OURO_READABLE), 0);
}

TEST(an_event_that_was_dropped_does_not_come_back_with_the_wish_for_it)
{
	ouro_loop *loop = new_loop();
	struct tube tubes[2];

	two_ready(loop, tubes, drain_and_touch_the_other, NULL);
	call_after(loop, 10, close_both, NULL);
	drive(loop);
	CHECK_STR(said, "first");
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

/* ---- more than libev takes from the kernel at once ---- */

#define MANY 400

static struct {
	int called[MANY];
	int times;
} many;

static void count_and_drain(ouro_io *io, unsigned ready, void *arg)
{
	int *called = arg;

	CHECK_EQ(ready, OURO_READABLE);
	if (++*called == many.times) {
		drain(ouro_io_fd(io));
		ouro_io_close(io);
	}
}

static void call_each_of_many(int times)
{
	ouro_loop *loop = new_loop();
	int fd[MANY];

	many.times = times;
	for (int i = 0; i < MANY; i++) {
		fd[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		CHECK(fd[i] >= 0);
		watch(loop, fd[i], OURO_READABLE, count_and_drain, &many.called[i]);
	}
	drive(loop);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(many.called[i], times);
		close(fd[i]);
	}
	done(loop);
}

TEST(four_hundred_ready_descriptors_are_all_called)
{
	call_each_of_many(1);
}

TEST(four_hundred_descriptors_that_stay_ready_are_called_again)
{
	call_each_of_many(5);
}

#endif
