/* conn.h -- one connection, from accept to close: see core.h for its steps. */
#ifndef OURO__CONN_H
#define OURO__CONN_H
#include "http/core.h"

/* Serves fd, which is its from here on. now: what has come already may be read, and users be
 * called, before this returns. -ENOMEM: fd is not touched. */
int ouro__conn_open(struct ouro_server *server, int fd, const ouro_addr *peer, bool now);

/* Bytes that have come, to where a head will stay, or, when it is settled, behind it. */
void ouro__conn_read(struct conn *conn);

/* The steps, for as long as one leads to another: steps.c. */
void ouro__conn_advance(struct conn *conn);

/* Nothing more can be done now: says what it waits for, and how long. It may be closed by that. */
void ouro__conn_wait(struct conn *conn);

/* Goes as far as it can without waiting: steps, output, deadline. Does nothing while it is at work
 * further up the stack. The connection may be gone when this returns. */
void ouro__conn_work(struct conn *conn);

/* At once; err is told to whom it concerns. */
void ouro__conn_cut(struct conn *conn, int err);

/* The server ends: closes it if it is idle and nothing has come. Else its answer says that it is
 * the last. */
void ouro__conn_ask_to_end(struct conn *conn);

/* A deadline has passed; for the lists of the server. */
void ouro__conn_overdue(struct due *due);
void ouro__req_overdue(struct due *due);    /* the whole request */
void ouro__answer_overdue(struct due *due); /* the handler */

/* "answer", and "the application's answer". */
const char *ouro__conn_step_name(const struct conn *conn);
const char *ouro__conn_waits_for(const struct conn *conn);

/* It is in another list of deadlines now. */
static inline void conn_set_due_kind(struct conn *conn, enum conn_due kind)
{
	struct ouro_server *server = conn->server;

	if (conn->due_kind == DUE_idle)
		server->stats.idle--;
	if (kind == DUE_idle)
		server->stats.idle++;
	conn->due_kind = (uint8_t)kind;
}

static inline bool conn_has_input(const struct conn *conn)
{
	return conn->req && conn->req->begin < conn->req->end;
}
#endif
