/* supervisor.h -- a word to the service manager that started us: systemd, or who speaks as it does.
 *
 * It is a datagram to the socket that $NOTIFY_SOCKET names. We send it ourselves: it takes twenty
 * lines, and no library. */
#ifndef OURO__SUPERVISOR_H
#define OURO__SUPERVISOR_H
#include <stdint.h>

/* "READY=1". 0, also when nobody wants to know; or -errno. Never waits. */
int ouro__supervisor_tell(const char *words);

/* ns: so often "WATCHDOG=1" is awaited from this process. 0: not at all. */
uint64_t ouro__supervisor_interval(void);
#endif
