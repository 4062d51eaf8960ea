/* A query: its pairs, and that each is found by its name. */
#include "fuzz.h"
#include "http/encoded.h"

#define LONGEST 512

/* How many of that name stand before the one whose value is there. */
static void check_found(ouro_str all, ouro_str name, const char *value)
{
	for (unsigned nth = 0;; nth++) {
		ouro_str found = ouro__pair_find(all, name, nth);

		PROMISE(found.ptr && found.ptr <= value);
		if (found.ptr == value)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	ouro_str all = ouro_str_n(bytes, len), left = all, name, value;
	char room[LONGEST];

	if (len > LONGEST)
		return 0;
	while (ouro__pair_next(&left, &name, &value)) {
		int n = ouro__form_decode(name, room);

		PROMISE(lies_in(name, all) && lies_in(value, all) && lies_in(left, all));
		PROMISE(!memchr(name.ptr, '=', name.len) && !memchr(name.ptr, '&', name.len));
		PROMISE(n == -400 || (n >= 0 && (size_t)n <= name.len));
		if (n >= 0)
			check_found(all, ouro_str_n(room, (size_t)n), value.ptr);
	}
	PROMISE(!left.len);
	return 0;
}
