/* fields.c -- the fields of an answer, as handlers set them. See ouro/http.h.
 *
 * A name and a value are looked at before they are kept, so that no answer can be made into two by
 * what somebody has put into a value. */
#include "http/encoded.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>

/* What ouro says itself about framing and the connection. */
static bool is_ours(ouro_str name)
{
	static const char *const ours[] = { "Connection", "Content-Length", "Transfer-Encoding",
					    "Upgrade", "Keep-Alive" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (ouro_str_caseeq(name, ours[i]))
			return true;
	return false;
}

static int append(ouro_req *req, struct answer_field **at, ouro_str name, ouro_str value)
{
	struct answer_field *field = ouro__req_room(req, sizeof(*field));
	char *name_copy = ouro__req_copy(req, name);
	char *value_copy = value.ptr ? ouro__req_copy(req, value) : NULL;

	if (!field || !name_copy || (value.ptr && !value_copy))
		return -ENOMEM;
	field->next = NULL;
	field->name = ouro_str_n(name_copy, name.len);
	field->value = ouro_str_n(value_copy, value.len);
	while (*at)
		at = &(*at)->next;
	*at = field;
	return 0;
}

static void remove_all(struct answer_field **at, ouro_str name)
{
	while (*at) {
		if (ouro_str_caseeq((*at)->name, name.ptr))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

static int check(const ouro_req *req, ouro_str name, ouro_str value)
{
	req_check(req);
	if (!req->owned && req->answer.state == ANSWER_ENDED)
		return -EALREADY;
	if (req->answer.state != ANSWER_NONE)
		return -EALREADY;
	if (!ouro__is_field_name(name) || !ouro__is_field_value(value) || is_ours(name))
		return -EINVAL;
	return 0;
}

/* Keeps the old ones when there is no memory for the new one. */
int ouro_req_set(ouro_req *req, const char *name, ouro_str value)
{
	ouro_str what = ouro_str_z(name);
	struct answer_field *made = NULL;
	int err = check(req, what, value);

	if (!err)
		err = append(req, &made, what, value.ptr ? value : ouro_str_z(""));
	if (err)
		return err;
	remove_all(&req->answer.fields, what);
	made->next = req->answer.fields;
	req->answer.fields = made;
	return 0;
}

int ouro_req_add(ouro_req *req, const char *name, ouro_str value)
{
	ouro_str what = ouro_str_z(name);
	int err = check(req, what, value);

	return err ? err
		   : append(req, &req->answer.fields, what, value.ptr ? value : ouro_str_z(""));
}

/* Date would come by itself: a field without a value says that it shall not. */
int ouro_req_unset(ouro_req *req, const char *name)
{
	ouro_str what = ouro_str_z(name), none = { NULL, 0 };
	int err = check(req, what, none);

	if (err)
		return err;
	remove_all(&req->answer.fields, what);
	if (!ouro_str_caseeq(what, "Date"))
		return 0;
	return append(req, &req->answer.fields, what, none);
}

/* Framing, routing and the like must be known before the body: RFC 9110, 6.5.1. */
static bool may_trail(ouro_str name)
{
	static const char *const never[] = {
		"Host",    "Content-Type", "Content-Encoding", "Content-Range",    "Cache-Control",
		"Date",    "Set-Cookie",   "Location",         "Trailer",          "Vary",
		"Expires", "Age",          "Retry-After",      "WWW-Authenticate", "Authorization"
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (ouro_str_caseeq(name, never[i]))
			return false;
	return !is_ours(name);
}

int ouro_req_trailer(ouro_req *req, const char *name, ouro_str value)
{
	ouro_str what = ouro_str_z(name);

	req_check(req);
	if (!req->owned || req->answer.state != ANSWER_STARTED)
		return -EALREADY;
	if (req->answer.framing != FRAMING_CHUNKED || !ouro__is_field_name(what) ||
	    !ouro__is_field_value(value) || !may_trail(what))
		return -EINVAL;
	return append(req, &req->answer.trailers, what, value.ptr ? value : ouro_str_z(""));
}
