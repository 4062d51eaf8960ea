/* examples.c -- each example server does what its head says, to a client that speaks through a
 * plain socket. It is started as a user would, `-p 0`, reads SIGTERM as its end, and ends well. */
#include "example.h"
#include <fcntl.h>

static struct example launch(const char *name, const char *port)
{
	char path[PATH_MAX];

	path_of(name, path);
	return run_example(path, (const char *[]){ name, "-p", port, NULL });
}

static struct example start(const char *name)
{
	struct example example = launch(name, "0");

	read_port(&example);
	return example;
}

static void has_ended_well(struct example *example, const char *last_words)
{
	char text[4096];

	CHECK_EQ(finish(example, text, sizeof(text)), 0);
	if (!strstr(text, last_words)) {
		fprintf(stderr, "# it said: %s", text);
		test_fail(__FILE__, __LINE__, last_words);
	}
}

static void ends_well(struct example *example, const char *last_words)
{
	CHECK_EQ(kill(example->pid, SIGTERM), 0);
	has_ended_well(example, last_words);
}

/* ---- What their heads say ---- */

TEST(measured_has_a_line_for_every_answer_and_figures)
{
	struct example measured = start("measured");
	const char *page;

	CHECK(is(ask(&measured, "GET /orders/tea", "X-Request-Id: me\r\n", ""), 200,
		 "one tea, coming up\n"));
	page = get(&measured, "/metrics");
	CHECK(is(page, 200, NULL));
	CHECK(strstr(page, "\norders_total{what=\"tea\"} 1\n"));
	CHECK(strstr(page, "_count{method=\"GET\",route=\"/orders/:what\",status=\"200\"} 1\n"));
	ends_well(&measured, "] \"GET /orders/tea HTTP/1.1\" 200 ");
}

TEST(hello_says_hello)
{
	struct example hello = start("hello");

	CHECK(is(get(&hello, "/"), 200, "hello\n"));
	CHECK(is(get(&hello, "/any/where?at=all"), 200, "hello\n"));
	ends_well(&hello, "ouro: SIGTERM: 2 requests answered, 0 of them at the end, 0 cut off\n");
}

TEST(routes_knows_its_ways)
{
	struct example routes = start("routes");
	const char *answer;

	CHECK(is(get(&routes, "/"), 200, "a front door\n"));
	CHECK(is(get(&routes, "/users/7"), 200, "this is 7\n"));
	CHECK(is(get(&routes, "/docs/loop/turn.txt"), 200, "the page \"loop/turn.txt\"\n"));
	CHECK(is(get(&routes, "/favicon.ico"), 404, NULL));
	answer = ask(&routes, "POST /users/7", "", "");
	CHECK(is(answer, 405, NULL) && strstr(answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	answer = get(&routes, "/docs?page=7");
	CHECK(is(answer, 308, NULL) && strstr(answer, "\r\nLocation: /docs/?page=7\r\n"));
	ends_well(&routes, "6 requests answered");
}

TEST(routes_lets_in_who_has_the_word)
{
	struct example routes = start("routes");
	const char *answer = get(&routes, "/admin/users/7");

	CHECK(is(answer, 401, NULL) && strstr(answer, "\r\nWWW-Authenticate: Bearer\r\n"));
	CHECK(is(ask(&routes, "GET /admin/users/7", "Authorization: Bearer sesame\r\n", ""), 200,
		 "this is 7\n"));
	ends_well(&routes, "2 requests answered");
}

TEST(json_sends_back_what_is_json_and_not_too_long)
{
	struct example json = start("json");
	char long_body[4098] = { 0 };

	CHECK(is(ask(&json, "POST /echo", "Content-Type: application/json; charset=utf-8\r\n",
		     "{\"loop\": 1}"),
		 200, "{\"loop\": 1}"));
	CHECK(is(ask(&json, "POST /echo", "Content-Type: text/plain\r\n", "{}"), 415, NULL));
	memset(long_body, ' ', 4097);
	CHECK(is(ask(&json, "POST /echo", "Content-Type: application/json\r\n", long_body), 413,
		 NULL));
	CHECK(is(get(&json, "/stats"), 200, "{\"answers\": 1, \"bytes\": 11}\n"));
	ends_well(&json, "ouro: SIGTERM");
}

static void has_file(const struct example *example, const char *name, const char *wanted)
{
	char path[64], got[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", example->folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, got, sizeof(got) - 1);
	got[n < 0 ? 0 : n] = 0;
	CHECK_STR(got, wanted);
	close(fd);
	unlink(path);
}

TEST(upload_keeps_what_it_is_sent)
{
	struct example upload = start("upload");

	CHECK(is(ask(&upload, "PUT /files/x.txt", "", "once\n"), 201, "5 bytes\n"));
	CHECK(is(ask(&upload, "PUT /files/x.txt", "", "upon a time\n"), 201, "12 bytes\n"));
	has_file(&upload, "upload-x.txt", "upon a time\n");
	CHECK(is(ask(&upload, "PUT /files/..%2F..%2Fetc%2Fpasswd", "", "root::0"), 400, NULL));
	CHECK(is(ask(&upload, "PUT /files/none", "", ""), 201, "0 bytes\n"));
	has_file(&upload, "upload-none", "");
	ends_well(&upload, "ouro: SIGTERM");
}

TEST(upload_keeps_nothing_that_is_not_whole)
{
	struct example upload = start("upload");
	int fd = dial(&upload);

	tell(fd, "PUT /files/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
	shutdown(fd, SHUT_WR);
	CHECK(!strstr(hear(fd), " 201 "));
	ends_well(&upload, "ouro: SIGTERM"); /* and its folder is empty */
}

#define FORM "Content-Type: multipart/form-data; boundary=b\r\n"
#define FORM_FILE \
	"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../x\"\r\n\r\n"

TEST(form_keeps_the_file_it_is_sent)
{
	struct example form = start("form");

	CHECK(strstr(get(&form, "/"), "<input type=file"));
	CHECK(is(ask(&form, "POST /", FORM, FORM_FILE "words\r\n--b--\r\n"), 201,
		 "it is in form-file\n"));
	has_file(&form, "form-file", "words");
	CHECK(is(ask(&form, "POST /", FORM, FORM_FILE "words"), 400, NULL));
	CHECK(is(ask(&form, "POST /", FORM, "--b--"), 400, NULL));
	CHECK(is(ask(&form, "POST /", "Content-Type: text/plain\r\n", "words"), 415, NULL));
	ends_well(&form, "ouro: SIGTERM"); /* and its folder is empty */
}

TEST(long_makes_lines_and_stands_clients_that_leave)
{
	struct example lines = start("long");
	char some[100000];
	const char *answer;
	int fd;

	answer = get(&lines, "/?lines=2");
	CHECK(is(answer, 200, "20\r\n000000000000001\n000000000000000\n\r\n0\r\n\r\n"));
	for (int i = 0; i < 3; i++) {
		fd = dial(&lines);
		tell(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
		CHECK_EQ(recv(fd, some, sizeof(some), MSG_WAITALL), (ssize_t)sizeof(some));
		close(fd);
	}
	CHECK(is(get(&lines, "/?lines=0"), 200, "0\r\n\r\n"));
	CHECK(is(ask(&lines, "HEAD /", "", ""), 200, ""));
	ends_well(&lines, " 0 cut off");
}

TEST(channel_has_two_workers_that_talk_alone)
{
	struct example channel = launch("channel", "0");
	char text[4096];

	CHECK_EQ(finish(&channel, text, sizeof(text)), 0);
	CHECK(strstr(text, "one: 12 squared is 144\n") != NULL);
	CHECK(strstr(text, "two: 30 squared is 900\n") != NULL);
	CHECK(strstr(text, "one: hello there\n") != NULL);
	CHECK(strstr(text, "two: hello there\n") != NULL);
}

TEST(worker_is_followed_by_another_when_it_crashes)
{
	struct example worker = start("worker");
	int first = 0, second = 0;

	CHECK_EQ(sscanf(strstr(get(&worker, "/"), "\r\n\r\n"), " process %d", &first), 1);
	CHECK(!strstr(get(&worker, "/crash"), "HTTP"));
	CHECK_EQ(sscanf(strstr(get(&worker, "/"), "\r\n\r\n"), " process %d", &second), 1);
	CHECK(first && second && first != second);
	ends_well(&worker, "OURO_ECRASHED: signal 6\n");
}

TEST(thread_serves_others_meanwhile)
{
	struct example thread = start("thread");
	int fd = dial(&thread);

	tell(fd, "GET /?n=30000001 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	CHECK(is(get(&thread, "/?n=91"), 200, "91 = 7 * 13\n"));
	CHECK(is(get(&thread, "/?n=1"), 400, NULL));
	CHECK(is(hear(fd), 200, "30000001 = 30000001 * 1\n"));
	ends_well(&thread, "3 requests answered");
}

TEST(watchdog_remembers_who_held_the_loop)
{
	struct example watchdog = start("watchdog");

	CHECK(is(get(&watchdog, "/primes/10"), 200, "4 primes\n"));
	CHECK(is(get(&watchdog, "/primes/1000000"), 200, "78498 primes\n"));
	while (!strstr(get(&watchdog, "/worst"), "primes for GET /primes/1000000: "))
		; /* it may still be looking names up */
	ends_well(&watchdog, " 0 cut off");
}

/* A second request is answered, so the first, on the connection before, has been read. */
TEST(graceful_finishes_what_is_under_way)
{
	struct example graceful = start("graceful");
	int slow = dial(&graceful), idle = dial(&graceful);

	tell(slow, "GET /?ms=300 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(is(get(&graceful, "/?ms=0"), 200, "that took its time\n"));
	CHECK_EQ(kill(graceful.pid, SIGTERM), 0);
	CHECK_STR(hear(idle), "");
	CHECK(strstr(hear(slow), "\r\nConnection: close\r\n\r\nthat took its time\n"));
	has_ended_well(&graceful,
		       "ouro: SIGTERM: 2 requests answered, 1 of them at the end, 0 cut off\n");
}

TEST(but_not_for_longer_than_it_is_told)
{
	struct example graceful;
	int slow;

	setenv("OURO_SHUTDOWN_MS", "1", 1);
	graceful = start("graceful");
	slow = dial(&graceful);
	tell(slow, "GET /?ms=3600000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK(is(get(&graceful, "/?ms=0"), 200, "that took its time\n"));
	ends_well(&graceful, "1 requests answered, 0 of them at the end, 1 cut off\n");
	CHECK_STR(hear(slow), "");
}

TEST(busy_says_no_to_the_ninth)
{
	struct example busy = start("busy");
	int fd[8];

	for (int i = 0; i < 8; i++) {
		fd[i] = dial(&busy);
		tell(fd[i], "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	}
	CHECK(is(get(&busy, "/"), 503, NULL));
	CHECK(is(get(&busy, "/live"), 200, "alive\n"));
	CHECK(is(get(&busy, "/ready"), 503, "not ready: warming up\n"));
	for (int i = 0; i < 8; i++)
		CHECK(is(hear(fd[i]), 200, "done\n"));
	CHECK(is(get(&busy, "/ready"), 503, "not ready: warming up\n"));
	CHECK(is(get(&busy, "/ready"), 200, "ready\n"));
	CHECK(is(get(&busy, "/"), 200, "done\n"));
	CHECK_EQ(kill(busy.pid, SIGINT), 0);
	has_ended_well(&busy, "requests: too much\n");
}

TEST(and_is_not_ready_from_sigterm_on_though_it_serves)
{
	struct example busy;
	char text[4096];
	int status;

	setenv("OURO_SHUTDOWN_DELAY_MS", "60000", 1);
	busy = start("busy");
	CHECK(is(get(&busy, "/live"), 200, "alive\n")); /* it runs, and so heeds signals */
	CHECK_EQ(kill(busy.pid, SIGTERM), 0);
	while (!strstr(get(&busy, "/ready"), "not ready: ending\n"))
		;
	CHECK(is(get(&busy, "/live"), 200, "alive\n"));
	CHECK(is(get(&busy, "/"), 200, "done\n"));
	CHECK_EQ(kill(busy.pid, SIGTERM), 0);
	status = finish(&busy, text, sizeof(text));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK(strstr(text, "not ready any more, but serving for 60 s"));
}

TEST(fib_computes_elsewhere)
{
	struct example fib = start("fib");

	CHECK(is(get(&fib, "/?n=20"), 200, "6765\n"));
	CHECK(is(get(&fib, "/?n=nothing"), 200, "0\n"));
	ends_well(&fib, "2 requests answered");
}

TEST(crash_goes_on_after_a_crash)
{
	struct example crash = start("crash");

	CHECK(is(get(&crash, "/?do=crash"), 500, "killed by SIGABRT (Aborted)"));
	CHECK(is(get(&crash, "/?do=spin"), 500, "took longer than its limit"));
	CHECK(is(get(&crash, "/?do=dance"), 500, "no job of that name"));
	ends_well(&crash, "3 requests answered");
}

TEST(progress_says_how_far_it_is)
{
	char path[PATH_MAX], command[PATH_MAX + 16], text[256];
	FILE *words;
	size_t n;

	path_of("progress", path);
	snprintf(command, sizeof(command), "%s 20000", path);
	words = popen(command, "re");
	CHECK(words != NULL);
	n = fread(text, 1, sizeof(text) - 1, words);
	text[n] = 0;
	CHECK_EQ(pclose(words), 0);
	CHECK_STR(text, "10 %\n20 %\n30 %\n40 %\n50 %\n60 %\n70 %\n80 %\n90 %\n"
			"2262 primes\n");
}

TEST(all_of_them_tell_what_they_take)
{
	static const char *const names[] = { "hello", "routes", "json",     "upload", "form",
					     "long",  "thread", "graceful", "busy" };
	char text[4096], path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct example example = launch(names[i], "no port");

		path_of(names[i], path);
		CHECK_EQ(WEXITSTATUS(finish(&example, text, sizeof(text))), 2);
		CHECK(strstr(text, "ouro: no port is no port\nusage: "));
		CHECK(strstr(text, strrchr(path, '/') + 1));
	}
}
