/* socks.h -- sockets of the test's own, for the far end of what is tested, and folders for theirs.
 *
 * The far end is driven by plain system calls from the same thread: on this machine a byte that was
 * sent can be received at once, but for TCP nobody promises that, so whoever waits for something
 * turns the loop UNTIL it is there. */
#ifndef SOCKS_H
#define SOCKS_H
#include "kit.h"
#include "ouro/net.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Turns until it is true. A loop that has nothing left to do before that fails the test. */
#define UNTIL(loop, truth) \
	while (!(truth))   \
	CHECK(ouro_loop_turn(loop) || (truth))

static inline void turns(ouro_loop *loop, int n)
{
	while (n-- > 0)
		ouro_loop_turn(loop);
}

static inline ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static inline ouro_loop *virtual_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

/* The two ends of a connection. */
struct ends {
	int ours, theirs;
};

static inline struct ends unix_ends(int type)
{
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd), 0);
	return (struct ends){ fd[0], fd[1] };
}

static inline ouro_addr at(const char *host, uint16_t port)
{
	ouro_addr addr;

	CHECK_EQ(ouro_addr_parse(host, port, &addr), 0);
	return addr;
}

/* A plain socket that listens at 127.0.0.1. */
static inline int plain_listener(int backlog, ouro_addr *ret_addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_addr = at("127.0.0.1", 0);
	CHECK(fd >= 0);
	CHECK_EQ(bind(fd, &ret_addr->sa.any, ret_addr->len), 0);
	CHECK_EQ(listen(fd, backlog), 0);
	CHECK_EQ(getsockname(fd, &ret_addr->sa.any, &ret_addr->len), 0);
	return fd;
}

/* Connected when it returns; or -errno. */
static inline int try_connect(const ouro_addr *addr)
{
	int fd = socket(addr->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	CHECK(fd >= 0);
	if (connect(fd, &addr->sa.any, addr->len) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static inline int plain_connect(const ouro_addr *addr)
{
	int fd = try_connect(addr);

	CHECK(fd >= 0);
	return fd;
}

static inline struct ends tcp_ends(void)
{
	ouro_addr addr;
	int listener = plain_listener(1, &addr);
	struct ends ends;

	ends.theirs = plain_connect(&addr);
	ends.ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(ends.ours >= 0);
	CHECK_EQ(close(listener), 0);
	return ends;
}

/* Closed so that the other end gets ECONNRESET. */
static inline void reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	CHECK_EQ(close(fd), 0);
}

/* All that can be received now, as a string; "" when there is nothing. */
static inline const char *received(int fd)
{
	static char text[65536];
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, text + used, sizeof(text) - 1 - used, MSG_DONTWAIT)) > 0)
		used += (size_t)n;
	text[used] = 0;
	return text;
}

/* Has the far end been told that there is no more? */
static inline bool at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static inline void transmit(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* A small queue in the kernel, so that it is soon full. */
static inline void squeeze(int fd)
{
	int little = 4096;

	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
}

static inline ouro_str text(const char *z)
{
	return ouro_str_z(z);
}

/* From now on no descriptor more than there are. Undone by give_fds(). */
static inline rlim_t take_fds(void)
{
	struct rlimit limit;
	rlim_t was;
	int next = dup(0);

	CHECK(next >= 0);
	CHECK_EQ(close(next), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	was = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)next;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return was;
}

static inline void give_fds(rlim_t was)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = was;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A folder of the test's own, removed with what is in it by empty_folder(). */
static inline const char *own_folder(void)
{
	static char path[64];

	strcpy(path, "/tmp/ouro-test-XXXXXX");
	CHECK(mkdtemp(path) != NULL);
	return path;
}

static inline void empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	char name[512];

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			CHECK_EQ(unlink(name), 0);
	}
	closedir(dir);
	CHECK_EQ(rmdir(path), 0);
}

static inline bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ouro_addr addr = at("::1", 0);
	bool good = fd >= 0 && bind(fd, &addr.sa.any, addr.len) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}
#endif
