/* watch.c -- descriptors on the loop: interest, readiness, errors. See poll.h.
 *
 * libev aborts the process when the kernel refuses a descriptor, so each is looked at before libev
 * is told of it. And libev cannot wait for errors alone; an epoll of our own can: every descriptor
 * in it has an empty interest, which to the kernel means "errors and hang-ups". */
#include "base/check.h"
#include "loop/collect.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "ouro/error.h"
#include "ouro/io.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#define ERROR_BATCH 64

/* Collecting. */

static void arrive(struct poll *poll, struct watch *watch, unsigned events)
{
	watch->came |= (uint8_t)events;
	if (list_empty(&watch->ready_link))
		list_push_front(&poll->arrived, &watch->ready_link);
	collect_heard(poll);
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

static void arrive_at_all(struct poll *poll, const struct error_entry *entry)
{
	for (struct watch *watch = entry->first; watch; watch = watch->error_next) {
		if (!watch->told)
			arrive(poll, watch, OURO_ERROR);
		watch->told = true;
	}
}

static void on_errors(struct ev_loop *ev, ev_io *w, int revents)
{
	struct poll *poll = w->data;
	struct epoll_event events[ERROR_BATCH];
	int n = epoll_wait(poll->errors_fd, events, ERROR_BATCH, 0);

	(void)ev, (void)revents;
	while (n-- > 0) {
		struct error_entry *entry = slab_find(&poll->errors, events[n].data.u64);

		if (entry)
			arrive_at_all(poll, entry);
	}
}

/* Interest. */

/* Closed behind our back: libev would abort on it, so it never hears of it. */
static void give_up(struct watch *watch)
{
	struct poll *poll = &watch->loop->poll;

	watch->dead = true;
	ouro__log(&watch->loop->log, OURO_LOG_ERROR,
		  "descriptor %d was closed while it was watched: close its handle first",
		  watch->fd);
	arrive(poll, watch, watch->wanted);
}

void ouro__watch_tell(struct poll *poll, struct watch *watch)
{
	uint8_t wanted = watch->wanted & (OURO_READABLE | OURO_WRITABLE);
	int events = 0;

	if (watch->dead || wanted == watch->watched)
		return;
	collect_stop(poll, io, &watch->ev);
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
	collect_start(poll, io, &watch->ev);
	watch->watched = wanted;
}

static int open_errors(struct poll *poll)
{
	if (!poll->ev)
		return OURO_ECLOSED;
	if (poll->errors_fd >= 0)
		return 0;
	poll->errors_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll->errors_fd < 0)
		return -errno;
	ouro__collect_from(poll, &poll->errors_ev, poll->errors_fd, on_errors);
	return 0;
}

/* By edge: an error is told once. Told of it again, the epoll looks at the descriptor anew. */
static int ctl_errors(struct poll *poll, int how, const struct error_entry *entry)
{
	struct epoll_event edge = { .events = EPOLLET, .data.u64 = entry->record.id };

	return epoll_ctl(poll->errors_fd, how, entry->fd, &edge) ? -errno : 0;
}

/* The entry of a descriptor that several watch, or NULL. */
static struct error_entry *find_entry(struct poll *poll, int fd)
{
	for (uint32_t i = 0; i < poll->errors.made; i++) {
		struct error_entry *entry = slab_nth(&poll->errors, i);

		if (slab_find(&poll->errors, entry->record.id) == entry && entry->fd == fd)
			return entry;
	}
	return NULL;
}

static void join_entry(struct error_entry *entry, struct watch *watch)
{
	watch->error_id = entry->record.id;
	watch->error_next = entry->first;
	watch->told = false;
	entry->first = watch;
}

static int await_errors(struct poll *poll, struct watch *watch)
{
	struct error_entry *entry;
	int err = open_errors(poll);

	if (err)
		return err;
	entry = ouro__slab_take(&poll->errors);
	if (!entry)
		return -ENOMEM;
	entry->first = NULL;
	entry->fd = watch->fd;
	err = ctl_errors(poll, EPOLL_CTL_ADD, entry);
	if (err) {
		ouro__slab_give(&poll->errors, entry);
		entry = err == -EEXIST ? find_entry(poll, watch->fd) : NULL;
		err = entry ? ctl_errors(poll, EPOLL_CTL_MOD, entry) : err;
	}
	if (!err)
		join_entry(entry, watch);
	return err;
}

static void forget_errors(struct poll *poll, struct watch *watch)
{
	struct error_entry *entry;
	struct watch **at;

	if (!watch->error_id)
		return;
	entry = slab_find(&poll->errors, watch->error_id);
	ouro__check(entry);
	watch->error_id = 0;
	for (at = &entry->first; *at != watch; at = &(*at)->error_next)
		;
	*at = watch->error_next;
	if (entry->first)
		return;
	ctl_errors(poll, EPOLL_CTL_DEL, entry); /* or it was closed */
	ouro__slab_give(&poll->errors, entry);
}

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
	watch->again = false;
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

void ouro__watch_again(struct watch *watch)
{
	struct poll *poll = &watch->loop->poll;

	watch->again = true;
	if (list_empty(&watch->ready_link))
		list_push(&poll->ready, &watch->ready_link);
	loop_touch(watch->loop);
}

void ouro__watch_stop(struct watch *watch)
{
	struct poll *poll = &watch->loop->poll;

	list_remove(&watch->ready_link);
	list_remove(&watch->change_link);
	collect_stop(poll, io, &watch->ev);
	forget_errors(poll, watch);
	watch->watched = watch->wanted = watch->came = 0;
	watch->again = false;
}

int ouro__watch_check(struct poll *poll, int fd)
{
	int probe = poll->hosted ? open_errors(poll) : ouro__poll_backend(poll);

	if (poll->hosted && !probe)
		probe = poll->errors_fd;
	return probe < 0 ? probe : ouro__fd_pollable(probe, fd);
}

int ouro__errors_renew(struct poll *poll)
{
	int err;

	collect_stop(poll, io, &poll->errors_ev);
	ouro__fd_close(&poll->errors_fd);
	err = open_errors(poll);
	for (uint32_t i = 0; !err && i < poll->errors.made; i++) {
		struct error_entry *entry = slab_nth(&poll->errors, i);

		if (slab_find(&poll->errors, entry->record.id) == entry)
			err = ctl_errors(poll, EPOLL_CTL_ADD, entry);
	}
	return err;
}

/* The phase. */

void ouro__io_phase(struct ouro_loop *loop)
{
	struct poll *poll = &loop->poll;
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &poll->ready);
	while ((link = list_shift(&batch))) {
		struct watch *watch = list_of(link, struct watch, ready_link);
		unsigned ready = watch->came & (watch->wanted | (watch->dead ? OURO_ERROR : 0u));

		if (watch->again)
			ready |= OURO_READABLE;
		watch->again = false;
		watch->came = 0;
		if (ready)
			watch->fn(watch, ready);
		if (loop_turn_is_over(loop))
			break;
	}
	list_move_all(&poll->ready, &batch);
	ouro__signals_phase(loop);
}
