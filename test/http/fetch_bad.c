/* Servers that misbehave: each is found out, said once, and never asked again over the same
 * connection. The answers come whole, and once more byte by byte. */
#include "fetch.h"

#define OK    "HTTP/1.1 200 OK\r\n"
#define CHUNK OK "Transfer-Encoding: chunked\r\n\r\n"

struct server {
	const char *says;
	enum then then;
	int err;
	const char *body; /* err 0: of the answer */
};

static const struct server servers[] = {
	/* It closes early. */
	{ "", CLOSE, -ECONNRESET, NULL },
	{ "", RESET, -ECONNRESET, NULL },
	{ "H", CLOSE, OURO_EPROTO, NULL },
	{ "HTTP/1.1 200 OK", CLOSE, OURO_EPROTO, NULL },
	{ OK, CLOSE, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5\r\n", CLOSE, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5\r\n\r\n", CLOSE, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5\r\n\r\nfour", CLOSE, OURO_EPROTO, NULL },
	{ CHUNK, CLOSE, OURO_EPROTO, NULL },
	{ CHUNK "5\r\nhello", CLOSE, OURO_EPROTO, NULL },
	{ CHUNK "5\r\nhello\r\n", CLOSE, OURO_EPROTO, NULL },
	{ CHUNK "5\r\nhello\r\n0\r\n", CLOSE, OURO_EPROTO, NULL },
	{ "HTTP/1.1 100 Continue\r\n\r\n", CLOSE, OURO_EPROTO, NULL },

	/* It is no HTTP/1.x. */
	{ "SSH-2.0-OpenSSH_9.2\r\n", STAY, OURO_EPROTO, NULL },
	{ "\x15\x03\x01\x02\x02\x16", STAY, OURO_EPROTO, NULL },
	{ "\r\n" GOOD, STAY, OURO_EPROTO, NULL },
	{ "HTTP/2.0 200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.2 200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/0.9 200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "http/1.1 200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "<html>\n", STAY, OURO_EPROTO, NULL },

	/* An odd first line. */
	{ "HTTP/1.1 200\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1  200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1 20 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1 2000 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1 099 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1 +20 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1\t200 OK\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ "HTTP/1.1 200 O\x01K\r\n\r\n", STAY, OURO_EPROTO, NULL },

	/* Lines that end, or go on, as they should not. */
	{ "HTTP/1.1 200 OK\nContent-Length: 0\n\n", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 0\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 0\r\n\n", STAY, OURO_EPROTO, NULL },
	{ OK "A: b\r\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A: b\rC: d\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A: b\r\n folded\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK " A: b\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A : b\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK ": b\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A: \x01\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "A: \x7f\r\n\r\n", STAY, OURO_EPROTO, NULL },

	/* Two readers would not agree on its length. */
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5, 5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: +5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: -5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 0x5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5 5\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length:\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 99999999999999999999\r\n\r\nhello", STAY, OURO_EPROTO, NULL },
	{ OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", STAY, OURO_EPROTO,
	  NULL },
	{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", STAY,
	  OURO_EPROTO, NULL },
	{ OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ OK "Transfer-Encoding: identity\r\n\r\nhello", CLOSE, OURO_EPROTO, NULL },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", STAY, OURO_EPROTO,
	  NULL },

	/* Chunks that are none. */
	{ CHUNK "5\nhello\n0\n\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "5\r\nhelloZZ0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "5\r\nhello\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "x\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "-5\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK " 5\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "5 \r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "10000000000000005\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "0\r\nno field\r\n\r\n", STAY, OURO_EPROTO, NULL },
	{ CHUNK "0\r\n folded\r\n\r\n", STAY, OURO_EPROTO, NULL },

	/* What we have not asked for. */
	{ "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", STAY,
	  OURO_EPROTO, NULL },

	/* And these are good, if not all of them pretty. */
	{ GOOD, STAY, 0, "good\n" },
	{ GOOD GOOD, STAY, 0, "good\n" },
	{ GOOD, CLOSE, 0, "good\n" },
	{ GOOD, RESET, 0, "good\n" },
	{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", STAY, 0, "" },
	{ OK "Connection: close\r\nContent-Length: 5\r\n\r\nhello", STAY, 0, "hello" },
	{ OK "\r\nto the end", CLOSE, 0, "to the end" },
	{ OK "\r\n", CLOSE, 0, "" },
	{ "HTTP/1.0 200 OK\r\n\r\nto the end", CLOSE, 0, "to the end" },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", STAY, 0, "hello" },
	{ CHUNK "5\r\nhello\r\n0\r\n\r\n", STAY, 0, "hello" },
	{ CHUNK "1;a=b;c=\"d\"\r\nh\r\n4\r\nello\r\n000\r\nX-Sum: 5\r\nX-More: y\r\n\r\n", STAY, 0,
	  "hello" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" GOOD, STAY,
	  0, "good\n" },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", STAY, 0, "" },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", STAY, 0, "" },
	{ "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", STAY, 0, "" },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n", STAY, 0, "no\n" },
	{ "HTTP/1.1 799 Whatever\r\nContent-Length: 3\r\n\r\nno\n", STAY, 0, "no\n" },
	{ OK "Connection: ???\r\nContent-Length: 5\r\n\r\nhello", STAY, 0, "hello" },
};

static void visit(const struct server *server, size_t piece)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, server->says, server->then);
	raw.piece = piece;
	ask_and_wait(&raw, "http://x/bad", &end);
	turns(loop, 20);
	if (end.err != server->err)
		fprintf(stderr, "# %s, not %s: %s\n", ouro_errname(end.err),
			ouro_errname(server->err), server->says);
	CHECK_EQ(end.calls, 1);
	CHECK_EQ(end.err, server->err);
	if (server->body)
		CHECK_STR(end.body, server->body);
	if (server->err)
		CHECK_EQ(figures(loop).connections, 0);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(bad_servers_are_found_out_and_good_ones_understood)
{
	CHECK(sizeof(servers) / sizeof(*servers) > 80);
	for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++)
		visit(&servers[i], 0);
}

TEST(byte_by_byte_it_comes_to_the_same)
{
	for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++)
		visit(&servers[i], 1);
}

/* ---- What does not end ---- */

static char *repeated(const char *first, const char *again, size_t times)
{
	size_t len = strlen(first), each = strlen(again);
	char *text = malloc(len + each * times + 1);

	CHECK(text != NULL);
	memcpy(text, first, len);
	for (size_t i = 0; i < times; i++)
		memcpy(text + len + i * each, again, each);
	text[len + each * times] = 0;
	return text;
}

static void visit_endless(const char *first, const char *again, size_t times, int err)
{
	char *says = repeated(first, again, times);
	struct server server = { says, STAY, err, NULL };

	visit(&server, 0);
	visit(&server, 1000);
	free(says);
}

TEST(what_does_not_end_is_too_big)
{
	visit_endless(OK, "X: y\r\n", 101, OURO_ETOOBIG);
	visit_endless(OK "X: ", "y", 20000, OURO_ETOOBIG);
	visit_endless(OK, "y", 20000, OURO_ETOOBIG);
	visit_endless("HTTP/1.1 200 ", "y", 20000, OURO_ETOOBIG);
	visit_endless(CHUNK "1;", "y", 2000, OURO_ETOOBIG);
	visit_endless(CHUNK, "1;yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\nx\r\n", 1000,
		      OURO_ETOOBIG);
	visit_endless(CHUNK "0\r\n", "X: y\r\n", 4000, OURO_ETOOBIG);
	visit_endless(OK "Content-Length: 2000000\r\n\r\n", "y", 1, OURO_ETOOBIG);
	visit_endless(OK "\r\n", "y", 1100000, OURO_ETOOBIG);
	visit_endless("", "HTTP/1.1 102 Processing\r\n\r\n", 17, OURO_EPROTO);
}

TEST(an_answer_that_drips_runs_into_a_deadline)
{
	static const char *const says[] = { GOOD,
					    OK "Content-Length: 50\r\n\r\n01234567890123456789",
					    CHUNK "20\r\n01234567890123456789" };

	for (size_t i = 0; i < 3; i++) {
		ouro_loop *loop = virtual_loop();
		struct raw raw;
		struct end end = { 0 };
		uint64_t began = ouro_loop_now(loop) / MS;

		raw_open(&raw, loop);
		raw_says(&raw, says[i], STAY);
		raw.piece = 1;
		raw.wait_ms = 1000;
		ouro_fetch_opts opts = { .url = "http://x/",
					 .unix_path = raw.path,
					 .head_ms = i ? OURO_NEVER : 20000,
					 .whole_ms = 60000 };
		CHECK(ouro_http_fetch(loop, &opts, note_end, &end).id != 0);
		UNTIL(loop, end.calls);
		CHECK_EQ(end.err, OURO_ETIMEOUT);
		CHECK_EQ(ouro_loop_now(loop) / MS - began, i ? 60000 : 20000);
		ouro_loop_free(loop);
	}
}

/* ---- At each byte ---- */

TEST(a_reset_at_each_byte_is_told_once)
{
	static const char says[] = CHUNK "5\r\nhello\r\n0\r\nX: y\r\n\r\n";

	for (size_t n = 0; n < sizeof(says); n++)
		for (int then = CLOSE; then <= RESET; then++) {
			char cut[sizeof(says)];
			bool whole = n == sizeof(says) - 1;
			ouro_loop *loop = virtual_loop();
			struct raw raw;
			struct end end;

			memcpy(cut, says, n);
			cut[n] = 0;
			raw_open(&raw, loop);
			raw_says(&raw, cut, (enum then)then);
			ask_and_wait(&raw, "http://x/bad", &end);
			turns(loop, 10);
			CHECK_EQ(end.calls, 1);
			CHECK(whole ? end.err == 0
				    : end.err == OURO_EPROTO || end.err == -ECONNRESET);
			check_sane(&raw);
			ouro_loop_free(loop);
		}
}
