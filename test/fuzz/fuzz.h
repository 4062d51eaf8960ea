/* fuzz.h -- what the fuzzers share. Each is one function that is given bytes and aborts when a
 * promise is broken. libFuzzer makes up the bytes; without it the main() below reads them from
 * files. test/fuzz.sh makes the programs:
 *
 *     build/fuzz/request.fuzzer build/fuzz/request-crash-1234   once more, for a debugger
 *     build/fuzz/request.replay build/fuzz/request-crash-1234   the same, without a clang */
#ifndef FUZZ_H
#define FUZZ_H
#include "ouro/str.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define PROMISE(truth) ((truth) ? (void)0 : broken(#truth, __FILE__, __LINE__))

_Noreturn static inline void broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "broken: %s (%s:%d)\n", what, file, line);
	abort();
}

/* Memory of exactly that size, with s in it; to be freed. */
static inline char *exactly(const void *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);

	PROMISE(copy != NULL);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

static inline bool same_bytes(ouro_str a, ouro_str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

static inline bool lies_in(ouro_str piece, ouro_str whole)
{
	return !piece.len ||
	       (piece.ptr >= whole.ptr && piece.ptr + piece.len <= whole.ptr + whole.len);
}

#ifndef FUZZER
static int replay(const char *path)
{
	static char bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t len;
	char *copy;

	if (!file) {
		perror(path);
		return 1;
	}
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	copy = exactly(bytes, len);
	LLVMFuzzerTestOneInput((const uint8_t *)copy, len);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad += replay(argv[i]);
	return bad != 0;
}
#endif
#endif
