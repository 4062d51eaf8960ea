/* sha1.c -- SHA-1 of bytes that are all there at once: FIPS 180-4, block by block. See sha1.h.
 *
 * What is left behind the last whole block, the one bit and the length fill one block more, or two
 * when the length finds no room. */
#include "base/sha1.h"
#include <string.h>

#define BLOCK 64

static uint32_t turn(uint32_t x, unsigned by)
{
	return x << by | x >> (32 - by);
}

/* The function and the constant of a round. */
static uint32_t mix(unsigned round, const uint32_t v[5])
{
	uint32_t b = v[1], c = v[2], d = v[3];

	if (round < 20)
		return ((b & c) | (~b & d)) + 0x5a827999u;
	if (round < 40)
		return (b ^ c ^ d) + 0x6ed9eba1u;
	if (round < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
	return (b ^ c ^ d) + 0xca62c1d6u;
}

static void add_block(uint32_t h[5], const uint8_t *at)
{
	uint32_t w[80], v[5];

	for (unsigned i = 0; i < 16; i++, at += 4)
		w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	for (unsigned i = 16; i < 80; i++)
		w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, h, sizeof(v));
	for (unsigned i = 0; i < 80; i++) {
		uint32_t next = turn(v[0], 5) + mix(i, v) + v[4] + w[i];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = turn(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (unsigned i = 0; i < 5; i++)
		h[i] += v[i];
}

void ouro__sha1(const void *bytes, size_t n, uint8_t digest[SHA1_LEN])
{
	uint32_t h[5] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u };
	uint8_t last[2 * BLOCK] = { 0 };
	const uint8_t *at = bytes;
	size_t rest = n % BLOCK, room = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)n * 8;

	for (size_t i = 0; i < n / BLOCK; i++, at += BLOCK)
		add_block(h, at);
	if (rest)
		memcpy(last, at, rest);
	last[rest] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		last[room - 1 - i] = (uint8_t)(bits >> 8 * i);
	for (size_t i = 0; i < room; i += BLOCK)
		add_block(h, last + i);
	for (unsigned i = 0; i < SHA1_LEN; i++)
		digest[i] = (uint8_t)(h[i / 4] >> 8 * (3 - i % 4));
}
