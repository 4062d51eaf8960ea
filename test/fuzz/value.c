/* Field values: lists, types, parameters, quoted strings. */
#include "fuzz.h"
#include "http/encoded.h"

static void check_list(ouro_str value)
{
	ouro_str left = value, token;

	while (ouro__token_next(&left, &token)) {
		PROMISE(lies_in(token, value) && lies_in(left, value));
		PROMISE(ouro__is_field_name(token));
	}
	PROMISE(lies_in(left, value));
}

static void check_parameter(ouro_str value)
{
	char *room = exactly(value.ptr, value.len);
	ouro_str found = ouro__parameter_find(value, "a", room);
	int n;

	PROMISE(lies_in(found, value) || lies_in(found, ouro_str_n(room, value.len)));
	PROMISE(ouro__is_field_value(found));
	n = ouro__unquote(value, room);
	PROMISE(n == -400 || (n >= 0 && (size_t)n + 2 <= value.len));
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *copy = exactly(bytes, len);
	ouro_str value = ouro_str_n(copy, len), trimmed = ouro__trim(value);

	PROMISE(lies_in(trimmed, value) && same_bytes(ouro__trim(trimmed), trimmed));
	PROMISE(lies_in(ouro__media_type(value), value));
	check_list(value);
	check_parameter(value);
	free(copy);
	return 0;
}
