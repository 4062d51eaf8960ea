/* epoll.c -- bare epoll, without parsing: one recv and one send a request, and nothing else. No
 * server can do less; every other figure is told as a multiple of this one. */
#include "peer.h"
#include <sys/epoll.h>

enum { EVENTS = 512 };

struct connection {
	int fd;
	struct peer_rest rest;
};

static int epoll;

static void watch(struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	bench_check(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == 0);
}

static void end(struct connection *c)
{
	close(c->fd);
	free(c);
}

static void answer(struct connection *c)
{
	ssize_t count = peer_receive(c->fd, &c->rest);

	if (count < 0 || (count && !peer_send(c->fd, (size_t)count)) || peer_closes)
		end(c);
}

static void take_all(int listener)
{
	int fd;

	while ((fd = peer_accept(listener)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		c->fd = fd;
		watch(c);
	}
}

int main(int argc, char **argv)
{
	struct connection listener = { .fd = peer_listen(argc, argv) };
	struct epoll_event events[EVENTS];

	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(&listener);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr == &listener)
				take_all(listener.fd);
			else
				answer(events[i].data.ptr);
	}
}
