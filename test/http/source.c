/* source.c -- a source beside servers that keep their word, break off, refuse, and fall silent. In
 * virtual time. */
#include "ouro/source.h"
#include "fetch.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

static ouro_loop *loop;
static struct raw raw;
static ouro_source *source;
static int closed;

static void on_event(ouro_source *of, const ouro_event *event, void *arg)
{
	CHECK(of == source && !strcmp(arg, "arg"));
	say("%s%s%s(%.*s)", event->event ? event->event : "", event->id ? "#" : "",
	    event->id ? event->id : "", (int)event->data.len, event->data.ptr);
}

static void on_open(ouro_source *of, void *arg)
{
	CHECK(of == source && !strcmp(arg, "arg"));
	say("open");
}

static void on_lost(ouro_source *of, int err, unsigned again_ms, void *arg)
{
	CHECK(of == source && !strcmp(arg, "arg"));
	if (again_ms == OURO_NEVER)
		say("%s:never", ouro_errname(err));
	else
		say("%s:%u", ouro_errname(err), again_ms);
}

static void on_close(void *arg)
{
	CHECK_STR(arg, "arg");
	closed++;
}

static void hear(ouro_source_opts opts)
{
	opts.url = opts.url ? opts.url : "http://x/events";
	opts.unix_path = raw.path;
	said[0] = 0;
	closed = 0;
	CHECK_EQ(ouro_source_open(loop, &opts, on_event, word("arg"), &source), 0);
	ouro_source_on_open(source, on_open);
	ouro_source_on_lost(source, on_lost);
	ouro_source_on_close(source, on_close);
	CHECK_STR(said, "");
}

static void begin(const char *script, enum then then)
{
	loop = virtual_loop();
	raw_open(&raw, loop);
	raw_says(&raw, script, then);
}

static void until(const char *what)
{
	UNTIL(loop, strstr(said, what));
	CHECK_STR(said, what);
}

static void end(void)
{
	if (!closed)
		ouro_source_close(source);
	ouro_listener_close(raw.listener);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(closed, 1);
	ouro_loop_free(loop);
}

TEST(events_are_heard_as_they_come)
{
	for (size_t piece = 0; piece < 4; piece++) {
		begin(STREAM ": word\n\ndata: a\n\nid: 7\nevent: tick\ndata: b\ndata: c\n\n", STAY);
		raw.piece = piece;
		hear((ouro_source_opts){ .retry_ms = 1 });
		until("open (a) tick#7(b\nc)");
		CHECK_STR(ouro_source_last_id(source), "7");
		CHECK_EQ(ouro_source_status(source), 200);
		CHECK(strstr(raw.last, "\r\nAccept: text/event-stream\r\n"));
		CHECK(!strstr(raw.last, "Last-Event-ID"));
		end();
	}
}

TEST(a_lost_one_comes_back_and_says_what_it_has_heard)
{
	uint64_t began;

	begin(STREAM "id: 7\ndata: a\n\nid: 8\ndata: never whole\n", CLOSE);
	hear((ouro_source_opts){
		.fields = (ouro_field[]){ { "X-Key", ouro_str_z("k") }, { NULL, { NULL, 0 } } } });
	until("open #7(a) OURO_EOF:3000");
	began = ouro_loop_now(loop);
	CHECK_EQ(raw.asks, 1);
	until("open #7(a) OURO_EOF:3000 open #7(a) OURO_EOF:3000");
	CHECK_EQ((ouro_loop_now(loop) - began) / MS, 3000);
	CHECK(strstr(raw.last, "\r\nLast-Event-ID: 7\r\n"));
	CHECK(strstr(raw.last, "\r\nX-Key: k\r\n"));
	end();
}

TEST(what_was_heard_before_is_said_at_once)
{
	begin(STREAM "data: a\n\n", STAY);
	hear((ouro_source_opts){ .last_id = "41" });
	until("open #41(a)");
	CHECK(strstr(raw.last, "\r\nLast-Event-ID: 41\r\n"));
	end();
}

TEST(an_id_that_no_field_can_say_is_kept_to_itself)
{
	begin(STREAM "id: \x01\ndata: a\n\n", CLOSE);
	hear((ouro_source_opts){ .retry_ms = 5 });
	until("open #\x01(a) OURO_EOF:5");
	until("open #\x01(a) OURO_EOF:5 open #\x01(a) OURO_EOF:5");
	CHECK(!strstr(raw.last, "Last-Event-ID"));
	end();
}

TEST(the_server_says_how_soon)
{
	begin(STREAM "retry: 250\ndata: a\n\n", CLOSE);
	hear((ouro_source_opts){ .retry_ms = 9000 });
	until("open (a) OURO_EOF:250");
	end();
	begin(STREAM "retry: 99999999999\n\n", CLOSE);
	hear((ouro_source_opts){ .retry_ms = 9000 });
	until("open OURO_EOF:3600000");
	end();
}

TEST(failures_in_a_row_take_longer_and_longer)
{
	begin("", RESET);
	hear((ouro_source_opts){ .retry_ms = 1000, .slower_ms = 5000 });
	until("ECONNRESET:1000 ECONNRESET:2000 ECONNRESET:4000 ECONNRESET:5000 ECONNRESET:5000");
	CHECK_EQ(ouro_source_status(source), 0);
	raw_says(&raw, STREAM, CLOSE);
	said[0] = 0;
	until("open OURO_EOF:1000");
	end();
}

static void answered(const char *script, const char *what, int status)
{
	begin(script, STAY);
	hear((ouro_source_opts){ .retry_ms = 1000 });
	until(what);
	CHECK_EQ(ouro_source_status(source), status);
	end();
}

TEST(who_cannot_answer_now_is_asked_again)
{
	answered("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "OURO_EBUSY:1000", 503);
	answered("HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 5\r\n\r\n",
		 "OURO_EBUSY:120000", 503);
	answered("HTTP/1.1 429 No\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n",
		 "OURO_EBUSY:3600000", 429);
	answered("HTTP/1.1 502 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"
		 "Content-Length: 0\r\n\r\n",
		 "OURO_EBUSY:1000", 502);
}

TEST(who_will_never_answer_is_left_alone)
{
	static const struct {
		const char *script, *what;
	} refusals[] = {
		{ "HTTP/1.1 204 No Content\r\n\r\n", "OURO_EOF:never" },
		{ "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "OURO_EPROTO:never" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\ndata: a\n\n",
		  "OURO_EPROTO:never" },
		{ "HTTP/1.1 200 OK\r\n\r\ndata: a\n\n", "OURO_EPROTO:never" },
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		begin(refusals[i].script, STAY);
		hear((ouro_source_opts){ .retry_ms = 1 });
		UNTIL(loop, closed);
		CHECK_STR(said, refusals[i].what);
		end();
	}
}

TEST(a_type_may_have_a_parameter_and_any_case)
{
	begin("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\ndata: "
	      "a\n\n",
	      STAY);
	hear((ouro_source_opts){ .retry_ms = 1 });
	until("open (a)");
	end();
}

static void refused(ouro_source_opts opts, const char *what)
{
	begin(STREAM, STAY);
	hear(opts);
	UNTIL(loop, closed);
	CHECK_STR(said, what);
	CHECK_EQ(raw.asks, 0);
	end();
}

TEST(what_makes_no_sense_is_said_once)
{
	ouro_field bad[] = { { "Connection", ouro_str_z("close") }, { NULL, { NULL, 0 } } };

	refused((ouro_source_opts){ .url = "https://x/" }, "EPROTONOSUPPORT:never");
	refused((ouro_source_opts){ .url = "nonsense" }, "EINVAL:never");
	refused((ouro_source_opts){ .fields = bad }, "EINVAL:never");
	loop = virtual_loop();
	CHECK_EQ(
		ouro_source_open(loop, &(ouro_source_opts){ .url = NULL }, on_event, NULL, &source),
		-EINVAL);
	CHECK_EQ(ouro_source_open(loop, NULL, on_event, NULL, &source), -EINVAL);
	ouro_loop_free(loop);
	ouro_source_close(NULL);
}

TEST(silence_is_a_loss)
{
	uint64_t began;

	begin(STREAM "data: a\n\n", STAY);
	hear((ouro_source_opts){ .silent_ms = 5000 });
	until("open (a)");
	began = ouro_loop_now(loop);
	until("open (a) OURO_ETIMEOUT:3000");
	CHECK_EQ((ouro_loop_now(loop) - began) / MS, 5000);
	end();
}

/* A comment as long as the head, every four seconds. */
TEST(a_comment_is_no_silence)
{
	size_t piece = strlen(STREAM);
	char script[1024] = STREAM;

	for (int i = 0; i < 4; i++)
		snprintf(script + strlen(script), piece + 1, ":%*s\n", (int)piece - 2, "");
	strcat(script, "data: a\n\n");
	begin(script, STAY);
	raw.piece = piece;
	raw.wait_ms = 4000;
	hear((ouro_source_opts){ .silent_ms = 5000 });
	until("open (a)");
	end();
}

TEST(an_event_without_end_is_not_gathered)
{
	begin(STREAM "data: a\n\ndata: 012345678901234567890123456789", STAY);
	hear((ouro_source_opts){ .event_max = 20 });
	UNTIL(loop, closed);
	CHECK_STR(said, "open (a) OURO_ETOOBIG:never");
	end();
}

/* ---- Closing, from everywhere ---- */

static void close_at_event(ouro_source *of, const ouro_event *event, void *arg)
{
	on_event(of, event, arg);
	ouro_source_close(of);
	ouro_source_close(of);
}

static void close_at_open(ouro_source *of, void *arg)
{
	on_open(of, arg);
	ouro_source_close(of);
}

static void close_at_loss(ouro_source *of, int err, unsigned again_ms, void *arg)
{
	on_lost(of, err, again_ms, arg);
	ouro_source_close(of);
}

static void closes(ouro_source_fn *event, ouro_source_open_fn *open, ouro_source_lost_fn *lost,
		   const char *what)
{
	ouro_source_opts opts = { .url = "http://x/", .unix_path = raw.path };

	begin(STREAM "data: a\n\ndata: b\n\n", CLOSE);
	said[0] = 0;
	closed = 0;
	CHECK_EQ(ouro_source_open(loop, &opts, event, word("arg"), &source), 0);
	ouro_source_on_open(source, open);
	ouro_source_on_lost(source, lost);
	ouro_source_on_close(source, on_close);
	UNTIL(loop, closed);
	CHECK_STR(said, what);
	end();
}

TEST(any_callback_may_close_it_and_nothing_follows)
{
	closes(close_at_event, on_open, on_lost, "open (a)");
	closes(on_event, close_at_open, on_lost, "open");
	closes(on_event, on_open, close_at_loss, "open (a) (b) OURO_EOF:3000");
	closes(on_event, NULL, close_at_loss, "(a) (b) OURO_EOF:3000");
}

TEST(it_may_be_closed_before_it_has_asked_and_while_it_waits)
{
	begin(STREAM, CLOSE);
	hear((ouro_source_opts){ .retry_ms = 1000 });
	end();
	CHECK_EQ(raw.asks, 0);
	begin(STREAM, CLOSE);
	hear((ouro_source_opts){ .retry_ms = 1000 });
	until("open OURO_EOF:1000");
	end();
	CHECK_EQ(raw.asks, 1);
}

TEST(a_loop_may_be_freed_while_it_is_open)
{
	static const char *const when[] = { "open", "open OURO_EOF:3000" };

	for (int i = 0; i < 2; i++) {
		begin(STREAM, i ? CLOSE : STAY);
		hear((ouro_source_opts){ .retry_ms = 3000 });
		until(when[i]);
		ouro_loop_free(loop);
		CHECK_EQ(closed, 1);
		CHECK_STR(said, when[i]);
	}
}

/* ---- Both ends ours ---- */

static void feed_two(ouro_req *req, void *arg)
{
	ouro_str heard = ouro_req_header(req, "Last-Event-ID");
	ouro_feed *feed;

	(void)arg;
	say("%s", heard.ptr ? heard.ptr : "-");
	CHECK_EQ(ouro_feed_start(req, &(ouro_feed_opts){ .retry_ms = 20 }, &feed), 0);
	CHECK(ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z("a\nb"), .id = "1" }) > 0);
	CHECK(ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z(""), .event = "x" }) > 0);
	ouro_feed_close(feed);
}

TEST(a_source_hears_a_feed)
{
	ouro_server *server;

	begin(STREAM, STAY);
	ouro_listener_close(raw.listener);
	turns(loop, 2);
	CHECK_EQ(ouro_http_listen(
			 loop, &(ouro_http_opts){ .unix_path = raw.path, .on_request = feed_two },
			 &server),
		 0);
	hear((ouro_source_opts){ .retry_ms = 1000 });
	until("- open #1(a\nb) x#1() OURO_EOF:20 1 open #1(a\nb) x#1() OURO_EOF:20");
	ouro_source_close(source);
	ouro_server_close(server, 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(closed, 1);
	ouro_loop_free(loop);
}

/* ---- Without memory ---- */

static int attempt(void)
{
	ouro_field fields[] = { { "X-Key", ouro_str_z("k") }, { NULL, { NULL, 0 } } };
	ouro_source_opts opts = { .url = "http://x/", .fields = fields, .retry_ms = OURO_NEVER };
	ouro_listen_opts at = { .unix_path = "@ouro-test-source" };
	int err = -ENOMEM;

	said[0] = 0;
	closed = 0;
	memset(&raw, 0, sizeof(raw));
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (!loop)
		return err;
	raw.loop = loop;
	raw_says(&raw, STREAM "id: 1\nevent: x\ndata: a\n\n", STAY);
	opts.unix_path = at.unix_path;
	err = ouro_listen(loop, &at, raw_accept, &raw, &raw.listener);
	if (!err)
		err = ouro_source_open(loop, &opts, on_event, word("arg"), &source);
	if (!err) {
		ouro_source_on_lost(source, on_lost);
		ouro_source_on_close(source, on_close);
		for (int i = 0; i < 200 && !*said && !closed; i++)
			ouro_loop_turn(loop);
		err = strcmp(said, "x#1(a)") ? -ENOMEM : 0;
	}
	ouro_loop_free(loop);
	return err;
}

TEST(no_failing_allocation_does_harm)
{
	CHECK(for_each_failing_allocation(attempt) > 10);
}
