/* stream.c -- a connection as a handle: its life, and the way in. See ouro/net.h; write.c is the
 * way out.
 *
 * What the poll is asked for follows from what the stream wants, in one place:
 * ouro__stream_update(). Each event reads once, into the loop's scratch, so that an idle
 * connection has no buffer and a fast peer one piece a turn.
 *
 * A connection breaks in two ways. A failed read is the end of both directions. A failed write is
 * not: the peer may have sent an answer before it left, so the reader gets all that came, and then
 * the error in place of the end. */
#include "net/stream.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include <errno.h>

#define DEFAULT_HIGH ((size_t)256 << 10)

/* As every handle. */

static const void *stream_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_stream *)handle)->read_fn);
}

static int stream_number(const struct handle *handle)
{
	return ((const struct ouro_stream *)handle)->watch.fd;
}

static void forget_early(ouro_stream *stream)
{
	ouro__free(stream->early);
	stream->early = NULL;
}

/* What waits to leave is dropped in the flush, where users may be called. */
static void stream_stop(struct handle *handle)
{
	ouro_stream *stream = (struct ouro_stream *)handle;

	if (stream->connecting)
		ouro__connecting_end(stream->connecting);
	if (stream->watch.fd >= 0)
		ouro__watch_stop(&stream->watch);
	ouro__fd_close(&stream->watch.fd);
	ouro_timer_stop(handle->loop, stream->idle);
	forget_early(stream);
	if (stream->left)
		stream->left(stream);
	if (stream_is_quiet(stream))
		flush_cancel(&stream->flush);
	else
		flush_soon(handle->loop, &stream->flush);
}

static bool stream_is_idle(const struct handle *handle)
{
	const ouro_stream *stream = (const ouro_stream *)handle;

	return stream_is_quiet(stream) && list_empty(&stream->flush.link);
}

static void stream_free(struct handle *handle)
{
	ouro__free(((ouro_stream *)handle)->peer);
}

static const struct handle_type stream_type = {
	.kind = "stream",
	.magic = 0x7374726du,
	.callee = stream_callee,
	.number = stream_number,
	.stop = stream_stop,
	.is_idle = stream_is_idle,
	.free = stream_free,
	.parks = true,
};

void ouro__stream_check(const ouro_stream *stream)
{
	handle_check(stream, stream_type);
}

void ouro__stream_call(ouro_stream *stream, const void *fn)
{
	call_begin(stream->base.loop, OURO_PHASE_IO, fn,
		   (struct cause){ "stream", stream->watch.fd, NULL }, stream->base.label);
}

bool ouro__stream_called(ouro_stream *stream)
{
	call_end(stream->base.loop);
	return !stream->base.closing;
}

/* What it waits for. */

static bool wants_to_read(const ouro_stream *stream)
{
	return stream->read_fn && !stream->paused && !stream->ended;
}

void ouro__stream_update(ouro_stream *stream)
{
	unsigned events = 0;

	if (stream->watch.fd < 0)
		return;
	if (wants_to_read(stream) && !stream->dead && !stream->early)
		events |= OURO_READABLE;
	else if (stream->gone_fn && !stream->gone && !stream->err)
		events |= OURO_ERROR;
	if (stream->out.queued)
		events |= OURO_WRITABLE;
	if (events == stream->watch.wanted)
		return;
	if (ouro__watch_set(&stream->watch, events) == -ENOMEM) /* only news of errors need any */
		(void)ouro__watch_set(&stream->watch, events & ~(unsigned)OURO_ERROR);
}

void ouro__stream_moved(ouro_stream *stream)
{
	if (stream->idle.id)
		ouro_timer_again(stream->base.loop, stream->idle);
}

/* Reading. */

/* The last call. */
static void tell_end(ouro_stream *stream, int err)
{
	stream->ended = true;
	ouro__stream_call(stream, CALL_FN(stream->read_fn));
	stream->read_fn(stream, err, (ouro_str){ "", 0 }, stream->base.arg);
	ouro__stream_called(stream);
}

static void tell_bytes(ouro_stream *stream, const char *bytes, size_t n)
{
	ouro__stream_moved(stream);
	ouro__stream_call(stream, CALL_FN(stream->read_fn));
	stream->read_fn(stream, 0, (ouro_str){ bytes, n }, stream->base.arg);
	ouro__stream_called(stream);
}

static void read_some(ouro_stream *stream)
{
	ssize_t n = ouro__sock_recv(stream->watch.fd, stream->net->scratch, SCRATCH_ROOM);

	if (n > 0) {
		tell_bytes(stream, stream->net->scratch, (size_t)n);
	} else if (n == 0) {
		tell_end(stream, stream->err ? stream->err : OURO_EOF);
	} else if (n != -EAGAIN) {
		ouro__stream_break(stream, (int)n);
		if (!stream->base.closing)
			tell_end(stream, stream->err);
	}
}

/* The bytes that were read before; a callback that pauses leaves the rest for later. */
static void tell_early(ouro_stream *stream)
{
	struct early *early = stream->early;

	stream->early = NULL;
	tell_bytes(stream, early->bytes, early->len);
	ouro__free(early);
}

/* Nobody reads, and it is over. */
static void tell_gone(ouro_stream *stream)
{
	int err = ouro__sock_error(stream->watch.fd);

	stream->gone = true;
	if (err)
		ouro__stream_break(stream, err);
	if (stream->base.closing)
		return;
	ouro__stream_call(stream, CALL_FN(stream->gone_fn));
	stream->gone_fn(stream, err ? err : OURO_EOF, stream->base.arg);
	ouro__stream_called(stream);
}

static void on_ready(struct watch *watch, unsigned ready)
{
	ouro_stream *stream = list_of(watch, struct ouro_stream, watch);

	if ((ready & OURO_ERROR) && !wants_to_read(stream) && stream->gone_fn && !stream->gone)
		tell_gone(stream);
	if ((ready & OURO_READABLE) && !stream->base.closing && wants_to_read(stream))
		read_some(stream);
	if ((ready & OURO_WRITABLE) && !stream->base.closing)
		ouro__stream_send(stream);
	if (!stream->base.closing)
		ouro__stream_update(stream);
}

static void on_flush(struct flush *flush)
{
	ouro_stream *stream = list_of(flush, struct ouro_stream, flush);

	if (stream->base.closing) {
		ouro__stream_drop(stream, OURO_ECANCELED);
		ouro__handle_settled(&stream->base);
		return;
	}
	if (stream->early && wants_to_read(stream))
		tell_early(stream);
	if (stream->dead && !stream->base.closing && wants_to_read(stream))
		tell_end(stream, stream->err);
	if (!stream->base.closing && stream->watch.fd >= 0)
		ouro__stream_send(stream);
}

/* Only while it could have moved. */
static void on_idle(ouro_loop *loop, void *arg)
{
	ouro_stream *stream = arg;

	(void)loop;
	if (stream->err || stream->connecting || (!stream->out.queued && !wants_to_read(stream)))
		return;
	stream->dead = true;
	ouro__stream_lose(stream, OURO_ETIMEOUT);
	if (!stream->base.closing && wants_to_read(stream))
		tell_end(stream, OURO_ETIMEOUT);
	if (!stream->base.closing)
		ouro__stream_update(stream);
}

/* Opening and closing. */

static int start_watch(ouro_stream *stream, int fd)
{
	int err = ouro__watch_start(&stream->watch, stream->base.loop, fd, 0, on_ready);

	if (err)
		stream->watch.fd = -1;
	return err;
}

/* The kernel need not know. A Unix socket with a name is too long to be noted. */
static int set_peer(ouro_stream *stream, int fd, const ouro_addr *peer)
{
	ouro_addr asked;

	if (!peer && (fd < 0 || ouro__sock_peer(fd, &asked)))
		return 0;
	peer = peer ? peer : &asked;
	if (ouro__origin_note(&stream->origin, peer) && !stream->peer)
		return 0;
	if (!stream->peer)
		stream->peer = ouro__realloc(NULL, sizeof(*peer));
	if (!stream->peer)
		return -ENOMEM;
	*stream->peer = *peer;
	return 0;
}

void ouro__stream_undo(ouro_stream *stream)
{
	if (stream->connecting)
		ouro__connecting_end(stream->connecting);
	ouro_timer_stop(stream->base.loop, stream->idle);
	ouro__handle_drop(&stream->base);
}

int ouro__stream_new(ouro_loop *loop, int fd, const ouro_stream_opts *opts, const ouro_addr *peer,
		     size_t size, ouro_stream **ret_stream)
{
	struct net *net = loop->ending ? NULL : ouro__net_of(loop);
	ouro_stream *stream;
	int err;

	if (!net)
		return loop->ending ? OURO_ECLOSED : -ENOMEM;
	stream = ouro__handle_new(loop, &stream_type, size, NULL, &err);
	if (!stream)
		return err;
	flush_init(&stream->flush, on_flush);
	list_init(&stream->sent);
	stream->net = net;
	stream->high = opts->high ? opts->high : DEFAULT_HIGH;
	stream->low = opts->low ? opts->low : stream->high / 4;
	stream->watch.fd = -1;
	err = set_peer(stream, fd, peer);
	if (!err)
		err = ouro_stream_set_idle(stream, opts->idle_ms);
	if (!err && fd >= 0)
		err = start_watch(stream, fd);
	if (err) {
		ouro__stream_undo(stream);
		return err;
	}
	*ret_stream = stream;
	return 0;
}

struct early *ouro__early_new(const void *bytes, size_t n)
{
	struct early *early =
		n < SIZE_MAX - sizeof(*early) ? ouro__realloc(NULL, sizeof(*early) + n) : NULL;

	if (!early)
		return NULL;
	early->len = n;
	memcpy(early->bytes, bytes, n);
	return early;
}

int ouro__stream_adopt(ouro_loop *loop, int fd, const void *early, size_t early_len,
		       ouro_stream **ret_stream)
{
	static const ouro_stream_opts defaults;
	struct early *copy = early_len ? ouro__early_new(early, early_len) : NULL;
	int err = early_len && !copy ? -ENOMEM : 0;

	if (!err)
		err = ouro__stream_new(loop, fd, &defaults, NULL, sizeof(ouro_stream), ret_stream);
	if (err)
		ouro__free(copy);
	else
		(*ret_stream)->early = copy;
	return err;
}

int ouro__stream_connected(ouro_stream *stream, int fd, const ouro_addr *peer)
{
	int err = set_peer(stream, fd, peer);

	if (!err)
		err = start_watch(stream, fd);
	if (err)
		return err;
	stream->connecting = NULL;
	ouro__stream_moved(stream);
	flush_soon(stream->base.loop, &stream->flush);
	return 0;
}

static int set_tcp(int fd, const ouro_stream_opts *opts)
{
	int family, err = ouro__sock_get(fd, SOL_SOCKET, SO_DOMAIN, &family);

	if (err || (family != AF_INET && family != AF_INET6))
		return err;
	err = ouro__sock_nodelay(fd, !opts->nagle);
	if (!err && opts->keepalive_s)
		err = ouro__sock_keepalive(fd, opts->keepalive_s);
	return err;
}

int ouro_stream_open(ouro_loop *loop, int fd, const ouro_stream_opts *opts, void *arg,
		     ouro_stream **ret_stream)
{
	static const ouro_stream_opts defaults;
	int err;

	opts = opts ? opts : &defaults;
	err = ouro__sock_adopt(fd);
	if (!err)
		err = set_tcp(fd, opts);
	if (!err)
		err = ouro__stream_new(loop, fd, opts, NULL, sizeof(ouro_stream), ret_stream);
	if (!err)
		(*ret_stream)->base.arg = arg;
	return err;
}

void ouro_stream_close(ouro_stream *stream)
{
	if (!stream)
		return;
	ouro__stream_check(stream);
	ouro__handle_close(&stream->base);
}

void ouro_stream_reset(ouro_stream *stream)
{
	if (!stream)
		return;
	ouro__stream_check(stream);
	if (stream->watch.fd >= 0)
		(void)ouro__sock_abort(stream->watch.fd);
	ouro_stream_close(stream);
}

/* Asking. */

int ouro_stream_read(ouro_stream *stream, ouro_read_fn *fn, void *arg)
{
	ouro__stream_check(stream);
	if (stream->base.closing)
		return OURO_ECLOSED;
	if (stream->ended)
		return stream->err ? stream->err : OURO_EOF;
	stream->read_fn = fn;
	stream->base.arg = arg;
	ouro_stream_resume(stream);
	return 0;
}

void ouro_stream_pause(ouro_stream *stream)
{
	ouro__stream_check(stream);
	stream->paused = true;
	if (!stream->base.closing)
		ouro__stream_update(stream);
}

void ouro_stream_resume(ouro_stream *stream)
{
	ouro__stream_check(stream);
	stream->paused = false;
	if (stream->base.closing)
		return;
	ouro__stream_moved(stream); /* it has been still of our own will */
	ouro__stream_update(stream);
	if (stream->early || stream->dead)
		flush_soon(stream->base.loop, &stream->flush);
}

int ouro_stream_on_gone(ouro_stream *stream, ouro_gone_fn *fn)
{
	unsigned wanted;

	ouro__stream_check(stream);
	if (stream->base.closing)
		return OURO_ECLOSED;
	stream->gone_fn = fn;
	ouro__stream_update(stream);
	wanted = stream->watch.wanted;
	if (!fn || stream->watch.fd < 0 || wants_to_read(stream) || stream->gone || stream->err)
		return 0;
	return wanted & OURO_ERROR ? 0 : -ENOMEM;
}

int ouro_stream_set_idle(ouro_stream *stream, unsigned ms)
{
	ouro_loop *loop = stream->base.loop;
	ouro_timer timer = { 0 };

	ouro__stream_check(stream);
	if (stream->base.closing)
		return OURO_ECLOSED;
	if (ms && ms != OURO_NEVER) {
		timer = ouro_timer_every(loop, ms, on_idle, stream);
		if (!timer.id)
			return loop->ending ? OURO_ECLOSED : -ENOMEM;
		ouro_timer_hold(loop, timer, false);
	}
	ouro_timer_stop(loop, stream->idle);
	stream->idle = timer;
	return 0;
}

void ouro_stream_set_arg(ouro_stream *stream, void *arg)
{
	ouro__stream_check(stream);
	stream->base.arg = arg;
}

void *ouro_stream_arg(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	return stream->base.arg;
}

/* Most are never asked. */
const ouro_addr *ouro_stream_peer(const ouro_stream *stream)
{
	static const ouro_addr unknown;
	ouro_stream *noting = (ouro_stream *)(uintptr_t)stream;

	ouro__stream_check(stream);
	if (stream->peer)
		return stream->peer;
	noting->peer = ouro__realloc(NULL, sizeof(*stream->peer));
	if (!stream->peer)
		return &unknown;
	ouro__origin_addr(&stream->origin, noting->peer);
	return stream->peer;
}

int ouro_stream_local(const ouro_stream *stream, ouro_addr *ret_addr)
{
	ouro__stream_check(stream);
	return ouro__sock_local(stream->watch.fd, ret_addr);
}

int ouro_stream_fd(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	return stream->watch.fd;
}

void ouro_stream_on_close(ouro_stream *stream, ouro_close_fn *fn)
{
	ouro__stream_check(stream);
	stream->base.on_close = fn;
}

ouro_loop *ouro_stream_loop(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	return stream->base.loop;
}

void ouro_stream_hold(ouro_stream *stream, bool hold)
{
	ouro__stream_check(stream);
	ouro__handle_hold(&stream->base, hold);
}

int ouro_stream_set_name(ouro_stream *stream, const char *name)
{
	ouro__stream_check(stream);
	return ouro__handle_name(&stream->base, name);
}
