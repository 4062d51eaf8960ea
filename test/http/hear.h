/* hear.h -- a request read from memory, in one piece or cut anywhere.
 *
 * Each look at the bytes is at a copy that is exactly as long as what has come, at an address of
 * its own: whoever reads on, or keeps a pointer, is seen by a sanitizer. Shared with the fuzzers,
 * so it stands without test.h. */
#ifndef HEAR_H
#define HEAR_H
#include "http/parse.h"
#include <stdio.h>
#include <stdlib.h>

/* What came of it. */
struct heard {
	int status; /* 200: a whole request; 0: there must be more; else what it is refused with */
	size_t needed; /* bytes that had come when that was clear */
	size_t used;   /* 200: bytes that the request had */
	char *head;    /* a settled one */
	char *body;
	size_t body_len, pieces;
	struct parse parse;
};

/* first: how many bytes come at once at the beginning, then: each time after that. */
struct cuts {
	size_t first, then;
};

static const struct head_limits usual_limits = { 16384, 8192, 100 };

static inline void *hear_need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static inline char *hear_copy(const char *bytes, size_t len)
{
	return memcpy(hear_need(malloc(len ? len : 1)), bytes, len);
}

static inline size_t hear_more(size_t have, size_t then, size_t len)
{
	return len - have < then ? len : have + then;
}

/* The head: its length, or what scan and settle answer. */
static inline int hear_head(struct heard *heard, const struct head_limits *limits,
			    const char *bytes, size_t len, struct cuts cuts)
{
	size_t have = hear_more(0, cuts.first, len);

	for (;; have = hear_more(have, cuts.then, len)) {
		char *copy = hear_copy(bytes, have);
		int verdict = ouro__head_scan(&heard->parse, limits, copy, (uint32_t)have), err = 0;

		if (verdict > 0)
			err = ouro__head_settle(&heard->parse, copy, (uint32_t)verdict);
		free(copy);
		heard->needed = have;
		if (verdict != 0 || have == len)
			return err ? err : verdict;
	}
}

static inline void hear_piece(struct heard *heard, ouro_str piece)
{
	heard->body = hear_need(realloc(heard->body, heard->body_len + piece.len));
	memcpy(heard->body + heard->body_len, piece.ptr, piece.len);
	heard->body_len += piece.len;
	heard->pieces++;
}

/* All that can be had of the body from bytes[*at..have). */
static inline int hear_some_body(struct heard *heard, const char *bytes, size_t *at, size_t have)
{
	char *copy = hear_copy(bytes + *at, have - *at);
	const char *from = copy;
	ouro_str piece;
	int event;

	do {
		const char *before = from;

		event = ouro__body_next(&heard->parse, &from, copy + (have - *at), &piece);
		if (event == BODY_MORE && from != copy + (have - *at))
			abort();
		if (event != BODY_PIECE)
			break;
		if (!piece.len || piece.ptr < before || piece.ptr + piece.len != from)
			abort();
		hear_piece(heard, piece);
	} while (event == BODY_PIECE);
	*at += (size_t)(from - copy);
	free(copy);
	return event;
}

static inline int hear_body(struct heard *heard, const char *bytes, size_t len, struct cuts cuts)
{
	size_t have = heard->needed, at = heard->used;

	for (;; have = hear_more(have, cuts.then, len)) {
		int event = hear_some_body(heard, bytes, &at, have);

		heard->needed = have;
		heard->used = at;
		if (event != BODY_MORE)
			return event == BODY_END ? 200 : -event;
		if (have == len)
			return 0;
	}
}

static inline struct heard hear_within(const struct head_limits *limits, const char *bytes,
				       size_t len, struct cuts cuts)
{
	struct heard heard = { 0 };
	int verdict;

	memset(&heard.parse, 0xa5, sizeof(heard.parse));
	ouro__parse_start(&heard.parse);
	verdict = hear_head(&heard, limits, bytes, len, cuts);
	if (verdict <= 0) {
		heard.status = -verdict;
		return heard;
	}
	heard.used = (size_t)verdict;
	heard.head = hear_need(calloc(1, heard.used + 1));
	memcpy(heard.head, bytes, heard.used);
	heard.status = hear_body(&heard, bytes, len, cuts);
	return heard;
}

static inline struct heard hear(const char *bytes, size_t len, struct cuts cuts)
{
	return hear_within(&usual_limits, bytes, len, cuts);
}

static inline void unhear(struct heard *heard)
{
	free(heard->head);
	free(heard->body);
}

/* Did two readings come to the same? What is left of a refused one does not matter. */
static inline const char *heard_differently(const struct heard *a, const struct heard *b)
{
	const struct parse *p = &a->parse, *q = &b->parse;

	if (a->status != b->status)
		return "status";
	if (!a->head || !b->head)
		return a->head == b->head ? NULL : "head";
	if (memcmp(p, q, offsetof(struct parse, parser)) != 0)
		return a->status == 200 || a->status == 0 ? "facts" : NULL;
	if (memcmp(p->fields, q->fields, p->count * sizeof(p->fields[0])) != 0)
		return "fields";
	if (a->body_len != b->body_len ||
	    (a->body_len && memcmp(a->body, b->body, a->body_len) != 0))
		return "body";
	return a->status == 200 && a->used != b->used ? "length" : NULL;
}
#endif
