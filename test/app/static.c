/* A folder is a site: what is in it comes, with what is to be known of it, and nothing else. */
#include "folder.h"

TEST(a_file_comes_with_its_type_its_time_and_its_tag)
{
	serve((ouro_static_opts){ 0 });
	put("page.html", "<p>hello\n");
	CHECK_EQ(get("/page.html"), 200);
	CHECK_STR(body(), "<p>hello\n");
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	CHECK_STR(field("Content-Length"), "9");
	CHECK_STR(field("Last-Modified"), OLD_GMT);
	CHECK_STR(field("Accept-Ranges"), "bytes");
	CHECK_STR(field("Vary"), "");
	CHECK_STR(field("Cache-Control"), "");
	CHECK_EQ(field("ETag")[0], '"');
	done();
}

TEST(in_a_tree_what_is_below_it_is_below_the_root)
{
	serve((ouro_static_opts){ 0 });
	CHECK_EQ(mkdir("sub", 0755), 0);
	put("sub/a.txt", "a");
	CHECK_EQ(get("/files/sub/a.txt"), 200);
	CHECK_STR(body(), "a");
	CHECK_EQ(get("/files/sub"), 308);
	CHECK_STR(field("Location"), "/files/sub/");
	done();
}

TEST(a_large_file_comes_whole)
{
	serve((ouro_static_opts){ 0 });
	put_pattern("large", 700000);
	CHECK_EQ(get("/large"), 200);
	CHECK_EQ(body_len(), 700000);
	CHECK_EQ(memcmp(body(), pattern(700000), 700000), 0);
	CHECK_STR(field("Content-Type"), "application/octet-stream");
	CHECK_EQ(get("/large"), 200);
	CHECK_EQ(memcmp(body(), pattern(700000), 700000), 0);
	done();
}

TEST(an_empty_file_is_an_empty_answer)
{
	serve((ouro_static_opts){ 0 });
	put("empty", "");
	CHECK_EQ(get("/empty"), 200);
	CHECK_STR(field("Content-Length"), "0");
	CHECK_EQ(get_with("/empty", "Range: bytes=0-5\r\n"), 416);
	CHECK_STR(field("Content-Range"), "bytes */0");
	CHECK_EQ(get_with("/empty", "Range: bytes=-5\r\n"), 200);
	done();
}

TEST(head_is_answered_as_get_is_without_the_body)
{
	serve((ouro_static_opts){ .small_max = 100 });
	put("small", "12345");
	put_pattern("large", 5000);
	CHECK_EQ(ask("HEAD /small HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n"), 200);
	CHECK_STR(field("Content-Length"), "5");
	CHECK_EQ(body_len(), 0);
	CHECK_EQ(ask("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CHECK_STR(field("Content-Length"), "5000");
	CHECK_EQ(get("/small"), 200);
	CHECK_STR(body(), "12345");
	done();
}

TEST(no_other_method_is_allowed)
{
	serve((ouro_static_opts){ 0 });
	put("a", "a");
	CHECK_EQ(ask("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405);
	CHECK_STR(field("Allow"), "GET, HEAD");
	CHECK_EQ(ask("DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
	done();
}

TEST(a_folder_is_answered_by_its_index)
{
	serve((ouro_static_opts){ 0 });
	CHECK_EQ(mkdir("sub", 0755), 0);
	put("sub/index.html", "index");
	CHECK_EQ(get("/sub/"), 200);
	CHECK_STR(body(), "index");
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	CHECK_EQ(get("/sub?q=1"), 308);
	CHECK_STR(field("Location"), "/sub/?q=1");
	CHECK_EQ(get("/"), 404);
	CHECK_EQ(get("/sub/index.html/"), 404);
	done();
}

TEST(an_index_may_have_another_name)
{
	serve((ouro_static_opts){ .index = "start.txt" });
	put("start.txt", "start");
	put("index.html", "index");
	CHECK_EQ(get("/"), 200);
	CHECK_STR(body(), "start");
	CHECK_STR(field("Content-Type"), "text/plain; charset=utf-8");
	done();
}

TEST(a_folder_is_listed_when_that_is_asked_for_and_names_are_escaped)
{
	serve((ouro_static_opts){ .listing = true });
	CHECK_EQ(mkdir("sub", 0755), 0);
	CHECK_EQ(mkfifo("pipe", 0644), 0);
	put("<i>\"&'.txt", "odd");
	put(".hidden", "no");
	put("a:b", "colon");
	CHECK_EQ(get("/"), 200);
	CHECK_STR(field("Content-Type"), "text/html; charset=utf-8");
	CHECK(strstr(body(),
		     "<a href=\"./%3Ci%3E%22%26%27.txt\">&#60;i&#62;&#34;&#38;&#39;.txt</a>"));
	CHECK(strstr(body(), "<a href=\"./sub/\">sub/</a>"));
	CHECK(strstr(body(), "<a href=\"./a%3Ab\">a:b</a>"));
	CHECK(!strstr(body(), "hidden"));
	CHECK(!strstr(body(), "pipe"));
	CHECK_EQ(get("/%3Ci%3E%22%26%27.txt"), 200);
	CHECK_STR(body(), "odd");
	put("sub/index.html", "index");
	CHECK_EQ(get("/sub/"), 200);
	CHECK_STR(body(), "index");
	done();
}

TEST(an_empty_folder_has_an_empty_list)
{
	serve((ouro_static_opts){ .listing = true });
	CHECK_EQ(get("/"), 200);
	CHECK(strstr(body(), "<ul>\n</ul>"));
	done();
}

TEST(what_has_no_name_for_it_is_bytes)
{
	static const char *const cases[][2] = {
		{ "a.css", "text/css; charset=utf-8" },
		{ "a.JS", "text/javascript; charset=utf-8" },
		{ "a.b.svg", "image/svg+xml" },
		{ "a.woff2", "font/woff2" },
		{ "a.wasm", "application/wasm" },
		{ "a.", "application/octet-stream" },
		{ "a", "application/octet-stream" },
		{ "html", "application/octet-stream" },
		{ "x.html/y", "application/octet-stream" },
		{ "x/y.json", "application/json" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STR(ouro__static_type(cases[i][0]), cases[i][1]);
}

/* ---- Codings ---- */

static void make_codings(void)
{
	serve((ouro_static_opts){ 0 });
	put("a.css", "plain");
	put("a.css.gz", "gzip");
	put("a.css.br", "brotli");
}

TEST(a_coding_that_is_there_and_liked_is_sent)
{
	static const struct {
		const char *accepts, *body;
	} cases[] = {
		{ "", "plain" },
		{ "Accept-Encoding: gzip, deflate, br\r\n", "brotli" },
		{ "Accept-Encoding: br;q=0.5, gzip;q=0.8\r\n", "gzip" },
		{ "Accept-Encoding: gzip\r\n", "gzip" },
		{ "Accept-Encoding: x-gzip\r\n", "gzip" },
		{ "Accept-Encoding: GZIP;Q=1.0\r\n", "gzip" },
		{ "Accept-Encoding: gzip;q=0\r\n", "plain" },
		{ "Accept-Encoding: gzip;q=0.000, br;q=0\r\n", "plain" },
		{ "Accept-Encoding: *\r\n", "brotli" },
		{ "Accept-Encoding: *;q=0.1, br;q=0\r\n", "gzip" },
		{ "Accept-Encoding: identity, gzip;q=0.5\r\n", "plain" },
		{ "Accept-Encoding: identity;q=0.1, gzip;q=0.5\r\n", "gzip" },
		{ "Accept-Encoding: identity;q=0\r\n", "plain" },
		{ "Accept-Encoding: gzip;q=nonsense, br;level=5\r\n", "plain" },
		{ "Accept-Encoding: gzip;q=1.5\r\n", "plain" },
		{ "Accept-Encoding: deflate\r\nAccept-Encoding: gzip\r\n", "gzip" },
		{ "Accept-Encoding: ,,gzip ; q=0.3 ,\r\n", "gzip" },
		{ "Accept-Encoding:\r\n", "plain" },
	};

	make_codings();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_EQ(get_with("/a.css", cases[i].accepts), 200);
		CHECK_STR(body(), cases[i].body);
		CHECK_STR(field("Vary"), "Accept-Encoding");
		CHECK_STR(field("Content-Type"), "text/css; charset=utf-8");
	}
	done();
}

TEST(each_coding_says_its_name_and_has_a_tag_of_its_own)
{
	char plain[512], gzip[512];

	make_codings();
	get("/a.css");
	CHECK_STR(field("Content-Encoding"), "");
	snprintf(plain, sizeof(plain), "If-None-Match: %s\r\n", field("ETag"));
	get_with("/a.css", "Accept-Encoding: gzip\r\n");
	CHECK_STR(field("Content-Encoding"), "gzip");
	snprintf(gzip, sizeof(gzip), "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n",
		 field("ETag"));
	CHECK_EQ(get_with("/a.css", plain), 304);
	CHECK_STR(field("Vary"), "Accept-Encoding");
	CHECK_EQ(get_with("/a.css", gzip), 304);
	CHECK_STR(field("Content-Encoding"), "");
	strcat(plain, "Accept-Encoding: gzip\r\n");
	CHECK_EQ(get_with("/a.css", plain), 200);
	CHECK_EQ(get_with("/a.css", "Accept-Encoding: gzip\r\nRange: bytes=1-2\r\n"), 206);
	CHECK_STR(body(), "zi");
	CHECK_STR(field("Content-Encoding"), "gzip");
	CHECK_EQ(get_with("/a.css", "Accept-Encoding: gzip\r\nRange: bytes=9-\r\n"), 416);
	CHECK_STR(field("Content-Encoding"), "");
	done();
}

TEST(a_coding_older_than_its_file_is_not_sent)
{
	make_codings();
	make_file("a.css", "newer");
	CHECK_EQ(get_with("/a.css", "Accept-Encoding: gzip, br\r\n"), 200);
	CHECK_STR(body(), "newer");
	done();
}

TEST(a_coding_alone_is_no_file)
{
	serve((ouro_static_opts){ 0 });
	put("b.css.gz", "gzip");
	CHECK_EQ(get_with("/b.css", "Accept-Encoding: gzip\r\n"), 404);
	CHECK_EQ(get("/b.css.gz"), 200);
	CHECK_STR(field("Content-Type"), "application/gzip");
	CHECK_STR(field("Content-Encoding"), "");
	done();
}

TEST(plain_looks_for_no_codings)
{
	serve((ouro_static_opts){ .plain = true });
	put("a.css", "plain");
	put("a.css.gz", "gzip");
	CHECK_EQ(get_with("/a.css", "Accept-Encoding: gzip\r\n"), 200);
	CHECK_STR(body(), "plain");
	CHECK_STR(field("Vary"), "");
	done();
}

/* ---- What the program says ---- */

TEST(cache_control_is_said_with_every_file)
{
	char match[512];

	serve((ouro_static_opts){ .cache_control = "max-age=60" });
	put("a", "a");
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(field("Cache-Control"), "max-age=60");
	snprintf(match, sizeof(match), "If-None-Match: %s\r\n", field("ETag"));
	CHECK_EQ(get_with("/a", match), 304);
	CHECK_STR(field("Cache-Control"), "max-age=60");
	CHECK_EQ(get("/b"), 404);
	CHECK_STR(field("Cache-Control"), "");
	done();
}

static void add_fields(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set(req, "X-Mine", ouro_str_z("1"));
	ouro_req_set(req, "Vary", ouro_str_z("Origin"));
	ouro_req_set(req, "Cache-Control", ouro_str_z("no-store"));
	ouro_req_next(req);
}

TEST(fields_of_a_wrapper_are_in_the_answer_too)
{
	static ouro_route routes[] = {
		{ .path = "/files/", .fn = ouro_static_serve, .wrap = add_fields },
		{ .path = NULL },
	};
	ouro_http_opts http = { .routes = routes };

	serve((ouro_static_opts){ .cache_control = "max-age=60" });
	put("a", "a");
	put("a.gz", "a");
	http.arg = site;
	CHECK_EQ(ouro_http_open(loop, &http, &server), 0);
	CHECK_EQ(get("/files/a"), 200);
	CHECK_STR(field("X-Mine"), "1");
	CHECK_STR(field("Cache-Control"), "max-age=60");
	CHECK(strstr(answer, "Vary: Origin\r\n"));
	CHECK(strstr(answer, "Vary: Accept-Encoding\r\n"));
	done();
}

TEST(options_that_make_no_sense_are_refused)
{
	ouro_static *none = NULL;

	serve((ouro_static_opts){ 0 });
	CHECK_EQ(ouro_static_open(loop, NULL, &none), -EINVAL);
	CHECK_EQ(ouro_static_open(loop, &(ouro_static_opts){ 0 }, &none), -EINVAL);
	CHECK_EQ(ouro_static_open(loop, &(ouro_static_opts){ .root = ".", .index = "a/b" }, &none),
		 -EINVAL);
	CHECK_EQ(ouro_static_open(loop,
				  &(ouro_static_opts){ .root = ".", .cache_control = "a\r\nb" },
				  &none),
		 -EINVAL);
	CHECK(none == NULL);
	done();
}

/* ---- The handle ---- */

TEST(closing_is_told_once_and_does_not_disturb_who_waits)
{
	serve((ouro_static_opts){ 0 });
	put("a", "a");
	forget_answer();
	transmit("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!stats().looks)
		turn();
	ouro_static_on_close(site, say_closed, word("closed"));
	ouro_static_close(site);
	ouro_static_close(site);
	ouro_static_close(NULL);
	CHECK_STR(said, "");
	while (receive() && !is_whole("GET"))
		turn();
	CHECK_EQ(status(), 200);
	CHECK_STR(body(), "a");
	CHECK_STR(said, "closed");
	ouro_server_close(server, 0);
	done();
}

TEST(a_site_does_not_keep_the_loop_alive)
{
	scratch_enter();
	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_static_open(loop, &(ouro_static_opts){ .root = "." }, &site), 0);
	CHECK(ouro_static_loop(site) == loop);
	CHECK_EQ(ouro_loop_run(loop), 0);
	done();
}

TEST(a_loop_may_be_freed_while_a_look_is_out)
{
	serve((ouro_static_opts){ 0 });
	put("a", "a");
	transmit("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!stats().looks)
		turn();
	done();
}

/* ---- One file by a handler ---- */

static const char *one_path = "one.txt", *one_type;

static void send_one(ouro_req *req, void *arg)
{
	(void)arg;
	say("%d", ouro_req_send_file(req, one_path, one_type));
}

static void serve_one(void)
{
	ouro_http_opts http = { .on_request = send_one };

	serve((ouro_static_opts){ 0 });
	CHECK_EQ(ouro_http_open(loop, &http, &server), 0);
	put("one.txt", "0123456789");
}

TEST(a_handler_sends_a_file_of_its_choice)
{
	serve_one();
	CHECK_EQ(get("/"), 200);
	CHECK_STR(body(), "0123456789");
	CHECK_STR(field("Content-Type"), "text/plain; charset=utf-8");
	CHECK_EQ(get_with("/", "Range: bytes=2-3\r\n"), 206);
	CHECK_STR(body(), "23");
	CHECK_EQ(get_with("/", "If-Modified-Since: " OLD_GMT "\r\n"), 304);
	one_type = "text/x-own";
	CHECK_EQ(get("/"), 200);
	CHECK_STR(field("Content-Type"), "text/x-own");
	CHECK_EQ(get_with("/", "Range: bytes=2-3,5-6\r\n"), 206);
	CHECK(strstr(body(), "Content-Type: text/x-own\r\n"));
	CHECK_EQ(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
		     "If-None-Match: *\r\nRange: bytes=0-1\r\n\r\n"),
		 200);
	CHECK_STR(body(), "0123456789");
	done();
}

TEST(a_file_that_a_handler_cannot_send_is_an_error)
{
	serve_one();
	one_path = "none.txt";
	CHECK_EQ(get("/"), 404);
	one_path = ".";
	CHECK_EQ(get("/"), 404);
	one_path = "pipe";
	CHECK_EQ(mkfifo("pipe", 0644), 0);
	CHECK_EQ(get("/"), 404);
	CHECK_STR(said, "0 0 0");
	done();
}

static void send_badly(ouro_req *req, void *arg)
{
	(void)arg;
	say("%s", ouro_errname(ouro_req_send_file(req, "one.txt", "a\nb")));
	ouro_req_start(req, 200, NULL);
	say("%s", ouro_errname(ouro_req_send_file(req, "one.txt", NULL)));
	ouro_req_end(req);
	say("%s", ouro_errname(ouro_req_send_file(req, "one.txt", NULL)));
}

TEST(a_file_is_refused_where_an_answer_is)
{
	ouro_http_opts http = { .on_request = send_badly };

	serve((ouro_static_opts){ 0 });
	CHECK_EQ(ouro_http_open(loop, &http, &server), 0);
	put("one.txt", "1");
	forget_answer();
	transmit("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!strstr(answer, "0\r\n\r\n")) {
		turn();
		receive();
	}
	CHECK_STR(said, "EINVAL EALREADY EALREADY");
	done();
}
