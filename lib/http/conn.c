/* conn.c -- a connection and its descriptor: bytes in, bytes out, and what to wait for next.
 *
 * An event (bytes, room for bytes, something a handler did) leads to ouro__conn_work(): the steps
 * run for as long as one leads to another (steps.c), then what they wrote leaves in one write, then
 * the connection says what it waits for.
 *
 * Nothing else frees a connection, so a handler deep inside may do to it what it likes. */
#include "http/conn.h"
#include "http/filter.h"
#include "http/intake.h"
#include "http/req.h"
#include "http/serve.h"
#include "ouro/error.h"
#include "sys/sock.h"
#include <errno.h>
#include <unistd.h>

/* How often a peer that takes everything at once may have more of it in one event. */
#define ROUNDS 8

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

/* What a read has answered. True: bytes. */
static bool has_come(struct conn *conn, ssize_t n)
{
	if (n > 0)
		conn->server->stats.bytes_in += (uint64_t)n;
	else if (n == 0)
		conn->peer_shut = true;
	else if (n != -EAGAIN)
		lose(conn, (int)n);
	return n > 0;
}

/* To where the head will stay, or, when it is settled, behind it. */
void ouro__conn_read(struct conn *conn)
{
	ouro_req *req = conn->req ? conn->req : ouro__req_new(conn);
	ssize_t n;

	if (req && req->begin == req->end)
		req->begin = req->end = req->base;
	if (!req || (req->end == req->room && ouro__req_widen(req))) {
		lose(conn, -ENOMEM);
		return;
	}
	n = ouro__sock_recv(conn->watch.fd, req->bytes + req->end, req->room - req->end);
	if (has_come(conn, n))
		req->end += (uint32_t)n;
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
	n = ouro__sock_recv(conn->watch.fd, net->scratch, most);
	if (has_come(conn, n) && req) {
		req->loan = net->scratch;
		req->loan_len = (size_t)n;
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
		ouro__conn_read(conn);
}

/* Bytes out. */

static void told_drained(ouro_req *req)
{
	req->answer.high = false;
	if (req->answer.filter && ouro__filter_holds(req)) {
		req->answer.high = true;
		return;
	}
	if (req->answer.on_drain && req->owned)
		req_call(req, req->answer.on_drain, req, req->answer.drain_arg);
}

/* What waits leaves as far as the kernel takes it. False: the connection is broken. */
static bool send_out(struct conn *conn)
{
	ouro_req *req = conn->req;
	ssize_t n = ouro__out_flush(&req->out, req->http->net, conn->watch.fd);

	if (n < 0) {
		req->broken = (int)n;
		return false;
	}
	if (n > 0) {
		conn->progress = true;
		conn->server->stats.bytes_out += (uint64_t)n;
		req->answer.sent += (uint64_t)n;
	}
	return true;
}

/* True: there is something for the steps to do. */
static bool flush_out(struct conn *conn)
{
	ouro_req *req = conn->req;
	bool had = req && !out_is_empty(&req->out);

	if (!req)
		return false;
	req->answer.at_once = 0;
	if (had && !send_out(conn))
		return true;
	if (!out_is_empty(&req->out))
		return false;
	if (req->answer.high)
		told_drained(req);
	else if (!had)
		return false;
	return conn->step == CONN_flush ||
	       (conn->step == CONN_answer &&
		(req->answer.state == ANSWER_ENDED || !out_is_empty(&req->out)));
}

/* The end. */

/* The connection is of no more use: what is out is told, what a handler has stays with it. */
static void lose(struct conn *conn, int err)
{
	ouro_req *req = conn->req;

	conn->step = CONN_closed;
	conn->asked_more = false;
	if (!req)
		return;
	if (req->owned) {
		ouro__req_detach(req, err);
		return;
	}
	if (req->answer.state == ANSWER_ENDED || req->answer.filtered)
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
	conn_set_due_kind(conn, DUE_COUNT);
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
	conn_set_due_kind(conn, kind);
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
	if (err && events == OURO_ERROR) /* out of descriptors: then its end is seen later */
		err = ouro__watch_set(&conn->watch, 0);
	if (err)
		ouro__conn_cut(conn, err);
}

/* What is left when nothing more can be done now. */
void ouro__conn_wait(struct conn *conn)
{
	ouro_req *req = conn->req;

	if (conn->step == CONN_idle && req && !conn_has_input(conn)) {
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
		ouro__req_waits(conn->req);
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
		ouro__conn_advance(conn);
		if (conn->req && conn->req->loan_len && ouro__req_keep_loan(conn->req))
			lose(conn, -ENOMEM);
	} while ((flush_out(conn) && --rounds) || (conn->req && conn->req->broken));
	if (!rounds && conn->req)
		flush_soon(conn->req->http->loop, &conn->req->flush);
	conn->working = false;
	if (conn->step == CONN_closed)
		end(conn);
	else
		ouro__conn_wait(conn);
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

/* What has come behind the request that is under way; an end or an error is seen later, by who may
 * tell it to a handler. */
static void look_behind(struct conn *conn)
{
	ouro_req *req = conn->req;
	ssize_t n = ouro__sock_recv(conn->watch.fd, req->bytes + req->end, req->room - req->end);

	if (n <= 0)
		return;
	conn->server->stats.bytes_in += (uint64_t)n;
	req->end += (uint32_t)n;
}

/* A request may have come that nobody has looked at yet: it is served, at the end of the turn, or
 * behind the one that is under way. */
void ouro__conn_ask_to_end(struct conn *conn)
{
	if (conn->working || !wants_input(conn))
		return;
	if (conn->step == CONN_answer && conn->req->body.state == BODY_WHOLE)
		look_behind(conn);
	if (conn->step != CONN_idle || conn->req)
		return;
	conn->working = true;
	ouro__conn_read(conn);
	conn->working = false;
	if (conn_has_input(conn))
		flush_soon(conn->req->http->loop, &conn->req->flush);
	else
		ouro__conn_cut(conn, OURO_ECANCELED);
}
