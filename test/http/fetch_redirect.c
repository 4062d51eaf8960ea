/* Where a redirect leads: which method goes on, what is left behind, and where it ends. */
#include "fetch.h"

static char location[512];

static const char *redirect_to(int status, const char *to)
{
	snprintf(location, sizeof(location),
		 "HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 3\r\n\r\ngo\n", status,
		 to);
	return location;
}

static const ouro_field fields[] = {
	{ "Authorization", { "Basic eA==", 10 } },
	{ "Cookie", { "a=b", 3 } },
	{ "Accept", { "text/html", 9 } },
	{ "Content-Language", { "en", 2 } },
	{ NULL, { NULL, 0 } },
};

static void go(struct raw *raw, ouro_fetch_opts opts, struct end *end)
{
	opts.url = opts.url ? opts.url : "http://x/bad";
	opts.unix_path = raw->path;
	memset(end, 0, sizeof(*end));
	CHECK(ouro_http_fetch(raw->loop, &opts, note_end, end).id != 0);
	UNTIL(raw->loop, end->calls);
}

TEST(it_is_followed_only_by_option)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, redirect_to(302, "/good"), STAY);
	go(&raw, (ouro_fetch_opts){ 0 }, &end);
	CHECK_EQ(end.status, 302);
	CHECK_STR(end.body, "go\n");
	go(&raw, (ouro_fetch_opts){ .redirects = 1 }, &end);
	CHECK_EQ(end.err, 0);
	CHECK_EQ(end.status, 200);
	CHECK_STR(end.body, "good\n");
	CHECK_STR(end.url, "http://x/good");
	CHECK_EQ(end.redirects, 1);
	CHECK_EQ(raw.accepted, 1); /* its body is read, so the connection lives on */
	ouro_loop_free(loop);
}

TEST(a_status_that_is_no_redirect_is_the_answer)
{
	static const int statuses[] = { 200, 300, 304, 305, 306, 309, 404 };
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		raw_says(&raw, redirect_to(statuses[i], "/good"), CLOSE);
		go(&raw, (ouro_fetch_opts){ .redirects = 5 }, &end);
		CHECK_EQ(end.status, statuses[i]);
	}
	raw_says(&raw, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", STAY);
	go(&raw, (ouro_fetch_opts){ .redirects = 5 }, &end);
	CHECK_EQ(end.status, 302); /* to nowhere */
	ouro_loop_free(loop);
}

static void check_next(struct raw *raw, const char *first_line, bool has_body)
{
	CHECK_EQ(strncmp(raw->last, first_line, strlen(first_line)), 0);
	CHECK_EQ(strstr(raw->last, "\r\n\r\nbody") != NULL, has_body);
	CHECK_EQ(strstr(raw->last, "Content-Length: 4") != NULL, has_body);
	CHECK_EQ(strstr(raw->last, "Content-Type: text/x") != NULL, has_body);
	CHECK_EQ(strstr(raw->last, "Content-Language: ") != NULL, has_body);
	CHECK(strstr(raw->last, "Accept: text/html\r\n") != NULL);
	CHECK(strstr(raw->last, "Authorization: ") != NULL);
}

TEST(the_method_goes_on_as_the_rfc_says)
{
	static const struct {
		int status;
		const char *method, *next;
		bool body;
	} moves[] = {
		{ 301, "POST", "GET /good ", false },     { 302, "POST", "GET /good ", false },
		{ 303, "POST", "GET /good ", false },     { 307, "POST", "POST /good ", true },
		{ 308, "POST", "POST /good ", true },     { 301, "PUT", "PUT /good ", true },
		{ 302, "PUT", "PUT /good ", true },       { 303, "PUT", "GET /good ", false },
		{ 307, "DELETE", "DELETE /good ", true },
	};
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		raw_says(&raw, redirect_to(moves[i].status, "/good"), STAY);
		go(&raw,
		   (ouro_fetch_opts){ .method = moves[i].method,
				      .body = ouro_str_z("body"),
				      .type = "text/x",
				      .fields = fields,
				      .redirects = 1 },
		   &end);
		CHECK_EQ(end.err, 0);
		check_next(&raw, moves[i].next, moves[i].body);
	}
	ouro_loop_free(loop);
}

TEST(head_stays_head)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "HTTP/1.1 303 See Other\r\nLocation: /other\r\nContent-Length: 3\r\n\r\n",
		 STAY);
	go(&raw, (ouro_fetch_opts){ .method = "HEAD", .redirects = 1 }, &end);
	CHECK_EQ(end.err, -ELOOP);
	CHECK_EQ(strncmp(raw.last, "HEAD /other ", 12), 0);
	CHECK_EQ(raw.accepted, 1);
	ouro_loop_free(loop);
}

TEST(a_loop_of_them_ends)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, redirect_to(302, "/bad"), STAY);
	go(&raw, (ouro_fetch_opts){ .redirects = 7 }, &end);
	CHECK_EQ(end.err, -ELOOP);
	CHECK_EQ(end.calls, 1);
	CHECK_EQ(end.redirects, 7);
	CHECK_EQ(raw.asks, 8);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(to_where_we_cannot_go_is_an_error)
{
	static const struct {
		const char *to;
		int err;
	} places[] = {
		{ "https://x/", -EPROTONOSUPPORT },
		{ "ftp://x/", OURO_EPROTO },
		{ "javascript:1", OURO_EPROTO },
		{ "http://", OURO_EPROTO },
		{ "http://a@b/", OURO_EPROTO },
		{ "/a b", OURO_EPROTO },
		{ "/%zz", OURO_EPROTO },
		{ "http://x:99999/", OURO_EPROTO },
		{ "//", OURO_EPROTO },
		{ "/\xc3\xa4", OURO_EPROTO },
		{ "/a\r\nLocation: /b", OURO_EPROTO },
	};
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		raw_says(&raw, redirect_to(302, places[i].to), STAY);
		go(&raw, (ouro_fetch_opts){ .redirects = 5 }, &end);
		CHECK_EQ(end.err, places[i].err);
		CHECK_EQ(end.status, 302);
		check_sane(&raw);
	}
	ouro_loop_free(loop);
}

TEST(a_body_without_end_is_not_waited_for)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "HTTP/1.1 302 Found\r\nLocation: /good\r\n\r\n...", STAY);
	go(&raw, (ouro_fetch_opts){ .redirects = 1 }, &end);
	CHECK_STR(end.body, "good\n");
	raw_says(&raw, "HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 9999999\r\n\r\n",
		 STAY);
	go(&raw, (ouro_fetch_opts){ .redirects = 1 }, &end);
	CHECK_STR(end.body, "good\n");
	ouro_loop_free(loop);
}

/* The first server is at a Unix socket, the second at a port: another origin. */
static void go_across(const char *path, const ouro_field *with, struct raw *second)
{
	ouro_loop *loop = virtual_loop();
	ouro_listen_opts at_port = { .host = "127.0.0.1" };
	char to[128];
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	memset(second, 0, sizeof(*second));
	second->loop = loop;
	CHECK_EQ(ouro_listen(loop, &at_port, raw_accept, second, &second->listener), 0);
	snprintf(to, sizeof(to), "http://127.0.0.1:%u%s", ouro_listener_port(second->listener),
		 path);
	raw_says(&raw, redirect_to(302, to), STAY);
	go(&raw,
	   (ouro_fetch_opts){
		   .redirects = 1, .fields = with, .whole_ms = OURO_NEVER, .head_ms = OURO_NEVER },
	   &end);
	CHECK_EQ(end.err, 0);
	CHECK_STR(end.body, "good\n");
	CHECK_STR(end.url, to);
	CHECK_EQ(second->asks, 1);
	ouro_loop_free(loop);
}

TEST(across_origins_it_does_not_say_who_asks)
{
	static const ouro_field with[] = {
		{ "authorization", { "Basic eA==", 10 } },
		{ "Accept", { "text/html", 9 } },
		{ "COOKIE", { "a=b", 3 } },
		{ "Proxy-Authorization", { "c", 1 } },
		{ "Host", { "secret", 6 } },
		{ NULL, { NULL, 0 } },
	};
	struct raw second;

	go_across("/good", with, &second);
	CHECK(strstr(second.last, "Accept: text/html\r\n") != NULL);
	CHECK(strstr(second.last, "Basic") == NULL);
	CHECK(strstr(second.last, "a=b") == NULL);
	CHECK(strstr(second.last, "Proxy-") == NULL);
	CHECK(strstr(second.last, "secret") == NULL);
	CHECK(strstr(second.last, "Host: 127.0.0.1:") != NULL);
}
