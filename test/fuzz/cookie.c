/* A Cookie field. */
#include "fuzz.h"
#include "http/encoded.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	ouro_str all = ouro_str_n(bytes, len), left = all, name, value;
	char *copy = exactly(bytes, len);

	all.ptr = left.ptr = copy;
	while (len <= 1024 && ouro__cookie_next(&left, &name, &value)) {
		ouro_str found = ouro__cookie_find(all, name);

		PROMISE(lies_in(name, all) && lies_in(value, all) && lies_in(left, all));
		PROMISE(ouro__is_field_name(name) && ouro__is_field_value(value));
		PROMISE(!memchr(value.ptr, ';', value.len));
		PROMISE(found.ptr && found.ptr <= value.ptr);
	}
	free(copy);
	return 0;
}
