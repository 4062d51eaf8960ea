/* poll.h -- the kernel's side of a loop: libev, an eventfd, a timerfd. Only this floor sees <ev.h>.
 *
 * libev's own order of callbacks is no order to live by, so its watchers never call a user: they
 * only collect what is ready, and the turn (turn.c) decides. Three ways to live:
 *
 *   own      a private ev_loop, which ouro__poll_wait() runs once a turn
 *   hosted   watchers in a host's ev_loop, none of which counts there; its check runs the turn
 *   behind   own, and the private epoll descriptor inside an outer one that any host can poll
 *
 * A change of interest waits in a list until just before the poll: what is changed and changed back
 * costs nothing, and a descriptor that was closed meanwhile is found before libev aborts on it. */
#ifndef OURO__POLL_H
#define OURO__POLL_H
#include "base/list.h"
#include "base/slab.h"
#include "ouro/loop.h"
#include <ev.h>

struct watch;

/* `ready`: OURO_READABLE, OURO_WRITABLE, OURO_ERROR, those that came and are still wanted. */
typedef void watch_fn(struct watch *watch, unsigned ready);

/* One watched descriptor: the first member of whatever stands behind it. Every connection has one,
 * so it is kept small: its loop lies in libev's own part of it, and it is on one list at a time. */
struct watch {
	ev_io ev; /* data: the loop */
	struct list
		link; /* in poll.arrived or poll.ready while it is ready; else in poll.changed */
	watch_fn *fn;
	int fd;
	uint32_t error_number; /* of its entry in poll.errors, from 1 on; 0: it has none */
	uint8_t wanted;        /* enum ouro_io_events */
	uint8_t watched;       /* what libev was told */
	uint8_t came;
	bool ready : 1;
	bool changed : 1; /* libev is to be told of what is wanted now */
	bool told : 1;    /* of an error */
	bool again : 1;   /* its reader has left something */
	bool dead : 1;    /* its descriptor is no longer open: leave it alone */
};

static inline struct ouro_loop *watch_loop(const struct watch *watch)
{
	return watch->ev.data;
}

/* A watch that wants to hear of errors. Those of one descriptor are a ring, and one of the ring is
 * in the epoll, behind its token: a stale event finds nothing. */
struct error_entry {
	struct slab_record record;
	struct watch *watch;
	int fd;
	uint32_t next; /* its number */
};

struct poll {
	struct ouro_loop *loop;
	struct ev_loop *ev; /* NULL: the host destroyed it */
	bool hosted;
	bool held;     /* hosted: our one reference on the host's loop is out */
	bool released; /* hosted: stopped, never hold it again */
	bool kicked;   /* behind: the bell was rung and not yet heard */
	bool heard;    /* the last poll brought anything */
	bool alarm_rang;
	bool replaced; /* libev has made itself a new epoll descriptor */
	int wake_fd, alarm_fd;
	uint64_t alarm_for; /* the deadline it was set for; UINT64_MAX: none */
	int outer_fd;       /* behind: what the host polls; -1: nobody asked */
	int backend_fd;     /* libev's epoll descriptor; -1: not looked up yet */
	int errors_fd;      /* an epoll of its own for OURO_ERROR; -1: not wanted yet */
	struct slab errors;

	struct list arrived; /* collected by this poll, in the kernel's order */
	struct list ready;   /* what the I/O phase has before it */
	struct list changed;

	ev_io wake_ev, alarm_ev, errors_ev;
	ev_fork fork_ev;
	ev_prepare prepare_ev; /* hosted, like the rest */
	ev_check check_ev;
	ev_idle idle_ev;
	ev_cleanup cleanup_ev;
	ev_prepare turn_ev; /* never started: fed, so that libev calls the turn */
};

/* 0, or -ENOMEM, -EMFILE. Needs nothing of the loop but its address. */
int ouro__poll_open(struct poll *poll, struct ouro_loop *loop, struct ev_loop *host);
void ouro__poll_close(struct poll *poll);

/* In the child after a fork. */
int ouro__poll_after_fork(struct poll *poll);

/* Own and behind: collects what is ready, waiting for it unless told not to. */
void ouro__poll_wait(struct poll *poll, bool block);

/* The poll is over: what it collected is ready, behind what a turn before has left over. */
void ouro__poll_settle(struct poll *poll);

/* Tells the kernel what changed and when the next timer is due. */
void ouro__poll_prepare(struct poll *poll);

/* libev's epoll descriptor, or -errno; hosted: once the host has polled with us in it. And is it that
 * one still? From any thread: our bell is in it, and in no other. */
int ouro__poll_backend(struct poll *poll);
bool ouro__poll_is_backend(const struct poll *poll, int fd);

/* Behind: the descriptor, or -errno; and makes it ready, from the loop's thread. */
int ouro__poll_outer(struct poll *poll);
void ouro__poll_kick(struct poll *poll);

/* Hosted: whether the host's ev_run() goes on for our sake; and never again. */
void ouro__poll_hold(struct poll *poll, bool hold);
void ouro__poll_release(struct poll *poll);

/* The I/O phase. */
void ouro__io_phase(struct ouro_loop *loop);

/* Watches fd from the next poll on. 0 or -errno. */
int ouro__watch_start(struct watch *watch, struct ouro_loop *loop, int fd, unsigned events,
		      watch_fn *fn);
int ouro__watch_set(struct watch *watch, unsigned events);

/* Its reader has left something that the kernel knows nothing of: it is called again, as readable, in
 * the next I/O phase, and no poll waits before that. */
void ouro__watch_again(struct watch *watch);

/* At once: nothing of it is called any more and the descriptor may be closed. */
void ouro__watch_stop(struct watch *watch);

/* 0 when the poll can wait for fd; -EBADF; -EPERM: a file; -ELOOP: our own. */
int ouro__watch_check(struct poll *poll, int fd);
#endif
