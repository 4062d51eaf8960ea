/* A reverse proxy between ouro's client and ouro's server: what passes, what does not, at whose
 * pace, and what the client hears when the far end fails it. */
#include "fetch_site.h"

struct chain {
	struct there far; /* what is asked in the end; its loop is everybody's */
	struct raw raw;   /* or this */
	ouro_server *proxy;
	char to[128], path[64];
	ouro_fetch_opts opts; /* of the proxy's asks */
};

static void forward(ouro_req *req, void *arg)
{
	struct chain *chain = arg;
	ouro_fetch_opts opts = chain->opts;

	opts.url = ouro_req_printf(req, "%s%s", chain->to, ouro_req_target(req).ptr).ptr;
	ouro_req_forward(req, &opts);
}

static void open_chain(struct chain *chain, bool whole)
{
	ouro_http_opts opts = { .on_request = forward, .stream = !whole, .body_max = 16 << 20 };

	memset(chain, 0, sizeof(*chain));
	open_there(&chain->far);
	raw_open(&chain->raw, chain->far.loop);
	snprintf(chain->to, sizeof(chain->to), "http://127.0.0.1:%u",
		 ouro_server_port(chain->far.server));
	snprintf(chain->path, sizeof(chain->path), "@ouro-test-forward-%d", (int)getpid());
	opts.unix_path = chain->path;
	opts.arg = chain;
	CHECK_EQ(ouro_http_listen(chain->far.loop, &opts, &chain->proxy), 0);
}

static void on_end(int err, const ouro_answer *answer, void *arg)
{
	note_end(err, answer, &((struct chain *)arg)->far.end);
}

static void start(struct chain *chain, const char *path, ouro_fetch_opts opts)
{
	char url[128];

	snprintf(url, sizeof(url), "http://proxy%s", path);
	opts.url = url;
	opts.unix_path = chain->path;
	memset(&chain->far.end, 0, sizeof(chain->far.end));
	chain->far.bytes = 0;
	chain->far.fetch = ouro_http_fetch(chain->far.loop, &opts, on_end, chain);
	CHECK(chain->far.fetch.id != 0);
}

static void go(struct chain *chain, const char *path, ouro_fetch_opts opts)
{
	start(chain, path, opts);
	UNTIL(chain->far.loop, chain->far.end.calls);
}

TEST(what_is_asked_and_answered_passes)
{
	static const ouro_field fields[] = { { "X-One", { "eins", 4 } }, { NULL, { NULL, 0 } } };
	struct chain chain;
	char wanted[256];

	for (int whole = 0; whole < 2; whole++) {
		open_chain(&chain, whole);
		go(&chain, "/echo?a=b", (ouro_fetch_opts){ .fields = fields });
		CHECK_EQ(chain.far.end.err, 0);
		snprintf(wanted, sizeof(wanted),
			 "GET /echo?a=b host=127.0.0.1:%u type=- one=eins length=0 body=0",
			 ouro_server_port(chain.far.server));
		CHECK_STR(chain.far.end.body, wanted);
		go(&chain, "/echo",
		   (ouro_fetch_opts){
			   .method = "POST", .body = ouro_str_z("12345"), .type = "a/b" });
		CHECK(strstr(chain.far.end.body, "type=a/b one=- length=5 body=5") != NULL);
		go(&chain, "/", (ouro_fetch_opts){ .method = "HEAD" });
		CHECK_EQ(chain.far.end.status, 200);
		go(&chain, "/nowhere", (ouro_fetch_opts){ 0 });
		CHECK_EQ(chain.far.end.status, 404);
		ouro_loop_free(chain.far.loop);
	}
}

static void look(int err, const ouro_answer *answer, void *arg)
{
	CHECK_EQ(err, 0);
	CHECK_STR(ouro_answer_header(answer, "X-Kept").ptr, "yes");
	CHECK(!ouro_answer_header(answer, "X-Hop").ptr);
	CHECK(!ouro_answer_header(answer, "Keep-Alive").ptr);
	CHECK(!ouro_answer_header(answer, "Connection").ptr);
	CHECK_STR(ouro_answer_header(answer, "Set-Cookie").ptr, "a");
	CHECK_STR(ouro_answer_header_nth(answer, "Set-Cookie", 1).ptr, "b");
	CHECK_STR(ouro_answer_body(answer).ptr, "hello");
	*(int *)arg = 1;
}

static void use_raw(struct chain *chain, const char *says, enum then then)
{
	raw_says(&chain->raw, says, then);
	chain->opts.unix_path = chain->raw.path;
}

TEST(what_is_about_a_connection_ends_there)
{
	static const ouro_field added[] = { { "Host", { "inner", 5 } },
					    { "X-Mine", { "1", 1 } },
					    { NULL, { NULL, 0 } } };
	static const ouro_field fields[] = { { "X-Mine", { "forged", 6 } },
					     { "Expect", { "100-continue", 12 } },
					     { NULL, { NULL, 0 } } };
	struct chain chain;
	int looked = 0;

	open_chain(&chain, false);
	use_raw(&chain,
		"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: no\r\nX-Kept: yes\r\nKeep-Alive: "
		"5\r\n"
		"Set-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n0\r\n\r\n",
		STAY);
	chain.opts.fields = added;
	ouro_fetch_opts opts = { .url = "http://outer/bad",
				 .unix_path = chain.path,
				 .fields = fields };
	CHECK(ouro_http_fetch(chain.far.loop, &opts, look, &looked).id != 0);
	UNTIL(chain.far.loop, looked);
	CHECK(strstr(chain.raw.last, "Host: inner\r\n") != NULL);
	CHECK(strstr(chain.raw.last, "outer") == NULL);
	CHECK(strstr(chain.raw.last, "X-Mine: 1\r\n") != NULL);
	CHECK(strstr(chain.raw.last, "forged") == NULL);
	CHECK(strstr(chain.raw.last, "Expect") == NULL);
	ouro_loop_free(chain.far.loop);
}

/* ---- At whose pace ---- */

static void count_piece(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct chain *chain = arg;

	(void)fetch;
	chain->far.bytes += piece.len;
}

static void go_on(ouro_loop *loop, void *arg)
{
	CHECK(ouro_fetch_resume(loop, ((struct chain *)arg)->far.fetch));
}

static void sip(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct chain *chain = arg;

	count_piece(fetch, piece, arg);
	CHECK(ouro_fetch_pause(chain->far.loop, fetch));
	call_macro(chain->far.loop, go_on, chain);
}

TEST(a_long_answer_passes_at_the_pace_of_the_client)
{
	struct chain chain;
	size_t before;

	open_chain(&chain, false);
	go(&chain, "/flow", (ouro_fetch_opts){ .on_piece = count_piece });
	CHECK_EQ(chain.far.bytes, LONG);
	go(&chain, "/flow", (ouro_fetch_opts){ .on_piece = sip });
	CHECK_EQ(chain.far.bytes, LONG);

	before = test_memory.held;
	start(&chain, "/flow", (ouro_fetch_opts){ .on_piece = count_piece });
	CHECK(ouro_fetch_pause(chain.far.loop, chain.far.fetch));
	for (int i = 0; i < 300; i++)
		ouro_loop_turn(chain.far.loop);
	CHECK(test_memory.held < before + (1 << 20));
	CHECK(ouro_fetch_resume(chain.far.loop, chain.far.fetch));
	UNTIL(chain.far.loop, chain.far.end.calls);
	CHECK_EQ(chain.far.bytes, LONG);
	ouro_loop_free(chain.far.loop);
}

static void pour(ouro_fetch fetch, void *arg)
{
	static const char piece[5000];
	struct chain *chain = arg;

	while (chain->far.left) {
		size_t n = chain->far.left < sizeof(piece) ? chain->far.left : sizeof(piece);
		int64_t queued = ouro_fetch_write(chain->far.loop, fetch, ouro_str_n(piece, n));

		CHECK(queued >= 0);
		chain->far.left -= n;
		if (queued > 65536)
			return;
	}
	CHECK_EQ(ouro_fetch_end(chain->far.loop, fetch), 0);
}

TEST(an_upload_passes_at_the_pace_of_the_server)
{
	struct chain chain;
	char wanted[32];

	open_chain(&chain, false);
	snprintf(wanted, sizeof(wanted), "%zu", LONG);
	for (int say = 0; say < 2; say++) {
		chain.far.left = LONG;
		start(&chain, "/sink",
		      (ouro_fetch_opts){ .method = "PUT",
					 .upload = true,
					 .on_drain = pour,
					 .length = say ? LONG : 0 });
		pour(chain.far.fetch, &chain);
		UNTIL(chain.far.loop, chain.far.end.calls);
		CHECK_EQ(chain.far.end.err, 0);
		CHECK_STR(chain.far.end.body, wanted);
	}
	ouro_loop_free(chain.far.loop);
}

/* ---- What goes wrong ---- */

TEST(a_far_end_that_fails_is_said_as_a_status)
{
	static const struct {
		const char *says;
		enum then then;
		int status;
	} fars[] = {
		{ "", CLOSE, 502 },
		{ "nonsense\r\n", STAY, 502 },
		{ NULL, STAY, 504 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", STAY, 502 },
	};
	struct chain chain;

	open_chain(&chain, false);
	for (size_t i = 0; i < sizeof(fars) / sizeof(*fars); i++) {
		chain.opts.head_ms = fars[i].says ? 0 : 20;
		use_raw(&chain, fars[i].says, fars[i].then);
		go(&chain, "/bad", (ouro_fetch_opts){ 0 });
		CHECK_EQ(chain.far.end.err, 0);
		CHECK_EQ(chain.far.end.status, fars[i].status);
	}
	chain.opts.unix_path = "@ouro-test-nobody";
	go(&chain, "/", (ouro_fetch_opts){ 0 });
	CHECK_EQ(chain.far.end.status, 502);
	ouro_loop_free(chain.far.loop);
}

TEST(half_an_answer_is_never_taken_for_a_whole_one)
{
	struct chain chain;

	open_chain(&chain, false);
	use_raw(&chain, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", CLOSE);
	go(&chain, "/bad", (ouro_fetch_opts){ 0 });
	CHECK(chain.far.end.err == OURO_EPROTO || chain.far.end.err == -ECONNRESET);
	use_raw(&chain, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		CLOSE);
	go(&chain, "/bad", (ouro_fetch_opts){ 0 });
	CHECK(chain.far.end.err == OURO_EPROTO || chain.far.end.err == -ECONNRESET);
	ouro_loop_free(chain.far.loop);
}

TEST(a_client_that_goes_takes_its_fetch_along)
{
	struct chain chain;

	open_chain(&chain, false);
	use_raw(&chain, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", STAY);
	start(&chain, "/bad", (ouro_fetch_opts){ .on_piece = count_piece });
	UNTIL(chain.far.loop, chain.far.bytes == 4);
	CHECK_EQ(figures(chain.far.loop).fetches, 2);
	CHECK(ouro_fetch_cancel(chain.far.loop, chain.far.fetch));
	UNTIL(chain.far.loop, figures(chain.far.loop).fetches == 0);
	CHECK_EQ(figures(chain.far.loop).connections, 0);
	ouro_loop_free(chain.far.loop);
}

TEST(a_loop_may_end_in_the_middle)
{
	for (int after = 0; after < 12; after++) {
		struct chain chain;

		open_chain(&chain, false);
		use_raw(&chain, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", STAY);
		start(&chain, "/bad", (ouro_fetch_opts){ 0 });
		for (int i = 0; i < after; i++)
			ouro_loop_turn(chain.far.loop);
		ouro_loop_free(chain.far.loop);
		CHECK_EQ(chain.far.end.calls, 1);
		CHECK_EQ(chain.far.end.err, OURO_ECANCELED);
	}
}
