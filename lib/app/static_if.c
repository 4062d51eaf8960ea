/* static_if.c -- what a client knows already, and what it can read. See RFC 9110, 12.5.3 and 13.
 *
 * The order is that of 13.2.2: If-Match, or without it If-Unmodified-Since; then If-None-Match, or
 * without it If-Modified-Since. A date that is none counts as if it had not been sent. */
#include "app/static.h"
#include "http/encoded.h"
#include "http/octet.h"
#include <time.h>

/* Most requests have none of these fields, and few have one that begins like them. */
ouro_str ouro__static_header(const ouro_req *req, const char *name)
{
	const struct parse *parse = &req->parse;

	for (unsigned i = 0; i < parse->count; i++)
		if ((req->head[parse->fields[i].name] | 0x20) == (*name | 0x20))
			return ouro_req_header(req, name);
	return ouro_str_n(NULL, 0);
}

/* ---- Entity tags ---- */

static bool is_weak(ouro_str tag)
{
	return tag.len > 1 && tag.ptr[0] == 'W' && tag.ptr[1] == '/';
}

static ouro_str opaque(ouro_str tag)
{
	return is_weak(tag) ? ouro_str_n(tag.ptr + 2, tag.len - 2) : tag;
}

static bool same_tag(ouro_str a, ouro_str b, bool strongly)
{
	if (strongly && (is_weak(a) || is_weak(b)))
		return false;
	a = opaque(a);
	b = opaque(b);
	return a.len == b.len && !memcmp(a.ptr, b.ptr, a.len);
}

/* The next of `"a", W/"b"`. A tag may have commas in it, and no quote. False: no more, or
 * nonsense. */
static bool tag_next(ouro_str *list, ouro_str *ret_tag)
{
	const char *at = list->ptr, *end = octet_end(*list), *start, *quote;

	while (at < end && (octet_is_blank(*at) || *at == ','))
		at++;
	start = at;
	if (end - at > 2 && at[0] == 'W' && at[1] == '/')
		at += 2;
	if (at == end || *at != '"')
		return false;
	quote = memchr(at + 1, '"', (size_t)(end - at - 1));
	if (!quote)
		return false;
	*ret_tag = ouro_str_n(start, (size_t)(quote + 1 - start));
	*list = ouro_str_n(quote + 1, (size_t)(end - quote - 1));
	return true;
}

/* Is it among the tags of all fields of that name? `*` is any. */
static bool among(const ouro_req *req, const char *name, const char *etag, bool strongly)
{
	ouro_str mine = ouro_str_z(etag), list, tag;

	for (unsigned n = 0; (list = ouro_req_header_nth(req, name, n)).ptr; n++) {
		if (ouro_str_eq(ouro__trim(list), "*"))
			return true;
		while (tag_next(&list, &tag))
			if (same_tag(tag, mine, strongly))
				return true;
	}
	return false;
}

/* ---- Dates ---- */

static bool date_in(const ouro_req *req, const char *name, time_t *ret_when)
{
	ouro_str value = ouro__static_header(req, name);

	return value.ptr && ouro__http_date_parse(value, time(NULL), ret_when);
}

/* ---- Conditions ---- */

int ouro__static_if(const ouro_req *req, const struct form *form)
{
	time_t modified = form->stamp.modified.tv_sec, when;

	if (ouro__static_header(req, "If-Match").ptr) {
		if (!among(req, "If-Match", form->etag, true))
			return 412;
	} else if (date_in(req, "If-Unmodified-Since", &when) && modified > when) {
		return 412;
	}
	if (ouro__static_header(req, "If-None-Match").ptr)
		return among(req, "If-None-Match", form->etag, false) ? 304 : 0;
	if (!form->future && date_in(req, "If-Modified-Since", &when) && modified <= when)
		return 304;
	return 0;
}

/* A date is as good as a tag only when the file was not changed twice in that second. */
bool ouro__static_if_range(const ouro_req *req, const struct form *form)
{
	ouro_str value = ouro_req_header(req, "If-Range");
	time_t when;

	if (!value.ptr)
		return true;
	if (value.len && (value.ptr[0] == '"' || is_weak(value)))
		return same_tag(value, ouro_str_z(form->etag), true);
	return date_in(req, "If-Range", &when) && !form->young && !form->future &&
	       when == form->stamp.modified.tv_sec;
}

/* ---- Codings ---- */

#define UNSAID (-1)

/* `;q=0.5` in thousandths; without one 1000; what is no weight: 0. */
static int weight_of(const char *at, const char *end)
{
	int weight = 0, unit = 1000;

	while (at < end && octet_is_blank(*at))
		at++;
	if (at == end)
		return 1000;
	if (*at++ != ';')
		return 0;
	while (at < end && octet_is_blank(*at))
		at++;
	if (end - at < 3 || (*at | 0x20) != 'q' || at[1] != '=' || (at[2] != '0' && at[2] != '1'))
		return 0;
	weight = (at[2] - '0') * 1000;
	at += 3;
	if (at < end && *at++ != '.')
		return 0;
	for (; at < end && octet_is(*at, OCTET_DIGIT) && unit > 1; at++)
		weight += (*at - '0') * (unit /= 10);
	return at == end && weight <= 1000 ? weight : 0;
}

static void weigh(ouro_str part, int weights[CODING_COUNT], int *others)
{
	static const char *const tokens[] = {
#define X(name, token, ending, mark) token,
		CODINGS(X)
#undef X
	};
	const char *end = octet_end(part), *stop = octet_run(part.ptr, end, OCTET_TOKEN);
	ouro_str token = ouro_str_n(part.ptr, (size_t)(stop - part.ptr));
	int weight = weight_of(stop, end);

	if (ouro_str_eq(token, "*"))
		*others = weight;
	if (ouro_str_caseeq(token, "identity"))
		weights[CODING_PLAIN] = weight;
	if (ouro_str_caseeq(token, "x-gzip"))
		weights[CODING_GZIP] = weight;
	for (int i = CODING_PLAIN + 1; i < CODING_COUNT; i++)
		if (ouro_str_caseeq(token, tokens[i]))
			weights[i] = weight;
}

static void weigh_all(ouro_str list, int weights[CODING_COUNT], int *others)
{
	const char *at = list.ptr, *end = octet_end(list);

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at)),
			   *stop = comma ? comma : end;

		weigh(ouro__trim(ouro_str_n(at, (size_t)(stop - at))), weights, others);
		at = comma ? comma + 1 : end;
	}
}

/* As it is can always be sent; a coding only when it was asked for. */
enum coding ouro__static_choose(const ouro_req *req, const struct asset *asset)
{
	int weights[CODING_COUNT] = { UNSAID, UNSAID, UNSAID }, others = UNSAID, best;
	enum coding chosen = CODING_PLAIN;
	ouro_str list;

	if (!asset->forms[CODING_GZIP].there && !asset->forms[CODING_BR].there)
		return CODING_PLAIN;
	for (unsigned n = 0; (list = ouro_req_header_nth(req, "Accept-Encoding", n)).ptr; n++)
		weigh_all(list, weights, &others);
	best = weights[CODING_PLAIN] == UNSAID ? 0 : weights[CODING_PLAIN];
	for (int i = CODING_PLAIN + 1; i < CODING_COUNT; i++) {
		int weight = weights[i] == UNSAID ? others : weights[i];

		if (asset->forms[i].there && weight > 0 && weight >= best) {
			best = weight;
			chosen = (enum coding)i;
		}
	}
	return chosen;
}
