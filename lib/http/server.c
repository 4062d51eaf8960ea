/* server.c -- a listening socket, its limits, and its end. See ouro/http.h, core.h.
 *
 * A server ends in two steps. From close on nothing is accepted, what is idle is closed, and every
 * answer is the last of its connection. When no connection is left, or the deadline cuts those that
 * are, the handle settles: on_close is told, and the memory goes in the close phase. */
#include "base/alloc.h"
#include "base/check.h"
#include "http/conn.h"
#include "http/guest.h"
#include "http/req.h"
#include "http/serve.h"
#include "http/shed.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include "sys/sock.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define URL_ROOM 256

/* The handle. */

static const void *server_callee(const struct handle *handle)
{
	const struct ouro_server *server = (const struct ouro_server *)handle;

	return CALL_FN(server->opts.on_request);
}

static int server_number(const struct handle *handle)
{
	const struct ouro_server *server = (const struct ouro_server *)handle;

	return server->acceptor.count ? server->acceptor.sockets[0].watch.fd : -1;
}

static bool server_is_idle(const struct handle *handle)
{
	return server_is_empty((const struct ouro_server *)handle);
}

static void server_stop(struct handle *handle);

static const struct handle_type server_type = {
	.kind = "http server",
	.magic = 0x73727621u,
	.callee = server_callee,
	.number = server_number,
	.stop = server_stop,
	.is_idle = server_is_idle,
	.parks = true,
};

void ouro__server_check(const ouro_server *server)
{
	handle_check(server, server_type);
}

/* Connections. */

static void make_room(struct ouro_server *server)
{
	struct list *idle = &server->dues[DUE_idle].list;

	if (!list_empty(idle))
		ouro__conn_cut(list_of(idle->next, struct conn, due.link), OURO_ECANCELED);
}

static bool starved(struct acceptor *acceptor)
{
	struct ouro_server *server = list_of(acceptor, struct ouro_server, acceptor);
	uint64_t before = server->stats.connections;

	make_room(server);
	return server->stats.connections < before;
}

static bool is_full(const struct ouro_server *server)
{
	return server->opts.connections_max &&
	       server->stats.connections >= server->opts.connections_max;
}

static void accepted(struct acceptor *acceptor, int fd, const ouro_addr *peer)
{
	struct ouro_server *server = list_of(acceptor, struct ouro_server, acceptor);

	if (ouro__conn_open(server, fd, peer, !server->draining))
		close(fd);
	if (is_full(server))
		make_room(server);
	if (is_full(server)) {
		server->full = true;
		ouro__acceptor_pause(acceptor);
	}
}

bool ouro__server_conn_began(struct ouro_server *server, struct conn *conn, const ouro_addr *peer)
{
	unsigned most = server->opts.per_address;

	if (most && ouro__peers_enter(&server->hosts, peer, most, &conn->counted))
		return false;
	server->stats.accepted++;
	server->stats.connections++;
	return true;
}

void ouro__server_conn_ended(struct ouro_server *server, struct conn *conn)
{
	ouro__peers_leave(&server->hosts, conn->counted);
	server->stats.connections--;
	if (server->ending && server_is_empty(server))
		ouro__handle_settled(&server->base);
	if (server->ending)
		return;
	if (server->full && !is_full(server)) {
		server->full = false;
		ouro__acceptor_resume(&server->acceptor);
	}
	ouro__acceptor_freed(&server->acceptor);
}

/* The end. */

static void cut_all(struct ouro_server *server)
{
	for (int kind = 0; kind < DUE_COUNT; kind++) {
		struct list batch, *link;

		list_init(&batch);
		list_move_all(&batch, &server->dues[kind].list);
		while ((link = list_shift(&batch))) {
			struct conn *conn = list_of(link, struct conn, due.link);

			if (conn->req)
				server->report.cut++;
			conn_set_due_kind(conn, DUE_COUNT);
			ouro__conn_cut(conn, OURO_ECANCELED);
		}
	}
	ouro__guests_cut(server);
}

static void time_is_up(ouro_loop *loop, void *arg)
{
	(void)loop;
	cut_all(arg);
}

static void ask_all_to_end(struct ouro_server *server)
{
	for (int kind = 0; kind < DUE_COUNT; kind++)
		list_each_safe (at, &server->dues[kind].list)
			ouro__conn_ask_to_end(list_of(at, struct conn, due.link));
}

#define DRAIN_MOST 4096

static void stop_listening(struct ouro_server *server)
{
	server->draining = !server->base.loop->ending;
	if (server->draining)
		ouro__acceptor_drain(&server->acceptor, DRAIN_MOST);
	ouro__acceptor_close(&server->acceptor);
}

static void server_stop(struct handle *handle)
{
	struct ouro_server *server = (struct ouro_server *)handle;

	if (server->listening)
		stop_listening(server);
	server->leaving = server->ending = true;
	ouro_timer_stop(server->base.loop, server->delay);
	server->report.finished = server->stats.requests;
	if (server->base.loop->ending) {
		cut_all(server);
		return;
	}
	ouro__guests_tell(server);
	ask_all_to_end(server);
}

void ouro__server_cut(struct ouro_server *server)
{
	if (!server->base.closing)
		ouro__handle_close(&server->base);
	cut_all(server);
}

/* What a request has of the router goes with it, but for names, which it may be asked for. */
static void leave_router(ouro_req *req)
{
	struct match *match = &req->match;

	if (match->pattern)
		match->pattern = ouro__req_copy(req, ouro_str_z(match->pattern));
	for (unsigned i = 0; i < match->params; i++) {
		struct match_param *param = &match->param[i];

		param->name = ouro__req_copy(req, ouro_str_n(param->name, param->name_len));
		if (!param->name)
			match->params = (uint8_t)i;
	}
	match->route = NULL;
	match->chain = NULL;
	match->links = 0;
}

/* What handlers still have goes on without us. */
static void leave_requests(struct ouro_server *server)
{
	struct list *link;

	while ((link = list_shift(&server->waiting))) {
		ouro_req *req = list_of(link, ouro_req, link);

		leave_router(req);
		shed_leave(req);
		req->server = NULL;
		list_push(&server->http->orphans, link);
	}
}

static void unhook_all(struct ouro_server *server)
{
	struct list *link;

	while ((link = list_shift(&server->hooks))) {
		struct done_hook *hook = list_of(link, struct done_hook, link);

		hook->unhook(hook);
	}
}

void ouro__server_hook(ouro_server *server, struct done_hook *hook)
{
	handle_check(server, server_type);
	list_push(&server->hooks, &hook->link);
}

bool ouro__server_is_closing(const ouro_server *server)
{
	handle_check(server, server_type);
	return server->base.closing;
}

static void free_parts(struct ouro_server *server)
{
	leave_requests(server);
	unhook_all(server);
	list_remove(&server->link);
	ouro_timer_stop(server->base.loop, server->deadline);
	ouro_timer_stop(server->base.loop, server->delay);
	for (int kind = 0; kind < DUE_COUNT; kind++)
		ouro__due_list_end(&server->dues[kind]);
	ouro__due_list_end(&server->request_dues);
	ouro__due_list_end(&server->answer_dues);
	if (server->router)
		server->router_type->free(server->router);
	ouro__peers_free(&server->hosts);
	ouro__shed_free(server->shed);
	ouro__free(server->url);
}

/* The handle's last call. */
static void gone(void *arg)
{
	struct ouro_server *server = arg;
	struct http *http = server->http;
	ouro_server_end_fn *fn = server->on_end;
	ouro_server_report report = server->report;

	report.requests = server->stats.requests;
	report.finished = server->stats.requests - server->report.finished;
	free_parts(server);
	if (fn)
		fn(&report, server->opts.arg);
	ouro__servers_add_up(http, &report);
}

void ouro_server_close(ouro_server *server, unsigned deadline_ms)
{
	ouro_loop *loop;

	if (!server)
		return;
	handle_check(server, server_type);
	loop = server->base.loop;
	ouro__handle_close(&server->base);
	if (deadline_ms == OURO_NEVER || server_is_empty(server))
		return;
	if (ouro_timer_left(loop, server->deadline) < deadline_ms * NS_PER_MS)
		return;
	ouro_timer_stop(loop, server->deadline);
	server->deadline = ouro_timer_after(loop, deadline_ms, time_is_up, server);
	if (!server->deadline.id)
		cut_all(server);
}

static void delay_is_over(ouro_loop *loop, void *arg)
{
	struct ouro_server *server = arg;

	(void)loop;
	ouro_server_close(server, server->deadline_ms);
}

void ouro_server_close_after(ouro_server *server, unsigned delay_ms, unsigned deadline_ms)
{
	ouro_loop *loop;

	if (!server)
		return;
	handle_check(server, server_type);
	loop = server->base.loop;
	if (server->ending || !delay_ms) {
		ouro_server_close(server, deadline_ms);
		return;
	}
	if (server->leaving && ouro_timer_left(loop, server->delay) < delay_ms * NS_PER_MS)
		return;
	server->leaving = true;
	server->deadline_ms = deadline_ms;
	ouro_timer_stop(loop, server->delay);
	server->delay = ouro_timer_after(loop, delay_ms, delay_is_over, server);
	if (!server->delay.id)
		ouro_server_close(server, deadline_ms);
}

/* The beginning. */

static void init_dues(struct ouro_server *server)
{
	const ouro_http_opts *opts = &server->opts;
	const struct {
		unsigned ms;
		const char *name;
	} dues[DUE_COUNT] = {
		[DUE_open] = { OURO_NEVER, "open connections" },
		[DUE_idle] = { opts->idle_ms, "idle connections" },
		[DUE_head] = { opts->head_ms, "unfinished heads" },
		[DUE_body] = { opts->body_ms, "slow bodies" },
		[DUE_write] = { opts->write_ms, "slow readers" },
		[DUE_linger] = { opts->linger_ms, "lingering connections" },
	};

	for (int kind = 0; kind < DUE_COUNT; kind++)
		ouro__due_list_init(&server->dues[kind], server->base.loop, dues[kind].ms,
				    ouro__conn_overdue, dues[kind].name);
	ouro__due_list_init(&server->request_dues, server->base.loop, opts->request_ms,
			    ouro__req_overdue, "slow requests");
	ouro__due_list_init(&server->answer_dues, server->base.loop, opts->answer_ms,
			    ouro__answer_overdue, "slow answers");
}

static int listen_at(struct ouro_server *server)
{
	const ouro_http_opts *opts = &server->opts;
	ouro_listen_opts at = {
		.host = opts->host,
		.port = opts->port,
		.unix_path = opts->unix_path,
		.unix_mode = opts->unix_mode,
		.fd = opts->fd,
		.backlog = opts->backlog,
		.reuse_port = opts->reuse_port,
		.v6_only = opts->v6_only,
	};
	int err = ouro__acceptor_open(&server->acceptor, server->base.loop, &at, accepted, starved);

	server->listening = !err;
	return err;
}

static int write_url(struct ouro_server *server)
{
	const ouro_addr *addr = &server->acceptor.local;
	char text[OURO_ADDR_TEXT] = "", *url = ouro__alloc(URL_ROOM);

	if (!url)
		return -ENOMEM;
	server->url = url;
	if (server->opts.unix_path)
		snprintf(url, URL_ROOM, "unix:%s", server->opts.unix_path);
	else if (!server->listening)
		snprintf(url, URL_ROOM, "http://localhost/");
	else if (!server->opts.host && !server->opts.fd)
		snprintf(url, URL_ROOM, "http://localhost:%u/", ouro_addr_port(addr));
	else
		snprintf(url, URL_ROOM,
			 addr->sa.any.sa_family == AF_INET6 ? "http://[%s]:%u/" : "http://%s:%u/",
			 ouro_addr_text(addr, text, sizeof(text)), ouro_addr_port(addr));
	return 0;
}

/* It could not be opened: as if it never had been. The router stays the caller's. */
static int undo(struct ouro_server *server, int err)
{
	if (server->listening)
		ouro__acceptor_close(&server->acceptor);
	server->router = NULL;
	free_parts(server);
	ouro__handle_drop(&server->base);
	return err;
}

int ouro__server_open(ouro_loop *loop, const ouro_http_opts *opts, bool listen,
		      const struct router_type *type, void *router, ouro_server **ret_server)
{
	struct http *http = ouro__http_of(loop);
	ouro_http_opts filled = opts ? *opts : (ouro_http_opts){ 0 };
	struct ouro_server *server;
	int err;

	err = ouro__server_options(loop, &filled);
	if (err || !http)
		return err ? err : -ENOMEM;
	server = ouro__handle_new(loop, &server_type, sizeof(*server), NULL, &err);
	if (!server)
		return err;
	server->base.arg = server;
	server->base.on_close = gone;
	server->http = http;
	server->opts = filled;
	server->stream_max = opts && opts->body_max ? filled.body_max : SIZE_MAX;
	server->limits =
		(struct head_limits){ filled.head_max, filled.target_max, filled.fields_max };
	server->router_type = type;
	server->router = router;
	rest_chain_set(&server->rest, &filled);
	list_init(&server->waiting);
	list_init(&server->feeds);
	list_init(&server->hooks);
	init_dues(server);
	list_push(&http->servers, &server->link);
	err = listen ? listen_at(server) : 0;
	if (!err)
		err = write_url(server);
	if (!err && filled.shed)
		err = ouro__shed_open(server);
	if (err)
		return undo(server, err);
	if (ret_server)
		*ret_server = server;
	return 0;
}

/* The manual's. */

int ouro_server_adopt(ouro_server *server, int fd)
{
	ouro_addr peer;
	int err;

	handle_check(server, server_type);
	if (server->base.closing)
		return OURO_ECLOSED;
	err = ouro__sock_adopt(fd);
	if (!err)
		err = ouro__sock_peer(fd, &peer);
	if (err)
		return err;
	return ouro__conn_open(server, fd, &peer, false);
}

void ouro_server_on_close(ouro_server *server, ouro_server_end_fn *fn)
{
	handle_check(server, server_type);
	server->on_end = fn;
}

uint16_t ouro_server_port(const ouro_server *server)
{
	handle_check(server, server_type);
	return server->listening ? ouro_addr_port(&server->acceptor.local) : 0;
}

const char *ouro_server_url(const ouro_server *server)
{
	handle_check(server, server_type);
	return server->url;
}

ouro_loop *ouro_server_loop(const ouro_server *server)
{
	handle_check(server, server_type);
	return server->base.loop;
}

bool ouro_server_is_ending(const ouro_server *server)
{
	handle_check(server, server_type);
	return server->leaving;
}

void ouro_server_hold(ouro_server *server, bool hold)
{
	handle_check(server, server_type);
	ouro__handle_hold(&server->base, hold);
}

int ouro_server_set_name(ouro_server *server, const char *name)
{
	handle_check(server, server_type);
	return ouro__handle_name(&server->base, name);
}

void ouro_server_get_stats(const ouro_server *server, ouro_server_stats *ret_stats)
{
	handle_check(server, server_type);
	*ret_stats = server->stats;
	ret_stats->shed = server->shed ? server->shed->figures.shed : 0;
}

static void show(const struct conn *conn, ouro_connection_fn *fn, void *arg)
{
	ouro_connection shown = { .step = ouro__conn_step_name(conn),
				  .waits_for = ouro__conn_waits_for(conn),
				  .requests = conn->requests,
				  .fd = conn->watch.fd };

	if (conn->req)
		shown.route = conn->req->match.pattern;
	ouro__origin_addr(&conn->origin, &shown.peer);
	fn(&shown, arg);
}

size_t ouro_server_connections(const ouro_server *server, ouro_connection_fn *fn, void *arg)
{
	handle_check(server, server_type);
	for (int kind = 0; fn && kind < DUE_COUNT; kind++)
		list_each (at, &server->dues[kind].list)
			show(list_of(at, struct conn, due.link), fn, arg);
	return server->stats.connections;
}
