/* loop.c -- making a loop, turning it until it is done, ending it. See ouro/loop.h. */
#include "loop/loop.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/signal.h"
#include "loop/watchdog.h"
#include "ouro/str.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Behind a descriptor one call turns until nothing is ready, but no more often than this. */
#define STEPS_A_TURN 8

/* ns; a poll that took no longer did not wait. */
#define QUICK_POLL 2000

#define DEFAULT_THREADS 4
#define MOST_THREADS    1024

/* The number of pool threads: the option, else the environment's, else 4. 0: neither makes sense. */
static unsigned pool_size(const ouro_loop_opts *opts)
{
	const char *env = getenv("OURO_POOL_SIZE");
	uint64_t threads = opts->pool_threads;

	if (!threads)
		threads = env && *env ? ouro_str_u64(ouro_str_z(env), 0) : DEFAULT_THREADS;
	return threads <= MOST_THREADS ? (unsigned)threads : 0;
}

static bool wants_watchdog(const ouro_loop_opts *opts)
{
	return opts->watch_ms && opts->watch_ms != OURO_NEVER;
}

static bool opts_make_sense(const ouro_loop_opts *opts)
{
	struct log log = { opts->on_log, opts->arg };

	if (!pool_size(opts)) {
		ouro__log(&log, OURO_LOG_ERROR, "%s is not a number of pool threads from 1 to %d",
			  opts->pool_threads ? "pool_threads" : "OURO_POOL_SIZE", MOST_THREADS);
		return false;
	}
	if (opts->clock != OURO_CLOCK_REAL && opts->clock != OURO_CLOCK_VIRTUAL) {
		ouro__log(&log, OURO_LOG_ERROR, "there is no clock of the kind %d", opts->clock);
		return false;
	}
	if (wants_watchdog(opts) && opts->clock == OURO_CLOCK_VIRTUAL) {
		ouro__log(&log, OURO_LOG_ERROR, "a watchdog needs the real clock");
		return false;
	}
	if (opts->stuck != OURO_STUCK_REPORT && opts->stuck != OURO_STUCK_ABORT) {
		ouro__log(&log, OURO_LOG_ERROR, "there is nothing like %d to do with a stuck loop",
			  opts->stuck);
		return false;
	}
	return true;
}

static bool wants_origins(void)
{
	const char *value = getenv("OURO_ORIGINS");

	return value && !strcmp(value, "1");
}

static void loop_init(struct ouro_loop *loop, const ouro_loop_opts *opts)
{
	loop->magic = LOOP_MAGIC;
	loop->fresh = true;
	loop->is_virtual = opts->clock == OURO_CLOCK_VIRTUAL;
	loop->virtual_now = NS_PER_S;
	loop->origins = wants_origins();
	loop->turn_ns = opts->turn_us == OURO_NEVER ? 0 : opts->turn_us * NS_PER_US;
	loop->pool_wishes.threads = pool_size(opts);
	loop->pool_wishes.queue = opts->pool_queue ? opts->pool_queue : UINT_MAX;
	loop->pool_wishes.stack = opts->pool_stack;
	loop->watch_wishes =
		(struct watch_wishes){ opts->watch_ms, opts->watch_signal, opts->stuck_ms,
				       opts->stuck,    opts->on_held,      opts->on_stuck };
	loop->log.fn = opts->on_log;
	loop->log.arg = opts->arg;
	loop->on_lag = opts->on_lag;
	loop->arg = opts->arg;
	list_init(&loop->handles);
	list_init(&loop->closing);
	list_init(&loop->parked);
	list_init(&loop->attachments);
	list_init(&loop->flushes);
	ouro__lag_init(loop, opts);
	ouro__tasks_init(&loop->tasks, opts);
	ouro__timers_init(&loop->timers);
}

ouro_loop *(ouro_loop_new)(const ouro_loop_opts *opts)
{
	static const ouro_loop_opts defaults;
	struct ouro_loop *loop;
	int err;

	opts = opts ? opts : &defaults;
	if (!opts_make_sense(opts)) {
		errno = EINVAL;
		return NULL;
	}
	loop = ouro__alloc(sizeof(*loop));
	if (!loop) {
		errno = ENOMEM;
		return NULL;
	}
	loop_init(loop, opts);
	err = ouro__poll_open(&loop->poll, loop, opts->ev);
	if (err) {
		ouro__free(loop);
		errno = -err;
		return NULL;
	}
	if (wants_watchdog(opts))
		err = ouro__watchdog_start(loop, &loop->watch_wishes);
	if (err) {
		ouro__loop_end(loop);
		errno = -err;
		return NULL;
	}
	return loop;
}

ouro_loop *ouro_loop_new_for(unsigned version, const ouro_loop_opts *opts)
{
	if (version / 100 != OURO_VERSION_NUMBER / 100) {
		errno = -OURO_EVERSION;
		return NULL;
	}
	return (ouro_loop_new)(opts);
}

struct attachment *ouro__loop_attached(const struct ouro_loop *loop, const void *kind)
{
	list_each (at, &loop->attachments) {
		struct attachment *attachment = list_of(at, struct attachment, link);

		if (attachment->kind == kind)
			return attachment;
	}
	return NULL;
}

/* on_close, and the callbacks of what was out, may close others, so again until there are none;
 * none of them can open anything new. A handle that waits for an operation settles when that is
 * over. */
static size_t close_all(struct ouro_loop *loop)
{
	struct list *link;
	size_t dropped = 0;

	do {
		dropped += ouro__tasks_drop_posts(loop); /* a wake waits for its own */
		while ((link = loop->handles.next) != &loop->handles)
			ouro__handle_close(list_of(link, struct handle, link));
		list_each (at, &loop->attachments) {
			struct attachment *attachment = list_of(at, struct attachment, link);

			if (attachment->drain)
				attachment->drain(attachment);
		}
		ouro__close_phase(loop);
	} while (loop->handle_count);
	return dropped + ouro__tasks_drop_posts(loop);
}

static void detach_all(struct ouro_loop *loop)
{
	/* The last first: a part may stand on those that were there before it. */
	while (!list_empty(&loop->attachments)) {
		struct list *link = loop->attachments.prev;
		struct attachment *attachment = list_of(link, struct attachment, link);

		list_remove(link);
		attachment->end(attachment);
	}
}

void ouro__loop_end(struct ouro_loop *loop)
{
	size_t dropped;

	loop->ending = true;
	loop->turning = true; /* callbacks run now: they must not turn the loop */
	dropped = ouro__tasks_drop_micro(&loop->tasks);
	dropped += close_all(loop);
	detach_all(loop);
	ouro__lag_end(loop);
	ouro__watchdog_stop(loop);
	ouro__signals_end(loop);
	dropped += ouro__tasks_free(&loop->tasks);
	if (dropped)
		ouro__log(&loop->log, OURO_LOG_DEBUG,
			  "%zu tasks had not run when their loop was freed", dropped);
	for (uint32_t i = 0; i < loop->timers.count; i++)
		ouro__label_free(timers_nth(&loop->timers, i)->label);
	ouro__timers_free(&loop->timers);
	ouro__poll_close(&loop->poll);
	loop->magic = 0;
	ouro__free(loop);
}

bool ouro__loop_ended(struct ouro_loop *loop)
{
	bool ended = loop->ending;

	if (ended)
		ouro__loop_end(loop);
	return ended;
}

void ouro_loop_free(ouro_loop *loop)
{
	if (!loop)
		return;
	ouro__check_magic(loop, LOOP_MAGIC);
	if (loop->turning)
		loop->ending = true;
	else
		ouro__loop_end(loop);
}

bool ouro__loop_is_busy(const struct ouro_loop *loop)
{
	const struct tasks *tasks = &loop->tasks;

	return !task_queue_is_empty(&tasks->macro) || !task_queue_is_empty(&tasks->micro) ||
	       ouro__tasks_have_posts(tasks) || !list_empty(&loop->closing) ||
	       !list_empty(&loop->flushes) || !list_empty(&loop->poll.ready) ||
	       !list_empty(&loop->poll.arrived) || ouro__signals_wait(loop) || loop->stopped ||
	       loop->ending || ouro__lag_can_tell(loop);
}

bool ouro__loop_is_alive(const struct ouro_loop *loop)
{
	return loop->held || !task_queue_is_empty(&loop->tasks.micro) ||
	       ouro__tasks_have_posts(&loop->tasks) || !list_empty(&loop->flushes);
}

bool ouro__loop_cannot_wait(const struct ouro_loop *loop)
{
	uint64_t next = timers_next(&loop->timers);

	return loop->fresh || next <= loop->lag.stamp || ouro__loop_is_busy(loop) ||
	       (loop->is_virtual && next != UINT64_MAX && !loop->away);
}

/* Refuses, in words, what may not be done from inside a turn or to a loop of this kind. */
static int refuse(const struct ouro_loop *loop, const char *what)
{
	if (loop->poll.hosted) {
		ouro__log(&loop->log, OURO_LOG_ERROR,
			  "%s: this loop lives in a host's libev loop; run that one", what);
		return -EINVAL;
	}
	if (loop->turning) {
		ouro__log(&loop->log, OURO_LOG_ERROR,
			  "%s: this loop is running already, and this is one of its callbacks",
			  what);
		return -EBUSY;
	}
	return 0;
}

/* Obeys a stop: once. */
static bool take_stop(struct ouro_loop *loop, int *ret_code)
{
	if (!loop->stopped)
		return false;
	*ret_code = loop->stop_code;
	loop->stopped = false;
	return true;
}

/* True: something came. */
static bool glance_around(struct ouro_loop *loop)
{
	struct poll *poll = &loop->poll;
	uint64_t now;

	if (!glance_is_due(&loop->glance))
		return false;
	glance_begin(&loop->glance, clock_ns());
	do {
		ouro__poll_wait(poll, false);
		now = clock_ns();
	} while (!poll->heard && glance_again(&loop->glance, now));
	glance_over(&loop->glance, now, poll->heard);
	return poll->heard;
}

/* Waits for something to do. Where the last poll found something at once the next most likely will
 * too, and a poll that is not allowed to wait is cheaper: no timer for the kernel to set up. */
static void wait_for_events(struct ouro_loop *loop)
{
	bool block = !ouro__loop_cannot_wait(loop);

	if (!block || loop->lag.last_idle < QUICK_POLL) {
		ouro__poll_wait(&loop->poll, false);
		block &= !loop->poll.heard;
	}
	if (block && loop->expects)
		block = !glance_around(loop);
	loop->expects = false;
	if (block)
		ouro__poll_wait(&loop->poll, true);
}

int ouro_loop_run(ouro_loop *loop)
{
	int code = refuse(loop, "ouro_loop_run");

	if (code)
		return code;
	loop->fresh = true;
	while (!take_stop(loop, &code) && ouro__loop_is_alive(loop)) {
		ouro__poll_prepare(&loop->poll);
		wait_for_events(loop);
		ouro__turn(loop);
		code = loop->stopped ? loop->stop_code : 0;
		if (ouro__loop_ended(loop))
			return code;
	}
	return code;
}

void ouro_loop_stop(ouro_loop *loop, int code)
{
	loop->stop_code = code;
	if (loop->poll.hosted) {
		ouro__poll_release(&loop->poll);
		return;
	}
	loop->stopped = true;
	loop_touch(loop);
}

/* Leaves the descriptor as it must be for a host that polls it: ready if there is more to do. */
static void leave(struct ouro_loop *loop, bool more)
{
	ouro__poll_prepare(&loop->poll);
	if (more || ouro__loop_cannot_wait(loop))
		ouro__poll_kick(&loop->poll);
}

/* Polls and turns, without waiting; was there anything to do? The turn that is only timers, a run's
 * first, is no turn to a caller: it gets a whole one. */
static bool step(struct ouro_loop *loop, bool *ret_gone)
{
	bool fresh = loop->fresh, more;

	ouro__poll_prepare(&loop->poll);
	ouro__poll_wait(&loop->poll, false);
	more = loop->poll.heard;
	more |= ouro__turn(loop) > 0;
	*ret_gone = ouro__loop_ended(loop);
	if (fresh && !*ret_gone && !loop->stopped)
		more |= step(loop, ret_gone);
	return more;
}

/* A host that polls by edge comes again only for something new. So all there is must be taken; and
 * a first step for nothing at all is libev having met a stale event, which the second gets rid of. */
static bool step_until_quiet(struct ouro_loop *loop, bool *ret_gone)
{
	bool more = true;

	for (int n = 0; n < STEPS_A_TURN && (more || n == 1); n++) {
		more = step(loop, ret_gone);
		if (*ret_gone || loop->stopped || !ouro__loop_is_alive(loop))
			break;
	}
	return more;
}

bool ouro_loop_turn(ouro_loop *loop)
{
	bool gone = false, behind = loop->poll.outer_fd >= 0, more;
	int code;

	if (refuse(loop, "ouro_loop_turn"))
		return true;
	more = behind ? step_until_quiet(loop, &gone) : step(loop, &gone);
	if (gone || take_stop(loop, &code) || !ouro__loop_is_alive(loop))
		return false;
	if (behind)
		leave(loop, more);
	return true;
}

int ouro_loop_fd(ouro_loop *loop)
{
	int fd;

	if (loop->poll.hosted) {
		ouro__log(
			&loop->log, OURO_LOG_ERROR,
			"ouro_loop_fd: this loop lives in a host's libev loop; there is no other");
		return -EINVAL;
	}
	if (loop->poll.outer_fd >= 0)
		return loop->poll.outer_fd;
	fd = ouro__poll_outer(&loop->poll);
	if (fd >= 0 && loop->watchdog)
		ouro__watchdog_behind(loop->watchdog, fd);
	if (fd >= 0) {
		ouro__poll_prepare(&loop->poll);
		ouro__poll_kick(&loop->poll); /* what was asked before has not been looked at */
	}
	return fd;
}

/* Every part forgets the threads it had, even if another could not be renewed: the loop must at
 * least be free to be freed. */
int ouro_loop_after_fork(ouro_loop *loop)
{
	int err = ouro__poll_after_fork(&loop->poll), other;

	ouro__lag_after_fork(loop);
	other = ouro__signals_after_fork(loop);
	err = err ? err : other;
	other = ouro__watchdog_after_fork(loop);
	err = err ? err : other;
	list_each (at, &loop->attachments) {
		struct attachment *attachment = list_of(at, struct attachment, link);

		other = attachment->after_fork ? attachment->after_fork(attachment) : 0;
		err = err ? err : other;
	}
	if (!err)
		loop_touch(loop);
	return err;
}

uint64_t ouro_loop_now(const ouro_loop *loop)
{
	if (loop->turning)
		return loop->lag.stamp;
	return loop->is_virtual ? loop->virtual_now : clock_ns();
}

int ouro_loop_advance(ouro_loop *loop, uint64_t ms)
{
	uint64_t room = UINT64_MAX - 1 - loop->virtual_now;

	if (!loop->is_virtual)
		return -EINVAL;
	loop->virtual_now += ms < room / NS_PER_MS ? ms * NS_PER_MS : room;
	return 0;
}

void ouro_loop_hold(ouro_loop *loop, bool hold)
{
	if (hold) {
		loop->holds++;
		loop_hold(loop);
	} else if (loop->holds) {
		loop->holds--;
		loop_release(loop);
	} else {
		ouro__log(&loop->log, OURO_LOG_ERROR,
			  "ouro_loop_hold: released more often than held");
	}
	loop_touch(loop); /* a host may have to learn that nothing is left */
}
