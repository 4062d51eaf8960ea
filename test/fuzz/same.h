/* same.h -- one request, read whole, cut somewhere, and byte by byte: the same must come of it; and
 * what we accept http_parser must accept, alone and in one go, with the same body. */
#ifndef SAME_H
#define SAME_H
#include "fuzz.h"
#include "http/encoded.h"
#include "http/hear.h"

/* Cuts of which each input has its own. */
static inline struct cuts cuts_of(const char *bytes, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
	return (struct cuts){ 1 + hash % (len + 1), 1 + (hash >> 16) % 61 };
}

static inline void check_same(const struct heard *whole, const char *bytes, size_t len,
			      struct cuts cuts)
{
	struct heard cut = hear(bytes, len, cuts);
	const char *difference = heard_differently(whole, &cut);

	if (difference) {
		fprintf(stderr, "cut at %zu, then each %zu: another %s (%d, whole: %d)\n",
			cuts.first, cuts.then, difference, cut.status, whole->status);
		abort();
	}
	PROMISE(cut.needed <= whole->needed);
	unhear(&cut);
}

/* Where everything is said to be, there it is. */
static inline void check_facts(const struct heard *heard)
{
	const struct parse *parse = &heard->parse;
	ouro_str head = ouro_str_n(heard->head, strlen(heard->head)); /* no zero is in it */
	ouro_str target = ouro_str_n(head.ptr + parse->target, parse->target_len);

	PROMISE(target.len && lies_in(target, head));
	PROMISE(parse->path_len &&
		lies_in(ouro_str_n(head.ptr + parse->path, parse->path_len), target));
	PROMISE(lies_in(ouro_str_n(head.ptr + parse->query, parse->query_len), target));
	PROMISE(lies_in(ouro_str_n(head.ptr + parse->host, parse->host_len), head));
	PROMISE(parse->minor <= 1 && (parse->host_len || !parse->minor));
	for (unsigned i = 0; i < parse->count; i++) {
		const struct field *field = &parse->fields[i];

		PROMISE(ouro__is_field_name(ouro_str_n(head.ptr + field->name, field->name_len)));
		PROMISE(ouro__is_field_value(
			ouro_str_n(head.ptr + field->value, field->value_len)));
		PROMISE(head.ptr[field->name + field->name_len] == ':');
	}
}

/* ---- http_parser alone ---- */

struct alone {
	size_t body_len;
	unsigned heads, ends;
	bool differs;
	const struct heard *heard;
};

static inline int alone_body(http_parser *parser, const char *at, size_t len)
{
	struct alone *alone = parser->data;
	const struct heard *heard = alone->heard;

	if (len > heard->body_len - alone->body_len ||
	    memcmp(heard->body + alone->body_len, at, len) != 0)
		alone->differs = true;
	else
		alone->body_len += len;
	return 0;
}

static inline int alone_head(http_parser *parser)
{
	((struct alone *)parser->data)->heads++;
	return 0;
}

static inline int alone_end(http_parser *parser)
{
	((struct alone *)parser->data)->ends++;
	return 0;
}

/* It is not to see trailers: see body.c. */
static inline void check_alone(const struct heard *heard, const char *bytes)
{
	const http_parser_settings settings = { .on_body = alone_body,
						.on_headers_complete = alone_head,
						.on_message_complete = alone_end };
	struct alone alone = { .heard = heard };
	http_parser parser;
	size_t taken;

	if (heard->parse.overhead)
		return;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &alone;
	taken = http_parser_execute(&parser, &settings, bytes, heard->used);
	PROMISE(taken == heard->used);
	PROMISE(HTTP_PARSER_ERRNO(&parser) == HPE_OK);
	PROMISE(alone.heads == 1 && alone.ends == 1);
	PROMISE(!alone.differs && alone.body_len == heard->body_len);
}

static inline void check_request(const char *bytes, size_t len)
{
	struct heard whole = hear(bytes, len, (struct cuts){ len, len });

	check_same(&whole, bytes, len, (struct cuts){ 1, 1 });
	check_same(&whole, bytes, len, cuts_of(bytes, len));
	if (whole.head)
		check_facts(&whole);
	if (whole.status == 200)
		check_alone(&whole, bytes);
	unhear(&whole);
}
#endif
