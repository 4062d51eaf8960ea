/* connect.c -- from a name to a connection. See ouro/net.h.
 *
 * A name's addresses are not equally good: the machine may think it has IPv6 when no packet gets
 * through. So the families take turns, and the next address is tried beside the others when the
 * first has not answered for a moment (RFC 8305). Whichever connects first is taken.
 *
 * It all hangs on the stream, which exists from the start: closing that gives up. Only a lookup may
 * outlive it, until it has been cancelled. Nothing is tried before the turn ends: then no caller is
 * in the way of the answer. */
#include "base/alloc.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "net/stream.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include <errno.h>

#define DEFAULT_DELAY 250
#define MOST_ADDRS    64

struct attempt {
	struct watch watch; /* fd -1: not begun, or over */
	struct connecting *connecting;
	ouro_addr addr;
};

struct connecting {
	ouro_loop *loop;
	ouro_stream *stream; /* NULL: given up, and the lookup is still to answer */
	ouro_connect_fn *fn;
	struct flush flush;
	ouro_op lookup;
	ouro_timer delay, deadline;
	ouro_connect_opts opts; /* its pointers are not looked at any more */
	ouro_addr local;
	struct attempt *attempts;
	size_t count, next, live;
	int err; /* of the last one that failed */
};

/* Ending. */

static void end_attempt(struct attempt *attempt)
{
	if (attempt->watch.fd < 0)
		return;
	ouro__watch_stop(&attempt->watch);
	ouro__fd_close(&attempt->watch.fd);
	attempt->connecting->live--;
}

static void forget(struct connecting *c)
{
	ouro__free(c->attempts);
	ouro__free(c);
}

void ouro__connecting_end(struct connecting *c)
{
	for (size_t i = 0; i < c->next; i++)
		end_attempt(&c->attempts[i]);
	ouro_timer_stop(c->loop, c->delay);
	ouro_timer_stop(c->loop, c->deadline);
	flush_cancel(&c->flush);
	c->stream->extra->connecting = NULL;
	c->stream = NULL;
	if (c->lookup.id)
		ouro_op_cancel(c->loop, c->lookup);
	else
		forget(c);
}

static void tell(ouro_stream *stream, ouro_connect_fn *fn, int err)
{
	ouro__stream_call(stream, CALL_FN(fn));
	fn(stream, err, stream->base.arg);
	ouro__stream_called(stream);
}

static void fail(struct connecting *c, int err)
{
	ouro_stream *stream = c->stream;
	ouro_connect_fn *fn = c->fn;

	ouro__connecting_end(c);
	stream->err = err;
	ouro__stream_drop(stream, err);
	if (!stream->base.closing)
		tell(stream, fn, err);
	ouro_stream_close(stream);
}

static void win(struct connecting *c, struct attempt *attempt)
{
	ouro_stream *stream = c->stream;
	ouro_connect_fn *fn = c->fn;
	ouro_addr addr = attempt->addr;
	int fd = attempt->watch.fd, err;

	ouro__watch_stop(&attempt->watch);
	attempt->watch.fd = -1;
	c->live--;
	err = ouro__stream_connected(stream, fd, &addr);
	if (err) {
		ouro__fd_close(&fd);
		fail(c, err);
		return;
	}
	ouro__connecting_end(c);
	tell(stream, fn, 0);
}

/* Trying. */

static void try_next(struct connecting *c);

static void on_attempt(struct watch *watch, unsigned ready)
{
	struct attempt *attempt = list_of(watch, struct attempt, watch);
	struct connecting *c = attempt->connecting;
	int err = ouro__sock_error(watch->fd);

	(void)ready;
	if (!err) {
		win(c, attempt);
		return;
	}
	c->err = err;
	end_attempt(attempt);
	try_next(c);
}

static void on_delay(ouro_loop *loop, void *arg)
{
	(void)loop;
	try_next(arg);
}

static void on_deadline(ouro_loop *loop, void *arg)
{
	(void)loop;
	fail(arg, OURO_ETIMEOUT);
}

static int set_options(const struct connecting *c, int fd, int family)
{
	const ouro_stream_opts *opts = &c->opts.stream;
	int err = 0;

	if (family != AF_UNIX) {
		err = ouro__sock_nodelay(fd, !opts->nagle);
		if (!err && opts->keepalive_s)
			err = ouro__sock_keepalive(fd, opts->keepalive_s);
	}
	if (!err && c->local.len)
		err = ouro__sock_bind(fd, &c->local);
	return err;
}

/* 0: connected or about to be, its watch has the descriptor; or -errno. */
static int begin(struct connecting *c, struct attempt *attempt, bool *ret_connected)
{
	int family = attempt->addr.sa.any.sa_family;
	int fd = ouro__sock_open(family, SOCK_STREAM), err;

	if (fd < 0)
		return fd;
	err = set_options(c, fd, family);
	if (!err)
		err = ouro__sock_connect(fd, &attempt->addr);
	*ret_connected = !err;
	if (!err || err == -EINPROGRESS)
		err = ouro__watch_start(&attempt->watch, c->loop, fd, OURO_WRITABLE, on_attempt);
	if (err) {
		ouro__fd_close(&fd);
		attempt->watch.fd = -1;
		return err;
	}
	c->live++;
	return 0;
}

/* Without memory for the timer the next is not waited for. */
static bool wait_before_next(struct connecting *c)
{
	unsigned ms = c->opts.delay_ms ? c->opts.delay_ms : DEFAULT_DELAY;

	if (c->next == c->count || ms == OURO_NEVER)
		return true;
	c->delay = ouro_timer_after(c->loop, ms, on_delay, c);
	ouro_timer_hold(c->loop, c->delay, false);
	return c->delay.id != 0;
}

static void try_next(struct connecting *c)
{
	bool connected = false;

	ouro_timer_stop(c->loop, c->delay);
	while (c->next < c->count) {
		struct attempt *attempt = &c->attempts[c->next++];
		int err = begin(c, attempt, &connected);

		if (!err && connected) {
			win(c, attempt);
			return;
		}
		if (err)
			c->err = err;
		else if (wait_before_next(c))
			return;
	}
	if (!c->live)
		fail(c, c->err);
}

static void on_flush(struct flush *flush)
{
	struct connecting *c = list_of(flush, struct connecting, flush);

	if (c->attempts)
		try_next(c);
	else
		fail(c, c->err);
}

/* Addresses. */

static bool has_room(struct connecting *c, size_t count)
{
	c->attempts = ouro__alloc(count * sizeof(*c->attempts));
	return c->attempts != NULL;
}

static void add_addr(struct connecting *c, const ouro_addr *addr)
{
	struct attempt *attempt = &c->attempts[c->count++];

	attempt->watch.fd = -1;
	attempt->connecting = c;
	attempt->addr = *addr;
}

/* The first from *at on whose family is, or is not, the first address's. */
static const ouro_addr *next_of(const ouro_addr *addrs, size_t count, bool first_family, size_t *at)
{
	while (*at < count) {
		const ouro_addr *addr = &addrs[(*at)++];

		if ((addr->sa.any.sa_family == addrs[0].sa.any.sa_family) == first_family)
			return addr;
	}
	return NULL;
}

/* The families take turns; within each the order stays. */
static void add_addrs(struct connecting *c, const ouro_addr *addrs, size_t count)
{
	size_t at[2] = { 0, 0 };
	const ouro_addr *a, *b;

	do {
		a = next_of(addrs, count, true, &at[0]);
		b = next_of(addrs, count, false, &at[1]);
		if (a)
			add_addr(c, a);
		if (b)
			add_addr(c, b);
	} while (a || b);
}

static void on_names(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	struct connecting *c = arg;

	c->lookup = (ouro_op){ 0 };
	if (!c->stream) {
		forget(c);
		return;
	}
	count = count < MOST_ADDRS ? count : MOST_ADDRS;
	c->err = err;
	if (!err && !has_room(c, count))
		c->err = -ENOMEM;
	if (!c->err)
		add_addrs(c, addrs, count);
	flush_soon(c->loop, &c->flush);
}

/* Beginning. */

static int look_up(struct connecting *c, const ouro_connect_opts *opts)
{
	ouro_dns_opts dns = { .port = opts->port };

	c->lookup = ouro_dns_lookup(c->loop, opts->host, &dns, on_names, c);
	return c->lookup.id ? 0 : errno == ECANCELED ? OURO_ECLOSED : -errno;
}

/* The one address, if it is known. -EINVAL: it must be looked up. */
static int known_addr(const ouro_connect_opts *opts, ouro_addr *ret_addr)
{
	if (opts->host)
		return ouro_addr_parse(opts->host, opts->port, ret_addr);
	if (opts->unix_path)
		return ouro_addr_unix(opts->unix_path, ret_addr);
	*ret_addr = *opts->addr;
	return 0;
}

static int prepare(struct connecting *c, const ouro_connect_opts *opts)
{
	ouro_addr addr;
	int err = known_addr(opts, &addr);

	if (opts->timeout_ms && opts->timeout_ms != OURO_NEVER) {
		c->deadline = ouro_timer_after(c->loop, opts->timeout_ms, on_deadline, c);
		if (!c->deadline.id)
			return -ENOMEM;
		ouro_timer_hold(c->loop, c->deadline, false);
	}
	if (err == -EINVAL && opts->host)
		return look_up(c, opts);
	if (err)
		return err;
	if (!has_room(c, 1))
		return -ENOMEM;
	add_addr(c, &addr);
	flush_soon(c->loop, &c->flush);
	return 0;
}

int ouro__connect(ouro_loop *loop, const ouro_connect_opts *opts, ouro_connect_fn *fn, void *arg,
		  const struct stream_shape *shape, ouro_stream **ret_stream)
{
	struct stream_extra *extra;
	ouro_stream *stream;
	struct connecting *c;
	int err;

	if (!!opts->host + !!opts->unix_path + !!opts->addr != 1)
		return -EINVAL;
	err = ouro__stream_new(loop, -1, &opts->stream, NULL, shape, &stream);
	if (err)
		return err;
	stream->base.arg = arg;
	extra = ouro__stream_extra(stream);
	c = extra ? ouro__alloc(sizeof(*c)) : NULL;
	if (c) {
		c->loop = loop;
		c->fn = fn;
		c->opts = *opts;
		if (opts->local)
			c->local = *opts->local;
		c->stream = stream;
		extra->connecting = c;
		flush_init(&c->flush, on_flush);
	}
	err = c ? prepare(c, opts) : -ENOMEM;
	if (err) {
		ouro__stream_undo(stream);
		return err;
	}
	if (ret_stream)
		*ret_stream = stream;
	return 0;
}

int ouro_connect(ouro_loop *loop, const ouro_connect_opts *opts, ouro_connect_fn *fn, void *arg,
		 ouro_stream **ret_stream)
{
	return ouro__connect(loop, opts, fn, arg, &ouro__plain_shape, ret_stream);
}
