/* fetch_answer.c -- what has come: the memory it is in, and what can be asked of it. See
 * ouro/fetch.h.
 *
 * The head stays where it was read to, in a page of the loop's, and a small body is put behind it:
 * most answers need no other memory. A larger one has a block that grows with what comes, not with
 * what was announced. */
#include "base/alloc.h"
#include "base/check.h"
#include "http/fetch.h"
#include <errno.h>

/* ---- Memory ---- */

void ouro__answer_free(ouro_answer *fetch)
{
	if (fetch->body_is_block)
		ouro__free(fetch->body);
	if (fetch->page)
		ouro__page_give(fetch->client->net, fetch->page);
	else
		ouro__free(fetch->head);
	fetch->page = NULL;
	fetch->head = fetch->body = NULL;
	fetch->head_len = fetch->head_room = 0;
	fetch->body_len = fetch->body_room = 0;
	fetch->body_is_block = false;
}

static int take_page(ouro_answer *fetch)
{
	fetch->page = ouro__page_take(fetch->client->net);
	if (!fetch->page)
		return -ENOMEM;
	fetch->head = fetch->page->bytes;
	fetch->head_room = PAGE_ROOM;
	return 0;
}

int ouro__answer_widen(ouro_answer *fetch)
{
	uint32_t wanted = fetch->head_room * 2;
	char *wider;

	if (!fetch->head)
		return take_page(fetch);
	wider = ouro__realloc(fetch->page ? NULL : fetch->head, wanted);
	if (!wider)
		return -ENOMEM;
	if (fetch->page) {
		memcpy(wider, fetch->head, fetch->head_len);
		ouro__page_give(fetch->client->net, fetch->page);
		fetch->page = NULL;
	}
	fetch->head = wider;
	fetch->head_room = wanted;
	return 0;
}

/* Behind the head, if it is known that all of it has room there. */
static bool fits_behind_head(const ouro_answer *fetch)
{
	const struct response *response = &fetch->response;

	return fetch->page && response->parse.kind == BODY_LENGTH &&
	       response->parse.length < fetch->head_room - fetch->head_len;
}

#define BLOCK_LEAST ((size_t)4 << 10)

/* For n bytes and a zero. */
static int make_room(ouro_answer *fetch, size_t n)
{
	size_t wanted = fetch->body_room * 2 > n ? fetch->body_room * 2 : n + 1;
	char *wider;

	if (!fetch->body && fits_behind_head(fetch)) {
		fetch->body = fetch->head + fetch->head_len;
		fetch->body_room = fetch->head_room - fetch->head_len;
	}
	if (n < fetch->body_room)
		return 0;
	wanted = wanted > BLOCK_LEAST ? wanted : BLOCK_LEAST;
	wider = ouro__realloc(fetch->body, wanted);
	if (!wider)
		return -ENOMEM;
	fetch->body = wider;
	fetch->body_room = wanted;
	fetch->body_is_block = true;
	return 0;
}

int ouro__answer_gather(ouro_answer *fetch, ouro_str piece)
{
	int err;

	if (piece.len > fetch->opts.body_max - fetch->body_len)
		return OURO_ETOOBIG;
	err = make_room(fetch, fetch->body_len + piece.len);
	if (err)
		return err;
	memcpy(fetch->body + fetch->body_len, piece.ptr, piece.len);
	fetch->body_len += piece.len;
	fetch->body[fetch->body_len] = 0;
	return 0;
}

/* Behind each is a ':', a blank or a CR, which nobody needs any more. */
void ouro__answer_settled(ouro_answer *fetch)
{
	const struct response *response = &fetch->response;

	fetch->head[response->reason + response->reason_len] = 0;
	for (unsigned i = 0; i < response->parse.count; i++) {
		const struct field *field = &response->parse.fields[i];

		fetch->head[field->name + field->name_len] = 0;
		fetch->head[field->value + field->value_len] = 0;
	}
	fetch->settled = true;
}

/* ---- Asking ---- */

static const ouro_str none = { NULL, 0 };

static void check(const ouro_answer *answer)
{
	ouro__check_magic(answer, FETCH_MAGIC);
}

int ouro_answer_status(const ouro_answer *answer)
{
	check(answer);
	return answer->settled ? answer->response.status : 0;
}

int ouro_answer_version(const ouro_answer *answer)
{
	check(answer);
	return answer->settled ? 10 + answer->response.parse.minor : 0;
}

ouro_str ouro_answer_reason(const ouro_answer *answer)
{
	check(answer);
	if (!answer->settled)
		return none;
	return ouro_str_n(answer->head + answer->response.reason, answer->response.reason_len);
}

unsigned ouro_answer_headers(const ouro_answer *answer)
{
	check(answer);
	return answer->settled ? answer->response.parse.count : 0;
}

ouro_str ouro_answer_header_at(const ouro_answer *answer, unsigned i, ouro_str *ret_value)
{
	const struct field *field = &answer->response.parse.fields[i];

	if (i >= ouro_answer_headers(answer)) {
		*ret_value = none;
		return none;
	}
	*ret_value = ouro_str_n(answer->head + field->value, field->value_len);
	return ouro_str_n(answer->head + field->name, field->name_len);
}

ouro_str ouro_answer_header_nth(const ouro_answer *answer, const char *name, unsigned n)
{
	ouro_str found, value;

	for (unsigned i = 0; i < ouro_answer_headers(answer); i++) {
		found = ouro_answer_header_at(answer, i, &value);
		if (ouro_str_caseeq(found, name) && !n--)
			return value;
	}
	return none;
}

ouro_str ouro_answer_header(const ouro_answer *answer, const char *name)
{
	return ouro_answer_header_nth(answer, name, 0);
}

ouro_str ouro_answer_body(const ouro_answer *answer)
{
	check(answer);
	return ouro_str_n(answer->body ? answer->body : "", answer->body_len);
}

uint64_t ouro_answer_length(const ouro_answer *answer)
{
	check(answer);
	return answer->settled && answer->response.has_length ? answer->response.parse.length
							      : UINT64_MAX;
}

const char *ouro_answer_url(const ouro_answer *answer)
{
	check(answer);
	return answer->url_text ? answer->url_text : "";
}

unsigned ouro_answer_redirects(const ouro_answer *answer)
{
	check(answer);
	return answer->redirects;
}

bool ouro_answer_reused(const ouro_answer *answer)
{
	check(answer);
	return answer->reused;
}

bool ouro_answer_retried(const ouro_answer *answer)
{
	check(answer);
	return answer->retried;
}
