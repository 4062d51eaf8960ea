/* write.c -- the way out of a stream: queue, flush, water marks, and the one word about each
 * write. See ouro/net.h.
 *
 * A write only queues. The flush at the end of the turn (loop/flush.h) hands all of it to the
 * kernel at once; when the kernel has had enough, the poll says when it takes more.
 *
 * Whoever is to be told of a write waits in net->sent between the moment the queue lets go of it
 * and the moment the user is called: so no user runs in the middle of a flush. */
#include "base/alloc.h"
#include "loop/call.h"
#include "net/stream.h"
#include "sys/sock.h"
#include <errno.h>

/* One take or after. */
struct sent {
	struct list link; /* in net->sent, once it is known what became of it */
	ouro_stream *stream;
	ouro_done_fn *fn;
	void *arg;
	int err;
};

static void on_release(int err, void *arg)
{
	struct sent *sent = arg;

	sent->err = err;
	list_push(&sent->stream->net->sent, &sent->link);
}

static struct sent *next_sent(const ouro_stream *stream)
{
	list_each (at, &stream->net->sent)
		if (list_of(at, struct sent, link)->stream == stream)
			return list_of(at, struct sent, link);
	return NULL;
}

/* All of them, also when one of them closes the stream. */
static void tell_sent(ouro_stream *stream)
{
	struct sent *first;

	while ((first = next_sent(stream))) {
		struct sent sent = *first;

		list_remove(&first->link);
		ouro__free(first);
		ouro__stream_call(stream, CALL_FN(sent.fn));
		sent.fn(sent.err, sent.arg);
		ouro__stream_called(stream);
	}
}

void ouro__stream_drop(ouro_stream *stream, int err)
{
	ouro__out_drop(&stream->out, stream->net, err);
	tell_sent(stream);
}

void ouro__stream_break(ouro_stream *stream, int err)
{
	if (!stream->err)
		stream->err = err;
	ouro__stream_drop(stream, err);
	if (stream->ending)
		ouro_stream_close(stream);
}

void ouro__stream_lose(ouro_stream *stream, int err)
{
	bool reads = stream->reads && !stream->paused && !stream->ended;

	ouro__stream_break(stream, err);
	if (stream->base.closing || reads || stream->gone || !stream->heeds)
		return;
	stream->gone = true;
	stream_kind(stream)->gone(stream, err);
}

static void tell_drained(ouro_stream *stream)
{
	if (!stream->full || stream->out.queued > stream->low)
		return;
	stream->full = false;
	if (!stream->err)
		stream_kind(stream)->drained(stream);
}

/* All has left: then the peer may know that there is no more. */
static void finish(ouro_stream *stream)
{
	if (!stream->shutting || !out_is_empty(&stream->out))
		return;
	if (!stream->shut)
		(void)ouro__sock_shutdown(stream->watch.fd); /* or the peer has gone already */
	stream->shut = true;
	if (stream->ending)
		ouro_stream_close(stream);
}

void ouro__stream_send(ouro_stream *stream)
{
	ssize_t n = ouro__out_flush(&stream->out, stream->net, stream->watch.fd);

	if (n < 0)
		ouro__stream_lose(stream, (int)n);
	else if (n > 0)
		ouro__stream_moved(stream);
	tell_sent(stream);
	if (!stream->base.closing)
		tell_drained(stream);
	if (!stream->base.closing)
		finish(stream);
	if (!stream->base.closing)
		ouro__stream_update(stream);
}

/* Asking. */

/* May it be written to? 0 or why not. */
static int refuse(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	if (stream->base.closing || stream->shutting)
		return OURO_ECLOSED;
	return stream->err;
}

/* When the kernel has no room it is the poll that says when to go on. */
static void leave_soon(ouro_stream *stream)
{
	if (!(stream->watch.wanted & OURO_WRITABLE) && !stream_is_connecting(stream))
		stream_flush_soon(stream);
}

/* What a write answers. */
static int64_t written(ouro_stream *stream, size_t n, int err)
{
	struct out *out = &stream->out;

	if (err)
		return err;
	if (out->queued > stream->high)
		stream->full = true;
	if (n == out->queued) /* until now there was nothing to send */
		ouro__stream_moved(stream);
	leave_soon(stream);
	return (int64_t)out->queued;
}

int64_t ouro_stream_write(ouro_stream *stream, ouro_str bytes)
{
	int err = refuse(stream);

	if (!err)
		err = ouro__out_copy(&stream->out, stream->net, bytes.ptr, bytes.len);
	return written(stream, bytes.len, err);
}

int64_t ouro_stream_write_static(ouro_stream *stream, ouro_str bytes)
{
	int err = refuse(stream);

	if (!err)
		err = ouro__out_borrow(&stream->out, stream->net, bytes.ptr, bytes.len, NULL, NULL);
	return written(stream, bytes.len, err);
}

int64_t ouro_stream_write_take(ouro_stream *stream, ouro_str bytes, ouro_done_fn *fn, void *arg)
{
	int err = refuse(stream);
	struct sent *sent = err ? NULL : ouro__alloc(sizeof(*sent));

	if (!sent)
		return err ? err : -ENOMEM;
	*sent = (struct sent){ .stream = stream, .fn = fn, .arg = arg };
	err = ouro__out_borrow(&stream->out, stream->net, bytes.ptr, bytes.len, on_release, sent);
	if (err)
		ouro__free(sent);
	return written(stream, bytes.len, err);
}

int ouro_stream_after(ouro_stream *stream, ouro_done_fn *fn, void *arg)
{
	int64_t n = ouro_stream_write_take(stream, (ouro_str){ "", 0 }, fn, arg);

	return n < 0 ? (int)n : 0;
}

int ouro_stream_shutdown(ouro_stream *stream)
{
	int err = refuse(stream);

	if (err)
		return err;
	stream->shutting = true;
	leave_soon(stream);
	return 0;
}

void ouro_stream_end(ouro_stream *stream)
{
	if (!stream)
		return;
	ouro__stream_check(stream);
	if (stream->base.closing)
		return;
	stream->shutting = stream->ending = true;
	leave_soon(stream);
}

size_t ouro_stream_queued(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	return stream->out.queued;
}

bool ouro_stream_is_full(const ouro_stream *stream)
{
	ouro__stream_check(stream);
	return stream->out.queued > stream->high;
}
