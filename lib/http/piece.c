/* piece.c -- answers that are made piece by piece. See ouro/http.h.
 *
 * What the head promised is kept: more bytes than the length said are refused, and fewer, or none
 * at all any more, end the connection in the middle, for that is how HTTP/1 says "this is not
 * whole". */
#include "http/encoded.h"
#include "http/filter.h"
#include "http/intake.h"
#include "http/reply.h"
#include "http/req.h"
#include "http/status.h"
#include "ouro/error.h"
#include <errno.h>

int ouro_req_set_length(ouro_req *req, uint64_t length)
{
	req_check(req);
	if (req->answer.state != ANSWER_NONE)
		return -EALREADY;
	req->answer.has_length = true;
	req->answer.length = req->answer.left = length;
	return 0;
}

static enum framing framing_of(const ouro_req *req, int status)
{
	if (!status_has_body(status))
		return FRAMING_NONE;
	if (req->answer.has_length)
		return FRAMING_LENGTH;
	return req->parse.minor ? FRAMING_CHUNKED : FRAMING_CLOSE;
}

int ouro_req_start(ouro_req *req, int status, const char *type)
{
	struct answer *answer = &req->answer;
	int err;

	req_check(req);
	err = ouro__answer_possible(req);
	if (err)
		return err;
	if (answer->state != ANSWER_NONE)
		return -EALREADY;
	if (answer->filter && !answer->filtered)
		ouro__filter_begin(req, status, type,
				   answer->has_length ? answer->length : UINT64_MAX);
	answer->framing = framing_of(req, status);
	answer->no_body = req->parse.method == HTTP_HEAD || answer->framing == FRAMING_NONE;
	err = ouro__answer_head(req, status, type);
	if (err == -ENOMEM)
		ouro__answer_cut(req);
	if (err)
		return err;
	answer->state = ANSWER_STARTED;
	req->later = true;
	if (answer->no_body && answer->filter)
		ouro__filter_leave(req);
	req_kick(req);
	return 0;
}

/* Chunks. */

static int chunk_begins(ouro_req *req, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char line[18], *at = line + sizeof(line);

	*--at = '\n';
	*--at = '\r';
	for (size_t n = len; n; n >>= 4)
		*--at = digits[n & 15];
	return ouro__out_copy(&req->out, req->http->net, at, (size_t)(line + sizeof(line) - at));
}

static int put_piece(ouro_req *req, ouro_str piece, bool is_static)
{
	bool chunked = req->answer.framing == FRAMING_CHUNKED;
	int err = chunked ? chunk_begins(req, piece.len) : 0;

	if (!err)
		err = ouro__answer_bytes(req, piece, is_static);
	if (!err && chunked)
		err = ouro__out_copy(&req->out, req->http->net, "\r\n", 2);
	return err;
}

/* 0, or why there can be no such piece. */
static int count(ouro_req *req, ouro_str piece)
{
	struct answer *answer = &req->answer;

	if (answer->framing == FRAMING_NONE)
		return piece.len ? -EINVAL : 0;
	if (answer->framing != FRAMING_LENGTH)
		return 0;
	if (piece.len > answer->left)
		return -EINVAL;
	answer->left -= piece.len;
	return 0;
}

static int64_t write_piece(ouro_req *req, ouro_str piece, bool is_static)
{
	struct answer *answer = &req->answer;
	int err;

	req_check(req);
	if (req->owned && !req->conn)
		return OURO_ECLOSED; /* to be ended all the same */
	err = ouro__answer_possible(req);
	if (!err && answer->state != ANSWER_STARTED)
		err = -EINVAL;
	if (!err && answer->filter)
		return ouro__filter_piece(req, piece, is_static);
	if (!err)
		err = count(req, piece);
	if (err)
		return err;
	if (answer->no_body)
		return OURO_EOF;
	if (piece.len)
		err = put_piece(req, piece, is_static);
	if (err) {
		ouro__answer_cut(req);
		return err;
	}
	if (req->out.queued >= req->server->opts.high)
		answer->high = true;
	req_kick(req);
	return (int64_t)req->out.queued;
}

int64_t ouro_req_write(ouro_req *req, ouro_str piece)
{
	return write_piece(req, piece, false);
}

int64_t ouro_req_write_static(ouro_req *req, ouro_str piece)
{
	return write_piece(req, piece, true);
}

static int put_last_chunk(ouro_req *req)
{
	int err = ouro__out_copy(&req->out, req->http->net, "0\r\n", 3);

	return err ? err : ouro__answer_fields(req, req->answer.trailers);
}

int ouro__piece_put(ouro_req *req, ouro_str piece)
{
	return put_piece(req, piece, false);
}

int ouro__piece_end(ouro_req *req)
{
	struct answer *answer = &req->answer;
	int err = 0;

	if (answer->framing == FRAMING_LENGTH && answer->left && !answer->no_body)
		err = -EINVAL;
	else if (answer->framing == FRAMING_CHUNKED && !answer->no_body)
		err = put_last_chunk(req);
	if (err)
		ouro__answer_cut(req);
	else
		ouro__answer_ended(req);
	return err;
}

int ouro_req_end(ouro_req *req)
{
	int err;

	req_check(req);
	err = ouro__answer_possible(req);
	if (!err && req->answer.state != ANSWER_STARTED)
		err = -EINVAL;
	if (err)
		return err;
	return req->answer.filter ? ouro__filter_close(req) : ouro__piece_end(req);
}

size_t ouro_req_queued(const ouro_req *req)
{
	req_check(req);
	return req->out.queued;
}

void ouro_req_on_drain(ouro_req *req, ouro_req_fn *fn, void *arg)
{
	req_check(req);
	req->answer.on_drain = fn;
	req->answer.drain_arg = arg;
}

/* Before the answer. */

static int put_informal(ouro_req *req, int status)
{
	size_t len;
	const char *line = ouro__status_line(status, &len);
	int err = ouro__out_copy(&req->out, req->http->net, line, len);

	return err ? err : ouro__answer_fields(req, req->answer.fields);
}

int ouro_req_inform(ouro_req *req, int status)
{
	int err;

	req_check(req);
	if (status != 102 && status != 103)
		return -EINVAL;
	if (req->owned && !req->conn)
		return OURO_ECLOSED;
	err = ouro__answer_possible(req);
	if (!err && req->answer.state != ANSWER_NONE)
		err = -EALREADY;
	if (err)
		return err;
	if (req->parse.minor)
		err = put_informal(req, status);
	if (err) {
		ouro__answer_cut(req);
		return err;
	}
	req->answer.fields = NULL;
	req_kick(req);
	return 0;
}
