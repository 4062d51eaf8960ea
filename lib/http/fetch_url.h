/* fetch_url.h -- the URL of an ask, and where a redirect leads. No memory but what is given. */
#ifndef OURO__FETCH_URL_H
#define OURO__FETCH_URL_H
#include "ouro/str.h"

/* Pieces of the text it was made of. */
struct url {
	ouro_str authority; /* "example.org:8080": the Host field */
	ouro_str host;      /* "example.org", "::1" without brackets */
	ouro_str path;      /* empty, or from the '/' on, without the query */
	ouro_str query;     /* from the '?' on; empty: none */
	uint16_t port;
};

/* 0; -EINVAL: no http URL, or with octets that must be written as `%XX`; -EPROTONOSUPPORT:
 * https. What follows a '#' is not part of it: ret_len says where it ends. */
int ouro__url_parse(ouro_str text, struct url *ret_url, size_t *ret_len);

/* What `reference` in an answer from `base` means, in full, in room of the lengths of both and
 * URL_EXTRA more. How long it is. */
#define URL_EXTRA 16
size_t ouro__url_resolve(const struct url *base, ouro_str reference, char *room);

/* Same host, in whatever case, and same port. */
bool ouro__url_same_origin(const struct url *a, const struct url *b);
#endif
