/* thread.c -- a host in a thread. See thread.h.
 *
 * What it stands on (its end of the pipe, the board, the plan) belongs to the thread and to its
 * starter together: whoever is through with it second frees it, so a thread that is stuck in a job
 * can be left behind. */
#include "workers/thread.h"

#include "base/alloc.h"
#include "sys/thread.h"

#include <errno.h>
#include <stdatomic.h>

#define USUAL_STACK ((size_t)1024 * 1024)

struct host_thread {
	struct host host;
	struct frame_end end;
	struct board board;
	struct host_plan *plan;
	pthread_t thread;
	atomic_int holders;
};

static void drop(struct host_thread *thread)
{
	if (atomic_fetch_sub(&thread->holders, 1) > 1)
		return;
	ouro__host_plan_drop(thread->plan);
	ouro__free(thread);
}

/* Closing is the last it does that anybody can see. */
static void *run(void *arg)
{
	struct host_thread *thread = arg;

	ouro__host_run(&thread->host);
	ouro__frame_close(&thread->end);
	drop(thread);
	return NULL;
}

static struct host_thread *make(struct host_plan *plan)
{
	struct host_thread *thread = ouro__alloc(sizeof(*thread));

	if (!thread)
		return NULL;
	thread->plan = ouro__host_plan_hold(plan);
	thread->host.plan = plan;
	thread->host.end = &thread->end;
	thread->host.board = &thread->board;
	atomic_init(&thread->holders, 2);
	return thread;
}

/* Nobody has it but us. */
static void unmake(struct host_thread *thread)
{
	ouro__host_plan_drop(thread->plan);
	ouro__free(thread);
}

int ouro__host_thread_start(struct host_thread **ret_thread, struct host_plan *plan,
			    const char *name, size_t stack, struct frame_end *near,
			    struct board **ret_board)
{
	struct host_thread *thread = make(plan);
	int err = thread ? ouro__frame_pair(near, &thread->end, FRAME_THREADS) : -ENOMEM;

	if (err) {
		if (thread)
			unmake(thread);
		return err;
	}
	err = ouro__frame_block(&thread->end);
	if (!err)
		err = ouro__thread_start(&thread->thread, name, stack ? stack : USUAL_STACK, run,
					 thread);
	if (err) {
		ouro__frame_close(near);
		ouro__frame_close(&thread->end);
		unmake(thread);
		return err;
	}
	*ret_thread = thread;
	*ret_board = &thread->board;
	return 0;
}

void ouro__host_thread_join(struct host_thread *thread)
{
	pthread_join(thread->thread, NULL);
	drop(thread);
}

void ouro__host_thread_leave(struct host_thread *thread)
{
	pthread_detach(thread->thread);
	drop(thread);
}

void ouro__host_thread_forget(struct host_thread *thread)
{
	ouro__frame_forget(&thread->end);
	unmake(thread);
}
