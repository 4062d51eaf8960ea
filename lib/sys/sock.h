/* sock.h -- sockets: each function is a system call or two, and answers n or -errno.
 *
 * All of them non-blocking and closed on exec; none ever raises SIGPIPE. EINTR is not seen. */
#ifndef OURO__SOCK_H
#define OURO__SOCK_H
#include "ouro/addr.h"
#include <sys/types.h>
#include <sys/uio.h>

/* The descriptor. */
int ouro__sock_open(int family, int type);

int ouro__sock_bind(int fd, const ouro_addr *addr);
int ouro__sock_listen(int fd, unsigned backlog);

/* The connection's descriptor; *ret_peer is who it is from, an IPv4 address that came by way of an
 * IPv6 socket as an IPv4 address. -EAGAIN: there is none. */
int ouro__sock_accept(int fd, ouro_addr *ret_peer);

/* 0: it is connected; -EINPROGRESS: will be, or not, when it gets writable; see sock_error. A Unix
 * socket is -EAGAIN when the other side's queue is full. */
int ouro__sock_connect(int fd, const ouro_addr *addr);

/* The error that waits at the socket, which forgets it: 0 or -errno. */
int ouro__sock_error(int fd);

/* The addresses of its two ends. */
int ouro__sock_local(int fd, ouro_addr *ret_addr);
int ouro__sock_peer(int fd, ouro_addr *ret_addr);

/* An option that is an int. */
int ouro__sock_set(int fd, int level, int option, int value);
int ouro__sock_get(int fd, int level, int option, int *ret_value);

/* TCP. Small writes leave at once; a peer that is silent for so many seconds is probed, thrice at
 * most, and is then -ETIMEDOUT; 0: never. A socket that listens hands both
 * on to what it accepts. */
int ouro__sock_nodelay(int fd, bool on);
int ouro__sock_keepalive(int fd, unsigned seconds);

/* Closing it then resets the connection: the peer is told ECONNRESET. */
int ouro__sock_abort(int fd);

/* No more will be sent. */
int ouro__sock_shutdown(int fd);

/* Makes somebody's descriptor one like ours: 0; -ENOTSOCK. */
int ouro__sock_adopt(int fd);

ssize_t ouro__sock_recv(int fd, void *bytes, size_t room);
ssize_t ouro__sock_send(int fd, const void *bytes, size_t n);
ssize_t ouro__sock_sendv(int fd, const struct iovec *iov, size_t count);

/* Datagrams. to NULL: where it is connected to. The length that came may be more than room: then
 * the rest is lost. */
ssize_t ouro__sock_send_to(int fd, const void *bytes, size_t n, const ouro_addr *to);
ssize_t ouro__sock_recv_from(int fd, void *bytes, size_t room, ouro_addr *ret_from);
#endif
