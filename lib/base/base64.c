/* base64.c -- see base64.h. The decoder is strict: bits that no byte has must be zero. */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t ouro__base64_encode(const void *bytes, size_t n, char *letters)
{
	const uint8_t *at = bytes;
	char *to = letters;

	for (; n; at += 3) {
		size_t have = n < 3 ? n : 3;
		uint32_t bits = (uint32_t)at[0] << 16;

		bits |= have > 1 ? (uint32_t)at[1] << 8 : 0;
		bits |= have > 2 ? at[2] : 0;
		for (unsigned i = 0; i < 4; i++)
			*to++ = i <= have ? alphabet[bits >> 6 * (3 - i) & 63] : '=';
		n -= have;
	}
	return (size_t)(to - letters);
}

static int value_of(char letter)
{
	const char *at = letter ? strchr(alphabet, letter) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

int ouro__base64_decode(ouro_str letters, uint8_t *bytes, size_t room)
{
	uint32_t bits = 0;
	size_t len = 0, fill = 0, i;

	if (letters.len % 4)
		return -1;
	while (fill < 2 && fill < letters.len && letters.ptr[letters.len - 1 - fill] == '=')
		fill++;
	for (i = 0; i < letters.len - fill; i++) {
		int value = value_of(letters.ptr[i]);

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 == 0)
			continue;
		if (len == room)
			return -1;
		bytes[len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	if (fill && (bits & ((1u << 2 * fill) - 1)))
		return -1;
	return (int)len;
}
