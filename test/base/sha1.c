/* SHA-1, against the examples of FIPS 180-4 and the lengths at which a block is full. */
#include "base/sha1.h"
#include "test.h"

static const char *digest_of(const void *bytes, size_t n)
{
	static char hex[2 * SHA1_LEN + 1];
	uint8_t digest[SHA1_LEN];

	ouro__sha1(bytes, n, digest);
	for (unsigned i = 0; i < SHA1_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

static const char *of_many(size_t n)
{
	static char bytes[200];

	memset(bytes, 'a', sizeof(bytes));
	CHECK(n <= sizeof(bytes));
	return digest_of(bytes, n);
}

TEST(the_examples_of_the_standard)
{
	CHECK_STR(digest_of("", 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	CHECK_STR(digest_of("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
	CHECK_STR(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
		  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(every_way_in_which_a_block_can_end)
{
	CHECK_STR(of_many(55), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
	CHECK_STR(of_many(56), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
	CHECK_STR(of_many(63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
	CHECK_STR(of_many(64), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
	CHECK_STR(of_many(65), "11655326c708d70319be2610e8a57d9a5b959d3b");
	CHECK_STR(of_many(119), "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56");
	CHECK_STR(of_many(120), "f34c1488385346a55709ba056ddd08280dd4c6d6");
	CHECK_STR(of_many(128), "ad5b3fdbcb526778c2839d2f151ea753995e26a0");
	CHECK_STR(of_many(200), "e61cfffe0d9195a525fc6cf06ca2d77119c24a40");
}
