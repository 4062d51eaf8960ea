/* order_libev.c -- when answers of a crew come, inside a host's libev loop. */
#include "crew_order.h"
#include <ev.h>

static struct ev_loop *host;

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop_opts inside = *opts;
	ouro_loop *loop;

	host = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	CHECK(host != NULL);
	inside.ev = host;
	loop = ouro_loop_new(&inside);
	CHECK(loop != NULL);
	return loop;
}

static void drive(ouro_loop *loop)
{
	(void)loop;
	ev_run(host, 0);
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}
