/* worker_own.c -- a loop and its workers, in a loop of our own. */
#include "worker_order.h"

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	return loop;
}

static void drive(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

static void drive_once(ouro_loop *loop)
{
	ouro_loop_turn(loop);
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
}
