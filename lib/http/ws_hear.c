/* ws_hear.c -- what a WebSocket hears. See ouro/ws.h.
 *
 * Frames are unmasked where the stream has read them, and a message that came whole is handed out
 * from there; only one that came in parts is gathered, in memory that grows with what has come and
 * never with what was announced. The reader, too, is kept only over the end of what was read, when
 * that lies within a message. */
#include "base/alloc.h"
#include "http/ws.h"
#include "loop/call.h"
#include <errno.h>

static void forget(struct ws_gather **gather)
{
	ouro__free(*gather);
	*gather = NULL;
}

void ouro__ws_forget_message(ouro_ws *ws)
{
	if (ws->part)
		forget(&ws->part->message);
}

void ouro__ws_forget_part(ouro_ws *ws)
{
	if (!ws->part)
		return;
	forget(&ws->part->message);
	forget(&ws->part->control);
	ouro__free(ws->part);
	ws->part = NULL;
}

/* ---- The end ---- */

/* Both have said it. */
static void part(ouro_ws *ws)
{
	ouro__ws_begin_end(ws, WS_DRAINING);
	if (!ws->terms->client)
		ouro_stream_end(&ws->stream);
}

static void fail(ouro_ws *ws, int code)
{
	int err = code == WS_TOO_BIG ? OURO_ETOOBIG : OURO_EPROTO;
	bool open = ws->state == WS_OPEN;

	ouro__ws_begin_end(ws, WS_DRAINING);
	if (open && ouro__ws_send_close(ws, code, (ouro_str){ "", 0 }) >= 0)
		ouro_stream_shutdown(&ws->stream);
	else
		ouro_stream_close(&ws->stream);
	ouro__ws_tell_end(ws, err, code, (ouro_str){ "", 0 });
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
	ouro__ws_tell_end(ws, OURO_EOF, code, reason);
}

/* ---- Whole messages ---- */

static void hand_out(ouro_ws *ws, const struct ws_piece *piece, ouro_str bytes)
{
	ouro_ws_message message = { .bytes = bytes,
				    .text = piece->op == WS_TEXT,
				    .more = !piece->last };

	if (!ws->fn || ws->state != WS_OPEN)
		return;
	ouro__ws_call(ws, CALL_FN(ws->fn));
	ws->fn(ws, 0, &message, ws->stream.base.arg);
	ouro__ws_called(ws);
}

static void hear_control(ouro_ws *ws, enum ws_op op, ouro_str payload)
{
	if (op == WS_CLOSE)
		hear_close(ws, payload);
	if (op == WS_PING && ws->state == WS_OPEN && !ouro_stream_is_full(&ws->stream))
		(void)ouro__ws_send(ws, WS_PONG, payload);
	if (op == WS_PONG && ws->state == WS_OPEN && ws->pong_fn) {
		ouro__ws_call(ws, CALL_FN(ws->pong_fn));
		ws->pong_fn(ws, payload, ws->stream.base.arg);
		ouro__ws_called(ws);
	}
}

static void hear_whole(ouro_ws *ws, const struct ws_piece *piece, ouro_str bytes)
{
	if (piece->op >= WS_CLOSE)
		hear_control(ws, piece->op, bytes);
	else
		hand_out(ws, piece, bytes);
}

/* ---- Parts ---- */

static struct ws_part *need_part(ouro_ws *ws)
{
	if (!ws->part)
		ws->part = ouro__alloc(sizeof(*ws->part));
	return ws->part;
}

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

static void hear_part(ouro_ws *ws, const struct ws_piece *piece)
{
	bool control = piece->op >= WS_CLOSE;
	struct ws_gather **gather, *whole;

	if (!need_part(ws)) {
		ouro__ws_lose(ws, -ENOMEM);
		return;
	}
	gather = control ? &ws->part->control : &ws->part->message;
	if (!append(gather, piece->bytes, piece->len)) {
		ouro__ws_lose(ws, -ENOMEM);
		return;
	}
	if (!piece->last)
		return;
	whole = *gather;
	*gather = NULL;
	hear_whole(ws, piece, ouro_str_n(whole->bytes, whole->len));
	ouro__free(whole);
}

static void hear(ouro_ws *ws, const struct ws_piece *piece)
{
	bool control = piece->op >= WS_CLOSE, pieces = ws->terms->pieces && !control, gathers;

	if (!control && (ws->state != WS_OPEN || (pieces && !piece->len && !piece->last)))
		return;
	gathers = ws->part && (control ? ws->part->control : ws->part->message);
	if (pieces || (piece->last && !gathers))
		hear_whole(ws, piece, ouro_str_n(piece->bytes, piece->len));
	else
		hear_part(ws, piece);
}

/* ---- What was read ---- */

static void begin_reading(const ouro_ws *ws, struct ws_reader *reader)
{
	if (ws->part)
		*reader = ws->part->reader;
	else
		ouro__ws_reader_start(reader, !ws->terms->client, ws->terms->frame_max,
				      ws->terms->message_max);
}

/* An idle one has none. */
static void keep_reading(ouro_ws *ws, const struct ws_reader *reader)
{
	if (ws_reader_is_at_rest(reader))
		ouro__ws_forget_part(ws);
	else if (need_part(ws))
		ws->part->reader = *reader;
	else
		ouro__ws_lose(ws, -ENOMEM);
}

void ouro__ws_hear(ouro_ws *ws, char *bytes, size_t n)
{
	struct ws_reader reader;
	struct ws_piece piece;
	int got = 1;

	ws->pinged = false;
	if (ws->state == WS_OPEN)
		due_begin(&ws->terms->silence, &ws->due);
	begin_reading(ws, &reader);
	while (got > 0 && ws->state != WS_DRAINING && !ws->paused && !ws_is_gone(ws)) {
		got = ouro__ws_read(&reader, &bytes, &n, &piece);
		if (got < 0)
			fail(ws, -got);
		if (got > 0)
			hear(ws, &piece);
	}
	if (ws->state == WS_DRAINING || ws_is_gone(ws))
		return;
	keep_reading(ws, &reader);
	if (n && ws->paused && ouro__stream_keep(&ws->stream, ouro_str_n(bytes, n)))
		ouro__ws_lose(ws, -ENOMEM); /* it was paused in the middle of it */
}
