/* An eventfd: rung by anybody, silenced by the loop. */
#include "sys/wake.h"

#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents == POLLIN;
}

TEST(it_is_silent_at_first_and_never_blocks)
{
	int fd = ouro__wake_fd();

	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!readable(fd, 0));
	ouro__wake_silence(fd);
	CHECK(!readable(fd, 0));
	close(fd);
}

TEST(many_rings_before_the_silence_are_one)
{
	int fd = ouro__wake_fd();

	for (int i = 0; i < 1000; i++)
		ouro__wake_ring(fd);
	CHECK(readable(fd, 0));
	ouro__wake_silence(fd);
	CHECK(!readable(fd, 0));
	ouro__wake_ring(fd);
	CHECK(readable(fd, 0));
	close(fd);
}

TEST(a_full_counter_is_as_loud_as_it_gets)
{
	uint64_t nearly_all = UINT64_MAX - 1;
	int fd = ouro__wake_fd();

	CHECK_EQ(write(fd, &nearly_all, sizeof(nearly_all)), sizeof(nearly_all));
	ouro__wake_ring(fd);
	CHECK(readable(fd, 0));
	ouro__wake_silence(fd);
	CHECK(!readable(fd, 0));
	close(fd);
}

TEST(errno_stays_whatever_happens)
{
	uint64_t nearly_all = UINT64_MAX - 1;
	int fd = ouro__wake_fd();

	errno = EXDEV;
	ouro__wake_silence(fd); /* EAGAIN */
	CHECK_EQ(errno, EXDEV);
	CHECK_EQ(write(fd, &nearly_all, sizeof(nearly_all)), sizeof(nearly_all));
	errno = EXDEV;
	ouro__wake_ring(fd); /* EAGAIN again */
	CHECK_EQ(errno, EXDEV);
	close(fd);
	ouro__wake_ring(-1);
	CHECK_EQ(errno, EXDEV);
}

static int handlers_fd;

static void ring_it(int signal)
{
	(void)signal;
	ouro__wake_ring(handlers_fd);
}

TEST(a_signal_handler_may_ring)
{
	handlers_fd = ouro__wake_fd();
	signal(SIGUSR1, ring_it);
	raise(SIGUSR1);
	CHECK(readable(handlers_fd, 0));
	close(handlers_fd);
}

static void *ring_later(void *arg)
{
	usleep(20000);
	ouro__wake_ring(*(int *)arg);
	return NULL;
}

TEST(a_thread_wakes_a_poll)
{
	int fd = ouro__wake_fd();
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, ring_later, &fd), 0);
	CHECK(readable(fd, -1));
	CHECK_EQ(pthread_join(thread, NULL), 0);
	close(fd);
}

TEST(without_a_descriptor_it_says_so)
{
	struct rlimit limit;
	int answer;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 0;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	answer = ouro__wake_fd();
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(answer, -EMFILE);
}
