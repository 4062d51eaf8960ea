/* Base64, by the examples of RFC 4648, and what is none. */
#include "base/base64.h"
#include "test.h"

static const char *const pairs[][2] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff", "+/8=" },
};

TEST(bytes_and_letters_both_ways)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *bytes = pairs[i][0], *letters = pairs[i][1];
		char text[16] = "";
		uint8_t back[16];
		size_t n = strlen(bytes);

		CHECK_EQ(ouro__base64_encode(bytes, n, text), strlen(letters));
		CHECK_EQ(BASE64_LEN(n), strlen(letters));
		CHECK_STR(text, letters);
		CHECK_EQ(ouro__base64_decode(ouro_str_z(letters), back, n), n);
		CHECK(!memcmp(back, bytes, n));
	}
}

TEST(what_is_not_base64)
{
	static const char *const bad[] = { "Z",     "Zg",   "Zg=",       "Zg===", "====",
					   "Z===",  "Zh==", "Zm9=",      "Z g=",  "Zg=g",
					   "Zm9v=", "-_8=", "\xc3\xa4==" };
	uint8_t room[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(ouro__base64_decode(ouro_str_z(bad[i]), room, sizeof(room)), -1);
}

TEST(what_has_no_room)
{
	uint8_t room[2];

	CHECK_EQ(ouro__base64_decode(ouro_str_z("Zm8="), room, 2), 2);
	CHECK_EQ(ouro__base64_decode(ouro_str_z("Zm9v"), room, 2), -1);
}
