/* static_range.c -- reading a Range field. See static_range.h.
 *
 * A server may always send the whole file instead, so whatever is doubtful asks for that. Many
 * ranges that overlap are how a small request makes a large answer: their sum is not to be more
 * than the file. Numbers stop counting at the largest there is, which no file reaches. */
#include "app/static_range.h"
#include "http/octet.h"

struct reader {
	const char *at, *end;
};

static void skip(struct reader *reader, bool commas)
{
	while (reader->at < reader->end &&
	       (octet_is_blank(*reader->at) || (commas && *reader->at == ',')))
		reader->at++;
}

/* False: no digit. */
static bool take_number(struct reader *reader, uint64_t *ret_number)
{
	const char *start = reader->at;
	uint64_t n = 0;

	for (; reader->at < reader->end && octet_is(*reader->at, OCTET_DIGIT); reader->at++) {
		unsigned digit = (unsigned)(*reader->at - '0');

		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*ret_number = n;
	return reader->at > start;
}

static bool take(struct reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/* `first-last`, `first-`, `-suffix`. False: none of them. *ret_range empty (first > last): it is
 * not in the file. */
static bool take_range(struct reader *reader, uint64_t size, struct range *ret_range)
{
	uint64_t first, last;
	bool has_first = take_number(reader, &first), has_last;

	if (!take(reader, '-'))
		return false;
	has_last = take_number(reader, &last);
	if ((!has_first && !has_last) || (has_first && has_last && first > last))
		return false;
	*ret_range = (struct range){ 1, 0 };
	if (!has_first) {
		if (last && !size)
			return false; /* all of nothing: there is no way to write that range */
		if (last)
			*ret_range = (struct range){ last < size ? size - last : 0, size - 1 };
	} else if (first < size) {
		*ret_range = (struct range){ first, has_last && last < size ? last : size - 1 };
	}
	return true;
}

static bool take_unit(struct reader *reader)
{
	const char *start = reader->at;

	reader->at = octet_run(start, reader->end, OCTET_TOKEN);
	return ouro_str_caseeq(ouro_str_n(start, (size_t)(reader->at - start)), "bytes") &&
	       take(reader, '=');
}

int ouro__ranges(ouro_str value, uint64_t size, struct range ranges[RANGES_MAX])
{
	struct reader reader = { value.ptr, octet_end(value) };
	int asked = 0, count = 0;
	uint64_t left = size;

	if (!take_unit(&reader))
		return 0;
	for (skip(&reader, true); reader.at < reader.end; skip(&reader, true)) {
		struct range range;

		if (asked++ == RANGES_MAX || !take_range(&reader, size, &range))
			return 0;
		skip(&reader, false);
		if (reader.at < reader.end && *reader.at != ',')
			return 0;
		if (range.first > range.last)
			continue;
		if (range.last - range.first >= left)
			return 0;
		left -= range.last - range.first + 1;
		ranges[count++] = range;
	}
	return asked && !count ? -416 : count;
}
