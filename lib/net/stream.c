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

int ouro__stream_number(const struct handle *handle)
{
	return ((const struct ouro_stream *)handle)->watch.fd;
}

/* What waits to leave is dropped in the flush, where users may be called. */
void ouro__stream_stop(struct handle *handle)
{
	ouro_stream *stream = (struct ouro_stream *)handle;

	ouro__stream_end_extra(stream);
	if (stream->watch.fd >= 0)
		ouro__watch_stop(&stream->watch);
	ouro__fd_close(&stream->watch.fd);
	if (stream_kind(stream)->left)
		stream_kind(stream)->left(stream);
	if (out_is_empty(&stream->out))
		list_remove(&stream->flush);
	else
		stream_flush_soon(stream);
}

bool ouro__stream_is_idle(const struct handle *handle)
{
	const ouro_stream *stream = (const ouro_stream *)handle;

	return out_is_empty(&stream->out) && list_empty(&stream->flush);
}

void ouro__stream_check(const ouro_stream *stream)
{
	ouro__check_magic(&stream->base, STREAM_MAGIC);
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
	return stream->reads && !stream->paused && !stream->ended;
}

void ouro__stream_update(ouro_stream *stream)
{
	unsigned events = 0;

	if (stream->watch.fd < 0)
		return;
	if (wants_to_read(stream) && !stream->dead && !stream_has_early(stream))
		events |= OURO_READABLE;
	else if (stream->heeds && !stream->gone && !stream->err)
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
	if (stream->extra && stream->extra->idle.id)
		ouro_timer_again(stream->base.loop, stream->extra->idle);
}

/* Reading. */

/* The last call. */
static void tell_end(ouro_stream *stream, int err)
{
	stream->ended = true;
	stream_kind(stream)->read(stream, err, (ouro_str){ "", 0 });
}

static void tell_bytes(ouro_stream *stream, const char *bytes, size_t n)
{
	ouro__stream_moved(stream);
	stream_kind(stream)->read(stream, 0, (ouro_str){ bytes, n });
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
	struct early *early = stream->extra->early;

	stream->extra->early = NULL;
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
	stream_kind(stream)->gone(stream, err ? err : OURO_EOF);
}

static void on_ready(struct watch *watch, unsigned ready)
{
	ouro_stream *stream = list_of(watch, struct ouro_stream, watch);

	if ((ready & OURO_ERROR) && !wants_to_read(stream) && stream->heeds && !stream->gone)
		tell_gone(stream);
	if ((ready & OURO_READABLE) && !stream->base.closing && wants_to_read(stream))
		read_some(stream);
	if ((ready & OURO_WRITABLE) && !stream->base.closing)
		ouro__stream_send(stream);
	if (!stream->base.closing)
		ouro__stream_update(stream);
}

static void flush_one(ouro_stream *stream)
{
	if (stream->base.closing) {
		ouro__stream_drop(stream, OURO_ECANCELED);
		ouro__handle_settled(&stream->base);
		return;
	}
	if (stream_has_early(stream) && wants_to_read(stream))
		tell_early(stream);
	if (stream->dead && !stream->base.closing && wants_to_read(stream))
		tell_end(stream, stream->err);
	if (!stream->base.closing && stream->watch.fd >= 0)
		ouro__stream_send(stream);
}

void ouro__streams_flush(struct flush *flush)
{
	struct net *net = list_of(flush, struct net, flush);
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &net->streams);
	while ((link = list_shift(&batch)))
		flush_one(list_of(link, struct ouro_stream, flush));
}

/* Only while it could have moved. */
static void on_idle(ouro_loop *loop, void *arg)
{
	ouro_stream *stream = arg;

	(void)loop;
	if (stream->err || stream_is_connecting(stream) ||
	    (!stream->out.queued && !wants_to_read(stream)))
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

void ouro__stream_undo(ouro_stream *stream)
{
	ouro__stream_end_extra(stream);
	if (stream->watch.fd >= 0)
		ouro__watch_stop(&stream->watch);
	list_remove(&stream->flush);
	ouro__handle_drop(&stream->base);
}

static uint32_t mark(size_t bytes)
{
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

int ouro__stream_new(ouro_loop *loop, int fd, const ouro_stream_opts *opts, const ouro_addr *peer,
		     const struct stream_shape *shape, ouro_stream **ret_stream)
{
	struct net *net = loop->ending ? NULL : ouro__net_of(loop);
	ouro_stream *stream;
	int err;

	if (!net)
		return loop->ending ? OURO_ECLOSED : -ENOMEM;
	stream = ouro__handle_new(loop, &shape->kind->type, shape->size, NULL, &err);
	if (!stream)
		return err;
	list_init(&stream->flush);
	stream->net = net;
	stream->high = mark(opts->high ? opts->high : DEFAULT_HIGH);
	stream->low = opts->low ? mark(opts->low) : stream->high / 4;
	stream->watch.fd = -1;
	err = ouro__stream_set_peer(stream, fd, peer);
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

int ouro__stream_adopt(ouro_loop *loop, int fd, const ouro_stream_opts *opts, ouro_str early,
		       const struct stream_shape *shape, ouro_stream **ret_stream)
{
	ouro_stream *stream;
	int err = ouro__stream_new(loop, fd, opts, NULL, shape, &stream);

	if (err)
		return err;
	if (early.len)
		err = ouro__stream_keep(stream, early);
	if (err)
		ouro__stream_undo(stream);
	else
		*ret_stream = stream;
	return err;
}

int ouro__stream_connected(ouro_stream *stream, int fd, const ouro_addr *peer)
{
	int err = ouro__stream_set_peer(stream, fd, peer);

	if (!err)
		err = start_watch(stream, fd);
	if (err)
		return err;
	stream->extra->connecting = NULL;
	ouro__stream_moved(stream);
	stream_flush_soon(stream);
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
		err = ouro__stream_new(loop, fd, opts, NULL, &ouro__plain_shape, ret_stream);
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

int ouro__stream_listen(ouro_stream *stream)
{
	if (stream->base.closing)
		return OURO_ECLOSED;
	if (stream->ended)
		return stream->err ? stream->err : OURO_EOF;
	stream->reads = true;
	ouro_stream_resume(stream);
	return 0;
}

int ouro__stream_heed(ouro_stream *stream, bool heeds)
{
	stream->heeds = heeds;
	ouro__stream_update(stream);
	if (!heeds || stream->watch.fd < 0 || wants_to_read(stream) || stream->gone || stream->err)
		return 0;
	return stream->watch.wanted & OURO_ERROR ? 0 : -ENOMEM;
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
	if (stream_has_early(stream) || stream->dead)
		stream_flush_soon(stream);
}

int ouro_stream_set_idle(ouro_stream *stream, unsigned ms)
{
	bool never = !ms || ms == OURO_NEVER;
	ouro_loop *loop = stream->base.loop;
	ouro_timer timer = { 0 };

	ouro__stream_check(stream);
	if (stream->base.closing)
		return OURO_ECLOSED;
	if (never && !stream->extra)
		return 0;
	if (!never && ouro__stream_extra(stream)) {
		timer = ouro_timer_every(loop, ms, on_idle, stream);
		ouro_timer_hold(loop, timer, false);
	}
	if (!never && !timer.id)
		return loop->ending ? OURO_ECLOSED : -ENOMEM;
	ouro_timer_stop(loop, stream->extra->idle);
	stream->extra->idle = timer;
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
