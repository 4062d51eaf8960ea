/* collect.h -- what the files that speak to libev share: poll.c, watch.c, outer.c.
 *
 * Watchers in a host's loop must not count, or its ev_run() would never end: each is unref'd when
 * it is started and ref'd again before it is stopped. */
#ifndef OURO__COLLECT_H
#define OURO__COLLECT_H
#include "loop/poll.h"
#include <ev.h>

#define collect_start(poll, kind, watcher)                \
	do {                                              \
		ev_##kind##_start((poll)->ev, (watcher)); \
		if ((poll)->hosted)                       \
			ev_unref((poll)->ev);             \
	} while (0)

#define collect_stop(poll, kind, watcher)                        \
	do {                                                     \
		if ((poll)->ev && ev_is_active(watcher)) {       \
			if ((poll)->hosted)                      \
				ev_ref((poll)->ev);              \
			ev_##kind##_stop((poll)->ev, (watcher)); \
		}                                                \
	} while (0)

/* The poll brought something: a host's libev is asked to call the turn when all is collected. */
static inline void collect_heard(struct poll *poll)
{
	poll->heard = true;
	if (poll->hosted)
		ev_feed_event(poll->ev, &poll->turn_ev, EV_CUSTOM);
}

typedef void collect_fn(struct ev_loop *ev, ev_io *w, int revents);

/* Listens to a descriptor of our own; fn finds the poll in w->data. */
void ouro__collect_from(struct poll *poll, ev_io *w, int fd, collect_fn *fn);

/* Tells libev of a watch whose interest has changed. */
void ouro__watch_tell(struct poll *poll, struct watch *watch);

/* Opens a new epoll for errors, with the watches of the old one in it: watch.c, after a fork. */
int ouro__errors_renew(struct poll *poll);

/* libev has a new epoll descriptor, most often under the old number. */
void ouro__outer_follow(struct poll *poll);
#endif
