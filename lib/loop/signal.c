/* signal.c -- signals from a signalfd, one a loop. See ouro/signal.h.
 *
 * A signal is sent to the process and read by one: whichever loop reads it first takes it away from
 * the others. So the loops that watch signals know of each other, in one short list behind a lock;
 * the one that reads passes the news on. This list is the only thing two loops share, because
 * signals are the only thing a process has one of. The lock is held for a walk of the list, by
 * loops alone. */
#include "ouro/signal.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "sys/fd.h"
#include "sys/wake.h"
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SIGNALS    64
#define BIT(signo) (UINT64_C(1) << ((signo)-1))

/* One loop's signals. */
struct signals {
	struct watch watch;
	struct ouro_loop *loop;
	struct list neighbours; /* in all_loops */
	struct list handles;
	pthread_t thread;
	_Atomic uint64_t passed_on;  /* read by another loop, for us too */
	unsigned count[SIGNALS + 1]; /* handles, by signal */
	uint64_t watched;            /* bits; changed under the lock */
	uint64_t blocked;            /* of those: which we have blocked in our thread */
};

struct ouro_signal {
	struct handle base;
	struct list link; /* in signals.handles */
	ouro_signal_fn *fn;
	int signo;
};

static struct {
	pthread_mutex_t lock;
	struct list loops;
	pid_t pid; /* whose list this is: a fork's child begins a new one */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .loops = { &all.loops, &all.loops } };

#define signals_of(at) list_of(at, struct signals, neighbours)

static sigset_t set_of(uint64_t bits)
{
	sigset_t set;

	sigemptyset(&set);
	for (int signo = 1; signo <= SIGNALS; signo++)
		if (bits & BIT(signo))
			sigaddset(&set, signo);
	return set;
}

/* Calling the handlers. */

static void call_one(struct ouro_signal *signal)
{
	struct ouro_loop *loop = signal->base.loop;
	const char *name = sigabbrev_np(signal->signo);

	call_begin(loop, OURO_PHASE_IO, CALL_FN(signal->fn),
		   (struct cause){ "signal", signal->signo, name }, signal->base.label);
	signal->fn(signal, signal->signo, signal->base.arg);
	call_end(loop);
}

/* A handler may close itself, its neighbours, or open new ones, which wait for the next signal: so
 * all that are to be called move to a list of their own, and back one by one. */
static void dispatch(struct signals *signals, uint64_t bits)
{
	struct list batch, *link;

	list_init(&batch);
	list_each_safe (at, &signals->handles) {
		if (bits & BIT(list_of(at, struct ouro_signal, link)->signo)) {
			list_remove(at);
			list_push(&batch, at);
		}
	}
	while ((link = list_shift(&batch))) {
		list_push(&signals->handles, link);
		call_one(list_of(link, struct ouro_signal, link));
	}
}

static void pass_on(struct signals *from, uint64_t bits)
{
	pthread_mutex_lock(&all.lock);
	list_each (at, &all.loops) {
		struct signals *to = signals_of(at);

		if (to == from || !(to->watched & bits))
			continue;
		atomic_fetch_or(&to->passed_on, to->watched & bits);
		ouro__wake_ring(to->loop->poll.wake_fd);
	}
	pthread_mutex_unlock(&all.lock);
}

static void on_signals(struct watch *watch, unsigned ready)
{
	struct signals *signals = list_of(watch, struct signals, watch);
	struct signalfd_siginfo info[16];
	uint64_t bits = 0;
	ssize_t n = read(watch->fd, info, sizeof(info));

	(void)ready;
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*info); i++)
		bits |= BIT(info[i].ssi_signo);
	if (!bits)
		return; /* another loop was quicker */
	pass_on(signals, bits);
	dispatch(signals, bits);
}

bool ouro__signals_wait(const struct ouro_loop *loop)
{
	return loop->signals && atomic_load(&loop->signals->passed_on);
}

void ouro__signals_phase(struct ouro_loop *loop)
{
	if (ouro__signals_wait(loop))
		dispatch(loop->signals, atomic_exchange(&loop->signals->passed_on, 0));
}

/* One loop's signalfd. */

static int make_signals(struct ouro_loop *loop)
{
	sigset_t none = set_of(0);
	struct signals *signals;
	int fd;

	if (loop->signals)
		return 0;
	fd = signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	signals = ouro__alloc(sizeof(*signals));
	if (!signals) {
		ouro__fd_close(&fd);
		return -ENOMEM;
	}
	signals->loop = loop;
	signals->thread = pthread_self();
	list_init(&signals->handles);
	ouro__watch_start(&signals->watch, loop, fd, OURO_READABLE, on_signals);
	pthread_mutex_lock(&all.lock);
	list_push(&all.loops, &signals->neighbours);
	pthread_mutex_unlock(&all.lock);
	loop->signals = signals;
	return 0;
}

void ouro__signals_end(struct ouro_loop *loop)
{
	struct signals *signals = loop->signals;

	if (!signals)
		return;
	pthread_mutex_lock(&all.lock);
	list_remove(&signals->neighbours);
	pthread_mutex_unlock(&all.lock);
	ouro__watch_stop(&signals->watch);
	ouro__fd_close(&signals->watch.fd);
	ouro__free(signals);
	loop->signals = NULL;
}

/* Tells the kernel which signals are ours; under the lock, because others read `watched`. */
static int set_watched(struct signals *signals, uint64_t bits)
{
	sigset_t set = set_of(bits);

	if (signalfd(signals->watch.fd, &set, 0) < 0)
		return -errno;
	pthread_mutex_lock(&all.lock);
	signals->watched = bits;
	pthread_mutex_unlock(&all.lock);
	return 0;
}

static int begin(struct signals *signals, int signo)
{
	sigset_t set = set_of(BIT(signo)), before;
	int err;

	if (signals->count[signo]++)
		return 0;
	err = set_watched(signals, signals->watched | BIT(signo));
	if (err) {
		signals->count[signo]--;
		return err;
	}
	pthread_sigmask(SIG_BLOCK, &set, &before);
	if (!sigismember(&before, signo))
		signals->blocked |= BIT(signo);
	return 0;
}

/* Another loop that watches the signal, in our thread rather than in another; NULL: none. */
static struct signals *heir(struct signals *signals, int signo)
{
	struct signals *found = NULL;

	list_each (at, &all.loops) {
		struct signals *other = signals_of(at);

		if (other == signals || !(other->watched & BIT(signo)))
			continue;
		found = other;
		if (pthread_equal(other->thread, signals->thread))
			break;
	}
	return found;
}

/* Unblocked at last, a signal that is still waiting would end the process: it was meant for a
 * handle that is gone, so it goes too. */
static void unblock(int signo)
{
	sigset_t set = set_of(BIT(signo));
	struct timespec now = { 0, 0 };

	while (sigtimedwait(&set, NULL, &now) == signo)
		;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* While another thread's loop still watches the signal it stays blocked here, or the next one would
 * come here, to nobody, and end the process. */
static void give_back(struct signals *signals, int signo)
{
	struct signals *next;

	if (!(signals->blocked & BIT(signo)))
		return;
	signals->blocked &= ~BIT(signo);
	pthread_mutex_lock(&all.lock);
	next = heir(signals, signo);
	if (next && pthread_equal(next->thread, signals->thread))
		next->blocked |= BIT(signo);
	pthread_mutex_unlock(&all.lock);
	if (!next && pthread_equal(signals->thread, pthread_self()))
		unblock(signo);
}

static void end(struct signals *signals, int signo)
{
	if (--signals->count[signo])
		return;
	set_watched(signals, signals->watched & ~BIT(signo));
	atomic_fetch_and(&signals->passed_on, ~BIT(signo));
	give_back(signals, signo);
}

int ouro__signals_after_fork(struct ouro_loop *loop)
{
	struct signals *signals = loop->signals;
	sigset_t set;
	int fd;

	if (!signals)
		return 0;
	if (all.pid !=
	    getpid()) { /* the parent's other loops are not here, and its lock may be held */
		pthread_mutex_init(&all.lock, NULL);
		list_init(&all.loops);
		all.pid = getpid();
	}
	list_push(&all.loops, &signals->neighbours);
	set = set_of(signals->watched);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	ouro__watch_stop(&signals->watch);
	ouro__fd_close(&signals->watch.fd);
	return ouro__watch_start(&signals->watch, loop, fd, OURO_READABLE, on_signals);
}

/* The handle. */

static const void *signal_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_signal *)handle)->fn);
}

static int signal_number(const struct handle *handle)
{
	return ((const struct ouro_signal *)handle)->signo;
}

static void signal_stop(struct handle *handle)
{
	struct ouro_signal *signal = (struct ouro_signal *)handle;

	list_remove(&signal->link);
	end(handle->loop->signals, signal->signo);
}

static const struct handle_type signal_type = {
	.kind = "signal",
	.magic = 0x7369676eu,
	.callee = signal_callee,
	.number = signal_number,
	.stop = signal_stop,
};

static bool can_wait(int signo)
{
	static const int never[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (signo == never[i])
			return false;
	return signo > 0 && signo <= SIGNALS && !(signo > SIGSYS && signo < SIGRTMIN);
}

/* Is the signal free to be watched? */
static int check_signal(const struct ouro_loop *loop, int signo)
{
	struct sigaction now;

	if (!can_wait(signo) || sigaction(signo, NULL, &now))
		return -EINVAL;
	if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)
		return 0;
	ouro__log(&loop->log, OURO_LOG_ERROR,
		  "signal %d has a handler of the program's own, which ouro does not replace",
		  signo);
	return -EBUSY;
}

int ouro_signal_open(ouro_loop *loop, int signo, ouro_signal_fn *fn, void *arg,
		     ouro_signal **ret_signal)
{
	struct ouro_signal *signal;
	int err = check_signal(loop, signo);

	if (!err)
		err = make_signals(loop);
	if (err)
		return err;
	signal = ouro__handle_new(loop, &signal_type, sizeof(*signal), arg, &err);
	if (!signal)
		return err;
	signal->fn = fn;
	signal->signo = signo;
	list_init(&signal->link);
	err = begin(loop->signals, signo);
	if (err) {
		ouro__handle_drop(&signal->base);
		return err;
	}
	list_push(&loop->signals->handles, &signal->link);
	if (ret_signal)
		*ret_signal = signal;
	return 0;
}

void ouro_signal_close(ouro_signal *signal)
{
	if (!signal)
		return;
	handle_check(signal, signal_type);
	ouro__handle_close(&signal->base);
}

void ouro_signal_on_close(ouro_signal *signal, ouro_close_fn *fn)
{
	handle_check(signal, signal_type);
	signal->base.on_close = fn;
}

ouro_loop *ouro_signal_loop(const ouro_signal *signal)
{
	handle_check(signal, signal_type);
	return signal->base.loop;
}

void ouro_signal_hold(ouro_signal *signal, bool hold)
{
	handle_check(signal, signal_type);
	ouro__handle_hold(&signal->base, hold);
}

int ouro_signal_set_name(ouro_signal *signal, const char *name)
{
	handle_check(signal, signal_type);
	return ouro__handle_name(&signal->base, name);
}
