/* A Range field, behind the size of the file: the first eight bytes. */
#include "app/static_range.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct range ranges[RANGES_MAX];
	uint64_t size, sum = 0;
	char *value;
	int count;

	if (len < sizeof(size))
		return 0;
	memcpy(&size, bytes, sizeof(size));
	size &= INT64_MAX; /* no file is longer */
	value = exactly(bytes + sizeof(size), len - sizeof(size));
	count = ouro__ranges(ouro_str_n(value, len - sizeof(size)), size, ranges);
	PROMISE(count == -416 || (count >= 0 && count <= RANGES_MAX));
	for (int i = 0; i < count; i++) {
		PROMISE(ranges[i].first <= ranges[i].last && ranges[i].last < size);
		sum += ranges[i].last - ranges[i].first + 1;
	}
	PROMISE(sum <= size);
	free(value);
	return 0;
}
