/* worker_process.c -- a worker in a process of its own. See worker.h, and sys/proc.h.
 *
 * It is forked from this one, in the very call that starts it: so main may be any function, and the
 * memory at `arg`, like all other, is there as it was in that moment. That makes it a child of a
 * program that may have threads, with the one thing that such a child must not do: wait for a lock
 * that another thread had. malloc and stdio take care of theirs. (A nursery, as crews have, would
 * not help with that: it has its locks from the same program, only earlier. It is for those who
 * fork again and again while the program grows.)
 *
 * What the two sides share beside the pipe is a page of memory, where "asked" and the code are
 * written, an eventfd that rings for the former, and a lifeline: a pipe into which nobody writes.
 * When the parent ends, in whatever way, its end of that closes, and the kernel sends the SIGKILL
 * that the worker has ordered for the case: so one that spins goes too, and no thread has to watch.
 * Who holds a copy of the parent's end, a child that the host has forked itself, delays that; for a
 * worker that turns its loop the parent's pidfd tells as well.
 *
 * Its end is told by a pidfd. */
#include "base/check.h"
#include "loop/loop.h"
#include "offload/worker.h"
#include "sys/fd.h"
#include "sys/limit.h"
#include "sys/wake.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* In the child. */

static int limit(const struct far *far)
{
	int err = far->memory_max ? ouro__limit_memory(far->memory_max) : 0;

	if (!err && far->cpu_s)
		err = ouro__limit_cpu(far->cpu_s);
	return err;
}

/* SIGKILL when the other end closes. */
static void hold_lifeline(int fd)
{
	fcntl(fd, F_SETOWN, getpid());
	fcntl(fd, F_SETSIG, SIGKILL);
	fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/* Closed before that was ordered? */
static bool is_cut(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 0;
}

static int live(void *arg)
{
	struct far *far = arg;
	int code;

	far->half->end.keep = -1; /* it went with the rest; SIGPIPE is ignored here */
	hold_lifeline(far->lifeline);
	if (is_cut(far->lifeline))
		return 0;
	far->parent = pidfd_open(getppid(), 0);
	code = limit(far);
	if (!code)
		code = ouro__far_live(far);
	far->news->code = code;
	atomic_store(&far->news->returned, true);
	fflush(stdout);
	return code & 0xff;
}

/* In the parent. */

static struct far_news *share_news(void)
{
	void *page = mmap(NULL, sizeof(struct far_news), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

static void clear(struct ouro_worker *worker)
{
	struct far *far = worker->far;

	if (far->news)
		munmap(far->news, sizeof(*far->news));
	far->news = NULL;
	ouro__fd_close(&far->bell_fd);
	ouro__fd_close(&far->lifeline);
	ouro__fd_close(&worker->lifeline);
}

static int prepare(struct ouro_worker *worker, const ouro_worker_opts *opts)
{
	struct far *far = worker->far;
	int fd[2];

	far->memory_max = opts->memory_max;
	far->cpu_s = opts->cpu_s;
	far->news = share_news();
	if (!far->news)
		return -ENOMEM;
	far->bell_fd = ouro__wake_fd();
	if (far->bell_fd < 0)
		return far->bell_fd;
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	far->lifeline = fd[0];
	worker->lifeline = fd[1];
	return 0;
}

static int fork_it(struct ouro_worker *worker)
{
	struct far *far = worker->far;
	int keep[FRAME_ENDS + 2];

	ouro__frame_descriptors(&far->half->end, keep);
	keep[FRAME_ENDS] = far->bell_fd;
	keep[FRAME_ENDS + 1] = far->lifeline;
	return ouro__proc_start(&worker->proc, far->name, live, far, keep, FRAME_ENDS + 2);
}

static void take_back(struct ouro_worker *worker)
{
	ouro__proc_signal(&worker->proc, SIGKILL);
	ouro__proc_wait(&worker->proc, NULL);
}

static void on_ended(struct watch *ended, unsigned ready)
{
	(void)ready;
	ouro__worker_advance(list_of(ended, struct ouro_worker, ended));
}

static int start(struct ouro_worker *worker, const ouro_worker_opts *opts)
{
	int err = prepare(worker, opts);

	worker->lifeline = err ? -1 : worker->lifeline;
	if (!err)
		err = fork_it(worker);
	if (!err) {
		err = ouro__watch_start(&worker->ended, worker->base.loop, worker->proc.fd,
					OURO_READABLE, on_ended);
		if (err)
			take_back(worker);
	}
	if (err) {
		clear(worker);
		return err;
	}
	ouro__half_free(worker->far->half); /* the child has it */
	worker->far->half = NULL;
	return 0;
}

/* What became of it. Killed, it may have said its code a moment before: the signal counts. */
static void read_end(struct ouro_worker *worker, const struct proc_end *end)
{
	const struct far_news *news = worker->far->news;

	worker->signal = end->signal;
	if (end->signal)
		worker->code = OURO_ECRASHED;
	else if (atomic_load(&news->returned))
		worker->code = news->code;
	else
		worker->code = end->known ? end->status : OURO_ECRASHED;
	clear(worker);
}

static bool look(struct ouro_worker *worker)
{
	struct proc_end end;
	struct pollfd p = { .fd = worker->proc.fd, .events = POLLIN };

	if (poll(&p, 1, 0) <= 0)
		return false;
	ouro__watch_stop(&worker->ended); /* before its descriptor closes */
	ouro__proc_wait(&worker->proc, &end);
	read_end(worker, &end);
	return true;
}

static void wait_for(struct ouro_worker *worker)
{
	struct pollfd p = { .fd = worker->proc.fd, .events = POLLIN };
	int ms = worker->stop_ms < INT32_MAX ? (int)worker->stop_ms : -1;

	while (poll(&p, 1, ms) < 0 && errno == EINTR)
		;
	ouro__proc_signal(&worker->proc, SIGKILL); /* no harm, if it has ended */
	while (!look(worker))
		(void)poll(&p, 1, -1);
}

static int kill_process(struct ouro_worker *worker)
{
	ouro__proc_signal(&worker->proc, SIGKILL);
	return 0;
}

static void overdue(struct ouro_worker *worker)
{
	ouro__log(&worker->base.loop->log, OURO_LOG_WARN,
		  "worker %s has not ended %u ms after it was asked to: killed",
		  ouro__worker_name(worker), worker->stop_ms);
	kill_process(worker);
}

const struct worker_kind ouro__worker_process = {
	.start = start,
	.look = look,
	.wait = wait_for,
	.kill = kill_process,
	.overdue = overdue,
};
