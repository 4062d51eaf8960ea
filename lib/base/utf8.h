/* utf8.h -- is it UTF-8? Asked piece by piece, and answered at the first byte that cannot be.
 *
 * As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef OURO__UTF8_H
#define OURO__UTF8_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: between two characters. */
struct utf8 {
	uint8_t need;      /* bytes that the character at hand still has */
	uint8_t low, high; /* the bounds of the next of them */
};

/* False: these bytes, behind those before, are not. */
bool ouro__utf8_next(struct utf8 *utf8, const void *bytes, size_t n);

/* All of it, and it ends with a character. */
bool ouro__is_utf8(const void *bytes, size_t n);

/* How many bytes the first character has; 0: there is none. */
size_t ouro__utf8_first(const void *bytes, size_t n);
#endif
