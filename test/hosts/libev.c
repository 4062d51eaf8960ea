/* libev.c -- the rules of order inside a host's libev loop, which ev_run() turns. */
#include "ordering.h"
#include <ev.h>

#ifndef BACKEND
#define BACKEND EVBACKEND_EPOLL
#endif

static struct ev_loop *host;

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop_opts inside = *opts;
	ouro_loop *loop;

	if (!host)
		host = ev_loop_new(BACKEND | EVFLAG_NOENV);
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
	host = NULL;
}
