/* pass.c -- SCM_RIGHTS. The other end may be hostile: it may send more than was asked for, or fewer,
 * and whatever came and is not wanted must be closed, or it would fill our table of descriptors. */
#include "sys/pass.h"

#include "ouro/error.h"
#include "sys/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Aligned as the header of a control message must be. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PASS_MOST * sizeof(int))];
};

int ouro__pass_pair(int ret_end[2])
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

	return socketpair(AF_UNIX, type, 0, ret_end) ? -errno : 0;
}

int ouro__pass_send(int side, const int *fds, unsigned count)
{
	size_t size = count * sizeof(int);
	union control control = { .bytes = { 0 } };
	char byte = 0;
	struct iovec one = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &one,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	do
		n = sendmsg(side, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* How many came; they are put into fds, at most PASS_MOST by the size of the control buffer. */
static unsigned came(struct msghdr *msg, int *fds)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + n, CMSG_DATA(c), size);
		n += (unsigned)(size / sizeof(int));
	}
	return n;
}

int ouro__pass_receive(int side, int *ret_fds, unsigned count)
{
	int fds[PASS_MOST];
	union control control;
	char byte;
	struct iovec one = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &one,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	unsigned n;
	ssize_t got;

	do
		got = recvmsg(side, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return OURO_EPROTO;
	n = came(&msg, fds);
	if (n == count && !(msg.msg_flags & MSG_CTRUNC)) {
		memcpy(ret_fds, fds, count * sizeof(int));
		return 0;
	}
	while (n--)
		ouro__fd_close(&fds[n]);
	return msg.msg_flags & MSG_CTRUNC ? -EMFILE : OURO_EPROTO;
}
