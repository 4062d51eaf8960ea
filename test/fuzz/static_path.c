/* The path of a request, decoded as static files do it: what is good stays below the root, as the
 * kernel would walk it. */
#include "app/static_path.h"
#include "fuzz.h"
#include "http/encoded.h"

/* Slash by slash: how deep it is; never above the root. */
static void walk(ouro_str path)
{
	const char *at = path.ptr, *end = at + path.len;
	int depth = 0;

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at)),
			   *stop = slash ? slash : end;
		size_t len = (size_t)(stop - at);

		PROMISE(len > 0); /* so it is not absolute either */
		PROMISE(at[0] != '.');
		depth += len == 2 && !memcmp(at, "..", 2) ? -1 : 1;
		PROMISE(depth > 0);
		at = slash ? slash + 1 : end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *room = exactly(bytes, len), *rest = exactly(bytes, len);
	int n = ouro__path_decode(ouro_str_n((const char *)bytes, len), room);

	if (n > 0 && room[0] == '/')
		n = ouro__part_decode(ouro_str_n(room + 1, (size_t)n - 1), rest);
	else
		n = -1;
	if (n >= 0 && ouro__static_path_is_good(ouro_str_n(rest, (size_t)n))) {
		PROMISE(n <= STATIC_PATH_MAX);
		PROMISE(!memchr(rest, 0, (size_t)n));
		walk(ouro_str_n(rest, (size_t)n));
	}
	free(room);
	free(rest);
	return 0;
}
