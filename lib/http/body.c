/* body.c -- the body of a request, out of its framing. See parse.h.
 *
 * Each octet of framing is checked before http_parser sees it: a size of 1 to 16 hex digits, CR LF
 * and nothing else at the end of a line and of a chunk, no control anywhere. Then http_parser takes
 * the same octets apart, and must come to the same pieces, the same sizes and the same end.
 *
 * Two things it is not told. A trailer would come to it as one more header field, and a Connection
 * in it would change what it thinks of the connection: trailers are checked, counted and dropped,
 * and it sees the end of a body that has none. And it never sees what follows the body.
 *
 * Pieces are slices of what was given. What stays between two calls is a step and a few numbers. */
#include "http/octet.h"
#include "http/parse.h"

enum body_step {
	STEP_SIZE, /* its digits */
	STEP_EXTENSION,
	STEP_SIZE_LF,
	STEP_DATA,
	STEP_DATA_CR,
	STEP_DATA_LF,
	STEP_TRAILER, /* a line of it, or the empty one */
	STEP_NAME,
	STEP_VALUE,
	STEP_VALUE_LF,
	STEP_LAST_LF,
	STEP_REFUSED,
};

#define SIZE_DIGITS 16
#define BODY_MAX    INT64_MAX /* so that no sum of sizes can overflow */

/* ---- The other reader ---- */

/* What http_parser found in some bytes. */
struct reading {
	ouro_str piece;
	unsigned pieces, chunks;
	uint64_t chunk; /* the size it read */
	bool complete;
};

static int read_piece(http_parser *parser, const char *at, size_t len)
{
	struct reading *reading = parser->data;

	reading->piece = ouro_str_n(at, len);
	reading->pieces++;
	return 0;
}

static int read_chunk(http_parser *parser)
{
	struct reading *reading = parser->data;

	reading->chunk = parser->content_length;
	reading->chunks++;
	return 0;
}

static int read_end(http_parser *parser)
{
	struct reading *reading = parser->data;

	reading->complete = true;
	return 0;
}

/* Its limit on heads counts for the lines of chunks, too, and a host may have made it small. */
static int read_again(struct parse *parse, const char *bytes, size_t n, struct reading *reading)
{
	static const http_parser_settings settings = {
		.on_body = read_piece,
		.on_chunk_header = read_chunk,
		.on_message_complete = read_end,
	};
	size_t taken;

	*reading = (struct reading){ 0 };
	parse->parser.data = reading;
	taken = http_parser_execute(&parse->parser, &settings, bytes, n);
	parse->parser.data = NULL;
	if (HTTP_PARSER_ERRNO(&parse->parser) == HPE_HEADER_OVERFLOW)
		return -413;
	return HTTP_PARSER_ERRNO(&parse->parser) == HPE_OK && taken == n ? 0 : -400;
}

/* Framing: no data may be in it, and a size just where we saw one. */
static int agree_on_frame(struct parse *parse, const char *bytes, size_t n, bool has_size)
{
	struct reading reading;
	int err = n ? read_again(parse, bytes, n, &reading) : 0;

	if (!n || err)
		return err;
	if (reading.pieces || reading.complete || reading.chunks != has_size)
		return -400;
	return has_size && reading.chunk != parse->left ? -400 : 0;
}

static int agree_on_end(struct parse *parse)
{
	struct reading reading;
	int err = read_again(parse, "\r\n", 2, &reading);

	if (err)
		return err;
	return reading.complete && !reading.pieces ? 0 : -400;
}

/* ---- Data ---- */

/* All the data there is of what is left. It ends the body when `last`. */
static int take_data(struct parse *parse, const char **at, const char *end, bool last,
		     ouro_str *ret_piece)
{
	size_t n = (uint64_t)(end - *at) < parse->left ? (size_t)(end - *at) : (size_t)parse->left;
	struct reading reading;
	int err = read_again(parse, *at, n, &reading);

	if (err)
		return err;
	if (reading.pieces != 1 || reading.piece.ptr != *at || reading.piece.len != n ||
	    reading.chunks || reading.complete != (last && n == parse->left))
		return -400;
	*ret_piece = reading.piece;
	*at += n;
	parse->left -= n;
	parse->body_bytes += n;
	return BODY_PIECE;
}

static int next_of_length(struct parse *parse, const char **at, const char *end,
			  ouro_str *ret_piece)
{
	int event = *at < end ? take_data(parse, at, end, true, ret_piece) : BODY_MORE;

	parse->done = !parse->left;
	return event;
}

/* ---- Chunks ---- */

static int go_to(struct parse *parse, enum body_step step)
{
	parse->step = step;
	return 0;
}

static int expect(struct parse *parse, char c, char wanted, enum body_step next)
{
	return c == wanted ? go_to(parse, next) : -400;
}

static int take_overhead(struct parse *parse)
{
	return ++parse->overhead > BODY_OVERHEAD_MAX ? -413 : 0;
}

static int extension_octet(struct parse *parse, char c)
{
	if (c == '\r')
		return go_to(parse, STEP_SIZE_LF);
	if (!octet_is(c, OCTET_FIELD))
		return -400;
	return ++parse->line_bytes > CHUNK_LINE_MAX ? -413 : take_overhead(parse);
}

static int size_octet(struct parse *parse, char c)
{
	if (octet_is(c, OCTET_HEX)) {
		parse->left = parse->left << 4 | octet_hex(c);
		return ++parse->line_bytes > SIZE_DIGITS ? -400 : 0;
	}
	if (!parse->line_bytes || parse->left > BODY_MAX - parse->body_bytes)
		return -400;
	parse->line_bytes = 0;
	if (c != ';')
		return expect(parse, c, '\r', STEP_SIZE_LF);
	parse->step = STEP_EXTENSION;
	return extension_octet(parse, c);
}

static int chunk_begins(struct parse *parse)
{
	parse->left = parse->line_bytes = 0;
	return go_to(parse, STEP_SIZE);
}

static int trailer_octet(struct parse *parse, char c)
{
	int err = take_overhead(parse);

	if (parse->step == STEP_TRAILER && c == '\r')
		return go_to(parse, STEP_LAST_LF);
	if (parse->step == STEP_NAME && c == ':')
		parse->step = STEP_VALUE;
	else if (parse->step == STEP_VALUE && c == '\r')
		parse->step = STEP_VALUE_LF;
	else if (!octet_is(c, parse->step == STEP_VALUE ? OCTET_FIELD : OCTET_TOKEN))
		return -400;
	else if (parse->step == STEP_TRAILER)
		parse->step = STEP_NAME;
	return err;
}

/* One octet of framing: 0 or -status. */
static int frame_octet(struct parse *parse, char c)
{
	switch ((enum body_step)parse->step) {
	case STEP_SIZE:
		return size_octet(parse, c);
	case STEP_EXTENSION:
		return extension_octet(parse, c);
	case STEP_SIZE_LF:
		return expect(parse, c, '\n', parse->left ? STEP_DATA : STEP_TRAILER);
	case STEP_DATA_CR:
		return expect(parse, c, '\r', STEP_DATA_LF);
	case STEP_DATA_LF:
		return c == '\n' ? chunk_begins(parse) : -400;
	case STEP_TRAILER:
	case STEP_NAME:
	case STEP_VALUE:
		return trailer_octet(parse, c);
	case STEP_VALUE_LF:
		return expect(parse, c, '\n', STEP_TRAILER);
	case STEP_LAST_LF:
		parse->done = c == '\n';
		return parse->done ? 0 : -400;
	case STEP_DATA:
	case STEP_REFUSED:
		break;
	}
	return -400;
}

static bool in_trailers(const struct parse *parse)
{
	return parse->step >= STEP_TRAILER;
}

/* Lines around the chunks, up to where data or trailers begin or the bytes end. */
static int take_frame(struct parse *parse, const char **at, const char *end)
{
	const char *start = *at;
	bool has_size = false;

	while (*at < end && parse->step != STEP_DATA && !in_trailers(parse)) {
		int err = frame_octet(parse, **at);

		if (err)
			return err;
		(*at)++;
		has_size = parse->step == STEP_DATA || in_trailers(parse);
	}
	return agree_on_frame(parse, start, (size_t)(*at - start), has_size);
}

static int take_trailers(struct parse *parse, const char **at, const char *end)
{
	while (*at < end && !parse->done) {
		int err = frame_octet(parse, **at);

		if (err)
			return err;
		(*at)++;
	}
	if (!parse->done)
		return BODY_MORE;
	int err = agree_on_end(parse);
	return err ? err : BODY_END;
}

static int next_of_chunks(struct parse *parse, const char **at, const char *end,
			  ouro_str *ret_piece)
{
	int event = take_frame(parse, at, end);

	if (event < 0)
		return event;
	if (in_trailers(parse))
		return take_trailers(parse, at, end);
	if (*at == end)
		return BODY_MORE;
	event = take_data(parse, at, end, false, ret_piece);
	if (event >= 0 && !parse->left)
		parse->step = STEP_DATA_CR;
	return event;
}

int ouro__body_next(struct parse *parse, const char **at, const char *end, ouro_str *ret_piece)
{
	int event;

	if (parse->step == STEP_REFUSED)
		return -400;
	if (parse->done)
		return BODY_END;
	if (parse->kind == BODY_CHUNKED)
		event = next_of_chunks(parse, at, end, ret_piece);
	else
		event = next_of_length(parse, at, end, ret_piece);
	if (event < 0) {
		parse->step = STEP_REFUSED;
		parse->done = false;
	}
	return event;
}
