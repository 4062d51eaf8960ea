/* Borrowed bytes: compared and read as numbers. */
#include "ouro/str.h"

#include "exact.h"
#include "test.h"

static bool eq(const char *a, const char *z)
{
	ouro_str s = exactly(a);
	bool answer = ouro_str_eq(s, z);

	drop(s);
	return answer;
}

static bool caseeq(const char *a, const char *z)
{
	ouro_str s = exactly(a);
	bool answer = ouro_str_caseeq(s, z);

	drop(s);
	return answer;
}

TEST(equal_is_the_same_bytes)
{
	CHECK(eq("host", "host"));
	CHECK(!eq("host", "hosts"));
	CHECK(!eq("hosts", "host"));
	CHECK(!eq("host", "Host"));
	CHECK(eq("", ""));
	CHECK(!eq("", "x"));
}

TEST(nothing_equals_nothing)
{
	ouro_str none = ouro_str_n(NULL, 0);

	CHECK(ouro_str_eq(none, ""));
	CHECK(ouro_str_eq(none, NULL));
	CHECK(ouro_str_caseeq(none, NULL));
	CHECK(!ouro_str_eq(none, "x"));
	CHECK(!ouro_str_eq(ouro_str_z("x"), NULL));
	CHECK_EQ(ouro_str_z(NULL).len, 0);
}

TEST(a_zero_among_the_bytes_is_a_byte)
{
	CHECK(!ouro_str_eq(ouro_str_n("a\0b", 3), "a"));
	CHECK(!ouro_str_caseeq(ouro_str_n("a\0b", 3), "a"));
}

TEST(case_is_that_of_ascii_letters)
{
	CHECK(caseeq("Content-Length", "cOnTeNt-lEnGtH"));
	CHECK(caseeq("AZaz09", "azAZ09"));
	CHECK(!caseeq("abc", "abd"));
	CHECK(!caseeq("abc", "abcd"));
	CHECK(!caseeq("@", "`"));              /* the neighbours of A */
	CHECK(!caseeq("[", "{"));              /* and of Z */
	CHECK(!caseeq("\xc4", "\xe4"));        /* letters of Latin-1 */
	CHECK(caseeq("\xc3\xa4", "\xc3\xa4")); /* any byte equals itself */
}

static uint64_t number(const char *z)
{
	ouro_str s = exactly(z);
	uint64_t n = ouro_str_u64(s, 77);

	drop(s);
	return n;
}

TEST(a_number_is_read_whole)
{
	CHECK_EQ(number("0"), 0);
	CHECK_EQ(number("7"), 7);
	CHECK_EQ(number("65535"), 65535);
	CHECK_EQ(number("007"), 7);
	CHECK_EQ(number("00000000000000000000000000000000000001"), 1);
}

TEST(the_largest_number_is_in_range_and_the_next_is_not)
{
	CHECK(number("18446744073709551614") == UINT64_MAX - 1);
	CHECK(number("18446744073709551615") == UINT64_MAX);
	CHECK_EQ(number("18446744073709551616"), 77);
	CHECK_EQ(number("18446744073709551620"), 77);
	CHECK_EQ(number("184467440737095516150"), 77);
	CHECK_EQ(number("99999999999999999999"), 77);
}

TEST(anything_else_is_no_number)
{
	static const char *const others[] = { "",    " ",   "1 ",  " 1",   "+1",   "-1", "-0",
					      "1.0", "0x1", "1e3", "12a",  "a12",  ":",  "/",
					      "1,0", "\n1", "1\n", "\xb2", "1\xb2" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK_EQ(number(others[i]), 77);
	CHECK_EQ(ouro_str_u64(ouro_str_n("1\0", 2), 77), 77);
	CHECK_EQ(ouro_str_u64(ouro_str_z(NULL), 77), 77);
}

TEST(a_number_ends_where_its_bytes_end)
{
	CHECK_EQ(ouro_str_u64(ouro_str_n("12345", 2), 77), 12);
}
