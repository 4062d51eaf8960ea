/* sendfile.h -- bytes of a file to a socket, by way of the kernel alone.
 *
 * As in sock.h: non-blocking towards the socket, no SIGPIPE, no EINTR, n or -errno. Towards the
 * file it may block: whoever calls knows that the bytes are in memory. */
#ifndef OURO__SENDFILE_H
#define OURO__SENDFILE_H
#include <sys/types.h>
#include <sys/uio.h>

/* From *at on, which moves on. 0: the file ends there. */
ssize_t ouro__sendfile(int socket, int file, off_t *at, size_t n);

/* As ouro__sock_sendv(), and more will follow at once: a packet that is not full may wait for
 * it. */
ssize_t ouro__sock_sendv_more(int fd, const struct iovec *iov, size_t count);
#endif
