/* A target, alone in a good request; and the path in it. */
#include "same.h"

#define LONGEST 1024

static bool is_dots(const char *start, const char *end)
{
	return (end - start == 1 && start[0] == '.') ||
	       (end - start == 2 && start[0] == '.' && start[1] == '.');
}

/* No dots are left, no zero, and decoding it again changes nothing. */
static void check_decoded(ouro_str path)
{
	char *again = exactly(path.ptr, path.len);

	PROMISE(path.len && path.ptr[0] == '/');
	PROMISE(!memchr(path.ptr, '\0', path.len));
	for (const char *at = path.ptr, *end = at + path.len; at < end;) {
		const char *next = memchr(at + 1, '/', (size_t)(end - at - 1));

		PROMISE(!is_dots(at + 1, next ? next : end));
		at = next ? next : end;
	}
	PROMISE(ouro__path_decode(path, again) == (int)path.len);
	PROMISE(!memcmp(again, path.ptr, path.len));
	free(again);
}

static void check_path(const char *bytes, size_t len)
{
	char *room = exactly(bytes, len);
	int n = ouro__path_decode(ouro_str_n(bytes, len), room);

	PROMISE(n == -400 || (n >= 0 && (size_t)n <= len));
	if (n > 0 && bytes[0] == '/')
		check_decoded(ouro_str_n(room, (size_t)n));
	n = ouro__part_decode(ouro_str_n(bytes, len), room);
	PROMISE(n == -400 || (n >= 0 && (size_t)n <= len));
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char text[LONGEST + 64];
	int n;

	if (len > LONGEST)
		return 0;
	check_path((const char *)bytes, len);
	n = sprintf(text, "GET ");
	memcpy(text + n, bytes, len);
	n += (int)len;
	n += sprintf(text + n, " HTTP/1.1\r\nHost: a\r\n\r\n");
	check_request(text, (size_t)n);
	return 0;
}
