/* encoded.c -- percent signs, pairs and cookies. See encoded.h.
 *
 * Decoding twice is how `%252e%252e` gets past a check, so each octet is decoded once: a path keeps
 * the two escapes that would make the second time different, and whoever takes a piece of it out
 * decodes those. Dots are looked at behind the decoding, slashes before it. */
#include "http/encoded.h"
#include "http/octet.h"

/* At a '%': the octet that it stands for, or -1. */
static int escaped_octet(const char *at, const char *end)
{
	if (end - at < 3 || !octet_is(at[1], OCTET_HEX) || !octet_is(at[2], OCTET_HEX))
		return -1;
	return (int)(octet_hex(at[1]) << 4 | octet_hex(at[2]));
}

/* ---- Paths ---- */

/* One segment: up to the next slash. Where the writing stopped; NULL: nonsense. */
static char *decode_segment(const char **at, const char *end, char *to)
{
	while (*at < end && **at != '/') {
		int c = **at == '%' ? escaped_octet(*at, end) : (unsigned char)**at;

		if (c <= 0)
			return NULL;
		if (**at != '%') {
			*to++ = *(*at)++;
		} else if (c == '/' || c == '%') {
			memcpy(to, c == '/' ? "%2F" : "%25", 3); /* one way to spell it */
			to += 3;
			*at += 3;
		} else {
			*to++ = (char)c;
			*at += 3;
		}
	}
	return to;
}

static bool is_segment(const char *start, const char *end, const char *dots)
{
	return ouro_str_eq(ouro_str_n(start, (size_t)(end - start)), dots);
}

/* The segment that begins behind `slash` has been written up to `to`. If it is made of dots, it and
 * what it takes back are gone again. A directory's slash stays only where nothing follows. */
static char *resolve_dots(char *room, char *slash, char *to, bool last)
{
	if (is_segment(slash + 1, to, "."))
		return last ? slash + 1 : slash;
	if (!is_segment(slash + 1, to, ".."))
		return to;
	slash = memrchr(room, '/', (size_t)(slash - room));
	if (!slash)
		return NULL;
	return last ? slash + 1 : slash;
}

int ouro__path_decode(ouro_str path, char *room)
{
	const char *at = path.ptr, *end = octet_end(path);
	char *to = room;

	if (!path.len)
		return 0;
	if (*at != '/') {
		memmove(room, path.ptr, path.len);
		return (int)path.len;
	}
	while (at < end) {
		char *slash = to;

		*to++ = *at++;
		to = decode_segment(&at, end, to);
		if (to)
			to = resolve_dots(room, slash, to, at == end);
		if (!to)
			return -400;
	}
	return (int)(to - room);
}

/* ---- To the end ---- */

static int decode(ouro_str raw, char *room, bool plus_is_blank)
{
	const char *at = raw.ptr, *end = octet_end(raw);
	char *to = room;

	while (at < end) {
		int c = *at == '%' ? escaped_octet(at, end) : (unsigned char)*at;

		if (c <= 0)
			return -400;
		at += *at == '%' ? 3 : 1;
		*to++ = c == '+' && plus_is_blank && at[-1] == '+' ? ' ' : (char)c;
	}
	return (int)(to - room);
}

int ouro__part_decode(ouro_str part, char *room)
{
	return decode(part, room, false);
}

int ouro__form_decode(ouro_str raw, char *room)
{
	return decode(raw, room, true);
}

/* ---- Pairs ---- */

/* What is before the first c; *rest: what is behind it, or nothing. */
static ouro_str cut(ouro_str s, char c, ouro_str *rest)
{
	const char *end = octet_end(s), *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
	const char *behind = at ? at + 1 : end;

	*rest = ouro_str_n(behind, (size_t)(end - behind));
	return ouro_str_n(s.ptr, (size_t)((at ? at : end) - s.ptr));
}

bool ouro__pair_next(ouro_str *pairs, ouro_str *ret_name, ouro_str *ret_value)
{
	while (pairs->len) {
		ouro_str pair = cut(*pairs, '&', pairs);

		if (!pair.len)
			continue;
		*ret_name = cut(pair, '=', ret_value);
		return true;
	}
	return false;
}

/* Is that what is written there? */
static bool form_equals(ouro_str raw, ouro_str plain)
{
	const char *at = raw.ptr, *end = octet_end(raw);
	size_t i = 0;

	for (; at < end && i < plain.len; i++) {
		int c = *at == '%' ? escaped_octet(at, end) : *at == '+' ? ' ' : (unsigned char)*at;

		if (c != (unsigned char)plain.ptr[i])
			return false;
		at += *at == '%' ? 3 : 1;
	}
	return at == end && i == plain.len;
}

ouro_str ouro__pair_find(ouro_str pairs, ouro_str name, unsigned nth)
{
	ouro_str found, value;

	while (ouro__pair_next(&pairs, &found, &value))
		if (form_equals(found, name) && !nth--)
			return value;
	return ouro_str_n(NULL, 0);
}

/* ---- Cookies ---- */

static ouro_str unquoted(ouro_str s)
{
	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		return ouro_str_n(s.ptr + 1, s.len - 2);
	return s;
}

bool ouro__cookie_next(ouro_str *cookies, ouro_str *ret_name, ouro_str *ret_value)
{
	while (cookies->len) {
		ouro_str cookie = ouro__trim(cut(*cookies, ';', cookies)), value;
		ouro_str name = ouro__trim(cut(cookie, '=', &value));

		value = unquoted(ouro__trim(value));
		if (!name.len || name.len == cookie.len || !octet_all(name, OCTET_TOKEN) ||
		    !octet_all(value, OCTET_COOKIE))
			continue;
		*ret_name = name;
		*ret_value = value;
		return true;
	}
	return false;
}

ouro_str ouro__cookie_find(ouro_str cookies, ouro_str name)
{
	ouro_str found, value;

	while (ouro__cookie_next(&cookies, &found, &value))
		if (found.len == name.len && !memcmp(found.ptr, name.ptr, name.len))
			return value;
	return ouro_str_n(NULL, 0);
}
