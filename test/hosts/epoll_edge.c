/* epoll_edge.c -- behind one descriptor, in a host that asks its epoll to tell each edge once. */
#include "foreign.h"
#include <sys/epoll.h>

static int host = -1, bell = -1;
static void (*asked)(void *arg);
static void *asked_arg;

static void call_from_host(void (*fn)(void *arg), void *arg)
{
	asked = fn;
	asked_arg = arg;
	CHECK_EQ(eventfd_write(bell, 1), 0);
}

static void host_watches(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	CHECK_EQ(epoll_ctl(host, EPOLL_CTL_ADD, fd, &event), 0);
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	host = epoll_create1(EPOLL_CLOEXEC);
	bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	host_watches(bell);
	host_watches(ouro_loop_fd(loop));
	return loop;
}

static void drive(ouro_loop *loop)
{
	struct epoll_event event;
	bool left = true;

	while (left && epoll_wait(host, &event, 1, -1) == 1) {
		if (event.data.fd == bell) {
			drain(bell);
			asked(asked_arg);
		} else {
			left = ouro_loop_turn(loop);
		}
	}
}

static void done(ouro_loop *loop)
{
	ouro_loop_free(loop);
	close(host);
	close(bell);
}
