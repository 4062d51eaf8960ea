/* fetch_forward.c -- a request goes on to another server, and its answer back. See ouro/fetch.h.
 *
 * Neither body is here as a whole: what waits for one side pauses the other. Fields that are about
 * one connection end here (RFC 9110, 7.6.1): those that are known, and those that Connection names.
 *
 * The request is held by its id, since an answer that has run out of memory ends it before us. */
#include "base/alloc.h"
#include "http/encoded.h"
#include "http/fetch.h"
#include "http/req.h"
#include "http/serve.h"
#include <errno.h>

struct forward {
	ouro_loop *loop;
	ouro_req_id req;
	ouro_fetch fetch;
	int err; /* of the request's body */
};

static ouro_req *req_of(const struct forward *forward)
{
	return ouro_req_find(forward->loop, forward->req);
}

/* ---- Fields ---- */

static bool ends_here(ouro_str name)
{
	static const char *const names[] = {
		"Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Keep-Alive",
		"TE",         "Trailer",        "Proxy-Connection",  "Expect",  "Host",
		NULL
	};

	return ouro__is_one_of(name, names);
}

static bool is_among(const ouro_field *fields, ouro_str name)
{
	for (; fields && fields->name; fields++)
		if (ouro_str_caseeq(name, fields->name))
			return true;
	return false;
}

static bool req_names(const ouro_req *req, const char *name)
{
	ouro_str list;

	for (unsigned n = 0; (list = ouro_req_header_nth(req, "Connection", n)).ptr; n++)
		if (ouro__token_find(list, name))
			return true;
	return false;
}

static bool answer_names(const ouro_answer *answer, const char *name)
{
	ouro_str list;

	for (unsigned n = 0; (list = ouro_answer_header_nth(answer, "Connection", n)).ptr; n++)
		if (ouro__token_find(list, name))
			return true;
	return false;
}

/* Those that were given, then those of the request; NULL: no memory. */
static const ouro_field *fields_of(ouro_req *req, const ouro_field *given)
{
	unsigned count = ouro_req_headers(req), n = 0;
	ouro_field *fields;

	while (given && given[n].name)
		n++;
	fields = ouro_req_alloc(req, (n + count + 1) * sizeof(*fields));
	if (!fields)
		return NULL;
	if (n)
		memcpy(fields, given, n * sizeof(*fields));
	for (unsigned i = 0; i < count; i++) {
		ouro_field *field = &fields[n];
		ouro_str name = ouro_req_header_at(req, i, &field->value);

		if (!ends_here(name) && !is_among(given, name) && !req_names(req, name.ptr))
			fields[n++].name = name.ptr;
	}
	fields[n] = (ouro_field){ .name = NULL };
	return fields;
}

/* ---- The answer ---- */

static int copy_fields(ouro_req *req, const ouro_answer *answer)
{
	int err = 0;

	for (unsigned i = 0; err != -ENOMEM && i < ouro_answer_headers(answer); i++) {
		ouro_str value, name = ouro_answer_header_at(answer, i, &value);

		if (!ends_here(name) && !answer_names(answer, name.ptr))
			err = ouro_req_add(req, name.ptr, value);
	}
	if (ouro_answer_length(answer) != UINT64_MAX)
		ouro_req_set_length(req, ouro_answer_length(answer));
	return err == -ENOMEM ? err : 0;
}

static void on_head(ouro_fetch fetch, const ouro_answer *answer, void *arg)
{
	struct forward *forward = arg;
	ouro_req *req = req_of(forward);
	int err = req ? copy_fields(req, answer) : OURO_ECLOSED;

	if (!err)
		err = ouro_req_start(req, ouro_answer_status(answer), NULL);
	if (err)
		ouro_fetch_cancel(forward->loop, fetch);
}

static void on_piece(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct forward *forward = arg;
	ouro_req *req = req_of(forward);
	int64_t waits = req ? ouro_req_write(req, piece) : OURO_ECLOSED;

	if (waits < 0)
		ouro_fetch_cancel(forward->loop, fetch);
	else if (req->answer.high)
		ouro_fetch_pause(forward->loop, fetch);
}

static void on_req_drain(ouro_req *req, void *arg)
{
	struct forward *forward = arg;

	(void)req;
	ouro_fetch_resume(forward->loop, forward->fetch);
}

static int status_of(int err)
{
	if (err == OURO_ETIMEOUT)
		return 504;
	return err == OURO_EBUSY || err == -ENOMEM || err == -EMFILE ? 503 : 502;
}

/* The client must see that it is not whole; one that has gone sees nothing. */
static void fail(struct forward *forward, ouro_req *req, int err)
{
	if (ouro_req_is_gone(req))
		ouro_req_status(req, 502);
	else if (req->answer.state != ANSWER_NONE)
		ouro_req_drop(req);
	else if (forward->err)
		ouro_req_fail(req, forward->err);
	else
		ouro_req_status(req, status_of(err));
}

static void on_answer(int err, const ouro_answer *answer, void *arg)
{
	struct forward *forward = arg;
	ouro_req *req = req_of(forward);

	(void)answer;
	if (req) {
		ouro_req_on_drain(req, NULL, NULL);
		ouro_req_on_gone(req, NULL, NULL);
	}
	if (req && err)
		fail(forward, req, err);
	else if (req)
		ouro_req_end(req);
	ouro__free(forward);
}

/* ---- The request ---- */

static void on_body(ouro_req *req, int err, ouro_str piece, void *arg)
{
	struct forward *forward = arg;

	if (err == OURO_EOF) {
		ouro_fetch_end(forward->loop, forward->fetch);
	} else if (err) {
		forward->err = err;
		ouro_fetch_cancel(forward->loop, forward->fetch);
	} else if (ouro_fetch_write(forward->loop, forward->fetch, piece) > (int64_t)FETCH_HIGH) {
		ouro_req_pause(req);
	}
}

static void on_fetch_drain(ouro_fetch fetch, void *arg)
{
	ouro_req *req = req_of(arg);

	(void)fetch;
	if (req)
		ouro_req_resume(req);
}

static void on_gone(ouro_req *req, int err, void *arg)
{
	struct forward *forward = arg;

	(void)req;
	if (err != OURO_EOF)
		ouro_fetch_cancel(forward->loop, forward->fetch);
}

static void set_body(ouro_req *req, ouro_fetch_opts *opts)
{
	uint64_t length = ouro_req_length(req);

	opts->body = (ouro_str){ NULL, 0 };
	opts->length = 0;
	opts->type = NULL; /* it is among the fields */
	opts->upload = ouro__server_streams(req) && length;
	if (!opts->upload)
		opts->body = ouro_req_body(req);
	else if (length != UINT64_MAX)
		opts->length = length;
}

static int begin(struct forward *forward, ouro_req *req, const ouro_fetch_opts *given)
{
	ouro_fetch_opts opts = *given;

	forward->loop = ouro_req_loop(req);
	forward->req = ouro_req_get_id(req);
	opts.method = ouro_req_method(req).ptr;
	opts.fields = fields_of(req, given->fields);
	if (!opts.fields)
		return -ENOMEM;
	set_body(req, &opts);
	opts.on_head = on_head;
	opts.on_piece = on_piece;
	opts.on_drain = on_fetch_drain;
	forward->fetch = ouro_http_fetch(forward->loop, &opts, on_answer, forward);
	if (!forward->fetch.id)
		return -ENOMEM;
	ouro_req_on_drain(req, on_req_drain, forward);
	ouro_req_on_gone(req, on_gone, forward);
	if (opts.upload)
		ouro_req_read(req, on_body, forward);
	return 0;
}

void ouro_req_forward(ouro_req *req, const ouro_fetch_opts *opts)
{
	struct forward *forward = ouro__alloc(sizeof(*forward));

	ouro_req_later(req);
	if (forward && !begin(forward, req, opts))
		return;
	ouro__free(forward);
	ouro_req_status(req, 503);
}
