/* sendfile.c -- sendfile(2), and what goes before it. See sendfile.h.
 *
 * sendfile() has no flag against SIGPIPE, so it is hushed: two cheap system calls beside one that
 * moves many pages. The signal may have been raised although some bytes were sent before, and their
 * number is the answer. */
#include "sys/sendfile.h"
#include "sys/hush.h"
#include <errno.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t ouro__sendfile(int socket, int file, off_t *at, size_t n)
{
	struct hush hush;
	ssize_t sent;

	ouro__hush_begin(&hush);
	sent = TEMP_FAILURE_RETRY(sendfile(socket, file, at, n));
	if (sent < 0)
		sent = -errno;
	ouro__hush_end(&hush, sent != (ssize_t)n && sent != -EAGAIN);
	return sent;
}

ssize_t ouro__sock_sendv_more(int fd, const struct iovec *iov, size_t count)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				    .msg_iovlen = count };
	ssize_t sent =
		TEMP_FAILURE_RETRY(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE));

	return sent < 0 ? -errno : sent;
}
