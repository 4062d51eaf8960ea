/* value.c -- what is inside field values: lists, parameters, quoted strings. See encoded.h. */
#include "http/encoded.h"
#include "http/octet.h"

static ouro_str between(const char *start, const char *end)
{
	return ouro_str_n(start, (size_t)(end - start));
}

/* Behind blanks and, when asked, commas. */
static const char *skip(const char *at, const char *end, bool commas)
{
	while (at < end && (octet_is_blank(*at) || (commas && *at == ',')))
		at++;
	return at;
}

bool ouro__is_field_name(ouro_str name)
{
	return name.len && octet_all(name, OCTET_TOKEN);
}

bool ouro__is_field_value(ouro_str value)
{
	return octet_value(value.ptr, octet_end(value)) == octet_end(value);
}

ouro_str ouro__trim(ouro_str s)
{
	const char *end = octet_end(s), *start = skip(s.ptr, end, false);

	while (end > start && octet_is_blank(end[-1]))
		end--;
	return between(start, end);
}

/* ---- Lists ---- */

bool ouro__token_next(ouro_str *list, ouro_str *ret_token)
{
	const char *end = octet_end(*list);
	const char *start = skip(list->ptr, end, true);
	const char *stop = octet_run(start, end, OCTET_TOKEN);
	const char *next = skip(stop, end, false);

	*list = between(start, end);
	if (stop == start || (next < end && *next != ','))
		return false;
	*ret_token = between(start, stop);
	*list = between(next, end);
	return true;
}

bool ouro__token_find(ouro_str list, const char *token)
{
	ouro_str found;

	while (ouro__token_next(&list, &found))
		if (ouro_str_caseeq(found, token))
			return true;
	return false;
}

/* ---- Types and parameters ---- */

ouro_str ouro__media_type(ouro_str value)
{
	const char *end = octet_end(value), *start = skip(value.ptr, end, false);
	const char *slash = octet_run(start, end, OCTET_TOKEN), *stop, *next;

	if (slash == start || slash == end || *slash != '/')
		return ouro_str_n(NULL, 0);
	stop = octet_run(slash + 1, end, OCTET_TOKEN);
	next = skip(stop, end, false);
	if (stop == slash + 1 || (next < end && *next != ';'))
		return ouro_str_n(NULL, 0);
	return between(start, stop);
}

/* At a quote: behind the one that closes; NULL: none does, or a control is in between. */
static const char *end_of_quoted(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && ++at == end)
			return NULL;
		if (!octet_is(*at, OCTET_FIELD))
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

/* The next `; name=value` from *at on, which stands on a ';' or at the end. */
static bool parameter_next(const char **at, const char *end, ouro_str *ret_name,
			   ouro_str *ret_value)
{
	const char *start, *stop;

	do
		*at = skip(*at + (*at < end), end, false);
	while (*at < end && **at == ';');
	start = *at;
	stop = octet_run(start, end, OCTET_TOKEN);
	if (stop == start || stop == end || *stop != '=')
		return false;
	*ret_name = between(start, stop);
	start = stop + 1;
	stop = start < end && *start == '"' ? end_of_quoted(start, end)
					    : octet_run(start, end, OCTET_TOKEN);
	if (!stop || stop == start)
		return false;
	*ret_value = between(start, stop);
	*at = skip(stop, end, false);
	return *at == end || **at == ';';
}

ouro_str ouro__parameter_find(ouro_str value, const char *name, char *room)
{
	const char *end = octet_end(value);
	const char *at = value.len ? memchr(value.ptr, ';', value.len) : NULL;
	ouro_str found, raw;

	while (at && at < end && parameter_next(&at, end, &found, &raw)) {
		if (!ouro_str_caseeq(found, name))
			continue;
		return *raw.ptr == '"' ? ouro_str_n(room, (size_t)ouro__unquote(raw, room)) : raw;
	}
	return ouro_str_n(NULL, 0);
}

int ouro__unquote(ouro_str quoted, char *room)
{
	const char *at = quoted.ptr, *end = octet_end(quoted);
	char *to = room;

	if (!quoted.len || *at != '"' || end_of_quoted(at, end) != end)
		return -400;
	for (at++; at < end - 1; at++) {
		if (*at == '\\')
			at++;
		*to++ = *at;
	}
	return (int)(to - room);
}
