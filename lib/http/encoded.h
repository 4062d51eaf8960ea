/* encoded.h -- the ways in which HTTP writes things down: percent signs, pairs, cookies, lists,
 * quotes, dates.
 *
 * All of it reads an ouro_str, borrows pieces of it, and writes into `room` of the caller's; a room
 * as large as what is read is enough, and may be the very same bytes. Nothing is allocated, and the
 * time is linear in the bytes. Whatever is below 0 is -400: the sender has written nonsense. */
#ifndef OURO__ENCODED_H
#define OURO__ENCODED_H
#include "ouro/str.h"
#include <time.h>

/* ---- Percent signs, pairs, cookies: encoded.c ---- */

/* A path as programs want it: decoded once, without dot segments. `%2F` and `%25` stay, so that it
 * can be split at its slashes, and a piece of it be decoded to the end. How long it is; -400: a
 * `%00`, a '%' without two hex digits, a `..` above the root. A target that is no path ("*", what
 * CONNECT has) stays as it is. */
int ouro__path_decode(ouro_str path, char *room);

/* A piece of such a path, to the end. How long it is, or -400. */
int ouro__part_decode(ouro_str part, char *room);

/* A name or a value of a query or of a form: the same, and a '+' is a blank. */
int ouro__form_decode(ouro_str raw, char *room);

/* The next of `name=value&name&=value`, not decoded; empty ones are left out. Without a '=' the
 * value is empty. False: no more. */
bool ouro__pair_next(ouro_str *pairs, ouro_str *ret_name, ouro_str *ret_value);

/* The nth value of that name, from 0, not decoded; ptr NULL: there is none. The name is compared
 * with what is decoded. */
ouro_str ouro__pair_find(ouro_str pairs, ouro_str name, unsigned nth);

/* The next of a Cookie field's `name=value; name=value`, without quotes around the value; what is
 * no cookie is left out. False: no more. */
bool ouro__cookie_next(ouro_str *cookies, ouro_str *ret_name, ouro_str *ret_value);

/* The value of the first of that name; ptr NULL: there is none. */
ouro_str ouro__cookie_find(ouro_str cookies, ouro_str name);

/* ---- Field values: value.c ---- */

/* May an answer have such a field? A name is a token; a value has no control in it but tabs. */
bool ouro__is_field_name(ouro_str name);
bool ouro__is_field_value(ouro_str value);

/* Without the blanks and tabs around it. */
ouro_str ouro__trim(ouro_str s);

/* The next of `a, b, , c`, empty ones left out; *list moves on. False: no more, or, when something
 * is left in *list, what follows is no token. */
bool ouro__token_next(ouro_str *list, ouro_str *ret_token);

/* Is that token in the list, in whatever case? What follows nonsense does not count. */
bool ouro__token_find(ouro_str list, const char *token);

/* "text/html" of `text/html; charset=utf-8`; ptr NULL: it does not begin with a type. */
ouro_str ouro__media_type(ouro_str value);

/* The value of `; name=value` behind a media type or the like, unquoted: in the value itself, or in
 * room where there was something to undo. The name in whatever case. ptr NULL: not there. */
ouro_str ouro__parameter_find(ouro_str value, const char *name, char *room);

/* What a quoted string says, quotes included in what is read. How long it is; -400: it is none. */
int ouro__unquote(ouro_str quoted, char *room);

/* ---- Dates: date.c ---- */

/* "Sun, 06 Nov 1994 08:49:37 GMT", without a zero behind it: always that long, which it answers.
 * The years 1970 to 9999; what is before or behind them is their first or last second. */
#define HTTP_DATE_LEN 29
size_t ouro__http_date_format(char *text, time_t when);

/* Any of the three forms that RFC 9110 tells a reader to know. now: in RFC 850's form a year has
 * two digits, and is not more than 50 years ahead. False: none of them, or no such day. */
bool ouro__http_date_parse(ouro_str text, time_t now, time_t *ret_when);
#endif
