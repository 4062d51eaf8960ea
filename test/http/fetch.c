/* Asking ouro's own server: pages, methods, bodies both ways and at whose pace. */
#include "fetch_site.h"

static void on_end(int err, const ouro_answer *answer, void *arg)
{
	note_end(err, answer, &((struct there *)arg)->end);
}

static void start(struct there *there, const char *path, ouro_fetch_opts opts)
{
	opts.url = url(there, path);
	memset(&there->end, 0, sizeof(there->end));
	there->fetch = ouro_http_fetch(there->loop, &opts, on_end, there);
	CHECK(there->fetch.id != 0);
}

static void go(struct there *there, const char *path, ouro_fetch_opts opts)
{
	start(there, path, opts);
	CHECK_EQ(there->end.calls, 0);
	UNTIL(there->loop, there->end.calls);
	CHECK_EQ(there->end.err, 0);
}

/* ---- Asking ---- */

static void look(int err, const ouro_answer *answer, void *arg)
{
	ouro_str value, name;

	CHECK_EQ(err, 0);
	CHECK_EQ(ouro_answer_status(answer), 200);
	CHECK_EQ(ouro_answer_version(answer), 11);
	CHECK_STR(ouro_answer_reason(answer).ptr, "OK");
	CHECK_STR(ouro_answer_header(answer, "content-TYPE").ptr, "text/plain");
	CHECK_STR(ouro_answer_header(answer, "X-One").ptr, "1");
	CHECK_STR(ouro_answer_header_nth(answer, "X-Two", 1).ptr, "b");
	CHECK(ouro_answer_header_nth(answer, "X-Two", 2).ptr == NULL);
	CHECK(ouro_answer_header(answer, "X-Three").ptr == NULL);
	name = ouro_answer_header_at(answer, 0, &value);
	CHECK(name.len && value.len && !name.ptr[name.len] && !value.ptr[value.len]);
	CHECK(ouro_answer_header_at(answer, ouro_answer_headers(answer), &value).ptr == NULL);
	CHECK_STR(ouro_answer_body(answer).ptr, "hello\n");
	CHECK_EQ(ouro_answer_length(answer), 6);
	*(bool *)arg = true;
}

TEST(a_page_comes_with_all_that_was_said_of_it)
{
	struct there there;
	bool looked = false;

	open_there(&there);
	CHECK(ouro_http_get(there.loop, url(&there, "/"), look, &looked).id != 0);
	CHECK(!looked);
	UNTIL(there.loop, looked);
	ouro_loop_free(there.loop);
}

TEST(a_name_is_looked_up)
{
	struct there there;
	bool looked = false;
	char by_name[64];

	open_there(&there);
	snprintf(by_name, sizeof(by_name), "http://localhost:%u/", ouro_server_port(there.server));
	CHECK(ouro_http_get(there.loop, by_name, look, &looked).id != 0);
	UNTIL(there.loop, looked);
	ouro_loop_free(there.loop);
}

TEST(nobody_there_is_said_as_connect_says_it)
{
	struct there there;
	ouro_addr addr;
	struct end end = { 0 };

	open_there(&there);
	close(plain_listener(1, &addr));
	snprintf(there.url, sizeof(there.url), "http://127.0.0.1:%u/", ouro_addr_port(&addr));
	CHECK(ouro_http_get(there.loop, there.url, note_end, &end).id != 0);
	UNTIL(there.loop, end.calls);
	CHECK_EQ(end.err, -ECONNREFUSED);
	CHECK_EQ(end.status, 0);
	CHECK_STR(end.url, there.url);
	ouro_loop_free(there.loop);
}

TEST(methods_fields_and_bodies_arrive_as_they_were_given)
{
	static const ouro_field one[] = { { "X-One", { "eins", 4 } }, { NULL, { NULL, 0 } } };
	static const ouro_field host[] = { { "host", { "other", 5 } }, { NULL, { NULL, 0 } } };
	struct there there;
	char wanted[256];

	open_there(&there);
	go(&there, "/echo?a=b#c", (ouro_fetch_opts){ .fields = one });
	snprintf(wanted, sizeof(wanted),
		 "GET /echo?a=b host=127.0.0.1:%u type=- one=eins length=0 body=0",
		 ouro_server_port(there.server));
	CHECK_STR(there.end.body, wanted);
	go(&there, "/echo",
	   (ouro_fetch_opts){
		   .method = "POST", .body = ouro_str_z("12345"), .type = "a/b", .fields = host });
	CHECK_STR(there.end.body, "POST /echo host=other type=a/b one=- length=5 body=5");
	go(&there, "/echo", (ouro_fetch_opts){ .method = "PUT", .fields = host });
	CHECK_STR(there.end.body, "PUT /echo host=other type=- one=- length=0 body=0");
	go(&there, "/echo", (ouro_fetch_opts){ .method = "HEAD" });
	CHECK_STR(there.end.body, "");
	CHECK_EQ(figures(there.loop).made, 1);
	ouro_loop_free(there.loop);
}

TEST(what_makes_no_sense_is_refused_through_the_callback)
{
	static const ouro_field bad[][2] = {
		{ { "", { "x", 1 } }, { NULL, { NULL, 0 } } },
		{ { "a b", { "x", 1 } }, { NULL, { NULL, 0 } } },
		{ { "a", { "x\r\nB: y", 7 } }, { NULL, { NULL, 0 } } },
		{ { "connection", { "close", 5 } }, { NULL, { NULL, 0 } } },
		{ { "Content-Length", { "5", 1 } }, { NULL, { NULL, 0 } } },
		{ { "Transfer-Encoding", { "chunked", 7 } }, { NULL, { NULL, 0 } } },
	};
	const ouro_fetch_opts wrong[] = {
		{ .method = "" },
		{ .method = "GE T" },
		{ .method = "CONNECT" },
		{ .method = "GET / HTTP/1.1\r\nX: y\r\n\r\n" },
		{ .type = "a\nb" },
		{ .length = 5 },
		{ .upload = true, .body = ouro_str_z("x") },
		{ .fields = bad[0] },
		{ .fields = bad[1] },
		{ .fields = bad[2] },
		{ .fields = bad[3] },
		{ .fields = bad[4] },
		{ .fields = bad[5] },
	};
	struct there there;

	open_there(&there);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		start(&there, "/", wrong[i]);
		CHECK_EQ(there.end.calls, 0);
		UNTIL(there.loop, there.end.calls);
		CHECK_EQ(there.end.err, -EINVAL);
	}
	start(&there, " ", (ouro_fetch_opts){ 0 });
	UNTIL(there.loop, there.end.calls);
	CHECK_EQ(there.end.err, -EINVAL);
	CHECK_EQ(figures(there.loop).made, 0);
	ouro_loop_free(there.loop);
}

static void note_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level;
	snprintf(arg, 256, "%s", sentence);
}

TEST(https_is_refused_in_words)
{
	char log[256] = "";
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = note_log, .arg = log });
	struct end end = { 0 };

	CHECK(ouro_http_get(loop, "https://example.org/", note_end, &end).id != 0);
	UNTIL(loop, end.calls);
	CHECK_EQ(end.err, -EPROTONOSUPPORT);
	CHECK_STR(log, "ouro_http_fetch: https://example.org/: no TLS here, http:// only");
	ouro_loop_free(loop);
}

/* ---- Bodies ---- */

static void count_head(ouro_fetch fetch, const ouro_answer *answer, void *arg)
{
	struct there *there = arg;

	CHECK_EQ(fetch.id, there->fetch.id);
	CHECK_EQ(ouro_answer_status(answer), 200);
	CHECK_EQ(there->bytes, 0);
	there->heads++;
}

static void count_piece(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct there *there = arg;

	(void)fetch;
	CHECK(piece.len > 0);
	there->bytes += piece.len;
}

TEST(a_long_answer_comes_in_pieces)
{
	struct there there;

	open_there(&there);
	go(&there, "/flow", (ouro_fetch_opts){ .on_head = count_head, .on_piece = count_piece });
	CHECK_EQ(there.heads, 1);
	CHECK_EQ(there.bytes, LONG);
	CHECK_EQ(there.end.body_len, 0);
	go(&there, "/flow", (ouro_fetch_opts){ .body_max = LONG });
	CHECK_EQ(there.end.body_len, LONG);
	CHECK(there.end.reused);
	start(&there, "/flow", (ouro_fetch_opts){ .body_max = LONG - 1, .on_piece = count_piece });
	UNTIL(there.loop, there.end.calls);
	CHECK_EQ(there.end.err, OURO_ETOOBIG);
	ouro_loop_free(there.loop);
}

static void go_on(ouro_loop *loop, void *arg)
{
	CHECK(ouro_fetch_resume(loop, ((struct there *)arg)->fetch));
}

static void sip(ouro_fetch fetch, ouro_str piece, void *arg)
{
	struct there *there = arg;

	count_piece(fetch, piece, arg);
	CHECK(ouro_fetch_pause(there->loop, fetch));
	call_macro(there->loop, go_on, there);
}

TEST(a_sipped_answer_is_as_long)
{
	struct there there;

	open_there(&there);
	go(&there, "/flow", (ouro_fetch_opts){ .on_piece = sip });
	CHECK_EQ(there.bytes, LONG);
	ouro_loop_free(there.loop);
}

TEST(a_whole_body_of_any_length_leaves)
{
	static const size_t lengths[] = { 0, 1, 100, 65535, 65536, 65537, 3 << 20 };
	char *body = calloc(1, 3 << 20);
	struct there there;

	CHECK(body != NULL);
	open_there(&there);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		go(&there, "/back",
		   (ouro_fetch_opts){ .method = "POST",
				      .body = ouro_str_n(body, lengths[i]),
				      .body_max = OURO_NEVER });
		CHECK_EQ(there.end.body_len, lengths[i]);
	}
	CHECK_EQ(figures(there.loop).made, 1);
	ouro_loop_free(there.loop);
	free(body);
}

/* ---- Uploads ---- */

static void pour(ouro_fetch fetch, void *arg)
{
	static const char piece[5000];
	struct there *there = arg;

	while (there->left) {
		size_t n = there->left < sizeof(piece) ? there->left : sizeof(piece);
		int64_t queued = ouro_fetch_write(there->loop, fetch, ouro_str_n(piece, n));

		CHECK(queued >= 0);
		there->left -= n;
		if ((size_t)queued > there->most)
			there->most = (size_t)queued;
		if (queued > 65536)
			return;
	}
	CHECK_EQ(ouro_fetch_end(there->loop, fetch), 0);
	CHECK_EQ(ouro_fetch_end(there->loop, fetch), OURO_ECLOSED);
	CHECK_EQ(ouro_fetch_write(there->loop, fetch, ouro_str_z("x")), OURO_ECLOSED);
}

static void upload(struct there *there, size_t n, bool say_length)
{
	char wanted[32];

	there->left = n;
	start(there, "/sink",
	      (ouro_fetch_opts){ .method = "POST",
				 .upload = true,
				 .on_drain = pour,
				 .length = say_length ? n : 0 });
	pour(there->fetch, there);
	UNTIL(there->loop, there->end.calls);
	CHECK_EQ(there->end.err, 0);
	snprintf(wanted, sizeof(wanted), "%zu", n);
	CHECK_STR(there->end.body, wanted);
	CHECK(there->most <= 65536 + 5100);
}

TEST(an_upload_leaves_at_the_pace_of_the_server)
{
	static const size_t lengths[] = { 0, 1, 5000, 60000, LONG };
	struct there there;

	open_there(&there);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		upload(&there, lengths[i], false);
		upload(&there, lengths[i], true);
	}
	CHECK_EQ(figures(there.loop).made, 1);
	ouro_loop_free(there.loop);
}

TEST(an_upload_may_begin_before_there_is_a_connection)
{
	ouro_client_opts one = { .per_origin = 1 };
	struct there there;
	struct end first = { 0 };

	open_there(&there);
	CHECK_EQ(ouro_client_set(there.loop, &one), 0);
	CHECK(ouro_http_get(there.loop, url(&there, "/"), note_end, &first).id != 0);
	start(&there, "/sink", (ouro_fetch_opts){ .method = "POST", .upload = true });
	CHECK_EQ(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("hello")), 5);
	CHECK_EQ(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("world")), 10);
	CHECK_EQ(ouro_fetch_end(there.loop, there.fetch), 0);
	UNTIL(there.loop, there.end.calls);
	CHECK_EQ(first.err, 0);
	CHECK_STR(there.end.body, "10");
	ouro_loop_free(there.loop);
}

TEST(more_or_less_than_was_promised_ends_it)
{
	struct there there;

	open_there(&there);
	for (int less = 0; less < 2; less++) {
		start(&there, "/sink",
		      (ouro_fetch_opts){ .method = "POST", .upload = true, .length = 5 });
		if (less) {
			CHECK(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("four")) >= 0);
			CHECK_EQ(ouro_fetch_end(there.loop, there.fetch), -EINVAL);
		} else {
			CHECK_EQ(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("sixsix")),
				 -EINVAL);
		}
		CHECK_EQ(there.end.calls, 0);
		UNTIL(there.loop, there.end.calls);
		CHECK_EQ(there.end.err, -EINVAL);
	}
	ouro_loop_free(there.loop);
}

TEST(an_answer_that_comes_first_is_the_answer)
{
	struct there there;

	open_there(&there);
	start(&there, "/refuse", (ouro_fetch_opts){ .method = "POST", .upload = true });
	CHECK(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("hello")) > 0);
	UNTIL(there.loop, there.end.calls);
	CHECK_EQ(there.end.err, 0);
	CHECK_EQ(there.end.status, 403);
	CHECK_EQ(ouro_fetch_write(there.loop, there.fetch, ouro_str_z("hello")), OURO_ECLOSED);
	CHECK_EQ(figures(there.loop).connections, 0); /* half an ask is still in it */
	go(&there, "/", (ouro_fetch_opts){ 0 });
	ouro_loop_free(there.loop);
}

/* ---- Many ---- */

static struct there *many;
static unsigned answered, asked;

static void count_answer(int err, const ouro_answer *answer, void *arg)
{
	CHECK_EQ(err, 0);
	CHECK_EQ(ouro_answer_status(answer), 200);
	answered++;
	if (asked++ < 2000)
		CHECK(ouro_http_get(many->loop, many->url, count_answer, arg).id != 0);
}

TEST(two_thousand_over_sixteen_connections)
{
	ouro_client_opts opts = { .per_origin = 16 };
	struct there there;

	open_there(&there);
	many = &there;
	CHECK_EQ(ouro_client_set(there.loop, &opts), 0);
	url(&there, "/");
	for (int i = 0; i < 40; i++)
		CHECK(ouro_http_get(there.loop, there.url, count_answer, NULL).id != 0);
	UNTIL(there.loop, answered == 2040);
	CHECK_EQ(figures(there.loop).made, 16);
	ouro_loop_free(there.loop);
}
