/* poll.c -- behind one descriptor, in a host that is a plain poll(2) loop. */
#include "foreign.h"

static int bell = -1;
static void (*asked)(void *arg);
static void *asked_arg;

static void call_from_host(void (*fn)(void *arg), void *arg)
{
	asked = fn;
	asked_arg = arg;
	CHECK_EQ(eventfd_write(bell, 1), 0);
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	CHECK(ouro_loop_fd(loop) >= 0);
	if (bell < 0)
		bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return loop;
}

static void drive(ouro_loop *loop)
{
	struct pollfd p[] = { { .fd = ouro_loop_fd(loop), .events = POLLIN },
			      { .fd = bell, .events = POLLIN } };
	bool left = true;

	while (left && poll(p, 2, -1) > 0) {
		if (p[1].revents) {
			drain(bell);
			asked(asked_arg);
		}
		if (p[0].revents)
			left = ouro_loop_turn(loop);
	}
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
	close(bell);
	bell = -1;
}

TEST(two_loops_behind_two_descriptors_do_not_meet)
{
	ouro_loop *one = new_loop(), *two = new_loop();

	after(one, 10, "one");
	after(two, 10, "two");
	macro(one, "macro");
	drive(one);
	CHECK_STR(said, "macro one");
	drive(two);
	CHECK_STR(said, "macro one two");
	ouro_loop_free(one);
	done(two);
}

static void drive_the_other(ouro_loop *loop, void *other)
{
	(void)loop;
	say("begin");
	drive(other);
	say("end");
}

TEST(a_loop_can_be_driven_from_a_callback_of_another)
{
	ouro_loop *one = new_loop(), *two = new_loop();

	call_after(one, 10, drive_the_other, two);
	after(one, 10, "one");
	after(two, 10, "two");
	drive(one);
	CHECK_STR(said, "begin two end one");
	ouro_loop_free(one);
	done(two);
}
