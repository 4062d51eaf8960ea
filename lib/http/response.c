/* response.c -- the head of an answer, line by line, and what it means. See response.h.
 *
 * A line is looked at when its end has come; the limit on the head bounds how long that may take,
 * and what does not begin like HTTP is not waited for at all. Each rule of framing is RFC 9112's in
 * its stricter reading: two lengths, a length beside a coding, any coding but `chunked`, are errors
 * and not riddles. Of Connection only `close` and `keep-alive` matter, and a list that is none
 * costs the connection, not the answer. */
#include "http/response.h"
#include "http/encoded.h"
#include "http/octet.h"
#include "ouro/error.h"

#define HEAD_ROOM  65535 /* what the offsets can count */
#define STATUS_LEN 13    /* "HTTP/1.1 200 " */

void ouro__response_start(struct response *response)
{
	memset(response, 0, offsetof(struct response, parse));
	ouro__parse_start(&response->parse);
}

/* ---- Lines ---- */

static bool begins_like_http(const char *bytes, size_t len)
{
	static const char begin[] = "HTTP/1.";

	return !memcmp(bytes, begin, len < sizeof(begin) - 1 ? len : sizeof(begin) - 1);
}

static int take_status_line(struct response *response, const char *bytes, ouro_str line)
{
	const char *digit = line.ptr + 9;

	if (line.len < STATUS_LEN || !begins_like_http(line.ptr, line.len) ||
	    (line.ptr[7] != '0' && line.ptr[7] != '1') || line.ptr[8] != ' ' ||
	    !octet_all(ouro_str_n(digit, 3), OCTET_DIGIT) || *digit == '0' || digit[3] != ' ' ||
	    !octet_all(line, OCTET_FIELD))
		return OURO_EPROTO;
	response->parse.minor = line.ptr[7] == '1';
	response->status = (uint16_t)ouro_str_u64(ouro_str_n(digit, 3), 0);
	response->reason = (uint16_t)(line.ptr + STATUS_LEN - bytes);
	response->reason_len = (uint16_t)(line.len - STATUS_LEN);
	return 0;
}

/* A blank is no part of a name: so neither `Name : value` nor a folded line gets through. */
static int take_field(struct response *response, const char *bytes, ouro_str line)
{
	struct parse *parse = &response->parse;
	const char *end = line.ptr + line.len, *colon = octet_run(line.ptr, end, OCTET_TOKEN);
	ouro_str value;

	if (parse->count == PARSE_FIELDS)
		return OURO_ETOOBIG;
	if (colon == line.ptr || colon == end || *colon != ':')
		return OURO_EPROTO;
	value = ouro__trim(ouro_str_n(colon + 1, (size_t)(end - colon - 1)));
	if (!octet_all(value, OCTET_FIELD))
		return OURO_EPROTO;
	parse->fields[parse->count++] = (struct field){
		.name = (uint16_t)(line.ptr - bytes),
		.name_len = (uint16_t)(colon - line.ptr),
		.value = (uint16_t)(value.ptr - bytes),
		.value_len = (uint16_t)value.len,
	};
	return 0;
}

/* Up to its LF. Above 0: it was the empty one, and the head is whole. */
static int take_line(struct response *response, const char *bytes, const char *lf)
{
	struct parse *parse = &response->parse;
	ouro_str line = ouro_str_n(bytes + parse->line, (size_t)(lf - bytes) - parse->line);
	bool first = !parse->line;

	if (!line.len || lf[-1] != '\r')
		return OURO_EPROTO;
	line.len--;
	parse->line = parse->scanned = (uint32_t)(lf + 1 - bytes);
	if (first)
		return take_status_line(response, bytes, line);
	return line.len ? take_field(response, bytes, line) : (int)parse->line;
}

/* Bytes beyond the limit are not there: who needs them has a head that is too large. */
int ouro__response_scan(struct response *response, uint32_t head_max, const char *bytes,
			uint32_t len)
{
	struct parse *parse = &response->parse;
	uint32_t room = head_max < HEAD_ROOM ? head_max : HEAD_ROOM;
	const char *end = bytes + (len < room ? len : room), *lf;
	int verdict = 0;

	if (!parse->line && !begins_like_http(bytes, (size_t)(end - bytes)))
		return OURO_EPROTO;
	while (!verdict) {
		const char *from = bytes + parse->scanned;

		lf = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
		if (!lf)
			break;
		verdict = take_line(response, bytes, lf);
	}
	if (verdict)
		return verdict;
	parse->scanned = (uint32_t)(end - bytes);
	return len < room ? 0 : OURO_ETOOBIG;
}

/* ---- What they mean ---- */

/* The fields that say something about the message itself. */
struct facts {
	const struct field *length, *coding;
	bool twice; /* one of the two */
	bool close, keep_alive;
};

static ouro_str value_of(const char *bytes, const struct field *field)
{
	return ouro_str_n(bytes + field->value, field->value_len);
}

static void note_connection(struct facts *facts, ouro_str value)
{
	ouro_str token;

	while (ouro__token_next(&value, &token)) {
		if (ouro_str_caseeq(token, "close"))
			facts->close = true;
		else if (ouro_str_caseeq(token, "keep-alive"))
			facts->keep_alive = true;
	}
	if (value.len)
		facts->close = true;
}

static void note_once(struct facts *facts, const struct field **seen, const struct field *field)
{
	if (*seen)
		facts->twice = true;
	*seen = field;
}

/* No two of the three are equally long. */
static void note_field(struct facts *facts, const char *bytes, const struct field *field)
{
	ouro_str name = ouro_str_n(bytes + field->name, field->name_len);

	if (name.len == 10 && ouro_str_caseeq(name, "Connection"))
		note_connection(facts, value_of(bytes, field));
	else if (name.len == 14 && ouro_str_caseeq(name, "Content-Length"))
		note_once(facts, &facts->length, field);
	else if (name.len == 17 && ouro_str_caseeq(name, "Transfer-Encoding"))
		note_once(facts, &facts->coding, field);
}

#define LENGTH_MAX INT64_MAX /* so that no sum of lengths can overflow */

static int settle_framing(struct response *response, const char *bytes, const struct facts *facts)
{
	struct parse *parse = &response->parse;

	if (facts->twice || (facts->coding && facts->length))
		return OURO_EPROTO;
	if (facts->coding) {
		if (!parse->minor || !ouro_str_caseeq(value_of(bytes, facts->coding), "chunked"))
			return OURO_EPROTO;
		parse->kind = BODY_CHUNKED;
	} else if (facts->length) {
		parse->length = ouro_str_u64(value_of(bytes, facts->length), UINT64_MAX);
		if (parse->length > LENGTH_MAX)
			return OURO_EPROTO;
		response->has_length = true;
		parse->kind = BODY_LENGTH;
		parse->left = parse->length;
	}
	return 0;
}

/* ---- The other reader ---- */

/* Its answer to "how long is the head?", which must be ours, is where it stops. */
static int stop_here(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static bool agree(const struct response *response)
{
	const struct parse *parse = &response->parse;

	return parse->parser.status_code == response->status && parse_agrees(parse);
}

/* The limit it has on heads is one for the whole process, and a host may have made it small. */
static int settle_agreement(struct response *response, const char *bytes, uint32_t len)
{
	static const http_parser_settings until_body = { .on_headers_complete = stop_here };
	http_parser *parser = &response->parse.parser;
	size_t taken;

	http_parser_init(parser, HTTP_RESPONSE);
	taken = http_parser_execute(parser, &until_body, bytes, len);
	if (HTTP_PARSER_ERRNO(parser) == HPE_HEADER_OVERFLOW)
		return OURO_ETOOBIG;
	if (HTTP_PARSER_ERRNO(parser) != HPE_PAUSED || taken != len - 1 || !agree(response))
		return OURO_EPROTO;
	return 0;
}

/* RFC 9112, 6.3: these have none, whatever they say of it. */
static bool has_no_body(const struct response *response, bool to_head)
{
	return to_head || response->status < 200 || response->status == 204 ||
	       response->status == 304;
}

/* http_parser is left at the first byte of the body, when it is to see that at all. */
static int settle_body(struct response *response, bool to_head)
{
	static const http_parser_settings silent;
	struct parse *parse = &response->parse;

	parse->step = 0;
	if (has_no_body(response, to_head)) {
		parse->kind = BODY_NONE;
		parse->left = 0;
		parse->done = true;
		return 0;
	}
	response->until_close = parse->kind == BODY_NONE;
	parse->done = parse->kind == BODY_LENGTH && !parse->length;
	if (response->until_close || parse->done)
		return 0;
	http_parser_pause(&parse->parser, 0);
	return http_parser_execute(&parse->parser, &silent, "\n", 1) == 1 ? 0 : OURO_EPROTO;
}

int ouro__response_settle(struct response *response, const char *bytes, uint32_t len, bool to_head)
{
	struct parse *parse = &response->parse;
	struct facts facts = { 0 };
	int err;

	for (unsigned i = 0; i < parse->count; i++)
		note_field(&facts, bytes, &parse->fields[i]);
	err = settle_framing(response, bytes, &facts);
	if (!err)
		err = settle_agreement(response, bytes, len);
	parse->keep_alive = !facts.close && (parse->minor || facts.keep_alive);
	if (!err)
		parse->keep_alive = parse->keep_alive && parse_keeps_alive(parse);
	if (!err)
		err = settle_body(response, to_head);
	parse->keep_alive = parse->keep_alive && !response->until_close;
	return err;
}

int ouro__response_body(struct response *response, const char **at, const char *end,
			ouro_str *ret_piece)
{
	int event;

	if (!response->until_close) {
		event = ouro__body_next(&response->parse, at, end, ret_piece);
		return event >= 0 ? event : event == -413 ? OURO_ETOOBIG : OURO_EPROTO;
	}
	if (*at == end)
		return BODY_MORE;
	*ret_piece = ouro_str_n(*at, (size_t)(end - *at));
	response->parse.body_bytes += ret_piece->len;
	*at = end;
	return BODY_PIECE;
}
