/* server.c -- what a handler may do, and when: requests over a pair of sockets, in virtual time. */
#include "desk.h"
#include "ouro/pool.h"
#include <pthread.h>

/* ---- Answers ---- */

static void hello(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n")), 0);
}

TEST(a_request_is_answered)
{
	serve(hello);
	int fd = connect_client();
	const char *text = ask(fd, HELLO);

	CHECK(strncmp(text, "HTTP/1.1 200 OK\r\nDate: ", 23) == 0);
	CHECK(has(text, "Content-Type: text/plain\r\n"));
	CHECK(has(text, "Content-Length: 6\r\n"));
	CHECK(has(text, "\r\n\r\nhello\n"));
	CHECK(!has(text, "Connection"));
	close(fd);
	end();
}

TEST(a_connection_serves_many_requests_and_keeps_their_order)
{
	serve(hello);
	int fd = connect_client();

	for (int i = 0; i < 100; i++)
		CHECK(has(ask(fd, HELLO), "hello\n"));
	close(fd);
	end();
}

static void later_hello(ouro_loop *of, void *arg)
{
	(void)of;
	hello(arg, NULL);
}

static void answer_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 100, later_hello, ouro_req_later(req));
}

static void say_and_go_on(ouro_req *req, void *arg)
{
	say("%s", (const char *)arg);
	ouro_req_next(req);
}

static void keep_out(ouro_req *req, void *arg)
{
	say("%s", (const char *)arg);
	ouro_req_status(req, 401);
}

TEST(a_wrapper_stands_before_all_that_it_takes)
{
	ouro_http_opts opts = { .on_request = hello,
				.wrap = say_and_go_on,
				.arg = word("arg"),
				.wrap_arg = word("its own") };
	int fd;

	open_server(opts);
	fd = connect_client();
	CHECK(has(ask(fd, HELLO), "hello"));
	CHECK_STR(said, "its own");
	close(fd);
	end();
	opts.wrap = keep_out;
	opts.wrap_arg = NULL;
	open_server(opts);
	fd = connect_client();
	CHECK(has(ask(fd, HELLO), "401 Unauthorized"));
	CHECK_STR(said, "its own arg");
	close(fd);
	end();
}

TEST(an_answer_may_come_later)
{
	serve(answer_later);
	int fd = connect_client();

	CHECK_STR(ask(fd, HELLO HELLO), "");
	pass(100);
	CHECK(has(received(fd), "hello\n"));
	CHECK_STR(received(fd), "");
	pass(100);
	CHECK(has(received(fd), "hello\n"));
	close(fd);
	end();
}

static void forget(ouro_req *req, void *arg)
{
	(void)req, (void)arg;
}

TEST(a_forgotten_request_is_answered_500_and_named)
{
	serve(forget);
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "HTTP/1.1 500 "));
	CHECK(has(logged, "a request for on_request was neither answered nor said"));
	CHECK(has(ask(fd, HELLO), "HTTP/1.1 500 "));
	close(fd);
	end();
}

static void drop(ouro_loop *of, void *arg)
{
	(void)of;
	ouro_req_drop(arg);
}

static void drop_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 1, drop, ouro_req_later(req));
}

TEST(a_dropped_request_is_answered_500_and_named)
{
	serve(drop_later);
	int fd = connect_client();

	send_text(fd, HELLO);
	pass(1);
	CHECK(has(received(fd), "HTTP/1.1 500 "));
	CHECK(has(logged, "dropped without an answer"));
	close(fd);
	end();
}

static void answer_twice(ouro_req *req, void *arg)
{
	(void)arg;
	hello(req, NULL);
	CHECK_EQ(ouro_req_reply(req, 200, NULL, ouro_str_z("again")), -EALREADY);
	CHECK_EQ(ouro_req_start(req, 200, NULL), -EALREADY);
	CHECK_EQ(ouro_req_end(req), -EALREADY);
}

TEST(a_second_answer_is_refused_and_logged)
{
	serve(answer_twice);
	int fd = connect_client();
	const char *text = ask(fd, HELLO);

	CHECK(has(text, "hello\n"));
	CHECK(!has(text, "again"));
	CHECK(has(logged, "a request for on_request was answered a second time"));
	close(fd);
	end();
}

static void answer_twice_late(ouro_loop *of, void *arg)
{
	(void)of;
	hello(arg, NULL);
	CHECK_EQ(ouro_req_reply(arg, 200, NULL, ouro_str_z("again")), -EALREADY);
}

static void twice_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 1, answer_twice_late, ouro_req_later(req));
}

TEST(a_second_late_answer_is_refused_too)
{
	serve(twice_later);
	int fd = connect_client();

	send_text(fd, HELLO);
	pass(1);
	const char *text = received(fd);

	CHECK(has(text, "hello\n"));
	CHECK(!has(text, "again"));
	close(fd);
	end();
}

/* ---- References ---- */

static ouro_req_id kept;

static void keep(ouro_req *req, void *arg)
{
	(void)arg;
	kept = ouro_req_get_id(ouro_req_later(req));
	CHECK(ouro_req_find(loop, kept) == req);
}

static void answer_kept(ouro_loop *of, void *arg)
{
	ouro_req *req = ouro_req_find(of, kept);

	(void)arg;
	if (req)
		hello(req, NULL);
	else
		say("gone");
}

static void *post_answer(void *arg)
{
	CHECK_EQ(ouro_loop_post(arg, answer_kept, NULL), 0);
	return NULL;
}

TEST(another_thread_answers_by_a_post_and_an_id)
{
	pthread_t thread;

	serve(keep);
	int fd = connect_client();

	CHECK_STR(ask(fd, HELLO), "");
	CHECK_EQ(pthread_create(&thread, NULL, post_answer, loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(has(received(fd), "hello\n"));
	CHECK_EQ(ouro_loop_post(loop, answer_kept, NULL), 0);
	settle();
	CHECK_STR(said, "gone");
	CHECK(ouro_req_find(loop, (ouro_req_id){ 0 }) == NULL);
	close(fd);
	end();
}

/* ---- The client leaves ---- */

static void say_gone(ouro_req *req, int err, void *arg)
{
	(void)req, (void)arg;
	say("%s", ouro_errname(err));
}

static void keep_and_listen(ouro_req *req, void *arg)
{
	keep(req, arg);
	ouro_req_on_gone(req, say_gone, NULL);
}

TEST(a_client_that_closes_its_side_still_gets_its_answer)
{
	serve(keep_and_listen);
	int fd = connect_client();

	send_text(fd, HELLO);
	shutdown(fd, SHUT_WR);
	settle();
	CHECK_STR(said, "OURO_EOF");
	answer_kept(loop, NULL);
	CHECK(has(received(fd), "hello\n(closed)"));
	close(fd);
	end();
}

static int last_answer;

static void answer_nobody(ouro_loop *of, void *arg)
{
	ouro_req *req = ouro_req_find(of, kept);

	(void)arg;
	CHECK(req != NULL);
	CHECK(ouro_req_is_gone(req));
	CHECK_STR(ouro_req_method(req).ptr, "GET");
	last_answer = ouro_req_reply(req, 200, NULL, ouro_str_z("late"));
}

TEST(a_request_outlives_its_client)
{
	serve(keep_and_listen);
	int fd = connect_client();

	send_text(fd, HELLO HELLO);
	settle();
	close(fd);
	settle();
	CHECK_STR(said, "OURO_EOF ECONNRESET");
	answer_nobody(loop, NULL);
	CHECK_EQ(last_answer, OURO_ECLOSED);
	CHECK(ouro_req_find(loop, kept) == NULL);
	end();
}

TEST(answering_a_client_that_was_reset_is_harmless)
{
	ouro_server_stats stats;

	serve(keep_and_listen);
	int fd = connect_client();

	send_text(fd, HELLO);
	settle();
	ouro_server_close(server, 0);
	settle();
	ouro_timer_after(loop, 1, answer_nobody, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(last_answer, OURO_ECLOSED);
	CHECK_STR(said, "OURO_ECANCELED");
	(void)stats;
	close(fd);
	end();
}

/* ---- Pieces ---- */

static void in_pieces(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_start(req, 200, "text/plain"), 0);
	CHECK(ouro_req_write(req, ouro_str_z("one ")) > 0);
	CHECK(ouro_req_write(req, ouro_str_z("two")) > 0);
	CHECK_EQ(ouro_req_trailer(req, "X-Sum", ouro_str_z("3")), 0);
	CHECK_EQ(ouro_req_end(req), 0);
}

TEST(an_answer_in_pieces_is_chunked_and_leaves_in_one_write)
{
	int pair[2];
	char text[1024];

	serve(in_pieces);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(ouro_server_adopt(server, pair[1]), 0);
	send_text(pair[0], HELLO);
	settle();
	ssize_t n = recv(pair[0], text, sizeof(text) - 1, 0);

	CHECK(n > 0);
	text[n] = 0;
	CHECK(has(text, "Transfer-Encoding: chunked\r\n"));
	CHECK(has(text, "\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\nX-Sum: 3\r\n\r\n"));
	close(pair[0]);
	end();
}

static void drained(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_end(req), 0);
}

static void end_when_drained(ouro_req *req, void *arg)
{
	static char big[1000];

	(void)arg;
	CHECK_EQ(ouro_req_set_length(req, sizeof(big)), 0);
	CHECK_EQ(ouro_req_start(req, 200, NULL), 0);
	ouro_req_on_drain(req, drained, NULL);
	CHECK(ouro_req_write(req, ouro_str_n(memset(big, 'x', sizeof(big)), sizeof(big))) > 0);
}

TEST(an_answer_may_end_when_all_has_left)
{
	open_server((ouro_http_opts){ .on_request = end_when_drained, .high = 1 });
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "xxx"));
	CHECK(has(ask(fd, HELLO), "xxx"));
	close(fd);
	end();
}

static void too_much(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_set_length(req, 3), 0);
	CHECK_EQ(ouro_req_start(req, 200, NULL), 0);
	CHECK_EQ(ouro_req_write(req, ouro_str_z("four")), -EINVAL);
	CHECK(ouro_req_write(req, ouro_str_z("two")) >= 3);
	CHECK_EQ(ouro_req_end(req), 0);
}

TEST(more_than_the_length_is_refused)
{
	serve(too_much);
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "Content-Length: 3\r\n\r\ntwo"));
	close(fd);
	end();
}

static void too_little(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_set_length(req, 3), 0);
	CHECK_EQ(ouro_req_start(req, 200, NULL), 0);
	CHECK_EQ(ouro_req_end(req), -EINVAL);
}

TEST(less_than_the_length_cuts_the_connection)
{
	serve(too_little);
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "(closed)"));
	close(fd);
	end();
}

static void bad_fields(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_set(req, "X-A", ouro_str_z("b\r\nSet-Cookie: c")), -EINVAL);
	CHECK_EQ(ouro_req_set(req, "X A", ouro_str_z("b")), -EINVAL);
	CHECK_EQ(ouro_req_add(req, "Content-Length", ouro_str_z("5")), -EINVAL);
	CHECK_EQ(ouro_req_reply(req, 200, "text/plain\r\nX: y", ouro_str_z("")), -EINVAL);
	CHECK_EQ(ouro_req_reply(req, 1000, NULL, ouro_str_z("")), -EINVAL);
	CHECK_EQ(ouro_req_reply(req, 204, NULL, ouro_str_z("body")), -EINVAL);
	CHECK_EQ(ouro_req_set(req, "X-A", ouro_str_z("1")), 0);
	CHECK_EQ(ouro_req_set(req, "x-a", ouro_str_z("2")), 0);
	CHECK_EQ(ouro_req_add(req, "X-B", ouro_str_z("3")), 0);
	CHECK_EQ(ouro_req_add(req, "X-B", ouro_str_z("4")), 0);
	CHECK_EQ(ouro_req_add(req, "X-C", ouro_str_z("5")), 0);
	CHECK_EQ(ouro_req_unset(req, "X-C"), 0);
	CHECK_EQ(ouro_req_unset(req, "Date"), 0);
	CHECK_EQ(ouro_req_reply(req, 204, NULL, ouro_str_z("")), 0);
	CHECK_EQ(ouro_req_set(req, "X-A", ouro_str_z("1")), -EALREADY);
}

TEST(fields_are_checked_and_sent)
{
	serve(bad_fields);
	int fd = connect_client();

	CHECK_STR(ask(fd, HELLO), "HTTP/1.1 204 No Content\r\nx-a: 2\r\nX-B: 3\r\nX-B: 4\r\n\r\n");
	close(fd);
	end();
}

/* ---- Bodies ---- */

static void echo(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_reply(req, 200, NULL, ouro_req_body(req)), 0);
}

TEST(a_body_is_there_when_the_handler_is)
{
	static char big[300000];
	int fd;

	serve(echo);
	fd = connect_client();
	CHECK(has(ask(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"),
		  "\r\n\r\nbody"));
	send_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
	CHECK_STR(received(fd), "");
	CHECK(has(ask(fd, "body" HELLO), "\r\n\r\nbodyHTTP/1.1 200 OK"));
	CHECK(has(ask(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n" HELLO),
		  "\r\n\r\nbodyHTTP/1.1 200 OK"));
	memset(big, 'x', sizeof(big) - 1);
	send_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 299999\r\n\r\n");
	for (size_t at = 0; at < sizeof(big) - 1;) {
		ssize_t n = send(fd, big + at, sizeof(big) - 1 - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		settle();
	}
	CHECK(has(received(fd), big));
	close(fd);
	end();
}

static void take_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	(void)arg;
	if (err == OURO_EOF)
		hello(req, NULL);
	else if (err)
		ouro_req_fail(req, err);
	else
		say("%.*s", (int)piece.len, piece.ptr);
}

static void read_pieces(ouro_req *req, void *arg)
{
	(void)arg;
	say("head");
	CHECK_EQ(ouro_req_read(req, take_piece, NULL), 0);
	CHECK_EQ(ouro_req_read(req, take_piece, NULL), -EINVAL);
}

TEST(a_streamed_body_comes_piece_by_piece)
{
	open_server((ouro_http_opts){ .on_request = read_pieces, .stream = true });
	int fd = connect_client();

	send_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
		      "Expect: 100-continue\r\n\r\n");
	CHECK_STR(received(fd), "HTTP/1.1 100 Continue\r\n\r\n");
	CHECK_STR(ask(fd, "3\r\none\r\n"), "");
	CHECK_STR(said, "head one");
	CHECK(has(ask(fd, "3\r\ntwo\r\n0\r\n\r\n" HELLO), "hello\nHTTP/1.1 200 OK"));
	CHECK_STR(said, "head one two head");
	close(fd);
	end();
}

TEST(a_body_over_its_limit_is_refused_before_it_is_read)
{
	open_server((ouro_http_opts){ .on_request = echo, .body_max = 3 });
	int fd = connect_client();

	CHECK(has(ask(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"),
		  "HTTP/1.1 413 "));
	close(fd);
	end();
}

/* ---- Deadlines ---- */

TEST(an_idle_connection_is_closed_after_its_time)
{
	open_server((ouro_http_opts){ .on_request = hello, .idle_ms = 100 });
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "hello\n"));
	pass(99);
	CHECK_STR(received(fd), "");
	pass(1);
	CHECK_STR(received(fd), "(closed)");
	close(fd);
	end();
}

static void never_answer(ouro_req *req, void *arg)
{
	(void)arg;
	kept = ouro_req_get_id(ouro_req_later(req));
	ouro_req_on_gone(req, say_gone, NULL);
}

TEST(a_handler_that_takes_too_long_is_answered_for)
{
	open_server((ouro_http_opts){ .on_request = never_answer, .answer_ms = 50 });
	int fd = connect_client();

	CHECK_STR(ask(fd, HELLO), "");
	wait_for_words();
	CHECK_STR(said, "OURO_ETIMEOUT");
	CHECK(has(received(fd), "HTTP/1.1 504 "));
	CHECK(ouro_req_find(loop, kept) != NULL);
	answer_nobody(loop, NULL);
	CHECK_EQ(last_answer, OURO_ECLOSED);
	close(fd);
	end();
}

/* ---- Whom and what it serves ---- */

TEST(a_host_that_is_not_ours_is_421)
{
	static const char *const hosts[] = { "example.org", "[::1]", NULL };

	open_server((ouro_http_opts){ .on_request = hello, .hosts = hosts });
	int fd = connect_client();

	CHECK(has(ask(fd, "GET / HTTP/1.1\r\nHost: Example.ORG:80\r\n\r\n"), "200 OK"));
	CHECK(has(ask(fd, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "200 OK"));
	CHECK(has(ask(fd, "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"), "200 OK"));
	CHECK(has(ask(fd, HELLO), "HTTP/1.1 421 "));
	CHECK(has(ask(fd, "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n"),
		  "200 OK"));
	close(fd);
	end();
}

TEST(a_body_without_a_length_may_be_refused)
{
	open_server((ouro_http_opts){ .on_request = echo, .length_required = true });
	int fd = connect_client();

	CHECK(has(ask(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"), "hi"));
	CHECK(has(ask(fd, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
		  "HTTP/1.1 411 "));
	close(fd);
	end();
}

static void say_step(const ouro_connection *connection, void *arg)
{
	(void)arg;
	say("%s %s;", connection->step, connection->waits_for);
}

TEST(a_connection_says_what_it_waits_for)
{
	serve(keep);
	int quiet = connect_client(), half = connect_client(), busy = connect_client();

	send_text(half, "GET / HT");
	send_text(busy, HELLO);
	settle();
	CHECK_EQ(ouro_server_connections(server, say_step, NULL), 3);
	CHECK(has(said, "idle the first byte of a request;"));
	CHECK(has(said, "head the rest of a head;"));
	CHECK(has(said, "answer the application's answer;"));
	close(quiet);
	close(half);
	close(busy);
	end();
}

/* ---- The end ---- */

static void say_report(const ouro_server_report *report, void *arg)
{
	(void)arg;
	say("ended %d %d %d", (int)report->requests, (int)report->finished, (int)report->cut);
}

TEST(a_server_ends_when_what_is_under_way_has_ended)
{
	serve(keep);
	int busy = connect_client(), idle = connect_client();

	ouro_server_on_close(server, say_report);
	CHECK_STR(ask(busy, HELLO), "");
	ouro_server_close(server, 1000);
	CHECK_STR(received(idle), "(closed)");
	CHECK_STR(received(busy), "");
	answer_kept(loop, NULL);
	const char *text = received(busy);

	CHECK(has(text, "Connection: close\r\n"));
	CHECK(has(text, "hello\n(closed)"));
	CHECK_STR(said, "ended 1 1 0");
	close(busy);
	close(idle);
	end();
}

TEST(the_deadline_of_the_end_cuts_the_rest)
{
	serve(never_answer);
	int fd = connect_client();

	ouro_server_on_close(server, say_report);
	CHECK_STR(ask(fd, HELLO), "");
	ouro_server_close(server, OURO_NEVER);
	ouro_server_close(server, 20);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(received(fd), "(closed)");
	CHECK_STR(said, "OURO_ECANCELED ended 0 0 1");
	close(fd);
	end();
}

TEST(a_loop_may_be_freed_with_everything_open)
{
	serve(never_answer);
	int idle = connect_client(), busy = connect_client(), half = connect_client();

	send_text(busy, HELLO HELLO);
	send_text(half, "GET / HTT");
	settle();
	ouro_server_close(server, 1000);
	end();
	CHECK_STR(said, "OURO_ECANCELED");
	close(idle);
	close(busy);
	close(half);
}

static void free_loop(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_later(req);
	ouro_loop_free(loop);
}

TEST(a_handler_may_free_the_loop)
{
	serve(free_loop);
	int fd = connect_client();

	send_text(fd, HELLO);
	CHECK_EQ(ouro_loop_run(loop), 0);
	close(fd);
}
