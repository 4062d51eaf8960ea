/* overdue.c -- what happens when a deadline has passed. See due.h, core.h.
 *
 * A deadline only notes what is wrong: the connection sees to it at the end of the turn, where
 * users may be called. One that has nothing to tell anybody is closed at once. */
#include "http/conn.h"
#include "http/req.h"
#include "ouro/error.h"

static void kick_with(struct conn *conn, int broken, uint16_t refuse)
{
	ouro_req *req = conn->req;

	conn_set_due_kind(conn, DUE_open);
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
	else if (kind == DUE_body || (kind == DUE_head && conn_has_input(conn)))
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
