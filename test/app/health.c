/* health.c -- what a probe is told, and when. */
#include "ouro/health.h"
#include "../http/desk.h"
#include "ouro/shed.h"

static const char *not_yet;

static const char *ask_me(ouro_loop *of, void *arg)
{
	CHECK(of == loop);
	CHECK_STR(arg, "mine");
	return not_yet;
}

static void keep(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_later(req);
}

static char mine[] = "mine";
static const ouro_health health = { .why_not = ask_me, .arg = mine };
static const ouro_health plain;
static const ouro_health strict = { .shedding = true };

static const ouro_route routes[] = {
	{ .path = "/live", .fn = ouro_health_live },
	{ .path = "/ready", .fn = ouro_health_ready },
	{ .path = "/mine", .fn = ouro_health_check, .arg = (void *)(uintptr_t)&health },
	{ .path = "/plain", .fn = ouro_health_check, .arg = (void *)(uintptr_t)&plain },
	{ .path = "/strict", .fn = ouro_health_check, .arg = (void *)(uintptr_t)&strict },
	{ .path = "/keep", .fn = keep },
	{ .path = NULL },
};

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define JSON(path) "GET " path " HTTP/1.1\r\nHost: h\r\nAccept: text/html, application/json\r\n\r\n"

/* The arg of the server is nobody's business: routes without one get it. */
static void open_site(const ouro_shed_opts *shed)
{
	open_server((ouro_http_opts){ .routes = routes, .arg = word("x"), .shed = shed });
	settle();
}

static bool is(const char *answer, int status, const char *body)
{
	char line[16];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (has(answer, line) && has(answer, "\r\nCache-Control: no-store\r\n") &&
	    has(answer, "\r\n\r\n") && !strcmp(strstr(answer, "\r\n\r\n") + 4, body))
		return true;
	fprintf(stderr, "# it answered: %s\n", answer);
	return false;
}

/* Each time a connection of its own, as probes do. */
static const char *probe(const char *request)
{
	int fd = connect_client();
	const char *answer = ask(fd, request);

	close(fd);
	settle();
	return answer;
}

TEST(a_service_that_is_well_is_alive_and_ready)
{
	open_site(NULL);
	CHECK(is(probe(GET("/live")), 200, "alive\n"));
	CHECK(is(probe(GET("/ready")), 200, "ready\n"));
	CHECK(is(probe(GET("/plain")), 200, "ready\n"));
	CHECK(is(probe(GET("/mine")), 200, "ready\n"));
	end();
}

TEST(who_accepts_json_gets_it)
{
	open_site(NULL);
	CHECK(is(probe(JSON("/live")), 200, "{\"alive\":true}\n"));
	CHECK(is(probe(JSON("/ready")), 200, "{\"ready\":true}\n"));
	CHECK(has(probe(JSON("/ready")), "\r\nContent-Type: application/json\r\n"));
	end();
}

TEST(head_is_the_same_without_a_body)
{
	open_site(NULL);
	CHECK(is(probe("HEAD /ready HTTP/1.1\r\nHost: h\r\n\r\n"), 200, ""));
	ouro_server_close_after(server, 1000, 0);
	const char *answer = probe("HEAD /ready HTTP/1.1\r\nHost: h\r\n\r\n");

	CHECK(has(answer, "HTTP/1.1 503 "));
	CHECK(has(answer, "\r\n\r\n(closed)"));
	end();
}

TEST(a_service_whose_end_is_announced_is_alive_and_not_ready)
{
	open_site(NULL);
	ouro_server_close_after(server, 1000, 0);
	CHECK(is(probe(GET("/live")), 200, "alive\n(closed)"));
	CHECK(is(probe(GET("/ready")), 503, "not ready: ending\n(closed)"));
	CHECK(is(probe(JSON("/ready")), 503, "{\"ready\":false,\"why\":\"ending\"}\n(closed)"));
	CHECK(is(probe(GET("/mine")), 503, "not ready: ending\n(closed)"));
	end();
}

TEST(a_probe_at_another_port_hears_it_too)
{
	ouro_server *other;

	open_site(NULL);
	CHECK_EQ(ouro_http_open(loop, NULL, &other), 0);
	CHECK(is(probe(GET("/ready")), 200, "ready\n"));
	ouro_server_close_after(other, 1000, 0);
	CHECK(is(probe(GET("/ready")), 503, "not ready: ending\n"));
	pass(1000);
	settle();
	CHECK(is(probe(GET("/ready")), 200, "ready\n")); /* it has ended, and we have not */
	end();
}

TEST(a_service_that_is_not_yet_all_there_says_why)
{
	open_site(NULL);
	not_yet = "no data base \"main\" yet";
	CHECK(is(probe(GET("/mine")), 503, "not ready: no data base \"main\" yet\n"));
	CHECK(is(probe(JSON("/mine")), 503,
		 "{\"ready\":false,\"why\":\"no data base \\\"main\\\" yet\"}\n"));
	CHECK(is(probe(GET("/live")), 200, "alive\n"));
	not_yet = NULL;
	CHECK(is(probe(GET("/mine")), 200, "ready\n"));
	end();
}

TEST(words_that_are_long_or_odd_are_still_json)
{
	static char words[1000];
	const char *answer, *why;

	open_site(NULL);
	not_yet = "a\nb\\c\x01";
	CHECK(is(probe(JSON("/mine")), 503,
		 "{\"ready\":false,\"why\":\"a\\u000ab\\\\c\\u0001\"}\n"));
	for (int odd = 0; odd < 2; odd++) {
		memset(words, 'x', (size_t)odd);
		for (size_t i = (size_t)odd; i + 2 < sizeof(words); i += 2)
			memcpy(words + i, "\xc3\xa9", 2);
		not_yet = words;
		answer = probe(JSON("/mine"));
		why = strstr(answer, "\"why\":\"") + 7;
		CHECK_STR(strchr(why, '"'), "\"}\n");
		CHECK_EQ((strchr(why, '"') - why - odd) % 2, 0); /* no half of a letter */
		CHECK(strchr(why, '"') - why > 100);
	}
	end();
}

/* ---- Under load ---- */

TEST(probes_are_never_shed_and_need_not_say_so)
{
	open_site(&(ouro_shed_opts){ .requests_max = 1 });
	int busy = connect_client(), late = connect_client();

	ask(busy, GET("/keep"));
	CHECK(has(ask(late, GET("/keep")), "HTTP/1.1 503"));
	CHECK(is(probe(GET("/live")), 200, "alive\n"));
	CHECK(is(probe(GET("/ready")), 200, "ready\n"));
	CHECK(is(probe(GET("/plain")), 200, "ready\n"));
	CHECK(is(probe(GET("/strict")), 503, "not ready: overloaded\n"));
	close(busy);
	close(late);
	end();
}

static int probe_without_memory(void)
{
	int err = -ENOMEM, pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (loop)
		err = ouro_http_open(loop, &(ouro_http_opts){ .routes = routes }, &server);
	if (!err)
		err = ouro_server_adopt(server, pair[1]);
	if (err)
		close(pair[1]);
	else
		send_text(pair[0], JSON("/ready") GET("/ready"));
	for (int i = 0; !err && i < 8; i++)
		ouro_loop_turn(loop);
	ouro_loop_free(loop);
	close(pair[0]);
	return err;
}

TEST(without_memory_nothing_is_lost)
{
	CHECK(for_each_failing_allocation(probe_without_memory) > 4);
}
