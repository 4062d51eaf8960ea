/* A word to the service manager: a datagram, and nothing when there is none. */
#include "sys/supervisor.h"

#include "sys/clock.h"

#include "test.h"
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static char heard[256];

/* The far end, at that name. */
static int manager(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = 0;
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *hear(int fd)
{
	ssize_t n = recv(fd, heard, sizeof(heard) - 1, 0);

	CHECK(n >= 0);
	heard[n] = 0;
	return heard;
}

TEST(without_a_manager_nothing_is_said_and_that_is_no_error)
{
	unsetenv("NOTIFY_SOCKET");
	CHECK_EQ(ouro__supervisor_tell("READY=1"), 0);
	CHECK_EQ(ouro__supervisor_interval(), 0);
}

TEST(a_word_is_a_datagram_to_a_file)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/tmp/ouro-supervisor-%d", getpid());
	fd = manager(name);
	CHECK_EQ(ouro__supervisor_tell("READY=1"), 0);
	CHECK_STR(hear(fd), "READY=1");
	close(fd);
	unlink(name);
	CHECK_EQ(ouro__supervisor_tell("READY=1"), -ENOENT);
}

TEST(or_to_a_name_without_a_file)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@ouro-supervisor-%d", getpid());
	fd = manager(name);
	CHECK_EQ(ouro__supervisor_tell("WATCHDOG=1"), 0);
	CHECK_STR(hear(fd), "WATCHDOG=1");
	close(fd);
	CHECK_EQ(ouro__supervisor_tell("WATCHDOG=1"), -ECONNREFUSED);
}

TEST(a_manager_that_does_not_read_is_not_waited_for)
{
	char name[64];
	int fd, err, n = 0;

	snprintf(name, sizeof(name), "@ouro-supervisor-%d", getpid());
	fd = manager(name);
	while (!(err = ouro__supervisor_tell("WATCHDOG=1")) && n < 100000)
		n++;
	CHECK_EQ(err, -EAGAIN);
	close(fd);
}

TEST(a_name_that_is_none_is_an_error)
{
	char name[300] = "/";

	setenv("NOTIFY_SOCKET", "relative", 1);
	CHECK_EQ(ouro__supervisor_tell("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "", 1);
	CHECK_EQ(ouro__supervisor_tell("READY=1"), -EINVAL);
	memset(name + 1, 'x', 200);
	setenv("NOTIFY_SOCKET", name, 1);
	CHECK_EQ(ouro__supervisor_tell("READY=1"), -EINVAL);
}

TEST(the_interval_is_for_the_process_that_is_named)
{
	char pid[16];

	setenv("NOTIFY_SOCKET", "@somebody", 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	CHECK_EQ(ouro__supervisor_interval(), 3 * NS_PER_S);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	CHECK_EQ(ouro__supervisor_interval(), 3 * NS_PER_S);
	setenv("WATCHDOG_PID", "1", 1);
	CHECK_EQ(ouro__supervisor_interval(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "3x", 1);
	CHECK_EQ(ouro__supervisor_interval(), 0);
	setenv("WATCHDOG_USEC", "-3", 1);
	CHECK_EQ(ouro__supervisor_interval(), 0);
}
