/* steps.c -- what a connection does, step by step. See core.h for the list.
 *
 * A step looks at what has been read, at what the handler has done and at the queue of output, does
 * what it can, and answers with the next step, or with itself: wait for an event. None of them
 * touches the descriptor but to say that nothing more will be sent. */
#include "http/conn.h"
#include "http/form.h"
#include "http/intake.h"
#include "http/reply.h"
#include "http/req.h"
#include "http/save.h"
#include "http/serve.h"
#include "http/shed.h"
#include "ouro/error.h"
#include "sys/sock.h"
#include <errno.h>

typedef enum conn_step conn_step_fn(struct conn *conn);

#define X(name, waits) static conn_step_fn step_##name;
CONN_STEPS(X)
#undef X

static const struct {
	const char *name, *waits;
} steps[] = {
#define X(name, waits) { #name, waits },
	CONN_STEPS(X)
#undef X
};

/* A request takes six of them, of a few instructions each: as calls they would cost twice that. */
static inline enum conn_step run_step(struct conn *conn)
{
	switch ((enum conn_step)conn->step) {
#define X(name, waits)    \
	case CONN_##name: \
		return step_##name(conn);
		CONN_STEPS(X)
#undef X
	}
	return CONN_closed;
}

/* A step answers with the next one; with itself: wait for an event. */
void ouro__conn_advance(struct conn *conn)
{
	uint8_t was;

	do {
		was = conn->step;
		conn->step = (uint8_t)run_step(conn);
	} while (conn->step != was);
}

/* The steps. */

/* The first that a connection brings was there when the poll said so, and waited for its turn. */
static uint64_t first_byte(const struct conn *conn)
{
	struct ouro_loop *loop = conn->server->base.loop;

	return conn->in_turn || !loop->turning ? call_now(loop) : loop->turn_began;
}

static enum conn_step step_idle(struct conn *conn)
{
	if (!conn_has_input(conn)) {
		bool silent = !conn->req || out_is_empty(&conn->req->out);

		if (conn->peer_shut || conn->server->ending || conn->last)
			return silent ? CONN_closed : CONN_flush;
		return CONN_idle;
	}
	if (conn->in_turn >= conn->server->opts.pipeline_max) {
		conn->asked_more = true;
		return CONN_idle;
	}
	conn->req->began = first_byte(conn);
	conn->in_turn++;
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
	if (!parse->keep_alive || (most && conn->requests >= most))
		conn->last = true;
}

static enum conn_step begin_answer(struct conn *conn)
{
	ouro_req *req = conn->req;

	req->owned = req->proceed = true;
	req->called = call_now(req->http->loop);
	if (req->match.route || conn->server->answer_dues.span != UINT64_MAX)
		ouro__server_time_answer(req);
	ouro__req_run(req);
	return CONN_answer;
}

/* There is too much to do: nobody hears of it, and its body is nobody's. */
static enum conn_step shed(struct conn *conn)
{
	ouro_req *req = conn->req;

	ouro__intake_start(req, true, SIZE_MAX);
	ouro__shed_answer(req);
	return CONN_answer;
}

/* The head is settled: who answers it, and what of its body? */
static enum conn_step route(struct conn *conn)
{
	ouro_req *req = conn->req;
	int status = ouro__server_find(req);

	if (!status && conn->server->shed && !shed_takes(conn->server->shed, req))
		return shed(conn);
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

static bool is_listened_to(const ouro_req *req)
{
	return req->on_done || req->server->opts.on_done || !list_empty(&req->server->hooks) ||
	       req->http->loop->trace;
}

/* Must it be told when the answer has left? */
static bool is_awaited(const ouro_req *req)
{
	if (req->on_done || req->server->opts.on_done)
		return true;
	list_each (at, &req->server->hooks)
		if (!list_of(at, struct done_hook, link)->early)
			return true;
	return false;
}

/* The request is answered, and nothing of it is left to be read. */
static enum conn_step next_request(struct conn *conn)
{
	ouro_req *req = conn->req;
	bool more = req->begin < req->end || req->loan_len;

	if (!more || conn->last || is_awaited(req) || req->out.queued >= conn->server->opts.high ||
	    ouro__req_keep_loan(req))
		return CONN_flush;
	conn->server->stats.requests++;
	if (is_listened_to(req))
		ouro__req_done(req, 0);
	ouro__req_renew(req);
	return CONN_idle;
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
	if (!conn->last && ouro__intake_is_worth_reading(req)) {
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

/* The handler was too slow: it keeps its request, and another one says so to the client. That one is
 * about the same, as far as logs ask. */
static enum conn_step stand_in(struct conn *conn, ouro_req *slow)
{
	ouro_req *other;

	conn->req = NULL;
	other = ouro__req_new(conn);
	conn->req = slow;
	if (other)
		ouro__req_resemble(other, slow);
	slow->stood_in = other != NULL;
	ouro__req_detach(slow, OURO_ETIMEOUT);
	conn->req = other;
	return other ? refuse(conn, 504) : CONN_closed;
}

/* The body goes to the handler as long as it has not answered; the chain goes on when asked. */
static enum conn_step step_answer(struct conn *conn)
{
	ouro_req *req = conn->req;

	if (req->owned && req->proceed)
		ouro__req_run(req);
	if (req->owned && req->form)
		ouro__form_advance(req);
	if (req->owned && req->body.fn)
		read_body(conn);
	if (req->owned && req->save)
		ouro__save_tell(req);
	if (req->owned && req->form)
		ouro__form_tell(req);
	if (req->owned && conn->peer_shut && !req->gone) {
		req->gone = OURO_EOF;
		if (req->on_gone)
			req_call(req, req->on_gone, req, OURO_EOF, req->gone_arg);
	}
	if (req->owned && req->expired && req->answer.state == ANSWER_NONE) {
		conn->server->stats.timeouts++;
		return stand_in(conn, req);
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

	if (req->loan_len && ouro__req_keep_loan(req))
		conn->last = true;
	if (!out_is_empty(&req->out))
		return CONN_flush;
	if (req->answer.state == ANSWER_ENDED) {
		req->answer.state = ANSWER_NONE; /* whatever is called now: it is told once */
		conn->server->stats.requests++;
		if (is_listened_to(req))
			ouro__req_done(req, 0);
		if (req->broken)
			return CONN_flush;
	}
	lingers = may_still_send(conn);
	if (!conn->last && conn_has_input(conn)) {
		ouro__req_renew(req);
		return CONN_idle;
	}
	ouro__req_free(req);
	conn->req = NULL;
	if (!conn->last)
		return CONN_idle;
	if (!lingers)
		return CONN_closed;
	ouro__sock_shutdown(conn->watch.fd);
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

const char *ouro__conn_step_name(const struct conn *conn)
{
	return steps[conn->step].name;
}

const char *ouro__conn_waits_for(const struct conn *conn)
{
	return steps[conn->step].waits;
}
