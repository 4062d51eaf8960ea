/* value.c -- what is inside field values: lists, parameters, quoted strings. See encoded.h. */
#include "http/encoded.h"
#include "http/octet.h"

/* Behind blanks and, when asked, commas. */
static const char *skip(const char *at, const char *end, bool commas)
{
	while (at < end && (octet_is_blank(*at) || (commas && *at == ',')))
		at++;
	return at;
}

bool ouro__token_next(ouro_str *list, ouro_str *ret_token)
{
	const char *end = list->ptr + list->len;
	const char *start = skip(list->ptr, end, true);
	const char *stop = octet_run(start, end, OCTET_TOKEN);
	const char *next = skip(stop, end, false);

	*list = ouro_str_n(start, (size_t)(end - start));
	if (stop == start || (next < end && *next != ','))
		return false;
	*ret_token = ouro_str_n(start, (size_t)(stop - start));
	*list = ouro_str_n(next, (size_t)(end - next));
	return true;
}
