/* epoll.c -- inside an epoll that tells each edge once, as nginx's and many a proxy's do.  ★★
 *
 * Libraries that hand out libev's own descriptor lose events here: libev takes 64 of them a pass,
 * and there is no second edge for the rest. ouro takes what there is, or makes a new edge.
 *
 *     cc epoll.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int host, guest_fd;

static void watch(int fd, uint32_t events)
{
	epoll_ctl(host, EPOLL_CTL_ADD, fd, &(struct epoll_event){ events, { .fd = fd } });
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	epoll_ctl(host, EPOLL_CTL_DEL, guest_fd, NULL);
	puts("the guest has left");
}

static int start_ticking(void)
{
	struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	timerfd_settime(fd, 0, &(struct itimerspec){ tick, tick }, NULL);
	return fd;
}

int main(int argc, char **argv)
{
	int timer = start_ticking();
	struct epoll_event event = { .data.fd = -1 };
	uint64_t n;

	host = epoll_create1(EPOLL_CLOEXEC);
	guest_fd = house_opens(argc, argv, NULL, gone);
	if (guest_fd < 0)
		return 1;
	watch(STDIN_FILENO, EPOLLIN);
	watch(timer, EPOLLIN | EPOLLET);
	watch(guest_fd, EPOLLIN | EPOLLET);
	while (event.data.fd != STDIN_FILENO || house_reads()) {
		if (event.data.fd == timer && read(timer, &n, sizeof(n)) > 0)
			house_ticks();
		if (event.data.fd == guest_fd && guest.loop)
			ouro_loop_turn(guest.loop);
		epoll_wait(host, &event, 1, -1);
	}
	guest_end(&guest);
	close(timer);
	close(host);
	return 0;
}
