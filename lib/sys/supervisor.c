/* supervisor.c -- see supervisor.h.
 *
 * A socket for each word: they are few, and a descriptor that nobody knows of would be one that a
 * daemon closes. A name that begins with @ has no file: its first byte is a zero. */
#include "sys/supervisor.h"

#include "sys/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int address_of(const char *name, struct sockaddr_un *ret_addr, socklen_t *ret_len)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(ret_addr->sun_path))
		return -EINVAL;
	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret_addr->sun_path, name, len);
	if (name[0] == '@')
		ret_addr->sun_path[0] = 0;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int ouro__supervisor_tell(const char *words)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr;
	socklen_t len;
	int fd, err = name ? address_of(name, &addr, &len) : 0;

	if (!name || err)
		return err;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, words, strlen(words), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0)
		err = -errno;
	close(fd);
	return err;
}

static uint64_t number_in(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long n;

	if (!text || *text < '0' || *text > '9')
		return 0;
	n = strtoull(text, &end, 10);
	return *end ? 0 : n;
}

/* The process that it is for is named, since children inherit it. */
uint64_t ouro__supervisor_interval(void)
{
	uint64_t us = number_in("WATCHDOG_USEC");

	if (!getenv("NOTIFY_SOCKET") || us > UINT64_MAX / NS_PER_US)
		return 0;
	if (getenv("WATCHDOG_PID") && number_in("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	return us * NS_PER_US;
}
