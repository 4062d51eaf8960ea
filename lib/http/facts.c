/* facts.c -- what a request says of itself. See ouro/http.h.
 *
 * Most of it is a slice of the head where it was read. The zero that a C programmer wants behind it
 * goes where a line end or a blank was; where that is not ours to overwrite, and where something is
 * to be decoded, the request's memory gets a copy. */
#include "base/alloc.h"
#include "http/conn.h"
#include "http/encoded.h"
#include "http/intake.h"
#include "http/multipart.h"
#include "http/req.h"
#include <errno.h>
#include <limits.h>

static const ouro_str absent = { NULL, 0 };

static ouro_str slice(const ouro_req *req, uint32_t at, uint32_t len)
{
	return ouro_str_n(req->head + at, len);
}

static ouro_str copied(ouro_req *req, ouro_str s)
{
	const char *copy = ouro__req_copy(req, s);

	return copy ? ouro_str_n(copy, s.len) : absent;
}

/* The line. */

ouro_str ouro_req_method(const ouro_req *req)
{
	req_check(req);
	return req->head ? slice(req, req->parse.skipped, req->parse.method_len) : absent;
}

ouro_str ouro_req_target(const ouro_req *req)
{
	req_check(req);
	return req->head ? slice(req, req->parse.target, req->parse.target_len) : absent;
}

int ouro_req_version(const ouro_req *req)
{
	req_check(req);
	return 10 + req->parse.minor;
}

ouro_str ouro_req_path(ouro_req *req)
{
	req_check(req);
	if (!req->path_z && req->path.ptr)
		req->path_z = ouro__req_copy(req, req->path);
	return req->path_z ? ouro_str_n(req->path_z, req->path.len) : absent;
}

ouro_str ouro_req_query_string(const ouro_req *req)
{
	req_check(req);
	if (!req->head || !req->parse.query)
		return absent;
	return slice(req, req->parse.query, req->parse.query_len);
}

ouro_str ouro_req_host(ouro_req *req)
{
	req_check(req);
	if (!req->head || !req->parse.host)
		return absent;
	return copied(req, slice(req, req->parse.host, req->parse.host_len));
}

/* Fields. */

static ouro_str value_of(const ouro_req *req, int i)
{
	const struct field *field = &req->parse.fields[i];

	req->head[field->value + field->value_len] = 0;
	return slice(req, field->value, field->value_len);
}

ouro_str ouro_req_header_nth(const ouro_req *req, const char *name, unsigned n)
{
	ouro_str wanted = ouro_str_z(name);
	int i = -1;

	req_check(req);
	if (!req->head)
		return absent;
	do {
		i = ouro__head_find(&req->parse, req->head, wanted, i + 1);
	} while (i >= 0 && n--);
	return i < 0 ? absent : value_of(req, i);
}

ouro_str ouro_req_header(const ouro_req *req, const char *name)
{
	return ouro_req_header_nth(req, name, 0);
}

unsigned ouro_req_headers(const ouro_req *req)
{
	req_check(req);
	return req->head ? req->parse.count : 0;
}

ouro_str ouro_req_header_at(const ouro_req *req, unsigned i, ouro_str *ret_value)
{
	const struct field *field;

	req_check(req);
	*ret_value = absent;
	if (i >= ouro_req_headers(req))
		return absent;
	field = &req->parse.fields[i];
	req->head[field->name + field->name_len] = 0;
	*ret_value = value_of(req, (int)i);
	return slice(req, field->name, field->name_len);
}

ouro_str ouro_req_type(ouro_req *req)
{
	ouro_str type = ouro__media_type(ouro_req_header(req, "Content-Type"));

	return type.ptr ? copied(req, type) : absent;
}

ouro_str ouro_req_cookie(ouro_req *req, const char *name)
{
	ouro_str wanted = ouro_str_z(name), line, value;

	for (unsigned n = 0; (line = ouro_req_header_nth(req, "Cookie", n)).ptr; n++) {
		value = ouro__cookie_find(line, wanted);
		if (value.ptr)
			return copied(req, value);
	}
	return absent;
}

/* Pairs. */

static ouro_str decoded(ouro_req *req, ouro_str raw, int (*decode)(ouro_str raw, char *room))
{
	char *room = raw.ptr ? ouro__req_room(req, raw.len + 1) : NULL;
	int len = room ? decode(raw, room) : -1;

	if (len < 0)
		return absent;
	room[len] = 0;
	return ouro_str_n(room, (size_t)len);
}

ouro_str ouro_req_query_nth(ouro_req *req, const char *name, unsigned n)
{
	ouro_str pairs = ouro_req_query_string(req);

	if (!pairs.ptr)
		return absent;
	return decoded(req, ouro__pair_find(pairs, ouro_str_z(name), n), ouro__form_decode);
}

ouro_str ouro_req_query(ouro_req *req, const char *name)
{
	return ouro_req_query_nth(req, name, 0);
}

/* The body lies there in one piece, and so does what is between two delimiters. */
static ouro_str field_nth(ouro_req *req, struct multipart *form, const char *name, unsigned n)
{
	ouro_str body = ouro_req_body(req), piece, found = absent;
	const char *at = body.ptr, *start = NULL;
	int event;

	while ((event = ouro__multipart_next(form, &at, body.ptr + body.len, &piece)) > 0) {
		if (event == MULTIPART_BEGIN && !form->filename.ptr &&
		    ouro_str_eq(form->name, name) && !n--)
			start = at;
		if (event == MULTIPART_END && start && !found.ptr)
			found = ouro_str_n(start, (size_t)(at - form->length - start));
	}
	return ouro__multipart_end(form) ? absent : found;
}

static ouro_str part_nth(ouro_req *req, ouro_str type, const char *name, unsigned n)
{
	struct multipart *form;
	ouro_str found = absent;

	if (ouro_req_header_nth(req, "Content-Type", 1).ptr)
		return absent;
	form = ouro__alloc(sizeof(*form));
	if (form && !ouro__multipart_start(form, type, UINT_MAX, SIZE_MAX))
		found = field_nth(req, form, name, n);
	ouro__free(form);
	return found.ptr ? copied(req, found) : absent;
}

ouro_str ouro_req_form_nth(ouro_req *req, const char *name, unsigned n)
{
	ouro_str value = ouro_req_header(req, "Content-Type"), type = ouro__media_type(value);

	if (ouro_str_caseeq(type, "multipart/form-data"))
		return part_nth(req, value, name, n);
	if (!ouro_str_caseeq(type, "application/x-www-form-urlencoded"))
		return absent;
	return decoded(req, ouro__pair_find(ouro_req_body(req), ouro_str_z(name), n),
		       ouro__form_decode);
}

ouro_str ouro_req_form(ouro_req *req, const char *name)
{
	return ouro_req_form_nth(req, name, 0);
}

/* The route. */

ouro_str ouro_req_param(ouro_req *req, const char *name)
{
	size_t len = strlen(name);

	req_check(req);
	for (unsigned i = 0; i < req->match.params; i++) {
		const struct match_param *param = &req->match.param[i];

		if (param->name_len == len && !memcmp(param->name, name, len))
			return decoded(req, ouro_str_n(req->path.ptr + param->at, param->len),
				       ouro__part_decode);
	}
	return absent;
}

ouro_str ouro_req_rest(ouro_req *req)
{
	req_check(req);
	if (!req->match.rest)
		return absent;
	return decoded(req,
		       ouro_str_n(req->path.ptr + req->match.rest, req->path.len - req->match.rest),
		       ouro__part_decode);
}

const char *ouro_req_route(const ouro_req *req)
{
	req_check(req);
	return req->match.pattern;
}

/* The rest. */

const ouro_addr *ouro_req_peer(ouro_req *req)
{
	req_check(req);
	if (!req->peer) {
		req->peer = ouro__req_room(req, sizeof(*req->peer));
		if (req->peer && req->conn)
			ouro__origin_addr(&req->conn->origin, req->peer);
		else if (req->peer)
			memset(req->peer, 0, sizeof(*req->peer));
	}
	return req->peer;
}

ouro_loop *ouro_req_loop(const ouro_req *req)
{
	req_check(req);
	return req->http->loop;
}

ouro_server *ouro_req_server(const ouro_req *req)
{
	req_check(req);
	return req->server;
}

void ouro_req_set_data(ouro_req *req, void *data)
{
	req_check(req);
	req->data = data;
}

void *ouro_req_data(const ouro_req *req)
{
	req_check(req);
	return req->data;
}
