/* answer.h -- the answer that there must be.
 *
 * The first is looked at closely: 200, a Content-Length, and not a byte more. Each one after must
 * be the same, byte for byte, but for the value of Date; so counting and comparing is all that is
 * left to do, wherever an answer was cut in pieces. */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H
#include "server.h"

struct answer {
	char bytes[1 << 16];
	size_t len, head; /* all of it; as far as the body */
	size_t date, date_end;
};

/* Where the value of a field begins; NULL: no such field. */
static inline const char *answer_field(const struct answer *a, const char *name)
{
	const char *at = strcasestr(a->bytes, name);

	return at && (size_t)(at - a->bytes) < a->head ? at + strlen(name) : NULL;
}

static inline bool answer_is_whole(struct answer *a)
{
	const char *end = strstr(a->bytes, "\r\n\r\n"), *length, *date;

	if (!end)
		return false;
	a->head = (size_t)(end - a->bytes) + 4;
	length = answer_field(a, "\r\nContent-Length: ");
	bench_check(strncmp(a->bytes, "HTTP/1.1 200 ", 13) == 0 && length);
	if (a->len < a->head + strtoul(length, NULL, 10))
		return false;
	bench_check(a->len == a->head + strtoul(length, NULL, 10));
	date = answer_field(a, "\r\nDate: ");
	if (date) {
		a->date = (size_t)(date - a->bytes);
		a->date_end = a->date + strcspn(date, "\r");
	}
	return true;
}

/* Asks, waits, and has all of the answer. */
static inline void answer_fetch(struct answer *a, int fd, const char *question, size_t n)
{
	ssize_t got;

	memset(a, 0, sizeof(*a));
	bench_check(send(fd, question, n, MSG_NOSIGNAL) == (ssize_t)n);
	while (!answer_is_whole(a)) {
		got = recv(fd, a->bytes + a->len, sizeof(a->bytes) - 1 - a->len, 0);
		bench_check(got > 0);
		a->len += (size_t)got;
	}
}

static inline bool answer_same(const struct answer *a, size_t from, size_t to, size_t at,
			       const char *bytes, size_t n)
{
	size_t begin = at > from ? at : from, end = at + n < to ? at + n : to;

	return begin >= end || memcmp(bytes + (begin - at), a->bytes + begin, end - begin) == 0;
}

/* bytes[0..n) came `at` bytes behind an answer's beginning, and are of one answer. */
static inline void answer_check(const struct answer *a, size_t at, const char *bytes, size_t n)
{
	bench_check(answer_same(a, 0, a->date, at, bytes, n));
	bench_check(answer_same(a, a->date_end, a->len, at, bytes, n));
}
#endif
