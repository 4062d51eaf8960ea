/* wake.h -- an eventfd: how another thread makes a poll return. */
#ifndef OURO__SYS_WAKE_H
#define OURO__SYS_WAKE_H

/* The descriptor, or -errno. Non-blocking, closed on exec. */
int ouro__wake_fd(void);

/* Any thread, any signal handler. Many rings before the silence are one. */
void ouro__wake_ring(int fd);
void ouro__wake_silence(int fd);
#endif
