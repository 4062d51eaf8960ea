/* ws.c -- the life of a WebSocket. See ouro/ws.h.
 *
 * It is a kind of stream: closing that is its end, and the close phase frees both.
 *
 * The end: whoever has sent and got a close frame is done. A server then closes the connection, and
 * a client waits for that. After a fault what still comes is read and dropped for a while, since
 * closing at once would reset the connection, and take the close frame with it. */
#include "http/ws.h"
#include "base/check.h"
#include "loop/call.h"
#include <errno.h>

#define WS_MAGIC 0x77736f63u

void ouro__ws_check(const ouro_ws *ws)
{
	ouro__check_magic(ws, WS_MAGIC);
}

static ouro_ws *ws_of(ouro_stream *stream)
{
	return list_of(stream, struct ouro_ws, stream);
}

void ouro__ws_call(ouro_ws *ws, const void *fn)
{
	call_begin(ws->stream.base.loop, OURO_PHASE_IO, fn,
		   (struct cause){ "WebSocket", ws->stream.watch.fd, NULL }, ws->stream.base.label);
}

void ouro__ws_called(ouro_ws *ws)
{
	call_end(ws->stream.base.loop);
}

/* ---- The end ---- */

void ouro__ws_tell_end(ouro_ws *ws, int err, int code, ouro_str reason)
{
	ouro_ws_message last = { .bytes = reason, .code = code };

	if (ws->told || !ws->fn)
		return;
	ws->told = true;
	ouro__ws_call(ws, CALL_FN(ws->fn));
	ws->fn(ws, err, &last, ws->stream.base.arg);
	ouro__ws_called(ws);
}

void ouro__ws_lose(ouro_ws *ws, int err)
{
	ouro__ws_tell_end(ws, err, WS_LOST, (ouro_str){ "", 0 });
	ouro_stream_close(&ws->stream);
}

void ouro__ws_begin_end(ouro_ws *ws, enum ws_state state)
{
	ws->state = (uint8_t)state;
	ouro__ws_forget_message(ws);
	if (ouro__ws_due_begin(ws))
		ouro_stream_close(&ws->stream);
}

/* For ping_ms. */
static void hear_silence(ouro_ws *ws)
{
	bool listens = ws->stream.reads && !ws->paused;

	if (listens && ws->pinged) {
		ouro__ws_lose(ws, OURO_ETIMEOUT);
		return;
	}
	if (listens) {
		ws->pinged = true;
		(void)ouro__ws_send(ws, WS_PING, (ouro_str){ "", 0 });
	}
	if (ouro__ws_due_begin(ws))
		ouro__ws_lose(ws, -ENOMEM);
}

void ouro__ws_overdue(ouro_ws *ws)
{
	if (ws_is_gone(ws))
		return; /* and its close phase is to come */
	if (ws->state == WS_OPENING)
		ouro__dial_overdue(ws);
	else if (ws->state == WS_OPEN)
		hear_silence(ws);
	else
		ouro__ws_lose(ws, OURO_ETIMEOUT);
}

/* ---- As a stream ---- */

static const void *ws_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_ws *)handle)->fn);
}

/* The bytes are the loop's scratch, or a copy that nobody looks at again: ours to unmask. */
static void on_read(ouro_stream *stream, int err, ouro_str bytes)
{
	ouro_ws *ws = ws_of(stream);

	ouro__stream_call(stream, CALL_FN(ws->fn));
	if (ws->state == WS_OPENING)
		ouro__dial_read(ws, err, bytes);
	else if (err)
		ouro__ws_lose(ws, err);
	else
		ouro__ws_hear(ws, (char *)(uintptr_t)bytes.ptr, bytes.len);
	ouro__stream_called(stream);
}

static void on_drained(ouro_stream *stream)
{
	ouro_ws *ws = ws_of(stream);

	if (!ws->drain_fn || ws->state != WS_OPEN)
		return;
	ouro__ws_call(ws, CALL_FN(ws->drain_fn));
	ws->drain_fn(ws, stream->base.arg);
	ouro__ws_called(ws);
}

static void on_gone(ouro_stream *stream, int err)
{
	ouro__ws_lose(ws_of(stream), err);
}

/* Before on_close: who closes has left. */
static void on_left(ouro_stream *stream)
{
	ouro_ws *ws = ws_of(stream);

	if (ws->magic)
		ouro__room_leave(&ws->member, &ws->room);
}

static void ws_free(struct handle *handle)
{
	ouro_ws *ws = (struct ouro_ws *)handle;

	if (ws->magic) {
		due_clear(&ws->due);
		if (ws->state == WS_OPENING)
			ouro__dial_free(ws->dial);
		else
			ouro__ws_forget_part(ws);
		if (ws->terms)
			ouro__ws_terms_leave(ws->terms);
	}
	ws->magic = 0;
	ouro__stream_free(handle);
}

static const struct stream_kind ws_kind = {
	.type = STREAM_TYPE(ws_callee, ws_free),
	.read = on_read,
	.drained = on_drained,
	.gone = on_gone,
	.left = on_left,
};

const struct stream_shape ouro__ws_shape = { &ws_kind, sizeof(struct ouro_ws) };

_Static_assert(sizeof(void *) != 8 || sizeof(struct ouro_ws) <= 344, "ten thousand of them");

/* ---- Beginning and ending ---- */

int ouro__ws_begin(ouro_ws *ws, const ouro_ws_opts *opts, struct ouro_server *server, bool client)
{
	list_init(&ws->member);
	due_init(&ws->due);
	ws->magic = WS_MAGIC;
	ws->terms = ouro__ws_terms(ws->stream.base.loop, opts, server, client);
	if (ws->terms)
		return 0;
	ouro_stream_close(&ws->stream);
	return -ENOMEM;
}

int ouro__ws_opened(ouro_ws *ws)
{
	ws->state = WS_OPEN;
	return ouro__ws_due_begin(ws);
}

int ouro_ws_on_message(ouro_ws *ws, ouro_ws_fn *fn, void *arg)
{
	ouro__ws_check(ws);
	if (ws_is_gone(ws) || ws->state > WS_OPEN)
		return OURO_ECLOSED;
	ws->fn = fn;
	ws->stream.base.arg = arg;
	if (ws->stream.reads)
		return 0;
	ws->stream.heeds = true; /* what breaks while it is paused */
	return ouro__stream_listen(&ws->stream);
}

void ouro_ws_pause(ouro_ws *ws)
{
	ouro__ws_check(ws);
	if (ws_is_gone(ws) || ws->state != WS_OPEN)
		return;
	ws->paused = true;
	ouro_stream_pause(&ws->stream);
}

void ouro_ws_resume(ouro_ws *ws)
{
	ouro__ws_check(ws);
	if (ws_is_gone(ws) || !ws->paused)
		return;
	ws->paused = ws->pinged = false;
	(void)ouro__ws_due_begin(ws); /* without a timer nothing is cut off */
	ouro_stream_resume(&ws->stream);
}

int ouro_ws_close(ouro_ws *ws, int code, ouro_str reason)
{
	if (!ws)
		return OURO_ECLOSED;
	ouro__ws_check(ws);
	if (!ouro__ws_is_code(code) || reason.len > WS_CONTROL_MAX - 2 ||
	    !ouro__is_utf8(reason.ptr, reason.len))
		return -EINVAL;
	if (ws_is_gone(ws) || ws->state > WS_OPEN)
		return OURO_ECLOSED;
	if (ws->state == WS_OPENING || ouro__ws_send_close(ws, code, reason) < 0) {
		ouro_stream_close(&ws->stream);
		return 0;
	}
	ouro__ws_begin_end(ws, WS_CLOSING);
	ws->paused = false;
	if (!ws_is_gone(ws))
		(void)ouro__stream_listen(&ws->stream);
	return 0;
}

void ouro_ws_cut(ouro_ws *ws)
{
	if (!ws)
		return;
	ouro__ws_check(ws);
	ouro_stream_close(&ws->stream);
}

/* ---- Asking ---- */

void ouro_ws_on_drain(ouro_ws *ws, ouro_ws_drain_fn *fn)
{
	ouro__ws_check(ws);
	ws->drain_fn = fn;
}

void ouro_ws_on_pong(ouro_ws *ws, ouro_ws_pong_fn *fn)
{
	ouro__ws_check(ws);
	ws->pong_fn = fn;
}

void ouro_ws_on_close(ouro_ws *ws, ouro_close_fn *fn)
{
	ouro__ws_check(ws);
	ws->stream.base.on_close = fn;
}

void ouro_ws_set_arg(ouro_ws *ws, void *arg)
{
	ouro__ws_check(ws);
	ws->stream.base.arg = arg;
}

void *ouro_ws_arg(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->stream.base.arg;
}

const char *ouro_ws_protocol(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->protocol ? ws->terms->protocols[ws->protocol - 1] : NULL;
}

ouro_stream *ouro_ws_stream(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return (ouro_stream *)(uintptr_t)&ws->stream;
}

ouro_loop *ouro_ws_loop(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->stream.base.loop;
}
