/* Closing, and what epoll takes. */
#include "sys/fd.h"

#include "test.h"
#include <fcntl.h>
#include <sys/epoll.h>

static int open_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

/* What ouro__fd_pollable() says of a file of that name; errno must stay. */
static int pollable(const char *path)
{
	int epoll = open_epoll(), fd = open(path, O_RDONLY), answer;

	CHECK(fd >= 0);
	errno = EXDEV;
	answer = ouro__fd_pollable(epoll, fd);
	CHECK_EQ(errno, EXDEV);
	close(fd);
	close(epoll);
	return answer;
}

TEST(closing_leaves_minus_one)
{
	int fd = open("/dev/null", O_RDONLY), number = fd;

	ouro__fd_close(&fd);
	CHECK_EQ(fd, -1);
	CHECK_EQ(fcntl(number, F_GETFD), -1);
}

TEST(what_is_closed_can_be_closed)
{
	int fd = -1;

	ouro__fd_close(&fd);
	CHECK_EQ(fd, -1);
}

TEST(closing_keeps_errno)
{
	int fd = 1000000; /* not open: close() has something to say */

	errno = EXDEV;
	ouro__fd_close(&fd);
	CHECK_EQ(errno, EXDEV);
}

TEST(a_file_is_always_ready_and_cannot_be_waited_for)
{
	CHECK_EQ(pollable("/proc/self/exe"), -EPERM);
	CHECK_EQ(pollable("/"), -EPERM);
	CHECK_EQ(pollable("/dev/null"), -EPERM);
}

TEST(a_closed_descriptor_is_no_descriptor)
{
	int epoll = open_epoll();

	CHECK_EQ(ouro__fd_pollable(epoll, -1), -EBADF);
	CHECK_EQ(ouro__fd_pollable(epoll, 1000000), -EBADF);
	close(epoll);
}

TEST(a_pipe_can_be_waited_for_and_stays_out_of_the_set)
{
	struct epoll_event in = { .events = EPOLLIN };
	int epoll = open_epoll(), fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ouro__fd_pollable(epoll, fd[0]), 0);
	CHECK_EQ(ouro__fd_pollable(epoll, fd[1]), 0);
	CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &in), 0);
	close(fd[0]);
	close(fd[1]);
	close(epoll);
}

TEST(what_is_in_the_set_already_stays_there)
{
	struct epoll_event in = { .events = EPOLLIN }, got;
	int epoll = open_epoll(), fd[2];

	CHECK_EQ(pipe(fd), 0);
	in.data.fd = fd[0];
	CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &in), 0);
	errno = EXDEV;
	CHECK_EQ(ouro__fd_pollable(epoll, fd[0]), 0);
	CHECK_EQ(errno, EXDEV);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(epoll_wait(epoll, &got, 1, 0), 1);
	CHECK(got.events == EPOLLIN && got.data.fd == fd[0]);
	close(fd[0]);
	close(fd[1]);
	close(epoll);
}
