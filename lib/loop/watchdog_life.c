/* watchdog_life.c -- a watchdog's beginning and end, and what the loop tells it. See dog.h. */
#include "base/alloc.h"
#include "loop/dog.h"
#include "sys/fd.h"
#include "sys/probe.h"
#include "sys/thread.h"
#include "sys/wake.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define PATIENCE (50 * NS_PER_MS) /* at least, for the loop's thread to answer */

/* ---- The loop's side ---- */

/* The same thread's again and again; 0 in a new one. */
static _Thread_local int my_tid;

/* Somebody else's thread turns the loop from now on. In a loop of ours it may be one that holds back
 * every signal, as a thread of a library should: but not this one. */
static void meet_thread(struct watchdog *dog)
{
	sigset_t set;

	store(dog->tid, my_tid);
	if (dog->probe < 0 || dog->loop->poll.hosted || dog->outer_fd >= 0)
		return;
	sigemptyset(&set);
	sigaddset(&set, ouro__probe_signal(dog->probe));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void report_host(struct watchdog *dog)
{
	uint64_t since = load(dog->host_since), now = clock_ns();

	store(dog->host_since, 0);
	ouro__lag_report_host(dog->loop, since, now - since);
}

void ouro__watchdog_awake(struct watchdog *dog)
{
	if (!my_tid || !load(dog->tid)) /* what a fork has left of it is the parent's */
		my_tid = (int)gettid();
	if (dog->tid != my_tid)
		meet_thread(dog);
	if (load(dog->host_since))
		report_host(dog);
	count_add(&dog->wakes, 1);
	store(dog->asleep, false);
	if (load(dog->drowsy)) {
		store(dog->drowsy, false);
		ouro__wake_ring(dog->bell_fd);
	}
}

void ouro__watchdog_asleep(struct watchdog *dog)
{
	store(dog->asleep, true);
}

void ouro__watchdog_behind(struct watchdog *dog, int outer_fd)
{
	store(dog->outer_fd, outer_fd);
	ouro__wake_ring(dog->bell_fd);
}

void ouro__watchdog_backend(struct watchdog *dog, int backend_fd)
{
	store(dog->backend_fd, backend_fd);
	dog->seeks = false;
}

bool ouro__watchdog_seeks(const struct watchdog *dog)
{
	return dog->seeks;
}

bool ouro__watchdog_minds(const struct watchdog *dog, uint64_t ns)
{
	return ns >= dog->limit;
}

void ouro__watchdog_ask(struct watchdog *dog)
{
	store(dog->asked, true);
	ouro__wake_ring(dog->bell_fd);
}

const struct block *ouro__watchdog_seen(const struct watchdog *dog, unsigned nth)
{
	return &dog->seen[nth];
}

/* ---- Beginning and end ---- */

static int open_probe(struct watchdog *dog, int signo)
{
	int probe = signo < 0 ? -EBUSY : ouro__probe_open(signo, ouro__dog_handler, dog);

	if (probe == -EINVAL || (probe < 0 && signo > 0)) {
		ouro__log(&dog->loop->log, OURO_LOG_ERROR,
			  "watch_signal: %d is no signal that a watchdog may have", signo);
		return -EINVAL;
	}
	if (probe < 0 && signo == 0)
		ouro__log(&dog->loop->log, OURO_LOG_WARN,
			  "the watchdog has no signal to itself: it takes no stacks");
	dog->probe = probe;
	return 0;
}

static int open_bell(struct watchdog *dog)
{
	dog->bell_fd = ouro__wake_fd();
	return dog->bell_fd < 0 ? dog->bell_fd : 0;
}

static int start_thread(struct watchdog *dog)
{
	dog->pid = getpid();
	return ouro__thread_start(&dog->thread, "ouro-watchdog", 0, ouro__dog_watch, dog);
}

static void close_all(struct watchdog *dog)
{
	ouro__fd_close(&dog->bell_fd);
	if (dog->probe >= 0)
		ouro__probe_close(dog->probe);
	ouro__worst_end(&dog->worst);
	ouro__free(dog);
}

static struct watchdog *make(struct ouro_loop *loop, const struct watch_wishes *wishes)
{
	struct watchdog *dog = ouro__alloc(sizeof(*dog));

	if (!dog)
		return NULL;
	dog->loop = loop;
	dog->limit = wishes->ms * NS_PER_MS;
	dog->patience = dog->limit > PATIENCE ? dog->limit : PATIENCE;
	dog->stuck_after = wishes->stuck_ms && wishes->stuck_ms != OURO_NEVER
				   ? wishes->stuck_ms * NS_PER_MS
				   : FOREVER;
	dog->aborts = wishes->stuck == OURO_STUCK_ABORT;
	dog->on_held = wishes->on_held;
	dog->on_stuck = wishes->on_stuck;
	dog->arg = loop->arg;
	dog->asleep = true;
	dog->probe = dog->bell_fd = -1;
	dog->outer_fd = loop->poll.outer_fd;
	dog->seeks = loop->poll.hosted;
	dog->backend_fd = dog->seeks ? -1 : ouro__poll_backend(&loop->poll);
	dog->planned = FOREVER;
	voice_init(&dog->voice, clock_ns());
	ouro__worst_init(&dog->worst);
	return dog;
}

int ouro__watchdog_start(struct ouro_loop *loop, const struct watch_wishes *wishes)
{
	struct watchdog *dog = make(loop, wishes);
	int err;

	if (!dog)
		return -ENOMEM;
	err = open_bell(dog);
	if (!err)
		err = open_probe(dog, wishes->signo);
	if (!err)
		err = start_thread(dog);
	if (err) {
		close_all(dog);
		return err;
	}
	if (loop->lag.limit > dog->limit)
		loop->lag.limit = dog->limit;
	store(loop->watchdog, dog);
	return 0;
}

/* After a fork the thread is the parent's. */
void ouro__watchdog_stop(struct ouro_loop *loop)
{
	struct watchdog *dog = loop->watchdog;

	if (!dog)
		return;
	store(dog->ending, true);
	if (dog->pid == getpid()) {
		ouro__wake_ring(dog->bell_fd);
		pthread_join(dog->thread, NULL);
	}
	store(loop->watchdog, NULL);
	close_all(dog);
}

int ouro__watchdog_after_fork(struct ouro_loop *loop)
{
	struct watchdog *dog = loop->watchdog;
	int err;

	if (!dog || dog->pid == getpid())
		return 0;
	my_tid = 0;
	ouro__fd_close(&dog->bell_fd);
	if (dog->probe >= 0)
		ouro__probe_after_fork(dog->probe);
	ouro__worst_after_fork(&dog->worst);
	dog->now.ongoing = dog->asked = dog->drowsy = dog->listens = false;
	dog->host_since = dog->outer_since = 0;
	dog->tid = 0;
	dog->asleep = !loop->turning;
	dog->seeks = loop->poll.hosted;
	dog->backend_fd = dog->seeks ? -1 : ouro__poll_backend(&loop->poll);
	err = open_bell(dog);
	if (!err)
		err = start_thread(dog);
	if (err) {
		store(loop->watchdog, NULL);
		close_all(dog);
	}
	return err;
}

/* ---- Readings ---- */

size_t ouro_loop_worst(ouro_loop *loop, ouro_lag_fn *fn, void *arg)
{
	struct watchdog *dog = load(loop->watchdog);

	return dog ? ouro__worst_each(&dog->worst, loop, fn, arg) : 0;
}

size_t ouro_loop_blame(ouro_loop *loop, enum ouro_blame_by by, ouro_blame_fn *fn, void *arg)
{
	struct watchdog *dog = load(loop->watchdog);

	return dog ? ouro__blame_each(&dog->worst, by, fn, arg) : 0;
}

struct folding {
	ouro_buf *to;
	int err;
};

static void fold(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	struct folding *folding = arg;

	(void)loop;
	for (unsigned i = lag->depth; i-- && !folding->err;)
		folding->err = ouro_buf_printf(folding->to, i ? "%s;" : "%s", lag->stack[i]);
	if (lag->depth && !folding->err)
		folding->err = ouro_buf_printf(folding->to, " %" PRIu64 "\n", lag->ns / NS_PER_MS);
}

int ouro_loop_folded(ouro_loop *loop, ouro_buf *to)
{
	struct folding folding = { .to = to };

	ouro_loop_worst(loop, fold, &folding);
	return folding.err;
}
