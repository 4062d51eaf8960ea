/* upgrade.c -- a connection leaves HTTP and becomes a stream of the user's. See ouro/http.h. */
#include "http/upgrade.h"
#include "http/conn.h"
#include "http/encoded.h"
#include "http/reply.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>

static int put_switching(ouro_req *req, ouro_str protocol)
{
	struct net *net = req->http->net;
	char *room = ouro__req_room(req, protocol.len + 128);
	int len;

	if (!room)
		return -ENOMEM;
	len = snprintf(room, protocol.len + 128,
		       "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
		       "Upgrade: %.*s\r\n",
		       (int)protocol.len, protocol.ptr);
	return ouro__out_copy(&req->out, net, room, (size_t)len);
}

static int put_answer(ouro_req *req, ouro_str protocol)
{
	static const char connected[] = "HTTP/1.1 200 OK\r\n";
	int err;

	if (req->parse.method == HTTP_CONNECT)
		err = ouro__out_copy(&req->out, req->http->net, connected, sizeof(connected) - 1);
	else
		err = put_switching(req, protocol);
	if (!err)
		err = ouro__answer_fields(req, req->answer.fields);
	return err;
}

/* The first of the protocols that the client would like. */
static ouro_str asked_for(const ouro_req *req)
{
	ouro_str list = ouro_req_header(req, "Upgrade"), first;

	return ouro__token_next(&list, &first) ? first : ouro_str_z("");
}

static bool can_upgrade(const ouro_req *req, ouro_str protocol)
{
	if (!req->parse.upgrade || req->answer.state != ANSWER_NONE ||
	    req->body.state != BODY_WHOLE)
		return false;
	return req->parse.method == HTTP_CONNECT ||
	       (protocol.len && ouro__is_field_value(protocol));
}

/* The stream has the descriptor: the connection is left without. */
static int hand_over(ouro_req *req, const ouro_stream_opts *opts, const struct stream_shape *shape,
		     ouro_stream **ret_stream)
{
	struct conn *conn = req->conn;
	ouro_stream *stream;
	int err;

	if (conn->watched)
		ouro__watch_stop(&conn->watch);
	conn->watched = false;
	err = ouro__stream_adopt(req->http->loop, conn->watch.fd, opts,
				 ouro_str_n(req->bytes + req->begin, req->end - req->begin), shape,
				 &stream);
	if (err)
		return err;
	conn->hand_over = true;
	stream->out = req->out; /* the answer is the first that it sends */
	req->out = (struct out){ NULL, NULL, 0 };
	stream_flush_soon(stream);
	*ret_stream = stream;
	return 0;
}

int ouro__req_upgrade(ouro_req *req, const char *protocol, const ouro_stream_opts *opts,
		      const struct stream_shape *shape, ouro_stream **ret_stream)
{
	ouro_str name;
	int err;

	req_check(req);
	name = protocol ? ouro_str_z(protocol) : asked_for(req);
	err = ouro__answer_possible(req);
	if (!err && !can_upgrade(req, name))
		err = -EINVAL;
	if (err)
		return err;
	err = put_answer(req, name);
	if (!err)
		err = hand_over(req, opts, shape, ret_stream);
	req->answer.status = req->parse.method == HTTP_CONNECT ? 200 : 101;
	ouro__answer_cut(req); /* as far as HTTP goes, this connection is over */
	return err;
}

int ouro_req_upgrade(ouro_req *req, const char *protocol, ouro_stream **ret_stream)
{
	static const ouro_stream_opts defaults;

	return ouro__req_upgrade(req, protocol, &defaults, &ouro__plain_shape, ret_stream);
}
