/* hears.h -- what the tests of requests say: HEARS(400, "GET / HTTP/1.1\n").
 *
 * Each case is read whole, cut in two at every byte, and byte by byte, and must come to the same
 * each time. */
#ifndef HEARS_H
#define HEARS_H
#include "hear.h"
#include "test.h"

static inline void hear_also(const char *file, int line, const struct heard *whole,
			     const char *bytes, size_t len, struct cuts cuts)
{
	struct heard cut = hear(bytes, len, cuts);
	const char *difference = heard_differently(whole, &cut);

	if (difference) {
		fprintf(stderr, "# cut at %zu, then each %zu: %d, not %d\n", cuts.first, cuts.then,
			cut.status, whole->status);
		test_fail(file, line, difference);
	}
	unhear(&cut);
}

/* The longer ones are not cut everywhere. */
static inline struct heard hear_well(const char *file, int line, const char *bytes, size_t len)
{
	struct heard whole = hear(bytes, len, (struct cuts){ len, len });
	size_t stride = len > 2000 ? len / 40 : 1;

	for (size_t first = 1; first < len; first += stride)
		hear_also(file, line, &whole, bytes, len, (struct cuts){ first, len });
	hear_also(file, line, &whole, bytes, len, (struct cuts){ 1, stride });
	return whole;
}

static inline void hears(const char *file, int line, int status, const char *bytes, size_t len)
{
	struct heard heard = hear_well(file, line, bytes, len);

	if (heard.status != status) {
		fprintf(stderr, "# %d, not %d, for:\n%.*s\n", heard.status, status,
			(int)(len < 300 ? len : 300), bytes);
		test_fail(file, line, "the request is heard rightly");
	}
	unhear(&heard);
}

#define HEARS(status, text)         hears(__FILE__, __LINE__, status, text, sizeof(text) - 1)
#define HEARS_N(status, bytes, len) hears(__FILE__, __LINE__, status, bytes, len)

/* A request that is good, to be looked at: unhear() it. */
static inline struct heard heard_good(const char *file, int line, const char *bytes, size_t len)
{
	struct heard heard = hear_well(file, line, bytes, len);

	test_equal(file, line, "the request is good", heard.status, 200);
	return heard;
}

#define HEARD(text) heard_good(__FILE__, __LINE__, text, sizeof(text) - 1)

/* A piece of a head as a C string, in one of a few places that are used in turn. */
static inline const char *piece_of(const struct heard *heard, size_t at, size_t len)
{
	static char places[8][512];
	static unsigned turn;
	char *place = places[turn++ % 8];

	CHECK(len < sizeof(places[0]));
	memcpy(place, heard->head + at, len);
	place[len] = '\0';
	return place;
}

#define PART(heard, what) piece_of(&(heard), (heard).parse.what, (heard).parse.what##_len)

/* Bytes that are put together: `before`, n times `c`, `behind`. To be freed. */
static inline char *with_many(const char *before, char c, size_t n, const char *behind,
			      size_t *ret_len)
{
	size_t first = strlen(before), last = strlen(behind);
	char *bytes = hear_need(malloc(first + n + last + 1));

	memcpy(bytes, before, first);
	memset(bytes + first, c, n);
	memcpy(bytes + first + n, behind, last + 1);
	*ret_len = first + n + last;
	return bytes;
}
#endif
