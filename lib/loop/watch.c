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
	if (!watch->ready) {
		list_remove(&watch->link);
		list_push_front(&poll->arrived, &watch->link);
		watch->ready = true;
	}
	collect_heard(poll);
}

static void on_ready(struct ev_loop *ev, ev_io *w, int revents)
{
	struct watch *watch = list_of(w, struct watch, ev);
	struct poll *poll = &watch_loop(watch)->poll;
	unsigned came = 0;

	if (revents & EV_READ)
		came |= OURO_READABLE;
	if (revents & EV_WRITE)
		came |= OURO_WRITABLE;
	if (revents & EV_ERROR) { /* libev gave the descriptor up and stopped the watcher */
		came |= OURO_ERROR;
		watch->dead = true;
		watch->watched = 0;
		if (poll->hosted)
			ev_ref(ev);
	}
	arrive(poll, watch, came);
}

static uint32_t number_of(const struct error_entry *entry)
{
	return slab_index(entry->record.id) + 1;
}

static struct error_entry *entry_of(struct poll *poll, uint32_t number)
{
	return slab_nth(&poll->errors, number - 1);
}

static void arrive_at_all(struct poll *poll, const struct error_entry *first)
{
	const struct error_entry *entry = first;

	do {
		struct watch *watch = entry->watch;

		if (!watch->told)
			arrive(poll, watch, OURO_ERROR);
		watch->told = true;
		entry = entry_of(poll, entry->next);
	} while (entry != first);
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
	struct ouro_loop *loop = watch_loop(watch);

	watch->dead = true;
	ouro__log(&loop->log, OURO_LOG_ERROR,
		  "descriptor %d was closed while it was watched: close its handle first",
		  watch->fd);
	arrive(&loop->poll, watch, watch->wanted);
}

void ouro__watch_tell(struct poll *poll, struct watch *watch)
{
	uint8_t wanted = watch->wanted & (OURO_READABLE | OURO_WRITABLE);
	int events = 0;

	watch->changed = false;
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

/* Another entry of a descriptor that several watch, or NULL. */
static struct error_entry *find_entry(struct poll *poll, const struct error_entry *but)
{
	for (uint32_t i = 0; i < poll->errors.made; i++) {
		struct error_entry *entry = slab_nth(&poll->errors, i);

		if (slab_find(&poll->errors, entry->record.id) == entry &&
		    entry->fd == but->fd && entry != but)
			return entry;
	}
	return NULL;
}

static int join_ring(struct poll *poll, struct error_entry *entry)
{
	struct error_entry *other = find_entry(poll, entry);
	int err = other ? ctl_errors(poll, EPOLL_CTL_MOD, entry) : -EEXIST;

	if (err)
		return err;
	entry->next = other->next;
	other->next = number_of(entry);
	return 0;
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
	entry->watch = watch;
	entry->fd = watch->fd;
	entry->next = number_of(entry);
	err = ctl_errors(poll, EPOLL_CTL_ADD, entry);
	if (err == -EEXIST)
		err = join_ring(poll, entry);
	if (err) {
		ouro__slab_give(&poll->errors, entry);
		return err;
	}
	watch->error_number = number_of(entry);
	watch->told = false;
	return 0;
}

/* What is left of the ring goes in its place: which of them the epoll has, nobody remembers. */
static void forget_errors(struct poll *poll, struct watch *watch)
{
	struct error_entry *entry, *before;

	if (!watch->error_number)
		return;
	entry = entry_of(poll, watch->error_number);
	for (before = entry; before->next != watch->error_number;)
		before = entry_of(poll, before->next);
	before->next = entry->next;
	if (before == entry)
		ctl_errors(poll, EPOLL_CTL_DEL, entry); /* or it was closed */
	else
		ctl_errors(poll, EPOLL_CTL_MOD, before);
	watch->error_number = 0;
	ouro__slab_give(&poll->errors, entry);
}

int ouro__watch_start(struct watch *watch, struct ouro_loop *loop, int fd, unsigned events,
		      watch_fn *fn)
{
	ev_init(&watch->ev, on_ready);
	ev_set_priority(&watch->ev, EV_MAXPRI);
	list_init(&watch->link);
	watch->ev.data = loop;
	watch->fd = fd;
	watch->fn = fn;
	watch->watched = watch->came = 0;
	watch->ready = watch->changed = false;
	watch->dead = watch->again = false;
	watch->error_number = 0;
	return ouro__watch_set(watch, events);
}

int ouro__watch_set(struct watch *watch, unsigned events)
{
	struct poll *poll = &watch_loop(watch)->poll;
	int err = 0;

	if (!poll->ev)
		return OURO_ECLOSED;
	if ((events & OURO_ERROR) && !watch->error_number)
		err = await_errors(poll, watch);
	else if (!(events & OURO_ERROR))
		forget_errors(poll, watch);
	if (err)
		return err;
	watch->wanted = (uint8_t)events;
	watch->came &= watch->wanted;
	watch->dead = false;
	watch->changed = true;
	if (!watch->ready) {
		list_remove(&watch->link);
		list_push(&poll->changed, &watch->link);
	}
	loop_touch(watch_loop(watch));
	return 0;
}

void ouro__watch_again(struct watch *watch)
{
	struct ouro_loop *loop = watch_loop(watch);

	watch->again = true;
	if (!watch->ready) {
		list_remove(&watch->link);
		list_push(&loop->poll.ready, &watch->link);
		watch->ready = true;
	}
	loop_touch(loop);
}

void ouro__watch_stop(struct watch *watch)
{
	struct poll *poll = &watch_loop(watch)->poll;

	list_remove(&watch->link);
	collect_stop(poll, io, &watch->ev);
	forget_errors(poll, watch);
	watch->watched = watch->wanted = watch->came = 0;
	watch->ready = watch->changed = watch->again = false;
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
		if (err == -EEXIST) /* one of its ring is there */
			err = 0;
	}
	return err;
}

/* The phase. */

/* On no list but that of changes, should libev not know yet. */
static void take_out(struct poll *poll, struct watch *watch)
{
	watch->ready = watch->again = false;
	watch->came = 0;
	if (watch->changed)
		list_push(&poll->changed, &watch->link);
}

void ouro__io_phase(struct ouro_loop *loop)
{
	struct poll *poll = &loop->poll;
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &poll->ready);
	while ((link = list_shift(&batch))) {
		struct watch *watch = list_of(link, struct watch, link);
		unsigned ready = watch->came & (watch->wanted | (watch->dead ? OURO_ERROR : 0u));

		if (watch->again)
			ready |= OURO_READABLE;
		take_out(poll, watch);
		if (ready)
			watch->fn(watch, ready);
		if (loop_turn_is_over(loop))
			break;
	}
	list_move_all(&poll->ready, &batch);
	ouro__signals_phase(loop);
}
