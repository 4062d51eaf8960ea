/* find.c -- from a settled head to what its route says. See serve.h, server.h. */
#include "http/conn.h"
#include "http/encoded.h"
#include "http/req.h"
#include "http/serve.h"

/* May it have a dot segment? */
static bool has_dots(ouro_str path)
{
	const char *end = path.ptr + path.len;

	for (const char *dot = path.ptr; (dot = memchr(dot, '.', (size_t)(end - dot))); dot++)
		if (dot > path.ptr && dot[-1] == '/')
			return true;
	return false;
}

/* 0, or the status. */
static int decode_path(ouro_req *req)
{
	char *room = ouro__req_room(req, req->path.len + 1);
	int len = room ? ouro__path_decode(req->path, room) : -503;

	if (len < 0)
		return -len;
	room[len] = 0;
	req->path_z = room;
	req->path = ouro_str_n(room, (size_t)len);
	return 0;
}

/* "example.org" of "example.org:80", "[::1]" of "[::1]:80". */
static ouro_str without_port(ouro_str host)
{
	for (size_t i = host.len; i-- && host.ptr[i] != ']';)
		if (host.ptr[i] == ':')
			return ouro_str_n(host.ptr, i);
	return host;
}

static bool is_ours(const ouro_req *req)
{
	ouro_str host = ouro_str_n(req->head + req->parse.host, req->parse.host_len);

	host = without_port(host);
	for (const char *const *at = req->server->opts.hosts; *at; at++)
		if (ouro_str_caseeq(host, *at))
			return true;
	return false;
}

int ouro__server_find(ouro_req *req)
{
	struct ouro_server *server = req->server;
	const char *allow = NULL;
	int status;

	if (server->opts.hosts && !is_ours(req))
		return 421;
	if (server->opts.length_required && req->parse.kind == BODY_CHUNKED)
		return 411;
	req->path = ouro_str_n(req->head + req->parse.path, req->parse.path_len);
	if (req->path.ptr[0] == '/' && (req->parse.escaped || has_dots(req->path))) {
		status = decode_path(req);
		if (status)
			return status;
	}
	if (!server->router) {
		req->match.chain = server->rest.link;
		req->match.links = server->rest.links;
		if (!server->rest.links)
			return 404;
		return req->parse.method == HTTP_CONNECT ? 501 : 0;
	}
	status = server->router_type->find(server->router, ouro_req_method(req), req->path,
					   &req->match, &allow);
	if (allow)
		ouro_req_set(req, "Allow", ouro_str_z(allow));
	return status;
}

bool ouro__server_streams(const ouro_req *req)
{
	return req->match.route ? req->match.route->stream : req->server->opts.stream;
}

size_t ouro__server_body_max(const ouro_req *req)
{
	const ouro_route *route = req->match.route;

	if (route && route->body_max)
		return route->body_max == OURO_NEVER ? SIZE_MAX : route->body_max;
	if (route)
		return route->stream ? SIZE_MAX : req->server->opts.body_max;
	return req->server->opts.stream ? req->server->stream_max : req->server->opts.body_max;
}

static void answer_is_late(ouro_loop *loop, void *arg)
{
	(void)loop;
	((ouro_req *)arg)->answer_timer.id = 0;
	ouro__answer_overdue(&((ouro_req *)arg)->answer_due);
}

void ouro__server_time_answer(ouro_req *req)
{
	struct ouro_server *server = req->server;
	const ouro_route *route = req->match.route;

	if (route && route->answer_ms && route->answer_ms != OURO_NEVER) {
		req->answer_timer =
			ouro_timer_after(server->base.loop, route->answer_ms, answer_is_late, req);
		ouro_timer_hold(server->base.loop, req->answer_timer, false);
	} else if (!(route && route->answer_ms) && server->answer_dues.span != UINT64_MAX) {
		due_begin(&server->answer_dues, &req->answer_due);
	}
}
