/* ws_accept.c -- the server's side of the handshake. See ouro/ws.h. */
#include "http/encoded.h"
#include "http/guest.h"
#include "http/upgrade.h"
#include "http/ws.h"
#include <errno.h>

/* A field that must be there once. */
static bool is_single(const ouro_req *req, const char *name)
{
	return ouro_req_header(req, name).ptr && !ouro_req_header_nth(req, name, 1).ptr;
}

static bool may_come_from(const char *const *origins, ouro_str origin)
{
	if (!origins || !origin.ptr)
		return true;
	for (; *origins; origins++)
		if (ouro_str_caseeq(origin, *origins))
			return true;
	return false;
}

/* 0, or the status that it deserves. */
static int judge(const ouro_req *req, const ouro_ws_opts *opts)
{
	if (!ouro_str_eq(ouro_req_method(req), "GET"))
		return 405;
	if (!ouro__token_find(ouro_req_header(req, "Upgrade"), "websocket") ||
	    !ouro__token_find(ouro_req_header(req, "Connection"), "upgrade"))
		return 426;
	if (!is_single(req, "Sec-WebSocket-Version") ||
	    !ouro_str_eq(ouro_req_header(req, "Sec-WebSocket-Version"), "13"))
		return 426;
	if (!is_single(req, "Sec-WebSocket-Key") ||
	    !ouro__ws_is_key(ouro_req_header(req, "Sec-WebSocket-Key")))
		return 400;
	return may_come_from(opts->origins, ouro_req_header(req, "Origin")) ? 0 : 403;
}

static int refuse(ouro_req *req, int status)
{
	int err = 0;

	if (status == 426)
		err = ouro_req_set(req, "Sec-WebSocket-Version", ouro_str_z("13"));
	if (status == 405)
		err = ouro_req_set(req, "Allow", ouro_str_z("GET"));
	if (!err)
		err = ouro_req_status(req, status);
	else
		ouro_req_drop(req);
	return err ? err : -EINVAL;
}

/* Each Sec-WebSocket-Protocol is a list of them. */
static bool offers(const ouro_req *req, const char *protocol)
{
	static const char name[] = "Sec-WebSocket-Protocol";
	ouro_str list, token;

	for (unsigned n = 0; (list = ouro_req_header_nth(req, name, n)).ptr; n++)
		while (ouro__token_next(&list, &token))
			if (ouro_str_eq(token, protocol))
				return true;
	return false;
}

/* Its number in our list, from 1 on; 0: there is none in common. */
static uint16_t choose(const ouro_req *req, const char *const *ours)
{
	for (uint16_t i = 0; ours && ours[i] && i < UINT16_MAX; i++)
		if (offers(req, ours[i]))
			return i + 1;
	return 0;
}

static int upgrade(ouro_req *req, const ouro_ws_opts *opts, uint16_t protocol, ouro_ws **ret_ws)
{
	ouro_stream_opts marks = { .high = opts->high, .low = opts->low };
	char answer[WS_ACCEPT_LEN];
	ouro_stream *stream;
	int err;

	ouro__ws_accept(ouro_req_header(req, "Sec-WebSocket-Key"), answer);
	err = ouro_req_set(req, "Sec-WebSocket-Accept", ouro_str_n(answer, sizeof(answer)));
	if (!err && protocol)
		err = ouro_req_set(req, "Sec-WebSocket-Protocol",
				   ouro_str_z(opts->protocols[protocol - 1]));
	if (err) {
		ouro_req_drop(req);
		return err;
	}
	err = ouro__req_upgrade(req, "websocket", &marks, &ouro__ws_shape, &stream);
	if (err)
		return err;
	*ret_ws = list_of(stream, struct ouro_ws, stream);
	(*ret_ws)->protocol = protocol;
	return 0;
}

int ouro_ws_accept(ouro_req *req, const ouro_ws_opts *opts, ouro_ws **ret_ws)
{
	static const ouro_ws_opts defaults;
	struct ouro_server *server = ouro_req_server(req);
	ouro_ws *ws;
	int status, err;

	opts = opts ? opts : &defaults;
	status = judge(req, opts);
	if (status)
		return refuse(req, status);
	if (!server || !guests_are_welcome(server)) {
		err = ouro_req_status(req, 503);
		return err ? err : OURO_ECLOSED;
	}
	err = upgrade(req, opts, choose(req, opts->protocols), &ws);
	if (!err)
		err = ouro__ws_begin(ws, opts, server, false);
	if (err)
		return err;
	err = ouro__ws_opened(ws);
	if (err)
		ouro_ws_cut(ws);
	else
		*ret_ws = ws;
	return err;
}
