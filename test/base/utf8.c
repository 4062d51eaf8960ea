/* UTF-8, cut anywhere, and refused at the first byte that cannot be. */
#include "base/utf8.h"
#include "test.h"

/* How many bytes are read before it is known to be none; -1: it is, -2: as far as it goes. */
static int refused_at(const char *z)
{
	struct utf8 utf8 = { 0, 0, 0 };
	int at = 0;

	for (; z[at]; at++)
		if (!ouro__utf8_next(&utf8, z + at, 1))
			return at;
	CHECK_EQ(ouro__is_utf8(z, strlen(z)), !utf8.need);
	return utf8.need ? -2 : -1;
}

TEST(what_is)
{
	static const char *const good[] = {
		"",
		"plain, and longer than eight bytes",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"eight by\xce\xba then \xe1\xbd\xb9 and more of it",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(refused_at(good[i]), -1);
}

TEST(what_is_not_and_from_where_on)
{
	CHECK_EQ(refused_at("a\x80"), 1);
	CHECK_EQ(refused_at("\xc0\x80"), 0);
	CHECK_EQ(refused_at("\xc1\xbf"), 0);
	CHECK_EQ(refused_at("\xe0\x9f\xbf"), 1);
	CHECK_EQ(refused_at("\xed\xa0\x80"), 1);
	CHECK_EQ(refused_at("\xf0\x8f\xbf\xbf"), 1);
	CHECK_EQ(refused_at("\xf4\x90\x80\x80"), 1);
	CHECK_EQ(refused_at("\xf5\x80"), 0);
	CHECK_EQ(refused_at("\xff"), 0);
	CHECK_EQ(refused_at("\xe1\xbd"
			    "a"),
		 2);
	CHECK_EQ(refused_at("twelve bytes\xff"
			    "and more"),
		 12);
}

TEST(what_breaks_off_in_a_character)
{
	CHECK_EQ(refused_at("a\xc2"), -2);
	CHECK_EQ(refused_at("\xe1\xbd"), -2);
	CHECK_EQ(refused_at("\xf0\x90\x80"), -2);
}

TEST(the_first_character_and_how_long_it_is)
{
	static const struct {
		const char *z;
		size_t length;
	} cases[] = { { "", 0 },
		      { "ab", 1 },
		      { "\xc2\x80z", 2 },
		      { "\xe1\xbd\xb9z", 3 },
		      { "\xf4\x8f\xbf\xbf", 4 },
		      { "\xe1\xbd", 0 },
		      { "\x80z", 0 },
		      { "\xed\xa0\x80", 0 },
		      { "\xff\xff\xff\xff", 0 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_EQ(ouro__utf8_first(cases[i].z, strlen(cases[i].z)), cases[i].length);
}
