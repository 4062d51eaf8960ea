/* Accept-Encoding: what says yes to gzip names it, or everything, and a list that is none says nothing.
 * Two lines are the same as one with a comma. */
#include "gzip/accept.h"
#include "fuzz.h"

static bool names(ouro_str line, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= line.len; i++)
		if (ouro_str_caseeq(ouro_str_n(line.ptr + i, n), word))
			return true;
	return false;
}

static void check_weight(int q)
{
	PROMISE(q >= -1 && q <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *copy = exactly(bytes, len);
	const char *comma = len ? memchr(copy, ',', len) : NULL;
	struct gzip_accept whole = { -1, -1, -1 }, halves = whole;
	ouro_str line = ouro_str_n(copy, len);
	bool good = gzip_accept_add(&whole, line), half;

	check_weight(whole.gzip);
	check_weight(whole.identity);
	check_weight(whole.any);
	PROMISE(good || !gzip_accept_says_yes(&whole));
	PROMISE(!gzip_accept_says_yes(&whole) || names(line, "gzip") || names(line, "*"));
	if (comma) {
		size_t n = (size_t)(comma - copy);

		half = gzip_accept_add(&halves, ouro_str_n(copy, n)) &&
		       gzip_accept_add(&halves, ouro_str_n(comma + 1, len - n - 1));
		PROMISE(half == good);
		PROMISE(!good || !memcmp(&whole, &halves, sizeof(whole)));
	}
	gzip_type_is_in(line, NULL);
	PROMISE(!gzip_list_has(line, "no-transform") || names(line, "no-transform"));
	free(copy);
	return 0;
}
