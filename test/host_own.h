/* host_own.h -- a loop of our own, which ouro_loop_run() turns. See host.h. */
#ifndef HOST_OWN_H
#define HOST_OWN_H
#include "kit.h"

static inline ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	return loop;
}

static inline void drive(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

static inline void drive_once(ouro_loop *loop)
{
	ouro_loop_turn(loop);
}

static inline void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
}
#endif
