/* octet.h -- what an octet may be part of, by the grammars of RFC 9110, 9112, 6265 and 3986.
 *
 * One table, one load an octet. Where a grammar leaves room we take the smaller set: what some
 * reader on the way could take for something else is in no class. */
#ifndef OURO__OCTET_H
#define OURO__OCTET_H
#include "ouro/str.h"
#include <endian.h>

enum octet_class {
	OCTET_TOKEN = 1 << 0,  /* of a method, a field name, a coding */
	OCTET_FIELD = 1 << 1,  /* of a field value: visible, blank, tab, 0x80 to 0xff */
	OCTET_TARGET = 1 << 2, /* of a request target, but for '%' and '?' */
	OCTET_NAME = 1 << 3,   /* of a host's name, but for '%' */
	OCTET_DIGIT = 1 << 4,
	OCTET_HEX = 1 << 5,
	OCTET_COOKIE = 1 << 6, /* of a cookie's value */
};

extern const uint8_t ouro__octet[256];

static inline bool octet_is(char c, unsigned classes)
{
	return ouro__octet[(unsigned char)c] & classes;
}

/* From `at` on, the end of the octets of those classes; at most `end`. By fours: half of the work
 * would be asking whether that is reached. */
static inline const char *octet_run(const char *at, const char *end, unsigned classes)
{
	for (; end - at >= 4; at += 4) {
		if (!octet_is(at[0], classes))
			return at;
		if (!octet_is(at[1], classes))
			return at + 1;
		if (!octet_is(at[2], classes))
			return at + 2;
		if (!octet_is(at[3], classes))
			return at + 3;
	}
	while (at < end && octet_is(*at, classes))
		at++;
	return at;
}

/* Behind the last octet; nothing may be added to a NULL, not even 0. */
static inline const char *octet_end(ouro_str s)
{
	return s.len ? s.ptr + s.len : s.ptr;
}

/* The first control from `at` on, eight octets at a time, by the arithmetic of bytes in a word: the
 * top bit of a byte is left standing where it was below 0x20, or equal to 0x7f. (A borrow spoils
 * only bytes above the first that is.) Where there is none, fewer than eight octets are left. */
static inline const char *octet_control(const char *at, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t word, del, found;

	for (; end - at >= 8; at += 8) {
		memcpy(&word, at, sizeof(word));
		word = le64toh(word);
		del = word ^ (ones * 0x7f);
		found = (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops;
		if (found)
			return at + (__builtin_ctzll(found) >> 3);
	}
	return at;
}

/* The end of a field value. A tab is a control, and may stand in one. */
static inline const char *octet_value(const char *at, const char *end)
{
	return octet_run(octet_control(at, end), end, OCTET_FIELD);
}

static inline bool octet_all(ouro_str s, unsigned classes)
{
	return octet_run(s.ptr, octet_end(s), classes) == octet_end(s);
}

/* What a hex digit counts. */
static inline unsigned octet_hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
}

static inline bool octet_is_blank(char c)
{
	return c == ' ' || c == '\t';
}
#endif
