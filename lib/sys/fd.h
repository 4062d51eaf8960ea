/* fd.h -- what every descriptor needs. */
#ifndef OURO__FD_H
#define OURO__FD_H
#include <stdbool.h>

/* Closes *fd if it is one, and leaves -1. errno stays. */
void ouro__fd_close(int *fd);

/* 0 when a poll can wait for it; -EBADF: not open; -EPERM: a file, which is always ready. `epoll`
 * is an epoll descriptor to try it on. */
int ouro__fd_pollable(int epoll, int fd);

/* How many descriptors in it are ready, at most 1024; takes nothing from who polls it, if it is
 * polled by level. Any thread. */
unsigned ouro__fd_count_ready(int epoll);

/* Any thread. */
bool ouro__fd_is_readable(int fd);
#endif
