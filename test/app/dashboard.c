/* dashboard.c -- the page and the figures behind it, as a browser asks for them. */
#include "app/dashboard.h"
#include "http/desk.h"
#include "ouro/crew.h"
#include <sys/mman.h>

static ouro_dashboard *dashboard;

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* A server that has it below /dashboard/, which a table of routes would lead to. */
static void open_mounted(ouro_dashboard_opts opts)
{
	static ouro_route routes[2];

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = keep_log });
	CHECK(loop != NULL);
	CHECK_EQ(ouro_dashboard_open(loop, &opts, &dashboard), 0);
	ouro_dashboard_on_close(dashboard, say_closed, word("closed"));
	routes[0] =
		(ouro_route){ .path = "/dashboard/", .fn = ouro_dashboard_serve, .arg = dashboard };
	CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .routes = routes }, &server), 0);
}

/* ---- JSON, as strictly as RFC 8259 has it; NULL: it is none ---- */

static const char *skip_value(const char *at);

static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	while (*at != '"') {
		if ((unsigned char)*at < 0x20)
			return NULL;
		if (*at == '\\' && !strchr("\"\\/bfnrtu", *++at))
			return NULL;
		at++;
	}
	return at + 1;
}

static const char *skip_number(const char *at)
{
	size_t n = strspn(at, "0123456789");

	return n && (at[0] != '0' || n == 1)
		       ? at + n + (at[n] == '.' ? 1 + strspn(at + n + 1, "0123456789") : 0)
		       : NULL;
}

static const char *skip_list(const char *at, char end, bool named)
{
	if (*++at == end)
		return at + 1;
	for (;; at++) {
		if (named && (!(at = skip_string(at)) || *at++ != ':'))
			return NULL;
		if (!(at = skip_value(at)))
			return NULL;
		if (*at == end)
			return at + 1;
		if (*at != ',')
			return NULL;
	}
}

static const char *skip_value(const char *at)
{
	if (*at == '{')
		return skip_list(at, '}', true);
	if (*at == '[')
		return skip_list(at, ']', false);
	if (*at == '"')
		return skip_string(at);
	if (!strncmp(at, "true", 4))
		return at + 4;
	return strncmp(at, "false", 5) ? skip_number(at) : at + 5;
}

static const char *body_of(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");

	CHECK(body != NULL);
	return body + 4;
}

static void check_is_json(const char *text)
{
	const char *end = skip_value(text);

	CHECK(end != NULL);
	CHECK_STR(end, "");
}

/* ---- The page ---- */

TEST(the_page_is_there_and_asks_nobody_else)
{
	const char *answer;
	int fd;

	open_mounted((ouro_dashboard_opts){ .title = "t" });
	fd = connect_client();
	answer = ask(fd, ASK("/dashboard/"));
	CHECK(has(answer, "200 OK") && has(answer, "Content-Type: text/html; charset=utf-8\r\n"));
	CHECK(has(answer,
		  "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'\r\n"));
	CHECK(has(answer, "<script src=\"dashboard.js\"") && !has(answer, "http://"));
	CHECK(has(ask(fd, ASK("/dashboard/dashboard.css")),
		  "Content-Type: text/css; charset=utf-8\r\n"));
	CHECK(has(ask(fd, ASK("/dashboard/icon.svg")), "Content-Type: image/svg+xml\r\n"));
	CHECK(has(ask(fd, "HEAD /dashboard/dashboard.js HTTP/1.1\r\nHost: h\r\n\r\n"), "200 OK"));
	close(fd);
	end();
}

TEST(what_is_not_there_is_404_and_nothing_can_be_changed)
{
	int fd;

	open_mounted((ouro_dashboard_opts){ .title = "t" });
	fd = connect_client();
	CHECK(has(ask(fd, ASK("/dashboard/dashboard.c")), "404 Not Found"));
	CHECK(has(ask(fd, ASK("/dashboard/../dashboard/nothing")), "404 Not Found"));
	CHECK(has(ask(fd, "POST /dashboard/state HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
		  "405 Method Not Allowed"));
	CHECK(has(ask(fd, "DELETE /dashboard/ HTTP/1.1\r\nHost: h\r\n\r\n"),
		  "Allow: GET, HEAD\r\n"));
	close(fd);
	end();
}

/* ---- The figures ---- */

TEST(the_state_is_json)
{
	const char *answer, *body;
	int fd;

	open_mounted((ouro_dashboard_opts){ .title = "a \"title\" <b>\n" });
	fd = connect_client();
	answer = ask(fd, ASK("/dashboard/state"));
	CHECK(has(answer, "Content-Type: application/json\r\n"));
	body = body_of(answer);
	check_is_json(body);
	CHECK(has(body, "\"title\":\"a \\\"title\\\" <b>\\u000a\""));
	CHECK(has(body, "\"lanes\":[{\"name\":\"files\","));
	CHECK(has(body, "\"servers\":[{\"url\":") && has(body, "\"connections\":1,"));
	CHECK(has(body, "\"crews\":[]"));
	close(fd);
	end();
}

static int nothing_job(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	return 0;
}

static uint64_t resident(int fd)
{
	static const char name[] = "\"resident\":";
	const char *at = strstr(ask(fd, ASK("/dashboard/state")), name);

	CHECK(at != NULL);
	return strtoull(at + strlen(name), NULL, 10);
}

/* Asked for once a second; what is given back is not there any more. */
TEST(memory_is_what_is_held_now)
{
	const size_t much = (size_t)64 << 20;
	uint64_t before, held;
	void *memory;
	int fd;

	open_mounted((ouro_dashboard_opts){ .period_ms = 500 });
	fd = connect_client();
	before = resident(fd);
	CHECK(before > 0);
	memory = mmap(NULL, much, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(memory != MAP_FAILED);
	CHECK_EQ(resident(fd), before);
	pass(1000);
	held = resident(fd);
	CHECK(held > before + much / 2);
	CHECK_EQ(munmap(memory, much), 0);
	pass(1000);
	CHECK(resident(fd) < held - much / 2);
	close(fd);
	end();
}

TEST(a_crew_has_a_lane_a_runner)
{
	static const ouro_job jobs[] = { { .name = "nothing", .run = nothing_job },
					 { .name = NULL } };
	ouro_crew *crew;
	const char *body;
	int fd;

	open_mounted((ouro_dashboard_opts){ .title = "t" });
	CHECK_EQ(ouro_crew_start(loop,
				 &(ouro_crew_opts){ .jobs = jobs, .count = 2, .name = "cooks" },
				 &crew),
		 0);
	fd = connect_client();
	body = body_of(ask(fd, ASK("/dashboard/state")));
	check_is_json(body);
	CHECK(has(body, "\"crews\":[{\"name\":\"cooks\",\"kind\":\"thread\",\"waiting\":0,"));
	CHECK(has(body, "\"runners\":[{\"name\":\"thread "));
	close(fd);
	end();
}

/* ---- Viewers ---- */

static unsigned pictures_in(const char *text)
{
	unsigned n = 0;

	for (; (text = strstr(text, "data: {")); text++)
		n++;
	return n;
}

TEST(a_viewer_gets_a_picture_at_once_and_one_every_period)
{
	int fd;

	open_mounted((ouro_dashboard_opts){ .period_ms = 500 });
	fd = connect_client();
	CHECK_EQ(pictures_in(ask(fd, ASK("/dashboard/events"))), 1);
	CHECK_EQ(ouro_dashboard_viewers(dashboard), 1);
	pass(1000);
	CHECK_EQ(pictures_in(received(fd)), 2);
	close(fd);
	end();
}

TEST(nobody_looks_and_no_timer_runs)
{
	int fd;

	open_mounted((ouro_dashboard_opts){ .period_ms = 500 });
	fd = connect_client();
	CHECK_EQ(dashboard->timer.id, 0);
	ask(fd, ASK("/dashboard/events"));
	CHECK(dashboard->timer.id != 0);
	close(fd);
	settle();
	CHECK_EQ(ouro_dashboard_viewers(dashboard), 0);
	CHECK_EQ(dashboard->timer.id, 0);
	end();
}

TEST(more_viewers_than_wanted_are_503)
{
	int one, two;

	open_mounted((ouro_dashboard_opts){ .viewers_max = 1 });
	one = connect_client();
	two = connect_client();
	ask(one, ASK("/dashboard/events"));
	CHECK(has(ask(two, ASK("/dashboard/events")), "503 Service Unavailable"));
	CHECK_EQ(ouro_dashboard_viewers(dashboard), 1);
	close(one);
	settle();
	CHECK_EQ(pictures_in(ask(two, ASK("/dashboard/events"))), 1);
	close(two);
	end();
}

TEST(closing_ends_the_streams_of_its_viewers)
{
	int fd;

	open_mounted((ouro_dashboard_opts){ .title = "t" });
	fd = connect_client();
	ask(fd, ASK("/dashboard/events"));
	ouro_dashboard_close(dashboard);
	ouro_dashboard_close(dashboard);
	settle();
	CHECK_STR(said, "closed");
	CHECK(has(received(fd), "0\r\n\r\n"));
	ouro_dashboard_close(NULL);
	close(fd);
	end();
}

/* ---- An address of its own ---- */

TEST(an_address_is_a_port_a_host_and_port_or_a_path)
{
	static const char *const good[] = { "0", "127.0.0.1:0", ":0", "localhost:0", "[::1]:0" };
	static const char *const bad[] = { "",        "x",     "127.0.0.1", "::1:80",
					   "1:65536", "unix:", "[::1]" };

	loop = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int err = ouro_dashboard_listen(loop, good[i], NULL, &dashboard);

		if (err == -EADDRNOTAVAIL)
			continue; /* no IPv6 here */
		CHECK_EQ(err, 0);
		CHECK(has(ouro_dashboard_url(dashboard), "http://"));
		ouro_dashboard_close(dashboard);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		logged[0] = 0;
		CHECK_EQ(ouro_dashboard_listen(loop, bad[i], NULL, NULL), -EINVAL);
		CHECK(has(logged, "no address for a dashboard: \""));
	}
	ouro_loop_free(loop);
}

TEST(it_keeps_no_loop_alive)
{
	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_dashboard_listen(loop, "0", NULL, NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static int listens(void)
{
	int err;

	loop = ouro_loop_new(NULL);
	if (!loop)
		return -ENOMEM;
	err = ouro_dashboard_listen(loop, "0", NULL, NULL);
	ouro_loop_free(loop);
	return err;
}

TEST(it_opens_whole_or_not_at_all)
{
	CHECK(for_each_failing_allocation(listens) > 3);
}
