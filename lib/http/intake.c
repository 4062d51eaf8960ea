/* intake.c -- the body of a request on its way in. See intake.h.
 *
 * A body that came together with its head stays where it is. One that did not is gathered in memory
 * that grows with what has come, not with what was announced: a client that promises a megabyte
 * and sends ten bytes has cost ten bytes. */
#include "http/intake.h"
#include "base/alloc.h"
#include "http/conn.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>

#define GROW_FIRST 4096

int ouro__intake_start(ouro_req *req, bool streamed, size_t max)
{
	struct intake *body = &req->body;

	body->streamed = streamed;
	body->max = max;
	if (req->parse.kind == BODY_NONE || req->parse.done)
		body->state = BODY_WHOLE;
	else if (!streamed)
		body->state = BODY_READING;
	if (req->parse.kind == BODY_LENGTH && req->parse.length > max)
		return 413;
	return 0;
}

static bool is_dry(const ouro_req *req)
{
	return req->begin == req->end && !req->loan_len;
}

void ouro__intake_continue(ouro_req *req)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	bool nothing_yet = is_dry(req) && !req->parse.body_bytes;

	if (!req->parse.expects_continue || req->body.continued)
		return;
	req->body.continued = true;
	if (nothing_yet && req->answer.state == ANSWER_NONE)
		ouro__out_copy(&req->out, req->http->net, text, sizeof(text) - 1);
}

/* Gathering. */

static int grow(ouro_req *req, size_t needed)
{
	struct intake *body = &req->body;
	size_t room = body->room ? body->room : GROW_FIRST;
	char *grown;

	while (room < needed)
		room *= 2;
	grown = ouro__realloc(body->grown, room);
	if (!grown)
		return -ENOMEM;
	if (!body->grown && body->len)
		memcpy(grown, body->bytes, body->len);
	body->bytes = body->grown = grown;
	body->room = room;
	return 0;
}

static int gather(ouro_req *req, ouro_str piece)
{
	struct intake *body = &req->body;

	if (body->len + piece.len + 1 > body->room && grow(req, body->len + piece.len + 1))
		return 503;
	memcpy(body->bytes + body->len, piece.ptr, piece.len);
	body->len += piece.len;
	body->bytes[body->len] = 0;
	return 0;
}

/* All of it in one piece of the window, with nothing behind it that a zero would overwrite. */
static bool stays(ouro_req *req, ouro_str piece)
{
	struct intake *body = &req->body;
	size_t end = (size_t)(piece.ptr + piece.len - req->bytes);

	if (body->len || piece.len != req->parse.length || req->loan_len || end != req->end ||
	    end >= req->room)
		return false;
	body->bytes = req->bytes + (piece.ptr - req->bytes);
	body->len = piece.len;
	body->bytes[body->len] = 0;
	req->end++; /* the zero's place */
	req->begin = req->base = req->end;
	return true;
}

/* Handing on. */

static void tell(ouro_req *req, int err, ouro_str piece)
{
	struct intake *body = &req->body;

	body->told = err != 0;
	if (req->owned)
		req_call(req, body->fn, req, err, piece, body->arg);
}

void ouro__intake_tell_end(ouro_req *req)
{
	struct intake *body = &req->body;
	bool over = body->state == BODY_WHOLE || body->state == BODY_BROKEN;

	if (over && body->fn && !body->told && !body->paused)
		tell(req, body->err ? body->err : OURO_EOF, (ouro_str){ NULL, 0 });
}

void ouro__intake_break(ouro_req *req, int err)
{
	struct intake *body = &req->body;

	if (body->state == BODY_WHOLE || body->state == BODY_BROKEN)
		return;
	body->state = BODY_BROKEN;
	body->err = err;
	ouro__intake_tell_end(req);
}

static int deliver(ouro_req *req, ouro_str piece)
{
	struct intake *body = &req->body;

	if (req->parse.body_bytes > body->max) {
		if (!body->streamed)
			return 413;
		ouro__intake_break(req, OURO_ETOOBIG);
		return 0;
	}
	if (!body->streamed)
		return stays(req, piece) ? 0 : gather(req, piece);
	tell(req, 0, piece);
	return 0;
}

/* Where the next bytes are. */
static bool source(ouro_req *req, const char **ret_at, const char **ret_end)
{
	if (req->begin < req->end) {
		*ret_at = req->bytes + req->begin;
		*ret_end = req->bytes + req->end;
	} else if (req->loan_len) {
		*ret_at = req->loan;
		*ret_end = req->loan + req->loan_len;
	} else {
		return false;
	}
	return true;
}

static void taken(ouro_req *req, size_t n)
{
	if (req->begin < req->end) {
		req->begin += (uint32_t)n;
	} else {
		req->loan += n;
		req->loan_len -= n;
	}
	req->body.window_bytes += n;
}

/* One step: the event, or -status; 0 bytes left is BODY_MORE. */
static int step(ouro_req *req, ouro_str *ret_piece)
{
	const char *at, *from, *end;
	int event;

	if (!source(req, &at, &end))
		return req->parse.done ? BODY_END : BODY_MORE;
	from = at;
	event = ouro__body_next(&req->parse, &at, end, ret_piece);
	taken(req, (size_t)(at - from));
	return event;
}

static int broken(ouro_req *req, int status)
{
	if (!req->body.streamed)
		return status;
	ouro__intake_break(req, OURO_EPROTO);
	return 0;
}

int ouro__intake_take(ouro_req *req)
{
	ouro_str piece;
	int status = 0;

	while (!status && intake_is_open(&req->body)) {
		int event = step(req, &piece);

		if (event < 0)
			status = broken(req, -event);
		else if (event == BODY_PIECE)
			status = deliver(req, piece);
		else if (event == BODY_END)
			req->body.state = BODY_WHOLE;
		else if (is_dry(req))
			break;
	}
	if (!status)
		ouro__intake_tell_end(req);
	return status;
}

int ouro__intake_discard(ouro_req *req)
{
	ouro_str piece;
	int event;

	for (;;) {
		event = step(req, &piece);
		if (event < 0)
			return -event;
		if (event == BODY_END) {
			req->body.state = BODY_WHOLE;
			return 0;
		}
		if (event == BODY_MORE && is_dry(req))
			return 0;
	}
}

/* Not when the client waits to be told to go on, when it is too long, or when it makes no sense. */
bool ouro__intake_is_worth_reading(const ouro_req *req)
{
	uint64_t left = req->parse.length - req->parse.body_bytes;

	if (req->body.state == BODY_BROKEN)
		return false;
	if (req->parse.expects_continue && !req->body.continued)
		return false;
	return req->parse.kind != BODY_LENGTH || left <= req->server->opts.unread_max;
}

/* The manual's. */

ouro_str ouro_req_body(const ouro_req *req)
{
	req_check(req);
	if (req->body.bytes)
		return ouro_str_n(req->body.bytes, req->body.len);
	return ouro_str_n("", 0);
}

uint64_t ouro_req_length(const ouro_req *req)
{
	req_check(req);
	if (!req->head || req->parse.kind == BODY_NONE)
		return 0;
	return req->parse.kind == BODY_LENGTH ? req->parse.length : UINT64_MAX;
}

uint64_t ouro_req_received(const ouro_req *req)
{
	req_check(req);
	return req->parse.body_bytes;
}

int ouro_req_read(ouro_req *req, ouro_body_fn *fn, void *arg)
{
	struct intake *body = &req->body;

	req_check(req);
	if (!req->owned || !body->streamed || body->fn)
		return -EINVAL;
	body->fn = fn;
	body->arg = arg;
	if (body->state == BODY_UNASKED) {
		body->state = BODY_READING;
		ouro__intake_continue(req);
	}
	req_kick(req);
	return 0;
}

void ouro_req_pause(ouro_req *req)
{
	req_check(req);
	req->body.paused = true;
}

void ouro_req_resume(ouro_req *req)
{
	req_check(req);
	if (!req->body.paused)
		return;
	req->body.paused = false;
	req_kick(req);
}
