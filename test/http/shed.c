/* shed.c -- a server that has more to do than it can: who is told no, when that begins, when it is
 * over. Time is virtual: a callback that takes a second is one that says so. */
#include "ouro/shed.h"
#include "crews.h"
#include "desk.h"
#include "ouro/events.h"
#include "ouro/pool.h"
#include "ouro/ws.h"
#include <pthread.h>

#define KEPT 1024

static ouro_req_id kept[KEPT];
static unsigned kept_count, answered_count, called;

static void keep(ouro_req *req, void *arg)
{
	(void)arg;
	called++;
	CHECK(kept_count < KEPT);
	kept[kept_count++] = ouro_req_get_id(ouro_req_later(req));
}

/* The oldest of those that are kept. */
static void answer_one(void)
{
	ouro_req *req = ouro_req_find(loop, kept[answered_count++]);

	CHECK(req != NULL);
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("kept\n"));
	settle();
}

static void say_hello(ouro_req *req, void *arg)
{
	(void)arg;
	called++;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

static void hold_300_ms(ouro_req *req, void *arg)
{
	(void)arg;
	called++;
	CHECK_EQ(ouro_loop_advance(loop, 300), 0);
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("slow\n"));
}

static void say_shed(ouro_server *of, const ouro_shed_state *state, void *arg)
{
	(void)of, (void)arg;
	if (state->shedding)
		say("[%s %d/%d]", state->why, (int)state->value, (int)state->mark);
	else
		say("[over after %d]", (int)state->shed);
}

static const ouro_route routes[] = {
	{ .path = "/keep", .fn = keep },
	{ .path = "/hello", .fn = say_hello },
	{ .path = "/slow", .fn = hold_300_ms },
	{ .path = "/metrics", .fn = say_hello, .no_shed = true },
	{ .path = NULL },
};

static void serve_with(ouro_shed_opts shed)
{
	shed.on_shed = say_shed;
	open_server((ouro_http_opts){ .routes = routes, .shed = &shed });
}

static ouro_shed_state state(void)
{
	ouro_shed_state now;

	ouro_server_get_shed(server, &now);
	return now;
}

static uint64_t shed_count(void)
{
	ouro_server_stats stats;

	ouro_server_get_stats(server, &stats);
	CHECK_EQ(stats.shed, state().shed);
	return stats.shed;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* A client that asks for what is kept; its connection. */
static int ask_to_keep(void)
{
	int fd = connect_client();

	CHECK_STR(ask(fd, GET("/keep")), "");
	return fd;
}

static bool is_shed(const char *answer)
{
	return has(answer, "HTTP/1.1 503 Service Unavailable\r\n") &&
	       has(answer, "\r\nRetry-After: 1\r\n") && has(answer, "503 Service Unavailable\n");
}

/* ---- Requests ---- */

TEST(above_the_mark_a_request_is_503_and_no_handler_hears_of_it)
{
	serve_with((ouro_shed_opts){ .requests_max = 2 });
	int one = ask_to_keep(), two = ask_to_keep(), three = connect_client();
	const char *answer = ask(three, GET("/keep"));

	CHECK(is_shed(answer));
	CHECK(!has(answer, "Connection: close"));
	CHECK_EQ(called, 2);
	CHECK_EQ(shed_count(), 1);
	CHECK_EQ(state().requests, 2);
	CHECK(ouro_server_is_shedding(server));
	CHECK_STR(said, "[requests 2/2]");
	CHECK(has(logged, "/ sheds load: requests is at 2, its mark at 2\n"));
	close(one);
	close(two);
	close(three);
	end();
}

TEST(as_many_as_may_be_are_not_too_many)
{
	serve_with((ouro_shed_opts){ .requests_max = 2 });
	int one = ask_to_keep(), two = ask_to_keep(), three = connect_client();

	CHECK(has(ask(three, GET("/metrics")), "HTTP/1.1 200")); /* so that it looks again */
	pass(300);
	CHECK(!ouro_server_is_shedding(server));
	answer_one();
	CHECK(has(ask(three, GET("/hello")), "hello\n"));
	CHECK_EQ(shed_count(), 0);
	close(one);
	close(two);
	close(three);
	end();
}

TEST(it_goes_on_until_the_lower_mark)
{
	int fd[4], late;

	serve_with((ouro_shed_opts){ .requests_max = 4, .requests_low = 1, .retry_after_s = 7 });
	for (int i = 0; i < 4; i++)
		fd[i] = ask_to_keep();
	late = connect_client();
	for (int left = 4; left > 1; left--) {
		CHECK(has(ask(late, GET("/hello")), "\r\nRetry-After: 7\r\n"));
		CHECK_EQ(state().requests, left);
		answer_one();
	}
	CHECK(has(ask(late, GET("/hello")), "hello\n"));
	CHECK_EQ(shed_count(), 3);
	pass(200);
	CHECK_STR(said, "now [over after 3]");
	CHECK(has(logged, "takes all requests again, after 3\n"));
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	close(late);
	end();
}

TEST(the_lower_mark_is_half_unless_it_is_said)
{
	int fd[4];

	serve_with((ouro_shed_opts){ .requests_max = 3 });
	for (int i = 0; i < 3; i++)
		fd[i] = ask_to_keep();
	fd[3] = connect_client();
	CHECK(is_shed(ask(fd[3], GET("/hello"))));
	answer_one();
	CHECK(is_shed(ask(fd[3], GET("/hello"))));
	answer_one();
	CHECK(has(ask(fd[3], GET("/hello")), "hello\n"));
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	end();
}

TEST(a_line_may_say_that_it_is_never_shed_and_is_not_counted)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();

	CHECK(is_shed(ask(two, GET("/hello"))));
	CHECK(has(ask(two, GET("/metrics")), "HTTP/1.1 200"));
	CHECK_EQ(state().requests, 1);
	close(one);
	close(two);
	end();
}

TEST(what_nobody_answers_is_still_404)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();

	CHECK(has(ask(two, GET("/nothing")), "HTTP/1.1 404"));
	CHECK_EQ(shed_count(), 0);
	close(one);
	close(two);
	end();
}

TEST(a_head_is_shed_without_a_body)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();
	const char *answer = ask(two, "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");

	CHECK(has(answer, "HTTP/1.1 503"));
	CHECK_STR(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	close(one);
	close(two);
	end();
}

/* ---- Connections and bodies ---- */

TEST(a_pipeline_is_shed_one_by_one_and_the_connection_stays)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();
	const char *answer = ask(two, GET("/hello") GET("/metrics") GET("/hello"));

	CHECK(is_shed(answer));
	answer = strstr(answer, "HTTP/1.1 200");
	CHECK(answer && is_shed(answer));
	CHECK(!has(answer, "(closed)"));
	CHECK_EQ(shed_count(), 2);
	answer_one();
	CHECK(has(ask(two, GET("/hello")), "hello\n"));
	close(one);
	close(two);
	end();
}

TEST(a_small_body_is_let_pass_for_the_connection)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();
	const char *answer =
		ask(two, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");

	CHECK(is_shed(answer));
	CHECK(!has(answer, "Connection: close"));
	answer_one();
	CHECK(has(ask(two, "world" GET("/hello")), "HTTP/1.1 200"));
	CHECK_EQ(called, 2);
	close(one);
	close(two);
	end();
}

TEST(a_large_one_ends_it_and_is_not_waited_for)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();
	const char *answer =
		ask(two, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\nhello");

	CHECK(is_shed(answer));
	CHECK(has(answer, "\r\nConnection: close\r\n"));
	close(one);
	close(two);
	end();
}

TEST(who_waits_to_be_told_to_go_on_is_told_no)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();
	const char *answer = ask(two, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n"
				      "Expect: 100-continue\r\n\r\n");

	CHECK(!has(answer, "100 Continue"));
	CHECK(is_shed(answer));
	CHECK(has(answer, "\r\nConnection: close\r\n"));
	close(one);
	close(two);
	end();
}

TEST(a_body_on_its_way_counts_and_one_that_breaks_off_does_not)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = connect_client(), two = connect_client();

	CHECK_STR(ask(one, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhell"), "");
	CHECK(is_shed(ask(two, GET("/hello"))));
	close(one);
	settle();
	CHECK_EQ(state().requests, 0);
	CHECK(has(ask(two, GET("/hello")), "hello\n"));
	close(two);
	end();
}

TEST(a_client_that_leaves_does_not_make_its_handler_any_faster)
{
	serve_with((ouro_shed_opts){ .requests_max = 1 });
	int one = ask_to_keep(), two = connect_client();

	close(one);
	settle();
	CHECK(is_shed(ask(two, GET("/hello"))));
	ouro_req_reply(ouro_req_find(loop, kept[0]), 200, NULL, ouro_str_z("")); /* OURO_ECLOSED */
	CHECK(has(ask(two, GET("/hello")), "hello\n"));
	close(two);
	end();
}

/* ---- What has begun and goes on is no request any more ---- */

static void start_feed(ouro_req *req, void *arg)
{
	ouro_feed *feed;

	(void)arg;
	CHECK_EQ(ouro_feed_start(req, NULL, &feed), 0);
}

static void start_ws(ouro_req *req, void *arg)
{
	ouro_ws *ws;

	(void)arg;
	if (!ouro_ws_accept(req, NULL, &ws))
		CHECK_EQ(ouro_ws_on_message(ws, NULL, NULL), 0);
}

static void start_either(ouro_req *req, void *arg)
{
	if (ouro_req_header(req, "Upgrade").ptr)
		start_ws(req, arg);
	else
		start_feed(req, arg);
}

TEST(event_streams_and_web_sockets_do_not_count)
{
	ouro_shed_opts shed = { .requests_max = 1 };

	open_server((ouro_http_opts){ .on_request = start_either, .shed = &shed });
	int one = connect_client(), two = connect_client(), three = connect_client();

	CHECK(has(ask(one, HELLO), "text/event-stream"));
	CHECK(has(ask(two, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
			   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
		  "101 Switching"));
	CHECK(has(ask(three, HELLO), "text/event-stream"));
	CHECK_EQ(state().requests, 0);
	close(one);
	close(two);
	close(three);
	end();
}

/* ---- Lag ---- */

TEST(a_loop_that_is_held_again_and_again_sheds)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	CHECK(has(ask(fd, GET("/slow")), "slow\n"));
	CHECK(!ouro_server_is_shedding(server)); /* half of 300 */
	CHECK(has(ask(fd, GET("/slow")), "slow\n"));
	settle();
	CHECK(is_shed(ask(fd, GET("/slow"))));
	CHECK_EQ(called, 2);
	CHECK_STR(said, "[lag 224/200]");
	close(fd);
	end();
}

TEST(and_takes_requests_again_when_it_has_recovered_although_nobody_asks)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	ask(fd, GET("/slow") GET("/slow") GET("/slow") GET("/slow"));
	settle();
	CHECK(is_shed(ask(fd, GET("/hello"))));
	pass(100);
	CHECK(ouro_server_is_shedding(server));
	pass(400);
	CHECK_STR(said, "[over after 1]");
	CHECK(!ouro_server_is_shedding(server));
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

TEST(one_block_sheds_only_when_it_is_twice_the_mark)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	ask(fd, GET("/slow"));
	for (int i = 0; i < 8; i++) {
		CHECK(has(ask(fd, GET("/hello")), "hello\n"));
		pass(50);
	}
	CHECK_EQ(shed_count(), 0);
	CHECK(state().lag_ns < 60 * MS);
	close(fd);
	end();
}

/* The turns are short, but there are none for half a second: a host has something else to do. */
TEST(a_host_that_comes_too_late_is_seen_too)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	CHECK_EQ(ouro_loop_advance(loop, 550), 0);
	ask(fd, GET("/hello")); /* it looks behind the I/O of this turn */
	CHECK(is_shed(ask(fd, GET("/hello"))));
	CHECK_STR(said, "[lag 225/200]");
	close(fd);
	end();
}

/* A server that answers nothing but 503 is quick: that alone must not keep it shedding. */
TEST(a_flood_of_requests_that_are_shed_does_not_keep_it_from_recovering)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	ask(fd, GET("/slow") GET("/slow") GET("/slow") GET("/slow"));
	settle();
	CHECK(is_shed(ask(fd, GET("/hello"))));
	for (int i = 0; i < 20 && is_shed(ask(fd, GET("/hello"))); i++)
		pass(50);
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

/* ---- The pool, and what is yours ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int wait_at_the_gate(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return 0;
}

static void count_done(int err, void *arg)
{
	(void)err;
	++*(int *)arg;
}

TEST(operations_that_wait_for_the_pool_are_counted)
{
	int done = 0, fd;

	serve_with((ouro_shed_opts){ .pool_max = 10, .pool_low = 2 });
	fd = connect_client();
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 20; i++)
		CHECK(ouro_pool_run(loop, wait_at_the_gate, count_done, &done).id != 0);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	CHECK_STR(state().why, "pool");
	CHECK(state().value >= 10);
	CHECK(has(ask(fd, GET("/metrics")), "hello\n"));
	pthread_mutex_unlock(&gate);
	while (done < 20)
		ouro_loop_turn(loop);
	pass(200);
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

static uint64_t crew_depth, queue_depth;

static uint64_t read_depth(ouro_loop *of, void *arg)
{
	CHECK(of == loop);
	return *(const uint64_t *)arg;
}

static const ouro_depth depths[] = {
	{ "crew", read_depth, &crew_depth, .max = 100, .low = 80 },
	{ "queue", read_depth, &queue_depth, .max = 10, .low = 0 },
	{ .fn = NULL },
};

TEST(so_is_whatever_else_has_a_depth_and_a_name)
{
	serve_with((ouro_shed_opts){ .depths = depths });
	int fd = connect_client();

	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	crew_depth = 100;
	pass(100);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	CHECK_STR(state().why, "crew");
	queue_depth = 6;
	crew_depth = 81;
	pass(100);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	crew_depth =
		80; /* and the queue is above its lower mark, which ends no later than its own */
	pass(100);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	queue_depth = 5;
	pass(100);
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

static ouro_depth of_a_crew[] = {
	{ "jobs", ouro_crew_waiting, NULL, .max = 3, .low = 1 },
	{ .fn = NULL },
};

TEST(a_crew_with_too_many_calls_sheds_until_it_has_done_them)
{
	struct asked busy = { .answers = 0 }, waiting[3] = { 0 };
	ouro_crew *crew;
	ouro_op op;
	int fd;

	serve_with((ouro_shed_opts){ .depths = of_a_crew });
	of_a_crew[0].arg = crew = start_crew(loop, OURO_THREADS, 1);
	fd = connect_client();
	op = ask_for(crew, "wait", "", &busy);
	turn_until(loop, stats_of(crew).running);
	CHECK_EQ(ouro_crew_waiting(loop, crew), 0); /* what runs does not wait */
	for (int i = 0; i < 3; i++)
		ask_for(crew, "echo", "", &waiting[i]);
	CHECK_EQ(ouro_crew_waiting(loop, crew), 3);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	CHECK_STR(state().why, "jobs");
	CHECK_EQ(state().value, 3);
	CHECK_EQ(state().mark, 3);
	CHECK(ouro_op_cancel(loop, op));
	turn_until(loop, waiting[2].answers);
	pass(200);
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

TEST(a_crew_that_is_taken_out_of_its_depth_may_go_before_the_server)
{
	struct asked waiting[4] = { 0 };
	ouro_crew *crew;
	int fd;

	serve_with((ouro_shed_opts){ .depths = of_a_crew });
	of_a_crew[0].arg = crew = start_crew(loop, OURO_THREADS, 1);
	fd = connect_client();
	for (int i = 0; i < 4; i++)
		ask_for(crew, i ? "echo" : "wait", "", &waiting[i]);
	CHECK(is_shed(ask(fd, GET("/hello"))));
	close(fd);
	of_a_crew[0].arg = NULL;
	ouro_crew_close(crew);
	/* No call holds the clock any more: what is idle may be closed before the thread has gone. */
	turn_until(loop, waiting[3].answers && !ouro_crew_next(loop, NULL));
	CHECK_EQ(ouro_crew_waiting(loop, NULL), 0);
	pass(200);
	fd = connect_client();
	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	close(fd);
	end();
}

/* ---- What it costs, and what it says ---- */

static uint64_t live_timers(void)
{
	ouro_loop_stats stats;

	ouro_loop_get_stats(loop, &stats);
	return stats.timers;
}

TEST(who_is_not_asked_does_not_look)
{
	serve_with((ouro_shed_opts){ .lag_ms = 200 });
	int fd = connect_client();

	uint64_t before = live_timers();

	CHECK(has(ask(fd, GET("/hello")), "hello\n"));
	CHECK_EQ(live_timers(), before + 2); /* for idle connections, and the look */
	pass(250);
	CHECK_EQ(live_timers(), before + 1);
	close(fd);
	end();
}

/* Up and down around its mark, a thousand times. */
TEST(what_goes_up_and_down_is_told_ten_times_a_second_at_most)
{
	int busy, fd;

	serve_with((ouro_shed_opts){ .requests_max = 1 });
	busy = connect_client();
	fd = connect_client();
	for (int i = 0; i < 500; i++) {
		send_text(busy, GET("/keep"));
		settle();
		CHECK(is_shed(ask(fd, GET("/hello"))));
		answer_one();
		received(busy);
	}
	CHECK_STR(said, "[requests 1/1]");
	CHECK_EQ(state().times, 1);
	pass(250);
	CHECK_STR(said, "[over after 500]");
	close(busy);
	close(fd);
	end();
}

TEST(marks_without_sense_are_refused_in_words)
{
	static const ouro_depth nameless = { .fn = read_depth, .max = 1 };
	static const ouro_depth endless[] = { { "x", read_depth, NULL, 0, 0 }, { .fn = NULL } };
	static const ouro_depth upside_down[] = { { "x", read_depth, NULL, 1, 2 }, { .fn = NULL } };
	const ouro_shed_opts wrong[] = {
		{ .look_ms = 1 },
		{ .requests_max = 1, .requests_low = 2 },
		{ .lag_low_ms = 1, .pool_max = 1 },
		{ .lag_ms = 1, .pool_low = 1 },
		{ .depths = &nameless },
		{ .depths = endless },
		{ .depths = upside_down },
		{ .depths = &depths[2] },
	};

	loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .shed = &wrong[i] }, &server),
			 -EINVAL);
	CHECK(has(logged, "shed has no mark\n"));
	CHECK(has(logged, "requests_low is more than requests_max\n"));
	CHECK(has(logged, "lag_low_ms is more than lag_ms\n"));
	CHECK(has(logged, "pool_low is more than pool_max\n"));
	CHECK(has(logged, "a depth of shed has no name\n"));
	CHECK(has(logged, "a depth of shed has no max\n"));
	CHECK(has(logged, "a depth's low is more than its max\n"));
	end();
}

TEST(a_server_without_marks_says_so)
{
	serve(keep);
	CHECK(!ouro_server_is_shedding(server));
	CHECK_EQ(state().requests, 0);
	CHECK_STR(state().why, "");
	end();
}

/* ---- The end ---- */

static void close_server(ouro_server *of, const ouro_shed_state *now, void *arg)
{
	(void)now, (void)arg;
	say("closing");
	ouro_server_close(of, 0);
}

static void free_loop(ouro_server *of, const ouro_shed_state *now, void *arg)
{
	(void)of, (void)now, (void)arg;
	say("freeing");
	ouro_loop_free(loop);
}

static void try_to_end(ouro_shed_fn *fn)
{
	ouro_shed_opts shed = { .requests_max = 1, .on_shed = fn };

	said[0] = 0;
	open_server((ouro_http_opts){ .on_request = keep, .shed = &shed });
}

TEST(the_hook_may_close_the_server)
{
	try_to_end(close_server);
	int one = connect_client(), two = connect_client();

	CHECK_STR(ask(one, HELLO), "");
	ask(two, HELLO);
	CHECK_STR(said, "closing");
	CHECK_EQ(ouro_req_reply(ouro_req_find(loop, kept[0]), 200, NULL, ouro_str_z("")),
		 OURO_ECLOSED);
	close(one);
	close(two);
	end();
}

TEST(or_free_the_loop)
{
	try_to_end(free_loop);
	int one = connect_client(), two = connect_client();

	send_text(one, HELLO);
	send_text(two, HELLO);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "freeing");
	close(one);
	close(two);
}

static int shed_without_memory(void)
{
	ouro_shed_opts shed = { .requests_max = 1, .lag_ms = 100 };
	int err = -ENOMEM, pair[2];

	kept_count = 0;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (loop)
		err = ouro_http_open(loop, &(ouro_http_opts){ .on_request = keep, .shed = &shed },
				     &server);
	if (!err)
		err = ouro_server_adopt(server, pair[1]);
	if (err)
		close(pair[1]);
	else
		send_text(pair[0], HELLO);
	for (int i = 0; !err && i < 8; i++)
		ouro_loop_turn(loop);
	ouro_loop_free(loop);
	close(pair[0]);
	return err;
}

TEST(without_memory_nothing_is_lost)
{
	CHECK(for_each_failing_allocation(shed_without_memory) > 4);
}

/* ---- The attack ---- */

#define FLOOD (600 / TEST_SLOW)
#define MARK  20

/* A worker that takes its time: one answer each time it is asked. */
static void answer_oldest(void)
{
	if (answered_count < kept_count)
		answer_one();
}

/* A wave of clients far beyond the limit. Who is taken waits for MARK others at most, however many
 * there are; everybody else has his answer before the worker has done anything at all. */
TEST(a_flood_costs_those_who_are_served_nothing)
{
	static int fds[FLOOD];
	unsigned shed = 0;

	serve_with((ouro_shed_opts){ .requests_max = MARK });
	for (unsigned i = 0; i < FLOOD; i++) {
		fds[i] = connect_client();
		send_text(fds[i], GET("/keep"));
	}
	settle();
	CHECK_EQ(called, MARK);
	for (unsigned i = 0; i < FLOOD; i++)
		shed += is_shed(received(fds[i]));
	CHECK_EQ(shed, FLOOD - MARK);
	CHECK_EQ(shed_count(), FLOOD - MARK);
	for (unsigned i = 0; i < MARK; i++)
		answer_oldest();
	CHECK_EQ(state().requests, 0);
	for (unsigned i = 0; i < MARK; i++)
		CHECK(has(received(fds[i]), "kept\n"));
	for (unsigned i = 0; i < FLOOD; i++)
		close(fds[i]);
	end();
}

/* And wave after wave, each bringing more than the worker does meanwhile. */
TEST(however_long_it_lasts)
{
	enum { WAVES = 30, EACH = 40 };
	static int fds[EACH];
	unsigned most = 0;

	serve_with((ouro_shed_opts){ .requests_max = MARK, .requests_low = MARK - 1 });
	for (unsigned i = 0; i < EACH; i++)
		fds[i] = connect_client();
	for (unsigned wave = 0; wave < WAVES / (TEST_SLOW > 1 ? 3 : 1); wave++) {
		for (unsigned i = 0; i < EACH; i++)
			send_text(fds[i], GET("/keep"));
		settle();
		if (kept_count - answered_count > most)
			most = kept_count - answered_count;
		for (unsigned i = 0; i < MARK / 2; i++)
			answer_oldest();
	}
	CHECK_EQ(most, MARK);
	while (answered_count < kept_count)
		answer_oldest();
	for (unsigned i = 0; i < EACH; i++)
		close(fds[i]);
	end();
}
