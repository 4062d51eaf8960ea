/* exact.h -- bytes with nothing behind them, a zero neither: whoever reads on is seen by a sanitizer. */
#ifndef EXACT_H
#define EXACT_H
#include "ouro/str.h"
#include <stdlib.h>
#include <string.h>

/* Copies, to be dropped. */
static inline ouro_str exactly_n(const char *bytes, size_t n)
{
	return ouro_str_n(memcpy(malloc(n ? n : 1), bytes, n), n);
}

static inline ouro_str exactly(const char *z)
{
	return exactly_n(z, strlen(z));
}

static inline void drop(ouro_str s)
{
	free((void *)(uintptr_t)s.ptr);
}
#endif
