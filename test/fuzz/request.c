/* A request, whatever it is. */
#include "same.h"

/* Longer ones show nothing new, and byte by byte they are slow. */
#define LONGEST 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len && len <= LONGEST)
		check_request((const char *)bytes, len);
	return 0;
}
