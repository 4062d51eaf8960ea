/* What HTTP writes down: paths, pairs, cookies, lists, parameters, dates. */
#include "http/encoded.h"
#include "exact.h"
#include "test.h"

typedef int decode_fn(ouro_str raw, char *room);

/* Decoded into a room of the same size, and once more in place: the same. NULL: refused. */
static const char *decoded(decode_fn *fn, const char *raw)
{
	static char text[1024];
	ouro_str from = exactly(raw), into = exactly(raw);
	char *room = (char *)(uintptr_t)into.ptr;
	int n = fn(from, room);

	CHECK(n >= 0 ? (size_t)n <= from.len : n == -400);
	memcpy(text, room, n > 0 ? (size_t)n : 0);
	text[n > 0 ? n : 0] = '\0';
	CHECK_EQ(fn(from, (char *)(uintptr_t)from.ptr), n);
	CHECK(n < 0 || memcmp(from.ptr, text, (size_t)n) == 0);
	drop(from);
	drop(into);
	return n < 0 ? NULL : text;
}

/* ---- Paths ---- */

static const char *path(const char *raw)
{
	return decoded(ouro__path_decode, raw);
}

TEST(a_path_is_decoded_once)
{
	CHECK_STR(path("/"), "/");
	CHECK_STR(path("/a/b.c"), "/a/b.c");
	CHECK_STR(path("/%41%7a%20%C3%A4"), "/Az \xc3\xa4");
	CHECK_STR(path("/a+b"), "/a+b");
	CHECK_STR(path("/%5c"), "/\\");
	CHECK_STR(path("/%2541"), "/%2541");
}

TEST(an_encoded_slash_is_no_slash)
{
	CHECK_STR(path("/a%2Fb"), "/a%2Fb");
	CHECK_STR(path("/a%2f..%2fb"), "/a%2F..%2Fb");
	CHECK_STR(path("/a/b%2f/.."), "/a/");
}

TEST(dots_are_resolved)
{
	CHECK_STR(path("/."), "/");
	CHECK_STR(path("/./"), "/");
	CHECK_STR(path("/a/."), "/a/");
	CHECK_STR(path("/a/./b"), "/a/b");
	CHECK_STR(path("/a/.."), "/");
	CHECK_STR(path("/a/../"), "/");
	CHECK_STR(path("/a/../b"), "/b");
	CHECK_STR(path("/a/b/../../c/./d/.."), "/c/");
	CHECK_STR(path("/a//../b"), "/a/b");
	CHECK_STR(path("//"), "//");
	CHECK_STR(path("/..."), "/...");
	CHECK_STR(path("/..a/.b/a.."), "/..a/.b/a..");
}

TEST(encoded_dots_are_dots)
{
	CHECK_STR(path("/a/%2e"), "/a/");
	CHECK_STR(path("/a/%2E./b"), "/b");
	CHECK_STR(path("/a/.%2e/b"), "/b");
	CHECK_STR(path("/a/%252e%252e/b"), "/a/%252e%252e/b");
}

TEST(nothing_is_above_the_root)
{
	CHECK_STR(path("/.."), NULL);
	CHECK_STR(path("/../a"), NULL);
	CHECK_STR(path("/a/../.."), NULL);
	CHECK_STR(path("/%2e%2e/etc/passwd"), NULL);
	CHECK_STR(path("/./../a"), NULL);
}

TEST(a_path_has_no_zero_in_it)
{
	CHECK_STR(path("/a%00"), NULL);
	CHECK_STR(path("/%00/../a"), NULL);
	CHECK_EQ(ouro__path_decode(ouro_str_n("/\0", 2), (char[2]){ 0 }), -400);
}

TEST(half_an_escape_is_nonsense)
{
	CHECK_STR(path("/%"), NULL);
	CHECK_STR(path("/%4"), NULL);
	CHECK_STR(path("/%4/"), NULL);
	CHECK_STR(path("/%zz"), NULL);
}

TEST(what_is_no_path_stays_as_it_is)
{
	CHECK_STR(path("*"), "*");
	CHECK_STR(path("a:80"), "a:80");
	CHECK_STR(path(""), "");
	CHECK_EQ(ouro__path_decode(ouro_str_n(NULL, 0), NULL), 0);
}

TEST(a_part_is_decoded_to_the_end)
{
	CHECK_STR(decoded(ouro__part_decode, "a%2Fb"), "a/b");
	CHECK_STR(decoded(ouro__part_decode, "a%252e+"), "a%2e+");
	CHECK_STR(decoded(ouro__part_decode, ""), "");
	CHECK_STR(decoded(ouro__part_decode, "%00"), NULL);
	CHECK_STR(decoded(ouro__part_decode, "%f"), NULL);
}

/* Whatever was sent, a piece of the path decoded to the end has been decoded once. */
TEST(a_path_and_then_a_part_is_decoded_once)
{
	for (unsigned c = 1; c < 256; c++) {
		char raw[8], seen[8], room[8];
		int n;

		if (c == '.')
			continue;
		snprintf(raw, sizeof(raw), "/x%%%02x", c);
		n = ouro__path_decode(ouro_str_z(raw), seen);
		CHECK(n >= 3);
		n = ouro__part_decode(ouro_str_n(seen + 1, (size_t)n - 1), room);
		CHECK_EQ(n, 2);
		CHECK_EQ((unsigned char)room[1], c);
	}
}

/* ---- Pairs ---- */

static const char *pairs(const char *raw)
{
	static char text[256];
	ouro_str all = exactly(raw), left = all, name, value;

	text[0] = '\0';
	while (ouro__pair_next(&left, &name, &value))
		sprintf(text + strlen(text), "(%.*s|%.*s)", (int)name.len, name.ptr, (int)value.len,
			value.ptr);
	drop(all);
	return text;
}

TEST(pairs_stand_between_ampersands)
{
	CHECK_STR(pairs("a=b&c=d"), "(a|b)(c|d)");
	CHECK_STR(pairs("a=b=c&a=&=b&a"), "(a|b=c)(a|)(|b)(a|)");
	CHECK_STR(pairs("&&a=1&"), "(a|1)");
	CHECK_STR(pairs(""), "");
	CHECK_STR(pairs("&"), "");
	CHECK_STR(pairs("="), "(|)");
	CHECK_STR(pairs("a;b"), "(a;b|)");
}

static const char *found(const char *raw, const char *name, unsigned nth)
{
	static char text[64];
	ouro_str all = exactly(raw), value = ouro__pair_find(all, ouro_str_z(name), nth);

	snprintf(text, sizeof(text), "%.*s", (int)value.len, value.ptr ? value.ptr : "");
	drop(all);
	return value.ptr ? text : NULL;
}

TEST(a_pair_is_found_by_what_its_name_means)
{
	CHECK_STR(found("a=1&b=2&a=3", "a", 0), "1");
	CHECK_STR(found("a=1&b=2&a=3", "a", 1), "3");
	CHECK_STR(found("a=1&b=2&a=3", "a", 2), NULL);
	CHECK_STR(found("a", "a", 0), "");
	CHECK_STR(found("%61+%2B=x%20", "a +", 0), "x%20");
	CHECK_STR(found("A=1", "a", 0), NULL);
	CHECK_STR(found("ab=1", "a", 0), NULL);
	CHECK_STR(found("a=1", "ab", 0), NULL);
	CHECK_STR(found("%zz=1&%=2", "%zz", 0), NULL);
	CHECK_STR(found("", "a", 0), NULL);
	CHECK(!ouro__pair_find(ouro_str_n(NULL, 0), ouro_str_z("a"), 0).ptr);
}

TEST(a_value_of_a_form_is_decoded)
{
	CHECK_STR(decoded(ouro__form_decode, "a+b%2Bc%20d%2f"), "a b+c d/");
	CHECK_STR(decoded(ouro__form_decode, "%2B"), "+");
	CHECK_STR(decoded(ouro__form_decode, "%00"), NULL);
	CHECK_STR(decoded(ouro__form_decode, "100%"), NULL);
}

/* ---- Cookies ---- */

static const char *cookies(const char *raw)
{
	static char text[256];
	ouro_str all = exactly(raw), left = all, name, value;

	text[0] = '\0';
	while (ouro__cookie_next(&left, &name, &value))
		sprintf(text + strlen(text), "(%.*s|%.*s)", (int)name.len, name.ptr, (int)value.len,
			value.ptr);
	drop(all);
	return text;
}

TEST(cookies_stand_between_semicolons)
{
	CHECK_STR(cookies("a=1; b=2"), "(a|1)(b|2)");
	CHECK_STR(cookies("a=1;b=2 ;\tc = 3"), "(a|1)(b|2)(c|3)");
	CHECK_STR(cookies("a=; b=x=y"), "(a|)(b|x=y)");
	CHECK_STR(cookies("a=\"1, 2\""), "(a|1, 2)");
	CHECK_STR(cookies("a=\"; b=\"\""), "(a|\")(b|)");
}

TEST(what_is_no_cookie_is_left_out)
{
	CHECK_STR(cookies("a; =b; ; c=d"), "(c|d)");
	CHECK_STR(cookies("a b=c; (=d; e=f"), "(e|f)");
	CHECK_STR(cookies("a=\\; b=\x01; c=\xc3\xa4; d=e"), "(d|e)");
	CHECK_STR(cookies(""), "");
	CHECK_STR(cookies(";;"), "");
}

TEST(a_cookie_is_found_by_its_name)
{
	ouro_str all = ouro_str_z("a=1; A=2; a=3");

	CHECK(ouro_str_eq(ouro__cookie_find(all, ouro_str_z("a")), "1"));
	CHECK(ouro_str_eq(ouro__cookie_find(all, ouro_str_z("A")), "2"));
	CHECK(!ouro__cookie_find(all, ouro_str_z("b")).ptr);
	CHECK(!ouro__cookie_find(ouro_str_n(NULL, 0), ouro_str_z("a")).ptr);
}

/* ---- Lists ---- */

/* What is left over when it is no list stands behind a '!'. */
static const char *tokens(const char *raw)
{
	static char text[256];
	ouro_str all = exactly(raw), left = all, token;

	text[0] = '\0';
	while (ouro__token_next(&left, &token))
		sprintf(text + strlen(text), "(%.*s)", (int)token.len, token.ptr);
	if (left.len)
		sprintf(text + strlen(text), "!%.*s", (int)left.len, left.ptr);
	drop(all);
	return text;
}

TEST(a_list_has_commas)
{
	CHECK_STR(tokens("a"), "(a)");
	CHECK_STR(tokens("a, b,c"), "(a)(b)(c)");
	CHECK_STR(tokens(" ,\t, a , ,,b ,"), "(a)(b)");
	CHECK_STR(tokens(""), "");
	CHECK_STR(tokens(" , "), "");
}

TEST(a_list_ends_where_it_makes_no_sense)
{
	CHECK_STR(tokens("a, b c, d"), "(a)!b c, d");
	CHECK_STR(tokens("\"a\""), "!\"a\"");
	CHECK_STR(tokens("a;b"), "!a;b");
	CHECK_STR(tokens("a,=b"), "(a)!=b");
}

TEST(a_token_is_found_in_whatever_case)
{
	CHECK(ouro__token_find(ouro_str_z("keep-alive, Upgrade"), "upgrade"));
	CHECK(!ouro__token_find(ouro_str_z("keep-alive, Upgraded"), "upgrade"));
	CHECK(!ouro__token_find(ouro_str_z("a b, upgrade"), "upgrade"));
	CHECK(!ouro__token_find(ouro_str_n(NULL, 0), "upgrade"));
}

/* ---- Types, parameters, quotes ---- */

static const char *type_of(const char *raw)
{
	static char text[64];
	ouro_str value = exactly(raw), type = ouro__media_type(value);

	snprintf(text, sizeof(text), "%.*s", (int)type.len, type.ptr ? type.ptr : "");
	drop(value);
	return type.ptr ? text : NULL;
}

TEST(a_type_stands_before_its_parameters)
{
	CHECK_STR(type_of("text/html"), "text/html");
	CHECK_STR(type_of("text/html; charset=utf-8"), "text/html");
	CHECK_STR(type_of("application/x-y+json ;a=b"), "application/x-y+json");
	CHECK_STR(type_of("text"), NULL);
	CHECK_STR(type_of("text/"), NULL);
	CHECK_STR(type_of("/html"), NULL);
	CHECK_STR(type_of("text/html, text/plain"), NULL);
	CHECK_STR(type_of("text /html"), NULL);
	CHECK_STR(type_of(""), NULL);
}

static const char *parameter(const char *raw, const char *name)
{
	static char text[64];
	ouro_str value = exactly(raw), room = exactly(raw), got;

	got = ouro__parameter_find(value, name, (char *)(uintptr_t)room.ptr);
	snprintf(text, sizeof(text), "%.*s", (int)got.len, got.ptr ? got.ptr : "");
	drop(value);
	drop(room);
	return got.ptr ? text : NULL;
}

TEST(a_parameter_is_found_behind_the_type)
{
	CHECK_STR(parameter("text/html; charset=utf-8", "charset"), "utf-8");
	CHECK_STR(parameter("text/html;a=b;;Charset=\"utf-8\" ; c=d", "charset"), "utf-8");
	CHECK_STR(parameter("m/x; a=\"; b=no\"; b=yes", "b"), "yes");
	CHECK_STR(parameter("m/x; boundary=\"a\\\"b\\\\ c\"", "boundary"), "a\"b\\ c");
	CHECK_STR(parameter("m/x; a=\"\"", "a"), "");
	CHECK_STR(parameter("m/x; a=1; a=2", "a"), "1");
	CHECK_STR(parameter("text/html", "charset"), NULL);
	CHECK_STR(parameter("charset=utf-8", "charset"), NULL);
	CHECK_STR(parameter("", "charset"), NULL);
}

TEST(a_parameter_behind_nonsense_is_not_there)
{
	CHECK_STR(parameter("m/x; a; b=c", "b"), NULL);
	CHECK_STR(parameter("m/x; a= ; b=c", "b"), NULL);
	CHECK_STR(parameter("m/x; a=\"; b=c", "b"), NULL);
	CHECK_STR(parameter("m/x; a=\"x\"y; b=c", "b"), NULL);
	CHECK_STR(parameter("m/x; a=\"\x01\"; b=c", "b"), NULL);
	CHECK_STR(parameter("m/x; a=\"\\", "a"), NULL);
	CHECK_STR(parameter("m/x; a=\"b\"c", "a"), NULL);
	CHECK_STR(parameter("m/x; a b=c", "b"), NULL);
}

TEST(a_quoted_string_says_what_is_in_it)
{
	CHECK_STR(decoded(ouro__unquote, "\"\""), "");
	CHECK_STR(decoded(ouro__unquote, "\"a\\\"\\b\""), "a\"b");
	CHECK_STR(decoded(ouro__unquote, "\""), NULL);
	CHECK_STR(decoded(ouro__unquote, "\"a"), NULL);
	CHECK_STR(decoded(ouro__unquote, "\"a\\\""), NULL);
	CHECK_STR(decoded(ouro__unquote, "\"a\"b"), NULL);
	CHECK_STR(decoded(ouro__unquote, "a\""), NULL);
	CHECK_STR(decoded(ouro__unquote, ""), NULL);
	CHECK_STR(decoded(ouro__unquote, "\"\x7f\""), NULL);
}

TEST(a_name_and_a_value_of_an_answer_break_no_line)
{
	CHECK(ouro__is_field_name(ouro_str_z("X-Y_1")));
	CHECK(!ouro__is_field_name(ouro_str_z("")));
	CHECK(!ouro__is_field_name(ouro_str_z("X Y")));
	CHECK(!ouro__is_field_name(ouro_str_z("X:")));
	CHECK(!ouro__is_field_name(ouro_str_z("X\r\n")));
	CHECK(ouro__is_field_value(ouro_str_z("a\tb \xc3\xa4")));
	CHECK(ouro__is_field_value(ouro_str_n(NULL, 0)));
	CHECK(!ouro__is_field_value(ouro_str_z("a\r\nSet-Cookie: b")));
	CHECK(!ouro__is_field_value(ouro_str_z("a\n")));
	CHECK(!ouro__is_field_value(ouro_str_z("a\r")));
	CHECK(!ouro__is_field_value(ouro_str_n("a\0b", 3)));
	CHECK(!ouro__is_field_value(ouro_str_z("\x7f")));
}

/* ---- Dates ---- */

static const char *date(time_t when)
{
	static char text[HTTP_DATE_LEN + 1];

	CHECK_EQ(ouro__http_date_format(text, when), HTTP_DATE_LEN);
	return text;
}

TEST(a_date_is_written_in_one_form)
{
	CHECK_STR(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	CHECK_STR(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
	CHECK_STR(date(4107542399), "Sun, 28 Feb 2100 23:59:59 GMT");
	CHECK_STR(date(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT");
	CHECK_STR(date(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(date(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
}

#define NOBODY -12345

static time_t parsed(const char *text)
{
	ouro_str s = exactly(text);
	time_t when = NOBODY;
	bool good = ouro__http_date_parse(s, 1700000000, &when);

	CHECK(good || when == NOBODY);
	drop(s);
	return when;
}

TEST(a_date_is_read_in_three_forms)
{
	CHECK_EQ(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	CHECK_EQ(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	CHECK_EQ(parsed("Sun Nov  6 08:49:37 1994"), 784111777);
	CHECK_EQ(parsed("Wed Nov 16 08:49:37 1994"), 784975777);
	CHECK_EQ(parsed("Wed, 31 Dec 1969 23:59:59 GMT"), -1);
}

TEST(a_year_of_two_digits_is_not_far_ahead)
{
	CHECK_EQ(parsed("Sunday, 01-Jan-73 00:00:00 GMT"), 3250454400);
	CHECK_EQ(parsed("Tuesday, 01-Jan-74 00:00:00 GMT"), 126230400);
	CHECK_EQ(parsed("Saturday, 01-Jan-00 00:00:00 GMT"), 946684800);
}

TEST(what_is_no_date_is_none)
{
	static const char *const wrong[] = {
		"",
		"Sun",
		"Sun, ",
		"now",
		"784111777",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"sun, 06 nov 1994 08:49:37 gmt",
		"Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 30 Feb 2000 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov -994 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 Nov 19940 8:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov 6",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(parsed(wrong[i]), NOBODY);
}

TEST(every_day_is_read_as_it_was_written)
{
	for (int64_t day = 0; day < 366 * 500; day++) {
		time_t when = day * 86400 + day % 86400, back;
		char text[HTTP_DATE_LEN];

		ouro__http_date_format(text, when);
		CHECK(ouro__http_date_parse(ouro_str_n(text, sizeof(text)), 0, &back));
		CHECK_EQ(back, when);
	}
}

TEST(days_are_those_of_the_system)
{
	for (time_t when = 0; when < 253402300800; when += 86400 * 977 + 12345) {
		char text[64];
		struct tm tm;

		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &tm));
		CHECK_STR(date(when), text);
	}
}
