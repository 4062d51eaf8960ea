/* order_own.c -- when answers of a crew come, in a loop of our own. */
#include "crew_order.h"

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

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
}
