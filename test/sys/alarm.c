/* A timerfd: readable from its deadline on. */
#include "sys/alarm.h"

#include "dies.h"
#include "sys/clock.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents == POLLIN;
}

static int set_to(uint64_t deadline)
{
	int fd = ouro__alarm_fd();

	CHECK(fd >= 0);
	ouro__alarm_set(fd, deadline);
	return fd;
}

TEST(it_is_silent_at_first_and_never_blocks)
{
	int fd = ouro__alarm_fd();

	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!readable(fd, 1));
	close(fd);
}

TEST(it_goes_off_at_its_deadline_and_not_before)
{
	uint64_t deadline = clock_ns() + 20 * NS_PER_MS;
	int fd = set_to(deadline);

	CHECK(!readable(fd, 0) || clock_ns() >= deadline);
	CHECK(readable(fd, -1));
	CHECK(clock_ns() >= deadline);
	close(fd);
}

TEST(deadline_zero_is_now_and_not_never)
{
	int fd = set_to(0);

	CHECK(readable(fd, 1000));
	close(fd);
}

TEST(the_past_is_now)
{
	int fd = set_to(clock_ns() - 1);

	CHECK(readable(fd, 1000));
	ouro__alarm_set(fd, 1);
	CHECK(readable(fd, 1000));
	close(fd);
}

TEST(never_takes_back_what_was_set)
{
	int fd = set_to(clock_ns() + 5 * NS_PER_MS);

	ouro__alarm_set(fd, UINT64_MAX);
	CHECK(!readable(fd, 20));
	close(fd);
}

TEST(setting_forgets_what_went_off)
{
	int fd = set_to(0);

	CHECK(readable(fd, 1000));
	ouro__alarm_set(fd, clock_ns() + 3600 * NS_PER_S);
	CHECK(!readable(fd, 1));
	ouro__alarm_set(fd, 0);
	CHECK(readable(fd, 1000));
	ouro__alarm_set(fd, UINT64_MAX);
	CHECK(!readable(fd, 1));
	close(fd);
}

/* However far away: still ahead, by dozens of years. */
TEST(a_far_deadline_does_not_wrap)
{
	static const uint64_t far[] = { UINT64_MAX - 1, UINT64_MAX / 2, UINT64_C(1) << 62,
					UINT64_C(0x100000000) * NS_PER_S,
					UINT64_C(0x7fffffff) * NS_PER_S };

	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		int fd = set_to(far[i]);
		struct itimerspec left;

		CHECK_EQ(timerfd_gettime(fd, &left), 0);
		CHECK(left.it_value.tv_sec > 1000000000);
		CHECK(!readable(fd, 0));
		close(fd);
	}
}

static void set_closed(void *arg)
{
	ouro__alarm_set(*(int *)arg, 1);
}

TEST(a_descriptor_that_was_closed_behind_its_back_is_said)
{
	int closed = ouro__alarm_fd();
	char said[256];

	close(closed);
	dies(set_closed, &closed, said, sizeof(said));
	CHECK(strstr(said, "timerfd_settime"));
}

TEST(without_a_descriptor_it_says_so)
{
	struct rlimit limit;
	int answer;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 0;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	answer = ouro__alarm_fd();
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(answer, -EMFILE);
}
