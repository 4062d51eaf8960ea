/* poll.c -- libev put to work as a collector. See poll.h.
 *
 * Details that cost somebody a day, so that they need not cost another:
 *   - libev calls the watchers of one priority in reverse order of arrival, so collecting to the
 *     front of a list gives the kernel's order back.
 *   - Watchers in a host's loop are unref'd when started and ref'd before they are stopped, or the
 *     host's ev_run() would never end; libev stops one by itself when it gives up a descriptor.
 *   - libev aborts when the kernel refuses a descriptor, so each is looked at before it is told.
 *   - libev may replace its epoll descriptor; an outer one must then be told the new. */
#include "loop/poll.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "ouro/error.h"
#include "ouro/io.h"
#include "sys/alarm.h"
#include "sys/fd.h"
#include "sys/wake.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ERROR_BATCH 64

#define watch_of(link, member) list_of(link, struct watch, member)

/* Watchers of ours in libev's loop: in a host's they must not count. */

#define start(poll, kind, watcher)                        \
	do {                                              \
		ev_##kind##_start((poll)->ev, (watcher)); \
		if ((poll)->hosted)                       \
			ev_unref((poll)->ev);             \
	} while (0)

#define stop(poll, kind, watcher)                                \
	do {                                                     \
		if ((poll)->ev && ev_is_active(watcher)) {       \
			if ((poll)->hosted)                      \
				ev_ref((poll)->ev);              \
			ev_##kind##_stop((poll)->ev, (watcher)); \
		}                                                \
	} while (0)

/* Collecting. None of these calls a user. */

/* The poll brought something: a host's libev is asked to call the turn when all is collected. */
static void feed_turn(struct poll *poll)
{
	poll->heard = true;
	if (poll->hosted)
		ev_feed_event(poll->ev, &poll->turn_ev, EV_CUSTOM);
}

static void arrive(struct poll *poll, struct watch *watch, unsigned events)
{
	watch->came |= (uint8_t)events;
	if (list_empty(&watch->ready_link))
		list_push_front(&poll->arrived, &watch->ready_link);
	feed_turn(poll);
}

static void on_ready(struct ev_loop *ev, ev_io *w, int revents)
{
	struct watch *watch = list_of(w, struct watch, ev);
	unsigned came = 0;

	if (revents & EV_READ)
		came |= OURO_READABLE;
	if (revents & EV_WRITE)
		came |= OURO_WRITABLE;
	if (revents & EV_ERROR) { /* libev gave the descriptor up and stopped the watcher */
		came |= OURO_ERROR;
		watch->dead = true;
		watch->watched = 0;
		if (watch->loop->poll.hosted)
			ev_ref(ev);
	}
	arrive(&watch->loop->poll, watch, came);
}

static void on_wake(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	poll->kicked = false;
	ouro__wake_silence(poll->wake_fd);
	feed_turn(poll);
}

static void on_alarm(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;

	(void)ev, (void)revents;
	poll->alarm_rang = true;
	feed_turn(poll);
}

/* What an entry in the epoll for errors stands for, behind a token: a stale event finds nothing. */
struct error_entry {
	struct slab_record record;
	struct watch *watch;
	int fd;
};

static void on_errors(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;
	struct epoll_event events[ERROR_BATCH];
	int n = epoll_wait(poll->errors_fd, events, ERROR_BATCH, 0);

	(void)ev, (void)revents;
	while (n-- > 0) {
		struct error_entry *entry = slab_find(&poll->errors, events[n].data.u64);

		if (entry)
			arrive(poll, entry->watch, OURO_ERROR);
	}
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
		feed_turn(poll);
}

static void on_turn(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct poll *poll = w->data;
	bool gone;

	(void)ev, (void)revents;
	if (!poll->loop->turning) /* else: a callback of ours runs the host's loop */
		ouro__turn(poll->loop, &gone);
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

static void watch_internal(struct poll *poll, ev_io *w, int fd, void (*fn)(struct ev_loop *, ev_io *, int))
{
	ev_io_init(w, fn, fd, EV_READ);
	ev_set_priority(w, EV_MAXPRI);
	w->data = poll;
	start(poll, io, w);
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
	start(poll, prepare, &poll->prepare_ev);
	start(poll, check, &poll->check_ev);
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
	poll->alarm_at = UINT64_MAX;
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
	watch_internal(poll, &poll->wake_ev, poll->wake_fd, on_wake);
	watch_internal(poll, &poll->alarm_ev, poll->alarm_fd, on_alarm);
	return 0;
}

static void move_out(struct poll *poll)
{
	ouro__poll_release(poll);
	stop(poll, io, &poll->wake_ev);
	stop(poll, io, &poll->alarm_ev);
	stop(poll, io, &poll->errors_ev);
	stop(poll, prepare, &poll->prepare_ev);
	stop(poll, check, &poll->check_ev);
	stop(poll, idle, &poll->idle_ev);
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

/* Looking libev's epoll descriptor up. It has no call for that, but it must tell the watcher by which
 * one loop is put into another, so we do that for a moment, with a loop to throw away. */

static int ask_backend(struct ev_loop *ev)
{
	struct ev_loop *probe;
	ev_embed embed;
	int fd;

	if (ev_backend(ev) != EVBACKEND_EPOLL)
		return -ENOTSUP;
	probe = ev_loop_new(EVBACKEND_SELECT | EVFLAG_NOENV);
	if (!probe)
		return -ENOMEM;
	ev_embed_init(&embed, NULL, ev);
	ev_embed_start(probe, &embed);
	fd = embed.io.fd;
	ev_embed_stop(probe, &embed);
	ev_loop_destroy(probe);
	return fd;
}

/* Believed only if our bell is already in it. */
static bool is_backend(struct poll *poll, int fd)
{
	struct epoll_event nothing = { 0 };

	if (!epoll_ctl(fd, EPOLL_CTL_ADD, poll->wake_fd, &nothing)) {
		epoll_ctl(fd, EPOLL_CTL_DEL, poll->wake_fd, &nothing);
		return false;
	}
	return errno == EEXIST;
}

static int find_backend(struct poll *poll)
{
	int fd;

	if (poll->backend_fd >= 0)
		return poll->backend_fd;
	ev_run(poll->ev, EVRUN_NOWAIT); /* tells the kernel of the bell, if that has not been done */
	fd = ask_backend(poll->ev);
	if (fd >= 0 && !is_backend(poll, fd))
		fd = -ENOTSUP;
	poll->backend_fd = fd;
	return fd;
}

/* Behind a descriptor. */

static int join_outer(struct poll *poll)
{
	struct epoll_event readable = { .events = EPOLLIN };
	int fd = find_backend(poll);

	if (fd < 0)
		return fd;
	if (epoll_ctl(poll->outer_fd, EPOLL_CTL_ADD, fd, &readable) && errno != EEXIST)
		return -errno;
	return 0;
}

int ouro__poll_outer(struct poll *poll)
{
	int err;

	poll->outer_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll->outer_fd < 0)
		return -errno;
	err = join_outer(poll);
	if (err) {
		ouro__fd_close(&poll->outer_fd);
		return err;
	}
	return poll->outer_fd;
}

void ouro__poll_kick(struct poll *poll)
{
	if (poll->outer_fd < 0 || poll->kicked)
		return;
	poll->kicked = true;
	ouro__wake_ring(poll->wake_fd);
}

/* libev has a new epoll descriptor, most often under the old number. */
static void follow_backend(struct poll *poll)
{
	int err;

	poll->replaced = false;
	poll->backend_fd = -1;
	err = poll->outer_fd >= 0 ? join_outer(poll) : 0;
	if (err)
		ouro__log(&poll->loop->log, OURO_LOG_ERROR,
			  "libev has replaced its epoll and the new one cannot be polled: %s",
			  strerrordesc_np(-err));
}

/* Polling. */

void ouro__poll_wait(struct poll *poll, bool block)
{
	poll->heard = false;
	ev_run(poll->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT);
	if (poll->replaced)
		follow_backend(poll);
}

/* Closed behind our back: libev would abort on it, so it never hears of it. */
static void give_up(struct watch *watch)
{
	struct poll *poll = &watch->loop->poll;

	watch->dead = true;
	ouro__log(&watch->loop->log, OURO_LOG_ERROR,
		  "descriptor %d was closed while it was watched: close its handle first", watch->fd);
	arrive(poll, watch, watch->wanted);
}

static void tell_libev(struct poll *poll, struct watch *watch)
{
	uint8_t wanted = watch->wanted & (OURO_READABLE | OURO_WRITABLE);
	int events = 0;

	if (watch->dead || wanted == watch->watched)
		return;
	stop(poll, io, &watch->ev);
	watch->watched = 0;
	if (!wanted)
		return;
	if (fcntl(watch->fd, F_GETFD) < 0) {
		give_up(watch);
		return;
	}
	if (wanted & OURO_READABLE)
		events |= EV_READ;
	if (wanted & OURO_WRITABLE)
		events |= EV_WRITE;
	ev_io_set(&watch->ev, watch->fd, events);
	start(poll, io, &watch->ev);
	watch->watched = wanted;
}

/* The alarm may stay early: a restarted timer is looked at when the old deadline comes. */
static void set_alarm(struct poll *poll)
{
	uint64_t next = poll->loop->is_virtual ? UINT64_MAX : timers_next(&poll->loop->timers);

	if (next == poll->alarm_at && !poll->alarm_rang)
		return;
	ouro__alarm_set(poll->alarm_fd, next);
	poll->alarm_at = next;
	poll->alarm_rang = false;
}

static void set_idle(struct poll *poll)
{
	bool wanted = ouro__loop_cannot_wait(poll->loop);

	if (wanted && !ev_is_active(&poll->idle_ev))
		start(poll, idle, &poll->idle_ev);
	else if (!wanted)
		stop(poll, idle, &poll->idle_ev);
}

void ouro__poll_prepare(struct poll *poll)
{
	struct list *link;

	while ((link = list_shift(&poll->changed)))
		tell_libev(poll, watch_of(link, change_link));
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

void ouro__io_phase(struct ouro_loop *loop)
{
	struct poll *poll = &loop->poll;
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &poll->ready);
	while ((link = list_shift(&batch))) {
		struct watch *watch = watch_of(link, ready_link);
		unsigned ready = watch->came & (watch->wanted | (watch->dead ? OURO_ERROR : 0u));

		watch->came = 0;
		if (ready)
			watch->fn(watch, ready);
		if (loop_turn_is_over(loop))
			break;
	}
	list_move_all(&poll->ready, &batch);
	ouro__signals_phase(loop);
}

/* Errors alone. libev cannot wait for them, an epoll of our own can: every descriptor in it has an
 * empty interest, which to the kernel means "errors and hang-ups". */

static int open_errors(struct poll *poll)
{
	if (poll->errors_fd >= 0)
		return 0;
	poll->errors_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll->errors_fd < 0)
		return -errno;
	watch_internal(poll, &poll->errors_ev, poll->errors_fd, on_errors);
	return 0;
}

static int await_errors(struct poll *poll, struct watch *watch)
{
	struct epoll_event edge = { .events = EPOLLET };
	struct error_entry *entry;
	int err = open_errors(poll);

	if (err)
		return err;
	entry = ouro__slab_take(&poll->errors);
	if (!entry)
		return -ENOMEM;
	entry->watch = watch;
	entry->fd = watch->fd;
	edge.data.u64 = entry->record.id;
	if (epoll_ctl(poll->errors_fd, EPOLL_CTL_ADD, watch->fd, &edge)) {
		err = -errno;
		ouro__slab_give(&poll->errors, entry);
		return err;
	}
	watch->error_id = entry->record.id;
	return 0;
}

static void forget_errors(struct poll *poll, struct watch *watch)
{
	struct epoll_event nothing = { 0 };

	if (!watch->error_id)
		return;
	epoll_ctl(poll->errors_fd, EPOLL_CTL_DEL, watch->fd, &nothing); /* or it was closed */
	ouro__slab_give(&poll->errors, slab_find(&poll->errors, watch->error_id));
	watch->error_id = 0;
}

/* Watches. */

int ouro__watch_start(struct watch *watch, struct ouro_loop *loop, int fd, unsigned events,
		      watch_fn *fn)
{
	ev_init(&watch->ev, on_ready);
	ev_set_priority(&watch->ev, EV_MAXPRI);
	list_init(&watch->ready_link);
	list_init(&watch->change_link);
	watch->loop = loop;
	watch->fd = fd;
	watch->fn = fn;
	watch->watched = 0;
	watch->came = 0;
	watch->dead = false;
	watch->error_id = 0;
	return ouro__watch_set(watch, events);
}

int ouro__watch_set(struct watch *watch, unsigned events)
{
	struct poll *poll = &watch->loop->poll;
	int err = 0;

	if (!poll->ev)
		return OURO_ECLOSED;
	if ((events & OURO_ERROR) && !watch->error_id)
		err = await_errors(poll, watch);
	else if (!(events & OURO_ERROR))
		forget_errors(poll, watch);
	if (err)
		return err;
	watch->wanted = (uint8_t)events;
	watch->came &= watch->wanted;
	watch->dead = false;
	list_remove(&watch->change_link);
	list_push(&poll->changed, &watch->change_link);
	loop_touch(watch->loop);
	return 0;
}

void ouro__watch_stop(struct watch *watch)
{
	struct poll *poll = &watch->loop->poll;

	list_remove(&watch->ready_link);
	list_remove(&watch->change_link);
	stop(poll, io, &watch->ev);
	forget_errors(poll, watch);
	watch->watched = watch->wanted = watch->came = 0;
}

int ouro__poll_check_fd(struct poll *poll, int fd)
{
	int probe = poll->errors_fd, err;

	if (!poll->hosted) {
		probe = find_backend(poll);
	} else if (!poll->ev) {
		return OURO_ECLOSED;
	} else {
		err = open_errors(poll);
		if (err)
			return err;
		probe = poll->errors_fd;
	}
	return probe < 0 ? probe : ouro__fd_pollable(probe, fd);
}

/* The child of a fork shares every kernel object with its parent: what one takes from it, the other
 * misses. So it gets new ones, and none of the old is changed on the way. */

static int renew_internal(struct poll *poll, ev_io *w, int *fd, int fresh)
{
	void (*fn)(struct ev_loop *, ev_io *, int) = ev_cb(w);

	stop(poll, io, w);
	ouro__fd_close(fd);
	if (fresh < 0)
		return fresh;
	*fd = fresh;
	watch_internal(poll, w, fresh, fn);
	return 0;
}

static int renew_errors(struct poll *poll)
{
	int err = renew_internal(poll, &poll->errors_ev, &poll->errors_fd,
				 epoll_create1(EPOLL_CLOEXEC));

	for (uint32_t i = 0; !err && i < poll->errors.made; i++) {
		struct error_entry *entry = slab_nth(&poll->errors, i);
		struct epoll_event edge = { .events = EPOLLET, .data.u64 = entry->record.id };

		if (slab_find(&poll->errors, entry->record.id) == entry &&
		    epoll_ctl(poll->errors_fd, EPOLL_CTL_ADD, entry->fd, &edge))
			err = -errno;
	}
	return err;
}

/* Under the old number, which the host knows. */
static int renew_outer(struct poll *poll)
{
	int fresh = epoll_create1(EPOLL_CLOEXEC);

	if (fresh < 0 || dup3(fresh, poll->outer_fd, O_CLOEXEC) < 0)
		return -errno;
	ouro__fd_close(&fresh);
	ev_run(poll->ev, EVRUN_NOWAIT); /* libev makes its new epoll now */
	follow_backend(poll);
	return 0;
}

int ouro__poll_after_fork(struct poll *poll)
{
	int err;

	if (!poll->ev)
		return OURO_ECLOSED;
	if (!poll->hosted)
		ev_loop_fork(poll->ev);
	poll->backend_fd = -1;
	poll->kicked = false;
	poll->alarm_at = UINT64_MAX;
	err = renew_internal(poll, &poll->wake_ev, &poll->wake_fd, ouro__wake_fd());
	if (!err)
		err = renew_internal(poll, &poll->alarm_ev, &poll->alarm_fd, ouro__alarm_fd());
	if (!err && poll->errors_fd >= 0)
		err = renew_errors(poll);
	if (!err && poll->outer_fd >= 0)
		err = renew_outer(poll);
	return err;
}
