/* limit.c -- setrlimit, and the ranks of the scheduler. See limit.h.
 *
 * A forked process has all the addresses of its parent, which may be terabytes (a sanitizer's
 * shadow), so a limit is set on top of what is there, not in its place. */
#include "sys/limit.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void ouro__limit_rank(int nice)
{
	struct sched_param zero = { .sched_priority = 0 };
	int now;

	if (!nice)
		return;
	sched_setscheduler(0, nice == LIMIT_IDLE ? SCHED_IDLE : SCHED_BATCH, &zero);
	if (nice == LIMIT_IDLE)
		return;
	errno = 0;
	now = getpriority(PRIO_PROCESS, 0); /* 0 is this thread, to Linux */
	if (!errno)
		setpriority(PRIO_PROCESS, 0, now + nice);
}

/* All addresses, and those in memory, in pages. */
static bool read_pages(unsigned long *ret_all, unsigned long *ret_resident)
{
	char text[128];
	ssize_t n;
	int fd;

	errno = 0;
	fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	ouro__fd_close(&fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return sscanf(text, "%lu %lu", ret_all, ret_resident) == 2;
}

/* The soft one: the kernel kills at the hard one of RLIMIT_CPU, and a host may have set its own. */
static int limit(int what, rlim_t most)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now))
		return -errno;
	now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &now) ? -errno : 0;
}

int ouro__limit_memory(size_t bytes)
{
	unsigned long pages, resident;
	rlim_t now;

	if (!read_pages(&pages, &resident))
		return errno ? -errno : -EIO;
	now = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	return limit(RLIMIT_AS, bytes < RLIM_INFINITY - now ? now + bytes : RLIM_INFINITY);
}

/* Whole seconds are all the kernel knows; a started one counts for the job. */
int ouro__limit_cpu(unsigned seconds)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
		return -errno;
	return limit(RLIMIT_CPU, (rlim_t)used.tv_sec + (used.tv_nsec > 0) + seconds);
}

int ouro__limit_no_core(void)
{
	return limit(RLIMIT_CORE, 0);
}

uint64_t ouro__limit_resident(void)
{
	unsigned long pages, resident;

	if (!read_pages(&pages, &resident))
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
