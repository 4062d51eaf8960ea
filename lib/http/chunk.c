/* chunk.c -- the framing of chunks. See chunk.h. */
#include "http/chunk.h"
#include "http/octet.h"

#define SIZE_DIGITS 16
#define BODY_MAX    INT64_MAX /* so that no sum of sizes can overflow */

static int go_to(struct parse *parse, enum chunk_step step)
{
	parse->step = step;
	return 0;
}

static int expect(struct parse *parse, char c, char wanted, enum chunk_step next)
{
	return c == wanted ? go_to(parse, next) : -400;
}

static int count_overhead(struct parse *parse)
{
	return ++parse->overhead > BODY_OVERHEAD_MAX ? -413 : 0;
}

/* ---- Extensions ---- */

enum kind { TOKEN, BLANK, SEMICOLON, EQUALS, QUOTE, BACKSLASH, OTHER, CR, CONTROL, KINDS };

static enum kind kind_of(char c)
{
	switch (c) {
	case ' ':
	case '\t':
		return BLANK;
	case ';':
		return SEMICOLON;
	case '=':
		return EQUALS;
	case '"':
		return QUOTE;
	case '\\':
		return BACKSLASH;
	case '\r':
		return CR;
	}
	return octet_is(c, OCTET_TOKEN) ? TOKEN : octet_is(c, OCTET_FIELD) ? OTHER : CONTROL;
}

/* Where each kind leads to; a 0 refuses it. */
#define STEP(name) [CHUNK_##name - CHUNK_EXT]
static const uint8_t leads[][KINDS] = {
	STEP(EXT) = {
		[TOKEN] = CHUNK_EXT_NAME,
		[BLANK] = CHUNK_EXT,
	},
	STEP(EXT_NAME) = {
		[TOKEN] = CHUNK_EXT_NAME,
		[BLANK] = CHUNK_EXT_NAMED,
		[SEMICOLON] = CHUNK_EXT,
		[EQUALS] = CHUNK_EXT_EQUALS,
		[CR] = CHUNK_SIZE_LF,
	},
	STEP(EXT_NAMED) = {
		[BLANK] = CHUNK_EXT_NAMED,
		[SEMICOLON] = CHUNK_EXT,
		[EQUALS] = CHUNK_EXT_EQUALS,
	},
	STEP(EXT_EQUALS) = {
		[TOKEN] = CHUNK_EXT_VALUE,
		[BLANK] = CHUNK_EXT_EQUALS,
		[QUOTE] = CHUNK_EXT_QUOTED,
	},
	STEP(EXT_VALUE) = {
		[TOKEN] = CHUNK_EXT_VALUE,
		[BLANK] = CHUNK_EXT_OVER,
		[SEMICOLON] = CHUNK_EXT,
		[CR] = CHUNK_SIZE_LF,
	},
	STEP(EXT_QUOTED) = {
		[TOKEN] = CHUNK_EXT_QUOTED,
		[BLANK] = CHUNK_EXT_QUOTED,
		[SEMICOLON] = CHUNK_EXT_QUOTED,
		[EQUALS] = CHUNK_EXT_QUOTED,
		[QUOTE] = CHUNK_EXT_CLOSED,
		[BACKSLASH] = CHUNK_EXT_ESCAPED,
		[OTHER] = CHUNK_EXT_QUOTED,
	},
	STEP(EXT_ESCAPED) = {
		[TOKEN] = CHUNK_EXT_QUOTED,
		[BLANK] = CHUNK_EXT_QUOTED,
		[SEMICOLON] = CHUNK_EXT_QUOTED,
		[EQUALS] = CHUNK_EXT_QUOTED,
		[QUOTE] = CHUNK_EXT_QUOTED,
		[BACKSLASH] = CHUNK_EXT_QUOTED,
		[OTHER] = CHUNK_EXT_QUOTED,
	},
	STEP(EXT_CLOSED) = {
		[BLANK] = CHUNK_EXT_OVER,
		[SEMICOLON] = CHUNK_EXT,
		[CR] = CHUNK_SIZE_LF,
	},
	STEP(EXT_OVER) = {
		[BLANK] = CHUNK_EXT_OVER,
		[SEMICOLON] = CHUNK_EXT,
	},
};
#undef STEP

static int extension_octet(struct parse *parse, char c)
{
	uint8_t next = leads[parse->step - CHUNK_EXT][kind_of(c)];

	if (!next)
		return -400;
	parse->step = next;
	if (next == CHUNK_SIZE_LF)
		return 0;
	return ++parse->line_bytes > CHUNK_LINE_MAX ? -413 : count_overhead(parse);
}

/* ---- Sizes ---- */

static int chunk_begins(struct parse *parse)
{
	parse->left = parse->line_bytes = 0;
	return go_to(parse, CHUNK_SIZE);
}

static int size_octet(struct parse *parse, char c)
{
	if (octet_is(c, OCTET_HEX)) {
		parse->left = parse->left << 4 | octet_hex(c);
		return ++parse->line_bytes > SIZE_DIGITS ? -400 : 0;
	}
	if (!parse->line_bytes || parse->left > BODY_MAX - parse->body_bytes)
		return -400;
	if (c != ';')
		return expect(parse, c, '\r', CHUNK_SIZE_LF);
	parse->line_bytes = 1;
	parse->step = CHUNK_EXT;
	return count_overhead(parse);
}

/* The line has ended: data, or after the size 0 the trailers. */
static int size_is_over(struct parse *parse)
{
	parse->line_bytes = 0;
	return go_to(parse, parse->left ? CHUNK_DATA : CHUNK_TRAILER);
}

/* ---- Trailers ---- */

/* What stands in a head, or nowhere. */
static const char *const head_only[] = {
	"authorization",
	"connection",
	"content-encoding",
	"content-length",
	"content-range",
	"content-type",
	"cookie",
	"expect",
	"host",
	"keep-alive",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
};

/* line_bytes: how long the name is so far; what is too long for trailer[] is none of those. */
static int name_octet(struct parse *parse, char c)
{
	if (parse->line_bytes < sizeof(parse->trailer))
		parse->trailer[parse->line_bytes] = c;
	parse->line_bytes++;
	return go_to(parse, CHUNK_TRAILER_NAME);
}

static int name_is_over(struct parse *parse)
{
	ouro_str name = ouro_str_n(parse->trailer, parse->line_bytes);

	for (size_t i = 0; i < sizeof(head_only) / sizeof(head_only[0]); i++)
		if (name.len <= sizeof(parse->trailer) && ouro_str_caseeq(name, head_only[i]))
			return -400;
	parse->line_bytes = 0;
	return go_to(parse, CHUNK_TRAILER_VALUE);
}

static int trailer_octet(struct parse *parse, char c)
{
	int err = 0;

	if (parse->step == CHUNK_TRAILER && c == '\r')
		return go_to(parse, CHUNK_LAST_LF);
	if (parse->step == CHUNK_TRAILER_VALUE && c == '\r')
		parse->step = CHUNK_TRAILER_LF;
	else if (parse->step == CHUNK_TRAILER_VALUE)
		err = octet_is(c, OCTET_FIELD) ? 0 : -400;
	else if (parse->step == CHUNK_TRAILER_NAME && c == ':')
		err = name_is_over(parse);
	else
		err = octet_is(c, OCTET_TOKEN) ? name_octet(parse, c) : -400;
	return err ? err : count_overhead(parse);
}

int ouro__chunk_octet(struct parse *parse, char c)
{
	switch ((enum chunk_step)parse->step) {
	case CHUNK_SIZE:
		return size_octet(parse, c);
	case CHUNK_SIZE_LF:
		return c == '\n' ? size_is_over(parse) : -400;
	case CHUNK_DATA_CR:
		return expect(parse, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		return c == '\n' ? chunk_begins(parse) : -400;
	case CHUNK_TRAILER:
	case CHUNK_TRAILER_NAME:
	case CHUNK_TRAILER_VALUE:
		return trailer_octet(parse, c);
	case CHUNK_TRAILER_LF:
		return expect(parse, c, '\n', CHUNK_TRAILER);
	case CHUNK_LAST_LF:
		parse->done = c == '\n';
		return parse->done ? 0 : -400;
	case CHUNK_DATA:
	case CHUNK_REFUSED:
		return -400;
	default:
		return extension_octet(parse, c);
	}
}
