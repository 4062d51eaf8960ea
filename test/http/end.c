/* end.c -- a server ends: who is told, what is still answered, what is cut off. */
#include "ouro/events.h"
#include "ws_kit.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static void say_report(const ouro_server_report *report, void *arg)
{
	(void)arg;
	say("ended(%d answered, %d at the end, %d cut, %d sockets, %d feeds)",
	    (int)report->requests, (int)report->finished, (int)report->cut, (int)report->sockets,
	    (int)report->feeds);
}

static ouro_req_id kept;

static void keep(ouro_req *req, void *arg)
{
	(void)arg;
	kept = ouro_req_get_id(ouro_req_later(req));
}

static void say_hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

static ouro_feed *feed;

static void start_feed(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_feed_start(req, NULL, &feed), 0);
	ouro_feed_on_close(feed, say_closed, word("closed"));
	if (ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z("hi") }) == OURO_ECLOSED)
		say("ECLOSED");
}

static const ouro_route routes[] = {
	{ .path = "/", .fn = say_hello },
	{ .path = "/keep", .fn = keep },
	{ .path = "/feed", .fn = start_feed },
	{ .path = "/chat", .fn = accept_ws },
	{ .path = NULL },
};

static void open_all(void)
{
	open_server((ouro_http_opts){ .routes = routes });
	ouro_server_on_close(server, say_report);
	settle();
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define BYE       "\x88\x82" /* and 1001 */
#define GONE      "\x03\xe9"

/* ---- WebSockets ---- */

TEST(a_web_socket_is_told_1001_and_waited_for)
{
	open_all();
	int fd = shaken();

	ouro_server_close(server, 5000);
	CHECK_STR(frames(fd), "88 02 03 e9");
	CHECK_STR(said, "");
	SEND(fd, BYE, GONE);
	CHECK_STR(frames(fd), "(closed)");
	close(fd);
	settle();
	CHECK_STR(said, "OURO_EOF:1001: closed "
			"ended(1 answered, 0 at the end, 0 cut, 1 sockets, 0 feeds)");
	end();
}

TEST(whatever_they_were_opened_with_all_are_told)
{
	open_all();
	int fds[3];

	for (unsigned i = 0; i < 3; i++) {
		ws_opts = (ouro_ws_opts){ .ping_ms = i == 1 ? OURO_NEVER : 1000, .pieces = i == 2 };
		fds[i] = shaken();
	}
	ouro_server_close(server, 5000);
	for (int i = 0; i < 3; i++) {
		CHECK_STR(frames(fds[i]), "88 02 03 e9");
		SEND(fds[i], BYE, GONE);
		close(fds[i]);
	}
	settle();
	CHECK(has(said, "ended(3 answered, 0 at the end, 0 cut, 3 sockets, 0 feeds)"));
	end();
}

TEST(what_was_said_before_reaches_it_first)
{
	open_all();
	int fd = shaken();

	CHECK(ouro_ws_text(ws, ouro_str_z("hi")) > 0);
	ouro_server_close(server, 5000);
	CHECK_STR(frames(fd), "81 02 68 69 88 02 03 e9");
	close(fd);
	settle();
	CHECK(has(said, "ended("));
	end();
}

TEST(one_that_does_not_answer_is_cut_when_the_time_is_up)
{
	open_all();
	int fd = shaken();

	ouro_server_close(server, 1000);
	pass(999);
	CHECK_STR(said, "now");
	pass(1);
	CHECK(has(said, "ended(1 answered, 0 at the end, 1 cut, 1 sockets, 0 feeds)"));
	CHECK(has(said, "closed"));
	CHECK_STR(frames(fd), "88 02 03 e9 (closed)");
	close(fd);
	end();
}

TEST(its_own_time_for_that_may_be_shorter)
{
	ws_opts = (ouro_ws_opts){ .close_ms = 500 };
	open_all();
	int fd = shaken();

	ouro_server_close(server, OURO_NEVER);
	pass(500);
	CHECK(has(said, "OURO_ETIMEOUT:1006:"));
	settle();
	CHECK(has(said, "ended(1 answered, 0 at the end, 0 cut, 1 sockets, 0 feeds)"));
	close(fd);
	end();
}

TEST(one_that_is_parting_already_is_waited_for_and_told_nothing_else)
{
	open_all();
	int fd = shaken();

	CHECK_EQ(ouro_ws_close(ws, 1000, ouro_str_z("")), 0);
	ouro_server_close(server, 5000);
	CHECK_STR(frames(fd), "88 02 03 e8");
	CHECK_STR(said, "");
	SEND(fd, BYE, "\x03\xe8");
	close(fd);
	settle();
	CHECK(has(said, "ended(1 answered, 0 at the end, 0 cut, 0 sockets, 0 feeds)"));
	end();
}

TEST(a_server_without_time_cuts_it_at_once)
{
	open_all();
	int fd = shaken();

	ouro_server_close(server, 0);
	settle();
	CHECK(has(said, "closed"));
	CHECK(has(said, "ended(1 answered, 0 at the end, 1 cut, 1 sockets, 0 feeds)"));
	close(fd);
	end();
}

static int told;

static void accept_late(ouro_loop *of, void *arg)
{
	(void)of;
	told = ouro_ws_accept(arg, NULL, &ws);
}

static void shake_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 100, accept_late, ouro_req_later(req));
}

TEST(a_handshake_that_comes_too_late_is_503)
{
	serve(shake_later);
	int fd = connect_client();

	ask(fd, SHAKE "\r\n");
	ouro_server_close(server, 5000);
	pass(100);
	CHECK_EQ(told, OURO_ECLOSED);
	const char *answer = received(fd);

	CHECK(has(answer, "HTTP/1.1 503"));
	CHECK(has(answer, "\r\nConnection: close\r\n"));
	CHECK(has(answer, "(closed)"));
	close(fd);
	end();
}

TEST(the_loop_may_be_freed_while_web_sockets_part)
{
	open_all();
	int one = shaken(), two = shaken();

	ouro_server_close(server, 5000);
	settle();
	end();
	CHECK(has(said, "ended("));
	close(one);
	close(two);
}

/* ---- Event streams ---- */

TEST(an_event_stream_ends_as_a_whole_answer)
{
	open_all();
	int fd = connect_client();

	CHECK(has(ask(fd, GET("/feed")), "data: hi\n"));
	ouro_server_close(server, 5000);
	CHECK_STR(received(fd), "0\r\n\r\n(closed)");
	CHECK_STR(said, "closed ended(1 answered, 1 at the end, 0 cut, 0 sockets, 1 feeds)");
	close(fd);
	end();
}

static void start_late(ouro_loop *of, void *arg)
{
	(void)of;
	start_feed(arg, NULL);
}

static void feed_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 100, start_late, ouro_req_later(req));
}

TEST(one_that_begins_too_late_has_no_events_and_ends_well)
{
	serve(feed_later);
	int fd = connect_client();

	ask(fd, HELLO);
	ouro_server_close(server, 5000);
	pass(100);
	const char *answer = received(fd);

	CHECK(has(answer, "HTTP/1.1 200"));
	CHECK(has(answer, "\r\nConnection: close\r\n"));
	CHECK(has(answer, "\r\n\r\n0\r\n\r\n(closed)"));
	CHECK(has(said, "ECLOSED"));
	CHECK(has(said, "closed"));
	close(fd);
	end();
}

/* ---- Requests that nobody has looked at yet ---- */

TEST(a_request_that_waits_in_the_kernel_is_answered)
{
	open_all();
	int fd = connect_client();

	CHECK(has(ask(fd, GET("/")), "hello\n"));
	send_text(fd, GET("/"));
	ouro_server_close(server, 5000);
	const char *answer = received(fd);

	CHECK(has(answer, "\r\nConnection: close\r\n"));
	CHECK(has(answer, "hello\n(closed)"));
	CHECK_STR(said, "ended(2 answered, 1 at the end, 0 cut, 0 sockets, 0 feeds)");
	close(fd);
	end();
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(ouro_server_port(server)),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

TEST(so_are_those_that_wait_to_be_accepted)
{
	enum { WAITING = 100 };
	static int fd[WAITING];
	char answer[512];

	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_http_listen(loop, &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes },
				  &server),
		 0);
	ouro_server_on_close(server, say_report);
	for (int i = 0; i < WAITING; i++) {
		fd[i] = dial();
		send_text(fd[i], GET("/"));
	}
	ouro_server_close(server, 5000);
	CHECK_EQ(ouro_loop_run(loop), 0);
	for (int i = 0; i < WAITING; i++) {
		ssize_t n = recv(fd[i], answer, sizeof(answer) - 1, MSG_WAITALL);

		CHECK(n > 0);
		answer[n] = 0;
		CHECK(has(answer, "\r\nConnection: close\r\n") && has(answer, "hello\n"));
		close(fd[i]);
	}
	CHECK_STR(said, "ended(100 answered, 100 at the end, 0 cut, 0 sockets, 0 feeds)");
	end();
}

TEST(a_pipeline_without_end_ends)
{
	open_all();
	int fd = connect_client();
	static char many[300 * sizeof(GET("/"))];
	unsigned answers = 0;

	CHECK_STR(ask(fd, GET("/keep")), "");
	for (int i = 0; i < 300; i++)
		strcat(many, GET("/"));
	send_text(fd, many);
	ouro_server_close(server, OURO_NEVER);
	ouro_req_reply(ouro_req_find(loop, kept), 200, NULL, ouro_str_z("kept\n"));
	const char *text = received(fd);

	for (const char *at = text; (at = strstr(at, "HTTP/1.1 200")); at++)
		answers++;
	CHECK_EQ(answers, 64);
	CHECK(has(text, "\r\nConnection: close\r\n"));
	CHECK(has(text, "hello\n(closed)"));
	close(fd);
	settle();
	CHECK(has(said, "ended(64 answered, 64 at the end, 0 cut, 0 sockets"));
	end();
}

/* ---- An end that is announced ---- */

TEST(while_the_end_is_announced_all_are_served_and_told_to_go)
{
	open_all();
	int old = connect_client();

	CHECK(!has(ask(old, GET("/")), "Connection: close"));
	CHECK(!ouro_server_is_ending(server));
	ouro_server_close_after(server, 3000, 5000);
	CHECK(ouro_server_is_ending(server));
	pass(2000);
	int fresh = connect_client();

	CHECK(has(ask(fresh, GET("/")), "\r\nConnection: close\r\n"));
	CHECK_STR(received(fresh), "(closed)");
	CHECK_STR(received(old), "");
	CHECK(has(ask(old, GET("/")), "\r\nConnection: close\r\n"));
	CHECK_STR(received(old), "(closed)");
	pass(999);
	CHECK_STR(said, "now");
	pass(1);
	CHECK(has(said, "ended(3 answered, 0 at the end, 0 cut, 0 sockets, 0 feeds)"));
	close(old);
	close(fresh);
	end();
}

TEST(who_has_nothing_to_ask_stays_until_it_begins)
{
	open_all();
	int idle = connect_client(), fd = shaken();

	ouro_server_close_after(server, 1000, 5000);
	pass(999);
	CHECK_STR(received(idle), "");
	CHECK_STR(frames(fd), "");
	pass(1);
	CHECK_STR(received(idle), "(closed)");
	CHECK_STR(frames(fd), "88 02 03 e9");
	close(fd);
	close(idle);
	end();
}

TEST(it_can_only_come_sooner)
{
	open_all();
	ouro_server_close_after(server, 3000, 5000);
	ouro_server_close_after(server, 9000, 5000);
	ouro_server_close_after(server, 2000, 5000);
	pass(1999);
	CHECK_STR(said, "now");
	pass(1);
	CHECK(has(said, "ended("));
	end();
	said[0] = 0;
	open_all();
	ouro_server_close_after(server, 3000, 5000);
	ouro_server_close(server, 0);
	settle();
	CHECK(has(said, "ended("));
	end();
	said[0] = 0;
	open_all();
	ouro_server_close_after(server, 0, 5000);
	ouro_server_close_after(NULL, 1, 1);
	settle();
	CHECK(has(said, "ended("));
	end();
}

TEST(an_announced_end_keeps_the_deadline_it_was_given)
{
	open_all();
	int fd = connect_client();

	ouro_server_close_after(server, 1000, 500);
	CHECK_STR(ask(fd, GET("/keep")), "");
	pass(1499);
	CHECK_STR(said, "now");
	pass(1);
	CHECK(has(said, "ended(0 answered, 0 at the end, 1 cut, 0 sockets, 0 feeds)"));
	close(fd);
	end();
}

TEST(the_loop_may_be_freed_while_the_end_is_announced)
{
	open_all();
	int fd = connect_client();

	ouro_server_close_after(server, 1000, 500);
	settle();
	end();
	CHECK(has(said, "ended("));
	close(fd);
}

static int end_without_memory(void)
{
	int err = -ENOMEM, pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (loop)
		err = ouro_http_open(loop, &(ouro_http_opts){ .on_request = start_feed }, &server);
	if (!err)
		err = ouro_server_adopt(server, pair[1]);
	if (err)
		close(pair[1]);
	else
		ouro_server_close_after(server, 100, 100);
	if (!err)
		CHECK(ouro_loop_run(loop) >= 0);
	ouro_loop_free(loop);
	close(pair[0]);
	return err;
}

TEST(without_memory_it_ends_all_the_same)
{
	CHECK(for_each_failing_allocation(end_without_memory) > 4);
}
