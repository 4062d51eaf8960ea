/* gzip.c -- answers that are compressed: which, how, for whom; in place and on the pool; whole and in
 * pieces; with clients that go, clients that wait, and memory that runs out. */
#include "../http/desk.h"
#include "ouro-gzip.h"
#include "ouro/events.h"
#include "ouro/pool.h"
#include "ouro/static.h"
#include <zlib.h>

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"
#define ASK GET "Accept-Encoding: gzip\r\n\r\n"

static ouro_gzip *gzip;
static ouro_gzip_opts opts;
static ouro_route routes[3];

/* ---- What is answered ---- */

static char *body; /* of BODY_LEN bytes */
static size_t body_len = 5000;
static const char *type = "text/plain";
static int status = 200;
static const char *fields[4]; /* name, value */
static bool is_static;

static void fill(void)
{
	uint32_t seed = 7;

	free(body);
	body = malloc(body_len + 1);
	for (size_t i = 0; i < body_len; i++)
		body[i] = "the quick brown fox\n"[random_below(&seed, 20)];
	body[body_len] = '\0';
}

static void set_fields(ouro_req *req)
{
	for (size_t i = 0; i < 4 && fields[i]; i += 2)
		CHECK_EQ(ouro_req_set(req, fields[i], ouro_str_z(fields[i + 1])), 0);
}

static void answer_whole(ouro_req *req, void *arg)
{
	ouro_str all = ouro_str_n(body, body_len);

	(void)arg;
	set_fields(req);
	if (is_static)
		ouro_req_reply_static(req, status, type, all);
	else
		ouro_req_reply(req, status, type, all);
}

/* ---- The desk ---- */

static void desk_of(ouro_req_fn *fn, ouro_http_opts more)
{
	routes[0] = (ouro_route){ .path = "/", .fn = fn, .wrap = ouro_gzip_wrap };
	more.routes = routes;
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = keep_log });
	CHECK(loop != NULL);
	CHECK_EQ(ouro_gzip_new(loop, &opts, &gzip), 0);
	routes[0].arg = gzip;
	CHECK_EQ(ouro_http_open(loop, &more, &server), 0);
	fill();
}

static void desk(ouro_req_fn *fn)
{
	desk_of(fn, (ouro_http_opts){ .write_ms = OURO_NEVER });
}

static void leave(void)
{
	ouro_gzip_stats stats;

	end();
	ouro_gzip_get_stats(gzip, &stats);
	CHECK_EQ(stats.active, 0);
	ouro_gzip_free(gzip);
	free(body);
	body = NULL;
}

/* ---- A client ---- */

static char got[4 << 20];
static size_t got_len;

/* Turns until the answer is whole: a chunk of no length, or its length. */
static bool is_whole(void)
{
	const char *length = strstr(got, "Content-Length: "), *at = strstr(got, "\r\n\r\n");

	if (!at)
		return false;
	if (length && length < at)
		return got_len == (size_t)(at + 4 - got) + strtoul(length + 16, NULL, 10);
	if (!strncmp(got, "HTTP/1.1 204", 12) || !strncmp(got, "HTTP/1.1 304", 12))
		return true;
	return got_len > 5 && !memcmp(got + got_len - 5, "0\r\n\r\n", 5);
}

static void hear_some(int fd, size_t most)
{
	ssize_t n = recv(fd, got + got_len, most, 0);

	got_len += n > 0 ? (size_t)n : 0;
	got[got_len] = '\0';
	CHECK(n != 0);
}

static void hear_all(int fd)
{
	got_len = 0;
	got[0] = '\0';
	while (!is_whole()) {
		ouro_loop_turn(loop);
		hear_some(fd, 100000);
	}
}

/* It was cut: no end, and the connection is closed. */
static void hear_the_end(int fd)
{
	ssize_t n;

	got_len = 0;
	do {
		ouro_loop_turn(loop);
		n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
		got_len += n > 0 ? (size_t)n : 0;
	} while (n);
	CHECK(got_len < 5 || memcmp(got + got_len - 5, "0\r\n\r\n", 5) != 0);
}

static const char *answer_to(const char *request)
{
	int fd = connect_client();

	send_text(fd, request);
	hear_all(fd);
	close(fd);
	return got;
}

/* The body, out of its chunks; into the same place. */
static size_t unchunk(char **ret_body)
{
	char *at = strstr(got, "\r\n\r\n") + 4, *to = at;
	size_t n;

	*ret_body = at;
	while ((n = strtoul(at, &at, 16))) {
		memmove(to, at + 2, n);
		to += n;
		at += 2 + n;
	}
	return (size_t)(to - *ret_body);
}

/* What it was before; whether its end was there, *ret_end. */
static size_t unzip(const char *bytes, size_t len, char *room, size_t most, bool *ret_end)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)bytes,
		       .avail_in = (unsigned)len,
		       .next_out = (unsigned char *)room,
		       .avail_out = (unsigned)most };
	int result;

	CHECK_EQ(inflateInit2(&z, 15 + 16), Z_OK);
	result = inflate(&z, Z_SYNC_FLUSH);
	CHECK(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
	*ret_end = result == Z_STREAM_END;
	inflateEnd(&z);
	return most - z.avail_out;
}

static bool is_zipped(void)
{
	return has(got, "\r\nContent-Encoding: gzip\r\n");
}

static void check_same(const char *wanted, size_t len)
{
	char *bytes, *room = malloc(len + 1);
	size_t n = unchunk(&bytes);
	bool at_end;

	CHECK(is_zipped());
	CHECK_EQ(unzip(bytes, n, room, len + 1, &at_end), len);
	CHECK(at_end && !memcmp(room, wanted, len));
	free(room);
}

/* ---- Which answers ---- */

TEST(who_asks_for_gzip_gets_it)
{
	desk(answer_whole);
	answer_to(ASK);
	CHECK(has(got, "\r\nVary: Accept-Encoding\r\n") && !has(got, "Content-Length"));
	check_same(body, body_len);
	CHECK(!has(answer_to(GET "\r\n"), "gzip"));
	CHECK(has(got, "\r\nVary: Accept-Encoding\r\n") && has(got, "Content-Length: 5000\r\n"));
	CHECK(has(got, body));
	leave();
}

TEST(a_server_may_say_so_for_all_that_it_answers)
{
	CHECK((loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL })) != NULL);
	CHECK_EQ(ouro_gzip_new(loop, NULL, &gzip), 0);
	CHECK_EQ(ouro_http_open(loop,
				&(ouro_http_opts){ .on_request = answer_whole,
						   .wrap = ouro_gzip_wrap,
						   .wrap_arg = gzip },
				&server),
		 0);
	fill();
	answer_to(ASK);
	check_same(body, body_len);
	leave();
}

static void wanted(const char *lines, bool yes)
{
	char request[512];

	snprintf(request, sizeof(request), GET "%s\r\n", lines);
	answer_to(request);
	if (is_zipped() != yes)
		fprintf(stderr, "# to %s\n", lines);
	CHECK_EQ(is_zipped(), yes);
}

TEST(weights_decide)
{
	desk(answer_whole);
	wanted("Accept-Encoding: gzip, deflate, br\r\n", true);
	wanted("Accept-Encoding: GZIP;q=0.001\r\n", true);
	wanted("Accept-Encoding: x-gzip\r\n", true);
	wanted("Accept-Encoding: *\r\n", true);
	wanted("Accept-Encoding: br\r\nAccept-Encoding: gzip ; Q=1.000\r\n", true);
	wanted("Accept-Encoding: identity;q=0.5, gzip\r\n", true);
	wanted("Accept-Encoding: , gzip ,\r\n", true);
	wanted("Accept-Encoding: gzip;q=0\r\n", false);
	wanted("Accept-Encoding: gzip;q=0, *\r\n", false);
	wanted("Accept-Encoding: *;q=0\r\n", false);
	wanted("Accept-Encoding: identity, gzip;q=0.5\r\n", false);
	wanted("Accept-Encoding: br\r\n", false);
	wanted("Accept-Encoding:\r\n", false);
	wanted("Accept-Encoding: gzip;q=2\r\n", false);
	wanted("Accept-Encoding: gzip;q=1.001\r\n", false);
	wanted("Accept-Encoding: gzip;q=0.0001\r\n", false);
	wanted("Accept-Encoding: gzip;q=\r\n", false);
	wanted("Accept-Encoding: gzip;level=9\r\n", false);
	wanted("Accept-Encoding: gzip deflate\r\n", false);
	wanted("Accept-Encoding: gzip\r\nAccept-Encoding: \"br\"\r\n", false);
	leave();
}

static void typed(const char *as, bool yes)
{
	type = as;
	answer_to(ASK);
	CHECK_EQ(is_zipped(), yes);
	CHECK_EQ(has(got, "Vary"), yes);
}

TEST(text_of_all_kinds_is_compressed_and_nothing_else)
{
	desk(answer_whole);
	typed("text/html; charset=utf-8", true);
	typed("Application/JSON", true);
	typed("application/problem+json", true);
	typed("image/svg+xml", true);
	typed("image/png", false);
	typed("application/octet-stream", false);
	typed("text", false);
	typed(NULL, false);
	fields[0] = "Content-Type", fields[1] = "text/css";
	typed(NULL, true);
	leave();
}

TEST(the_types_may_be_others)
{
	static const char *const types[] = { "application/x-*", "image/bmp", NULL };

	opts.types = types;
	desk(answer_whole);
	typed("image/bmp", true);
	typed("application/x-tar", true);
	typed("text/plain", false);
	leave();
}

static void with(const char *name, const char *value, bool yes)
{
	fields[0] = name, fields[1] = value;
	answer_to(ASK);
	CHECK_EQ(is_zipped(), yes);
}

TEST(what_has_its_form_already_keeps_it)
{
	desk(answer_whole);
	with("Content-Encoding", "br", false);
	CHECK(has(got, "Content-Encoding: br"));
	with("Content-Range", "bytes 0-4999/6000", false);
	with("Content-Digest", "sha-256=:x:", false);
	with("Cache-Control", "max-age=1, No-Transform", false);
	with("Cache-Control", "max-age=1", true);
	with("Vary", "Accept-Encoding, Origin", true);
	CHECK(!strstr(strstr(got, "Vary") + 4, "Vary"));
	with("Vary", "Origin", true);
	CHECK(strstr(strstr(got, "Vary") + 4, "Vary"));
	leave();
}

TEST(an_etag_is_made_weak)
{
	desk(answer_whole);
	with("ETag", "\"x\"", true);
	CHECK(has(got, "\r\nETag: W/\"x\"\r\n"));
	with("ETag", "W/\"y\"", true);
	CHECK(has(got, "\r\nETag: W/\"y\"\r\n"));
	CHECK(has(answer_to(GET "\r\n"), "\r\nETag: W/\"y\"\r\n"));
	leave();
}

TEST(a_status_may_have_no_such_body)
{
	desk(answer_whole);
	status = 206;
	CHECK(!has(answer_to(ASK), "gzip"));
	status = 404;
	CHECK(has(answer_to(ASK), "gzip"));
	body_len = 0;
	status = 204;
	CHECK(!has(answer_to(ASK), "gzip"));
	status = 304;
	CHECK(!has(answer_to(ASK), "gzip"));
	leave();
}

TEST(what_is_short_stays_as_it_is)
{
	desk(answer_whole);
	body_len = 1023;
	CHECK(!has(answer_to(ASK), "Vary"));
	body_len = 1024;
	CHECK(has(answer_to(ASK), "gzip"));
	leave();
}

TEST(head_has_the_fields_and_the_next_request_its_answer)
{
	int fd;

	desk(answer_whole);
	fd = connect_client();
	send_text(fd, "HEAD / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
	CHECK(has(received(fd), "Content-Encoding: gzip\r\n"));
	send_text(fd, ASK);
	hear_all(fd);
	check_same(body, body_len);
	close(fd);
	leave();
}

TEST(http_1_0_gets_it_to_the_end_of_the_connection)
{
	int fd;
	char room[6000];
	const char *text;
	bool at_end;

	desk(answer_whole);
	fd = connect_client();
	send_text(fd, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
	settle();
	got_len = (size_t)recv(fd, got, sizeof(got), 0);
	text = strstr(got, "\r\n\r\n") + 4;
	CHECK_EQ(unzip(text, got_len - (size_t)(text - got), room, sizeof(room), &at_end), 5000);
	CHECK(at_end && !memcmp(room, body, 5000));
	close(fd);
	leave();
}

/* ---- Sizes ---- */

TEST(a_body_of_any_length_is_the_same_again)
{
	static const size_t lengths[] = { 1024, 16384, 16385, 65536, 65537, 131072, 1000000 };

	desk(answer_whole);
	for (unsigned i = 0; i < 2 * sizeof(lengths) / sizeof(*lengths); i++) {
		body_len = lengths[i / 2];
		is_static = i % 2;
		fill();
		answer_to(ASK);
		check_same(body, body_len);
	}
	leave();
}

TEST(what_does_not_get_smaller_is_the_same_again)
{
	uint32_t seed = 3;

	desk(answer_whole);
	body_len = 300000;
	fill();
	for (size_t i = 0; i < body_len; i++)
		body[i] = (char)random_below(&seed, 256);
	answer_to(ASK);
	check_same(body, body_len);
	leave();
}

TEST(a_large_body_goes_to_the_pool_and_a_short_one_does_not)
{
	ouro_pool_stats figures;

	desk(answer_whole);
	answer_to(ASK);
	ouro_pool_get_stats(loop, &figures);
	CHECK_EQ(figures.lane[OURO_LANE_USER].done, 0);
	body_len = 200000;
	fill();
	answer_to(ASK);
	ouro_pool_get_stats(loop, &figures);
	CHECK_EQ(figures.lane[OURO_LANE_USER].done, 3); /* the fourth portion is short */
	leave();
}

TEST(many_at_once_are_told_apart)
{
	int fd[20];

	body_len = 100000;
	opts.level = 1;
	desk(answer_whole);
	for (int i = 0; i < 20; i++) {
		fd[i] = connect_client();
		send_text(fd[i], ASK);
	}
	for (int i = 19; i >= 0; i--) {
		hear_all(fd[i]);
		check_same(body, body_len);
		close(fd[i]);
	}
	leave();
}

TEST(more_than_most_go_as_they_are)
{
	ouro_gzip_stats stats;
	int fd[3];

	opts.most = 2;
	body_len = 200000;
	desk(answer_whole);
	for (int i = 0; i < 3; i++) {
		fd[i] = connect_client();
		send_text(fd[i], ASK);
	}
	settle();
	hear_all(fd[2]);
	CHECK(!is_zipped() && has(got, "Vary"));
	for (int i = 0; i < 2; i++) {
		hear_all(fd[i]);
		check_same(body, body_len);
	}
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	ouro_gzip_get_stats(gzip, &stats);
	CHECK_EQ(stats.answers, 2);
	CHECK_EQ(stats.full, 1);
	CHECK_EQ(stats.bytes_in, 2 * body_len);
	CHECK(stats.bytes_out > 1000 && stats.bytes_out < stats.bytes_in);
	leave();
}

/* ---- In pieces ---- */

static ouro_req *at_hand;

static void start_pieces(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_start(req, 200, "text/event-stream"), 0);
	at_hand = req;
}

TEST(each_piece_can_be_read_when_it_is_written)
{
	char room[64], *bytes;
	bool at_end;
	size_t n;
	int fd;

	desk(start_pieces);
	fd = connect_client();
	send_text(fd, ASK);
	settle();
	got_len = 0;
	hear_some(fd, sizeof(got) - 1);
	CHECK(is_zipped());
	CHECK(ouro_req_write(at_hand, ouro_str_z("data: one\n\n")) >= 0);
	settle();
	hear_some(fd, 4096);
	strcpy(got + got_len, "0");
	n = unchunk(&bytes);
	CHECK_EQ(unzip(bytes, n, room, sizeof(room), &at_end), 11);
	CHECK(!at_end && !memcmp(room, "data: one\n\n", 11));
	CHECK(ouro_req_write(at_hand, ouro_str_z("data: two\n\n")) >= 0);
	CHECK_EQ(ouro_req_end(at_hand), 0);
	settle();
	close(fd);
	leave();
}

static void write_to_length(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set_length(req, body_len);
	ouro_req_start(req, 200, type);
	for (size_t at = 0; at < body_len; at += body_len / 10)
		CHECK(ouro_req_write(req, ouro_str_n(body + at, body_len / 10)) >= 0);
	CHECK_EQ(ouro_req_write(req, ouro_str_z("x")), -EINVAL);
	CHECK_EQ(ouro_req_end(req), 0);
}

TEST(an_answer_of_a_known_length_is_kept_to_it)
{
	desk(write_to_length);
	answer_to(ASK);
	check_same(body, body_len);
	body_len = 2000000;
	fill();
	answer_to(ASK);
	check_same(body, body_len);
	leave();
}

static void write_too_little(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set_length(req, 5000);
	ouro_req_start(req, 200, type);
	ouro_req_write(req, ouro_str_n(body, 4999));
	CHECK_EQ(ouro_req_end(req), -EINVAL);
}

TEST(an_answer_shorter_than_its_length_is_cut)
{
	int fd;

	desk(write_too_little);
	fd = connect_client();
	send_text(fd, ASK);
	hear_the_end(fd);
	close(fd);
	leave();
}

/* ---- Back-pressure ---- */

static size_t written, most_waiting;
static bool has_ended;

static void write_on(ouro_req *req, void *arg)
{
	int64_t waiting = 0;

	(void)arg;
	while (written < body_len && waiting >= 0 && waiting < 65536) {
		size_t n = body_len - written < 40000 ? body_len - written : 40000;

		waiting = ouro_req_write(req, ouro_str_n(body + written, n));
		written += n;
		if (waiting > (int64_t)most_waiting)
			most_waiting = (size_t)waiting;
	}
	if (waiting < 0 || written == body_len) {
		has_ended = true;
		ouro_req_end(req);
	}
}

static void write_much(ouro_req *req, void *arg)
{
	ouro_req_start(req, 200, type);
	ouro_req_on_drain(req, write_on, arg);
	written = most_waiting = 0;
	has_ended = false;
	write_on(req, arg);
}

TEST(a_handler_hears_when_to_go_on)
{
	uint32_t seed = 3;

	body_len = 1200000;
	desk(write_much);
	for (size_t i = 0; i < body_len; i++)
		body[i] = (char)random_below(&seed, 256);
	answer_to(ASK);
	CHECK(has_ended);
	CHECK(most_waiting < 300000);
	check_same(body, body_len);
	leave();
}

TEST(a_client_that_takes_nothing_costs_no_more)
{
	uint32_t seed = 3;
	size_t before;
	int fd;

	body_len = 1200000;
	is_static = true;
	desk(answer_whole);
	for (size_t i = 0; i < body_len; i++)
		body[i] = (char)random_below(&seed, 256);
	fd = connect_client();
	send_text(fd, ASK);
	settle();
	before = test_memory.held;
	for (int i = 0; i < 3; i++)
		pass(1); /* virtual time: nothing is out at the pool any more */
	CHECK(test_memory.held < before + (1 << 20));
	hear_all(fd);
	check_same(body, body_len);
	close(fd);
	leave();
}

/* ---- Ends ---- */

static unsigned dones;

static void count_done(ouro_req *req, const ouro_req_done *done, void *arg)
{
	(void)req, (void)done, (void)arg;
	dones++;
}

TEST(a_client_may_go_at_any_moment)
{
	body_len = 200000;
	opts.level = 1;
	desk_of(answer_whole, (ouro_http_opts){ .on_done = count_done });
	for (unsigned i = 0; i < 16; i++) {
		int fd = connect_client();

		send_text(fd, ASK);
		for (unsigned turns = 0; turns < i; turns++) {
			ouro_loop_turn(loop);
			if (turns % 3 == 2) {
				got_len = 0;
				if (recv(fd, got, 1000 * i, MSG_DONTWAIT) == 0)
					break;
			}
		}
		close(fd);
		answer_to(ASK);
		check_same(body, body_len);
		CHECK_EQ(dones, 2);
		dones = 0;
	}
	leave();
}

TEST(a_loop_may_be_freed_at_any_moment)
{
	body_len = 200000;
	opts.level = 1;
	for (unsigned i = 0; i < 16; i++) {
		int fd;

		desk(i % 2 ? answer_whole : write_much);
		fd = connect_client();
		send_text(fd, ASK);
		for (unsigned turns = 0; turns < i; turns++)
			ouro_loop_turn(loop);
		leave();
		close(fd);
	}
}

static void answer_twice(ouro_req *req, void *arg)
{
	ouro_req_id id = ouro_req_get_id(req);

	answer_whole(req, arg);
	CHECK_EQ(ouro_req_reply(req, 200, type, ouro_str_z("x")), -EALREADY);
	CHECK(!ouro_req_find(loop, id));
}

TEST(an_answer_that_is_under_way_is_an_answer)
{
	body_len = 100000;
	desk(answer_twice);
	answer_to(ASK);
	check_same(body, body_len);
	CHECK(has(logged, "answered a second time"));
	leave();
}

static void drop_it(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_start(req, 200, type);
	ouro_req_write(req, ouro_str_n(body, body_len));
	ouro_req_drop(req);
}

TEST(an_answer_that_is_dropped_is_cut)
{
	int fd;

	body_len = 100000;
	desk(drop_it);
	fd = connect_client();
	send_text(fd, ASK);
	hear_the_end(fd);
	close(fd);
	leave();
}

TEST(the_next_of_a_pipeline_waits_for_it)
{
	int fd;

	body_len = 100000;
	desk(answer_whole);
	fd = connect_client();
	send_text(fd, ASK "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
	got_len = 0;
	do {
		ouro_loop_turn(loop);
		hear_some(fd, 100000);
	} while (got_len < 14 || memcmp(got + got_len - 14, "404 Not Found\n", 14) != 0);
	CHECK(memmem(got, got_len, "\r\n0\r\n\r\nHTTP/1.1 404 ", 20) != NULL);
	check_same(body, body_len);
	close(fd);
	leave();
}

/* ---- What passes no filter ---- */

static void feed_it(ouro_req *req, void *arg)
{
	ouro_feed *feed;

	(void)arg;
	CHECK_EQ(ouro_feed_start(req, NULL, &feed), 0);
	ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z("x") });
}

TEST(feeds_are_left_as_they_are)
{
	int fd;

	desk(feed_it);
	fd = connect_client();
	CHECK(has(ask(fd, ASK), "data: x") && !has(received(fd), "gzip"));
	close(fd);
	leave();
}

/* ---- Memory ---- */

static void write_without_checks(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_req_start(req, 200, type))
		return;
	for (int i = 0; i < 3; i++)
		if (ouro_req_write(req, ouro_str_n(body, body_len)) < 0)
			return;
	ouro_req_end(req);
}

static bool without_memory(size_t nth)
{
	bool failed;
	int fd;

	desk(write_without_checks);
	fd = connect_client();
	send_text(fd, ASK);
	fail_allocation(nth);
	for (int i = 0; i < 50; i++)
		ouro_loop_turn(loop);
	failed = test_memory.taken >= test_memory.refused;
	fail_allocation(0);
	close(fd);
	settle();
	leave();
	return failed;
}

TEST(memory_may_run_out_at_every_step)
{
	size_t failed = 0;

	body_len = 30000;
	while (without_memory(failed + 1))
		failed++;
	CHECK(failed >= 2);
}

TEST(options_without_sense_are_refused)
{
	desk(answer_whole);
	CHECK_EQ(ouro_gzip_new(loop, &(ouro_gzip_opts){ .level = 10 }, &gzip), -EINVAL);
	CHECK_EQ(ouro_gzip_new(loop, &(ouro_gzip_opts){ .level = -1 }, &gzip), -EINVAL);
	ouro_gzip_free(NULL);
	leave();
}
