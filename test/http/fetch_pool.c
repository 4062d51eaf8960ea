/* Connections: kept, shared, limited, lost; and the one case in which an ask is made again. */
#include "fetch.h"

#define FETCHES 12

static void set(ouro_loop *loop, ouro_client_opts opts)
{
	CHECK_EQ(ouro_client_set(loop, &opts), 0);
}

/* ---- Keeping ---- */

TEST(the_next_ask_takes_the_same_connection)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	for (int i = 0; i < 5; i++) {
		ask_and_wait(&raw, "http://x/good", &end);
		CHECK_EQ(end.err, 0);
		CHECK_EQ(end.reused, i > 0);
	}
	CHECK_EQ(raw.accepted, 1);
	CHECK_EQ(figures(loop).made, 1);
	CHECK_EQ(figures(loop).asked, 5);
	ouro_loop_free(loop);
}

static void ask_again(int err, const ouro_answer *answer, void *arg)
{
	struct raw *raw = arg;
	static struct end end;

	CHECK_EQ(err, 0);
	(void)answer;
	ask(raw, "http://x/good", &end);
}

TEST(an_ask_from_the_last_callback_takes_it_too)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;

	raw_open(&raw, loop);
	ouro_fetch_opts opts = { .url = "http://x/good", .unix_path = raw.path };
	CHECK(ouro_http_fetch(loop, &opts, ask_again, &raw).id != 0);
	UNTIL(loop, raw.asks == 2);
	CHECK_EQ(raw.accepted, 1);
	ouro_loop_free(loop);
}

TEST(an_idle_connection_holds_no_loop)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	ask_and_wait(&raw, "http://x/good", &end);
	ouro_listener_close(raw.listener);
	ouro_stream_hold(raw.newest->stream, false);
	CHECK_EQ(figures(loop).idle, 1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static void count_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop;
	if (!strcmp(active->kind, "fetch"))
		++*(int *)arg;
}

TEST(a_fetch_holds_the_loop_and_is_listed)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;
	int fetches = 0;

	raw_open(&raw, loop);
	ask(&raw, "http://x/silent", &end);
	ouro_loop_active(loop, count_active, &fetches);
	CHECK_EQ(fetches, 1);
	ouro_loop_free(loop);
	CHECK_EQ(end.calls, 1);
	CHECK_EQ(end.err, OURO_ECANCELED);
}

TEST(an_idle_one_is_closed_after_its_time)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	ask_and_wait(&raw, "http://x/good", &end);
	CHECK_EQ(figures(loop).idle, 1);
	UNTIL(loop, figures(loop).connections == 0);
	CHECK_EQ(figures(loop).idle, 0);
	check_sane(&raw);
	ouro_loop_free(loop);
}

static void close_newest(struct raw *raw)
{
	ouro_stream_close(raw->newest->stream);
	turns(raw->loop, 4);
}

TEST(an_idle_one_that_the_server_closes_is_gone)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	ask_and_wait(&raw, "http://x/good", &end);
	close_newest(&raw);
	CHECK_EQ(figures(loop).connections, 0);
	check_sane(&raw);
	CHECK_EQ(figures(loop).retried, 0);
	ouro_loop_free(loop);
}

TEST(words_that_nobody_asked_for_end_it)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	ask_and_wait(&raw, "http://x/good", &end);
	ouro_stream_write(raw.newest->stream, ouro_str_z(GOOD));
	turns(loop, 4);
	CHECK_EQ(figures(loop).connections, 0);
	check_sane(&raw);
	ouro_loop_free(loop);
}

/* ---- Limits ---- */

static void ask_many(struct raw *raw, struct end *ends, const char *url)
{
	for (int i = 0; i < FETCHES; i++)
		CHECK(ask(raw, url, &ends[i]).id != 0);
}

static int ended(const struct end *ends)
{
	int n = 0;

	for (int i = 0; i < FETCHES; i++)
		n += ends[i].calls;
	return n;
}

TEST(no_more_connections_to_one_place_than_it_may_have)
{
	ouro_loop *loop = virtual_loop();
	struct end ends[FETCHES];
	struct raw raw;

	raw_open(&raw, loop);
	set(loop, (ouro_client_opts){ .per_origin = 3 });
	ask_many(&raw, ends, "http://x/good");
	CHECK_EQ(figures(loop).connections, 3);
	CHECK_EQ(figures(loop).waiting, FETCHES - 3);
	UNTIL(loop, ended(ends) == FETCHES);
	for (int i = 0; i < FETCHES; i++)
		CHECK_EQ(ends[i].err, 0);
	CHECK_EQ(raw.accepted, 3);
	ouro_loop_free(loop);
}

TEST(what_is_over_a_smaller_limit_is_not_kept)
{
	ouro_loop *loop = virtual_loop();
	struct end ends[FETCHES];
	struct raw raw;

	raw_open(&raw, loop);
	ask_many(&raw, ends, "http://x/good");
	CHECK_EQ(figures(loop).connections, FETCHES);
	set(loop, (ouro_client_opts){ .per_origin = 2 });
	UNTIL(loop, ended(ends) == FETCHES);
	CHECK_EQ(figures(loop).connections, 2);
	CHECK_EQ(figures(loop).idle, 2);
	ouro_loop_free(loop);
}

TEST(who_waits_is_served_when_a_connection_fails)
{
	ouro_loop *loop = virtual_loop();
	struct end ends[FETCHES];
	struct raw raw;

	raw_open(&raw, loop);
	raw_says(&raw, "nonsense\r\n", CLOSE);
	set(loop, (ouro_client_opts){ .per_origin = 1 });
	ask_many(&raw, ends, "http://x/bad");
	UNTIL(loop, ended(ends) == FETCHES);
	for (int i = 0; i < FETCHES; i++)
		CHECK_EQ(ends[i].err, OURO_EPROTO);
	CHECK_EQ(raw.accepted, FETCHES);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(too_many_that_wait_are_turned_away)
{
	ouro_loop *loop = virtual_loop();
	struct end ends[FETCHES];
	struct raw raw;
	int busy = 0;

	raw_open(&raw, loop);
	set(loop, (ouro_client_opts){ .per_origin = 1, .waiting = 4 });
	ask_many(&raw, ends, "http://x/good");
	CHECK_EQ(ended(ends), 0);
	UNTIL(loop, ended(ends) == FETCHES);
	for (int i = 0; i < FETCHES; i++)
		busy += ends[i].err == OURO_EBUSY;
	CHECK_EQ(busy, FETCHES - 5);
	check_sane(&raw);
	ouro_loop_free(loop);
}

/* A second place: another socket. */
static void open_second(struct raw *raw, ouro_loop *loop)
{
	ouro_listen_opts opts;

	memset(raw, 0, sizeof(*raw));
	raw->loop = loop;
	snprintf(raw->path, sizeof(raw->path), "@ouro-test-fetch-%d-b", (int)getpid());
	opts = (ouro_listen_opts){ .unix_path = raw->path };
	CHECK_EQ(ouro_listen(loop, &opts, raw_accept, raw, &raw->listener), 0);
}

TEST(an_idle_one_elsewhere_makes_room)
{
	ouro_loop *loop = virtual_loop();
	struct raw a, b;
	struct end end;

	raw_open(&a, loop);
	open_second(&b, loop);
	set(loop, (ouro_client_opts){ .total = 1 });
	for (int i = 0; i < 3; i++) {
		ask_and_wait(&a, "http://x/good", &end);
		CHECK_EQ(end.err, 0);
		ask_and_wait(&b, "http://x/good", &end);
		CHECK_EQ(end.err, 0);
		CHECK_EQ(figures(loop).connections, 1);
	}
	CHECK_EQ(a.accepted, 3);
	ouro_loop_free(loop);
}

TEST(a_busy_one_elsewhere_is_waited_for)
{
	ouro_loop *loop = virtual_loop();
	struct raw a, b;
	struct end first, second;

	raw_open(&a, loop);
	open_second(&b, loop);
	set(loop, (ouro_client_opts){ .total = 1 });
	ask(&a, "http://x/good", &first);
	ask(&b, "http://x/good", &second);
	CHECK_EQ(figures(loop).waiting, 1);
	UNTIL(loop, second.calls);
	CHECK_EQ(first.err, 0);
	CHECK_EQ(second.err, 0);
	CHECK_EQ(figures(loop).connections, 1);
	ouro_loop_free(loop);
}

TEST(one_that_waits_can_be_cancelled)
{
	ouro_loop *loop = virtual_loop();
	struct raw a, b;
	struct end first, second;
	ouro_fetch waits;

	raw_open(&a, loop);
	open_second(&b, loop);
	set(loop, (ouro_client_opts){ .total = 1 });
	ask(&a, "http://x/silent", &first);
	waits = ask(&b, "http://x/good", &second);
	turns(loop, 5);
	CHECK(ouro_fetch_cancel(loop, waits));
	CHECK(!ouro_fetch_cancel(loop, waits));
	CHECK_EQ(second.calls, 0);
	UNTIL(loop, second.calls);
	CHECK_EQ(second.err, OURO_ECANCELED);
	CHECK_EQ(figures(loop).waiting, 0);
	ouro_loop_free(loop);
}

/* ---- The race ---- */

static ouro_fetch ask_to_post(struct raw *raw, struct end *end)
{
	ouro_fetch_opts opts = { .url = "http://x/bad",
				 .unix_path = raw->path,
				 .method = "POST",
				 .body = ouro_str_z("body") };

	memset(end, 0, sizeof(*end));
	return ouro_http_fetch(raw->loop, &opts, note_end, end);
}

TEST(a_kept_connection_that_closes_is_asked_again_on_a_new_one)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "", CLOSE);
	ask_and_wait(&raw, "http://x/good", &end);
	ask_and_wait(&raw, "http://x/bad", &end);
	CHECK_EQ(end.err, -ECONNRESET); /* and the new one closes, too: once is enough */
	CHECK(end.retried);
	CHECK(!end.reused);
	CHECK_EQ(raw.asks, 3);
	CHECK_EQ(figures(loop).retried, 1);
	check_sane(&raw);
	ouro_loop_free(loop);
}

TEST(a_new_connection_that_closes_is_not_asked_again)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "", CLOSE);
	ask_and_wait(&raw, "http://x/bad", &end);
	CHECK_EQ(end.err, -ECONNRESET);
	CHECK(!end.retried);
	CHECK_EQ(raw.asks, 1);
	ouro_loop_free(loop);
}

TEST(an_answer_that_has_begun_is_not_asked_for_again)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "H", CLOSE);
	ask_and_wait(&raw, "http://x/good", &end);
	ask_and_wait(&raw, "http://x/bad", &end);
	CHECK_EQ(end.err, OURO_EPROTO);
	CHECK(!end.retried);
	CHECK_EQ(raw.asks, 2);
	ouro_loop_free(loop);
}

TEST(a_post_that_has_left_is_not_made_again)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, "", CLOSE);
	ask_and_wait(&raw, "http://x/good", &end);
	ask_to_post(&raw, &end);
	UNTIL(loop, end.calls);
	CHECK_EQ(end.err, -ECONNRESET);
	CHECK(end.reused);
	CHECK(!end.retried);
	CHECK_EQ(raw.asks, 2);
	ouro_loop_free(loop);
}

/* The close has come, and is not noticed yet, when the ask is made: nothing of it leaves. */
TEST(a_post_of_which_nothing_has_left_is)
{
	ouro_loop *loop = virtual_loop();
	struct raw raw;
	struct end end;

	raw_open(&raw, loop);
	raw_says(&raw, GOOD, STAY);
	ask_and_wait(&raw, "http://x/good", &end);
	ouro_stream_close(raw.newest->stream);
	ask_to_post(&raw, &end);
	UNTIL(loop, end.calls);
	CHECK_EQ(end.err, 0);
	CHECK(end.retried);
	CHECK_STR(end.body, "good\n");
	CHECK(strstr(raw.last, "\r\n\r\nbody") != NULL);
	CHECK_EQ(raw.asks, 2);
	ouro_loop_free(loop);
}
