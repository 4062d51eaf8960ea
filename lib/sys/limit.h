/* limit.h -- what a thread or a process of ours may use, and how far it stands back for others. */
#ifndef OURO__LIMIT_H
#define OURO__LIMIT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calling thread: computes without a hurry (SCHED_BATCH), and so many steps below where it is; or
 * only while nobody else wants the core. 0: as it is. What the kernel refuses stays as it is. */
#define LIMIT_IDLE 20
void ouro__limit_rank(int nice);

/* The calling process from now on: this much more memory than it has; this many more seconds of
 * processor time, then SIGXCPU; no core file. 0 or -errno. */
int ouro__limit_memory(size_t bytes);
int ouro__limit_cpu(unsigned seconds);
int ouro__limit_no_core(void);

/* Bytes of memory that this process occupies; 0: not known. */
uint64_t ouro__limit_resident(void);
#endif
