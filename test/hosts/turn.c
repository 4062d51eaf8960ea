/* turn.c -- the rules of order in a loop turned by hand, which never waits. */
#include "ordering.h"

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	return loop;
}

static void drive(ouro_loop *loop)
{
	while (ouro_loop_turn(loop))
		;
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
}
