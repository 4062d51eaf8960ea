/* process.h -- hosts in processes, and the nursery that forks them.
 *
 * The nursery is forked once, from the loop's thread, and has a single thread and nothing to do but
 * fork, kill and reap: so no runner is ever forked from a program with threads, a killed one is
 * there again within milliseconds, and each dies with the nursery, which ends when the program
 * does. It speaks frames:
 *
 *   loop to nursery   START    value: which runner; id: which of its lives; the pipe's descriptors
 *                     KILL     the same two
 *                     END
 *   nursery to loop   STARTED  the same two; bytes: its pid_t
 *                     ENDED    the same two; bytes: its struct proc_end
 *                     REFUSED  the same two; bytes: the error, an int
 *
 * END, or the end of its pipe, is the end of the nursery: it kills what is left, waits for it, and
 * exits. */
#ifndef OURO__WORKER_PROCESS_H
#define OURO__WORKER_PROCESS_H
#include "sys/proc.h"
#include "workers/host.h"

enum nursery_message {
	NURSERY_START = 1,
	NURSERY_KILL,
	NURSERY_END,
	NURSERY_STARTED,
	NURSERY_ENDED,
	NURSERY_REFUSED
};

/* One page of shared memory for each runner. */
struct board *ouro__boards_new(unsigned count);
void ouro__boards_drop(struct board *boards, unsigned count);

static inline struct board *boards_nth(struct board *boards, unsigned n)
{
	return (struct board *)(void *)((char *)boards + (size_t)n * BOARD_PAGE);
}

/* Forks the nursery; *near gets our end of its pipe. 0 or -errno. */
int ouro__nursery_start(struct proc *ret_proc, const struct host_plan *plan, struct board *boards,
			unsigned count, struct frame_end *near);
#endif
