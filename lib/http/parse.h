/* parse.h -- one request: bytes in, facts and pieces of body out. Touches no descriptor.
 *
 * Every head is read twice. Our reader goes first (head.c): it splits the lines itself, refuses
 * at the first octet that RFC 9110 or 9112 do not allow, and keeps where everything is. Then it is
 * asked what that means (settle.c). Then http_parser reads the same bytes, and must come to the
 * same method, version, framing, length and end of the head, or the answer is 400. A body is
 * guarded octet by octet (body.c) before http_parser takes it apart. So what http_parser is lenient
 * about never reaches it, and what we might overlook it still refuses.
 *
 * All answers below 0 are statuses: -400, -414, -431, -501, -505 and so on. The work is linear in
 * the bytes, however they were cut, and so is every verdict: it does not depend on the cuts. */
#ifndef OURO__PARSE_H
#define OURO__PARSE_H
#include "ouro/str.h"
#include <http_parser.h>

/* Offsets from the first byte of the head: the bytes may move until the head is settled, and be
 * moved with it. A head has less than 64 KiB. */
struct field {
	uint16_t name, name_len, value, value_len; /* without the white space around the value */
};

struct head_limits {
	uint32_t head_max;   /* bytes of request line and fields: 431 */
	uint32_t target_max; /* of the target: 414 */
	uint32_t fields_max; /* 431; at most PARSE_FIELDS */
};

#define PARSE_FIELDS 100

/* Bytes of a chunk's extension; of all extensions and trailers of a body. More: 413. */
#define CHUNK_LINE_MAX    1024
#define BODY_OVERHEAD_MAX 16384

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct parse {
	/* The head, from ouro__head_scan(). */
	uint32_t scanned, line; /* how far it got; where the line at hand begins */
	uint16_t skipped;       /* the one empty line that may come before */
	uint16_t count;         /* of fields */
	uint16_t method_len, target, target_len;
	uint8_t minor; /* of HTTP/1.x */
	uint8_t step;  /* of the head, then of the body: head.c, chunk.h */
	bool escaped;  /* there is a '%' in the target */

	/* What it means, from ouro__head_settle(). */
	uint8_t method; /* enum http_method */
	bool keep_alive;
	bool expects_continue;
	bool upgrade; /* Connection: upgrade with an Upgrade field, or CONNECT */
	enum body_kind kind;
	uint64_t length;           /* of the body; chunked: 0 */
	uint16_t path, path_len;   /* in the target, never empty; "*" and CONNECT's authority too */
	uint16_t query, query_len; /* behind the '?'; query 0: there is none */
	uint16_t host, host_len;   /* the Host field's, or the target's when it is absolute */

	/* The body, from ouro__body_next(). */
	uint64_t body_bytes; /* of data so far */
	uint64_t left;
	uint32_t overhead;   /* chunk extensions and trailers so far: BODY_OVERHEAD_MAX */
	uint16_t line_bytes; /* of the size, the extension or the trailer's name at hand */
	bool done;           /* all of it has been taken; true from the start where there is none */
	http_parser parser;
	char trailer[18]; /* a trailer's name, as far as it fits */

	struct field fields[PARSE_FIELDS];
};

/* Ready for the first byte of a request. */
void ouro__parse_start(struct parse *parse);

/* Looks at bytes[0..len), which begin with the first byte of the request and are more than the last
 * time. Above 0: the head is whole and so long; 0: there must be more; below 0: -status. */
int ouro__head_scan(struct parse *parse, const struct head_limits *limits, const char *bytes,
		    uint32_t len);

/* What the whole head means: 0 or -status. bytes and len: the head. */
int ouro__head_settle(struct parse *parse, const char *bytes, uint32_t len);

/* The first field of that name from number `from` on, or -1. */
int ouro__head_find(const struct parse *parse, const char *bytes, ouro_str name, int from);

/* Takes the next thing out of the body's bytes: *at moves up to `end` at most.
 * BODY_PIECE: *ret_piece lies between the old *at and the new one, and is not empty.
 * BODY_MORE: all is taken, more must come. BODY_END: the body ended at *at; what follows is the
 * next request's. Below 0: -400, -413 (extensions or trailers without end). */
enum body_event { BODY_MORE, BODY_PIECE, BODY_END };
int ouro__body_next(struct parse *parse, const char **at, const char *end, ouro_str *ret_piece);
/* Does http_parser read the head of that parse as we do, in version and framing? For requests and
 * for responses. uses_transfer_encoding: a field that only begins like that one makes http_parser
 * expect a coding, and refuse the message behind its head, which we do not always show it. */
static inline bool parse_agrees(const struct parse *parse)
{
	const http_parser *parser = &parse->parser;
	bool chunked = parser->flags & F_CHUNKED, counted = parser->flags & F_CONTENTLENGTH;

	return parser->http_major == 1 && parser->http_minor == parse->minor &&
	       chunked == (parse->kind == BODY_CHUNKED) &&
	       parser->uses_transfer_encoding == chunked &&
	       counted == (parse->kind == BODY_LENGTH) &&
	       (!counted || parser->content_length == parse->length);
}

/* http_should_keep_alive(), without the way there. */
static inline bool parse_keeps_alive(const struct parse *parse)
{
	unsigned flags = parse->parser.flags;

	return parse->minor ? !(flags & F_CONNECTION_CLOSE) : flags & F_CONNECTION_KEEP_ALIVE;
}
#endif
