/* base64.h -- bytes as letters, with the `=` that fill the last four: RFC 4648, 4. */
#ifndef OURO__BASE64_H
#define OURO__BASE64_H
#include "ouro/str.h"

/* How many letters n bytes are. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Without a zero behind it; how long it is. */
size_t ouro__base64_encode(const void *bytes, size_t n, char *letters);

/* How many bytes the letters are, which fit into `room` bytes; -1: they do not, or they are not
 * what encode makes of any bytes. */
int ouro__base64_decode(ouro_str letters, uint8_t *bytes, size_t room);
#endif
