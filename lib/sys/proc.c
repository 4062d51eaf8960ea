/* proc.c -- fork, and what must happen on both sides of it. See proc.h.
 *
 * All signals are blocked over the fork: no handler of the host's runs in the child before they are
 * at their defaults. Descriptors go by close_range() in a few calls, however many the host has. */
#include "sys/proc.h"

#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child. */

static void reset_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		sigaction(i, &usual, NULL); /* two of them refuse */
	usual.sa_handler = SIG_IGN;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* From first to last, both included. */
static void close_from_to(unsigned first, unsigned last)
{
	struct rlimit open;

	if (first > last || !close_range(first, last, 0) || errno != ENOSYS)
		return;
	if (getrlimit(RLIMIT_NOFILE, &open) || open.rlim_cur > 65536)
		open.rlim_cur = 65536;
	for (unsigned fd = first; fd <= last && fd < open.rlim_cur; fd++)
		close((int)fd);
}

/* The smallest that is kept and not below `from`; none: -1. */
static int next_kept(const int *keep, unsigned count, int from)
{
	int next = -1;

	for (unsigned i = 0; i < count; i++)
		if (keep[i] >= from && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

static void close_all_but(const int *keep, unsigned count)
{
	int from = STDERR_FILENO + 1, next;

	while ((next = next_kept(keep, count, from)) >= 0) {
		close_from_to((unsigned)from, (unsigned)next - 1);
		from = next + 1;
	}
	close_from_to((unsigned)from, ~0u);
}

bool ouro__proc_end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent;
}

/* In the parent. */

/* A host that reaps every child may have been quicker. Then another descriptor that reads ready stands
 * for one that has ended. */
static int watch(struct proc *proc, pid_t pid)
{
	bool has_gone;
	int err;

	proc->pid = pid;
	proc->fd = pidfd_open(pid, 0);
	has_gone = proc->fd < 0 && errno == ESRCH;
	if (has_gone)
		proc->fd = eventfd(1, EFD_CLOEXEC);
	if (proc->fd >= 0)
		return 0;
	err = -errno;
	if (!has_gone) { /* else the number may be another's by now */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return err;
}

int ouro__proc_start(struct proc *ret_proc, const char *name, ouro__proc_fn *fn, void *arg,
		     const int *keep, unsigned count)
{
	sigset_t all, before;
	int err = 0;
	pid_t pid;

	*ret_proc = (struct proc){ .fd = -1 };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		close_all_but(keep, count);
		__fpurge(stdout);
		prctl(PR_SET_NAME, name);
		reset_signals();
		_exit(fn(arg));
	}
	if (pid < 0)
		err = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err ? err : watch(ret_proc, pid);
}

void ouro__proc_signal(const struct proc *proc, int signal)
{
	if (proc->fd >= 0)
		pidfd_send_signal(proc->fd, signal, NULL, 0);
}

static bool has_ended(const struct proc *proc)
{
	struct pollfd p = { .fd = proc->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void read_end(const siginfo_t *info, struct proc_end *ret_end)
{
	bool by_signal = info->si_code != CLD_EXITED;

	*ret_end = (struct proc_end){ .known = true,
				      .signal = by_signal ? info->si_status : 0,
				      .status = by_signal ? 0 : info->si_status };
}

static bool reap(struct proc *proc, struct proc_end *ret_end, int flags)
{
	siginfo_t info = { .si_pid = 0 };
	struct proc_end end = { .known = false };
	int err;

	if (proc->fd < 0)
		return false;
	do
		err = waitid(P_PIDFD, (id_t)proc->fd, &info, WEXITED | flags) ? errno : 0;
	while (err == EINTR);
	if (!err && !info.si_pid)
		return false;
	if (err && !has_ended(proc))
		return false;
	if (!err)
		read_end(&info, &end);
	if (ret_end)
		*ret_end = end;
	ouro__fd_close(&proc->fd);
	return true;
}

bool ouro__proc_reap(struct proc *proc, struct proc_end *ret_end)
{
	return reap(proc, ret_end, WNOHANG);
}

/* A host that has told the kernel to reap for it makes waitid() fail when there is nothing left; by
 * then the process has ended, or is about to. */
void ouro__proc_wait(struct proc *proc, struct proc_end *ret_end)
{
	struct pollfd p = { .fd = proc->fd, .events = POLLIN };

	if (proc->fd < 0 || reap(proc, ret_end, 0))
		return;
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	reap(proc, ret_end, WNOHANG);
}

void ouro__proc_words(const struct proc_end *end, char *ret_words, size_t room)
{
	const char *name = end->signal ? sigabbrev_np(end->signal) : NULL;
	const char *words = end->signal ? sigdescr_np(end->signal) : NULL;

	if (!end->known)
		snprintf(ret_words, room, "ended in a way that is not known");
	else if (name && words)
		snprintf(ret_words, room, "killed by SIG%s (%s)", name, words);
	else if (end->signal)
		snprintf(ret_words, room, "killed by signal %d", end->signal);
	else
		snprintf(ret_words, room, "ended with status %d", end->status);
}
