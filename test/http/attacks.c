/* attacks.c -- what clients do to servers, and the bound that holds each time.
 *
 * Every test is an attack that has brought some server down: by time, by memory, by descriptors, by
 * ending a connection at the wrong moment. Memory is what ouro has taken from its allocator; time
 * is virtual, so a deadline is checked to the millisecond. */
#include "http/visit.h"
#include <pthread.h>
#include <sys/resource.h>

#define MANY 200

static void site_begin(struct site *site, ouro_http_opts opts)
{
	site_loop(site);
	CHECK_EQ(site_open(site, opts), 0);
}

static void visit_many(struct site *site, int fds[MANY], const char *words)
{
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = visit(site);
		CHECK(fds[i] >= 0);
		if (words)
			tell(fds[i], words);
	}
	site_turn(site);
}

static void close_many(struct site *site, const int fds[MANY])
{
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	site_turn(site);
}

/* All of them, in order and with this answer; 0: without one. */
static void check_many_ended(struct site *site, const int fds[MANY], int status)
{
	for (unsigned i = 0; i < MANY; i++) {
		struct heard heard = { .bytes = 0 };

		hear(site, fds[i], &heard);
		CHECK(heard.closed && !heard.reset);
		CHECK_EQ(status_heard(&heard), status);
	}
}

/* ---- Time ---- */

TEST(slowloris_is_cut_when_head_ms_is_over_and_not_before)
{
	static const char head[] = HELLO;
	struct site site = { 0 };
	int fds[MANY];

	site_begin(&site, (ouro_http_opts){ .head_ms = 2000 });
	visit_many(&site, fds, NULL);
	for (unsigned at = 0; at < 19; at++) {
		for (unsigned i = 0; i < MANY; i++)
			CHECK_EQ(tell_bytes(fds[i], head + at, 1), 1);
		site_turn(&site);
		site_wait(&site, at ? 100 : 0, NULL, NULL);
		check_served(&site);
	}
	site_wait(&site, 199, NULL, NULL);
	CHECK_EQ(figures(&site).connections, MANY);
	site_wait(&site, 1, NULL, NULL);
	check_many_ended(&site, fds, 408);
	close_many(&site, fds);
	CHECK_EQ(figures(&site).connections, 0);
	CHECK_EQ(figures(&site).timeouts, MANY);
	site_free(&site);
}

TEST(the_silent_are_cut_when_head_ms_is_over)
{
	struct site site = { 0 };
	int fds[MANY];

	site_begin(&site, (ouro_http_opts){ 0 });
	visit_many(&site, fds, NULL);
	site_wait(&site, 9999, NULL, NULL);
	CHECK_EQ(figures(&site).connections, MANY);
	site_wait(&site, 1, NULL, NULL);
	CHECK_EQ(figures(&site).connections, 0);
	check_many_ended(&site, fds, 0);
	close_many(&site, fds);
	site_free(&site);
}

TEST(a_body_of_a_byte_a_second_is_cut)
{
	struct site site = { 0 };
	int fds[MANY];

	site_begin(&site, (ouro_http_opts){ .body_ms = 5000 });
	visit_many(&site, fds, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	for (unsigned second = 0; second < 5; second++) {
		CHECK_EQ(figures(&site).connections, MANY);
		for (unsigned i = 0; i < MANY; i++)
			tell(fds[i], "x");
		site_wait(&site, 1000, NULL, NULL);
	}
	check_many_ended(&site, fds, 408);
	close_many(&site, fds);
	site_free(&site);
}

/* ---- Memory ---- */

static size_t held(void)
{
	return test_memory.held;
}

/* A whole slab of records may have been made for the first of them. */
#define SLAB_ROOM (64u << 10)

TEST(an_idle_connection_has_no_buffer)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	int fds[MANY];
	size_t before;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	visit_many(&site, fds, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		tell(fds[i], HELLO);
		hear(&site, fds[i], &heard);
	}
	CHECK_EQ(figures(&site).idle, MANY);
	CHECK(held() - before <= MANY * 320 + SLAB_ROOM);
	close_many(&site, fds);
	site_free(&site);
}

/* lighttpd's CVE-2010-0295: a buffer for each read, however small. */
TEST(tiny_segments_cost_a_page_a_connection_and_no_more)
{
	struct site site = { 0 };
	int fds[MANY];
	size_t before;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	visit_many(&site, fds, "GET / HTTP/1.1\r\nX: ");
	for (unsigned n = 0; n < 500 / TEST_SLOW; n++) {
		for (unsigned i = 0; i < MANY; i++)
			CHECK_EQ(tell_bytes(fds[i], "y", 1), 1);
		site_turn(&site);
	}
	CHECK(held() - before <= MANY * (4096 + 4096) + SLAB_ROOM);
	close_many(&site, fds);
	CHECK_EQ(figures(&site).connections, 0);
	site_free(&site);
}

/* Node's CVE-2018-12121: many halves of the largest heads. */
TEST(half_heads_of_the_largest_size_cost_three_times_what_they_sent)
{
	static char half[16000];
	struct site site = { 0 };
	int fds[MANY];
	size_t before;

	memset(half, 'x', sizeof(half));
	memcpy(half, "GET / HTTP/1.1\r\nX: ", 19);
	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	visit_many(&site, fds, NULL);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_EQ(tell_bytes(fds[i], half, sizeof(half)), sizeof(half));
	site_turn(&site);
	CHECK_EQ(figures(&site).connections, MANY);
	CHECK(held() - before <= MANY * (3 * 16384) + SLAB_ROOM);
	check_served(&site);
	close_many(&site, fds);
	CHECK_EQ(figures(&site).connections, 0);
	CHECK(held() - before <= (2u << 20));
	site_free(&site);
}

/* A megabyte promised and ten bytes sent. */
TEST(a_body_costs_what_has_come_and_not_what_was_promised)
{
	struct site site = { 0 };
	int fds[MANY];
	size_t before;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	visit_many(&site, fds,
		   "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n0123456789");
	CHECK(held() - before <= MANY * (3 * 4096 + 1024) + SLAB_ROOM);
	close_many(&site, fds);
	site_free(&site);
}

/* As much as the server takes without being listened to; how many bytes. */
static size_t flood(struct site *site, int fd, const char *request, size_t most)
{
	size_t len = strlen(request), all = 0, n;

	do {
		while (all < most && (n = tell_bytes(fd, &request[all % len], len - all % len)) > 0)
			all += n;
	} while (all < most && site_turn(site));
	return all;
}

static unsigned count_words(const char *text, size_t len, const char *words)
{
	unsigned count = 0;

	for (const char *at = text;
	     (at = memmem(at, len - (size_t)(at - text), words, strlen(words))); at++)
		count++;
	return count;
}

/* Node's CVE-2013-4450. A million requests, and the client reads nothing: the server takes in what
 * it can answer, and no more. */
TEST(a_flood_of_pipelined_requests_that_nobody_reads_is_held_back)
{
	struct site site = { 0 };
	int fd;
	size_t before, sent;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	fd = visit(&site);
	sent = flood(&site, fd, HELLO, 1000000 * strlen(HELLO));
	CHECK(sent < 8u << 20);
	CHECK(held() - before < 256u << 10);
	check_served(&site);
	close(fd);
	site_turn(&site);
	CHECK_EQ(figures(&site).connections, 0);
	site_free(&site);
}

static char thousand[1000 * (sizeof(HELLO) - 1) + 1];

static void fill_thousand(void)
{
	for (unsigned i = 0; i < 1000; i++)
		memcpy(thousand + i * (sizeof(HELLO) - 1), HELLO, sizeof(HELLO));
}

/* How many answers to HELLO come in now; tail: what the last reading ended with. */
static size_t count_answers(int fd, char tail[16])
{
	static const char end[] = "\r\n\r\nhello\n";
	static char text[1 << 18];
	size_t had = strlen(tail), count;
	ssize_t n;

	memcpy(text, tail, had);
	n = read(fd, text + had, sizeof(text) - had);
	if (n <= 0)
		return 0;
	had += (size_t)n;
	count = count_words(text, had, end);
	n = had < sizeof(end) - 2 ? (ssize_t)had : (ssize_t)sizeof(end) - 2;
	memcpy(tail, text + had - n, (size_t)n);
	tail[n] = 0;
	return count;
}

TEST(a_flood_of_pipelined_requests_is_answered_when_it_is_read)
{
	const size_t wanted = 20000, len = sizeof(thousand) - 1, all = wanted / 1000 * len;
	struct site site = { 0 };
	size_t sent = 0, answers = 0, before;
	char tail[16] = "";
	int fd;

	fill_thousand();
	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	fd = visit(&site);
	while (answers < wanted) {
		if (sent < all)
			sent += tell_bytes(fd, &thousand[sent % len], len - sent % len);
		site_turn(&site);
		CHECK(held() - before < 256u << 10);
		answers += count_answers(fd, tail);
	}
	CHECK_EQ(answers, wanted);
	CHECK_EQ(figures(&site).requests, wanted + 1);
	close(fd);
	site_free(&site);
}

/* ---- Slow consumers ---- */

TEST(a_streamed_answer_that_nobody_takes_waits_at_its_source)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	size_t before;
	int fd;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	fd = visit(&site);
	tell(fd, "GET /bytes?n=50000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	site_turn(&site);
	CHECK(held() - before < 256u << 10);
	check_served(&site);
	hear_the_end(&site, fd, &heard);
	CHECK(heard.bytes > 50000000);
	CHECK(held() - before < 256u << 10);
	close(fd);
	site_free(&site);
}

TEST(a_body_that_nobody_takes_waits_at_the_client)
{
	static char bytes[65536];
	struct site site = { 0 };
	size_t before, sent = 0, n;
	int fd;

	site_begin(&site, (ouro_http_opts){ 0 });
	check_served(&site);
	before = held();
	fd = visit(&site);
	tell(fd, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
	do {
		site_turn(&site);
		n = tell_bytes(fd, bytes, sizeof(bytes));
		sent += n;
	} while (n);
	CHECK(sent < 2u << 20);
	CHECK(held() - before < 64u << 10);
	check_served(&site);
	close(fd);
	site_free(&site);
}

/* ---- Answers that come while the client still sends ---- */

/* Sends a body without end until the answer has been heard; the connection must not be reset over
 * it. How much was sent. */
static size_t send_without_listening(struct site *site, const char *head, struct heard *heard)
{
	static char bytes[65536];
	int fd = visit_tcp(site);
	size_t sent = 0;

	tell(fd, head);
	for (unsigned i = 0; i < 200 && sent < 8000000; i++) {
		sent += tell_bytes(fd, bytes, sizeof(bytes));
		site_turn(site);
	}
	hear_the_end(site, fd, heard);
	close(fd);
	return sent;
}

TEST(a_413_is_seen_while_the_body_still_comes)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ .body_max = 1000 });
	send_without_listening(
		&site, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n", &heard);
	CHECK_EQ(status_heard(&heard), 413);
	CHECK(strstr(heard.text, "\r\n\r\n413 "));
	CHECK(!heard.reset);
	wait_for_connections(&site, 0);
	site_free(&site);
}

TEST(a_404_is_seen_while_the_body_still_comes)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ 0 });
	send_without_listening(
		&site, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n",
		&heard);
	CHECK_EQ(status_heard(&heard), 404);
	CHECK(!heard.reset);
	wait_for_connections(&site, 0);
	site_free(&site);
}

TEST(an_answer_to_an_unread_body_is_seen_while_the_body_still_comes)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ 0 });
	send_without_listening(
		&site, "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n",
		&heard);
	CHECK_EQ(status_heard(&heard), 200);
	CHECK(strstr(heard.text, "\r\n\r\nunread\n"));
	CHECK(!heard.reset);
	wait_for_connections(&site, 0);
	site_free(&site);
}

/* Lingering is no way to keep a connection for ever. */
TEST(who_goes_on_sending_after_the_last_answer_is_cut_when_linger_ms_is_over)
{
	struct site site = { 0 };
	int fd;

	site_begin(&site, (ouro_http_opts){ .body_max = 1000, .linger_ms = 1000 });
	fd = visit(&site);
	tell(fd, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
	for (unsigned i = 0; i < 10; i++) {
		site_turn(&site);
		CHECK_EQ(figures(&site).connections, 1);
		tell(fd, "still there, still there, still there");
		site_wait(&site, 100, NULL, NULL);
	}
	CHECK_EQ(figures(&site).connections, 0);
	close(fd);
	site_free(&site);
}

/* ---- Resets ---- */

static const char *const stages[] = {
	"",
	"GET / HT",
	"GET / HTTP/1.1\r\nHost: a\r\n",
	HELLO,
	HELLO HELLO HELLO HELLO,
	HELLO "GET /never HTTP/1.1\r\nHost: a\r\n\r\n" HELLO,
	"GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /forgets HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /two HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /bytes?n=1000000 HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
	"POST /sip HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
	"POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
	"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
	"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234",
	"GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
	"not HTTP at all\r\n\r\n",
};

#define STAGES (sizeof(stages) / sizeof(stages[0]))

TEST(a_storm_of_resets_at_every_stage_leaves_nothing_behind)
{
	struct site site = { 0 };
	size_t before = 0;
	int fds[STAGES];

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ 0 });
	for (unsigned round = 0; round < 60 / TEST_SLOW; round++) {
		for (unsigned i = 0; i < STAGES; i++) {
			fds[i] = visit_tcp(&site);
			tell(fds[i], stages[i]);
			if (round & 1)
				site_turn(&site);
		}
		site_turn(&site);
		for (unsigned i = 0; i < STAGES; i++)
			reset(fds[i]);
		wait_for_connections(&site, 0);
		site_settle(&site);
		site_wait(&site, 200, NULL, NULL);
		CHECK_EQ(figures(&site).waiting, 0);
		if (round == 5)
			before = held();
	}
	CHECK(held() <= before + (16u << 10));
	check_served(&site);
	site_free(&site);
}

/* While a handler thinks, nothing is read; the reset must be noticed all the same. */
TEST(a_reset_is_noticed_while_the_handler_thinks)
{
	struct site site = { 0 };
	int fd;

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ 0 });
	fd = visit_tcp(&site);
	tell(fd, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
	while (figures(&site).waiting != 1)
		site_turn(&site);
	reset(fd);
	wait_for_connections(&site, 0);
	CHECK(strstr(site.notes, "gone(ECONNRESET)"));
	site_free(&site);
}

/* ---- Descriptors and limits ---- */

static void limit_descriptors(unsigned more)
{
	int next = open("/dev/null", O_RDONLY);
	struct rlimit limit = { 0 };

	CHECK(next >= 0);
	close(next);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)next + more;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Those who are served go on being served, the others wait, the loop has peace (else site_turn()
 * would not come back), and the log has one line about it. */
TEST(without_descriptors_the_old_are_served_and_the_new_wait)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 }, late = { .bytes = 0 };
	uint64_t served;
	int fds[6];

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ 0 });
	site_turn(&site);
	limit_descriptors(10); /* six clients, and the server's ends of a few of them */
	for (unsigned i = 0; i < 6; i++) {
		fds[i] = visit_tcp(&site);
		tell(fds[i], "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
	}
	while (!*site.log || figures(&site).waiting != figures(&site).connections)
		site_turn(&site);
	served = figures(&site).connections;
	CHECK(served > 0 && served < 6);
	site_wait(&site, 5000, NULL, NULL);
	CHECK_EQ(figures(&site).connections, served);
	CHECK_EQ(count_words(site.log, strlen(site.log), "\n"), 1);

	/* The idle make room for those who wait. */
	site_settle(&site);
	hear_until(&site, fds[0], &heard, "503");
	CHECK_EQ(status_heard(&heard), 503);
	while (figures(&site).accepted != 6) {
		site_settle(&site);
		site_wait(&site, 1000, NULL, NULL);
	}
	site_settle(&site);
	hear_until(&site, fds[5], &late, "503");
	CHECK_EQ(status_heard(&late), 503);
	for (unsigned i = 0; i < 6; i++)
		close(fds[i]);
	site_free(&site);
}

TEST(too_many_from_one_address_are_503)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	int fds[4];

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ .per_address = 3 });
	for (unsigned i = 0; i < 4; i++)
		fds[i] = visit_tcp(&site);
	wait_for_connections(&site, 3);
	hear_the_end(&site, fds[3], &heard);
	CHECK_EQ(status_heard(&heard), 503);
	CHECK(!heard.reset);
	close(fds[3]);
	close(fds[0]);
	wait_for_connections(&site, 2);
	memset(&heard, 0, sizeof(heard));
	fds[0] = visit_tcp(&site);
	tell(fds[0], HELLO);
	hear_until(&site, fds[0], &heard, "hello");
	CHECK_EQ(status_heard(&heard), 200);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	site_free(&site);
}

TEST(the_longest_idle_connection_makes_room_for_a_new_one)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	int fds[3];

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ .connections_max = 2 });
	for (unsigned i = 0; i < 3; i++) {
		memset(&heard, 0, sizeof(heard));
		fds[i] = visit_tcp(&site);
		tell(fds[i], HELLO);
		hear_until(&site, fds[i], &heard, "hello");
		CHECK_EQ(status_heard(&heard), 200);
		CHECK(figures(&site).connections <= 2);
	}
	memset(&heard, 0, sizeof(heard));
	hear_the_end(&site, fds[0], &heard);
	CHECK(!heard.reset);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	site_free(&site);
}

TEST(a_connection_more_than_there_may_be_waits_for_one_to_end)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	int fds[3];

	site_loop(&site);
	site_listen(&site, (ouro_http_opts){ .connections_max = 2 });
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = visit_tcp(&site);
		tell(fds[i], i < 2 ? "GET /never HTTP/1.1\r\nHost: a\r\n\r\n" : HELLO);
	}
	while (figures(&site).waiting != 2)
		site_turn(&site);
	site_turn(&site);
	CHECK_EQ(figures(&site).connections, 2);
	reset(fds[0]);
	hear_until(&site, fds[2], &heard, "hello");
	CHECK_EQ(status_heard(&heard), 200);
	close(fds[1]);
	close(fds[2]);
	site_free(&site);
}

/* ---- Answers from elsewhere ---- */

#define THREADS 4
#define EACH    50

struct helper {
	pthread_t thread;
	ouro_loop *loop;
	ouro_req_id ids[EACH];
	unsigned count;
};

struct office {
	struct helper helpers[THREADS];
	unsigned taken, answered, late;
};

/* One that a thread has done with, on its way back. */
struct letter {
	struct office *office;
	ouro_req_id id;
};

static struct letter letters[THREADS * EACH];

static void deliver(ouro_loop *loop, void *arg)
{
	struct letter *letter = arg;
	ouro_req *req = ouro_req_find(loop, letter->id);

	letter->office->answered++;
	if (req)
		ouro_req_reply(req, 200, "text/plain", ouro_str_z("by a thread\n"));
	else
		letter->office->late++;
}

static void hand_on(ouro_req *req, void *arg)
{
	static struct office *office;
	struct helper *helper;

	office = arg;
	helper = &office->helpers[office->taken++ % THREADS];
	helper->ids[helper->count++] = ouro_req_get_id(ouro_req_later(req));
}

static void *help(void *arg)
{
	struct helper *helper = arg;
	unsigned first = (unsigned)(helper - letters[0].office->helpers) * EACH;

	for (unsigned i = 0; i < helper->count; i++) {
		letters[first + i].id = helper->ids[i];
		CHECK_EQ(ouro_loop_post(helper->loop, deliver, &letters[first + i]), 0);
	}
	return NULL;
}

TEST(threads_answer_and_those_who_left_are_missed_by_nobody)
{
	static struct office office;
	struct site site = { 0 };
	int fds[MANY];

	site_loop(&site);
	CHECK_EQ(ouro_http_open(site.loop,
				&(ouro_http_opts){ .on_request = hand_on, .arg = &office },
				&site.server),
		 0);
	visit_many(&site, fds, HELLO);
	CHECK_EQ(office.taken, MANY);
	for (unsigned i = 0; i < MANY; i += 4)
		close(fds[i]);
	site_turn(&site);
	for (unsigned i = 0; i < THREADS * EACH; i++)
		letters[i].office = &office;
	for (unsigned i = 0; i < THREADS; i++) {
		office.helpers[i].loop = site.loop;
		CHECK_EQ(pthread_create(&office.helpers[i].thread, NULL, help, &office.helpers[i]),
			 0);
	}
	while (office.answered < MANY)
		site_turn(&site);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(office.helpers[i].thread, NULL);
	for (unsigned i = 0; i < MANY; i++) {
		struct heard heard = { .bytes = 0 };

		if (i % 4 == 0)
			continue;
		hear(&site, fds[i], &heard);
		CHECK(strstr(heard.text, "by a thread\n"));
		close(fds[i]);
	}
	ouro_server_close(site.server, 0);
	site_turn(&site);
	ouro_loop_free(site.loop);
}

/* ---- Order of arrival ---- */

/* One that asks for as much as it can does not keep the others waiting. */
TEST(a_flood_on_one_connection_does_not_hold_up_another)
{
	struct site site = { 0 };
	struct heard heard = { .bytes = 0 };
	int flooder, other;
	unsigned steps = 0;

	site_begin(&site, (ouro_http_opts){ .pipeline_max = 8 });
	flooder = visit(&site);
	other = visit(&site);
	fill_thousand();
	tell(flooder, thousand);
	tell(other, HELLO);
	while (!hear_more(other, &heard)) {
		site_step(&site);
		steps++;
	}
	CHECK(steps <= 4);
	CHECK(figures(&site).requests <= 8 * (steps + 1));
	close(flooder);
	close(other);
	site_free(&site);
}
