/* utf8.c -- see utf8.h. Most text is ASCII, which goes eight bytes at a time. */
#include "base/utf8.h"
#include <string.h>

static size_t ascii(const uint8_t *at, size_t n)
{
	size_t i = 0;

	for (uint64_t eight; i + 8 <= n; i += 8) {
		memcpy(&eight, at + i, 8);
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < n && at[i] < 0x80)
		i++;
	return i;
}

/* The first byte of a longer character. */
static bool begin(struct utf8 *utf8, uint8_t c)
{
	if (c < 0xc2 || c > 0xf4)
		return false;
	utf8->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	utf8->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	utf8->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return true;
}

bool ouro__utf8_next(struct utf8 *utf8, const void *bytes, size_t n)
{
	const uint8_t *at = bytes, *end = at + n;

	while (at < end) {
		if (!utf8->need) {
			at += ascii(at, (size_t)(end - at));
			if (at < end && !begin(utf8, *at++))
				return false;
			continue;
		}
		if (*at < utf8->low || *at > utf8->high)
			return false;
		*utf8 = (struct utf8){ (uint8_t)(utf8->need - 1), 0x80, 0xbf };
		at++;
	}
	return true;
}

bool ouro__is_utf8(const void *bytes, size_t n)
{
	struct utf8 utf8 = { 0, 0, 0 };

	return !n || (ouro__utf8_next(&utf8, bytes, n) && !utf8.need);
}

size_t ouro__utf8_first(const void *bytes, size_t n)
{
	uint8_t c = n ? *(const uint8_t *)bytes : 0;
	size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n && length <= n && ouro__is_utf8(bytes, length) ? length : 0;
}
