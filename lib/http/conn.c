/* conn.c -- a connection advances step by step. See core.h for the steps, conn.h.
 *
 * An event (bytes, room for bytes, something a handler did) leads to ouro__conn_work(): the steps
 * run for as long as one leads to another, then what they wrote leaves in one write, then the
 * connection says what it waits for next. The steps look at nothing but what has been read.
 *
 * Nothing else frees a connection, so a handler deep inside may do to it what it likes. */
#include "http/conn.h"
#include "base/check.h"
#include "http/intake.h"
#include "http/reply.h"
#include "http/req.h"
#include "http/save.h"
#include "http/serve.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include "sys/sock.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a peer that takes everything at once may have more of it in one event. */
#define ROUNDS 8

typedef enum conn_step conn_step_fn(struct conn *conn);

#define X(name, waits) static conn_step_fn step_##name;
CONN_STEPS(X)
#undef X

static const struct {
	const char *name, *waits;
	conn_step_fn *run;
} steps[] = {
#define X(name, waits) { #name, waits, step_##name },
	CONN_STEPS(X)
#undef X
};

/* A step answers with the next one; with itself: wait for an event. */
static void advance(struct conn *conn)
{
	uint8_t was;

	do {
		was = conn->step;
		conn->step = (uint8_t)steps[was].run(conn);
	} while (conn->step != was);
}

/* The steps. */

static bool has_input(const struct conn *conn)
{
	return conn->req && conn->req->begin < conn->req->end;
}

static enum conn_step step_idle(struct conn *conn)
{
	if (!has_input(conn)) {
		bool silent = !conn->req || out_is_empty(&conn->req->out);

		if (conn->peer_shut || conn->server->ending || conn->last)
			return silent ? CONN_closed : CONN_flush;
		return CONN_idle;
	}
	if (conn->in_turn >= conn->server->opts.pipeline_max) {
		conn->asked_more = true;
		return CONN_idle;
	}
	conn->in_turn++;
	conn->req->began = call_now(conn->req->http->loop);
	if (conn->server->request_dues.span != UINT64_MAX)
		due_begin(&conn->server->request_dues, &conn->req->request_due);
	return CONN_head;
}

/* The answer is an error that no handler gives, and the last. */
static enum conn_step refuse(struct conn *conn, int status)
{
	ouro_req *req = conn->req;

	conn->last = true;
	conn->server->stats.refused++;
	if (req->answer.state != ANSWER_NONE || ouro__answer_status(req, status))
		return CONN_closed;
	return CONN_flush;
}

static void settle_connection(struct conn *conn, const struct parse *parse)
{
	unsigned most = conn->server->opts.connection_requests;

	conn->requests++;
	if (parse->method == HTTP_CONNECT) /* what follows is for the tunnel, granted or not */
		conn->last = true;
	if (!parse->keep_alive || conn->server->ending || (most && conn->requests >= most))
		conn->last = true;
}

static enum conn_step begin_answer(struct conn *conn)
{
	ouro_req *req = conn->req;

	req->owned = req->proceed = true;
	ouro__server_time_answer(req);
	ouro__req_run(req);
	return CONN_answer;
}

/* The head is settled: who answers it, and what of its body? */
static enum conn_step route(struct conn *conn)
{
	ouro_req *req = conn->req;
	int status = ouro__server_find(req);

	if (!status)
		status = ouro__intake_start(req, ouro__server_streams(req),
					    ouro__server_body_max(req));
	if (status) {
		if (req->parse.kind != BODY_NONE && !req->parse.done)
			return refuse(conn, status);
		ouro__answer_status(req, status);
		return CONN_answer;
	}
	if (req->body.state == BODY_READING) {
		ouro__intake_continue(req);
		return CONN_body;
	}
	return begin_answer(conn);
}

static enum conn_step settle(struct conn *conn, uint32_t len)
{
	ouro_req *req = conn->req;
	int status = -ouro__head_settle(&req->parse, req->bytes + req->begin, len);

	if (status)
		return refuse(conn, status);
	req->head = req->bytes + req->begin;
	req->head_len = len;
	req->begin += len;
	req->base = req->begin;
	req->head[req->parse.skipped + req->parse.method_len] = 0;
	req->head[req->parse.target + req->parse.target_len] = 0;
	settle_connection(conn, &req->parse);
	return route(conn);
}

static enum conn_step step_head(struct conn *conn)
{
	ouro_req *req = conn->req;
	int len = ouro__head_scan(&req->parse, &conn->server->limits, req->bytes + req->begin,
				  req->end - req->begin);

	if (len < 0)
		return refuse(conn, -len);
	if (len > 0)
		return settle(conn, (uint32_t)len);
	if (req->refuse)
		return refuse(conn, req->refuse);
	return conn->peer_shut ? CONN_closed : CONN_head;
}

static enum conn_step step_body(struct conn *conn)
{
	ouro_req *req = conn->req;
	int status = ouro__intake_take(req);

	if (!status && req->body.state != BODY_WHOLE)
		status = req->refuse;
	if (status)
		return refuse(conn, status);
	if (req->body.state == BODY_WHOLE)
		return begin_answer(conn);
	return conn->peer_shut ? CONN_closed : CONN_body;
}

/* The request is answered, and nothing of it is left to be read. */
static enum conn_step next_request(struct conn *conn)
{
	ouro_req *req = conn->req;
	bool listened_to = req->on_done || conn->server->opts.on_done;
	bool more = req->begin < req->end || req->loan_len;

	if (!more || conn->last || listened_to ||
	    req->out.queued >= conn->server->opts.high_water || ouro__req_keep_loan(req))
		return CONN_flush;
	conn->server->stats.requests++;
	ouro__req_renew(req);
	return CONN_idle;
}

static bool worth_reading(const struct conn *conn)
{
	const ouro_req *req = conn->req;
	bool unasked = req->parse.expects_continue && !req->body.continued;
	bool long_one = req->parse.kind == BODY_LENGTH &&
			req->parse.length - req->parse.body_bytes > conn->server->opts.unread_max;

	return !conn->last && !unasked && !long_one && req->body.state != BODY_BROKEN;
}

static enum conn_step answered(struct conn *conn)
{
	ouro_req *req = conn->req;

	if (conn->hand_over) {
		conn->server->stats.requests++;
		req->answer.state = ANSWER_NONE;
		ouro__req_done(req, 0);
	}
	if (req->answer.cut) {
		req->broken = OURO_ECANCELED;
		return CONN_answer;
	}
	if (req->answer.framing == FRAMING_CLOSE)
		conn->last = true;
	if (req->body.state == BODY_WHOLE)
		return next_request(conn);
	if (worth_reading(conn)) {
		req->body.window_bytes = 0;
		return CONN_rest;
	}
	conn->last = true;
	return CONN_flush;
}

static void read_body(struct conn *conn)
{
	ouro_req *req = conn->req;

	ouro__intake_take(req);
	if (req->refuse && intake_is_open(&req->body))
		ouro__intake_break(req, OURO_ETIMEOUT);
	if (conn->peer_shut && req->begin == req->end && !req->loan_len)
		ouro__intake_break(req, -ECONNRESET);
	ouro__req_check_forgotten(req);
}

/* The body goes to the handler as long as it has not answered; the chain goes on when asked. */
static enum conn_step step_answer(struct conn *conn)
{
	ouro_req *req = conn->req;

	if (req->owned && req->proceed)
		ouro__req_run(req);
	if (req->owned && req->body.fn)
		read_body(conn);
	if (req->owned && req->save)
		ouro__save_tell(req);
	if (req->owned && conn->peer_shut && !req->gone) {
		req->gone = OURO_EOF;
		if (req->on_gone)
			req_call(req, req->on_gone, req, OURO_EOF, req->gone_arg);
	}
	if (req->owned && req->expired && req->answer.state == ANSWER_NONE) {
		conn->server->stats.timeouts++;
		ouro__req_detach(req, OURO_ETIMEOUT);
		return ouro__req_new(conn) ? refuse(conn, 504) : CONN_closed;
	}
	return req->answer.state == ANSWER_ENDED && !req->broken ? answered(conn) : CONN_answer;
}

static enum conn_step step_rest(struct conn *conn)
{
	ouro_req *req = conn->req;
	bool enough = ouro__intake_discard(req) ||
		      req->body.window_bytes > conn->server->opts.unread_max || conn->peer_shut ||
		      req->refuse;

	if (req->body.state == BODY_WHOLE)
		return next_request(conn);
	if (!enough)
		return CONN_rest;
	conn->last = true;
	return CONN_flush;
}

/* Closing while the peer still sends would make its system throw away what it has not read. */
static bool may_still_send(const struct conn *conn)
{
	const ouro_req *req = conn->req;

	return !conn->peer_shut &&
	       (!req->head || req->body.state != BODY_WHOLE || req->begin < req->end);
}

static enum conn_step step_flush(struct conn *conn)
{
	ouro_req *req = conn->req;
	bool lingers;

	if (ouro__req_keep_loan(req))
		conn->last = true;
	if (!out_is_empty(&req->out))
		return CONN_flush;
	if (req->answer.state == ANSWER_ENDED) {
		req->answer.state = ANSWER_NONE; /* whatever is called now: it is told once */
		conn->server->stats.requests++;
		ouro__req_done(req, 0);
		if (req->broken)
			return CONN_flush;
	}
	lingers = may_still_send(conn);
	if (!conn->last && has_input(conn)) {
		ouro__req_renew(req);
		return CONN_idle;
	}
	ouro__req_free(req);
	conn->req = NULL;
	if (!conn->last)
		return CONN_idle;
	if (!lingers)
		return CONN_closed;
	shutdown(conn->watch.fd, SHUT_WR);
	return CONN_linger;
}

static enum conn_step step_linger(struct conn *conn)
{
	return conn->peer_shut ? CONN_closed : CONN_linger;
}

static enum conn_step step_closed(struct conn *conn)
{
	(void)conn;
	return CONN_closed;
}

/* Bytes in. */

static bool wants_input(const struct conn *conn)
{
	const ouro_req *req = conn->req;

	if (conn->peer_shut)
		return false;
	switch ((enum conn_step)conn->step) {
	case CONN_idle:
	case CONN_body:
	case CONN_rest:
	case CONN_linger:
	case CONN_head:
		return true;
	case CONN_answer:
		if (req->body.state == BODY_WHOLE)
			return req->end < req->room;
		return req->begin == req->end && intake_is_open(&req->body);
	default:
		return false;
	}
}

static void lose(struct conn *conn, int err);

/* To where the head will stay, or, when it is settled, behind it. */
static void read_window(struct conn *conn)
{
	ouro_req *req = conn->req ? conn->req : ouro__req_new(conn);
	ssize_t n;

	if (req && req->begin == req->end)
		req->begin = req->end = req->base;
	if (!req || (req->end == req->room && ouro__req_widen(req))) {
		lose(conn, -ENOMEM);
		return;
	}
	n = recv(conn->watch.fd, req->bytes + req->end, req->room - req->end, 0);
	if (n > 0) {
		req->end += (uint32_t)n;
		conn->server->stats.bytes_in += (uint64_t)n;
	} else if (n == 0) {
		conn->peer_shut = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		lose(conn, -errno);
	}
}

/* To where it need not stay: bodies, and what nobody will read. */
static void read_scratch(struct conn *conn)
{
	ouro_req *req = conn->req;
	struct net *net = conn->server->http->net;
	size_t most = SCRATCH_ROOM;
	ssize_t n;

	if (req && req->parse.kind == BODY_LENGTH &&
	    req->parse.length - req->parse.body_bytes < most)
		most = (size_t)(req->parse.length - req->parse.body_bytes);
	n = recv(conn->watch.fd, net->scratch, most, 0);
	if (n > 0) {
		conn->server->stats.bytes_in += (uint64_t)n;
		if (req) {
			req->loan = net->scratch;
			req->loan_len = (size_t)n;
		}
	} else if (n == 0) {
		conn->peer_shut = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		lose(conn, -errno);
	}
}

static void read_some(struct conn *conn)
{
	const ouro_req *req = conn->req;
	bool body = conn->step == CONN_body || conn->step == CONN_rest ||
		    (conn->step == CONN_answer && req->body.state != BODY_WHOLE);

	if (conn->step == CONN_linger || body)
		read_scratch(conn);
	else
		read_window(conn);
}

/* Bytes out. */

static void told_drained(ouro_req *req)
{
	req->answer.high = false;
	if (req->answer.on_drain && req->owned)
		req_call(req, req->answer.on_drain, req, req->answer.drain_arg);
}

/* True: there is room again that somebody waited for. */
static bool flush_out(struct conn *conn)
{
	ouro_req *req = conn->req;
	ssize_t n;

	if (!req || out_is_empty(&req->out))
		return false;
	n = ouro__out_flush(&req->out, req->http->net, conn->watch.fd);
	if (n < 0) {
		req->broken = (int)n;
		return true;
	}
	if (n > 0) {
		conn->progress = true;
		conn->server->stats.bytes_out += (uint64_t)n;
		req->answer.sent += (uint64_t)n;
	}
	if (!out_is_empty(&req->out))
		return false;
	if (req->answer.high)
		told_drained(req);
	return conn->step == CONN_flush || (conn->step == CONN_answer && !out_is_empty(&req->out));
}

/* The end. */

/* The connection is of no more use: what is out is told, what a handler has stays with it. */
static void lose(struct conn *conn, int err)
{
	ouro_req *req = conn->req;

	conn->step = CONN_closed;
	if (!req)
		return;
	if (req->owned) {
		ouro__req_detach(req, err);
		return;
	}
	if (req->answer.state == ANSWER_ENDED)
		ouro__req_done(req, err);
	conn->req = NULL;
	req->conn = NULL;
	ouro__req_free(req);
}

static void end(struct conn *conn)
{
	struct ouro_server *server = conn->server;

	if (conn->req)
		lose(conn, OURO_ECANCELED);
	if (conn->watched)
		ouro__watch_stop(&conn->watch);
	if (!conn->hand_over)
		close(conn->watch.fd);
	due_clear(&conn->due);
	ouro__server_conn_ended(server, conn);
	ouro__slab_give(&server->http->conns, conn);
}

/* What it waits for. */

static enum conn_due due_of(const struct conn *conn)
{
	const ouro_req *req = conn->req;

	if (req && !out_is_empty(&req->out))
		return DUE_write;
	switch ((enum conn_step)conn->step) {
	case CONN_idle:
		return conn->requests ? DUE_idle : DUE_head;
	case CONN_head:
		return DUE_head;
	case CONN_body:
		return DUE_body;
	case CONN_answer:
		return intake_is_open(&req->body) ? DUE_body : DUE_open;
	case CONN_rest:
	case CONN_linger:
		return DUE_linger;
	default:
		return DUE_open;
	}
}

/* A deadline runs from when the connection came to wait for it; idling and writing begin anew with
 * each request and each byte. */
static void set_due(struct conn *conn)
{
	enum conn_due kind = due_of(conn);
	bool anew = (kind == DUE_idle || kind == DUE_write) && conn->progress;

	conn->progress = false;
	if (kind == conn->due_kind && !anew)
		return;
	if (kind == DUE_body)
		conn->req->body.window_bytes = 0;
	conn->due_kind = (uint8_t)kind;
	due_begin(&conn->server->dues[kind], &conn->due);
}

static void conn_ready(struct watch *watch, unsigned ready);

static void set_watch(struct conn *conn)
{
	const ouro_req *req = conn->req;
	unsigned events = wants_input(conn) ? OURO_READABLE : 0;
	int err = 0;

	if (conn->asked_more)
		return; /* the next turn follows at once */
	if (req && !out_is_empty(&req->out))
		events |= OURO_WRITABLE;
	if (!events)
		events = OURO_ERROR;
	if (!conn->watched)
		err = ouro__watch_start(&conn->watch, conn->server->base.loop, conn->watch.fd,
					events, conn_ready);
	else if (conn->watch.wanted != events)
		err = ouro__watch_set(&conn->watch, events);
	conn->watched = true;
	if (err)
		ouro__conn_cut(conn, err);
}

/* What is left when nothing more can be done now. */
static void wait_for_more(struct conn *conn)
{
	ouro_req *req = conn->req;

	if (conn->step == CONN_idle && req && !has_input(conn)) {
		if (out_is_empty(&req->out)) {
			ouro__req_free(req);
			conn->req = NULL;
		} else {
			conn->step = CONN_flush;
		}
	}
	if (conn->asked_more)
		flush_soon(conn->req->http->loop, &conn->req->flush);
	else if (conn->step == CONN_answer && conn->req->owned && list_empty(&conn->req->link))
		list_push(&conn->server->waiting, &conn->req->link);
	set_due(conn);
	set_watch(conn);
}

void ouro__conn_work(struct conn *conn)
{
	unsigned rounds = ROUNDS;

	if (conn->working)
		return;
	conn->working = true;
	if (conn->asked_more) {
		conn->asked_more = false;
		conn->in_turn = 0;
		flush_cancel(&conn->req->flush);
	}
	do {
		if (conn->req && conn->req->broken)
			lose(conn, conn->req->broken);
		advance(conn);
		if (conn->req && conn->req->loan_len && ouro__req_keep_loan(conn->req))
			lose(conn, -ENOMEM);
	} while ((flush_out(conn) && --rounds) || (conn->req && conn->req->broken));
	if (!rounds && conn->req)
		flush_soon(conn->req->http->loop, &conn->req->flush);
	conn->working = false;
	if (conn->step == CONN_closed)
		end(conn);
	else
		wait_for_more(conn);
}

static void conn_ready(struct watch *watch, unsigned ready)
{
	struct conn *conn = list_of(watch, struct conn, watch);

	conn->in_turn = 0;
	if ((ready & OURO_READABLE) && wants_input(conn) && !conn->asked_more) {
		conn->working = true;
		read_some(conn);
		conn->working = false;
	} else if (ready & OURO_ERROR) {
		int err = ouro__sock_error(watch->fd);

		conn->working = true;
		lose(conn, err ? err : -ECONNRESET);
		conn->working = false;
	}
	ouro__conn_work(conn);
}

void ouro__conn_cut(struct conn *conn, int err)
{
	if (conn->working) {
		if (conn->req)
			conn->req->broken = err;
		else
			conn->step = CONN_closed;
		return;
	}
	conn->working = true;
	lose(conn, err);
	conn->working = false;
	end(conn);
}

void ouro__conn_ask_to_end(struct conn *conn)
{
	if (conn->step == CONN_idle && !conn->working && !conn->req)
		ouro__conn_cut(conn, OURO_ECANCELED);
	else
		conn->last = true;
}

/* Deadlines. They only say what is wrong: the connection sees to it at the end of the turn. */

static void kick_with(struct conn *conn, int broken, uint16_t refuse)
{
	ouro_req *req = conn->req;

	conn->due_kind = DUE_open;
	due_begin(&conn->server->dues[DUE_open], &conn->due);
	req->broken = broken;
	req->refuse = refuse;
	flush_soon(req->http->loop, &req->flush);
}

static bool body_came_fast_enough(const struct conn *conn)
{
	const ouro_http_opts *opts = &conn->server->opts;
	uint64_t wanted = (uint64_t)opts->body_rate * opts->body_ms / 1000;

	return opts->body_rate == OURO_NEVER || conn->req->body.window_bytes >= wanted;
}

void ouro__conn_overdue(struct due *due)
{
	struct conn *conn = list_of(due, struct conn, due);
	enum conn_due kind = (enum conn_due)conn->due_kind;

	if (kind == DUE_body && body_came_fast_enough(conn)) {
		conn->req->body.window_bytes = 0;
		due_begin(&conn->server->dues[kind], due);
		return;
	}
	conn->server->stats.timeouts++;
	if (kind == DUE_write)
		kick_with(conn, OURO_ETIMEOUT, 0);
	else if (kind == DUE_body || (kind == DUE_head && has_input(conn)))
		kick_with(conn, 0, 408);
	else
		ouro__conn_cut(conn, OURO_ETIMEOUT);
}

void ouro__req_overdue(struct due *due)
{
	ouro_req *req = list_of(due, ouro_req, request_due);

	if (!req->conn || (req->head && req->body.state != BODY_READING))
		return;
	req->server->stats.timeouts++;
	req->refuse = 408;
	req_kick(req);
}

void ouro__answer_overdue(struct due *due)
{
	ouro_req *req = list_of(due, ouro_req, answer_due);

	req->expired = true;
	req_kick(req);
}

/* Opening. */

static void note_origin(struct origin *origin, const ouro_addr *addr)
{
	origin->family = addr->sa.any.sa_family;
	if (origin->family == AF_INET) {
		origin->port = addr->sa.v4.sin_port;
		memcpy(origin->addr, &addr->sa.v4.sin_addr, sizeof(addr->sa.v4.sin_addr));
	} else if (origin->family == AF_INET6) {
		origin->port = addr->sa.v6.sin6_port;
		origin->scope = addr->sa.v6.sin6_scope_id;
		memcpy(origin->addr, &addr->sa.v6.sin6_addr, sizeof(addr->sa.v6.sin6_addr));
	}
}

void ouro__origin_addr(const struct origin *origin, ouro_addr *ret_addr)
{
	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->sa.any.sa_family = origin->family;
	ret_addr->len = sizeof(ret_addr->sa.any.sa_family);
	if (origin->family == AF_INET) {
		ret_addr->len = sizeof(ret_addr->sa.v4);
		ret_addr->sa.v4.sin_port = origin->port;
		memcpy(&ret_addr->sa.v4.sin_addr, origin->addr, sizeof(ret_addr->sa.v4.sin_addr));
	} else if (origin->family == AF_INET6) {
		ret_addr->len = sizeof(ret_addr->sa.v6);
		ret_addr->sa.v6.sin6_port = origin->port;
		ret_addr->sa.v6.sin6_scope_id = origin->scope;
		memcpy(&ret_addr->sa.v6.sin6_addr, origin->addr, sizeof(ret_addr->sa.v6.sin6_addr));
	}
}

/* One client too many from one place: told so, if it listens at once, and closed. */
static void refuse_crowd(struct conn *conn)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
				   "Content-Length: 0\r\n\r\n";
	struct http *http = conn->server->http;

	conn->server->stats.refused++;
	ouro__sock_send(conn->watch.fd, text, sizeof(text) - 1);
	close(conn->watch.fd);
	ouro__slab_give(&http->conns, conn);
}

/* What the client has to say is often there already: then the kernel need not be asked to watch a
 * connection that ends with its one answer. */
void ouro__conn_open(struct ouro_server *server, int fd, const ouro_addr *peer, bool now)
{
	struct conn *conn = ouro__slab_take(&server->http->conns);

	if (!conn) {
		close(fd);
		return;
	}
	memset((char *)conn + sizeof(conn->record), 0, sizeof(*conn) - sizeof(conn->record));
	conn->server = server;
	conn->watch.fd = fd;
	conn->due_kind = DUE_COUNT;
	due_init(&conn->due);
	note_origin(&conn->origin, peer);
	if (!ouro__server_conn_began(server, conn, peer)) {
		refuse_crowd(conn);
		return;
	}
	if (!now) {
		wait_for_more(conn);
		return;
	}
	conn->working = true;
	read_window(conn);
	conn->working = false;
	ouro__conn_work(conn);
}

const char *ouro__conn_step_name(const struct conn *conn)
{
	return steps[conn->step].name;
}

const char *ouro__conn_waits_for(const struct conn *conn)
{
	return steps[conn->step].waits;
}
