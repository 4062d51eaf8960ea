/* accept.c -- RFC 9110, 12.5.3: who wants gzip. See accept.h.
 *
 * A field that is not to the letter means nothing: then the answer goes as it is, which anybody can
 * read. */
#include "gzip/accept.h"
#include <strings.h>

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static const char *run(const char *at, const char *end)
{
	while (at < end && is_token(*at))
		at++;
	return at;
}

/* "0", "0.5", "1.000": thousandths; -1: it is no weight. */
static int weight(const char *at, const char *end)
{
	int value, unit = 100;

	if (at == end || (*at != '0' && *at != '1'))
		return -1;
	value = (*at++ - '0') * 1000;
	if (at < end && *at++ != '.')
		return -1;
	if (end - at > 3)
		return -1;
	for (; at < end; at++, unit /= 10) {
		if (*at < '0' || *at > '9')
			return -1;
		value += (*at - '0') * unit;
	}
	return value <= 1000 ? value : -1;
}

/* `; q=0.5`, behind a coding: *at moves on. The weight, 1000 without one, or -1. */
static int take_weight(const char **at, const char *end)
{
	const char *start = skip(*at, end), *stop;

	if (start == end || *start != ';')
		return 1000;
	start = skip(start + 1, end);
	if (end - start < 2 || (*start | 0x20) != 'q' || start[1] != '=')
		return -1;
	stop = run(start + 2, end);
	*at = stop;
	return weight(start + 2, stop);
}

static void note(struct gzip_accept *accept, ouro_str coding, int q)
{
	if (ouro_str_caseeq(coding, "gzip") || ouro_str_caseeq(coding, "x-gzip"))
		accept->gzip = q;
	else if (ouro_str_caseeq(coding, "identity"))
		accept->identity = q;
	else if (ouro_str_eq(coding, "*"))
		accept->any = q;
}

bool gzip_accept_add(struct gzip_accept *accept, ouro_str line)
{
	const char *at = line.ptr, *end = line.len ? at + line.len : at;

	while ((at = skip(at, end)) < end) {
		const char *stop = run(at, end);
		ouro_str coding = ouro_str_n(at, (size_t)(stop - at));
		int q = coding.len ? take_weight(&stop, end) : 0;

		at = skip(stop, end);
		if (q < 0 || (at < end && *at != ',')) {
			*accept = (struct gzip_accept){ -1, -1, -1 };
			return false;
		}
		if (coding.len)
			note(accept, coding, q);
		at += at < end;
	}
	return true;
}

bool gzip_accept_says_yes(const struct gzip_accept *accept)
{
	int gzip = accept->gzip >= 0 ? accept->gzip : accept->any;

	return gzip > 0 && gzip >= accept->identity;
}

/* ---- Types ---- */

static const char *const usual[] = { "text/*",
				     "application/json",
				     "application/javascript",
				     "application/xml",
				     "application/wasm",
				     "image/svg+xml",
				     "*+json",
				     "*+xml",
				     NULL };

static bool ends_with(ouro_str s, const char *tail)
{
	size_t n = strlen(tail);

	return s.len > n && ouro_str_caseeq(ouro_str_n(s.ptr + s.len - n, n), tail);
}

static bool matches(ouro_str type, const char *wanted)
{
	size_t n = strlen(wanted);

	if (wanted[0] == '*')
		return ends_with(type, wanted + 1);
	if (n && wanted[n - 1] == '*')
		return type.len >= n &&
		       !strncasecmp(type.ptr, wanted, n - 1); /* "text/" and something */
	return ouro_str_caseeq(type, wanted);
}

bool gzip_type_is_in(ouro_str type, const char *const *types)
{
	size_t n = 0;

	while (n < type.len && type.ptr[n] != ';' && type.ptr[n] != ' ')
		n++;
	for (types = types ? types : usual; n && *types; types++)
		if (matches(ouro_str_n(type.ptr, n), *types))
			return true;
	return false;
}

bool gzip_list_has(ouro_str list, const char *word)
{
	const char *at = list.ptr, *end = list.len ? at + list.len : at;

	while (at < end) {
		const char *start = skip(at, end), *stop = run(start, end);

		if (ouro_str_caseeq(ouro_str_n(start, (size_t)(stop - start)), word))
			return true;
		at = memchr(stop, ',', (size_t)(end - stop));
		at = at ? at + 1 : end;
	}
	return false;
}
