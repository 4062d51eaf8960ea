/* fd.h -- what every descriptor needs. */
#ifndef OURO__FD_H
#define OURO__FD_H

/* Closes *fd if it is one, and leaves -1. errno stays. */
void ouro__fd_close(int *fd);

/* 0 when a poll can wait for it; -EBADF: not open; -EPERM: a file, which is always ready. `epoll`
 * is an epoll descriptor to try it on. */
int ouro__fd_pollable(int epoll, int fd);
#endif
