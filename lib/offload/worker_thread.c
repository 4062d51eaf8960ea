/* worker_thread.c -- a worker in a thread of this process. See worker.h.
 *
 * It is joined and not left to itself: it rings as its last act, so whoever hears that waits for a
 * few instructions, and then its stack is really gone. */
#include "loop/loop.h"
#include "offload/worker.h"
#include "sys/thread.h"
#include <errno.h>

#define USUAL_STACK ((size_t)1 << 20)

static void *live(void *arg)
{
	struct far *far = arg;
	ouro_wake *bell = far->returned;

	far->news->code = ouro__far_live(far);
	atomic_store(&far->news->returned, true);
	ouro_wake_send(bell);
	return NULL;
}

static int start(struct ouro_worker *worker, const ouro_worker_opts *opts)
{
	struct far *far = worker->far;

	far->news = &far->own_news;
	far->returned = worker->bell;
	return ouro__thread_start(&worker->thread, far->name,
				  opts->stack ? opts->stack : USUAL_STACK, live, far);
}

static void join(struct ouro_worker *worker)
{
	pthread_join(worker->thread, NULL);
	worker->code = worker->far->news->code;
}

static bool look(struct ouro_worker *worker)
{
	if (!atomic_load(&worker->far->news->returned))
		return false;
	join(worker);
	return true;
}

static int kill_thread(struct ouro_worker *worker)
{
	ouro__log(&worker->base.loop->log, OURO_LOG_ERROR,
		  "ouro_worker_kill: worker %s is a thread: it can be asked to end "
		  "(ouro_worker_stop()), but not be killed without leaving the process in ruins",
		  ouro__worker_name(worker));
	return -ENOTSUP;
}

static void overdue(struct ouro_worker *worker)
{
	ouro__log(&worker->base.loop->log, OURO_LOG_WARN,
		  "worker %s has not ended %u ms after it was asked to; it is a thread, and is "
		  "waited for",
		  ouro__worker_name(worker), worker->stop_ms);
}

const struct worker_kind ouro__worker_thread = {
	.start = start,
	.look = look,
	.wait = join,
	.kill = kill_thread,
	.overdue = overdue,
};
