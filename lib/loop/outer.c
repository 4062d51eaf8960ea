/* outer.c -- one descriptor with the whole loop behind it, and what a fork does to all of them.
 *
 * libev's epoll descriptor could be handed to a host as it is, but libev may replace it, and then a
 * host would wait for nothing. So the host gets an outer epoll of ours that holds libev's, and
 * that is told when libev has a new one. See poll.h. */
#include "loop/collect.h"
#include "loop/loop.h"
#include "loop/watchdog.h"
#include "ouro/error.h"
#include "sys/alarm.h"
#include "sys/fd.h"
#include "sys/wake.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Looking libev's epoll descriptor up. It has no call for that, but it must tell the watcher by
 * which one loop is put into another, so we do that for a moment, with a loop to throw away. */

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

bool ouro__poll_is_backend(const struct poll *poll, int fd)
{
	struct epoll_event nothing = { 0 };

	if (!epoll_ctl(fd, EPOLL_CTL_ADD, poll->wake_fd, &nothing)) {
		epoll_ctl(fd, EPOLL_CTL_DEL, poll->wake_fd, &nothing);
		return false;
	}
	return errno == EEXIST;
}

int ouro__poll_backend(struct poll *poll)
{
	int fd;

	if (poll->backend_fd >= 0)
		return poll->backend_fd;
	if (!poll->hosted)
		ev_run(poll->ev, EVRUN_NOWAIT); /* tells the kernel of the bell */
	fd = ask_backend(poll->ev);
	if (fd >= 0 && !ouro__poll_is_backend(poll, fd))
		fd = -ENOTSUP;
	poll->backend_fd = fd;
	return fd;
}

/* Behind a descriptor. */

static int join_outer(struct poll *poll)
{
	struct epoll_event readable = { .events = EPOLLIN };
	int fd = ouro__poll_backend(poll);

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

void ouro__outer_follow(struct poll *poll)
{
	int err;

	poll->replaced = false;
	poll->backend_fd = -1;
	err = poll->outer_fd >= 0 ? join_outer(poll) : 0;
	if (poll->loop->watchdog)
		ouro__watchdog_backend(poll->loop->watchdog, ouro__poll_backend(poll));
	if (err)
		ouro__log(&poll->loop->log, OURO_LOG_ERROR,
			  "libev has replaced its epoll and the new one cannot be polled: %s",
			  ouro_strerror(err));
}

/* The child of a fork shares every kernel object with its parent: what one takes from it, the other
 * misses. So it gets new ones, and none of the old is changed on the way. */

static int renew_internal(struct poll *poll, ev_io *w, int *fd, int fresh)
{
	collect_fn *fn = ev_cb(w);

	collect_stop(poll, io, w);
	ouro__fd_close(fd);
	if (fresh < 0)
		return fresh;
	*fd = fresh;
	ouro__collect_from(poll, w, fresh, fn);
	return 0;
}

/* Under the old number, which the host knows. */
static int renew_outer(struct poll *poll)
{
	int fresh = epoll_create1(EPOLL_CLOEXEC);

	if (fresh < 0 || dup3(fresh, poll->outer_fd, O_CLOEXEC) < 0)
		return -errno;
	ouro__fd_close(&fresh);
	ev_run(poll->ev, EVRUN_NOWAIT); /* libev makes its new epoll now */
	ouro__outer_follow(poll);
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
	poll->alarm_for = UINT64_MAX;
	err = renew_internal(poll, &poll->wake_ev, &poll->wake_fd, ouro__wake_fd());
	if (!err)
		err = renew_internal(poll, &poll->alarm_ev, &poll->alarm_fd, ouro__alarm_fd());
	if (!err && poll->errors_fd >= 0)
		err = ouro__errors_renew(poll);
	if (!err && poll->outer_fd >= 0)
		err = renew_outer(poll);
	return err;
}
