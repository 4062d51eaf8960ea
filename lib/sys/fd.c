/* fd.c -- closing, and asking epoll what it takes.
 *
 * Nothing but epoll itself knows which descriptors it can watch: regular files and directories are
 * out, but so is whatever a driver never gave a poll function. So the question is put by adding the
 * descriptor, for no events, and taking it out again. */
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MOST_READY 1024

/* Not repeated on EINTR: Linux has given the number free by then, and another thread may own it. */
void ouro__fd_close(int *fd)
{
	int before = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = before;
}

int ouro__fd_pollable(int epoll, int fd)
{
	struct epoll_event nothing = { .events = 0 };
	int before = errno, err = 0;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &nothing) == 0)
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &nothing);
	else if (errno != EEXIST)
		err = -errno;
	errno = before;
	return err;
}

unsigned ouro__fd_count_ready(int epoll)
{
	struct epoll_event events[MOST_READY];
	int n = epoll_wait(epoll, events, MOST_READY, 0);

	return n < 0 ? 0 : (unsigned)n;
}

bool ouro__fd_is_readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1 && (one.revents & POLLIN);
}
