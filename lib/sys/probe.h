/* probe.h -- what a thread of ours is at, asked from another one: its stack, taken by a signal.
 *
 *     probe = ouro__probe_open(0, look, thing);          thread A
 *     depth = ouro__probe_take(probe, tid, ...);         thread B: A's stack, and look(thing) was
 *                                                        called on A meanwhile
 *
 * A signal's handler belongs to the whole process. Ours is there only while a probe is open for that
 * signal, hands on what was not sent by a probe, and leaves the disposition as it was found. */
#ifndef OURO__PROBE_H
#define OURO__PROBE_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_FRAMES 128
#define PROBES       64 /* that can be open at a time, in a process */

/* Called in the signal's handler, on the thread that is asked: wherever that is, in the middle of a
 * malloc() or with any lock held. So it reads and copies, and nothing else. */
typedef void probe_fn(void *arg);

/* By this signal; 0: a real-time one that nobody uses. The probe, or -EINVAL: not a signal to be
 * caught; -EBUSY: all signals, or all probes, are taken. */
int ouro__probe_open(int signo, probe_fn *fn, void *arg);

/* No take is under way. */
void ouro__probe_close(int probe);

/* In a fork's child: what was asked in the parent is not answered here. */
void ouro__probe_after_fork(int probe);

/* Which signal it goes by. */
int ouro__probe_signal(int probe);

/* Asks the thread `tid` of this process and waits for the answer, `patience` ns at most. How many
 * addresses are in `frames`: the first is where the thread was, the others are where it will return
 * to. 0: no answer, since the thread has ended, holds the signal back, or is inside the kernel
 * for good. Two threads do not take by one probe at a time. */
int ouro__probe_take(int probe, pid_t tid, uint64_t patience, void *frames[PROBE_FRAMES]);
#endif
