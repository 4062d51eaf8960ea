/* An answer, to GET or (first byte odd) to HEAD: read whole, byte by byte, and cut where its own
 * bytes say, the same must come of it; and what we accept http_parser must accept, alone and in one
 * go, with the same body. */
#include "http/response.h"
#include "fuzz.h"
#include "http/encoded.h"

#define LONGEST 4096

/* What came of it. used: bytes; body: as long. */
struct heard {
	int verdict; /* BODY_END, BODY_MORE, or the error */
	size_t head_len, used, body_len;
	char body[LONGEST];
	struct response response;
};

static size_t more(size_t have, size_t by, size_t len)
{
	return len - have < by ? len : have + by;
}

/* The head, looked at each time as a copy that ends where the bytes do. */
static int hear_head(struct heard *heard, const char *bytes, size_t len, size_t by, bool to_head)
{
	int verdict = 0;

	for (size_t have = more(0, by, len); !verdict; have = more(have, by, len)) {
		char *copy = exactly(bytes, have);

		verdict = ouro__response_scan(&heard->response, 1024, copy, (uint32_t)have);
		if (verdict > 0) {
			int err = ouro__response_settle(&heard->response, copy, (uint32_t)verdict,
							to_head);
			heard->head_len = (size_t)verdict;
			verdict = err ? err : verdict;
		}
		free(copy);
		if (have == len)
			break;
	}
	return verdict;
}

static int hear_piece(struct heard *heard, const char *bytes, size_t have)
{
	char *copy = exactly(bytes + heard->used, have - heard->used);
	const char *at = copy, *end = copy + (have - heard->used);
	ouro_str piece;
	int event;

	while ((event = ouro__response_body(&heard->response, &at, end, &piece)) == BODY_PIECE) {
		PROMISE(piece.len && piece.ptr >= copy && piece.ptr + piece.len == at);
		memcpy(heard->body + heard->body_len, piece.ptr, piece.len);
		heard->body_len += piece.len;
	}
	PROMISE(event != BODY_MORE || at == end);
	heard->used += (size_t)(at - copy);
	free(copy);
	return event;
}

static void hear(struct heard *heard, const char *bytes, size_t len, size_t by, bool to_head)
{
	size_t have;

	memset(heard, 0xa5, sizeof(*heard));
	heard->head_len = heard->used = heard->body_len = 0;
	ouro__response_start(&heard->response);
	heard->verdict = hear_head(heard, bytes, len, by, to_head);
	if (heard->verdict <= 0)
		return;
	heard->used = have = heard->head_len;
	do {
		have = more(have, by, len);
		heard->verdict = hear_piece(heard, bytes, have);
	} while (heard->verdict == BODY_MORE && have < len);
}

/* What is left of a refused one does not matter. */
static void check_same(const struct heard *a, const struct heard *b)
{
	PROMISE(a->verdict == b->verdict);
	PROMISE(a->head_len == b->head_len || a->verdict < 0);
	if (a->verdict < 0)
		return;
	PROMISE(a->used == b->used && a->body_len == b->body_len);
	PROMISE(!memcmp(a->body, b->body, a->body_len));
	if (!a->head_len)
		return;
	PROMISE(a->response.status == b->response.status);
	PROMISE(a->response.until_close == b->response.until_close);
	PROMISE(a->response.parse.keep_alive == b->response.parse.keep_alive);
	PROMISE(a->response.parse.count == b->response.parse.count);
}

static void check_facts(const struct heard *heard, const char *bytes)
{
	const struct parse *parse = &heard->response.parse;

	PROMISE(heard->response.status >= 100 && heard->response.status <= 999);
	for (unsigned i = 0; i < parse->count; i++) {
		const struct field *field = &parse->fields[i];

		PROMISE(ouro__is_field_name(ouro_str_n(bytes + field->name, field->name_len)));
		PROMISE(ouro__is_field_value(ouro_str_n(bytes + field->value, field->value_len)));
		PROMISE(bytes[field->name + field->name_len] == ':');
	}
}

/* ---- http_parser alone ---- */

struct alone {
	const struct heard *heard;
	size_t body_len;
	unsigned heads, ends;
};

static int alone_body(http_parser *parser, const char *at, size_t len)
{
	struct alone *alone = parser->data;

	PROMISE(len <= alone->heard->body_len - alone->body_len);
	PROMISE(!memcmp(alone->heard->body + alone->body_len, at, len));
	alone->body_len += len;
	return 0;
}

static int alone_head(http_parser *parser)
{
	((struct alone *)parser->data)->heads++;
	return 0;
}

static int alone_end(http_parser *parser)
{
	((struct alone *)parser->data)->ends++;
	return 0;
}

/* It is not to see trailers (see body.c), and does not know what was asked. */
static void check_alone(const struct heard *heard, const char *bytes)
{
	const http_parser_settings settings = { .on_body = alone_body,
						.on_headers_complete = alone_head,
						.on_message_complete = alone_end };
	struct alone alone = { .heard = heard };
	http_parser parser;

	if (heard->response.parse.overhead)
		return;
	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = &alone;
	PROMISE(http_parser_execute(&parser, &settings, bytes, heard->used) == heard->used);
	if (heard->response.until_close)
		http_parser_execute(&parser, &settings, NULL, 0);
	PROMISE(HTTP_PARSER_ERRNO(&parser) == HPE_OK);
	PROMISE(alone.heads == 1 && alone.ends == 1 && alone.body_len == heard->body_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	static struct heard whole, cut;
	const char *bytes = (const char *)input + 1;
	bool to_head;

	if (len < 2 || len > LONGEST)
		return 0;
	len--;
	to_head = input[0] & 1;
	hear(&whole, bytes, len, len, to_head);
	hear(&cut, bytes, len, 1, to_head);
	check_same(&whole, &cut);
	hear(&cut, bytes, len, 1 + input[len / 2] % 61, to_head);
	check_same(&whole, &cut);
	if (whole.head_len && whole.verdict >= 0)
		check_facts(&whole, bytes);
	if (whole.verdict == BODY_END || (whole.verdict >= 0 && whole.response.until_close))
		if (whole.head_len && whole.response.parse.kind != BODY_NONE)
			check_alone(&whole, bytes);
	return 0;
}
