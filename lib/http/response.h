/* response.h -- one answer of a server: bytes in, facts and pieces of body out. Touches no
 * descriptor.
 *
 * The counterpart of parse.h, and as strict: our reader goes first, then http_parser reads the same
 * head and must come to the same status, version and framing. The facts of the head and the state
 * of the body are kept in a struct parse, and what has a length or is chunked is taken apart by
 * body.c, which does not ask who has sent it. What has neither ends with the connection.
 *
 * All answers below 0 are OURO_EPROTO or OURO_ETOOBIG, and none depends on how the bytes were cut.
 * */
#ifndef OURO__RESPONSE_H
#define OURO__RESPONSE_H
#include "http/parse.h"

struct response {
	uint16_t status, reason, reason_len; /* the reason: an offset into the head */
	bool until_close;                    /* the body has no end but the connection's */
	bool has_length;                     /* Content-Length was said: parse.length */
	struct parse parse;                  /* count, fields, minor, keep_alive; and body.c's */
};

/* Ready for the first byte of an answer. */
void ouro__response_start(struct response *response);

/* Looks at bytes[0..len), the head as far as it has come. Above 0: it is whole and so long; 0:
 * there must be more. */
int ouro__response_scan(struct response *response, uint32_t head_max, const char *bytes,
			uint32_t len);

/* What the whole head means. to_head: the ask was HEAD, so there is no body. 0 or below. */
int ouro__response_settle(struct response *response, const char *bytes, uint32_t len, bool to_head);

/* As ouro__body_next() in parse.h. */
int ouro__response_body(struct response *response, const char **at, const char *end,
			ouro_str *ret_piece);
#endif
