/* body.c -- the body of a request, out of its framing. See parse.h.
 *
 * Each octet of framing is checked (chunk.c) before http_parser sees it: a size of 1 to 16 hex
 * digits, CR LF and nothing else at the end of a line and of a chunk, no control anywhere. Then
 * http_parser takes the same octets apart, and must come to the same pieces, sizes and end.
 *
 * Two things it is not told. A trailer would come to it as one more header field, and a Connection
 * in it would change what it thinks of the connection: trailers are checked, counted and dropped,
 * and it sees the end of a body that has none. And it never sees what follows the body.
 *
 * Pieces are slices of what was given. What stays between two calls is a step and a few numbers. */
#include "http/chunk.h"

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

/* Lines around the chunks, up to where data or trailers begin or the bytes end. */
static int take_frame(struct parse *parse, const char **at, const char *end)
{
	const char *start = *at;
	bool has_size = false;

	while (*at < end && !chunk_in_data(parse) && !chunk_in_trailers(parse)) {
		int err = ouro__chunk_octet(parse, **at);

		if (err)
			return err;
		(*at)++;
		has_size = chunk_in_data(parse) || chunk_in_trailers(parse);
	}
	return agree_on_frame(parse, start, (size_t)(*at - start), has_size);
}

static int take_trailers(struct parse *parse, const char **at, const char *end)
{
	while (*at < end && !parse->done) {
		int err = ouro__chunk_octet(parse, **at);

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
	if (chunk_in_trailers(parse))
		return take_trailers(parse, at, end);
	if (*at == end)
		return BODY_MORE;
	event = take_data(parse, at, end, false, ret_piece);
	if (event >= 0 && !parse->left)
		parse->step = CHUNK_DATA_CR;
	return event;
}

int ouro__body_next(struct parse *parse, const char **at, const char *end, ouro_str *ret_piece)
{
	int event;

	if (parse->step == CHUNK_REFUSED)
		return -400;
	if (parse->done)
		return BODY_END;
	if (parse->kind == BODY_CHUNKED)
		event = next_of_chunks(parse, at, end, ret_piece);
	else
		event = next_of_length(parse, at, end, ret_piece);
	if (event < 0) {
		parse->step = CHUNK_REFUSED;
		parse->done = false;
	}
	return event;
}
