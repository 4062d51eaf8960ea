/* host_poll.h -- behind a descriptor that a plain poll(2) loop watches. See host.h. */
#ifndef HOST_POLL_H
#define HOST_POLL_H
#include "kit.h"

static inline ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	CHECK(ouro_loop_fd(loop) >= 0);
	return loop;
}

static inline void drive(ouro_loop *loop)
{
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };
	bool left = true;

	while (left && poll(&p, 1, -1) == 1)
		left = ouro_loop_turn(loop);
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
