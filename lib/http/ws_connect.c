/* ws_connect.c -- the client's side of the handshake. See ouro/ws.h.
 *
 * The answer is read by the reader of response.h, as strict as for any other; what comes behind its
 * head are frames already. Until it is open the WebSocket has a struct dial; the user is told once,
 * and then the dial goes. */
#include "base/alloc.h"
#include "base/base64.h"
#include "http/encoded.h"
#include "http/fetch.h"
#include "http/fetch_url.h"
#include "http/response.h"
#include "http/ws.h"
#include "loop/call.h"
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#define HEAD_MAX 8192

struct dial {
	ouro_ws_connect_fn *fn;
	char accept[WS_ACCEPT_LEN];
	struct response response;
	uint32_t len;
	char head[HEAD_MAX];
};

void ouro__dial_free(struct dial *dial)
{
	ouro__free(dial);
}

/* The one word about it. */
static void tell(ouro_ws *ws, int err)
{
	struct dial *dial = ws->dial;
	ouro_loop *loop = ws->stream.base.loop;

	ws->dial = NULL;
	if (err) {
		ws->state = WS_DRAINING;
		ouro_stream_close(&ws->stream);
	}
	call_begin(loop, OURO_PHASE_IO, CALL_FN(dial->fn), (struct cause){ "WebSocket", -1, NULL },
		   ws->stream.base.label);
	dial->fn(ws, err, ws->stream.base.arg);
	call_end(loop);
	ouro__free(dial);
}

void ouro__dial_overdue(ouro_ws *ws)
{
	tell(ws, OURO_ETIMEOUT);
}

/* ---- The answer ---- */

static ouro_str field(const struct dial *dial, const char *name)
{
	const struct parse *parse = &dial->response.parse;
	int at = ouro__head_find(parse, dial->head, ouro_str_z(name), 0);

	if (at < 0)
		return (ouro_str){ NULL, 0 };
	return ouro_str_n(dial->head + parse->fields[at].value, parse->fields[at].value_len);
}

static int take_protocol(ouro_ws *ws)
{
	ouro_str chosen = field(ws->dial, "Sec-WebSocket-Protocol");
	const char *const *ours = ws->terms->protocols;

	if (!chosen.ptr)
		return 0;
	for (uint16_t i = 0; ours && ours[i] && i < UINT16_MAX; i++)
		if (ouro_str_eq(chosen, ours[i]))
			ws->protocol = i + 1;
	return ws->protocol ? 0 : OURO_EPROTO;
}

static int judge(ouro_ws *ws, uint32_t head_len)
{
	struct dial *dial = ws->dial;
	ouro_str accept = field(dial, "Sec-WebSocket-Accept");
	int err = ouro__response_settle(&dial->response, dial->head, head_len, false);

	if (err)
		return err;
	if (dial->response.status != 101 || accept.len != WS_ACCEPT_LEN ||
	    memcmp(accept.ptr, dial->accept, WS_ACCEPT_LEN) != 0 ||
	    field(dial, "Sec-WebSocket-Extensions").ptr)
		return OURO_EPROTO;
	if (!ouro_str_caseeq(field(dial, "Upgrade"), "websocket") ||
	    !ouro__token_find(field(dial, "Connection"), "upgrade"))
		return OURO_EPROTO;
	return take_protocol(ws);
}

/* The first frames may have come with the answer: they wait for the user to ask. */
static void open_it(ouro_ws *ws, const char *rest, size_t n)
{
	int err = n ? ouro__stream_keep(&ws->stream, ouro_str_n(rest, n)) : 0;

	if (!err)
		err = ouro__ws_opened(ws);
	ws->stream.reads = false;
	ouro__stream_update(&ws->stream);
	tell(ws, err);
}

void ouro__dial_read(ouro_ws *ws, int err, ouro_str bytes)
{
	struct dial *dial = ws->dial;
	size_t before = dial->len, n = bytes.len;
	int got;

	if (!err && n > HEAD_MAX - before)
		n = HEAD_MAX - before;
	if (!err && n)
		memcpy(dial->head + before, bytes.ptr, n);
	dial->len += err ? 0 : (uint32_t)n;
	got = err ? err : ouro__response_scan(&dial->response, HEAD_MAX, dial->head, dial->len);
	if (got > 0)
		err = judge(ws, (uint32_t)got);
	else if (got < 0 || dial->len == HEAD_MAX)
		err = got < 0 && got != OURO_EOF ? got : OURO_EPROTO;
	if (err)
		tell(ws, err == OURO_EOF ? OURO_EPROTO : err);
	else if (got > 0)
		open_it(ws, bytes.ptr + ((size_t)got - before), bytes.len - ((size_t)got - before));
}

static void on_connect(ouro_stream *stream, int err, void *arg)
{
	(void)arg;
	if (!err)
		err = ouro__stream_listen(stream);
	if (err)
		tell(list_of(stream, struct ouro_ws, stream), err);
}

/* ---- The request ---- */

static int put_protocols(ouro_buf *buf, const char *const *protocols)
{
	int err = 0;

	for (const char *const *at = protocols; at && *at && !err; at++)
		err = ouro_buf_printf(buf, "%s%s",
				      at == protocols ? "Sec-WebSocket-Protocol: " : ", ", *at);
	return err || !protocols || !*protocols ? err : ouro_buf_append(buf, "\r\n", 2);
}

static bool is_ours(ouro_str name)
{
	static const char *const ours[] = { "Host",
					    "Connection",
					    "Upgrade",
					    "Sec-WebSocket-Key",
					    "Content-Length",
					    "Sec-WebSocket-Version",
					    "Keep-Alive",
					    "Sec-WebSocket-Protocol",
					    "TE",
					    "Sec-WebSocket-Extensions",
					    "Trailer",
					    "Sec-WebSocket-Accept",
					    "Expect",
					    "Transfer-Encoding",
					    NULL };

	return ouro__is_one_of(name, ours);
}

static int put_fields(ouro_buf *buf, const ouro_field *field)
{
	int err = 0;

	for (; field && field->name && !err; field++) {
		ouro_str name = ouro_str_z(field->name);

		if (!ouro__is_field_name(name) || !ouro__is_field_value(field->value) ||
		    is_ours(name))
			return -EINVAL;
		err = ouro_buf_printf(buf, "%s: %.*s\r\n", field->name, (int)field->value.len,
				      field->value.len ? field->value.ptr : "");
	}
	return err;
}

static int put_request(ouro_buf *buf, const struct url *url, ouro_str key, const ouro_ws_opts *opts)
{
	int err = ouro_buf_printf(buf,
				  "GET %s%.*s%.*s HTTP/1.1\r\nHost: %.*s\r\n"
				  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
				  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\n",
				  url->path.len ? "" : "/", (int)url->path.len, url->path.ptr,
				  (int)url->query.len, url->query.ptr, (int)url->authority.len,
				  url->authority.ptr, (int)key.len, key.ptr);

	if (!err)
		err = put_protocols(buf, opts->protocols);
	if (!err)
		err = put_fields(buf, opts->fields);
	return err ? err : ouro_buf_append(buf, "\r\n", 2);
}

static int ask(ouro_ws *ws, const struct url *url, const ouro_ws_opts *opts)
{
	char key[WS_KEY_LEN];
	uint8_t dice[16];
	ouro_buf *buf;
	int64_t err;

	if (getrandom(dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
		return -EAGAIN;
	ouro__base64_encode(dice, sizeof(dice), key);
	ouro__ws_accept(ouro_str_n(key, sizeof(key)), ws->dial->accept);
	buf = ouro_buf_new();
	if (!buf)
		return -ENOMEM;
	err = put_request(buf, url, ouro_str_n(key, sizeof(key)), opts);
	if (!err)
		err = ouro_stream_write(&ws->stream, ouro_buf_str(buf));
	ouro_buf_free(buf);
	return err < 0 ? (int)err : 0;
}

static int prepare(ouro_ws *ws, const struct url *url, const ouro_ws_opts *opts,
		   ouro_ws_connect_fn *fn)
{
	int err;

	ws->dial = ouro__alloc(sizeof(*ws->dial));
	if (!ws->dial)
		return -ENOMEM;
	ws->dial->fn = fn;
	ouro__response_start(&ws->dial->response);
	err = ouro__ws_due_begin(ws);
	return err ? err : ask(ws, url, opts);
}

static int start(ouro_loop *loop, const struct url *url, const ouro_ws_opts *opts,
		 ouro_ws_connect_fn *fn, void *arg, ouro_ws **ret_ws)
{
	char host[256];
	ouro_connect_opts to = { .host = host, .port = url->port };
	ouro_stream *stream;
	ouro_ws *ws;
	int err;

	if (url->host.len >= sizeof(host))
		return -EINVAL;
	memcpy(host, url->host.ptr, url->host.len);
	host[url->host.len] = 0;
	if (opts->unix_path)
		to = (ouro_connect_opts){ .unix_path = opts->unix_path };
	to.stream.high = opts->high;
	to.stream.low = opts->low;
	err = ouro__connect(loop, &to, on_connect, arg, &ouro__ws_shape, &stream);
	if (err)
		return err;
	ws = list_of(stream, struct ouro_ws, stream);
	err = ouro__ws_begin(ws, opts, NULL, true);
	if (err)
		return err;
	err = prepare(ws, url, opts, fn);
	if (err)
		ouro_ws_cut(ws);
	else
		*ret_ws = ws;
	return err;
}

int ouro_ws_connect(ouro_loop *loop, const char *url, const ouro_ws_opts *opts,
		    ouro_ws_connect_fn *fn, void *arg, ouro_ws **ret_ws)
{
	static const ouro_ws_opts defaults;
	size_t room = strlen(url) + 8, len;
	bool plain = !strncmp(url, "ws:", 3);
	struct url parts;
	char *text;
	int err;

	if (!plain)
		return strncmp(url, "wss:", 4) ? -EINVAL : -EPROTONOSUPPORT;
	text = ouro__realloc(NULL, room);
	if (!text)
		return -ENOMEM;
	snprintf(text, room, "http%s", url + 2);
	err = ouro__url_parse(ouro_str_z(text), &parts, &len);
	if (!err)
		err = start(loop, &parts, opts ? opts : &defaults, fn, arg, ret_ws);
	ouro__free(text);
	return err;
}
