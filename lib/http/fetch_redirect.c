/* fetch_redirect.c -- where an answer sends an ask. See ouro/fetch.h and RFC 9110, 15.4.
 *
 * The ask becomes the next one in place. What it leaves behind on its way to another origin it has
 * left for good, also when it is sent back. */
#include "base/alloc.h"
#include "http/fetch.h"
#include <errno.h>

static bool turns_to_get(const ouro_answer *fetch)
{
	int status = fetch->response.status;

	if (status == 303)
		return !fetch->asked_head;
	return (status == 301 || status == 302) && !strcmp(fetch->opts.method, "POST");
}

bool ouro__ask_follows(const ouro_answer *fetch)
{
	int status = fetch->response.status;

	if (!fetch->opts.redirects || !ouro_answer_header(fetch, "Location").ptr)
		return false;
	if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
		return false;
	return turns_to_get(fetch) || !fetch->opts.upload;
}

/* What says who is asking, and what only the first place should know. */
static bool is_private(ouro_str name)
{
	static const char *const names[] = { "Authorization", "Cookie", "Proxy-Authorization",
					     "Host", NULL };

	return ouro__is_one_of(name, names);
}

static bool is_of_body(ouro_str name)
{
	return name.len >= 8 && ouro_str_caseeq(ouro_str_n(name.ptr, 8), "Content-");
}

static void turn_to_get(ouro_answer *fetch)
{
	fetch->opts.upload = false;
	fetch->opts.length = 0;
	fetch->opts.body.len = 0;
	fetch->upload_ended = true;
	ouro__ask_leave_out(fetch, is_of_body);
	ouro__ask_take_method(fetch, "GET");
}

/* The old text stays until the two origins have been compared. */
static int go_to(ouro_answer *fetch, ouro_str location)
{
	size_t room = strlen(fetch->url_text) + location.len + URL_EXTRA;
	char *text = ouro__realloc(NULL, room + 1), *old = fetch->url_text;
	struct url was = fetch->url;
	int err;

	if (!text)
		return -ENOMEM;
	fetch->url_text = NULL;
	err = ouro__ask_take_url(fetch, text, ouro__url_resolve(&was, location, text));
	if (!err && !ouro__url_same_origin(&was, &fetch->url)) {
		fetch->opts.unix_path = NULL;
		ouro__ask_leave_out(fetch, is_private);
	}
	ouro__free(old);
	return err == -EINVAL ? OURO_EPROTO : err;
}

int ouro__ask_redirect(ouro_answer *fetch)
{
	ouro_str location = ouro_answer_header(fetch, "Location");
	int err;

	if (ouro_answer_header_nth(fetch, "Location", 1).ptr)
		return OURO_EPROTO;
	if (fetch->redirects == fetch->opts.redirects)
		return -ELOOP;
	if (turns_to_get(fetch))
		turn_to_get(fetch);
	err = go_to(fetch, location);
	if (!err) {
		fetch->redirects++;
		fetch->body_sent = 0;
	}
	return err;
}
