/* The octets of a head: what may stand where, and how much of it. */
#include "hears.h"

TEST(a_request_is_taken_apart)
{
	struct heard heard =
		HEARD("GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-Y:  z z \t\r\n\r\n");

	CHECK_STR(piece_of(&heard, heard.parse.skipped, heard.parse.method_len), "GET");
	CHECK_STR(PART(heard, target), "/a/b?c=d");
	CHECK_STR(PART(heard, path), "/a/b");
	CHECK_STR(PART(heard, query), "c=d");
	CHECK_STR(PART(heard, host), "example.org");
	CHECK_EQ(heard.parse.minor, 1);
	CHECK_EQ(heard.parse.count, 2);
	CHECK_STR(PART(heard, fields[1].name), "X-Y");
	CHECK_STR(PART(heard, fields[1].value), "z z");
	unhear(&heard);
}

TEST(what_follows_the_head_is_not_looked_at)
{
	struct heard heard = HEARD("GET / HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02\n");

	CHECK_EQ(heard.used, strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	unhear(&heard);
}

TEST(a_head_that_is_not_whole_waits)
{
	HEARS(0, "GET / HTTP/1.1\r\nHost: a\r\n\r");
	HEARS(0, "GET / HTTP/1.1\r\nHost: a\r\n");
	HEARS(0, "GET /%4");
	HEARS(0, "G");
}

TEST(one_empty_line_may_come_before)
{
	struct heard heard = HEARD("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");

	CHECK_EQ(heard.parse.skipped, 2);
	CHECK_EQ(heard.parse.method, HTTP_GET);
	CHECK_STR(PART(heard, host), "a");
	unhear(&heard);
	HEARS(400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(a_method_is_a_token)
{
	HEARS(400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "\tGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "\x16\x03\x01\x02");
	HEARS(400, "\xff");
}

TEST(a_method_has_an_end)
{
	HEARS(0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	HEARS(501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

TEST(one_blank_stands_on_each_side_of_the_target)
{
	HEARS(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n");
	HEARS(400, "GET /\r\n\r\n");
	HEARS(400, "GET / \r\n\r\n");
}

TEST(a_target_has_only_octets_of_a_uri)
{
	static const char wrong[] = "\"<>\\^`{|}#\t\x01\x7f\x80\xff\r\n";
	char text[] = "GET /aXb HTTP/1.1\r\nHost: a\r\n\r\n";

	for (size_t i = 0; i < sizeof(wrong); i++) {
		text[6] = wrong[i];
		HEARS(400, text);
	}
	HEARS(200, "GET /AZaz09-._~!$&'()*+,;=:@/?/?[] HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(a_percent_sign_has_two_hex_digits)
{
	HEARS(200, "GET /%41%fF?%00 HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /% HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /%4g HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET /?a=%u0041 HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(a_percent_sign_is_told)
{
	struct heard heard = HEARD("GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n");

	CHECK(heard.parse.escaped);
	unhear(&heard);
	heard = HEARD("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	CHECK(!heard.parse.escaped);
	unhear(&heard);
}

TEST(a_version_is_1_0_or_1_1)
{
	HEARS(200, "GET / HTTP/1.0\r\n\r\n");
	HEARS(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n");
	HEARS(505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n");
	HEARS(505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n");
	HEARS(505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n");
	HEARS(505, "GET / HTTP/2.1\r\n");
}

TEST(what_is_no_version_is_nonsense)
{
	HEARS(400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/11\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1,1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/01.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / http/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / ICY/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/9.9\nHost: a\r\n\r\n");
}

TEST(the_preface_of_http_2_is_no_request)
{
	HEARS(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

TEST(a_field_name_is_a_token)
{
	static const char wrong[] = " \t\x01\x1f\x7f\x80\xff\"(),/;<=>?@[\\]{}\n";
	char text[] = "GET / HTTP/1.1\r\nHost: a\r\nNaXme: b\r\n\r\n";

	for (size_t i = 0; i < sizeof(wrong); i++) {
		text[27] = wrong[i];
		HEARS(400, text);
	}
	HEARS(200, "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~9zZ: b\r\n\r\n");
}

TEST(a_field_has_a_name)
{
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nname\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nname \r\n\r\n");
}

TEST(no_blank_stands_before_the_colon)
{
	HEARS(400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n");
	HEARS(400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello");
	HEARS(400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n");
}

TEST(a_line_is_not_folded)
{
	HEARS(400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n");
}

TEST(a_value_has_no_controls)
{
	for (int c = 0; c < 256; c++) {
		char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: aXb-long-enough-for-words\r\n\r\n";
		bool good = c == '\t' || (c >= 0x20 && c != 0x7f);

		text[29] = (char)c;
		HEARS(good ? 200 : 400, text);
		text[29] = 'X';
		text[28] = (char)c;
		HEARS(good ? 200 : 400, text);
		text[28] = 'a';
		text[41] = (char)c;
		HEARS(good ? 200 : 400, text);
	}
}

TEST(a_value_may_be_empty_and_loses_the_blanks_around_it)
{
	struct heard heard =
		HEARD("GET / HTTP/1.1\r\nHost:a\r\nA:\r\nB: \t \r\nC:\tc\td\t\r\n\r\n");

	CHECK_EQ(heard.parse.count, 4);
	CHECK_STR(PART(heard, fields[0].value), "a");
	CHECK_STR(PART(heard, fields[1].value), "");
	CHECK_STR(PART(heard, fields[2].value), "");
	CHECK_STR(PART(heard, fields[3].value), "c\td");
	unhear(&heard);
}

TEST(a_line_ends_with_both_octets)
{
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\rHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\n\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\n\rX");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\n\n");
}

/* The octet that is wrong need not be followed by anything. */
TEST(nonsense_is_told_at_its_first_octet)
{
	static const char *const nonsense[] = {
		"\x16",
		"GET / HTTP/1.1\n",
		"GET / x",
		"GET / HTTP/1.1\r\n ",
		"GET /\x80",
		"GET /%z",
		"GET / HTTP/1.1\r\nHost ",
		"GET / HTTP/1.1\r\nA: \n",
		"GET / HTTP/1.1\r\nA: b\rx",
	};

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		size_t len = strlen(nonsense[i]);

		HEARS_N(0, nonsense[i], len - 1);
		HEARS_N(400, nonsense[i], len);
	}
}

TEST(a_refused_head_stays_refused)
{
	static const char text[] = "GET / HTTP/1.1\r\nHo st: a\r\n\r\n";
	static struct parse parse;

	ouro__parse_start(&parse);
	CHECK_EQ(ouro__head_scan(&parse, &usual_limits, text, sizeof(text) - 1), -400);
	CHECK_EQ(ouro__head_scan(&parse, &usual_limits, text, sizeof(text) - 1), -400);
}

/* A head that is exactly as large as it may be, and one that is larger by an octet. */
TEST(a_head_has_a_largest_size)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	const size_t len = sizeof(text) - 1;

	for (uint32_t max = 0; max < len + 2; max++) {
		struct head_limits limits = { max, 8192, 100 };
		struct heard whole = hear_within(&limits, text, len, (struct cuts){ len, len });
		struct heard cut = hear_within(&limits, text, len, (struct cuts){ 1, 1 });

		CHECK_EQ(whole.status, max >= len ? 200 : max >= 4 && max <= 5 ? 414 : 431);
		CHECK_EQ(cut.status, whole.status);
		CHECK_EQ(cut.needed, max < len ? max + !max : len);
		unhear(&whole);
		unhear(&cut);
	}
}

TEST(a_head_never_has_more_than_64_kib)
{
	const struct head_limits limits = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
	size_t len;
	char *bytes = with_many("GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', 70000, "\r\n\r\n", &len);
	struct heard heard = hear_within(&limits, bytes, len, (struct cuts){ len, len });

	CHECK_EQ(heard.status, 431);
	unhear(&heard);
	free(bytes);
	bytes = with_many("GET /", 'x', 70000, " HTTP/1.1\r\nHost: a\r\n\r\n", &len);
	heard = hear_within(&limits, bytes, len, (struct cuts){ 5, 5000 });
	CHECK_EQ(heard.status, 414);
	unhear(&heard);
	free(bytes);
}

TEST(a_target_has_a_largest_size)
{
	size_t len;
	char *bytes = with_many("GET /", 'x', 8191, " HTTP/1.1\r\nHost: a\r\n\r\n", &len);

	HEARS_N(200, bytes, len);
	free(bytes);
	bytes = with_many("GET /", 'x', 8192, " HTTP/1.1\r\nHost: a\r\n\r\n", &len);
	HEARS_N(414, bytes, len);
	HEARS_N(414, bytes, 8197);
	HEARS_N(0, bytes, 8196);
	free(bytes);
	bytes = with_many("GET /", '?', 8192, " HTTP/1.1\r\nHost: a\r\n\r\n", &len);
	HEARS_N(414, bytes, len);
	free(bytes);
}

TEST(a_target_ends_with_an_escape_at_its_largest_size)
{
	static const char text[] = "GET /%41 HTTP/1.1\r\nHost: a\r\n\r\n";

	for (uint32_t max = 1; max < 6; max++) {
		struct head_limits limits = { 1024, max, 100 };
		size_t len = sizeof(text) - 1;
		struct heard whole = hear_within(&limits, text, len, (struct cuts){ len, len });
		struct heard cut = hear_within(&limits, text, len, (struct cuts){ 1, 1 });

		CHECK_EQ(whole.status, max < 4 ? 414 : 200);
		CHECK_EQ(cut.status, whole.status);
		unhear(&whole);
		unhear(&cut);
	}
}

static char *with_fields(unsigned n, size_t *ret_len)
{
	char *bytes = hear_need(calloc(1, 64 + n * 8)), *at = bytes;

	at += sprintf(at, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 1; i < n; i++)
		at += sprintf(at, "A: b\r\n");
	at += sprintf(at, "\r\n");
	*ret_len = (size_t)(at - bytes);
	return bytes;
}

TEST(a_head_has_a_largest_number_of_fields)
{
	size_t len;
	char *bytes = with_fields(100, &len);

	HEARS_N(200, bytes, len);
	free(bytes);
	bytes = with_fields(101, &len);
	HEARS_N(431, bytes, len);
	free(bytes);
}

TEST(fields_beyond_the_array_are_refused_whatever_the_limit)
{
	const struct head_limits limits = { 16384, 8192, 5000 };
	size_t len;
	char *bytes = with_fields(101, &len);
	struct heard heard = hear_within(&limits, bytes, len, (struct cuts){ len, len });

	CHECK_EQ(heard.status, 431);
	unhear(&heard);
	free(bytes);
}

TEST(a_field_is_found_in_whatever_case)
{
	struct heard heard =
		HEARD("GET / HTTP/1.1\r\nHost: a\r\nX-a: 1\r\nx-A: 2\r\nX-a-b: 3\r\n\r\n");

	CHECK_EQ(ouro__head_find(&heard.parse, heard.head, ouro_str_z("x-a"), 0), 1);
	CHECK_EQ(ouro__head_find(&heard.parse, heard.head, ouro_str_z("X-A"), 2), 2);
	CHECK_EQ(ouro__head_find(&heard.parse, heard.head, ouro_str_z("X-A"), 3), -1);
	CHECK_EQ(ouro__head_find(&heard.parse, heard.head, ouro_str_z("x"), 0), -1);
	CHECK_EQ(ouro__head_find(&heard.parse, heard.head, ouro_str_z(""), 0), -1);
	unhear(&heard);
}

/* What has been looked at in a value may be anything afterwards. */
TEST(no_octet_is_looked_at_twice)
{
	const char *before = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	size_t len;
	char *bytes = with_many(before, 'x', 15000, "\r\n\r\n", &len);
	static struct parse parse;

	ouro__parse_start(&parse);
	for (uint32_t have = 1; have < len; have++) {
		CHECK_EQ(ouro__head_scan(&parse, &usual_limits, bytes, have), 0);
		CHECK_EQ(parse.scanned, have);
		if (have > strlen(before) && have < len - 4)
			bytes[have - 1] = '\n';
	}
	CHECK_EQ(ouro__head_scan(&parse, &usual_limits, bytes, (uint32_t)len), len);
	free(bytes);
}
