/* thread.h -- a host in a thread of this process. */
#ifndef OURO__WORKER_THREAD_H
#define OURO__WORKER_THREAD_H
#include "workers/host.h"
#include <pthread.h>

struct host_thread;

/* Starts one; it ends at the end of its pipe. *near gets our end, *board what it writes on. The plan
 * is one that both may hold: see below. 0 or -errno. */
int ouro__host_thread_start(struct host_thread **ret_thread, struct host_plan *plan,
			    const char *name, size_t stack, struct frame_end *near,
			    struct board **ret_board);

/* It has closed its end of the pipe: waits until it has gone, which is at once. */
void ouro__host_thread_join(struct host_thread *thread);

/* It may never come back: it is left to itself, and frees what it stands on when it does. */
void ouro__host_thread_leave(struct host_thread *thread);

/* In the child after a fork, where there is no such thread. */
void ouro__host_thread_forget(struct host_thread *thread);

/* A plan is shared by the crew and by threads that may outlive it. */
struct host_plan *ouro__host_plan_new(const ouro_job *jobs, unsigned count);
struct host_plan *ouro__host_plan_hold(struct host_plan *plan);
void ouro__host_plan_drop(struct host_plan *plan);
#endif
