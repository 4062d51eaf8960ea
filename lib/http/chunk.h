/* chunk.h -- the lines around the chunks of a body, octet by octet. See parse.h and body.c.
 *
 * By the grammar of RFC 9112, 7.1, with two things less: no blank between a size and its extension,
 * and no trailer that would say something about framing, routing or the request as a whole (RFC
 * 9110, 6.5.1). */
#ifndef OURO__CHUNK_H
#define OURO__CHUNK_H
#include "http/parse.h"

enum chunk_step {
	CHUNK_SIZE, /* its digits */
	CHUNK_EXT,  /* behind a ';' */
	CHUNK_EXT_NAME,
	CHUNK_EXT_NAMED, /* a blank behind the name */
	CHUNK_EXT_EQUALS,
	CHUNK_EXT_VALUE,
	CHUNK_EXT_QUOTED,
	CHUNK_EXT_ESCAPED, /* behind a '\' */
	CHUNK_EXT_CLOSED,  /* behind the second quote */
	CHUNK_EXT_OVER,    /* a blank behind the value */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER, /* a line of it, or the empty one */
	CHUNK_TRAILER_NAME,
	CHUNK_TRAILER_VALUE,
	CHUNK_TRAILER_LF,
	CHUNK_LAST_LF,
	CHUNK_REFUSED,
};

/* The next octet of framing: 0, or -status. parse->left is the chunk's size once there is data. */
int ouro__chunk_octet(struct parse *parse, char c);

static inline bool chunk_in_data(const struct parse *parse)
{
	return parse->step == CHUNK_DATA;
}

static inline bool chunk_in_trailers(const struct parse *parse)
{
	return parse->step >= CHUNK_TRAILER;
}
#endif
