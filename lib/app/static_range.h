/* static_range.h -- which bytes of a file a client asks for. RFC 9110, 14. */
#ifndef OURO__STATIC_RANGE_H
#define OURO__STATIC_RANGE_H
#include "ouro/str.h"

#define RANGES_MAX 16

struct range {
	uint64_t first, last; /* both are in it */
};

/* What the value of a Range field means for so many bytes. How many ranges, in the order in which
 * they were asked for; 0: the field means nothing to us, all is to be sent (another unit, no
 * grammar, more than RANGES_MAX, more bytes in all than there are); -416: none of them is in the
 * file. */
int ouro__ranges(ouro_str value, uint64_t size, struct range ranges[RANGES_MAX]);
#endif
