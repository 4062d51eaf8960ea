/* listen.c -- servers with routes: from the bytes of a request to the function of a line. The
 * client is the other end of a socket pair, watched by the same loop, and time is virtual. */
#include "kit.h"
#include "ouro/http.h"

static char got[8192]; /* what the client was answered, till the end */
static ouro_server *server;

static void note(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	say("%s", sentence);
}

static ouro_loop *new_loop(void)
{
	return ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = note });
}

static void on_answer(ouro_io *io, unsigned ready, void *arg)
{
	size_t used = strlen(got);
	ssize_t n = recv(ouro_io_fd(io), got + used, sizeof(got) - used - 1, MSG_DONTWAIT);

	(void)ready, (void)arg;
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	close(ouro_io_fd(io));
	ouro_io_close(io);
	ouro_server_close(server, 0);
}

static void visit(const ouro_http_opts *opts, const char *request)
{
	ouro_loop *loop = new_loop();
	int ends[2];

	said[0] = 0;
	memset(got, 0, sizeof(got));
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	CHECK_EQ(ouro_http_open(loop, opts, &server), 0);
	CHECK_EQ(ouro_server_adopt(server, ends[0]), 0);
	CHECK_EQ(write(ends[1], request, strlen(request)), (ssize_t)strlen(request));
	watch(loop, ends[1], OURO_READABLE, on_answer, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

/* "GET /users/7": what comes back; it begins with the status. */
static const char *ask(const ouro_http_opts *opts, const char *what)
{
	char request[512];

	snprintf(request, sizeof(request),
		 "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", what);
	visit(opts, request);
	return strncmp(got, "HTTP/1.1 ", 9) ? got : got + 9;
}

static bool answers(const ouro_http_opts *opts, const char *what, const char *status,
		    const char *body)
{
	const char *answer = ask(opts, what), *end = strstr(answer, "\r\n\r\n");

	if (!strncmp(answer, status, strlen(status)) && (!body || (end && !strcmp(end + 4, body))))
		return true;
	fprintf(stderr, "# %s is answered %s", what, answer);
	return false;
}

static bool has_field(const char *field)
{
	char line[256];

	snprintf(line, sizeof(line), "\r\n%s\r\n", field);
	return strstr(got, line);
}

/* ---- Handlers ---- */

static void show(ouro_req *req, void *arg)
{
	ouro_str id = ouro_req_param(req, "id"), rest = ouro_req_rest(req);

	(void)arg;
	ouro_req_replyf(req, 200, NULL, "%s id=%s rest=%s", ouro_req_route(req),
			id.ptr ? id.ptr : "-", rest.ptr ? rest.ptr : "-");
}

static void take_body(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, NULL, ouro_req_body(req));
}

static void on_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	(void)arg;
	if (err)
		ouro_req_replyf(req, 200, NULL, "%s", ouro_errname(err));
	else
		say("%.*s", (int)piece.len, piece.ptr);
}

static void stream_body(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_req_read(req, on_piece, arg), 0);
}

static void go_on(ouro_loop *loop, void *arg)
{
	(void)loop;
	say("go on");
	ouro_req_next(arg);
}

static void wait_then_go_on(ouro_req *req, void *arg)
{
	(void)arg;
	say("wait");
	ouro_timer_after(ouro_req_loop(req), 1000, go_on, ouro_req_later(req));
}

static void is_done(ouro_req *req, const ouro_req_done *done, void *arg)
{
	(void)req, (void)arg;
	say("done with %d", done->status);
}

static void before_and_after(ouro_req *req, void *arg)
{
	say("before");
	ouro_req_on_done(req, is_done, arg);
	ouro_req_next(req);
}

static void refuse(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_status(req, 403);
}

static void never_answers(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_later(req);
}

static void on_request(ouro_req *req, void *arg)
{
	CHECK(!ouro_req_route(req));
	ouro_req_replyf(req, 200, NULL, "%s", (const char *)arg);
}

static const ouro_route guarded[] = {
	{ .method = "GET", .path = "/", .fn = show },
	{ .method = "GET", .path = "/files/", .fn = show },
	{ .path = NULL },
};
static const ouro_route routes[] = {
	{ .method = "GET", .path = "/users/:id", .fn = show },
	{ .method = "GET", .path = "/tree/:id/", .fn = show },
	{ .method = "POST", .path = "/small", .fn = take_body, .body_max = 4 },
	{ .method = "POST", .path = "/stream", .fn = stream_body, .stream = true },
	{ .method = "GET", .path = "/slow", .fn = never_answers, .answer_ms = 500 },
	{ .method = "GET", .path = "/later", .wrap = wait_then_go_on, .fn = show },
	{ .method = "GET", .path = "/both", .wrap = before_and_after, .fn = show },
	{ .path = "/guarded", .wrap = refuse, .routes = guarded },
	{ .path = NULL },
};
static const ouro_http_opts plain = { .routes = routes };

/* ---- What a client sees ---- */

TEST(a_line_answers_and_is_known_by_its_path)
{
	CHECK(answers(&plain, "GET /users/7", "200", "/users/:id id=7 rest=-"));
	CHECK(answers(&plain, "GET /tree/7/a/b?c", "200", "/tree/:id/ id=7 rest=a/b"));
	CHECK(answers(&plain, "GET /tree/7/", "200", "/tree/:id/ id=7 rest="));
	CHECK(answers(&plain, "GET http://localhost/users/7", "200", "/users/:id id=7 rest=-"));
}

TEST(names_and_rests_are_decoded_to_the_end_after_they_were_found)
{
	CHECK(answers(&plain, "GET /users/a%2Fb%25%20c", "200", "/users/:id id=a/b% c rest=-"));
	CHECK(answers(&plain, "GET /%75sers/%37", "200", "/users/:id id=7 rest=-"));
	CHECK(answers(&plain, "GET /tree/7/x%2Fy%25", "200", "/tree/:id/ id=7 rest=x/y%"));
	CHECK(answers(&plain, "GET /none/../users/./7", "200", "/users/:id id=7 rest=-"));
}

TEST(what_no_line_has_is_404_or_for_on_request)
{
	static char word_[] = "the rest";
	const ouro_http_opts opts = { .routes = routes, .on_request = on_request, .arg = word_ };

	CHECK(answers(&plain, "GET /none", "404", NULL));
	CHECK(answers(&opts, "GET /none", "200", "the rest"));
	CHECK(answers(&opts, "GET /users/7", "200", "/users/:id id=7 rest=-"));
	CHECK(answers(&opts, "POST /users/7", "405", NULL));
}

TEST(a_method_no_line_has_is_405_and_told_which_there_are)
{
	CHECK(answers(&plain, "POST /users/7", "405", NULL));
	CHECK(has_field("Allow: GET, HEAD, OPTIONS"));
	CHECK(answers(&plain, "OPTIONS /small", "204", ""));
	CHECK(has_field("Allow: OPTIONS, POST"));
	CHECK(answers(&plain, "OPTIONS *", "204", ""));
	CHECK(has_field("Allow: GET, HEAD, OPTIONS, POST"));
}

TEST(head_is_get_without_the_body)
{
	CHECK(answers(&plain, "HEAD /users/7", "200", ""));
	CHECK(has_field("Content-Length: 22"));
}

TEST(a_tree_without_its_slash_is_sent_to_it)
{
	CHECK(answers(&plain, "GET /tree/7", "308", NULL));
	CHECK(has_field("Location: /tree/7/"));
	CHECK(answers(&plain, "GET /tree/7?a=b&c", "308", NULL));
	CHECK(has_field("Location: /tree/7/?a=b&c"));
}

TEST(and_never_to_another_host)
{
	CHECK(answers(&plain, "GET //example.org/../../tree/7", "308", NULL));
	CHECK(has_field("Location: /tree/7/"));
	CHECK(answers(&plain, "GET http://localhost/tree/7", "308", NULL));
	CHECK(has_field("Location: /tree/7/"));
}

TEST(nor_to_what_the_path_does_not_say)
{
	CHECK(answers(&plain, "GET /tree/%C3%A9%3F%20%22%2F%25%5C%23;@:", "308", NULL));
	CHECK(has_field("Location: /tree/%C3%A9%3F%20%22%2F%25%5C%23;@:/"));
}

TEST(a_line_has_limits_of_its_own)
{
	visit(&plain, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close"
		      "\r\n\r\nbody");
	CHECK(strstr(got, "\r\n\r\nbody"));
	visit(&plain, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nbodys");
	CHECK(!strncmp(got, "HTTP/1.1 413 ", 13));
	CHECK(answers(&plain, "GET /slow", "504", NULL));
}

TEST(a_line_that_streams_is_called_before_the_body)
{
	visit(&plain, "POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		      "Connection: close\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
	CHECK_STR(said, "one two");
	CHECK(strstr(got, "\r\n\r\nOURO_EOF"));
}

TEST(a_wrapper_may_go_on_later)
{
	CHECK(answers(&plain, "GET /later", "200", "/later id=- rest=-"));
	CHECK_STR(said, "wait go on");
}

TEST(or_see_how_it_ended)
{
	CHECK(answers(&plain, "GET /both", "200", "/both id=- rest=-"));
	CHECK_STR(said, "before done with 200");
}

TEST(or_answer_itself_for_all_below)
{
	CHECK(answers(&plain, "GET /guarded", "403", NULL));
	CHECK(answers(&plain, "GET /guarded/files/x", "403", NULL));
	CHECK(answers(&plain, "GET /guarded/files", "403", NULL));
	CHECK(answers(&plain, "GET /guarded/none", "404", NULL));
}

TEST(connect_is_for_a_line_of_its_own)
{
	CHECK(answers(&plain, "CONNECT localhost:443", "501", NULL));
}

/* ---- Beginnings that fail ---- */

TEST(routes_without_sense_are_refused_in_words_and_nothing_listens)
{
	static const ouro_route bad[] = { { .path = "x", .fn = show }, { .path = NULL } };
	ouro_loop *loop = new_loop();

	CHECK_EQ(ouro_http_listen(loop, &(ouro_http_opts){ .routes = bad }, NULL), -EINVAL);
	CHECK_STR(said, "route (any method) x: a path begins with a slash");
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	ouro_loop_free(loop);
}

TEST(a_router_goes_with_the_server_that_could_not_listen)
{
	ouro_loop *loop = new_loop();
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	CHECK_EQ(ouro_http_listen(loop, &opts, &server), 0);
	opts.port = ouro_server_port(server);
	CHECK_EQ(ouro_http_listen(loop, &opts, NULL), -EADDRINUSE);
	ouro_loop_free(loop);
}

TEST(without_options_there_is_a_server_that_has_nothing)
{
	CHECK(answers(NULL, "GET /", "404", NULL));
}

static int open_once(void)
{
	ouro_loop *loop = new_loop();
	int err = loop ? ouro_http_listen(
				 loop, &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes },
				 NULL)
		       : -errno;

	ouro_loop_free(loop);
	return err;
}

TEST(any_allocation_may_fail)
{
	CHECK(for_each_failing_allocation(open_once) > 4);
}
