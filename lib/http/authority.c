/* authority.c -- see authority.h. */
#include "http/authority.h"
#include "http/octet.h"
#include <arpa/inet.h>

/* In brackets only an IPv6 address, which libc knows best. A zone would be a matter of the sender's
 * machine, and of the versions yet to come there is none. NULL: it is none; else what is behind. */
static const char *end_of_literal(const char *at, const char *end)
{
	const char *close = memchr(at, ']', (size_t)(end - at));
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t len = close ? (size_t)(close - at - 1) : sizeof(text);

	if (len >= sizeof(text))
		return NULL;
	memcpy(text, at + 1, len);
	text[len] = '\0';
	if (memchr(text, '\0', len) || inet_pton(AF_INET6, text, &address) != 1)
		return NULL;
	return close + 1;
}

static const char *end_of_name(const char *at, const char *end)
{
	const char *start = at;

	for (at = octet_run(at, end, OCTET_NAME); at < end && *at == '%';
	     at = octet_run(at + 3, end, OCTET_NAME))
		if (end - at < 3 || !octet_is(at[1], OCTET_HEX) || !octet_is(at[2], OCTET_HEX))
			return NULL;
	return at > start ? at : NULL;
}

static bool is_port(const char *at, const char *end, bool not_empty)
{
	ptrdiff_t digits = end - at;

	if (octet_run(at, end, OCTET_DIGIT) != end)
		return false;
	if (digits == 5)
		return memcmp(at, "65535", 5) <= 0;
	return digits < 5 && digits >= not_empty;
}

bool ouro__authority_is_valid(ouro_str authority, bool needs_port)
{
	const char *at = authority.ptr, *end = at + authority.len;

	if (!authority.len)
		return false;
	at = *at == '[' ? end_of_literal(at, end) : end_of_name(at, end);
	if (!at)
		return false;
	if (at == end)
		return !needs_port;
	return *at == ':' && is_port(at + 1, end, needs_port);
}
