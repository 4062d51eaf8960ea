/* alarm.c -- a timerfd on the monotonic clock, always set to an absolute time.
 *
 * Setting it forgets what went off before, so nothing ever has to be read from it. Two numbers need
 * care: 0 means "stop" to the kernel and "now" to us, and a deadline five centuries away must not
 * wrap into the past where a second count has 31 bits. */
#include "sys/alarm.h"

#include "base/check.h"
#include "sys/clock.h"

#include <errno.h>
#include <sys/timerfd.h>

int ouro__alarm_fd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static struct timespec when(uint64_t deadline)
{
	uint64_t s = deadline / NS_PER_S;

	if (deadline == UINT64_MAX)
		return (struct timespec){ 0, 0 };
	if (deadline == 0)
		return (struct timespec){ 0, 1 };
	/* 68 years of uptime are as good as for ever. */
	if (s > INT32_MAX)
		s = INT32_MAX;
	return (struct timespec){ (time_t)s, (long)(deadline % NS_PER_S) };
}

void ouro__alarm_set(int fd, uint64_t deadline)
{
	struct itimerspec at = { .it_value = when(deadline) };

	/* It cannot fail on a timerfd: this is none, or it was closed behind our back, and a loop
	 * that sleeps for ever would be harder to explain. */
	ouro__check(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}
