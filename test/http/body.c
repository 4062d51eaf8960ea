/* Bodies: pieces out of their framing, and framing that is refused. */
#include "hears.h"

#define POST(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define CHUNKED      POST("Transfer-Encoding: chunked\r\n")
#define LAST         "0\r\n\r\n"

static void check_body(int line, const char *text, const char *body)
{
	struct heard heard = heard_good(__FILE__, line, text, strlen(text));

	test_equal(__FILE__, line, "its length", (long long)heard.body_len,
		   (long long)strlen(body));
	if (memcmp(heard.body ? heard.body : "", body, heard.body_len) != 0)
		test_fail(__FILE__, line, "the body is what was sent");
	CHECK_EQ(heard.parse.body_bytes, heard.body_len);
	CHECK(heard.parse.done);
	unhear(&heard);
}

#define BODY(body, text) check_body(__LINE__, text, body)

TEST(a_body_of_a_length_is_that_long)
{
	BODY("hello", POST("Content-Length: 5\r\n") "hello");
	BODY("hello", POST("Content-Length: 5\r\n") "helloGET / HTTP/1.1\r\n");
	BODY("\r\n\r\n\r", POST("Content-Length: 5\r\n") "\r\n\r\n\r\n");
	HEARS(0, POST("Content-Length: 5\r\n") "hell");
	HEARS(0, POST("Content-Length: 5\r\n"));
}

TEST(a_body_of_chunks_is_put_together)
{
	BODY("", CHUNKED LAST);
	BODY("hello", CHUNKED "5\r\nhello\r\n" LAST);
	BODY("hello, world", CHUNKED "5\r\nhello\r\n7\r\n, world\r\n" LAST);
	BODY("0123456789", CHUNKED "a\r\n0123456789\r\n" LAST);
	BODY("0123456789", CHUNKED "A\r\n0123456789\r\n" LAST);
	BODY("\r\n0\r\n\r\n", CHUNKED "7\r\n\r\n0\r\n\r\n\r\n" LAST);
	BODY("x", CHUNKED "0000000000000001\r\nx\r\n0000\r\n\r\n");
}

TEST(a_body_of_chunks_that_is_not_whole_waits)
{
	static const char text[] = CHUNKED "5;a=b\r\nhello\r\n0;c\r\nX: y\r\n\r\n";

	for (size_t len = strlen(CHUNKED); len < sizeof(text) - 1; len++)
		HEARS_N(0, text, len);
	HEARS_N(200, text, sizeof(text) - 1);
}

TEST(what_follows_a_body_is_left)
{
	struct heard heard = HEARD(CHUNKED "1\r\nx\r\n" LAST "\r\nGET");

	CHECK_EQ(heard.used, strlen(CHUNKED "1\r\nx\r\n" LAST));
	unhear(&heard);
}

TEST(pieces_are_as_large_as_they_come)
{
	static const char text[] = POST("Content-Length: 10\r\n") "0123456789";
	struct heard heard = hear(text, sizeof(text) - 1, (struct cuts){ sizeof(text), 1 });

	CHECK_EQ(heard.pieces, 1);
	unhear(&heard);
	heard = hear(text, sizeof(text) - 1, (struct cuts){ 1, 1 });
	CHECK_EQ(heard.pieces, 10);
	unhear(&heard);
}

TEST(a_body_that_has_ended_stays_so)
{
	struct heard heard = HEARD(CHUNKED LAST);
	const char *at = "1\r\nx";
	ouro_str piece;

	CHECK_EQ(ouro__body_next(&heard.parse, &at, at + 4, &piece), BODY_END);
	CHECK_STR(at, "1\r\nx");
	unhear(&heard);
}

TEST(a_refused_body_stays_refused)
{
	struct heard heard = hear(CHUNKED "x", strlen(CHUNKED "x"), (struct cuts){ 1000, 1 });
	const char *at = LAST;
	ouro_str piece;

	CHECK_EQ(heard.status, 400);
	CHECK_EQ(ouro__body_next(&heard.parse, &at, at + 5, &piece), -400);
	unhear(&heard);
}

TEST(a_size_is_hex_digits)
{
	HEARS(400, CHUNKED "\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED " 5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5 \r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "\t5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5\t\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5 5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5 foo\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "0x5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "+5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "-5\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5_0\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5g\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5\0\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED ";a\r\n" LAST);
	HEARS(400, CHUNKED "5,5\r\nhello\r\n" LAST);
}

TEST(a_size_does_not_overflow)
{
	HEARS(0, CHUNKED "7fffffffffffffff\r\nx");
	HEARS(400, CHUNKED "8000000000000000\r\nx");
	HEARS(400, CHUNKED "ffffffffffffffff\r\nx");
	HEARS(400, CHUNKED "10000000000000005\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "00000000000000005\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "1\r\nx\r\n7fffffffffffffff\r\n");
	HEARS(0, CHUNKED "1\r\nx\r\n7ffffffffffffffe\r\n");
}

TEST(lines_of_chunks_end_with_both_octets)
{
	HEARS(400, CHUNKED "5\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5\rhello\r\n" LAST);
	HEARS(400, CHUNKED "5\r\rhello\r\n" LAST);
	HEARS(400, CHUNKED "5\r\nhello\n" LAST);
	HEARS(400, CHUNKED "5\r\nhello\r" LAST);
	HEARS(400, CHUNKED "5\r\nhello\r\n0\n\r\n");
	HEARS(400, CHUNKED "5\r\nhello\r\n0\r\n\n");
	HEARS(400, CHUNKED "5\r\nhello\r\n0\r\n\rX");
	HEARS(400, CHUNKED "5;a\nb\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a\rb\r\nhello\r\n" LAST);
}

TEST(a_chunk_is_as_long_as_it_says)
{
	HEARS(400, CHUNKED "5\r\nhelloZZ0\r\n\r\n");
	HEARS(400, CHUNKED "5\r\nhello0\r\n\r\n");
	HEARS(400, CHUNKED "5\r\nhello!\r\n" LAST);
	HEARS(400, CHUNKED "5\r\nhell\r\n" LAST);
	HEARS(400, CHUNKED "5\r\nhello " LAST);
}

TEST(an_extension_is_let_pass)
{
	BODY("hello", CHUNKED "5;a\r\nhello\r\n0;b=\"c;d\"\r\n\r\n");
	BODY("hello", CHUNKED "5; \ta\t=\tb ;c ; d=\"\" ;e\r\nhello\r\n" LAST);
	BODY("hello", CHUNKED "5;a=\"\xc3\xa4\t\\\"\\\\=(\";b\r\nhello\r\n" LAST);
	BODY("hello", CHUNKED "5;a;b;c=d\r\nhello\r\n" LAST);
}

TEST(what_is_no_extension_is_refused)
{
	HEARS(400, CHUNKED "5;\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;;\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;;a\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5; \r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a \r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=b \r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"b\" \r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5 ;a\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=b c\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;=b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a==b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=;b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;\"a\"\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"b\"c\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"\\\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a(b\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a\x80\r\nhello\r\n" LAST);
}

TEST(an_extension_has_no_controls)
{
	HEARS(400, CHUNKED "5;a\0\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;\x01\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"\0\"\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"\x7f\"\r\nhello\r\n" LAST);
	HEARS(400, CHUNKED "5;a=\"\\\n\"\r\nhello\r\n" LAST);
}

static void hears_extension(int status, size_t n)
{
	size_t len;
	char *bytes = with_many(CHUNKED "5;", 'x', n - 1, "\r\nhello\r\n" LAST, &len);

	HEARS_N(status, bytes, len);
	free(bytes);
}

TEST(an_extension_has_a_largest_size)
{
	hears_extension(200, CHUNK_LINE_MAX);
	hears_extension(413, CHUNK_LINE_MAX + 1);
	hears_extension(413, 20000);
}

/* A semicolon counts, too. */
TEST(all_extensions_together_have_a_largest_size)
{
	char chunk[32], *bytes = hear_need(calloc(1, 16 * BODY_OVERHEAD_MAX)), *at;
	const unsigned most = BODY_OVERHEAD_MAX / 8;

	snprintf(chunk, sizeof(chunk), "1;extends\r\nx\r\n");
	for (unsigned more = 0; more < 2; more++) {
		at = bytes + sprintf(bytes, "%s", CHUNKED);
		for (unsigned i = 0; i < most + more; i++)
			at += sprintf(at, "%s", chunk);
		at += sprintf(at, "%s", LAST);
		HEARS_N(more ? 413 : 200, bytes, (size_t)(at - bytes));
	}
	free(bytes);
}

TEST(a_trailer_is_checked_and_dropped)
{
	BODY("x", CHUNKED "1\r\nx\r\n0\r\nX: y\r\nZ:\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX : y\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX\r\n\r\n");
	HEARS(400, CHUNKED "0\r\n: y\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: y\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: y\r\r\n");
	HEARS(400, CHUNKED "0\r\n X: y\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: y\r\n z\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: \x01\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: \0\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n");
}

TEST(a_trailer_says_nothing_about_the_request)
{
	HEARS(400, CHUNKED "0\r\nContent-Length: 5\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nX: y\r\ntRANSFER-ENCODING: chunked\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nHost: b\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nConnection: close\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nTE:\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nTrailer: x\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nContent-Type: text/html\r\n\r\n");
	HEARS(400, CHUNKED "0\r\nAuthorization: Basic eDp5\r\n\r\n");
	HEARS(200, CHUNKED "0\r\nHosts: b\r\nTransfer-Encodings: x\r\nT: e\r\n\r\n");
	HEARS(200, CHUNKED "0\r\nTransfer-Encoding-Of-Something-Long: x\r\n\r\n");
}

TEST(http_parser_sees_no_trailer)
{
	struct heard heard = HEARD(CHUNKED "1\r\nx\r\n0\r\nConnections: close\r\nX: y\r\n\r\nGET");

	CHECK_EQ(heard.parse.count, 2);
	CHECK_EQ(heard.body_len, 1);
	CHECK(http_should_keep_alive(&heard.parse.parser));
	unhear(&heard);
}

static void hears_trailer(int status, size_t n)
{
	size_t len;
	char *bytes = with_many(CHUNKED "0\r\nX:", 'x', n - 2, "\r\n\r\n", &len);

	HEARS_N(status, bytes, len);
	free(bytes);
}

/* A CR counts, the LF that must follow does not. */
TEST(trailers_have_a_largest_size)
{
	hears_trailer(200, BODY_OVERHEAD_MAX - 2);
	hears_trailer(413, BODY_OVERHEAD_MAX + 1);
	hears_trailer(413, 100000);
}

TEST(a_large_body_goes_through)
{
	size_t len;
	char *bytes = with_many(CHUNKED "186a0\r\n", 'x', 100000, "\r\n" LAST, &len);
	struct heard heard = hear(bytes, len, (struct cuts){ len, len });

	CHECK_EQ(heard.status, 200);
	CHECK_EQ(heard.body_len, 100000);
	CHECK_EQ(heard.pieces, 1);
	unhear(&heard);
	heard = hear(bytes, len, (struct cuts){ 100, 1000 });
	CHECK_EQ(heard.status, 200);
	CHECK_EQ(heard.body_len, 100000);
	unhear(&heard);
	free(bytes);
}

/* http_parser counts a chunk's line as a head, against a limit that any of its users may change. */
TEST(a_host_program_may_have_made_lines_of_chunks_shorter)
{
	static const char text[] = CHUNKED "5;0123456789012345678901234567890\r\nhello\r\n" LAST;
	struct heard heard = { 0 };
	size_t at;

	ouro__parse_start(&heard.parse);
	CHECK(hear_head(&heard, &usual_limits, text, sizeof(text) - 1, (struct cuts){ 1, 1 }) > 0);
	http_parser_set_max_header_size(20);
	at = strlen(CHUNKED);
	CHECK_EQ(hear_some_body(&heard, text, &at, sizeof(text) - 1), -413);
	http_parser_set_max_header_size(HTTP_MAX_HEADER_SIZE);
}
