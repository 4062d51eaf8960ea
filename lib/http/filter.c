/* filter.c -- an answer whose body passes a filter. See ouro/filter.h.
 *
 * The body becomes one whose length nobody knows, so it is chunked, or ends with the connection.
 * What the handler promised about its own length is kept here: it counts against that.
 *
 * When the handler has ended, the answer has not: it is the filter's, until that has written the
 * rest. The request is then like one that is answered, so that nobody finds it, and a second answer
 * is refused; but for its connection, which waits. */
#include "http/filter.h"
#include "http/reply.h"
#include "http/req.h"
#include "ouro/error.h"
#include "ouro/filter.h"
#include <errno.h>

int ouro_req_filter(ouro_req *req, const ouro_filter *filter, void *arg)
{
	req_check(req);
	if (req->answer.state != ANSWER_NONE || req->answer.filter)
		return -EALREADY;
	req->answer.filter = filter;
	req->answer.filter_arg = arg;
	return 0;
}

void ouro__filter_leave(ouro_req *req)
{
	const ouro_filter *filter = req->answer.filter;

	req->answer.filter = NULL;
	if (req->answer.filtered)
		filter->gone(req->answer.filter_arg);
	req->answer.filtered = false;
}

bool ouro__filter_begin(ouro_req *req, int status, const char *type, uint64_t length)
{
	struct answer *answer = &req->answer;
	void *state = answer->filter->begin(req, status, type, length, answer->filter_arg);

	if (!state) {
		answer->filter = NULL;
		return false;
	}
	answer->filter_arg = state;
	answer->filtered = true;
	answer->has_length = false;
	answer->left = length;
	return true;
}

static int broken(ouro_req *req, int err)
{
	if (req->answer.state == ANSWER_STARTED)
		ouro__answer_cut(req);
	return err;
}

int64_t ouro__filter_piece(ouro_req *req, ouro_str piece, bool is_static)
{
	struct answer *answer = &req->answer;
	int64_t held = 0;

	if (answer->left != UINT64_MAX && piece.len > answer->left)
		return -EINVAL;
	if (answer->left != UINT64_MAX)
		answer->left -= piece.len;
	if (piece.len)
		held = answer->filter->piece(req, piece, is_static, answer->filter_arg);
	if (held < 0)
		return broken(req, (int)held);
	if (req->out.queued + (size_t)held >= req->server->opts.high)
		answer->high = true;
	req_kick(req);
	return (int64_t)req->out.queued + held;
}

/* The handler is through with it; what there is of the request goes, as when it is answered. */
int ouro__filter_close(ouro_req *req)
{
	struct answer *answer = &req->answer;
	int err;

	if (answer->left && answer->left != UINT64_MAX) {
		ouro__answer_cut(req);
		return -EINVAL;
	}
	ouro__answer_given(req);
	err = answer->filter->end(req, answer->filter_arg);
	return err ? broken(req, err) : 0;
}

int ouro__filter_whole(ouro_req *req, int status, const char *type, ouro_str body, bool is_static)
{
	int err = ouro_req_start(req, status, type);
	int64_t n;

	if (err)
		return err;
	if (!req->answer.filter) /* a HEAD */
		return ouro_req_end(req);
	n = ouro__filter_piece(req, body, is_static);
	return n < 0 ? (int)n : ouro__filter_close(req);
}

bool ouro__filter_holds(ouro_req *req)
{
	return req->answer.filtered && req->answer.filter->drained(req, req->answer.filter_arg) > 0;
}

int ouro_filter_write(ouro_req *req, ouro_str bytes)
{
	int err;

	req_check(req);
	if (!req->conn)
		return OURO_ECLOSED;
	err = bytes.len ? ouro__piece_put(req, bytes) : 0;
	if (err) {
		ouro__answer_cut(req);
		return err;
	}
	if (req->out.queued >= req->server->opts.high)
		req->answer.high = true;
	req_kick(req);
	return req->answer.high;
}

void ouro_filter_end(ouro_req *req)
{
	req_check(req);
	ouro__piece_end(req);
}

void ouro_filter_cut(ouro_req *req)
{
	req_check(req);
	ouro__answer_cut(req);
}

ouro_str ouro_filter_field(const ouro_req *req, const char *name)
{
	req_check(req);
	for (const struct answer_field *at = req->answer.fields; at; at = at->next)
		if (ouro_str_caseeq(at->name, name))
			return at->value;
	return ouro_str_n(NULL, 0);
}
