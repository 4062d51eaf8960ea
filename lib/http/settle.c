/* settle.c -- what a head means, or why it may not mean anything. See parse.h.
 *
 * Each rule is one that RFC 9110 or 9112 has, in its stricter reading: whatever two servers in a
 * row could understand in two ways is refused. Framing first, since nothing else matters when
 * nobody can say where the request ends; then the method, the fields, the target. Last http_parser
 * reads the same bytes, stops where the head ends for it, and is compared.
 *
 * The connection lives on only when both say so: ending it early harms nobody, and http_parser
 * overlooks some forms of the Connection field (a tab behind `close`). */
#include "http/authority.h"
#include "http/encoded.h"
#include "http/octet.h"
#include "http/parse.h"

/* The fields that say something about the message itself, and what stood in them. */
struct facts {
	const struct field *host, *length, *coding;
	bool host_twice, length_twice, coding_twice;
	bool close, keep_alive, upgrade; /* in Connection */
	bool has_upgrade;
	bool expects, expects_other;
	bool bad; /* a list that is none */
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
		else if (ouro_str_caseeq(token, "upgrade"))
			facts->upgrade = true;
	}
	if (value.len)
		facts->bad = true;
}

static void note_once(const struct field **seen, bool *twice, const struct field *field)
{
	if (*seen)
		*twice = true;
	else
		*seen = field;
}

static inline uint32_t four(const char *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* No two names of interest are equally long, so the length decides which one to compare with: in
 * fours, the last of which may overlap. 0x20 makes a letter small, and no other octet of a token
 * one of ours. */
static inline bool is_named(const char *name, const char *small, size_t n)
{
	for (size_t i = 0; i + 4 < n; i += 4)
		if ((four(name + i) | 0x20202020) != four(small + i))
			return false;
	return (four(name + n - 4) | 0x20202020) == four(small + n - 4);
}

static void note_field(struct facts *facts, const char *bytes, const struct field *field)
{
	const char *name = bytes + field->name;
	ouro_str value = value_of(bytes, field);

	switch (field->name_len) {
	case 4:
		if (is_named(name, "host", 4))
			note_once(&facts->host, &facts->host_twice, field);
		break;
	case 6:
		if (!is_named(name, "expect", 6))
			break;
		if (ouro_str_caseeq(value, "100-continue"))
			facts->expects = true;
		else
			facts->expects_other = true;
		break;
	case 7:
		if (is_named(name, "upgrade", 7) && value.len)
			facts->has_upgrade = true;
		break;
	case 10:
		if (is_named(name, "connection", 10))
			note_connection(facts, value);
		break;
	case 14:
		if (is_named(name, "content-length", 14))
			note_once(&facts->length, &facts->length_twice, field);
		break;
	case 17:
		if (is_named(name, "transfer-encoding", 17))
			note_once(&facts->coding, &facts->coding_twice, field);
		break;
	}
}

/* Codings we do not know, and chunked behind them: then its end could be found, by somebody who
 * knows them. All else has no end that two readers agree on. */
static int refuse_coding(ouro_str value)
{
	ouro_str token;
	int others = 0, chunked = 0;

	while (ouro__token_next(&value, &token)) {
		if (chunked || ouro_str_caseeq(token, "identity"))
			return -400;
		chunked = ouro_str_caseeq(token, "chunked");
		others += !chunked;
	}
	return value.len || !others || !chunked ? -400 : -501;
}

static int settle_chunked(struct parse *parse, const char *bytes, const struct facts *facts)
{
	ouro_str value = value_of(bytes, facts->coding);

	if (facts->coding_twice || facts->length || parse->minor == 0)
		return -400;
	if (!ouro_str_caseeq(value, "chunked"))
		return refuse_coding(value);
	parse->kind = BODY_CHUNKED;
	return 0;
}

#define LENGTH_MAX INT64_MAX /* so that no sum of lengths can overflow */

static int settle_length(struct parse *parse, const char *bytes, const struct facts *facts)
{
	uint64_t length = ouro_str_u64(value_of(bytes, facts->length), UINT64_MAX);

	if (facts->length_twice || length > LENGTH_MAX)
		return -400;
	parse->kind = BODY_LENGTH;
	parse->length = parse->left = length;
	return 0;
}

static int settle_framing(struct parse *parse, const char *bytes, const struct facts *facts)
{
	int err = 0;

	if (facts->coding)
		err = settle_chunked(parse, bytes, facts);
	else if (facts->length)
		err = settle_length(parse, bytes, facts);
	parse->done = parse->kind != BODY_CHUNKED && !parse->length;
	return err;
}

#define METHODS 34
static const struct method {
	char name[12];
	uint8_t len;
} methods[METHODS] = {
#define METHOD(number, name, text) [number] = { #text, sizeof(#text) - 1 },
	HTTP_METHOD_MAP(METHOD)
#undef METHOD
};

/* GET, which most requests are, is found without a call. */
static int settle_method(struct parse *parse, const char *bytes)
{
	const char *name = bytes + parse->skipped;

	if (parse->method_len == 3 && !memcmp(name, "GET", 3)) {
		parse->method = HTTP_GET;
		return 0;
	}
	for (unsigned i = 0; i < METHODS; i++)
		if (methods[i].len == parse->method_len &&
		    !memcmp(methods[i].name, name, methods[i].len)) {
			parse->method = (uint8_t)i;
			return 0;
		}
	return -501;
}

static int settle_host(struct parse *parse, const char *bytes, const struct facts *facts)
{
	if (!facts->host)
		return parse->minor ? -400 : 0;
	if (facts->host_twice || !ouro__authority_is_valid(value_of(bytes, facts->host), false))
		return -400;
	parse->host = facts->host->value;
	parse->host_len = facts->host->value_len;
	return 0;
}

/* What is only about the connection: nothing of it is known to HTTP/1.0 but keep-alive. */
static int settle_connection(struct parse *parse, const struct facts *facts)
{
	if (facts->bad)
		return -400;
	parse->keep_alive = !facts->close && (parse->minor || facts->keep_alive);
	if (!parse->minor)
		return 0;
	if (facts->expects_other)
		return -417;
	parse->expects_continue = facts->expects && !parse->done;
	parse->upgrade = facts->upgrade && facts->has_upgrade;
	return 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same(ouro_str a, ouro_str b)
{
	size_t i = 0;

	if (a.len != b.len)
		return false;
	while (i < a.len && lower(a.ptr[i]) == lower(b.ptr[i]))
		i++;
	return i == a.len;
}

/* The path from offset `from` of the target on, and the query. */
static void settle_path(struct parse *parse, uint16_t from)
{
	uint16_t end = (uint16_t)(parse->target + parse->target_len);

	parse->path = from;
	parse->path_len = (uint16_t)((parse->query ? parse->query - 1 : end) - from);
	parse->query_len = parse->query ? (uint16_t)(end - parse->query) : 0;
}

static int settle_authority_form(struct parse *parse, ouro_str target)
{
	if (!ouro__authority_is_valid(target, true) || parse->kind == BODY_CHUNKED || parse->length)
		return -400;
	parse->path = parse->host = parse->target;
	parse->path_len = parse->host_len = parse->target_len;
	parse->upgrade = true;
	return 0;
}

static bool begins(ouro_str s, const char *lower)
{
	size_t n = strlen(lower);

	return s.len >= n && ouro_str_caseeq(ouro_str_n(s.ptr, n), lower);
}

/* `http://authority/path?query`. The authority takes the place of Host, which may not say anything
 * else. A path that is empty means "/", and there is one in the "//". */
static int settle_absolute_form(struct parse *parse, const char *bytes, ouro_str target)
{
	uint16_t scheme = begins(target, "http://") ? 7 : begins(target, "https://") ? 8 : 0;
	uint16_t len = scheme;

	if (!scheme)
		return -400;
	while (len < target.len && target.ptr[len] != '/' && target.ptr[len] != '?')
		len++;
	ouro_str authority = ouro_str_n(target.ptr + scheme, (size_t)(len - scheme));
	if (!ouro__authority_is_valid(authority, false))
		return -400;
	if (parse->host_len && !same(authority, ouro_str_n(bytes + parse->host, parse->host_len)))
		return -400;
	parse->host = (uint16_t)(parse->target + scheme);
	parse->host_len = (uint16_t)authority.len;
	settle_path(parse, (uint16_t)(parse->target + len));
	if (!parse->path_len) {
		parse->path = (uint16_t)(parse->host - 1);
		parse->path_len = 1;
	}
	return 0;
}

static int settle_target(struct parse *parse, const char *bytes)
{
	ouro_str target = ouro_str_n(bytes + parse->target, parse->target_len);

	if (parse->method == HTTP_CONNECT)
		return settle_authority_form(parse, target);
	if (target.ptr[0] != '/' && !ouro_str_eq(target, "*"))
		return settle_absolute_form(parse, bytes, target);
	if (target.ptr[0] == '*' && parse->method != HTTP_OPTIONS)
		return -400;
	settle_path(parse, parse->target);
	return 0;
}

/* ---- The other reader ---- */

/* Its answer to "how long is the head?", which must be ours, is where it stops. */
static int stop_here(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static int read_again(http_parser *parser, const char *head, size_t len)
{
	static const http_parser_settings until_body = { .on_headers_complete = stop_here };
	size_t taken;

	http_parser_init(parser, HTTP_REQUEST);
	taken = http_parser_execute(parser, &until_body, head, len);
	if (HTTP_PARSER_ERRNO(parser) == HPE_HEADER_OVERFLOW)
		return -431;
	if (HTTP_PARSER_ERRNO(parser) != HPE_PAUSED || taken != len - 1)
		return -400;
	return 0;
}

static bool agree(const struct parse *parse)
{
	return parse->parser.method == parse->method && parse_agrees(parse);
}

/* Leaves http_parser at the first byte of the body. The limit it has on heads is one for the whole
 * process, so a host that made it small has made ours small, too. */
static int settle_agreement(struct parse *parse, const char *bytes, uint32_t len)
{
	static const http_parser_settings silent;
	http_parser *parser = &parse->parser;
	int err = read_again(parser, bytes + parse->skipped, len - parse->skipped);

	if (err)
		return err;
	if (!agree(parse))
		return -400;
	parse->keep_alive = parse->keep_alive && parse_keeps_alive(parse);
	parse->upgrade = parse->upgrade && parser->upgrade;
	if (parse->done)
		return 0;
	http_parser_pause(parser, 0);
	return http_parser_execute(parser, &silent, "\n", 1) == 1 ? 0 : -400;
}

int ouro__head_settle(struct parse *parse, const char *bytes, uint32_t len)
{
	struct facts facts = { 0 };
	int err;

	for (unsigned i = 0; i < parse->count; i++)
		note_field(&facts, bytes, &parse->fields[i]);
	err = settle_framing(parse, bytes, &facts);
	if (!err)
		err = settle_method(parse, bytes);
	if (!err)
		err = settle_host(parse, bytes, &facts);
	if (!err)
		err = settle_connection(parse, &facts);
	if (!err)
		err = settle_target(parse, bytes);
	if (!err)
		err = settle_agreement(parse, bytes, len);
	parse->step = 0;
	return err;
}

int ouro__head_find(const struct parse *parse, const char *bytes, ouro_str name, int from)
{
	for (int i = from; i < parse->count; i++) {
		const struct field *field = &parse->fields[i];

		if (field->name_len == name.len &&
		    same(name, ouro_str_n(bytes + field->name, field->name_len)))
			return i;
	}
	return -1;
}
