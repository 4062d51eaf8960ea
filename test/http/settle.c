/* What a head means: methods, targets, hosts, framing, the connection. */
#include "hears.h"

#define GET_OF(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"

/* ---- Methods ---- */

TEST(every_method_http_parser_knows_is_known)
{
#define METHOD(number, name, text)                                                  \
	if (number != HTTP_CONNECT) {                                               \
		struct heard heard = HEARD(#text " / HTTP/1.1\r\nHost: a\r\n\r\n"); \
		CHECK_EQ(heard.parse.method, HTTP_##name);                          \
		unhear(&heard);                                                     \
	}
	HTTP_METHOD_MAP(METHOD)
#undef METHOD
}

TEST(another_method_is_not_implemented)
{
	HEARS(501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(501, "get / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(501, "GETS / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(501, "GE / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(501, "QUERY / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(501, "PRI * HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* ---- Targets ---- */

TEST(an_origin_form_is_a_path_and_maybe_a_query)
{
	struct heard heard = HEARD(GET_OF("/", "a"));

	CHECK_STR(PART(heard, path), "/");
	CHECK_EQ(heard.parse.query, 0);
	unhear(&heard);
	heard = HEARD(GET_OF("/?", "a"));
	CHECK_STR(PART(heard, path), "/");
	CHECK(heard.parse.query != 0);
	CHECK_STR(PART(heard, query), "");
	unhear(&heard);
	heard = HEARD(GET_OF("//x/y?a?b=c/d", "a"));
	CHECK_STR(PART(heard, path), "//x/y");
	CHECK_STR(PART(heard, query), "a?b=c/d");
	unhear(&heard);
}

TEST(an_absolute_form_brings_its_host_along)
{
	struct heard heard = HEARD(GET_OF("http://Example.org:80/p?q", "eXample.org:80"));

	CHECK_STR(PART(heard, path), "/p");
	CHECK_STR(PART(heard, query), "q");
	CHECK_STR(PART(heard, host), "Example.org:80");
	unhear(&heard);
	heard = HEARD("GET http://a/ HTTP/1.0\r\n\r\n");
	CHECK_STR(PART(heard, host), "a");
	unhear(&heard);
	HEARS(200, GET_OF("HTTPS://a/", "a"));
	HEARS(200, GET_OF("http://[::1]:8080/", "[::1]:8080"));
}

TEST(an_absolute_form_without_a_path_means_the_root)
{
	struct heard heard = HEARD(GET_OF("http://a", "a"));

	CHECK_STR(PART(heard, path), "/");
	CHECK_EQ(heard.parse.query, 0);
	unhear(&heard);
	heard = HEARD(GET_OF("https://a?b=/c", "a"));
	CHECK_STR(PART(heard, path), "/");
	CHECK_STR(PART(heard, query), "b=/c");
	unhear(&heard);
}

TEST(an_absolute_form_agrees_with_host)
{
	HEARS(400, GET_OF("http://a/", "b"));
	HEARS(400, GET_OF("http://a:80/", "a"));
	HEARS(400, GET_OF("http://a/", ""));
	HEARS(400, "GET http://a/ HTTP/1.1\r\n\r\n");
	HEARS(400, "GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n");
}

TEST(an_absolute_form_is_http_with_a_host_and_no_more)
{
	HEARS(400, GET_OF("ftp://a/", "a"));
	HEARS(400, GET_OF("http:a", "a"));
	HEARS(400, GET_OF("http:/a", "a"));
	HEARS(400, GET_OF("http://", "a"));
	HEARS(400, GET_OF("http:///a", "a"));
	HEARS(400, GET_OF("http://?a", "a"));
	HEARS(400, GET_OF("http://:80/", ":80"));
	HEARS(400, GET_OF("http://u@a/", "a"));
	HEARS(400, GET_OF("http://u:p@a/", "a"));
	HEARS(400, GET_OF("http://a:b/", "a:b"));
	HEARS(400, GET_OF("http://a/#f", "a"));
	HEARS(400, GET_OF("urn:a", "a"));
}

TEST(another_form_is_no_target)
{
	HEARS(400, GET_OF("path", "a"));
	HEARS(400, GET_OF("a:80", "a:80"));
	HEARS(400, GET_OF("?q", "a"));
	HEARS(400, GET_OF("*foo", "a"));
	HEARS(400, GET_OF("#", "a"));
	HEARS(400, GET_OF("/#frag", "a"));
}

TEST(an_asterisk_is_for_options)
{
	struct heard heard = HEARD("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");

	CHECK_STR(PART(heard, path), "*");
	unhear(&heard);
	HEARS(400, GET_OF("*", "a"));
	HEARS(400, "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(connect_names_a_host_and_a_port)
{
	struct heard heard = HEARD("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nmore");

	CHECK_STR(PART(heard, path), "a:443");
	CHECK_STR(PART(heard, host), "a:443");
	CHECK(heard.parse.upgrade);
	CHECK_EQ(heard.used, strlen("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"));
	unhear(&heard);
	HEARS(200, "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(200, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\n\r\n");
	HEARS(400, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n");
	HEARS(400, "CONNECT http://a:80/ HTTP/1.1\r\nHost: a:80\r\n\r\n");
	HEARS(400, "CONNECT a:443?x HTTP/1.1\r\nHost: a:443\r\n\r\n");
}

TEST(connect_has_no_body)
{
	HEARS(400, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 1\r\n\r\nx");
	HEARS(400, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: "
		   "chunked\r\n\r\n0\r\n\r\n");
}

/* ---- Host ---- */

TEST(there_is_one_host_in_1_1)
{
	HEARS(400, "GET / HTTP/1.1\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n");
	HEARS(400, "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n");
}

TEST(there_is_one_host_or_none_in_1_0)
{
	HEARS(200, "GET / HTTP/1.0\r\n\r\n");
	HEARS(200, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n");
	HEARS(400, "GET / HTTP/1.0\r\nHost: a b\r\n\r\n");
}

TEST(a_host_is_a_name_or_an_address_and_maybe_a_port)
{
	HEARS(200, GET_OF("/", "example.org"));
	HEARS(200, GET_OF("/", "a_b-c.d~e"));
	HEARS(200, GET_OF("/", "127.0.0.1:8080"));
	HEARS(200, GET_OF("/", "a:0"));
	HEARS(200, GET_OF("/", "a:65535"));
	HEARS(200, GET_OF("/", "a:"));
	HEARS(200, GET_OF("/", "%c3%a4.example"));
	HEARS(200, GET_OF("/", "[::1]"));
	HEARS(200, GET_OF("/", "[2001:db8::192.0.2.1]:80"));
}

TEST(what_is_no_host_is_refused)
{
	HEARS(400, GET_OF("/", ""));
	HEARS(400, GET_OF("/", ":80"));
	HEARS(400, GET_OF("/", "a b"));
	HEARS(400, GET_OF("/", "a, b c"));
	HEARS(400, GET_OF("/", "a/b"));
	HEARS(400, GET_OF("/", "a?b"));
	HEARS(400, GET_OF("/", "a#b"));
	HEARS(400, GET_OF("/", "u@a"));
	HEARS(400, GET_OF("/", "http://a"));
	HEARS(400, GET_OF("/", "a\\b"));
	HEARS(400, GET_OF("/", "\xc3\xa4"));
	HEARS(400, GET_OF("/", "%zz"));
	HEARS(400, GET_OF("/", "a%4"));
	HEARS(400, GET_OF("/", "a:80:80"));
	HEARS(400, GET_OF("/", "a:8o"));
	HEARS(400, GET_OF("/", "a:-1"));
	HEARS(400, GET_OF("/", "a:65536"));
	HEARS(400, GET_OF("/", "a:000080"));
	HEARS(400, GET_OF("/", "::1"));
	HEARS(400, GET_OF("/", "[::1"));
	HEARS(400, GET_OF("/", "[::1]a"));
	HEARS(400, GET_OF("/", "[]"));
	HEARS(400, GET_OF("/", "[fe80::1%25eth0]"));
	HEARS(400, GET_OF("/", "[v1.a]"));
	HEARS(400, GET_OF("/", "[127.0.0.1]"));
	HEARS(400, GET_OF("/", "[1:2:3:4:5:6:7:8:9]"));
	HEARS(400, GET_OF("/", "[0000000000000000000000000000000000000000000000000000::1]"));
}

/* ---- Framing ---- */

#define POST(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

TEST(a_request_without_framing_has_no_body)
{
	struct heard heard = HEARD(POST("") "GET");

	CHECK_EQ(heard.parse.kind, BODY_NONE);
	CHECK(heard.parse.done);
	CHECK_EQ(heard.used, strlen(POST("")));
	unhear(&heard);
}

TEST(a_length_is_a_number)
{
	struct heard heard = HEARD(POST("Content-Length: 5\r\n") "helloGET");

	CHECK_EQ(heard.parse.kind, BODY_LENGTH);
	CHECK_EQ(heard.parse.length, 5);
	CHECK_EQ(heard.body_len, 5);
	unhear(&heard);
	HEARS(200, POST("cONTENT-lENGTH:005\r\n") "hello");
	HEARS(200, POST("Content-Length:   5   \r\n") "hello");
}

TEST(a_length_of_nothing_is_done_at_once)
{
	struct heard heard = HEARD(POST("Content-Length: 0\r\n") "x");

	CHECK(heard.parse.done);
	CHECK_EQ(heard.body_len, 0);
	CHECK_EQ(heard.used, strlen(POST("Content-Length: 0\r\n")));
	unhear(&heard);
}

TEST(what_is_no_length_is_refused)
{
	HEARS(400, POST("Content-Length:\r\n") "");
	HEARS(400, POST("Content-Length: +5\r\n") "hello");
	HEARS(400, POST("Content-Length: -5\r\n") "hello");
	HEARS(400, POST("Content-Length: 5 5\r\n") "hello");
	HEARS(400, POST("Content-Length: 5, 5\r\n") "hello");
	HEARS(400, POST("Content-Length: 5,\r\n") "hello");
	HEARS(400, POST("Content-Length: 0x5\r\n") "hello");
	HEARS(400, POST("Content-Length: 5.0\r\n") "hello");
	HEARS(400, POST("Content-Length: 5h\r\n") "hello");
	HEARS(400, POST("Content-Length: \"5\"\r\n") "hello");
	HEARS(400, POST("Content-Length: chunked\r\n") "hello");
}

TEST(a_length_does_not_overflow)
{
	HEARS(0, POST("Content-Length: 9223372036854775807\r\n") "x");
	HEARS(400, POST("Content-Length: 9223372036854775808\r\n") "x");
	HEARS(400, POST("Content-Length: 18446744073709551615\r\n") "x");
	HEARS(400, POST("Content-Length: 18446744073709551616\r\n") "x");
	HEARS(400, POST("Content-Length: 18446744073709551621\r\n") "hello");
	HEARS(400, POST("Content-Length: 99999999999999999999999999999\r\n") "x");
}

TEST(two_lengths_are_too_many)
{
	HEARS(400, POST("Content-Length: 5\r\nContent-Length: 5\r\n") "hello");
	HEARS(400, POST("Content-Length: 5\r\nContent-Length: 6\r\n") "hello!");
	HEARS(400, POST("Content-Length: \r\nContent-Length: 5\r\n") "hello");
	HEARS(400, POST("Content-Length: 0\r\nX: y\r\ncontent-length: 0\r\n"));
}

#define CHUNKS "5\r\nhello\r\n0\r\n\r\n"

TEST(chunked_is_the_one_coding)
{
	struct heard heard = HEARD(POST("Transfer-Encoding: chunked\r\n") CHUNKS "GET");

	CHECK_EQ(heard.parse.kind, BODY_CHUNKED);
	CHECK_EQ(heard.body_len, 5);
	unhear(&heard);
	HEARS(200, POST("tRANSFER-eNCODING:  CHunkeD  \r\n") CHUNKS);
}

TEST(a_coding_we_do_not_know_is_not_implemented)
{
	HEARS(501, POST("Transfer-Encoding: gzip, chunked\r\n") CHUNKS);
	HEARS(501, POST("Transfer-Encoding: eee , chunked\r\n") CHUNKS);
}

TEST(a_coding_that_has_no_end_is_refused)
{
	HEARS(400, POST("Transfer-Encoding:\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: gzip\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: identity\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: identity, chunked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked, identity\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked, gzip\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked, chunked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: xchunked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: ,chunked, \r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked-false\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked;q=1\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: \"chunked\"\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chun ked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: gzip chunked\r\n") CHUNKS);
}

TEST(two_codings_are_too_many)
{
	HEARS(400, POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") CHUNKS);
}

TEST(a_coding_and_a_length_do_not_go_together)
{
	HEARS(400, POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") CHUNKS);
	HEARS(400, POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") CHUNKS);
	HEARS(400, POST("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n") CHUNKS);
	HEARS(400, POST("Content-Length: 5\r\nTransfer-Encoding:\r\n") CHUNKS);
}

TEST(there_is_no_coding_in_1_0)
{
	HEARS(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS);
	HEARS(400, "POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS);
}

/* A tab is as good as a blank, but http_parser takes it for a part of the value; and a field whose
 * name only begins like the coding's for the coding's. */
TEST(what_http_parser_refuses_is_refused)
{
	HEARS(400, POST("Content-Length: 5\t\r\n") "hello");
	HEARS(400, POST("Transfer-Encoding: chunked\t\r\n") CHUNKS);
	HEARS(400, POST("Transfer-Encodings: chunked\r\n"));
	HEARS(400, POST("Transfer-Encodings: x\r\nContent-Length: 5\r\n") "hello");
}

/* ---- Expect ---- */

static bool expects(const char *text)
{
	struct heard heard = heard_good(__FILE__, __LINE__, text, strlen(text));
	bool answer = heard.parse.expects_continue;

	unhear(&heard);
	return answer;
}

TEST(a_client_may_expect_to_be_told_to_go_on)
{
	CHECK(expects(POST("Content-Length: 1\r\nExpect: 100-continue\r\n") "x"));
	CHECK(expects(POST("Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n") CHUNKS));
}

TEST(who_sends_no_body_expects_nothing)
{
	CHECK(!expects(POST("Expect: 100-continue\r\n")));
	CHECK(!expects(POST("Content-Length: 0\r\nExpect: 100-continue\r\n")));
	CHECK(!expects(POST("Content-Length: 1\r\n") "x"));
}

TEST(nothing_else_can_be_expected)
{
	HEARS(417, POST("Expect: 200-ok\r\n"));
	HEARS(417, POST("Expect:\r\n"));
	HEARS(417, POST("Expect: 100-continue, x\r\n"));
	HEARS(417, POST("Expect: x\r\nExpect: 100-continue\r\n"));
}

TEST(nothing_is_expected_in_1_0)
{
	CHECK(!expects("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"));
	CHECK(!expects("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: more\r\n\r\nx"));
}

/* ---- Connection ---- */

static bool keeps(const char *text)
{
	struct heard heard = heard_good(__FILE__, __LINE__, text, strlen(text));
	bool answer = heard.parse.keep_alive;

	unhear(&heard);
	return answer;
}

TEST(a_connection_is_kept_in_1_1)
{
	CHECK(keeps(POST("")));
	CHECK(keeps(POST("Connection: keep-alive\r\n")));
	CHECK(keeps(POST("Connection: closed\r\n")));
	CHECK(keeps(POST("Connection: x, y\r\nX: close\r\n")));
	CHECK(!keeps(POST("Connection: close\r\n")));
	CHECK(!keeps(POST("cOnnection: CLOSE\r\n")));
	CHECK(!keeps(POST("Connection: close\t\r\n")));
	CHECK(!keeps(POST("Connection: x\r\nConnection:,,close,\r\n")));
	CHECK(!keeps(POST("Connection: keep-alive, close\r\n")));
	CHECK(!keeps(POST("Connection: close, keep-alive\r\n")));
}

#define OLD(fields) "GET / HTTP/1.0\r\n" fields "\r\n"

TEST(a_connection_is_kept_in_1_0_when_asked)
{
	CHECK(!keeps(OLD("")));
	CHECK(!keeps(OLD("Connection: close\r\n")));
	CHECK(!keeps(OLD("Connection: keep-alive, close\r\n")));
	CHECK(!keeps(OLD("Connection: keep-alive-not\r\n")));
	CHECK(keeps(OLD("Connection: keep-alive\r\n")));
	CHECK(keeps(OLD("Connection: Keep-Alive\r\n")));
	CHECK(keeps(OLD("Connection: x, keep-alive\r\n")));
}

TEST(a_list_that_is_none_is_refused)
{
	HEARS(400, POST("Connection: a b\r\n"));
	HEARS(400, POST("Connection: close;\r\n"));
	HEARS(400, POST("Connection: \"close\"\r\n"));
	HEARS(400, POST("Connection: close, =\r\n"));
	HEARS(200, POST("Connection:\r\n"));
	HEARS(200, POST("Connection: , ,\t,\r\n"));
}

/* ---- Upgrade ---- */

static bool upgrades(const char *text)
{
	struct heard heard = heard_good(__FILE__, __LINE__, text, strlen(text));
	bool answer = heard.parse.upgrade;

	unhear(&heard);
	return answer;
}

TEST(an_upgrade_is_asked_for_in_two_fields)
{
	CHECK(upgrades(POST("Upgrade: websocket\r\nConnection: upgrade\r\n")));
	CHECK(upgrades(POST("Connection: keep-alive, Upgrade\r\nUpgrade: x/1, y\r\n")));
	CHECK(!upgrades(POST("Upgrade: websocket\r\n")));
	CHECK(!upgrades(POST("Connection: upgrade\r\n")));
	CHECK(!upgrades(POST("Connection: upgrade\r\nUpgrade:\r\n")));
	CHECK(!upgrades(OLD("Upgrade: websocket\r\nConnection: upgrade\r\n")));
}

TEST(an_upgrade_may_bring_a_body)
{
	struct heard heard = HEARD(
		POST("Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 5\r\n") "hellothere");

	CHECK(heard.parse.upgrade);
	CHECK_EQ(heard.body_len, 5);
	CHECK_EQ(heard.used, strlen(POST("Upgrade: x\r\nConnection: upgrade\r\n"
					 "Content-Length: 5\r\n") "hello"));
	unhear(&heard);
	HEARS(200, POST("Upgrade: x\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n")
			   CHUNKS "there");
}

/* ---- The other reader ---- */

TEST(a_host_program_may_have_made_heads_smaller)
{
	http_parser_set_max_header_size(20);
	HEARS(431, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
	http_parser_set_max_header_size(HTTP_MAX_HEADER_SIZE);
	HEARS(200, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
}
