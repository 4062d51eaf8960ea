/* probe.c -- see probe.h.
 *
 * The one who asks writes into a record of a table that is never freed, and sends the record's
 * address with the signal. So a signal that comes late, because the thread held it back, finds
 * either nothing asked or the next question, and never memory that has gone.
 *
 *     IDLE --ask--> ASKED --handler--> TAKING --handler--> TAKEN --> IDLE
 *                     '------------patience ends------------------> IDLE
 *
 * The handler takes no lock and no memory. backtrace() loads its unwinder when it is first called,
 * which takes both: so that happens in open. From then on it finds the tables it needs without a
 * lock (glibc 2.35), or under one of the loader's that its own thread may take twice.
 *
 * It runs on the stack of the thread it asks, not on an alternate one: those are often too small
 * for an unwinder. A system call that the signal interrupts goes on, but for those that never do
 * (poll, nanosleep): they say EINTR, as after any signal. */
#include "sys/probe.h"

#include "sys/clock.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define OWN_FRAMES 3 /* the handler's two and the kernel's trampoline, where we cannot do better */

enum { FREE, IDLE, ASKED, TAKING, TAKEN };

struct probe {
	atomic_int state;
	atomic_int tid;
	atomic_bool sent; /* and the handler has not been there yet */
	int signo;
	probe_fn *fn;
	void *arg;
	sem_t taken;
	int depth;
	void *frames[PROBE_FRAMES];
};

struct handler {
	unsigned users;
	bool owes;      /* a probe was closed whose signal had not arrived */
	bool displaced; /* by somebody who may call ours: it can never be first again */
	struct sigaction before;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of both tables, not of the records */
static struct probe probes[PROBES];
static struct handler handlers[_NSIG];

/* ---- In the handler ---- */

static struct probe *probe_of(const siginfo_t *info)
{
	const char *sent = info->si_value.sival_ptr;
	uintptr_t at = (uintptr_t)sent - (uintptr_t)probes;

	if (info->si_code != SI_QUEUE || at >= sizeof(probes) || at % sizeof(probes[0]))
		return NULL;
	return &probes[at / sizeof(probes[0])];
}

/* Where the thread was when the signal came; NULL: on this machine we cannot tell. */
static void *place_of(const void *context)
{
#if defined(__x86_64__)
	return (void *)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (void *)((const ucontext_t *)context)->uc_mcontext.pc;
#else
	(void)context;
	return NULL;
#endif
}

/* Without what the signal itself has put on the stack. */
static int skip_own(void **frames, int depth, const void *place)
{
	int own = depth > OWN_FRAMES ? OWN_FRAMES : 0;

	for (int i = 0; place && i < depth; i++)
		if (frames[i] == place) {
			own = i;
			break;
		}
	memmove(frames, frames + own, (size_t)(depth - own) * sizeof(*frames));
	return depth - own;
}

static void answer(struct probe *probe, const void *context)
{
	int asked = ASKED;

	if (atomic_load(&probe->tid) != (int)gettid())
		return;
	atomic_store(&probe->sent, false);
	if (!atomic_compare_exchange_strong(&probe->state, &asked, TAKING))
		return;
	probe->fn(probe->arg);
	probe->depth =
		skip_own(probe->frames, backtrace(probe->frames, PROBE_FRAMES), place_of(context));
	atomic_store(&probe->state, TAKEN);
	sem_post(&probe->taken);
}

static void pass_on(int signo, siginfo_t *info, void *context)
{
	const struct sigaction *before = &handlers[signo].before;

	if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(signo, info, context);
	else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
		before->sa_handler(signo);
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	struct probe *probe = probe_of(info);
	int before = errno;

	if (probe)
		answer(probe, context);
	else
		pass_on(signo, info, context);
	errno = before;
}

/* ---- The handler itself ---- */

static bool is_ours(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	       now.sa_sigaction == on_signal;
}

/* Nobody has a handler for it, and nobody waits for it in another way either: that takes it to be
 * blocked. */
static bool is_unused(int signo)
{
	struct sigaction now;
	sigset_t blocked;

	if (is_ours(signo))
		return true;
	if (handlers[signo].users || handlers[signo].displaced)
		return false;
	return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, signo) &&
	       sigaction(signo, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
	       now.sa_handler == SIG_DFL;
}

/* From the far end: programs that use real-time signals begin with SIGRTMIN, or take SIGRTMAX. */
static int unused_signal(void)
{
	for (int signo = SIGRTMAX - 1; signo > SIGRTMIN; signo--)
		if (is_unused(signo))
			return signo;
	return -EBUSY;
}

static bool can_be_caught(int signo)
{
	static const int others[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
				      SIGILL,  SIGTRAP, SIGABRT, SIGSYS };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (signo == others[i])
			return false;
	return signo > 0 && signo <= SIGRTMAX && (signo < 32 || signo >= SIGRTMIN);
}

static int install(int signo)
{
	struct handler *handler = &handlers[signo];
	struct sigaction ours = { .sa_flags = SA_SIGINFO | SA_RESTART };

	handler->displaced |= handler->users && !is_ours(signo);
	if (handler->displaced)
		return -EBUSY;
	if (handler->users++)
		return 0;
	sigaction(signo, NULL, &handler->before);
	ours.sa_sigaction = on_signal;
	sigfillset(&ours.sa_mask);
	if (sigaction(signo, &ours, NULL) == 0)
		return 0;
	handler->users--;
	return -EINVAL;
}

static bool had_no_handler(const struct handler *handler)
{
	return !(handler->before.sa_flags & SA_SIGINFO) && handler->before.sa_handler == SIG_DFL;
}

/* A thread may still hold back a signal of ours, which would come down on whatever is there next;
 * a signal that is ignored is not kept, in no thread. Whoever put a handler in the place of ours, and
 * may call ours, keeps it. */
static void uninstall(int signo)
{
	struct handler *handler = &handlers[signo];
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (--handler->users)
		return;
	handler->displaced |= !is_ours(signo);
	if (handler->displaced)
		return;
	if (handler->owes || had_no_handler(handler))
		sigaction(signo, &ignore, NULL);
	handler->owes = false;
	sigaction(signo, &handler->before, NULL);
}

/* ---- The probe ---- */

static int free_probe(void)
{
	for (int i = 0; i < PROBES; i++)
		if (atomic_load(&probes[i].state) == FREE)
			return i;
	return -EBUSY;
}

/* The first call of backtrace() loads a library. */
static void warm_up(void)
{
	void *frames[4];

	backtrace(frames, 4);
}

static int open_locked(int signo, probe_fn *fn, void *arg)
{
	int probe = free_probe(), err;

	if (probe < 0)
		return probe;
	signo = signo ? signo : unused_signal();
	err = signo < 0 ? signo : install(signo);
	if (err)
		return err;
	probes[probe].signo = signo;
	probes[probe].fn = fn;
	probes[probe].arg = arg;
	atomic_store(&probes[probe].sent, false);
	sem_init(&probes[probe].taken, 0, 0);
	atomic_store(&probes[probe].state, IDLE);
	return probe;
}

int ouro__probe_open(int signo, probe_fn *fn, void *arg)
{
	int probe;

	if (signo && !can_be_caught(signo))
		return -EINVAL;
	warm_up();
	pthread_mutex_lock(&lock);
	probe = open_locked(signo, fn, arg);
	pthread_mutex_unlock(&lock);
	return probe;
}

void ouro__probe_close(int nth)
{
	struct probe *probe = &probes[nth];

	pthread_mutex_lock(&lock);
	if (atomic_load(&probe->sent))
		handlers[probe->signo].owes = true;
	uninstall(probe->signo);
	sem_destroy(&probe->taken);
	atomic_store(&probe->tid, 0);
	atomic_store(&probe->state, FREE);
	pthread_mutex_unlock(&lock);
}

/* Signals that wait are not inherited. */
void ouro__probe_after_fork(int nth)
{
	struct probe *probe = &probes[nth];

	atomic_store(&probe->sent, false);
	sem_init(&probe->taken, 0, 0);
	atomic_store(&probe->state, IDLE);
}

int ouro__probe_signal(int probe)
{
	return probes[probe].signo;
}

/* A question that was never answered is on its way still: one is enough. False: nobody there. */
static bool send(struct probe *probe, pid_t tid)
{
	siginfo_t info = { .si_signo = probe->signo, .si_code = SI_QUEUE };

	if (atomic_load(&probe->tid) == (int)tid && atomic_load(&probe->sent))
		return true;
	if (!is_ours(probe->signo))
		return false; /* somebody else would get it, or nobody, which ends the process */
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = probe;
	atomic_store(&probe->tid, (int)tid);
	atomic_store(&probe->sent, true);
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, probe->signo, &info) == 0)
		return true;
	atomic_store(&probe->sent, false);
	return false;
}

/* Every wait ends by the same clock, so a bell from an earlier answer costs one more look. */
static void wait_for(struct probe *probe, uint64_t patience)
{
	uint64_t until = clock_ns() + patience;
	struct timespec at = { (time_t)(until / NS_PER_S), (long)(until % NS_PER_S) };

	while (atomic_load(&probe->state) != TAKEN)
		if (sem_clockwait(&probe->taken, CLOCK_MONOTONIC, &at) && errno == ETIMEDOUT)
			return;
}

/* Gives the question up, unless it is being answered, which does not take long. */
static bool is_taken(struct probe *probe)
{
	int asked = ASKED;

	if (atomic_compare_exchange_strong(&probe->state, &asked, IDLE))
		return false;
	while (atomic_load(&probe->state) != TAKEN)
		sem_wait(&probe->taken);
	return true;
}

int ouro__probe_take(int nth, pid_t tid, uint64_t patience, void *frames[PROBE_FRAMES])
{
	struct probe *probe = &probes[nth];
	int depth;

	while (sem_trywait(&probe->taken) == 0)
		; /* of an answer that was not waited for */
	atomic_store(&probe->state, ASKED);
	if (send(probe, tid))
		wait_for(probe, patience);
	if (!is_taken(probe))
		return 0;
	depth = probe->depth;
	memcpy(frames, probe->frames, (size_t)depth * sizeof(*frames));
	atomic_store(&probe->state, IDLE);
	return depth;
}
