/* ws_send.c -- what a WebSocket sends. See ouro/ws.h.
 *
 * A short message is put together on the stack and copied into the stream's page; a long one, and
 * one that may have to make room for those behind it, is written once, into a block that the stream
 * borrows. So a message is queued, and dropped, whole or not at all.
 * The masks of a client come from the kernel, for the RFC wants them to be beyond guessing. */
#include "base/alloc.h"
#include "http/cast.h"
#include "http/ws.h"
#include <errno.h>
#include <sys/random.h>

#define SHORT 1024

/* In room for WS_HEAD_MAX more than the payload. How long it is. */
static size_t put(char *room, enum ws_op op, ouro_str payload, const uint8_t *key)
{
	size_t head = ouro__ws_head(room, op, payload.len, key);

	if (payload.len)
		memcpy(room + head, payload.ptr, payload.len);
	if (key)
		ouro__ws_mask(room + head, payload.len, key, 0);
	return head + payload.len;
}

/* May it be dropped for those that come later? */
static bool sheds(const ouro_ws *ws, enum ws_op op)
{
	return op < WS_CLOSE && ws->terms->queue_max && ws->terms->slow == OURO_SLOW_DROP_OLDEST;
}

static int64_t send_block(ouro_ws *ws, enum ws_op op, ouro_str payload, const uint8_t *key)
{
	struct cast *cast = payload.len < SIZE_MAX - WS_HEAD_MAX
				    ? ouro__cast_new(payload.len + WS_HEAD_MAX)
				    : NULL;
	int err;

	if (!cast)
		return -ENOMEM;
	cast->sheds = sheds(ws, op);
	cast->len = put(cast->bytes, op, payload, key);
	err = ouro__cast_queue(cast, &ws->stream.out, ws->stream.net, 0, cast->len);
	ouro__cast_drop(cast);
	return err ? err : ouro_stream_write(&ws->stream, (ouro_str){ "", 0 });
}

int64_t ouro__ws_send(ouro_ws *ws, enum ws_op op, ouro_str payload)
{
	char room[SHORT + WS_HEAD_MAX];
	uint8_t dice[4], *key = NULL;

	if (ws->terms->client) {
		if (getrandom(dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
			return -EAGAIN;
		key = dice;
	}
	if (payload.len > SHORT || sheds(ws, op))
		return send_block(ws, op, payload, key);
	return ouro_stream_write(&ws->stream, ouro_str_n(room, put(room, op, payload, key)));
}

int64_t ouro__ws_send_close(ouro_ws *ws, int code, ouro_str reason)
{
	char payload[WS_CONTROL_MAX] = { (char)(code >> 8), (char)code };

	if (code == WS_NO_CODE)
		return ouro__ws_send(ws, WS_CLOSE, (ouro_str){ "", 0 });
	if (reason.len)
		memcpy(payload + 2, reason.ptr, reason.len);
	return ouro__ws_send(ws, WS_CLOSE, ouro_str_n(payload, reason.len + 2));
}

int ouro__ws_refuse(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	if (ws->state == WS_OPENING && !ws->stream.base.closing)
		return -ENOTCONN;
	if (ws->state != WS_OPEN || ws->stream.base.closing)
		return OURO_ECLOSED;
	return ws->stream.err;
}

/* 0, or what becomes of who has no room for it. */
static int make_room(ouro_ws *ws, size_t len)
{
	size_t missed;
	int err;

	if (!ws->terms->queue_max)
		return 0;
	err = ouro__slow_make_room(&ws->stream.out, len + WS_HEAD_MAX, ws->terms->queue_max,
				   ws->terms->slow, &missed);
	if (!err || ws->terms->slow != OURO_SLOW_DROP_CLIENT)
		return err;
	ouro_ws_cut(ws);
	return OURO_ECLOSED;
}

static int64_t send_if(ouro_ws *ws, enum ws_op op, ouro_str bytes, bool good)
{
	int err = ouro__ws_refuse(ws);

	if (!err && !good)
		err = -EINVAL;
	if (!err && op < WS_CLOSE)
		err = bytes.len < SIZE_MAX - WS_HEAD_MAX ? make_room(ws, bytes.len) : -ENOMEM;
	return err ? err : ouro__ws_send(ws, op, bytes);
}

int64_t ouro_ws_text(ouro_ws *ws, ouro_str text)
{
	return send_if(ws, WS_TEXT, text, ouro__is_utf8(text.ptr, text.len));
}

int64_t ouro_ws_binary(ouro_ws *ws, ouro_str bytes)
{
	return send_if(ws, WS_BINARY, bytes, true);
}

int64_t ouro_ws_ping(ouro_ws *ws, ouro_str bytes)
{
	return send_if(ws, WS_PING, bytes, bytes.len <= WS_CONTROL_MAX);
}

size_t ouro_ws_queued(const ouro_ws *ws)
{
	ouro__ws_check(ws);
	return ouro_stream_queued(&ws->stream);
}
