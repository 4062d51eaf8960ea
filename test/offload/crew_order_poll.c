/* order_poll.c -- when answers of a crew come, behind a descriptor that a plain poll(2) loop watches. */
#include "crew_order.h"

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	CHECK(ouro_loop_fd(loop) >= 0);
	return loop;
}

static void drive(ouro_loop *loop)
{
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };
	bool left = true;

	while (left && poll(&p, 1, -1) == 1)
		left = ouro_loop_turn(loop);
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
}
