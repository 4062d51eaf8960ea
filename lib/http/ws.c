/* ws.c -- the life of a WebSocket, and what comes. See ouro/ws.h.
 *
 * Frames are unmasked where the stream has read them, and a message that came whole is handed out
 * from there; only one that came in parts is gathered, in memory that grows with what has come and
 * never with what was announced.
 *
 * The end: whoever has sent and got a close frame is done. A server then closes the connection, and
 * a client waits for that. After a fault what still comes is read and dropped for a while, since
 * closing at once would reset the connection, and take the close frame with it. */
#include "http/ws.h"
#include "base/alloc.h"
#include "base/check.h"
#include "http/guest.h"
#include "loop/call.h"
#include <errno.h>

#define WS_MAGIC    0x77736f63u
#define DEFAULT_MAX ((size_t)1 << 20)

void ouro__ws_check(const ouro_ws *ws)
{
	ouro__check_magic(ws, WS_MAGIC);
}

static bool is_gone(const ouro_ws *ws)
{
	return ws->stream->base.closing;
}

static void ws_call(ouro_ws *ws, const void *fn)
{
	call_begin(ws->stream->base.loop, OURO_PHASE_IO, fn,
		   (struct cause){ "WebSocket", ws->stream->watch.fd, NULL },
		   ws->stream->base.label);
}

static void ws_called(ouro_ws *ws)
{
	call_end(ws->stream->base.loop);
}

static void forget(struct ws_gather **gather)
{
	ouro__free(*gather);
	*gather = NULL;
}

/* ---- The end ---- */

static void tell_end(ouro_ws *ws, int err, int code, ouro_str reason)
{
	ouro_ws_message last = { .bytes = reason, .code = code };

	if (ws->told || !ws->fn)
		return;
	ws->told = true;
	ws_call(ws, CALL_FN(ws->fn));
	ws->fn(ws, err, &last, ws->arg);
	ws_called(ws);
}

/* Without another word to the peer. */
static void lose(ouro_ws *ws, int err)
{
	tell_end(ws, err, WS_LOST, (ouro_str){ "", 0 });
	ouro_stream_close(ws->stream);
}

/* From here on the peer has only so long. */
static void begin_end(ouro_ws *ws, enum ws_state state)
{
	ws->state = (uint8_t)state;
	forget(&ws->message);
	if (ouro__ws_due_begin(ws, ws->close_ms))
		ouro_stream_close(ws->stream);
}

/* Both have said it. */
static void part(ouro_ws *ws)
{
	begin_end(ws, WS_DRAINING);
	if (!ws->client)
		ouro_stream_end(ws->stream);
}

static void fail(ouro_ws *ws, int code)
{
	int err = code == WS_TOO_BIG ? OURO_ETOOBIG : OURO_EPROTO;
	bool open = ws->state == WS_OPEN;

	begin_end(ws, WS_DRAINING);
	if (open && ouro__ws_send_close(ws, code, (ouro_str){ "", 0 }) >= 0)
		ouro_stream_shutdown(ws->stream);
	else
		ouro_stream_close(ws->stream);
	tell_end(ws, err, code, (ouro_str){ "", 0 });
}

static void hear_close(ouro_ws *ws, ouro_str payload)
{
	ouro_str reason;
	int code = ouro__ws_close_read(payload, &reason);

	if (code < 0) {
		fail(ws, -code);
		return;
	}
	if (ws->state == WS_OPEN)
		(void)ouro__ws_send_close(ws, code, (ouro_str){ "", 0 });
	part(ws);
	tell_end(ws, OURO_EOF, code, reason);
}

/* ---- What comes ---- */

static bool append(struct ws_gather **at, const char *bytes, size_t n)
{
	struct ws_gather *gather = *at;
	size_t len = gather ? gather->len : 0, had = gather ? gather->room : 0;
	size_t room = had ? had : 128;

	while (room - len < n)
		room *= 2;
	if (room != had)
		gather = ouro__realloc(gather, sizeof(*gather) + room);
	if (!gather)
		return false;
	if (n)
		memcpy(gather->bytes + len, bytes, n);
	gather->len = len + n;
	gather->room = room;
	*at = gather;
	return true;
}

static void hand_out(ouro_ws *ws, const struct ws_piece *piece, ouro_str bytes)
{
	ouro_ws_message message = { .bytes = bytes,
				    .text = piece->op == WS_TEXT,
				    .more = !piece->last };

	if (!ws->fn || ws->state != WS_OPEN)
		return;
	ws_call(ws, CALL_FN(ws->fn));
	ws->fn(ws, 0, &message, ws->arg);
	ws_called(ws);
}

static void hear_control(ouro_ws *ws, enum ws_op op, ouro_str payload)
{
	if (op == WS_CLOSE)
		hear_close(ws, payload);
	if (op == WS_PING && ws->state == WS_OPEN && !ouro_stream_is_full(ws->stream))
		(void)ouro__ws_send(ws, WS_PONG, payload);
	if (op == WS_PONG && ws->state == WS_OPEN && ws->pong_fn) {
		ws_call(ws, CALL_FN(ws->pong_fn));
		ws->pong_fn(ws, payload, ws->arg);
		ws_called(ws);
	}
}

static void hear_whole(ouro_ws *ws, const struct ws_piece *piece, ouro_str bytes)
{
	if (piece->op >= WS_CLOSE)
		hear_control(ws, piece->op, bytes);
	else
		hand_out(ws, piece, bytes);
}

static void hear(ouro_ws *ws, const struct ws_piece *piece)
{
	bool control = piece->op >= WS_CLOSE;
	struct ws_gather **gather = control ? &ws->control : &ws->message, *whole;

	if (!control && (ws->state != WS_OPEN || (ws->pieces && !piece->len && !piece->last)))
		return;
	if ((piece->last && !*gather) || (!control && ws->pieces)) {
		hear_whole(ws, piece, ouro_str_n(piece->bytes, piece->len));
		return;
	}
	if (!append(gather, piece->bytes, piece->len)) {
		lose(ws, -ENOMEM);
		return;
	}
	if (!piece->last)
		return;
	whole = *gather;
	*gather = NULL;
	hear_whole(ws, piece, ouro_str_n(whole->bytes, whole->len));
	ouro__free(whole);
}

/* It was paused in the middle of what the stream had read: the stream keeps the rest. */
static void give_back(ouro_ws *ws, const char *bytes, size_t n)
{
	ws->stream->early = ouro__early_new(bytes, n);
	if (ws->stream->early)
		ouro__stream_update(ws->stream);
	else
		lose(ws, -ENOMEM);
}

static void take(ouro_ws *ws, char *bytes, size_t n)
{
	struct ws_piece piece;
	int got = 1;

	while (got > 0 && ws->state != WS_DRAINING && !ws->paused && !is_gone(ws)) {
		got = ouro__ws_read(&ws->reader, &bytes, &n, &piece);
		if (got < 0)
			fail(ws, -got);
		if (got > 0)
			hear(ws, &piece);
	}
	if (n && ws->paused && ws->state != WS_DRAINING && !is_gone(ws))
		give_back(ws, bytes, n);
}

/* The bytes are the loop's scratch, or a copy that nobody looks at again: ours to unmask. */
static void on_read(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	ouro_ws *ws = arg;

	(void)stream;
	if (ws->state == WS_OPENING) {
		ouro__dial_read(ws, err, bytes);
		return;
	}
	if (err) {
		lose(ws, err);
		return;
	}
	ws->pinged = false;
	if (ws->state == WS_OPEN)
		ws_due_again(ws);
	take(ws, (char *)(uintptr_t)bytes.ptr, bytes.len);
}

static void on_gone(ouro_stream *stream, int err, void *arg)
{
	(void)stream;
	lose(arg, err);
}

/* For ping_ms. */
static void hear_silence(ouro_ws *ws)
{
	bool listens = ws->stream->read_fn && !ws->paused;

	if (listens && ws->pinged) {
		lose(ws, OURO_ETIMEOUT);
		return;
	}
	if (listens) {
		ws->pinged = true;
		(void)ouro__ws_send(ws, WS_PING, (ouro_str){ "", 0 });
	}
	if (ouro__ws_due_begin(ws, ws->ping_ms))
		lose(ws, -ENOMEM);
}

void ouro__ws_overdue(ouro_ws *ws)
{
	if (is_gone(ws))
		return; /* and its close phase is to come */
	if (ws->state == WS_OPENING)
		ouro__dial_overdue(ws);
	else if (ws->state == WS_OPEN)
		hear_silence(ws);
	else
		lose(ws, OURO_ETIMEOUT);
}

static void on_drain(ouro_stream *stream, void *arg)
{
	ouro_ws *ws = arg;

	(void)stream;
	if (!ws->drain_fn || ws->state != WS_OPEN)
		return;
	ws_call(ws, CALL_FN(ws->drain_fn));
	ws->drain_fn(ws, ws->arg);
	ws_called(ws);
}

/* ---- Beginning and ending ---- */

static void on_close(void *arg)
{
	ouro_ws *ws = arg;
	ouro_close_fn *fn = ws->close_fn;
	void *users = ws->arg;

	ws_due_stop(ws);
	ouro__room_leave(&ws->member, &ws->room);
	ouro__guest_left(ws);
	ouro__dial_free(ws->dial);
	forget(&ws->message);
	forget(&ws->control);
	ws->close_fn = NULL;
	if (fn)
		fn(users);
	ws->magic = 0;
	ouro__free(ws);
}

ouro_ws *ouro__ws_new(ouro_stream *stream, const ouro_ws_opts *opts, bool client)
{
	ouro_ws *ws = ouro__alloc(sizeof(*ws));
	size_t frame_max = opts->frame_max ? opts->frame_max : DEFAULT_MAX;
	uint64_t message_max = opts->message_max ? opts->message_max : DEFAULT_MAX;

	if (!ws) {
		ouro_stream_close(stream);
		return NULL;
	}
	if (opts->pieces && !opts->message_max)
		message_max = UINT64_MAX;
	ouro__ws_reader_start(&ws->reader, !client, frame_max, message_max);
	list_init(&ws->member);
	list_init(&ws->guest);
	due_init(&ws->due);
	ws->magic = WS_MAGIC;
	ws->client = client;
	ws->pieces = opts->pieces;
	ws->queue_max = opts->queue_max;
	ws->slow = (uint8_t)opts->slow;
	ws->stream = stream;
	ws->ping_ms = opts->ping_ms ? opts->ping_ms : 30000;
	ws->close_ms = opts->close_ms ? opts->close_ms : 5000;
	stream->high = opts->high ? opts->high : stream->high;
	stream->low = opts->low ? opts->low : stream->high / 4;
	ouro_stream_set_arg(stream, ws);
	ouro_stream_on_close(stream, on_close);
	ouro_stream_on_drain(stream, on_drain);
	return ws;
}

int ouro__ws_opened(ouro_ws *ws)
{
	ws->state = WS_OPEN;
	return ouro__ws_due_begin(ws, ws->ping_ms);
}

int ouro_ws_on_message(ouro_ws *ws, ouro_ws_fn *fn, void *arg)
{
	ouro__ws_check(ws);
	if (is_gone(ws) || ws->state > WS_OPEN)
		return OURO_ECLOSED;
	ws->fn = fn;
	ws->arg = arg;
	if (ws->stream->read_fn)
		return 0;
	(void)ouro_stream_on_gone(ws->stream, on_gone); /* what breaks while it is paused */
	return ouro_stream_read(ws->stream, on_read, ws);
}

void ouro_ws_pause(ouro_ws *ws)
{
	ouro__ws_check(ws);
	if (is_gone(ws) || ws->state != WS_OPEN)
		return;
	ws->paused = true;
	ouro_stream_pause(ws->stream);
}

void ouro_ws_resume(ouro_ws *ws)
{
	ouro__ws_check(ws);
	if (is_gone(ws) || !ws->paused)
		return;
	ws->paused = ws->pinged = false;
	ws_due_again(ws);
	ouro_stream_resume(ws->stream);
}

int ouro_ws_close(ouro_ws *ws, int code, ouro_str reason)
{
	ouro__ws_check(ws);
	if (!ouro__ws_is_code(code) || reason.len > WS_CONTROL_MAX - 2 ||
	    !ouro__is_utf8(reason.ptr, reason.len))
		return -EINVAL;
	if (is_gone(ws) || ws->state > WS_OPEN)
		return OURO_ECLOSED;
	if (ws->state == WS_OPENING || ouro__ws_send_close(ws, code, reason) < 0) {
		ouro_stream_close(ws->stream);
		return 0;
	}
	begin_end(ws, WS_CLOSING);
	ws->paused = false;
	if (!is_gone(ws))
		(void)ouro_stream_read(ws->stream, on_read, ws);
	return 0;
}

void ouro_ws_cut(ouro_ws *ws)
{
	if (!ws)
		return;
	ouro__ws_check(ws);
	ouro_stream_close(ws->stream);
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
	ws->close_fn = fn;
}

void ouro_ws_set_arg(ouro_ws *ws, void *arg)
{
	ouro__ws_check(ws);
	ws->arg = arg;
}

void *ouro_ws_arg(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->arg;
}

const char *ouro_ws_protocol(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->protocol;
}

ouro_stream *ouro_ws_stream(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->stream;
}

ouro_loop *ouro_ws_loop(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ws->stream->base.loop;
}
