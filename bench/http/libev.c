/* libev.c -- bare libev, without parsing: what ouro stands on, doing what epoll.c does. */
#include "peer.h"
#include <ev.h>

struct connection {
	ev_io io;
	struct peer_rest rest;
};

static void end(struct ev_loop *loop, struct connection *c)
{
	ev_io_stop(loop, &c->io);
	close(c->io.fd);
	free(c);
}

static void answer(EV_P_ ev_io *io, int events)
{
	struct connection *c = io->data;
	ssize_t count = peer_receive(io->fd, &c->rest);

	(void)events;
	if (count < 0 || (count && !peer_send(io->fd, (size_t)count)) || peer_closes)
		end(loop, c);
}

static void take_all(EV_P_ ev_io *listener, int events)
{
	int fd;

	(void)events;
	while ((fd = peer_accept(listener->fd)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		ev_io_init(&c->io, answer, fd, EV_READ);
		c->io.data = c;
		ev_io_start(loop, &c->io);
	}
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	ev_io listener;

	if (argc < 2) {
		printf("%d.%d\n", ev_version_major(), ev_version_minor());
		return 0;
	}
	bench_check(loop);
	ev_io_init(&listener, take_all, peer_listen(argc, argv), EV_READ);
	ev_io_start(loop, &listener);
	ev_run(loop, 0);
	return 0;
}
