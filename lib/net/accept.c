/* accept.c -- taking connections as they come. See accept.h.
 *
 * How many wait, the kernel does not say: whoever asks until there are none pays one system call
 * too many each time, and on a server of short connections that is every time. So a socket has a
 * budget: it takes that many and does not ask for more, and only when the budget was used up a few
 * times in a row is it doubled. Where fewer came, it shrinks to what came. What is left waiting
 * makes the next poll return at once.
 *
 * Options of a connection are set at the listening socket, from which Linux hands them on: they
 * cost a connection nothing. */
#include "net/accept.h"
#include "base/check.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include <errno.h>

#define FULL_TIMES   4
#define FIRST_WAIT   100
#define LONGEST_WAIT 1000

/* Starving. */

static void listen_on(struct acceptor *acceptor)
{
	unsigned events = acceptor->paused || acceptor->waits ? 0 : OURO_READABLE;

	for (unsigned i = 0; i < acceptor->count; i++)
		(void)ouro__watch_set(&acceptor->sockets[i].watch, events);
}

void ouro__acceptor_try(struct acceptor *acceptor)
{
	ouro_timer_stop(acceptor->loop, acceptor->retry);
	acceptor->waits = false;
	listen_on(acceptor);
}

static void on_retry(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro__acceptor_try(arg);
}

/* Without memory for the timer it goes on listening: the next turn finds out more. */
static void wait_a_while(struct acceptor *acceptor)
{
	acceptor->retry = ouro_timer_after(acceptor->loop, acceptor->wait_ms, on_retry, acceptor);
	if (!acceptor->retry.id)
		return;
	ouro_timer_hold(acceptor->loop, acceptor->retry, false);
	acceptor->wait_ms *= 2;
	if (acceptor->wait_ms > LONGEST_WAIT)
		acceptor->wait_ms = LONGEST_WAIT;
	acceptor->waits = true;
	listen_on(acceptor);
}

static void starve(struct acceptor *acceptor, int err)
{
	if (!acceptor->starving) {
		acceptor->starving = true;
		acceptor->starved_count++;
		acceptor->wait_ms = FIRST_WAIT;
		ouro__log(&acceptor->loop->log, OURO_LOG_WARN,
			  "no more connections can be accepted for now: %s", ouro_strerror(err));
	}
	if (acceptor->starved && acceptor->starved(acceptor))
		return; /* the descriptor is free by the next turn */
	if (acceptor->count)
		wait_a_while(acceptor);
}

static void recover(struct acceptor *acceptor)
{
	acceptor->starving = false;
	ouro__log(&acceptor->loop->log, OURO_LOG_INFO, "connections are accepted again");
}

/* Accepting. */

/* What went wrong with one connection and not with the socket: accept(2) hands on the network's.
 * Not EPERM, although a firewall may mean one connection by it: it could be said again for ever. */
static bool is_passing(int err)
{
	switch (-err) {
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* One connection. False: no more for now. */
static bool take(struct acceptor_socket *socket)
{
	struct acceptor *acceptor = socket->acceptor;
	ouro_addr peer;
	int fd = ouro__sock_accept(socket->watch.fd, &peer);

	if (fd < 0) {
		if (fd != -EAGAIN && !is_passing(fd))
			starve(acceptor, fd);
		return is_passing(fd);
	}
	if (acceptor->starving)
		recover(acceptor);
	acceptor->accepted_count++;
	acceptor->accepted(acceptor, fd, &peer);
	return acceptor->count && !acceptor->paused;
}

static void adapt(struct acceptor_socket *socket, unsigned taken)
{
	if (taken < socket->budget) {
		socket->budget = (uint8_t)(taken ? taken : 1);
		socket->full = 0;
	} else if (++socket->full == FULL_TIMES) {
		socket->full = 0;
		if (socket->budget <= ACCEPT_BATCH / 2)
			socket->budget *= 2;
		else
			socket->budget = ACCEPT_BATCH;
	}
}

static void on_connections(struct watch *watch, unsigned ready)
{
	struct acceptor_socket *socket = list_of(watch, struct acceptor_socket, watch);
	unsigned taken = 0;

	(void)ready;
	while (taken < socket->budget && take(socket))
		taken++;
	adapt(socket, taken);
}

void ouro__acceptor_drain(struct acceptor *acceptor, unsigned most)
{
	for (unsigned i = 0; i < acceptor->count && !acceptor->paused; i++)
		while (most && take(&acceptor->sockets[i]))
			most--;
}

/* Opening and closing. */

static int open_socket(const ouro_addr *addr, bool v6_only, const void *arg)
{
	const ouro_listen_opts *opts = arg;
	int fd = ouro__sock_open(addr->sa.any.sa_family, SOCK_STREAM), err = 0;

	if (fd < 0)
		return fd;
	if (addr->sa.any.sa_family == AF_INET6)
		err = ouro__sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
	if (!err)
		err = ouro__sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && opts->reuse_port)
		err = ouro__sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err)
		err = ouro__sock_bind(fd, addr);
	if (!err)
		err = ouro__sock_listen(fd, opts->backlog ? opts->backlog : BIND_BACKLOG);
	if (!err)
		return fd;
	ouro__fd_close(&fd);
	return err;
}

/* How many sockets, or -errno. */
static int open_all(struct acceptor *acceptor, const ouro_listen_opts *opts, int *fds)
{
	int err;

	if ((opts->fd > 0) + !!opts->unix_path + (opts->host || opts->port) > 1 || opts->fd < 0)
		return -EINVAL;
	if (opts->fd) {
		err = ouro__bind_inherited(opts->fd, &acceptor->tcp);
		fds[0] = opts->fd;
		return err ? err : 1;
	}
	if (opts->unix_path) {
		fds[0] = ouro__bind_unix(opts, &acceptor->file);
		return fds[0] < 0 ? fds[0] : 1;
	}
	acceptor->tcp = true;
	return ouro__bind_host(opts->host, opts->port, opts->v6_only, open_socket, opts, fds);
}

static int start(struct acceptor *acceptor, const ouro_listen_opts *opts, int fd)
{
	struct acceptor_socket *socket = &acceptor->sockets[acceptor->count];
	int err = 0;

	if (acceptor->tcp) {
		err = ouro__sock_nodelay(fd, !opts->stream.nagle);
		if (!err)
			err = ouro__sock_keepalive(fd, opts->stream.keepalive_s);
	}
	socket->acceptor = acceptor;
	socket->budget = 1;
	if (!err)
		err = ouro__watch_start(&socket->watch, acceptor->loop, fd, OURO_READABLE,
					on_connections);
	acceptor->count += !err;
	return err;
}

int ouro__acceptor_open(struct acceptor *acceptor, struct ouro_loop *loop,
			const ouro_listen_opts *opts, accept_fn *accepted,
			accept_starved_fn *starved)
{
	int fds[ACCEPT_SOCKETS], count = open_all(acceptor, opts, fds), err = 0;

	if (count < 0)
		return count;
	acceptor->loop = loop;
	acceptor->accepted = accepted;
	acceptor->starved = starved;
	for (int i = 0; !err && i < count; i++)
		err = start(acceptor, opts, fds[i]);
	if (!err)
		err = ouro__sock_local(fds[0], &acceptor->local);
	if (!err)
		return 0;
	while (acceptor->count)
		ouro__watch_stop(&acceptor->sockets[--acceptor->count].watch);
	for (int i = 0; i < count && !opts->fd; i++)
		ouro__fd_close(&fds[i]);
	ouro__bind_remove(&acceptor->file);
	return err;
}

void ouro__acceptor_pause(struct acceptor *acceptor)
{
	acceptor->paused = true;
	listen_on(acceptor);
}

void ouro__acceptor_resume(struct acceptor *acceptor)
{
	acceptor->paused = false;
	listen_on(acceptor);
}

void ouro__acceptor_close(struct acceptor *acceptor)
{
	if (!acceptor->count)
		return;
	ouro_timer_stop(acceptor->loop, acceptor->retry);
	ouro__bind_remove(&acceptor->file);
	acceptor->waits = acceptor->starving = false;
	while (acceptor->count) {
		struct watch *watch = &acceptor->sockets[--acceptor->count].watch;

		ouro__watch_stop(watch);
		ouro__fd_close(&watch->fd);
	}
}
