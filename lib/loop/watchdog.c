/* watchdog.c -- see watchdog.h.
 *
 * While the loop is held the watchdog takes its stack (sys/probe.h) and, in the same moment, what it
 * was called for: a signal's handler that runs on the loop's own thread may read what the loop has
 * written down, since nothing there is freed before its call has ended. It is looked at again after
 * twice the time, four times, and so on: for what it is at by then.
 *
 * When the call is over the loop asks for names anyway (lag.c), and asks the watchdog where there is
 * one: that is where what was seen meets how long it took, and goes to the user and into the list of
 * the worst. A block is known by the loop's stamp when it began.
 *
 * Sleeping and ringing: the loop says "awake" and then looks whether the watchdog is drowsy; that one
 * says "drowsy", and then looks whether the loop is awake. With both on their way at once neither may
 * see the other, so the watchdog sleeps one more interval before the one that has no end. A store
 * that has not arrived by then there is not. */
#include "loop/watchdog.h"
#include "base/alloc.h"
#include "loop/namebook.h"
#include "loop/worst.h"
#include "sys/fd.h"
#include "sys/probe.h"
#include "sys/thread.h"
#include "sys/wake.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOREVER  UINT64_MAX
#define CAUGHT   8
#define PATIENCE (50 * NS_PER_MS) /* at least, for the loop's thread to answer */

/* Told to on_held: five at once, and one more every twelve seconds. */
#define VOICE_MOST  5
#define VOICE_EVERY (12 * NS_PER_S)

/* What the loop's thread was at, written down by itself in the signal's handler. */
struct shot {
	uint64_t stamp;
	const void *fn;
	bool asleep, turning;
	char name[BLOCK_NAME], doing[256], route[BLOCK_NAME];
	int made_depth;
	void *made[LABEL_FRAMES];
};

/* A block that is over, and not yet told by the loop. */
struct caught {
	uint64_t turns;
	bool added;
	struct block block;
};

struct watchdog {
	struct ouro_loop *loop;
	uint64_t limit, patience, stuck_after; /* ns */
	bool aborts;
	ouro_lag_fn *on_held, *on_stuck;
	void *arg;
	int bell_fd, probe; /* probe < 0: takes no stacks */
	pthread_t thread;
	pid_t pid; /* of the process that the thread is in */

	/* The loop's. */
	bool asleep;
	int tid, outer_fd, backend_fd;
	uint64_t wakes; /* turns, and polls of a host that have ended */

	/* Between the two. */
	bool drowsy, ending, asked;
	uint64_t host_since; /* a host that polls a descriptor holds the loop, so long; 0: no */

	/* The watchdog's. */
	uint64_t planned, grace; /* when it meant to look; from when on a block counts */
	uint64_t wakes_seen, outer_since;
	bool listens; /* to outer_fd */
	struct block now;
	uint64_t next_shot;
	bool told_stuck;
	unsigned voice;
	uint64_t voice_since, unsaid;
	struct shot shot;
	struct caught caught[CAUGHT];
	unsigned next_caught;
	struct block seen[LAG_QUEUE];
	struct namebook names;
	struct worst worst;
};

#define load(word)         __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define store(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

/* ---- In the signal's handler, on the loop's thread ---- */

static size_t append(char *text, size_t used, size_t room, const char *more)
{
	for (; *more && used + 1 < room; more++)
		text[used++] = *more;
	text[used] = 0;
	return used;
}

static void append_number(char *text, size_t used, size_t room, int number)
{
	char digits[12], *at = digits + sizeof(digits) - 1;

	*at = 0;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	append(text, used, room, at);
}

static void copy_cause(struct shot *shot, struct cause cause)
{
	size_t used = append(shot->doing, 0, sizeof(shot->doing), cause.kind);

	if (!cause.thing && cause.number < 0)
		return;
	used = append(shot->doing, used, sizeof(shot->doing), " ");
	if (cause.thing)
		append(shot->doing, used, sizeof(shot->doing), cause.thing);
	else
		append_number(shot->doing, used, sizeof(shot->doing), cause.number);
}

static void copy_label(struct shot *shot, const struct label *label)
{
	if (!label)
		return;
	append(shot->name, 0, sizeof(shot->name), label->name ? label->name : "");
	shot->made_depth = label->depth;
	memcpy(shot->made, label->origin, (size_t)label->depth * sizeof(shot->made[0]));
}

static void take_shot(void *arg)
{
	struct watchdog *dog = arg;
	const struct ouro_loop *loop = dog->loop;
	const struct call *call = &loop->lag.call;
	struct shot *shot = &dog->shot;

	shot->stamp = count_read(&loop->lag.stamp);
	shot->asleep = dog->asleep;
	shot->turning = loop->turning;
	shot->fn = __atomic_load_n(&call->fn, __ATOMIC_RELAXED);
	shot->name[0] = shot->doing[0] = shot->route[0] = 0;
	shot->made_depth = 0;
	atomic_signal_fence(memory_order_acquire);
	if (!shot->fn)
		return;
	copy_cause(shot, call->cause);
	copy_label(shot, call->label);
	append(shot->route, 0, sizeof(shot->route), call->route ? call->route : "");
}

/* ---- Into words ---- */

/* A function that calls itself is there once: what matters is who called it first. */
static void say_stack(struct watchdog *dog, struct block *block, void **frames, int depth)
{
	const char *last = "";
	size_t used = 0;

	block->depth = 0;
	for (int i = 0; i < depth && block->depth < BLOCK_FRAMES; i++) {
		const char *at = (const char *)frames[i] - (i > 0); /* not where it returns to */
		const char *name = ouro__namebook_find(&dog->names, at);
		size_t len = strlen(name) + 1;

		if (!strcmp(name, last))
			continue;
		if (used + len > sizeof(block->stack))
			return;
		last = memcpy(block->stack + used, name, len);
		used += len;
		block->depth++;
	}
}

static void say_origin(struct watchdog *dog, struct block *block)
{
	const struct shot *shot = &dog->shot;
	size_t used = 0;

	block->origin[0] = 0;
	for (int i = 0; i < shot->made_depth; i++) {
		used = append(block->origin, used, sizeof(block->origin),
			      ouro__namebook_find(&dog->names, (const char *)shot->made[i] - 1));
		used = append(block->origin, used, sizeof(block->origin), "\n");
	}
}

/* Not in any callback of ours: a host's, or ouro itself between two of them. */
static void say_who(struct watchdog *dog, struct block *block, const void *fn, bool turning)
{
	const char *who = turning ? "ouro" : "host";

	if (fn)
		who = dog->shot.name[0] ? dog->shot.name : ouro__namebook_find(&dog->names, fn);
	snprintf(block->who, sizeof(block->who), "%s", who);
	snprintf(block->doing, sizeof(block->doing), "%s",
		 fn || turning ? dog->shot.doing : "a callback of its own");
	snprintf(block->route, sizeof(block->route), "%s", dog->shot.route);
	say_origin(dog, block);
}

/* Our own two that happen to be ready are nobody who waits. */
static unsigned count_waiting(const struct watchdog *dog)
{
	const struct poll *poll = &dog->loop->poll;
	int backend = load(dog->backend_fd);
	unsigned n = backend < 0 ? 0 : ouro__fd_count_ready(backend);
	unsigned own = n ? (unsigned)ouro__fd_is_readable(poll->wake_fd) +
				       (unsigned)ouro__fd_is_readable(poll->alarm_fd)
			 : 0;

	return n > own ? n - own : 0;
}

/* Fills dog->now from the loop's thread as it is now; false: it has gone on meanwhile. */
static bool shoot(struct watchdog *dog)
{
	const struct lag *lag = &dog->loop->lag;
	struct block *block = &dog->now;
	void *frames[PROBE_FRAMES];
	bool hosted = dog->outer_since || dog->loop->poll.hosted, turning = !hosted;
	uint64_t stamp = count_read(&lag->stamp);
	const void *fn = __atomic_load_n(&lag->call.fn, __ATOMIC_RELAXED);
	int depth = 0;

	memset(&dog->shot, 0, sizeof(dog->shot));
	block->waiting = count_waiting(dog);
	if (dog->probe >= 0)
		depth = ouro__probe_take(dog->probe, load(dog->tid), dog->patience, frames);
	if (depth) {
		fn = dog->shot.fn;
		turning = dog->shot.turning || !hosted;
	}
	if (count_read(&lag->stamp) != stamp || load(dog->asleep) != (dog->outer_since != 0))
		return false;
	if (depth && (dog->shot.stamp != stamp || dog->shot.asleep != (dog->outer_since != 0)))
		return false;
	ouro__namebook_refresh(&dog->names);
	say_who(dog, block, fn, turning);
	say_stack(dog, block, frames, depth);
	return true;
}

/* ---- To the user ---- */

static void call_user(struct watchdog *dog, ouro_lag_fn *fn)
{
	const char *frames[BLOCK_FRAMES];
	ouro_lag lag = ouro__block_lag(&dog->now, frames);

	fn(dog->loop, &lag, dog->arg);
}

static bool may_speak(struct watchdog *dog, uint64_t now)
{
	uint64_t more = (now - dog->voice_since) / VOICE_EVERY;

	dog->voice_since += more * VOICE_EVERY;
	dog->voice = more < VOICE_MOST - dog->voice ? dog->voice + (unsigned)more : VOICE_MOST;
	if (!dog->voice) {
		dog->unsaid++;
		return false;
	}
	dog->voice--;
	return true;
}

static void tell_held(struct watchdog *dog, uint64_t now)
{
	if (!dog->on_held || !may_speak(dog, now))
		return;
	dog->now.missed = dog->unsaid;
	dog->unsaid = 0;
	call_user(dog, dog->on_held);
}

static void tell_stuck(struct watchdog *dog)
{
	ouro_lag_fn *fn = dog->on_stuck ? dog->on_stuck : dog->on_held;

	dog->told_stuck = true;
	if (fn)
		call_user(dog, fn);
	if (dog->aborts)
		abort();
}

/* ---- A block: its beginning, its going on, its end ---- */

static void begin(struct watchdog *dog, uint64_t stamp, uint64_t now)
{
	memset(&dog->now, 0, sizeof(dog->now));
	dog->now.began = stamp;
	dog->now.ns = now - stamp;
	dog->now.calls = 1;
	dog->told_stuck = false;
	dog->next_shot = 2 * (now - stamp);
	if (!shoot(dog))
		return;
	dog->now.ongoing = true;
	ouro__worst_now(&dog->worst, &dog->now);
	tell_held(dog, now);
}

static void go_on(struct watchdog *dog, uint64_t now)
{
	struct block *block = &dog->now;

	block->ns = now - block->began;
	if (block->ns >= dog->next_shot) {
		dog->next_shot = 2 * block->ns;
		if (!shoot(dog))
			return;
	}
	ouro__worst_now(&dog->worst, block);
}

/* What the loop never tells of, since it was in none of its callbacks, is kept as it was seen. */
static void keep(struct watchdog *dog, struct caught *caught)
{
	if (!caught->block.began || caught->added)
		return;
	ouro__worst_add(&dog->worst, &caught->block);
	caught->added = true;
}

static void finish(struct watchdog *dog)
{
	struct caught *caught;

	if (!dog->now.ongoing)
		return;
	dog->now.ongoing = false;
	ouro__worst_now(&dog->worst, &dog->now);
	caught = &dog->caught[dog->next_caught++ % CAUGHT];
	keep(dog, caught);
	*caught = (struct caught){ .turns = count_read(&dog->loop->lag.turns), .block = dog->now };
}

static void keep_old(struct watchdog *dog)
{
	uint64_t turns = count_read(&dog->loop->lag.turns);

	for (unsigned i = 0; i < CAUGHT; i++)
		if (turns > dog->caught[i].turns + 1)
			keep(dog, &dog->caught[i]);
}

/* It is held since `stamp`; when to look again. */
static uint64_t hold(struct watchdog *dog, uint64_t stamp, uint64_t since, uint64_t now)
{
	uint64_t next = now + dog->limit / 2;

	if (dog->now.ongoing && dog->now.began != stamp)
		finish(dog);
	if (dog->now.ongoing)
		go_on(dog, now);
	else
		begin(dog, stamp, now);
	if (!dog->now.ongoing || dog->told_stuck || dog->stuck_after == FOREVER)
		return next;
	if (now - since >= dog->stuck_after)
		tell_stuck(dog);
	else if (since + dog->stuck_after < next)
		next = since + dog->stuck_after;
	return next;
}

/* ---- When the loop's names are asked for ---- */

static struct caught *find_caught(struct watchdog *dog, uint64_t began)
{
	for (unsigned i = 0; i < CAUGHT; i++)
		if (dog->caught[i].block.began == began)
			return &dog->caught[i];
	return NULL;
}

/* What was seen of it, and what the loop says of it: the loop knows better. */
static void meet(struct watchdog *dog, struct lag_namer *namer, unsigned i)
{
	const struct lag_report *report = namer->report[i];
	struct caught *caught = find_caught(dog, report->began);
	struct block *seen = &dog->seen[i];
	bool added = caught && caught->added;

	if (caught) {
		*seen = caught->block;
		*caught = (struct caught){ .turns = 0 };
	} else {
		memset(seen, 0, sizeof(*seen));
		snprintf(seen->route, sizeof(seen->route), "%s", report->route);
	}
	seen->began = report->began;
	seen->ns = report->ns;
	seen->calls = report->calls;
	snprintf(seen->who, sizeof(seen->who), "%s", report->named ? report->who : namer->name[i]);
	snprintf(seen->doing, sizeof(seen->doing), "%s", report->doing);
	if (!added && seen->ns >= dog->limit)
		ouro__worst_add(&dog->worst, seen);
}

static void serve(struct watchdog *dog)
{
	struct lag_namer *namer = &dog->loop->lag.namer;
	int wake_fd;

	if (!load(dog->asked))
		return;
	store(dog->asked, false);
	wake_fd = namer->wake_fd;
	if (dog->now.ongoing && dog->now.began != count_read(&dog->loop->lag.stamp))
		finish(dog);
	ouro__namebook_refresh(&dog->names);
	for (unsigned i = 0; i < namer->count; i++) {
		const void *fn = namer->fn[i];

		snprintf(namer->name[i], LAG_NAME_ROOM, "%s",
			 fn ? ouro__namebook_find(&dog->names, fn) : "host");
		meet(dog, namer, i);
	}
	atomic_store(&namer->done, true);
	ouro__wake_ring(wake_fd);
	atomic_store(&namer->gone, true);
}

/* ---- Looking ---- */

/* The loop rests. One that turned since the last look is looked at again soon; one that did not is
 * left alone, until it rings. */
static uint64_t rest(struct watchdog *dog, uint64_t now)
{
	uint64_t wakes = count_read(&dog->wakes);

	if (wakes != dog->wakes_seen) {
		dog->wakes_seen = wakes;
		store(dog->drowsy, false);
		return now + dog->limit;
	}
	if (!load(dog->drowsy)) {
		store(dog->drowsy, true);
		return now + dog->limit;
	}
	return FOREVER;
}

/* The same where a host polls our descriptor. Nobody tells us when the host rests, but when our
 * descriptor is ready and no turn comes of it the host is held. */
static uint64_t rest_behind(struct watchdog *dog, uint64_t now)
{
	uint64_t wakes = count_read(&dog->wakes);

	if (wakes != dog->wakes_seen || !dog->outer_since ||
	    !ouro__fd_is_readable(load(dog->outer_fd))) {
		finish(dog);
		dog->outer_since = 0;
		dog->listens = wakes == dog->wakes_seen;
		dog->wakes_seen = wakes;
		return dog->listens ? FOREVER : now + dog->limit;
	}
	if (now - dog->outer_since < dog->limit)
		return dog->outer_since + dog->limit;
	store(dog->host_since, dog->outer_since);
	return hold(dog, dog->outer_since, dog->outer_since, now);
}

/* Answers when to look again. The clock is read before what it is compared with: a loop that goes
 * on meanwhile then looks younger, not older. */
static uint64_t look(struct watchdog *dog)
{
	const struct lag *lag = &dog->loop->lag;
	uint64_t now = clock_ns(), stamp, since;
	bool asleep = load(dog->asleep);

	if (dog->planned != FOREVER && now > dog->planned + dog->limit)
		dog->grace = now; /* we were stopped, and so perhaps was the loop */
	if (asleep && load(dog->outer_fd) >= 0)
		return rest_behind(dog, now);
	dog->outer_since = 0;
	if (asleep) {
		finish(dog);
		return rest(dog, now);
	}
	store(dog->drowsy, false);
	stamp = count_read(&lag->stamp);
	since = stamp > dog->grace ? stamp : dog->grace;
	if (dog->now.ongoing && dog->now.began != stamp)
		finish(dog);
	if (now < since + dog->limit)
		return since + dog->limit;
	return hold(dog, stamp, since, now);
}

static void sleep_until(struct watchdog *dog, uint64_t when)
{
	struct pollfd fds[2] = { { .fd = dog->bell_fd, .events = POLLIN },
				 { .fd = dog->listens ? load(dog->outer_fd) : -1,
				   .events = POLLIN } };
	uint64_t now = clock_ns(), left = when > now ? when - now : 0;
	struct timespec most = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };

	dog->planned = when > now ? when : now;
	if (ppoll(fds, 2, when == FOREVER ? NULL : &most, NULL) <= 0)
		return;
	dog->planned = FOREVER; /* not by the clock */
	if (fds[0].revents)
		ouro__wake_silence(dog->bell_fd);
	if (fds[1].revents) {
		dog->listens = false;
		dog->outer_since = clock_ns();
	}
}

static void *watch(void *arg)
{
	struct watchdog *dog = arg;

	while (!load(dog->ending)) {
		serve(dog);
		keep_old(dog);
		sleep_until(dog, look(dog));
	}
	serve(dog);
	return NULL;
}

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
	if (!my_tid)
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
	int probe = signo < 0 ? -EBUSY : ouro__probe_open(signo, take_shot, dog);

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
	return ouro__thread_start(&dog->thread, "ouro-watchdog", 0, watch, dog);
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
	dog->backend_fd = loop->poll.hosted ? -1 : ouro__poll_backend(&loop->poll);
	dog->planned = FOREVER;
	dog->voice = VOICE_MOST;
	dog->voice_since = clock_ns();
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
	dog->backend_fd = loop->poll.hosted ? -1 : ouro__poll_backend(&loop->poll);
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
