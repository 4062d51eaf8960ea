/* host_libev.h -- inside a host's libev loop, which ev_run() turns. See host.h. */
#ifndef HOST_LIBEV_H
#define HOST_LIBEV_H
#include "kit.h"
#include <ev.h>

#ifndef BACKEND
#define BACKEND EVBACKEND_EPOLL
#endif

static struct ev_loop *host;

static inline ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop_opts inside = opts ? *opts : (ouro_loop_opts){ .ev = NULL };
	ouro_loop *loop;

	if (!host)
		host = ev_loop_new(BACKEND | EVFLAG_NOENV);
	CHECK(host != NULL);
	inside.ev = host;
	loop = ouro_loop_new(&inside);
	CHECK(loop != NULL);
	return loop;
}

static inline void drive(ouro_loop *loop)
{
	(void)loop;
	ev_run(host, 0);
}

static inline void drive_once(ouro_loop *loop)
{
	(void)loop;
	ev_run(host, EVRUN_NOWAIT);
}

static inline void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
	ev_loop_destroy(host);
	host = NULL;
}
#endif
