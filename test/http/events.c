/* events.c -- event streams, as a client reads them. */
#include "ouro/events.h"
#include "desk.h"

static ouro_feed *feed;
static ouro_feed_opts feed_opts;

static void start(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_feed_start(req, &feed_opts, &feed), 0);
	ouro_feed_on_close(feed, say_closed, word("closed"));
}

#define ASK     "GET /clock HTTP/1.1\r\nHost: h\r\n\r\n"
#define OLD_ASK "GET /clock HTTP/1.0\r\n\r\n"

static int begin(ouro_feed_opts opts, const char *text)
{
	int fd;

	feed_opts = opts;
	serve(start);
	fd = connect_client();
	CHECK(has(ask(fd, text), "200 OK"));
	return fd;
}

/* What a client of 1.0 gets for one event: nothing is around it. */
static const char *sent(int fd, ouro_event event)
{
	CHECK(ouro_feed_send(feed, &event) >= 0);
	return received(fd);
}

TEST(the_head_says_what_it_is)
{
	const char *answer;
	int fd;

	feed_opts = (ouro_feed_opts){ .retry_ms = 250 };
	serve(start);
	fd = connect_client();
	answer = ask(fd, ASK);
	CHECK(has(answer, "Content-Type: text/event-stream\r\n"));
	CHECK(has(answer, "Cache-Control: no-cache\r\n"));
	CHECK(has(answer, "\r\n\r\nc\r\nretry: 250\n\n\r\n"));
	CHECK_STR(ouro_feed_last_id(feed), NULL);
	close(fd);
	end();
}

TEST(an_event_is_one_chunk)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 0 }, ASK);

	CHECK_STR(sent(fd, (ouro_event){ .data = ouro_str_z("hi") }), "a\r\ndata: hi\n\n\r\n");
	ouro_feed_close(feed);
	CHECK_STR(received(fd), "0\r\n\r\n");
	CHECK_STR(said, "closed");
	close(fd);
	end();
}

TEST(every_way_to_end_a_line_begins_another)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 0 }, OLD_ASK);

	CHECK_STR(sent(fd, (ouro_event){ .data = ouro_str_z("a\nb\rc\r\nd\n") }),
		  "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
	CHECK_STR(sent(fd, (ouro_event){ .data = ouro_str_z("") }), "data: \n\n");
	CHECK_STR(sent(fd, (ouro_event){ .data = ouro_str_z("x"),
					 .id = "7",
					 .event = "tick",
					 .retry_ms = 9 }),
		  "id: 7\nevent: tick\nretry: 9\ndata: x\n\n");
	close(fd);
	end();
}

TEST(nothing_can_be_slipped_in)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 0 }, OLD_ASK);

	CHECK_EQ(ouro_feed_send(feed, &(ouro_event){ .id = "1\ndata: x" }), -EINVAL);
	CHECK_EQ(ouro_feed_send(feed, &(ouro_event){ .event = "a\rb" }), -EINVAL);
	CHECK_STR(received(fd), "");
	close(fd);
	end();
}

TEST(who_comes_back_says_what_it_has_heard)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 0 },
		       "GET / HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 41\r\n\r\n");

	CHECK_STR(ouro_feed_last_id(feed), "41");
	close(fd);
	end();
}

TEST(a_quiet_stream_has_a_heartbeat)
{
	int fd = begin((ouro_feed_opts){ .heartbeat_ms = 1000 }, OLD_ASK);

	pass(1000);
	CHECK_STR(received(fd), ":\n\n");
	CHECK_STR(sent(fd, (ouro_event){ .data = ouro_str_z("x") }), "data: x\n\n");
	pass(1000);
	CHECK_STR(received(fd), "");
	pass(1000);
	CHECK_STR(received(fd), ":\n\n");
	close(fd);
	end();
}

TEST(a_client_that_goes_closes_it)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 0 }, ASK);

	close(fd);
	settle();
	CHECK_STR(said, "closed");
	end();
}

static char big[100000];

static int64_t send_big(void)
{
	memset(big, 'x', sizeof(big));
	return ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_n(big, sizeof(big)) });
}

/* Until the kernel takes no more and the queue is full. */
static int64_t send_many(void)
{
	int64_t n = 0;

	for (int i = 0; i < 40 && n >= 0; i++) {
		n = send_big();
		settle();
	}
	return n;
}

TEST(a_slow_client_misses_the_oldest)
{
	int fd = begin((ouro_feed_opts){ .queue_max = 250000 }, ASK);

	CHECK(send_many() > 0);
	CHECK(ouro_feed_queued(feed) <= 250000);
	CHECK(ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z("last") }) > 0);
	CHECK(has(received(fd), "data: last\n\n"));
	close(fd);
	end();
}

TEST(a_slow_client_is_told_of_or_dropped)
{
	int fd = begin((ouro_feed_opts){ .queue_max = 250000, .slow = OURO_SLOW_TELL }, ASK);

	CHECK_EQ(send_many(), OURO_EBUSY);
	CHECK_STR(said, "");
	close(fd);
	end();
	fd = begin((ouro_feed_opts){ .queue_max = 250000, .slow = OURO_SLOW_DROP_CLIENT }, ASK);
	said[0] = 0;
	CHECK_EQ(send_many(), OURO_ECLOSED);
	CHECK_STR(said, "closed");
	close(fd);
	end();
}

TEST(a_loop_may_be_freed_while_it_is_open)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 1 }, ASK);

	end();
	CHECK_STR(said, "closed");
	close(fd);
}

TEST(a_server_that_ends_at_once_closes_it)
{
	int fd = begin((ouro_feed_opts){ .retry_ms = 1 }, ASK);

	ouro_server_close(server, 0);
	settle();
	CHECK_STR(said, "closed");
	close(fd);
	end();
}

static void try_start(ouro_req *req, void *arg)
{
	*(int *)arg = ouro_feed_start(req, NULL, &feed);
	if (!*(int *)arg)
		*(int *)arg = ouro_feed_send(feed, &(ouro_event){ .id = "1" }) < 0 ? -ENOMEM : 0;
}

static int attempt(void)
{
	int pair[2], err = -ENOMEM;
	ouro_http_opts opts = { .on_request = try_start, .arg = &err };

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (!loop)
		return err;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	if (ouro_http_open(loop, &opts, &server) || ouro_server_adopt(server, pair[1]))
		close(pair[1]);
	(void)!send(pair[0], ASK, strlen(ASK), MSG_NOSIGNAL);
	for (int i = 0; i < 4; i++) {
		(void)ouro_loop_macro(loop, do_nothing, NULL);
		ouro_loop_turn(loop);
	}
	close(pair[0]);
	ouro_loop_free(loop);
	return err;
}

TEST(no_failing_allocation_does_harm)
{
	CHECK(for_each_failing_allocation(attempt) > 5);
}
