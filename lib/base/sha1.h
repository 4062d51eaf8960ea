/* sha1.h -- the digest that a WebSocket handshake asks for. Not for secrets. */
#ifndef OURO__SHA1_H
#define OURO__SHA1_H
#include <stddef.h>
#include <stdint.h>

#define SHA1_LEN 20
void ouro__sha1(const void *bytes, size_t n, uint8_t digest[SHA1_LEN]);
#endif
