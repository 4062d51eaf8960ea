/* alarm.h -- a timerfd: how a deadline makes a poll return, to the nanosecond. */
#ifndef OURO__ALARM_H
#define OURO__ALARM_H
#include <stdint.h>

/* The descriptor, or -errno. Non-blocking, closed on exec. */
int ouro__alarm_fd(void);

/* Readable from `deadline` (clock_ns) on; UINT64_MAX: never. Either way not readable for whatever
 * was set before. */
void ouro__alarm_set(int fd, uint64_t deadline);
#endif
