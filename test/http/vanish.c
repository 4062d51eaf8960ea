/* vanish.c -- the client is gone, at any moment and in any way, and nobody comes to harm.
 *
 * Each script is a request of some kind. It is cut after every byte, and the client closes its
 * socket, shuts its side, or resets the connection there; and, when the whole request is out, it
 * leaves in the middle of the answer. Handlers answer before, after, or never. Each time nothing
 * may be left of the connection, every answer is told to on_done at most once (address sanitizer
 * sees the rest), and the next client is served. Then the same with memory that runs out, at every
 * allocation of a request. */
#include "http/scripts.h"
#include "http/visit.h"

/* What must be true when a client has gone, whatever it did: after the last late answer nothing
 * waits, and the server is as it was. */
static void check_clean(struct site *site, unsigned asked)
{
	site_settle(site);
	site_wait(site, 1000, NULL, NULL);
	CHECK_EQ(figures(site).connections, 0);
	CHECK_EQ(figures(site).waiting, 0);
	CHECK(site->dones <= asked);
	site->dones = 0;
	check_served(site);
	CHECK_EQ(site->dones, 1);
	site->dones = 0;
}

static unsigned count_requests(const char *request)
{
	unsigned count = 0;

	for (const char *at = request; (at = strstr(at, " HTTP/1.")); at++)
		count++;
	return count;
}

typedef void leave_fn(struct site *site, int fd);

static void leave_by_close(struct site *site, int fd)
{
	close(fd);
	site_turn(site);
}

/* It hears to the end, and then goes. */
static void leave_by_shutdown(struct site *site, int fd)
{
	struct heard heard = { .bytes = 0 };

	shutdown(fd, SHUT_WR);
	hear(site, fd, &heard);
	site_settle(site);
	site_wait(site, 1000, NULL, NULL);
	hear_the_end(site, fd, &heard);
	CHECK(!heard.reset);
	close(fd);
	site_turn(site);
}

static void leave_by_reset(struct site *site, int fd)
{
	reset(fd);
	site_turn(site);
}

static void vanish_in_request(struct site *site, const struct script *script, leave_fn *leave,
			      bool tcp)
{
	size_t len = strlen(script->request), step = tcp ? 3 : 1;
	unsigned asked = count_requests(script->request);

	for (size_t cut = 0; cut <= len; cut += step) {
		uint64_t accepted = figures(site).accepted;
		int fd = tcp ? visit_tcp(site) : visit(site);

		CHECK_EQ(tell_bytes(fd, script->request, cut), cut);
		do
			site_turn(site);
		while (figures(site).accepted == accepted);
		leave(site, fd);
		if (tcp)
			wait_for_connections(site, 0);
		check_clean(site, asked);
	}
}

static void vanish_in_all(leave_fn *leave, bool tcp)
{
	struct site site = { 0 };

	site_loop(&site);
	if (tcp)
		site_listen(&site, (ouro_http_opts){ 0 });
	else
		CHECK_EQ(site_open(&site, (ouro_http_opts){ 0 }), 0);
	for (unsigned i = 0; i < SCRIPTS; i++)
		vanish_in_request(&site, &scripts[i], leave, tcp);
	site_free(&site);
}

TEST(a_client_may_close_at_every_byte_of_its_request)
{
	vanish_in_all(leave_by_close, false);
}

TEST(a_client_may_shut_its_side_at_every_byte_of_its_request)
{
	vanish_in_all(leave_by_shutdown, false);
}

TEST(a_client_may_reset_in_the_middle_of_its_request)
{
	vanish_in_all(leave_by_reset, true);
}

/* It closes without having been turned to: the request and the end come at once. */
TEST(a_client_may_be_gone_before_its_request_is_read)
{
	struct site site = { 0 };

	site_loop(&site);
	CHECK_EQ(site_open(&site, (ouro_http_opts){ 0 }), 0);
	for (unsigned i = 0; i < SCRIPTS; i++)
		for (unsigned way = 0; way < 2; way++) {
			int fd = visit(&site);

			tell(fd, scripts[i].request);
			if (way)
				shutdown(fd, SHUT_WR);
			close(fd);
			site_turn(&site);
			check_clean(&site, count_requests(scripts[i].request));
		}
	site_free(&site);
}

/* ---- In the middle of an answer ---- */

/* A connection whose kernel takes little of an answer at a time. */
static int visit_narrow(struct site *site)
{
	int pair[2], least = 1;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	CHECK_EQ(ouro_server_adopt(site->server, pair[1]), 0);
	return pair[0];
}

/* Reads n bytes, or to where the answer rests. */
static void hear_bytes(struct site *site, int fd, size_t n)
{
	char bytes[256];
	ssize_t got = 1;

	while (n && got > 0) {
		site_turn(site);
		got = read(fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
		n -= got > 0 ? (size_t)got : 0;
	}
}

static void vanish_in_answer(struct site *site, const char *request, size_t length)
{
	unsigned asked = count_requests(request);

	for (size_t cut = 0; cut <= length; cut += 97) {
		int fd = visit_narrow(site);

		tell(fd, request);
		hear_bytes(site, fd, cut);
		close(fd);
		site_turn(site);
		check_clean(site, asked);
	}
}

TEST(a_client_may_close_in_the_middle_of_an_answer)
{
	static char request[20000];
	struct site site = { 0 };
	int len = snprintf(request, sizeof(request),
			   "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 12000\r\n\r\n");

	site_loop(&site);
	CHECK_EQ(site_open(&site, (ouro_http_opts){ .high = 8192 }), 0);
	vanish_in_answer(&site, "GET /bytes?n=12000 HTTP/1.1\r\nHost: a\r\n\r\n" HELLO, 12500);
	vanish_in_answer(&site, "GET /two HTTP/1.1\r\nHost: a\r\n\r\n", 200);
	vanish_in_answer(&site, "GET /bytes?n=12000 HTTP/1.0\r\n\r\n", 12500);
	memset(request + len, 'x', 12000);
	vanish_in_answer(&site, request, 12500);
	site_free(&site);
}

/* ---- The loop goes first ---- */

TEST(a_loop_may_be_freed_at_every_byte_of_a_request)
{
	for (unsigned i = 0; i < SCRIPTS; i++) {
		size_t len = strlen(scripts[i].request);

		for (size_t cut = 0; cut <= len; cut += cut + 8 > len ? 1 : 8) {
			struct site site = { 0 };
			int fd;

			site_loop(&site);
			CHECK_EQ(site_open(&site, (ouro_http_opts){ 0 }), 0);
			fd = visit(&site);
			CHECK_EQ(tell_bytes(fd, scripts[i].request, cut), cut);
			site_turn(&site);
			ouro_loop_free(site.loop);
			close(fd);
		}
	}
}

TEST(a_server_may_be_closed_at_every_byte_of_a_request)
{
	struct site site = { 0 };

	site_loop(&site);
	for (unsigned i = 0; i < SCRIPTS; i++) {
		size_t len = strlen(scripts[i].request);

		for (size_t cut = 0; cut <= len; cut++) {
			int fd;

			CHECK_EQ(site_open(&site, (ouro_http_opts){ 0 }), 0);
			fd = visit(&site);
			CHECK_EQ(tell_bytes(fd, scripts[i].request, cut), cut);
			site_turn(&site);
			ouro_server_close(site.server, 0);
			site_turn(&site);
			close(fd);
			site_settle(&site);
			site_wait(&site, 1000, NULL, NULL);
			CHECK(site.server == NULL);
		}
	}
	ouro_loop_free(site.loop);
}

/* ---- Memory ---- */

static const struct script *at_hand;

/* The request at hand with memory that runs out somewhere. The client hears a whole answer, or an
 * end; the server lives, and the next one is served. */
static int ask_with_little_memory(void)
{
	struct site site = { .loop = ouro_loop_new(
				     &(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL }) };
	struct heard heard = { .bytes = 0 };
	int fd;

	if (!site.loop)
		return -ENOMEM;
	if (site_open(&site, (ouro_http_opts){ 0 })) {
		ouro_loop_free(site.loop);
		return -ENOMEM;
	}
	fd = visit(&site);
	if (fd >= 0) {
		tell_bytes(fd, at_hand->request, strlen(at_hand->request));
		hear(&site, fd, &heard);
		close(fd);
		site_turn(&site);
		site_settle(&site);
		site_wait(&site, 1000, NULL, NULL);
		CHECK_EQ(figures(&site).connections, 0);
		CHECK_EQ(figures(&site).waiting, 0);
		CHECK(!heard.bytes || status_heard(&heard) >= 100);
	}
	if (test_memory.taken >= test_memory.refused)
		check_served(&site);
	site_free(&site);
	return 0;
}

TEST(any_allocation_of_a_request_may_fail)
{
	size_t failed = 0;

	for (unsigned i = 0; i < SCRIPTS; i++) {
		at_hand = &scripts[i];
		failed += for_each_failing_allocation(ask_with_little_memory);
	}
	CHECK(failed > SCRIPTS);
}

/* From nothing to a client that was served by TCP. */
static int listen_with_little_memory(void)
{
	struct site site = { .loop = ouro_loop_new(
				     &(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL }) };
	const ouro_http_opts opts = { .host = "127.0.0.1",
				      .routes = site_routes,
				      .arg = &site,
				      .on_done = site_done,
				      .per_address = 5 };
	struct heard heard = { .bytes = 0 };
	int fd;

	if (!site.loop)
		return -ENOMEM;
	if (ouro_http_listen(site.loop, &opts, &site.server)) {
		ouro_loop_free(site.loop);
		return -ENOMEM;
	}
	fd = visit_tcp(&site);
	tell_bytes(fd, HELLO, strlen(HELLO));
	while (!figures(&site).accepted && !heard.closed) {
		site_turn(&site);
		hear_more(fd, &heard);
	}
	hear(&site, fd, &heard);
	close(fd);
	ouro_server_close(site.server, 0);
	site_turn(&site);
	ouro_loop_free(site.loop);
	return 0;
}

TEST(any_allocation_of_a_server_may_fail)
{
	CHECK(for_each_failing_allocation(listen_with_little_memory) > 5);
}
