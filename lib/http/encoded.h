/* encoded.h -- the ways in which HTTP writes things down: percent signs, pairs, lists, quotes,
 * dates. Reads an ouro_str, writes into memory of the caller's; allocates nothing, linear. */
#ifndef OURO__ENCODED_H
#define OURO__ENCODED_H
#include "ouro/str.h"

/* ---- Field values: value.c ---- */

/* The next of `a, b, , c`, empty ones left out; *list moves on. False: no more, or, when something
 * is left in *list, what follows is no token. */
bool ouro__token_next(ouro_str *list, ouro_str *ret_token);
#endif
