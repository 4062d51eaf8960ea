/* lag.c -- counting time, and telling who took it. See lag.h. */
#include "loop/lag.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/watchdog.h"
#include "loop/worst.h"
#include "sys/symbol.h"
#include "sys/thread.h"
#include "sys/wake.h"
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_LIMIT_MS 50

void ouro__lag_init(struct ouro_loop *loop, const ouro_loop_opts *opts)
{
	struct lag *lag = &loop->lag;
	unsigned ms = opts->lag_ms ? opts->lag_ms : DEFAULT_LIMIT_MS;

	lag->limit = lag->lag = ms == OURO_NEVER ? UINT64_MAX : ms * NS_PER_MS;
	lag->last_idle = UINT64_MAX;
	lag->stamp = lag->asleep = lag->awake = loop_clock(loop);
	voice_init(&lag->voice, lag->stamp);
}

/* A thread that looks up names is waited for: it writes into the loop. */
static void take_names(struct ouro_loop *loop);

void ouro__lag_end(struct ouro_loop *loop)
{
	if (loop->lag.namer.running)
		take_names(loop);
	ouro__label_free(loop->lag.call.orphan);
}

void ouro__lag_after_fork(struct ouro_loop *loop)
{
	if (!loop->lag.namer.running)
		return;
	loop->lag.namer.running = false; /* its names are asked for again */
	loop->away--;
}

/* Time. A host's own callbacks may have run since its poll ended: that time is neither idle nor
 * ours. */

void ouro__lag_awake(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;
	uint64_t now = loop_clock(loop);

	if (!loop->poll.hosted) {
		lag->last_idle = now - lag->stamp;
		count_add(&lag->idle_ns, lag->last_idle);
		lag->awake = now;
	} else if (loop->watchdog && ouro__watchdog_minds(loop->watchdog, now - lag->stamp)) {
		ouro__lag_report_host(loop, lag->stamp, now - lag->stamp);
	}
	count_set(&lag->stamp, now);
	if (loop->watchdog)
		ouro__watchdog_awake(loop->watchdog);
}

static uint64_t square(uint64_t ns)
{
	return (ns >> 10) * (ns >> 10);
}

uint64_t ouro__lag_waits(const struct ouro_loop *loop)
{
	const struct lag *lag = &loop->lag;

	if (loop->poll.hosted)
		return lag->waits + square(lag->stamp - lag->awake);
	return lag->waits + (loop->turning ? square(lag->stamp - loop->turn_began) : 0);
}

void ouro__lag_turn_done(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;
	uint64_t took = call_now(loop) - loop->turn_began;

	count_add(&lag->turns, 1);
	if (took) /* or there was nobody to keep waiting */
		hist_add(&lag->turn_ns, took, 1);
	if (loop->poll.hosted)
		return;
	count_add(&lag->busy_ns, took);
	lag->waits += square(took);
	if (loop->watchdog)
		ouro__watchdog_asleep(loop->watchdog);
}

void ouro__lag_host_asleep(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;

	lag->asleep = loop_clock(loop);
	count_add(&lag->busy_ns, lag->asleep - lag->awake);
	lag->waits += square(lag->asleep - lag->awake);
	if (!loop->watchdog || loop->turning) /* a callback of ours runs the host's loop */
		return;
	ouro__watchdog_asleep(loop->watchdog);
	if (ouro__watchdog_minds(loop->watchdog, lag->asleep - lag->stamp))
		ouro__lag_report_host(loop, lag->stamp, lag->asleep - lag->stamp);
}

void ouro__lag_host_awake(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;

	lag->awake = loop_clock(loop);
	count_add(&lag->idle_ns, lag->awake - lag->asleep);
	if (!loop->watchdog || loop->turning)
		return;
	if (ouro__watchdog_seeks(loop->watchdog))
		ouro__watchdog_backend(loop->watchdog, ouro__poll_backend(&loop->poll));
	count_set(&lag->stamp, lag->awake); /* from here on it is the host's time */
	ouro__watchdog_awake(loop->watchdog);
}

/* Reports. */

static void say_cause(struct cause cause, char *text, size_t room)
{
	if (cause.thing)
		snprintf(text, room, "%s %s", cause.kind, cause.thing);
	else if (cause.number >= 0)
		snprintf(text, room, "%s %d", cause.kind, cause.number);
	else
		snprintf(text, room, "%s", cause.kind);
}

/* NULL: the queue is full, which is counted if on_lag was to hear of it. */
static struct lag_report *new_report(struct ouro_loop *loop, const void *fn, uint64_t began,
				     uint64_t ns, uint64_t calls, bool wanted)
{
	struct lag *lag = &loop->lag;
	struct lag_report *report;

	if (lag->waiting == LAG_QUEUE) {
		lag->voice.unsaid += wanted;
		return NULL;
	}
	report = &lag->reports[(lag->first + lag->waiting++) % LAG_QUEUE];
	*report = (struct lag_report){ .fn = fn, .seen = -1, .wanted = true };
	report->began = began;
	report->ns = ns;
	report->calls = calls;
	loop_hold(loop);
	return report;
}

static bool is_to_be_told(struct ouro_loop *loop)
{
	return loop->on_lag && voice_may(&loop->lag.voice, loop->lag.stamp);
}

static void set_wanted(struct ouro_loop *loop, struct lag_report *report, bool wanted)
{
	report->wanted = wanted;
	report->missed = wanted ? voice_take(&loop->lag.voice) : 0;
}

static void report_call(struct ouro_loop *loop, uint64_t ns, uint64_t calls, bool wanted)
{
	const struct call *call = &loop->lag.call;
	struct lag_report *report =
		new_report(loop, call->fn, loop->lag.stamp - ns, ns, calls, wanted);

	if (!report)
		return;
	set_wanted(loop, report, wanted);
	report->named = call->label && call->label->name;
	report->ready = report->named && !loop->watchdog;
	if (report->named)
		snprintf(report->who, sizeof(report->who), "%s", call->label->name);
	if (call->route)
		snprintf(report->route, sizeof(report->route), "%s", call->route);
	say_cause(call->cause, report->doing, sizeof(report->doing));
}

void ouro__lag_report(struct ouro_loop *loop, uint64_t ns, uint64_t calls)
{
	bool wanted = is_to_be_told(loop);

	count_add(&loop->lag.lags, 1);
	if (wanted || loop->watchdog)
		report_call(loop, ns, calls, wanted);
}

void ouro__lag_slow(struct ouro_loop *loop, uint64_t ns, uint64_t calls)
{
	if (ns >= loop->lag.lag)
		ouro__lag_report(loop, ns, calls);
	else
		report_call(loop, ns, calls, false);
}

void ouro__lag_report_host(struct ouro_loop *loop, uint64_t began, uint64_t ns)
{
	bool wanted = ns >= loop->lag.lag && is_to_be_told(loop);
	struct lag_report *report = new_report(loop, NULL, began, ns, 1, wanted);

	if (!report)
		return;
	set_wanted(loop, report, wanted);
	snprintf(report->doing, sizeof(report->doing), "a callback of its own");
}

static struct lag_report *nth_report(struct lag *lag, unsigned n)
{
	return &lag->reports[(lag->first + n) % LAG_QUEUE];
}

static void *look_names_up(void *arg)
{
	struct lag_namer *namer = arg;
	int wake_fd = namer->wake_fd;

	for (unsigned i = 0; i < namer->count; i++)
		ouro__symbol_name(namer->fn[i], namer->name[i], LAG_NAME_ROOM);
	atomic_store(&namer->done, true);
	ouro__wake_ring(wake_fd);
	atomic_store(&namer->gone, true);
	return NULL;
}

/* By the watchdog, which has more to say of each; or else by a thread of its own. */
static bool start_namer(struct ouro_loop *loop)
{
	pthread_t thread;

	if (loop->watchdog) {
		ouro__watchdog_ask(loop->watchdog);
		return true;
	}
	if (ouro__thread_start(&thread, "ouro-names", 0, look_names_up, &loop->lag.namer))
		return false;
	pthread_detach(thread); /* not joined: in a fork's child it is not there to join */
	return true;
}

/* Asks a thread for the names of all who have none yet; without a thread there is still a place. */
static void ask_names(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;
	struct lag_namer *namer = &lag->namer;

	namer->count = 0;
	for (unsigned i = 0; i < lag->waiting; i++) {
		struct lag_report *report = nth_report(lag, i);

		if (report->ready)
			continue;
		namer->report[namer->count] = report;
		namer->fn[namer->count++] = report->fn;
	}
	namer->wake_fd = loop->poll.wake_fd;
	namer->pid = getpid();
	atomic_store(&namer->done, false);
	atomic_store(&namer->gone, false);
	namer->running = start_namer(loop);
	if (namer->running) {
		loop->away++;
		return;
	}
	for (unsigned i = 0; i < lag->waiting; i++) {
		struct lag_report *report = nth_report(lag, i);

		if (!report->ready)
			ouro__symbol_place(report->fn, report->who, sizeof(report->who));
		report->ready = true;
	}
}

static void take_names(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;
	struct lag_namer *namer = &lag->namer;
	unsigned next = 0;

	/* A few instructions after `done`; never in a fork's child that only frees the loop. */
	while (!atomic_load(&namer->gone) && namer->pid == getpid())
		sched_yield();
	namer->running = false;
	loop->away--;
	for (unsigned i = 0; i < lag->waiting && next < namer->count; i++) {
		struct lag_report *report = nth_report(lag, i);

		if (report->ready)
			continue;
		if (!report->named)
			memcpy(report->who, namer->name[next], sizeof(report->who));
		report->seen = loop->watchdog ? (int)next : -1;
		report->ready = true;
		next++;
	}
}

bool ouro__lag_can_tell(const struct ouro_loop *loop)
{
	const struct lag *lag = &loop->lag;

	if (!lag->waiting)
		return false;
	return !lag->namer.running || atomic_load(&lag->namer.done);
}

/* What the watchdog saw of it, if anything. */
static ouro_lag words_of(const struct ouro_loop *loop, const struct lag_report *report,
			 const char *frames[BLOCK_FRAMES])
{
	ouro_lag said = { .origin = "" };

	if (report->seen >= 0 && loop->watchdog)
		said = ouro__block_lag(ouro__watchdog_seen(loop->watchdog, (unsigned)report->seen),
				       frames);
	said.who = report->who;
	said.doing = report->doing;
	said.ns = report->ns;
	said.calls = report->calls;
	said.began = report->began;
	said.route = report->route;
	said.missed = report->missed;
	return said;
}

/* The user may hold the loop while being told: that is not reported again. */
static void tell(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;
	struct lag_report report = *nth_report(lag, 0);
	const char *frames[BLOCK_FRAMES];
	ouro_lag said = words_of(loop, &report, frames);
	uint64_t began;

	lag->first = (lag->first + 1) % LAG_QUEUE;
	lag->waiting--;
	loop_release(loop);
	if (!report.wanted)
		return;
	call_begin(loop, lag->call.phase, CALL_FN(loop->on_lag),
		   (struct cause){ "lag report", -1, NULL }, NULL);
	began = lag->stamp;
	loop->on_lag(loop, &said, loop->arg);
	count_set(&lag->stamp, loop_clock(loop));
	if (loop->trace)
		ouro__trace_call(loop, lag->stamp - began, 1);
	__atomic_store_n(&lag->call.fn, NULL, __ATOMIC_RELAXED);
}

void ouro__lag_tell(struct ouro_loop *loop)
{
	struct lag *lag = &loop->lag;

	if (!ouro__lag_can_tell(loop))
		return;
	if (lag->namer.running)
		take_names(loop);
	while (lag->waiting && nth_report(lag, 0)->ready)
		tell(loop);
	if (lag->waiting)
		ask_names(loop);
}

void ouro__lag_drop_label(struct ouro_loop *loop, struct label *label)
{
	if (label && label == loop->lag.call.label)
		loop->lag.call.orphan = label;
	else
		ouro__label_free(label);
}

/* Readings. */

void ouro_loop_get_stats(const ouro_loop *loop, ouro_loop_stats *ret_stats)
{
	const struct lag *lag = &loop->lag;
	uint64_t began = count_read(&lag->stamp);
	uint64_t now = loop->is_virtual ? began : clock_ns();

	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->turns = count_read(&lag->turns);
	ret_stats->idle_ns = count_read(&lag->idle_ns);
	ret_stats->busy_ns = count_read(&lag->busy_ns);
	for (int i = 0; i < OURO_PHASE_COUNT; i++)
		ret_stats->phase_ns[i] = count_read(&lag->phase_ns[i]);
	ouro__hist_read(&lag->callback_ns, &ret_stats->callback_ns);
	ouro__hist_read(&lag->turn_ns, &ret_stats->turn_ns);
	ouro__hist_read(&lag->late_ns, &ret_stats->late_ns);
	ret_stats->lags = count_read(&lag->lags);
	if (__atomic_load_n(&lag->call.fn, __ATOMIC_RELAXED) && now > began)
		ret_stats->held_ns = now - began;
	ret_stats->timers = count_read32(&loop->timers.count);
	ret_stats->handles = count_read(&loop->handle_count);
	ret_stats->tasks = ouro__tasks_waiting(&loop->tasks);
}

const char *ouro_phase_name(enum ouro_phase phase)
{
	static const char *const names[] = {
#define X(phase_, name) name,
		OURO_PHASES(X)
#undef X
	};

	return (unsigned)phase < OURO_PHASE_COUNT ? names[phase] : "?";
}
