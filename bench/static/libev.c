/* libev.c -- one file by bare libev (file.h), without parsing: what epoll.c does.
 *
 *     libev FILE -p PORT */
#include "file.h"
#include <ev.h>
#include <signal.h>

struct connection {
	ev_io io;
	struct peer_rest rest;
	off_t at; /* of the file */
};

static void end(struct ev_loop *loop, struct connection *c)
{
	ev_io_stop(loop, &c->io);
	close(c->io.fd);
	free(c);
}

static void watch(struct ev_loop *loop, struct connection *c, int events)
{
	if (c->io.events & events)
		return;
	ev_io_stop(loop, &c->io);
	ev_io_set(&c->io, c->io.fd, events);
	ev_io_start(loop, &c->io);
}

static void serve(EV_P_ ev_io *io, int events)
{
	struct connection *c = io->data;
	enum file_news news;
	ssize_t count;

	if (events & EV_WRITE) {
		news = file_send_on(io->fd, &c->at);
	} else {
		count = peer_receive(io->fd, &c->rest);
		if (!count)
			return;
		news = count < 0 ? FILE_GONE : file_send(io->fd, &c->at);
	}
	if (news == FILE_GONE)
		end(loop, c);
	else
		watch(loop, c, news == FILE_WAITS ? EV_WRITE : EV_READ);
}

static void take_all(EV_P_ ev_io *listener, int events)
{
	int fd;

	(void)events;
	while ((fd = peer_accept(listener->fd)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		ev_io_init(&c->io, serve, fd, EV_READ);
		c->io.data = c;
		ev_io_start(loop, &c->io);
	}
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	ev_io listener;

	bench_check(loop);
	file_open(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	ev_io_init(&listener, take_all, peer_listen(argc, argv), EV_READ);
	ev_io_start(loop, &listener);
	ev_run(loop, 0);
	return 0;
}
