/* sock.c -- the socket calls, with one kind of error and none of the surprises. See sock.h.
 *
 * MSG_NOSIGNAL in each send, because the process may be a host's, and what SIGPIPE does to it is
 * the host's business. MSG_DONTWAIT in each call too: a descriptor that was given to us may be
 * shared with a process that makes it blocking again. */
#include "sys/sock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define PROBES 3

/* expr until no signal interrupts it; its result or -errno, as a ssize_t. */
#define answer(expr)                                    \
	__extension__({                                 \
		ssize_t n_;                             \
                                                        \
		do                                      \
			n_ = (expr);                    \
		while (n_ < 0 && errno == EINTR);       \
		n_ < 0 ? (ssize_t)-errno : (ssize_t)n_; \
	})

int ouro__sock_open(int family, int type)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int ouro__sock_bind(int fd, const ouro_addr *addr)
{
	return bind(fd, &addr->sa.any, addr->len) ? -errno : 0;
}

int ouro__sock_listen(int fd, unsigned backlog)
{
	return listen(fd, backlog < INT_MAX ? (int)backlog : INT_MAX) ? -errno : 0;
}

/* ::ffff:192.0.2.1 is how a socket for both families speaks of 192.0.2.1. */
static void unmap(ouro_addr *addr)
{
	const struct sockaddr_in6 v6 = addr->sa.v6;

	if (v6.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		return;
	memset(addr, 0, sizeof(addr->sa.v4) + offsetof(ouro_addr, sa));
	addr->len = sizeof(addr->sa.v4);
	addr->sa.v4.sin_family = AF_INET;
	addr->sa.v4.sin_port = v6.sin6_port;
	memcpy(&addr->sa.v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof(addr->sa.v4.sin_addr));
}

/* A Unix socket without a name comes back with nothing but its family, or not even that. */
static void begin_addr(ouro_addr *addr)
{
	addr->len = sizeof(addr->sa);
	addr->sa.any.sa_family = AF_UNSPEC;
}

static int end_addr(ouro_addr *addr, ssize_t err)
{
	if (addr->len > sizeof(addr->sa))
		addr->len = sizeof(addr->sa);
	if (err >= 0)
		unmap(addr);
	return (int)err;
}

int ouro__sock_accept(int fd, ouro_addr *ret_peer)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

	begin_addr(ret_peer);
	return end_addr(ret_peer, answer(accept4(fd, &ret_peer->sa.any, &ret_peer->len, flags)));
}

/* Interrupted, it goes on all the same. */
int ouro__sock_connect(int fd, const ouro_addr *addr)
{
	if (connect(fd, &addr->sa.any, addr->len) == 0)
		return 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

int ouro__sock_error(int fd)
{
	int waiting, err = ouro__sock_get(fd, SOL_SOCKET, SO_ERROR, &waiting);

	return err ? err : -waiting;
}

int ouro__sock_local(int fd, ouro_addr *ret_addr)
{
	begin_addr(ret_addr);
	return end_addr(ret_addr, answer(getsockname(fd, &ret_addr->sa.any, &ret_addr->len)));
}

int ouro__sock_peer(int fd, ouro_addr *ret_addr)
{
	begin_addr(ret_addr);
	return end_addr(ret_addr, answer(getpeername(fd, &ret_addr->sa.any, &ret_addr->len)));
}

int ouro__sock_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

int ouro__sock_get(int fd, int level, int option, int *ret_value)
{
	socklen_t len = sizeof(*ret_value);

	return getsockopt(fd, level, option, ret_value, &len) ? -errno : 0;
}

int ouro__sock_nodelay(int fd, bool on)
{
	return ouro__sock_set(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

/* The kernel takes 1 to 32767 seconds. */
int ouro__sock_keepalive(int fd, unsigned seconds)
{
	int idle = seconds < 32767 ? (int)seconds : 32767;
	int interval = idle / PROBES > 1 ? idle / PROBES : 1;
	int err = ouro__sock_set(fd, SOL_SOCKET, SO_KEEPALIVE, seconds > 0);

	if (err || !seconds)
		return err;
	err = ouro__sock_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	if (!err)
		err = ouro__sock_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
	if (!err)
		err = ouro__sock_set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	return err;
}

int ouro__sock_abort(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) ? -errno : 0;
}

int ouro__sock_shutdown(int fd)
{
	return shutdown(fd, SHUT_WR) ? -errno : 0;
}

int ouro__sock_adopt(int fd)
{
	int type, flags, err = ouro__sock_get(fd, SOL_SOCKET, SO_TYPE, &type);

	if (err)
		return err;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return 0;
}

ssize_t ouro__sock_recv(int fd, void *bytes, size_t room)
{
	return answer(recv(fd, bytes, room, MSG_DONTWAIT));
}

ssize_t ouro__sock_send(int fd, const void *bytes, size_t n)
{
	return answer(send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t ouro__sock_sendv(int fd, const struct iovec *iov, size_t count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count };

	return answer(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t ouro__sock_send_to(int fd, const void *bytes, size_t n, const ouro_addr *to)
{
	return answer(sendto(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, to ? &to->sa.any : NULL,
			     to ? to->len : 0));
}

ssize_t ouro__sock_recv_from(int fd, void *bytes, size_t room, ouro_addr *ret_from)
{
	const int flags = MSG_DONTWAIT | MSG_TRUNC;
	ssize_t n;

	begin_addr(ret_from);
	n = answer(recvfrom(fd, bytes, room, flags, &ret_from->sa.any, &ret_from->len));
	end_addr(ret_from, n < 0 ? -1 : 0);
	return n;
}
