/* epoll.c -- one file by bare epoll (file.h), without parsing: the least that a server can do.
 *
 *     epoll FILE -p PORT
 *
 * Every other figure is told as a multiple of this one. */
#include "file.h"
#include <signal.h>
#include <sys/epoll.h>

enum { EVENTS = 512 };

struct connection {
	int fd;
	struct peer_rest rest;
	off_t at; /* of the file */
	bool waits;
};

static int epoll;

static void watch(struct connection *c, uint32_t events, int what)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	bench_check(epoll_ctl(epoll, what, c->fd, &event) == 0);
}

static void go_on(struct connection *c, enum file_news news)
{
	if (news == FILE_GONE) {
		close(c->fd);
		free(c);
	} else if (c->waits != (news == FILE_WAITS)) {
		c->waits = !c->waits;
		watch(c, c->waits ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
	}
}

static void serve(struct connection *c)
{
	ssize_t count;

	if (c->waits) {
		go_on(c, file_send_on(c->fd, &c->at));
		return;
	}
	count = peer_receive(c->fd, &c->rest);
	if (count)
		go_on(c, count < 0 ? FILE_GONE : file_send(c->fd, &c->at));
}

static void take_all(int listener)
{
	int fd;

	while ((fd = peer_accept(listener)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		c->fd = fd;
		watch(c, EPOLLIN, EPOLL_CTL_ADD);
	}
}

int main(int argc, char **argv)
{
	struct connection listener = { .fd = peer_listen(argc, argv) };
	struct epoll_event events[EVENTS];

	file_open(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr == &listener)
				take_all(listener.fd);
			else
				serve(events[i].data.ptr);
	}
}
