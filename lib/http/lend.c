/* lend.c -- bodies that are not copied. See lend.h.
 *
 * Whoever is told that his bytes have left is called from the middle of a flush, when the
 * connection has looked at its step already. So an answer that ends there has the connection look
 * again, in the next turn. */
#include "http/lend.h"
#include "base/check.h"
#include "http/reply.h"
#include "http/req.h"

void ouro__lend_count(ouro_req *req, uint64_t n)
{
	req_check(req);
	ouro__check(req->answer.state == ANSWER_STARTED && n <= req->answer.left);
	req->answer.left -= n;
}

int ouro__lend_bytes(ouro_req *req, const char *bytes, size_t n, out_release_fn *fn, void *arg)
{
	int err = ouro__out_borrow(&req->out, req->http->net, bytes, n, fn, arg);

	req_kick(req);
	return err;
}

int ouro__lend_file(ouro_req *req, struct out_file *file, size_t n, out_release_fn *fn, void *arg)
{
	int err = ouro__out_file(&req->out, req->http->net, file, n, fn, arg);

	req_kick(req);
	return err;
}

void ouro__lend_end(ouro_req *req)
{
	flush_soon(req->http->loop, &req->flush);
	ouro_req_end(req);
}

void ouro__lend_cut(ouro_req *req)
{
	flush_soon(req->http->loop, &req->flush);
	ouro__answer_cut(req);
}

/* Most requests have no others. */
int ouro__lend_fields(ouro_req *req, struct answer_field *fields)
{
	int err = 0;

	if (!req->answer.fields) {
		req->answer.fields = fields;
		return 0;
	}
	for (; !err && fields; fields = fields->next)
		err = ouro_str_eq(fields->name, "Vary")
			      ? ouro_req_add(req, fields->name.ptr, fields->value)
			      : ouro_req_set(req, fields->name.ptr, fields->value);
	return err;
}
