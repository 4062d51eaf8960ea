/* str.c -- questions to bytes that are not ended by a zero. */
#include "ouro/str.h"

bool ouro_str_eq(ouro_str a, const char *z)
{
	ouro_str b = ouro_str_z(z);

	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* tolower() would ask the locale: a Turkish one has its own idea of "I", and a header field has
 * not. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool ouro_str_caseeq(ouro_str a, const char *z)
{
	ouro_str b = ouro_str_z(z);

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

uint64_t ouro_str_u64(ouro_str s, uint64_t otherwise)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)((unsigned char)s.ptr[i] - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return otherwise;
		n = n * 10 + digit;
	}
	return s.len ? n : otherwise;
}
