/* fetch_ask.c -- the ask, as it was given. See fetch.h.
 *
 * What the caller gave is copied once, in the form in which it leaves: fields as lines. So a retry
 * and a redirect write the same bytes again, but for what a redirect leaves behind. A name and a
 * value are looked at before they are kept: nobody's value makes two asks of one. */
#include "base/alloc.h"
#include "http/encoded.h"
#include "http/fetch.h"
#include <errno.h>

#define METHOD_MAX 32

/* ---- Taking ---- */

bool ouro__is_one_of(ouro_str name, const char *const *names)
{
	for (; *names; names++)
		if (ouro_str_caseeq(name, *names))
			return true;
	return false;
}

/* What ouro says itself about framing and the connection. */
static bool is_ours(ouro_str name)
{
	static const char *const ours[] = { "Connection",        "Content-Length",
					    "Transfer-Encoding", "Upgrade",
					    "Keep-Alive",        "TE",
					    "Trailer",           NULL };

	return ouro__is_one_of(name, ours);
}

static int check_fields(const ouro_field *field, size_t *ret_len)
{
	for (; field && field->name; field++) {
		ouro_str name = ouro_str_z(field->name);

		if (!ouro__is_field_name(name) || !ouro__is_field_value(field->value) ||
		    is_ours(name))
			return -EINVAL;
		*ret_len += name.len + field->value.len + strlen(": \r\n");
	}
	return 0;
}

static char *put(char *to, ouro_str s)
{
	if (s.len)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

static char *put_line(char *to, const char *name, ouro_str value)
{
	to = put(put(to, ouro_str_z(name)), ouro_str_z(": "));
	return put(put(to, value), ouro_str_z("\r\n"));
}

static int take_fields(ouro_answer *fetch, const ouro_fetch_opts *opts)
{
	const ouro_field *field = opts->fields;
	ouro_str type = ouro_str_z(opts->type);
	size_t len = type.len + strlen("Content-Type: \r\n") + 1;
	int err = check_fields(field, &len);
	char *to;

	if (err || !ouro__is_field_value(type))
		return -EINVAL;
	to = fetch->fields = ouro__realloc(NULL, len);
	if (!to)
		return -ENOMEM;
	for (; field && field->name; field++)
		to = put_line(to, field->name, field->value);
	if (opts->type)
		to = put_line(to, "Content-Type", type);
	*to = 0;
	return 0;
}

/* RFC 9110, 9.2.2. */
void ouro__ask_take_method(ouro_answer *fetch, const char *method)
{
	static const char *const repeatable[] = { "GET",    "HEAD",  "OPTIONS", "PUT",
						  "DELETE", "TRACE", NULL };

	fetch->opts.method = method;
	fetch->asked_head = !strcmp(method, "HEAD");
	fetch->repeatable = false;
	for (const char *const *at = repeatable; *at; at++)
		fetch->repeatable |= !strcmp(method, *at);
}

/* Method, path and body, in one block. */
static int take_rest(ouro_answer *fetch, const ouro_fetch_opts *opts)
{
	ouro_str method = ouro_str_z(opts->method ? opts->method : "GET");
	ouro_str path = ouro_str_z(opts->unix_path);
	char *to;

	if (!ouro__is_field_name(method) || method.len > METHOD_MAX ||
	    ouro_str_eq(method, "CONNECT") || (opts->upload && opts->body.len) ||
	    (opts->length && !opts->upload) || opts->body.len > SIZE_MAX / 2)
		return -EINVAL;
	to = fetch->kept = ouro__realloc(NULL, method.len + path.len + opts->body.len + 2);
	if (!to)
		return -ENOMEM;
	to = put(put(to, method), ouro_str_n("", 1));
	ouro__ask_take_method(fetch, fetch->kept);
	fetch->opts.unix_path = opts->unix_path ? to : NULL;
	to = put(put(to, path), ouro_str_n("", 1));
	fetch->opts.body.ptr = to;
	put(to, opts->body);
	return 0;
}

/* text: the block becomes the fetch's, whatever it is. */
int ouro__ask_take_url(ouro_answer *fetch, char *text, size_t len)
{
	int err;

	ouro__free(fetch->url_text);
	fetch->url_text = text;
	text[len] = 0;
	err = ouro__url_parse(ouro_str_n(text, len), &fetch->url, &len);
	if (!err)
		text[len] = 0;
	if (err == -EPROTONOSUPPORT)
		ouro__log(&fetch->client->loop->log, OURO_LOG_ERROR,
			  "ouro_http_fetch: %.200s: no TLS here, http:// only", text);
	return err;
}

static void fill_in(ouro_fetch_opts *opts)
{
	bool streams = opts->on_piece;

	if (!opts->body_max)
		opts->body_max = streams ? OURO_NEVER : 1u << 20;
	if (opts->body_max == OURO_NEVER)
		opts->body_max = SIZE_MAX;
	opts->head_max = opts->head_max ? opts->head_max : 16384;
	opts->connect_ms = opts->connect_ms ? opts->connect_ms : 10000;
	opts->head_ms = opts->head_ms ? opts->head_ms : 30000;
	opts->progress_ms = opts->progress_ms ? opts->progress_ms : 30000;
	if (!opts->whole_ms)
		opts->whole_ms = streams ? OURO_NEVER : 120000;
}

int ouro__ask_take(ouro_answer *fetch, const ouro_fetch_opts *opts)
{
	size_t len = opts->url ? strlen(opts->url) : 0;
	char *text = ouro__realloc(NULL, len + 1);
	int err;

	fetch->opts = *opts;
	fetch->upload_ended = !opts->upload;
	fill_in(&fetch->opts);
	if (!text)
		return -ENOMEM;
	memcpy(text, opts->url ? opts->url : "", len);
	err = ouro__ask_take_url(fetch, text, len);
	if (!err)
		err = take_rest(fetch, opts);
	if (!err)
		err = take_fields(fetch, opts);
	return err;
}

void ouro__ask_free(ouro_answer *fetch)
{
	ouro__free(fetch->url_text);
	ouro__free(fetch->kept);
	ouro__free(fetch->fields);
	ouro_buf_free(fetch->early);
}

/* ---- Its fields, line by line ---- */

/* The next line of the fields; its name. NULL: no more. */
static char *line_next(char *at, ouro_str *ret_name, char **ret_end)
{
	char *colon = strchr(at, ':');

	if (!colon)
		return NULL;
	*ret_name = ouro_str_n(at, (size_t)(colon - at));
	*ret_end = strchr(colon, '\n') + 1;
	return at;
}

bool ouro__ask_has(const ouro_answer *fetch, const char *wanted)
{
	ouro_str name;

	for (char *at = fetch->fields, *end; line_next(at, &name, &end); at = end)
		if (ouro_str_caseeq(name, wanted))
			return true;
	return false;
}

void ouro__ask_leave_out(ouro_answer *fetch, bool (*unwanted)(ouro_str name))
{
	char *at = fetch->fields, *to = at, *end;
	ouro_str name;

	for (; line_next(at, &name, &end); at = end)
		if (!unwanted(name)) {
			memmove(to, at, (size_t)(end - at));
			to += end - at;
		}
	*to = 0;
}
