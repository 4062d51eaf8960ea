/* wake.c -- an eventfd, rung and silenced.
 *
 * A ring may come from a signal handler in the middle of somebody's system call, so errno leaves as
 * it came. The only refusal a live eventfd knows is EAGAIN: the counter is full when rung, which is
 * as readable as it gets, or empty when silenced, which is silence. */
#include "sys/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ouro__wake_fd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void ouro__wake_ring(int fd)
{
	int before = errno;
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	errno = before;
}

void ouro__wake_silence(int fd)
{
	int before = errno;
	uint64_t rings;

	while (read(fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
	errno = before;
}
