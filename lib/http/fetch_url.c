/* fetch_url.c -- RFC 3986 as far as a client of http needs it. See fetch_url.h.
 *
 * What is sent as a target is what was given, once its octets have been looked at: whoever has a
 * blank or a letter of another alphabet in a path knows best which bytes `%XX` should stand for. */
#include "http/fetch_url.h"
#include "http/authority.h"
#include "http/octet.h"
#include <errno.h>
#include <strings.h>

static bool begins(ouro_str s, const char *lower)
{
	size_t n = strlen(lower);

	return s.len >= n && ouro_str_caseeq(ouro_str_n(s.ptr, n), lower);
}

static ouro_str between(const char *start, const char *end)
{
	return ouro_str_n(start, (size_t)(end - start));
}

/* Up to the first of those octets, or all. */
static const char *until(const char *at, const char *end, const char *octets)
{
	while (at < end && (!*at || !strchr(octets, *at)))
		at++;
	return at;
}

static bool is_target(ouro_str s)
{
	const char *at = s.ptr, *end = at + s.len;

	while ((at = octet_run(at, end, OCTET_TARGET)) < end) {
		if (*at == '%' &&
		    (end - at < 3 || !octet_is(at[1], OCTET_HEX) || !octet_is(at[2], OCTET_HEX)))
			return false;
		if (*at != '%' && *at != '?')
			return false;
		at++;
	}
	return true;
}

/* A port of 0 is none that anybody listens at. */
static int split_authority(struct url *url)
{
	const char *at = url->authority.ptr, *end = at + url->authority.len;
	const char *colon = *at == '[' ? until(at, end, "]") + 1 : until(at, end, ":");

	url->host = *at == '[' ? between(at + 1, colon - 1) : between(at, colon);
	url->port = 80;
	if (end - colon > 1)
		url->port = (uint16_t)ouro_str_u64(between(colon + 1, end), 0);
	return url->port ? 0 : -EINVAL;
}

int ouro__url_parse(ouro_str text, struct url *ret_url, size_t *ret_len)
{
	const char *at = text.ptr, *end = at + text.len, *slash, *mark;

	if (begins(text, "https://"))
		return -EPROTONOSUPPORT;
	if (!begins(text, "http://"))
		return -EINVAL;
	at += strlen("http://");
	end = until(at, end, "#");
	slash = until(at, end, "/?");
	mark = until(slash, end, "?");
	ret_url->authority = between(at, slash);
	ret_url->path = between(slash, mark);
	ret_url->query = between(mark, end);
	if (!ouro__authority_is_valid(ret_url->authority, false) || !is_target(ret_url->path) ||
	    !is_target(ret_url->query))
		return -EINVAL;
	*ret_len = (size_t)(end - text.ptr);
	return split_authority(ret_url);
}

static char *put(char *to, ouro_str s)
{
	if (s.len)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

/* Takes one `/segment` at a time, and `/..` takes the last one away (RFC 3986, 5.2.4). In place:
 * what is written is never longer than what was read. */
static char *without_dots(char *path, char *end)
{
	char *at = path, *to = path;

	while (at < end) {
		const char *next = until(at + 1, end, "/");
		ouro_str segment = between(at, next);
		bool up = ouro_str_eq(segment, "/..");

		at += segment.len;
		if (up || ouro_str_eq(segment, "/.")) {
			while (up && to > path && *--to != '/')
				;
			if (at == end)
				*to++ = '/';
		} else {
			memmove(to, segment.ptr, segment.len);
			to += segment.len;
		}
	}
	return to;
}

static bool has_scheme(ouro_str reference)
{
	const char *end = reference.ptr + reference.len, *at = until(reference.ptr, end, ":/?#");

	return at < end && *at == ':';
}

/* A path, perhaps with a query behind it. */
static char *put_path(char *to, const struct url *base, ouro_str reference)
{
	const char *end = reference.ptr + reference.len, *mark = until(reference.ptr, end, "?");
	const char *slash = base->path.ptr + base->path.len;
	char *path = to;

	if (*reference.ptr != '/') {
		while (slash > base->path.ptr && slash[-1] != '/')
			slash--;
		to = put(to, base->path.len ? between(base->path.ptr, slash) : ouro_str_z("/"));
	}
	to = without_dots(path, put(to, between(reference.ptr, mark)));
	return put(to, between(mark, end));
}

size_t ouro__url_resolve(const struct url *base, ouro_str reference, char *room)
{
	const char *start = reference.ptr;
	char *to = room;

	reference = between(start, until(start, start + reference.len, "#"));
	if (has_scheme(reference))
		return (size_t)(put(to, reference) - room);
	to = put(to, ouro_str_z("http:"));
	if (begins(reference, "//"))
		return (size_t)(put(to, reference) - room);
	to = put(put(to, ouro_str_z("//")), base->authority);
	if (!reference.len)
		to = put(put(to, base->path), base->query);
	else if (*reference.ptr == '?')
		to = put(put(to, base->path), reference);
	else
		to = put_path(to, base, reference);
	return (size_t)(to - room);
}

bool ouro__url_same_origin(const struct url *a, const struct url *b)
{
	return a->port == b->port && a->host.len == b->host.len &&
	       !strncasecmp(a->host.ptr, b->host.ptr, a->host.len);
}
