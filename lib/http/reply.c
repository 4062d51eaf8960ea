/* reply.c -- whole answers, and the head of every answer. See ouro/http.h, reply.h.
 *
 * Head and body of a short answer are written side by side into a page that is sent once, at the
 * end of the connection's event or of the turn. A long body is not copied only to be sent: it goes
 * to the kernel from where it is, behind what waits already, and only what the kernel does not take
 * is kept. */
#include "http/reply.h"
#include "http/conn.h"
#include "http/encoded.h"
#include "http/filter.h"
#include "http/form.h"
#include "http/intake.h"
#include "http/req.h"
#include "http/save.h"
#include "http/shed.h"
#include "http/status.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>

/* Longer ones are sent from where they are. */
#define LONG 16384

/* Bytes in a row. */

static char *put(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

/* The fields that handlers have set. */

static bool is_named(const struct answer_field *field, const char *name)
{
	return ouro_str_caseeq(field->name, name);
}

static bool is_set(const ouro_req *req, const char *name)
{
	for (const struct answer_field *at = req->answer.fields; at; at = at->next)
		if (is_named(at, name))
			return true;
	return false;
}

static bool is_shown(const struct answer_field *field, bool typed)
{
	return field->value.ptr && !(typed && is_named(field, "Content-Type"));
}

static size_t fields_len(const struct answer_field *field, bool typed)
{
	size_t len = 0;

	for (; field; field = field->next)
		if (is_shown(field, typed))
			len += field->name.len + field->value.len + 4;
	return len;
}

static char *put_fields(char *at, const struct answer_field *field, bool typed)
{
	for (; field; field = field->next) {
		if (!is_shown(field, typed))
			continue;
		at = put(at, field->name.ptr, field->name.len);
		at = PUT(at, ": ");
		at = put(at, field->value.ptr, field->value.len);
		at = PUT(at, "\r\n");
	}
	return at;
}

/* The head. */

struct head {
	const char *line; /* of the status */
	size_t line_len;
	const char *type;
	size_t type_len;
};

#define FIXED_MAX 192 /* Date, Connection, framing, line ends */

static char *put_framing(char *at, const ouro_req *req)
{
	const struct answer *answer = &req->answer;

	if (answer->framing == FRAMING_LENGTH) {
		at = PUT(at, "Content-Length: ");
		at += put_number(at, answer->length);
		at = PUT(at, "\r\n");
	} else if (answer->framing == FRAMING_CHUNKED) {
		at = PUT(at, "Transfer-Encoding: chunked\r\n");
	}
	return at;
}

static char *put_connection(char *at, const ouro_req *req)
{
	if (!req->conn || req->conn->last || req->answer.framing == FRAMING_CLOSE)
		return PUT(at, "Connection: close\r\n");
	if (req->parse.minor == 0)
		return PUT(at, "Connection: keep-alive\r\n");
	return at;
}

static char *put_head(char *at, const ouro_req *req, const struct head *head)
{
	const struct answer_field *fields = req->answer.fields;

	at = put(at, head->line, head->line_len);
	if (!fields || !is_set(req, "Date")) {
		ouro_str date = ouro__http_date(req->http);

		at = put(at, date.ptr, date.len);
	}
	if (head->type) {
		at = PUT(at, "Content-Type: ");
		at = put(at, head->type, head->type_len);
		at = PUT(at, "\r\n");
	}
	at = put_framing(at, req);
	at = put_connection(at, req);
	if (fields)
		at = put_fields(at, fields, head->type);
	return PUT(at, "\r\n");
}

static size_t head_max(const ouro_req *req, const struct head *head)
{
	size_t len = head->line_len + head->type_len + FIXED_MAX;

	return req->answer.fields ? len + fields_len(req->answer.fields, head->type) : len;
}

#define FAREWELLS 64

/* The server ends, and this is the last: but what the client has sent behind it already is
 * answered, too, unless there is no end of it. */
static bool says_farewell(const ouro_req *req)
{
	bool more = req->body.state == BODY_WHOLE && req->begin < req->end;

	return !more || ++req->conn->farewells >= FAREWELLS;
}

/* The client should hear from us that there will be no other answer. */
static void decide_last(const ouro_req *req)
{
	if (req->server->leaving && says_farewell(req))
		req->conn->last = true;
	if (intake_is_listened_to(&req->body))
		return; /* the handler reads it to its end */
	if (req->body.state != BODY_WHOLE && !ouro__intake_is_worth_reading(req))
		req->conn->last = true;
}

static int make_head(struct head *head, int status, const char *type)
{
	head->line =
		status < 200 || status > 999 ? NULL : ouro__status_line(status, &head->line_len);
	head->type = type;
	head->type_len = type ? strlen(type) : 0;
	if (!head->line || (type && !ouro__is_field_value(ouro_str_n(type, head->type_len))))
		return -EINVAL;
	return 0;
}

/* A head too long for a page is put together in the request's memory first. */
static int copy_long_head(ouro_req *req, const struct head *head)
{
	char *room = ouro__req_room(req, head_max(req, head));

	if (!room)
		return -ENOMEM;
	return ouro__out_copy(&req->out, req->http->net, room,
			      (size_t)(put_head(room, req, head) - room));
}

/* With a body right behind it when both have room in a page: *ret_done. */
static int write_head(ouro_req *req, const struct head *head, ouro_str body, bool *ret_done)
{
	size_t max = head_max(req, head);
	char *room, *at;

	decide_last(req);
	if (max > OUT_RUN)
		return copy_long_head(req, head);
	if (body.len > OUT_RUN - max)
		body.len = 0;
	room = ouro__out_room(&req->out, req->http->net, max + body.len);
	if (!room)
		return -ENOMEM;
	at = put_head(room, req, head);
	if (body.len) {
		at = put(at, body.ptr, body.len);
		*ret_done = true;
	}
	ouro__out_used(&req->out, (size_t)(at - room));
	return 0;
}

int ouro__answer_head(ouro_req *req, int status, const char *type)
{
	bool done = false;
	struct head head;
	int err = make_head(&head, status, type);

	if (err)
		return err;
	req->answer.status = status;
	return write_head(req, &head, (ouro_str){ NULL, 0 }, &done);
}

int ouro__answer_fields(ouro_req *req, const struct answer_field *fields)
{
	size_t len = fields_len(fields, false) + 2;
	char *room = ouro__req_room(req, len);

	if (!room)
		return -ENOMEM;
	PUT(put_fields(room, fields, false), "\r\n");
	return ouro__out_copy(&req->out, req->http->net, room, len);
}

/* Bodies. */

static int send_now(ouro_req *req, ouro_str bytes)
{
	struct conn *conn = req->conn;
	ssize_t n = ouro__out_send(&req->out, req->http->net, conn->watch.fd, bytes.ptr, bytes.len);

	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0) {
		req->broken = (int)n; /* nobody is there any more: the bytes need no place */
		return 0;
	}
	if (n > 0)
		conn->progress = true;
	req->answer.sent += (uint64_t)n;
	req->answer.at_once += (size_t)n;
	req->server->stats.bytes_out += (uint64_t)n;
	return 0;
}

int ouro__answer_bytes(ouro_req *req, ouro_str bytes, bool is_static)
{
	if (is_static && bytes.len > OUT_RUN)
		return ouro__out_borrow(&req->out, req->http->net, bytes.ptr, bytes.len, NULL,
					NULL);
	if (bytes.len >= LONG && !req->broken && req->out.queued < LONG &&
	    req->answer.at_once < OUT_AT_ONCE) /* a fast peer must not keep its handler busy */
		return send_now(req, bytes);
	return ouro__out_copy(&req->out, req->http->net, bytes.ptr, bytes.len);
}

/* States. */

int ouro__answer_possible(ouro_req *req)
{
	if (!req->owned) {
		ouro__log(&req->http->loop->log, OURO_LOG_ERROR,
			  "a request for %s was answered a second time", ouro__req_name(req));
		return -EALREADY;
	}
	if (req->conn)
		return 0;
	ouro__answer_ended(req);
	ouro__req_let_go(req);
	return OURO_ECLOSED;
}

void ouro__answer_given(ouro_req *req)
{
	req->owned = false;
	shed_leave(req);
	ouro__req_stop(req);
	if (req->save)
		ouro__save_abandon(req);
	if (req->form)
		ouro__form_abandon(req);
}

void ouro__answer_ended(ouro_req *req)
{
	req->answer.state = ANSWER_ENDED;
	if (req->answer.filter)
		ouro__filter_leave(req);
	ouro__answer_given(req);
	if (req->conn)
		req_kick(req);
}

void ouro__answer_cut(ouro_req *req)
{
	req->answer.cut = true;
	ouro__answer_ended(req);
}

/* Whole answers. */

static int answer_whole(ouro_req *req, int status, const char *type, ouro_str body, bool is_static)
{
	struct answer *answer = &req->answer;
	bool done = !body.len;
	struct head head;
	int err = make_head(&head, status, type);

	if (err || (body.len && !status_has_body(status)))
		return -EINVAL;
	if (answer->filter && ouro__filter_begin(req, status, type, body.len))
		return ouro__filter_whole(req, status, type, body, is_static);
	answer->status = status;
	answer->framing = status_has_body(status) ? FRAMING_LENGTH : FRAMING_NONE;
	answer->length = body.len;
	if (req->parse.method == HTTP_HEAD && req->head) {
		done = true;
		body.len = 0;
	}
	err = write_head(req, &head, body, &done);
	if (!err && !done)
		err = ouro__answer_bytes(req, body, is_static);
	if (err)
		answer->cut = true;
	ouro__answer_ended(req);
	return err;
}

static int reply(ouro_req *req, int status, const char *type, ouro_str body, bool is_static)
{
	int err;

	req_check(req);
	err = ouro__answer_possible(req);
	if (err)
		return err;
	if (req->answer.state != ANSWER_NONE)
		return -EALREADY;
	return answer_whole(req, status, type, body, is_static);
}

int ouro__answer_status(ouro_req *req, int status)
{
	const char *text = ouro_status_text(status);
	char body[64];
	int len = snprintf(body, sizeof(body), "%d %s\n", status, text);

	if (!status_has_body(status))
		return answer_whole(req, status, NULL, (ouro_str){ NULL, 0 }, false);
	return answer_whole(req, status, "text/plain", ouro_str_n(body, (size_t)len), false);
}

int ouro_req_reply(ouro_req *req, int status, const char *type, ouro_str body)
{
	return reply(req, status, type, body, false);
}

int ouro_req_reply_static(ouro_req *req, int status, const char *type, ouro_str body)
{
	return reply(req, status, type, body, true);
}

int ouro_req_replyf(ouro_req *req, int status, const char *type, const char *fmt, ...)
{
	ouro_str text = { NULL, 0 };
	va_list args;
	int err;

	req_check(req);
	va_start(args, fmt);
	err = ouro__req_vprintf(req, &text, fmt, args);
	va_end(args);
	if (err == -EINVAL)
		return err;
	if (err && req->owned && req->conn) {
		ouro__answer_cut(req);
		return err;
	}
	return reply(req, status, type, text, false);
}

int ouro_req_status(ouro_req *req, int status)
{
	int err;

	req_check(req);
	err = ouro__answer_possible(req);
	if (!err && req->answer.state != ANSWER_NONE)
		err = -EALREADY;
	return err ? err : ouro__answer_status(req, status);
}

/* What an error is called in HTTP. */
static int status_of(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		return 404;
	case -EACCES:
	case -EPERM:
		return 403;
	case -EINVAL:
	case OURO_EPROTO:
	case -ECONNRESET: /* the rest of its body never came */
	case -EPIPE:
		return 400;
	case OURO_ETOOBIG:
	case -EFBIG:
		return 413;
	case -EMEDIUMTYPE:
		return 415;
	case OURO_EBUSY:
	case -EMFILE:
	case -ENFILE:
		return 503;
	case OURO_ETIMEOUT:
	case -ETIMEDOUT:
		return 504;
	case -ENOSPC:
	case -EDQUOT:
		return 507;
	default:
		return 500;
	}
}

/* An answer that has begun cannot become another: it is cut, so that the client can tell. */
int ouro_req_fail(ouro_req *req, int err)
{
	int refused;

	req_check(req);
	refused = ouro__answer_possible(req);
	if (refused)
		return refused;
	if (req->answer.state == ANSWER_NONE)
		return ouro__answer_status(req, status_of(err));
	ouro__answer_cut(req);
	return 0;
}

void ouro__answer_reads_only(ouro_req *req)
{
	int err = ouro_req_set(req, "Allow", ouro_str_z("GET, HEAD"));

	ouro_req_status(req, err ? 503 : 405);
}

int ouro_req_redirect(ouro_req *req, int status, const char *location)
{
	int err;

	req_check(req);
	if (status < 301 || status > 308 || (status > 303 && status < 307))
		return -EINVAL;
	err = ouro_req_set(req, "Location", ouro_str_z(location));
	return err ? err : ouro_req_status(req, status);
}
