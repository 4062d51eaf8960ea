/* poll.c -- libev put to work as a collector, in a loop of its own or in a host's. See poll.h.
 *
 * libev calls the watchers of one priority in reverse order of arrival, so whatever collects pushes
 * to the front of a list: that gives the kernel's order back. In a host's loop our check runs first
 * after the poll, the collecting watchers next, and the turn, which they feed, behind them: before
 * the host's watchers of the same or a lower priority. */
#include "loop/poll.h"
#include "loop/collect.h"
#include "loop/loop.h"
#include "sys/alarm.h"
#include "sys/fd.h"
#include "sys/wake.h"
#include <errno.h>

#define ALARM_STEP NS_PER_MS

/* Collecting. None of these calls a user. */

static void on_wake(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	poll->kicked = false;
	ouro__wake_silence(poll->wake_fd);
	collect_heard(poll);
}

static void on_alarm(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	poll->alarm_rang = true;
	collect_heard(poll);
}

static void on_fork(struct ev_loop *ev, ev_fork *w, int revents)
{
	(void)ev, (void)revents;
	((struct poll *)w->data)->replaced = true;
}

/* In a host's loop: its prepare and check tell us when it polls. */

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	ouro__poll_prepare(poll);
	ouro__lag_host_asleep(poll->loop);
}

static void on_check(struct ev_loop *ev, ev_check *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	ouro__lag_host_awake(poll->loop);
	if (ouro__loop_cannot_wait(poll->loop))
		collect_heard(poll);
}

static void on_turn(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	if (poll->loop->turning)
		return; /* a callback of ours runs the host's loop */
	ouro__turn(poll->loop);
	ouro__loop_ended(poll->loop);
}

static void on_idle(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev, (void)w, (void)revents; /* being there keeps the host's poll from waiting */
}

/* The host destroys its loop first: then we are watchers of nothing, and can only be freed. */
static void on_cleanup(struct ev_loop *ev, ev_cleanup *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	poll->ev = NULL;
	ouro__log(&poll->loop->log, OURO_LOG_WARN,
		  "the host has destroyed its libev loop: ours inside it can only be freed now");
}

/* Opening and closing. */

void ouro__collect_from(struct poll *poll, ev_io *w, int fd, collect_fn *fn)
{
	ev_io_init(w, fn, fd, EV_READ);
	ev_set_priority(w, EV_MAXPRI);
	w->data = poll;
	collect_start(poll, io, w);
}

/* Last before the poll and first after it, so that what we measure is the poll. */
static void move_in(struct poll *poll)
{
	ev_prepare_init(&poll->prepare_ev, on_prepare);
	ev_set_priority(&poll->prepare_ev, EV_MINPRI);
	ev_check_init(&poll->check_ev, on_check);
	ev_set_priority(&poll->check_ev, EV_MAXPRI);
	ev_idle_init(&poll->idle_ev, on_idle);
	ev_cleanup_init(&poll->cleanup_ev, on_cleanup);
	ev_init(&poll->turn_ev, on_turn);
	poll->prepare_ev.data = poll->check_ev.data = poll->cleanup_ev.data = poll;
	poll->turn_ev.data = poll;
	collect_start(poll, prepare, &poll->prepare_ev);
	collect_start(poll, check, &poll->check_ev);
	ev_cleanup_start(poll->ev, &poll->cleanup_ev); /* libev itself does not count these */
}

static int open_descriptors(struct poll *poll)
{
	poll->wake_fd = ouro__wake_fd();
	if (poll->wake_fd < 0)
		return poll->wake_fd;
	poll->alarm_fd = ouro__alarm_fd();
	return poll->alarm_fd < 0 ? poll->alarm_fd : 0;
}

static void close_descriptors(struct poll *poll)
{
	ouro__fd_close(&poll->wake_fd);
	ouro__fd_close(&poll->alarm_fd);
	ouro__fd_close(&poll->outer_fd);
	ouro__fd_close(&poll->errors_fd);
}

static int open_own(struct poll *poll)
{
	errno = 0;
	poll->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!poll->ev)
		return errno ? -errno : -ENOMEM;
	ev_fork_init(&poll->fork_ev, on_fork);
	poll->fork_ev.data = poll;
	ev_fork_start(poll->ev, &poll->fork_ev);
	return 0;
}

int ouro__poll_open(struct poll *poll, struct ouro_loop *loop, struct ev_loop *host)
{
	int err;

	poll->loop = loop;
	poll->ev = host;
	poll->hosted = host != NULL;
	poll->wake_fd = poll->alarm_fd = -1;
	poll->outer_fd = poll->backend_fd = poll->errors_fd = -1;
	poll->alarm_for = UINT64_MAX;
	list_init(&poll->arrived);
	list_init(&poll->ready);
	list_init(&poll->changed);
	ouro__slab_init(&poll->errors, sizeof(struct error_entry));
	err = open_descriptors(poll);
	if (!err && !host)
		err = open_own(poll);
	if (err) {
		close_descriptors(poll);
		return err;
	}
	if (host)
		move_in(poll);
	ouro__collect_from(poll, &poll->wake_ev, poll->wake_fd, on_wake);
	ouro__collect_from(poll, &poll->alarm_ev, poll->alarm_fd, on_alarm);
	return 0;
}

static void move_out(struct poll *poll)
{
	ouro__poll_release(poll);
	collect_stop(poll, io, &poll->wake_ev);
	collect_stop(poll, io, &poll->alarm_ev);
	collect_stop(poll, io, &poll->errors_ev);
	collect_stop(poll, prepare, &poll->prepare_ev);
	collect_stop(poll, check, &poll->check_ev);
	collect_stop(poll, idle, &poll->idle_ev);
	if (poll->ev) {
		ev_cleanup_stop(poll->ev, &poll->cleanup_ev);
		ev_clear_pending(poll->ev, &poll->turn_ev);
	}
}

void ouro__poll_close(struct poll *poll)
{
	if (poll->hosted)
		move_out(poll);
	else
		ev_loop_destroy(poll->ev);
	close_descriptors(poll);
	ouro__slab_free(&poll->errors);
}

/* Polling. */

void ouro__poll_wait(struct poll *poll, bool block)
{
	poll->heard = false;
	ev_run(poll->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT);
	if (poll->replaced)
		ouro__outer_follow(poll);
}

/* When the poll must come back for the timers. Not sooner than in a whole number of milliseconds:
 * a thousand timers in one of them are one wake-up, not a thousand. */
static uint64_t round_up(uint64_t next, uint64_t now)
{
	uint64_t wait = next > now ? next - now : 0;
	uint64_t whole = (wait + ALARM_STEP - 1) / ALARM_STEP * ALARM_STEP;

	return next == UINT64_MAX || whole > UINT64_MAX - now ? UINT64_MAX : now + whole;
}

/* An alarm that was set for an earlier timer stays: it wakes us once for nothing at most, and what
 * is made and stopped again in every turn costs no system call. */
static void set_alarm(struct poll *poll)
{
	const struct ouro_loop *loop = poll->loop;
	uint64_t next = timers_next(&loop->timers);

	if (loop->is_virtual || next <= loop->lag.stamp) /* the poll will not wait for this one */
		next = UINT64_MAX;
	if (!poll->alarm_rang && poll->alarm_for <= next)
		return;
	poll->alarm_for = next;
	poll->alarm_rang = false;
	ouro__alarm_set(poll->alarm_fd, round_up(next, loop->lag.stamp));
}

static void set_idle(struct poll *poll)
{
	bool wanted = ouro__loop_cannot_wait(poll->loop);

	if (wanted && !ev_is_active(&poll->idle_ev))
		collect_start(poll, idle, &poll->idle_ev);
	else if (!wanted)
		collect_stop(poll, idle, &poll->idle_ev);
}

/* Those that are ready still, from a turn that had no more time, are on that list. */
static void tell_changes(struct poll *poll)
{
	struct list *link;

	list_each (at, &poll->ready)
		if (list_of(at, struct watch, link)->changed)
			ouro__watch_tell(poll, list_of(at, struct watch, link));
	while ((link = list_shift(&poll->changed)))
		ouro__watch_tell(poll, list_of(link, struct watch, link));
}

void ouro__poll_prepare(struct poll *poll)
{
	tell_changes(poll);
	set_alarm(poll);
	if (poll->hosted)
		set_idle(poll);
}

void ouro__poll_hold(struct poll *poll, bool hold)
{
	if (!poll->hosted || !poll->ev || poll->released || poll->held == hold)
		return;
	poll->held = hold;
	if (hold)
		ev_ref(poll->ev);
	else
		ev_unref(poll->ev);
}

void ouro__poll_release(struct poll *poll)
{
	ouro__poll_hold(poll, false);
	poll->released = true;
}

void ouro__poll_settle(struct poll *poll)
{
	list_move_all(&poll->ready, &poll->arrived);
}
