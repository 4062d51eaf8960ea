/* metrics.c -- the page of figures: what is on it, that it is good text for Prometheus, and that it
 * stays small whatever clients do. Time is virtual. */
#include "crews.h"
#include "exposition.h"
#include "offload/scratch.h"

#include "http/desk.h"
#include "ouro/access.h"
#include "ouro/metrics.h"
#include <locale.h>
#include <sys/wait.h>

#define DURATION "http_server_request_duration_seconds"

static void say_ok(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("ok\n"));
}

static void say_status(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, (int)ouro_str_u64(ouro_req_param(req, "code"), 500), NULL,
		       ouro_str_z(""));
}

static void answer(ouro_loop *of, void *arg)
{
	(void)of;
	say_ok(arg, NULL);
}

static void answer_late(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(ouro_req_loop(req), 100, answer, ouro_req_later(req));
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/metrics", .fn = ouro_metrics_serve },
	{ .path = "/users/:id", .fn = say_ok },
	{ .path = "/late", .fn = answer_late },
	{ .path = "/slow", .fn = answer_late, .answer_ms = 50 },
	{ .path = "/status/:code", .fn = say_status },
	{ .path = NULL },
};

static void open_counted(void)
{
	open_server((ouro_http_opts){ .routes = routes });
	CHECK_EQ(ouro_metrics_attach(server), 0);
}

static void request(int fd, const char *method, const char *target)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\n\r\n", method, target);
	CHECK(has(ask(fd, text), "HTTP/1.1 "));
}

/* The page, read, without a request for it. */
static struct expo *page(void)
{
	static ouro_buf *buf;
	struct expo *expo;

	buf = ouro_buf_new();
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	expo = expo_read(ouro_buf_str(buf).ptr);
	ouro_buf_free(buf);
	settle();
	return expo;
}

static int count_of(const struct expo *expo, const char *labels)
{
	double value = expo_value(expo, DURATION "_count", labels);

	return isnan(value) ? 0 : (int)value;
}

/* What comes to GET /metrics, with its head. */
static const char *scrape(int fd)
{
	static char text[1 << 20];

	send_text(fd, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	pass(1); /* the clock waits for the pool */
	snprintf(text, sizeof(text), "%s", received(fd));
	return text;
}

static const char *body_of(const char *text)
{
	CHECK(has(text, "\r\n\r\n"));
	return strstr(text, "\r\n\r\n") + 4;
}

/* ---- The page ---- */

TEST(it_is_served_as_prometheus_wants_it)
{
	int fd;
	const char *text;
	struct expo *expo;

	open_counted();
	fd = connect_client();
	text = scrape(fd);
	CHECK(has(text, "HTTP/1.1 200 OK\r\n"));
	CHECK(has(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	expo = expo_read(body_of(text));
	CHECK(expo_value(expo, "process_resident_memory_bytes", "") > 100000);
	CHECK(expo_value(expo, "process_open_fds", "") >= 3);
	CHECK(expo_value(expo, "process_max_fds", "") >= 64);
	CHECK(expo_value(expo, "process_threads", "") >= 2);
	CHECK(expo_value(expo, "process_cpu_seconds_total", "") >= 0);
	CHECK(fabs(expo_value(expo, "process_start_time_seconds", "") - (double)time(NULL)) < 600);
	close(fd);
	end();
}

TEST(the_names_are_there_that_boards_ask_for)
{
	static const char *const names[] = {
		"ouro_version_info",
		"ouro_eventloop_lag_seconds",
		"ouro_eventloop_callback_seconds",
		"ouro_eventloop_timer_late_seconds",
		"ouro_eventloop_phase_seconds_total",
		"ouro_eventloop_busy_seconds_total",
		"ouro_eventloop_idle_seconds_total",
		"ouro_eventloop_turns_total",
		"ouro_eventloop_slow_callbacks_total",
		"ouro_eventloop_active",
		"ouro_pool_threads",
		"ouro_pool_queue_depth",
		"ouro_pool_wait_seconds",
		"ouro_pool_run_seconds",
		"ouro_pool_done_total",
		"ouro_http_connections",
		"ouro_http_idle_connections",
		"ouro_http_active_requests",
		"ouro_http_accepted_total",
		"ouro_http_requests_total",
		"ouro_http_shed_total",
		"ouro_http_received_bytes_total",
		"ouro_http_sent_bytes_total",
		DURATION,
		"ouro_access_lines_total",
		"ouro_access_lost_total",
		"ouro_metrics_dropped_total",
		"process_cpu_user_seconds_total",
		"process_cpu_system_seconds_total",
	};
	struct expo *expo;

	open_counted();
	expo = page();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!expo_has(expo, names[i]))
			test_fail(__FILE__, __LINE__, names[i]);
	CHECK(!isnan(expo_value(expo, "ouro_pool_queue_depth", "class=\"names\"")));
	CHECK(!isnan(expo_value(expo, "ouro_eventloop_phase_seconds_total", "phase=\"micro\"")));
	end();
}

TEST(a_loop_without_servers_has_a_page_too)
{
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	CHECK(expo_has(page(), "ouro_eventloop_lag_seconds"));
	CHECK(!expo_has(page(), "nodejs_eventloop_lag_seconds"));
	CHECK(!expo_has(page(), "ouro_jobs_queued"));
	CHECK(!expo_has(page(), "ouro_job_run_seconds"));
	CHECK(!expo_has(page(), "ouro_crew_killed_total"));
	end();
}

TEST(and_the_names_of_node_if_the_environment_says_so)
{
	static const char *const names[] = { "lag_seconds",        "lag_min_seconds",
					     "lag_max_seconds",    "lag_mean_seconds",
					     "lag_stddev_seconds", "lag_p50_seconds",
					     "lag_p90_seconds",    "lag_p99_seconds" };
	char wanted[64], *text;
	ouro_buf *buf = ouro_buf_new();

	setenv("OURO_METRICS_COMPAT", "nodejs", 1);
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	text = strdup(ouro_buf_str(buf).ptr);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(wanted, sizeof(wanted), "\nnodejs_eventloop_%s ", names[i]);
		CHECK(has(text, wanted));
	}
	CHECK(has(text, "\nnodejs_version_info{version=\"ouro "));
	free(text);
	ouro_buf_free(buf);
	settle();
	end();
}

static void own_ones(void)
{
	static const char *const labels[] = { "card", NULL }, *const values[] = { "visa" };
	ouro_metric *orders, *size;

	CHECK_EQ(ouro_metric_open(loop,
				  &(ouro_metric_opts){ .name = "orders_total",
						       .help = "Orders taken.",
						       .labels = labels },
				  &orders),
		 0);
	CHECK_EQ(ouro_metric_add(ouro_metric_with(orders, values), 1), 0);
	CHECK_EQ(ouro_metric_open(loop,
				  &(ouro_metric_opts){ .name = "order_size_bytes",
						       .help = "How large they are.",
						       .kind = OURO_METRIC_HISTOGRAM },
				  &size),
		 0);
	CHECK_EQ(ouro_metric_observe(size, 1.5), 0);
}

TEST(promtool_has_nothing_to_say_about_it)
{
	FILE *promtool;
	int fd, status;

	if (system("command -v promtool >/dev/null 2>&1"))
		SKIP("needs promtool (Debian's package prometheus)");
	open_counted();
	own_ones();
	start_crew(loop, OURO_THREADS, 2);
	start_crew(loop, OURO_THREADS, 1);
	fd = connect_client();
	request(fd, "GET", "/users/7");
	request(fd, "GET", "/nowhere");
	promtool = popen("promtool check metrics >&2", "we");
	CHECK(promtool != NULL);
	fputs(body_of(scrape(fd)), promtool);
	status = pclose(promtool);
	CHECK_EQ(status, 0);
	close(fd);
	end();
}

/* ---- Requests ---- */

TEST(requests_are_counted_by_the_path_of_their_route)
{
	struct expo *expo;
	int fd;

	open_counted();
	fd = connect_client();
	for (int i = 0; i < 20; i++) {
		char target[32];

		snprintf(target, sizeof(target), "/users/%d", i);
		request(fd, "GET", target);
		request(fd, "POST", "/users/1");
		snprintf(target, sizeof(target), "/nowhere/%d", i);
		request(fd, "GET", target);
	}
	request(fd, "PURGE", "/users/1");
	request(fd, "GET", "/status/418");
	expo = page();
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"/users/:id\",status=\"200\""), 20);
	CHECK_EQ(count_of(expo, "method=\"POST\",route=\"/users/:id\",status=\"200\""), 20);
	CHECK_EQ(count_of(expo, "method=\"_OTHER\",route=\"/users/:id\",status=\"200\""), 1);
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"\",status=\"404\""), 20);
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"/status/:code\",status=\"418\""), 1);
	CHECK_EQ(expo_value(expo, "ouro_http_requests_total", ""), 62);
	CHECK_EQ(expo_value(expo, "ouro_http_accepted_total", ""), 1);
	CHECK_EQ(expo_value(expo, "ouro_http_connections", ""), 1);
	CHECK_EQ(expo_value(expo, "ouro_http_idle_connections", ""), 1);
	CHECK_EQ(expo_value(expo, "ouro_metrics_dropped_total", ""), 0);
	close(fd);
	end();
}

TEST(so_are_those_that_nobody_has_answered_in_time)
{
	struct expo *expo;
	int fd;

	open_counted();
	fd = connect_client();
	send_text(fd, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
	pass(200);
	close(fd);
	fd = connect_client();
	send_text(fd, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	settle();
	CHECK_EQ(expo_value(page(), "ouro_http_active_requests", ""), 1);
	close(fd);
	pass(200);
	fd = connect_client();
	ask(fd, "nonsense\r\n\r\n");
	close(fd);
	expo = page();
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"/slow\",status=\"504\""), 1);
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"/late\",status=\"499\""), 1);
	CHECK_EQ(count_of(expo, "method=\"\",route=\"\",status=\"400\""), 1);
	CHECK_EQ(expo_value(expo, "ouro_http_active_requests", ""), 0);
	end();
}

#define LATE "method=\"GET\",route=\"/late\",status=\"200\""

TEST(a_time_is_in_its_bucket_and_in_all_behind_it)
{
	struct expo *expo;
	int fd;

	open_counted();
	fd = connect_client();
	send_text(fd, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	pass(100);
	received(fd);
	expo = page();
	CHECK_EQ(expo_bucket(expo, DURATION "_bucket", LATE, "0.067108863"), 0);
	CHECK_EQ(expo_bucket(expo, DURATION "_bucket", LATE, "0.134217727"), 1);
	CHECK_EQ(expo_bucket(expo, DURATION "_bucket", LATE, "17.179869183"), 1);
	CHECK_EQ(expo_bucket(expo, DURATION "_bucket", LATE, "+Inf"), 1);
	CHECK_EQ(1e9 * expo_value(expo, DURATION "_sum", LATE), 100 * MS);
	close(fd);
	end();
}

TEST(a_pipeline_is_counted_one_by_one)
{
	int fd;

	open_counted();
	fd = connect_client();
	ask(fd, "GET /users/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /users/2 HTTP/1.1\r\nHost: h\r\n\r\n"
		"GET /users/3 HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_EQ(count_of(page(), "method=\"GET\",route=\"/users/:id\",status=\"200\""), 3);
	close(fd);
	end();
}

TEST(a_request_takes_no_memory)
{
	size_t before;
	int fd;

	open_counted();
	fd = connect_client();
	request(fd, "GET", "/users/1");
	request(fd, "GET", "/nowhere");
	before = allocations();
	for (int i = 0; i < 200; i++) {
		request(fd, "GET", "/users/1");
		request(fd, "GET", "/nowhere");
	}
	CHECK_EQ(allocations(), before);
	close(fd);
	end();
}

TEST(figures_outlive_their_server_and_are_shared_with_the_next)
{
	struct expo *expo;
	int fd;

	open_counted();
	CHECK_EQ(ouro_metrics_attach(server), 0); /* once more is once */
	fd = connect_client();
	request(fd, "GET", "/users/1");
	close(fd);
	ouro_server_close(server, 0);
	settle();
	CHECK_EQ(expo_value(page(), "ouro_http_requests_total", ""), 1);
	CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .routes = routes }, &server), 0);
	CHECK_EQ(ouro_metrics_attach(server), 0);
	fd = connect_client();
	request(fd, "GET", "/users/2");
	expo = page();
	CHECK_EQ(expo_value(expo, "ouro_http_requests_total", ""), 2);
	CHECK_EQ(count_of(expo, "method=\"GET\",route=\"/users/:id\",status=\"200\""), 2);
	close(fd);
	ouro_server_close(server, OURO_NEVER);
	CHECK_EQ(ouro_metrics_attach(server), OURO_ECLOSED);
	end();
}

/* What the samples of that name add up to, in a page too large to be read with care. */
static unsigned long sum_of(const char *text, const char *name)
{
	unsigned long sum = 0;

	for (const char *at = text; (at = strstr(at, name)); at++)
		sum += strtoul(strchr(at, ' '), NULL, 10);
	return sum;
}

/* Two methods and 600 statuses: 1,200 combinations, of which 200 are too many. */
TEST(there_is_an_end_to_combinations_and_every_request_is_counted)
{
	ouro_buf *buf = ouro_buf_new();
	const char *text;
	char target[32];
	int fd;

	open_counted();
	fd = connect_client();
	for (int round = 0; round < 2; round++)
		for (int status = 300; status < 900; status++) {
			snprintf(target, sizeof(target), "/status/%d", status);
			request(fd, "GET", target);
			request(fd, "PUT", target);
		}
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	text = ouro_buf_str(buf).ptr;
	CHECK_EQ(sum_of(text, "\n" DURATION "_count{"), 2400);
	CHECK_EQ(sum_of(text, "_count{method=\"_OTHER\",route=\"_OTHER\",status=\"_OTHER\"}"), 400);
	CHECK_EQ(sum_of(text, "\nouro_metrics_dropped_total "), 400);
	ouro_buf_free(buf);
	settle();
	close(fd);
	end();
}

/* ---- Crews ---- */

static double jobs(const struct expo *expo, const char *job, const char *result)
{
	char labels[128];

	snprintf(labels, sizeof(labels), "crew=\"sums\",job=\"%s\",result=\"%s\"", job, result);
	return expo_value(expo, "ouro_jobs_total", labels);
}

static ouro_crew *start_sums(enum ouro_kind kind)
{
	loop = ouro_loop_new(NULL);
	return start_with(loop, (ouro_crew_opts){ .kind = kind, .count = 1, .name = "sums" });
}

static struct asked none;

TEST(calls_are_counted_by_their_job_and_by_what_came_of_them)
{
	EITHER_KIND(kind)
	{
		ouro_crew *crew = start_sums((enum ouro_kind)kind);
		struct asked cancelled = none, late = none, other = none;
		struct expo *expo;
		ouro_op op;

		for (int i = 0; i < 3; i++)
			ask_for(crew, "echo", "", &other);
		ask_for(crew, "fail", "", &other);
		ask_for(crew, "no such job", "", &other);
		turn_until(loop, other.answers == 5);
		op = ask_for(crew, "wait", "", &cancelled);
		turn_until(loop, stats_of(crew).running);
		CHECK(ouro_op_cancel(loop, op));
		ouro_crew_call_with(crew, "wait", ouro_str_z(""),
				    &(ouro_call_opts){ .timeout_ms = 1 }, on_asked, &late);
		turn_until(loop, cancelled.answers && late.answers);
		expo = page();
		CHECK_EQ(jobs(expo, "echo", "done"), 3);
		CHECK_EQ(jobs(expo, "echo", "failed"), 0);
		CHECK_EQ(jobs(expo, "fail", "failed"), 1);
		CHECK_EQ(jobs(expo, "wait", "cancelled"), 1);
		CHECK_EQ(jobs(expo, "wait", "timed_out"), 1);
		CHECK_EQ(jobs(expo, "wait", "done"), 0);
		CHECK_EQ(jobs(expo, "fib", "done"), 0);
		CHECK_EQ(jobs(expo, "_OTHER", "failed"), 1);
		CHECK_EQ(jobs(expo, "_OTHER", "done"), 0);
		if (kind == OURO_PROCESSES)
			CHECK_EQ(expo_value(expo, "ouro_crew_killed_total", "crew=\"sums\""), 2);
		end();
	}
}

TEST(so_are_crashes_and_second_tries_and_renewals)
{
	struct asked crashed = none, done = none;
	struct expo *expo;
	ouro_crew *crew;

	loop = ouro_loop_new(NULL);
	crew = start_with(loop, (ouro_crew_opts){ .kind = OURO_PROCESSES,
						  .count = 1,
						  .name = "sums",
						  .retry = 1,
						  .recycle_after = 2 });
	ask_for(crew, "abort", "", &crashed);
	turn_until(loop, crashed.answers);
	for (int i = 0; i < 2; i++)
		ask_for(crew, "echo", "", &done);
	turn_until(loop, done.answers == 2 && stats_of(crew).recycled);
	expo = page();
	CHECK_EQ(jobs(expo, "abort", "crashed"), 1);
	CHECK_EQ(expo_value(expo, "ouro_crew_retried_total", "crew=\"sums\""), 1);
	CHECK_EQ(expo_value(expo, "ouro_crew_recycled_total", "crew=\"sums\""), 1);
	CHECK_EQ(expo_value(expo, "ouro_crew_killed_total", "crew=\"sums\""), 0);
	end();
}

#define FIB "crew=\"sums\",job=\"fib\""

TEST(how_long_they_waited_and_ran_is_there_for_each_job)
{
	ouro_crew *crew = start_sums(OURO_THREADS);
	struct asked asked = none;
	ouro_job_stats fib;
	struct expo *expo;

	for (int i = 0; i < 5; i++)
		ask_for(crew, "fib", "15", &asked);
	turn_until(loop, asked.answers == 5);
	CHECK(ouro_crew_job_stats(crew, 1, &fib));
	expo = page();
	CHECK_EQ(expo_value(expo, "ouro_job_run_seconds_count", FIB), 5);
	CHECK_EQ(expo_value(expo, "ouro_job_wait_seconds_count", FIB), 5);
	CHECK_EQ(expo_bucket(expo, "ouro_job_run_seconds_bucket", FIB, "+Inf"), 5);
	CHECK_EQ(round(1e9 * expo_value(expo, "ouro_job_run_seconds_sum", FIB)), fib.run_ns.sum);
	CHECK_EQ(round(1e9 * expo_value(expo, "ouro_job_wait_seconds_sum", FIB)), fib.wait_ns.sum);
	CHECK_EQ(expo_value(expo, "ouro_job_run_seconds_count", "crew=\"sums\",job=\"echo\""), 0);
	CHECK_EQ(round(1e9 * expo_value(expo, "ouro_crew_runner_busy_seconds_total",
					"crew=\"sums\",runner=\"1\"")),
		 fib.run_ns.sum);
	CHECK(isnan(expo_value(expo, "ouro_crew_runner_busy_seconds_total",
			       "crew=\"sums\",runner=\"2\"")));
	end();
}

TEST(what_waits_and_what_runs_is_told_apart)
{
	ouro_crew *crew = start_sums(OURO_THREADS);
	struct asked busy = none, waiting = none;
	ouro_op op = ask_for(crew, "wait", "", &busy);
	struct expo *expo;

	turn_until(loop, stats_of(crew).running);
	for (int i = 0; i < 3; i++)
		ask_for(crew, "echo", "", &waiting);
	expo = page();
	CHECK_EQ(expo_value(expo, "ouro_jobs_running", "crew=\"sums\""), 1);
	CHECK_EQ(expo_value(expo, "ouro_jobs_queued", "crew=\"sums\""), 3);
	CHECK(ouro_op_cancel(loop, op));
	turn_until(loop, waiting.answers == 3);
	expo = page();
	CHECK_EQ(expo_value(expo, "ouro_jobs_running", "crew=\"sums\""), 0);
	CHECK_EQ(expo_value(expo, "ouro_jobs_queued", "crew=\"sums\""), 0);
	end();
}

static double queued(const char *labels)
{
	return expo_value(page(), "ouro_jobs_queued", labels);
}

TEST(crews_of_one_name_are_told_apart_as_long_as_they_are_there)
{
	ouro_crew *first = start_sums(OURO_THREADS);
	ouro_crew_opts opts = { .jobs = peaceful, .count = 1, .name = "sums" };
	ouro_crew *second = start_with(loop, opts), *third = start_with(loop, opts);

	CHECK_EQ(stats_of(first).twin, 1);
	CHECK_EQ(stats_of(third).twin, 3);
	CHECK_EQ(queued("crew=\"sums\""), 0);
	CHECK_EQ(queued("crew=\"sums\",twin=\"2\""), 0);
	CHECK_EQ(queued("crew=\"sums\",twin=\"3\""), 0);
	ouro_crew_close(second);
	while (!isnan(queued("crew=\"sums\",twin=\"2\"")))
		ouro_loop_turn(loop);
	CHECK_EQ(stats_of(third).twin, 3);
	CHECK_EQ(stats_of(start_with(loop, opts)).twin, 2);
	opts.name = "other";
	CHECK_EQ(stats_of(start_with(loop, opts)).twin, 1);
	CHECK_EQ(queued("crew=\"other\""), 0);
	end();
}

/* The second name is cut behind 15 bytes, which is in its last character. */
TEST(names_of_crews_and_jobs_are_escaped_and_always_utf8)
{
	static const ouro_job odd[] = { { .name = "\"\\\n\xff\"", .run = job_echo },
					{ .name = NULL } };
	ouro_buf *buf = ouro_buf_new();
	const char *text;

	loop = ouro_loop_new(NULL);
	start_with(loop, (ouro_crew_opts){ .jobs = odd, .count = 1, .name = "a\"b\\c\nd" });
	start_with(loop, (ouro_crew_opts){ .count = 1, .name = "fourteen bytes\xe2\x82\xac" });
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	text = ouro_buf_str(buf).ptr;
	CHECK(has(text, "\nouro_jobs_queued{crew=\"a\\\"b\\\\c\\nd\"} 0\n"));
	CHECK(has(text, "\nouro_jobs_queued{crew=\"fourteen bytes\xef\xbf\xbd\"} 0\n"));
	CHECK(has(text, ",job=\"\\\"\\\\\\n\xef\xbf\xbd\\\"\",result=\"done\"} 0\n"));
	expo_read(text);
	ouro_buf_free(buf);
	settle();
	end();
}

TEST(there_is_an_end_to_jobs_and_every_call_is_counted)
{
	enum { COUNT = 102 };
	static char names[COUNT][8];
	static ouro_job table[COUNT + 1];
	struct asked asked = none;
	struct expo *expo;
	ouro_crew *crew;

	for (int i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "j%d", i + 1);
		table[i] = (ouro_job){ .name = names[i], .run = job_echo };
	}
	loop = ouro_loop_new(NULL);
	crew = start_with(loop, (ouro_crew_opts){ .jobs = table, .count = 1, .name = "sums" });
	ask_for(crew, "j100", "", &asked);
	ask_for(crew, "j101", "", &asked);
	ask_for(crew, "j102", "", &asked);
	ask_for(crew, "j103", "", &asked);
	turn_until(loop, asked.answers == 4);
	expo = page();
	CHECK_EQ(jobs(expo, "j100", "done"), 1);
	CHECK(isnan(jobs(expo, "j101", "done")));
	CHECK_EQ(jobs(expo, "_OTHER", "done"), 2);
	CHECK_EQ(jobs(expo, "_OTHER", "failed"), 1);
	CHECK(isnan(expo_value(expo, "ouro_job_run_seconds_count", "crew=\"sums\",job=\"j101\"")));
	end();
}

/* ---- Asking ---- */

TEST(a_pool_that_hangs_does_not_keep_the_page)
{
	int fd;

	loop = ouro_loop_new(&(ouro_loop_opts){
		.clock = OURO_CLOCK_REAL, .pool_threads = 1, .on_log = keep_log });
	CHECK_EQ(ouro_http_open(loop, &(ouro_http_opts){ .routes = routes }, &server), 0);
	plug_in(loop);
	fd = connect_client();
	send_text(fd, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	while (!has(received(fd), "\nprocess_cpu_seconds_total "))
		;
	plug_pull();
	close(fd);
	end();
	close(plug.in);
	close(plug.out);
}

TEST(two_who_ask_at_once_and_one_who_goes_are_answered_by_one_look)
{
	int first, second, third;

	open_counted();
	first = connect_client();
	second = connect_client();
	third = connect_client();
	send_text(first, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	send_text(second, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	send_text(third, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	ouro_loop_turn(loop);
	close(third);
	pass(1);
	expo_read(body_of(received(first)));
	expo_read(body_of(received(second)));
	close(first);
	close(second);
	settle();
	CHECK_EQ(expo_value(page(), "ouro_pool_done_total", "class=\"files\""), 1);
	end();
}

TEST(the_loop_may_end_while_somebody_waits)
{
	int fd;

	open_counted();
	fd = connect_client();
	settle();
	send_text(fd, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
	ouro_loop_turn(loop);
	end();
	close(fd);
}

TEST(lost_lines_of_access_logs_are_on_it)
{
	ouro_access *log;
	int fd;

	open_counted();
	CHECK_EQ(ouro_access_open(loop, &(ouro_access_opts){ .path = "/dev/null" }, &log), 0);
	CHECK_EQ(ouro_access_attach(log, server), 0);
	fd = connect_client();
	request(fd, "GET", "/users/1");
	request(fd, "GET", "/users/1");
	pass(200);
	pass(1);
	CHECK_EQ(expo_value(page(), "ouro_access_lines_total", ""), 2);
	ouro_access_close(log);
	pass(1);
	CHECK_EQ(expo_value(page(), "ouro_access_lines_total", ""), 2);
	CHECK_EQ(expo_value(page(), "ouro_access_lost_total", ""), 0);
	close(fd);
	end();
}

static int attempt(void)
{
	ouro_metric *metric = NULL;
	ouro_buf *buf = NULL;
	ouro_crew *crew;
	int err, pair[2];

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (!loop)
		return -ENOMEM;
	err = ouro_http_open(loop, &(ouro_http_opts){ .routes = routes }, &server);
	if (!err)
		err = ouro_metrics_attach(server);
	if (!err)
		err = ouro_crew_start(loop, &(ouro_crew_opts){ .jobs = peaceful, .count = 1 },
				      &crew);
	if (!err)
		err = ouro_metric_open(
			loop,
			&(ouro_metric_opts){ .name = "x_total",
					     .help = "X.",
					     .labels = (const char *const[]){ "a", NULL } },
			&metric);
	if (!err) {
		ouro_metric_add(ouro_metric_with(metric, (const char *const[]){ "b" }), 1);
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		err = ouro_server_adopt(server, pair[1]);
		if (err)
			close(pair[1]);
		send(pair[0], "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 35, MSG_NOSIGNAL);
		for (int i = 0; i < 6; i++)
			ouro_loop_turn(loop);
		close(pair[0]);
	}
	if (!err) {
		buf = ouro_buf_new();
		err = buf ? ouro_metrics_write(loop, buf) : -ENOMEM;
		if (buf && err)
			CHECK_EQ(ouro_buf_str(buf).len, 0);
	}
	ouro_buf_free(buf);
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_nothing_is_left_behind)
{
	CHECK(for_each_failing_allocation(attempt) > 10);
}

/* ---- One's own ---- */

static void a_loop(void)
{
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = keep_log });
	CHECK(loop != NULL);
}

static ouro_metric *opened(ouro_metric_opts opts)
{
	ouro_metric *metric = NULL;

	CHECK_EQ(ouro_metric_open(loop, &opts, &metric), 0);
	return metric;
}

static double seven(void *arg)
{
	(void)arg;
	return 7;
}

TEST(a_counter_grows_and_a_gauge_is_what_it_is)
{
	ouro_metric *counter, *gauge;
	struct expo *expo;

	a_loop();
	counter = opened((ouro_metric_opts){ .name = "a_total", .help = "One\\two\nthree." });
	gauge = opened((ouro_metric_opts){ .name = "b", .kind = OURO_METRIC_GAUGE });
	opened((ouro_metric_opts){ .name = "c", .kind = OURO_METRIC_GAUGE, .fn = seven });
	CHECK_EQ(ouro_metric_add(counter, 1), 0);
	CHECK_EQ(ouro_metric_add(counter, 0.25), 0);
	CHECK_EQ(ouro_metric_add(counter, -1), -EINVAL);
	CHECK_EQ(ouro_metric_add(counter, (double)NAN), -EINVAL);
	CHECK_EQ(ouro_metric_set(counter, 1), -EINVAL);
	CHECK_EQ(ouro_metric_observe(counter, 1), -EINVAL);
	CHECK_EQ(ouro_metric_set(gauge, 5), 0);
	CHECK_EQ(ouro_metric_add(gauge, -7.5), 0);
	CHECK(ouro_metric_with(counter, NULL) == counter);
	expo = page();
	CHECK_EQ(100 * expo_value(expo, "a_total", ""), 125);
	CHECK_EQ(10 * expo_value(expo, "b", ""), -25);
	CHECK_EQ(expo_value(expo, "c", ""), 7);
	end();
}

TEST(a_histogram_counts_what_is_no_more_than_each_bound)
{
	static const double bounds[] = { 0.1, 1, 10 };
	ouro_metric *histogram;
	struct expo *expo;

	a_loop();
	histogram = opened((ouro_metric_opts){
		.name = "h", .kind = OURO_METRIC_HISTOGRAM, .bounds = bounds, .bounds_count = 3 });
	CHECK_EQ(ouro_metric_observe(histogram, 0.1), 0);
	CHECK_EQ(ouro_metric_observe(histogram, 0.5), 0);
	CHECK_EQ(ouro_metric_observe(histogram, 11), 0);
	CHECK_EQ(ouro_metric_observe(histogram, (double)NAN), -EINVAL);
	CHECK_EQ(ouro_metric_add(histogram, 1), -EINVAL);
	expo = page();
	CHECK_EQ(expo_bucket(expo, "h_bucket", "", "0.1"), 1);
	CHECK_EQ(expo_bucket(expo, "h_bucket", "", "1"), 2);
	CHECK_EQ(expo_bucket(expo, "h_bucket", "", "10"), 2);
	CHECK_EQ(expo_bucket(expo, "h_bucket", "", "+Inf"), 3);
	CHECK_EQ(10 * expo_value(expo, "h_sum", ""), 116);
	CHECK_EQ(expo_value(expo, "h_count", ""), 3);
	end();
}

TEST(labels_are_escaped_and_always_utf8)
{
	static const char *const labels[] = { "a", "b", NULL };
	ouro_metric *family, *one, *other;
	ouro_buf *buf = ouro_buf_new();

	a_loop();
	family = opened((ouro_metric_opts){ .name = "x_total", .labels = labels });
	CHECK_EQ(ouro_metric_add(family, 1), -EINVAL);
	one = ouro_metric_with(family, (const char *const[]){ "q\"\\\n", "\xe2\x82\xac\xff" });
	other = ouro_metric_with(family, (const char *const[]){ "q\"\\\n", "\xe2\x82\xac\xfe" });
	CHECK(one == other); /* both are no UTF-8, in the same way */
	CHECK(one != ouro_metric_with(family, (const char *const[]){ "", "" }));
	CHECK_EQ(ouro_metric_add(one, 3), 0);
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	CHECK(has(ouro_buf_str(buf).ptr,
		  "\nx_total{a=\"q\\\"\\\\\\n\",b=\"\xe2\x82\xac\xef\xbf\xbd\"} 3\n"));
	CHECK(has(ouro_buf_str(buf).ptr, "\nx_total{a=\"\",b=\"\"} 0\n"));
	expo_read(ouro_buf_str(buf).ptr);
	ouro_buf_free(buf);
	settle();
	end();
}

TEST(there_is_an_end_to_labels_too)
{
	static const char *const labels[] = { "a", NULL };
	ouro_metric *family;
	struct expo *expo;
	char value[16];

	a_loop();
	family = opened((ouro_metric_opts){ .name = "x_total", .labels = labels, .series_max = 5 });
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 8; i++) {
			snprintf(value, sizeof(value), "%d", i);
			CHECK_EQ(ouro_metric_add(
					 ouro_metric_with(family, (const char *const[]){ value }),
					 1),
				 0);
		}
	expo = page();
	CHECK_EQ(expo_value(expo, "x_total", "a=\"4\""), 2);
	CHECK(isnan(expo_value(expo, "x_total", "a=\"5\"")));
	CHECK_EQ(expo_value(expo, "ouro_metrics_dropped_total", ""), 6);
	end();
}

TEST(numbers_are_the_same_in_every_locale)
{
	ouro_metric *gauge;
	ouro_buf *buf = ouro_buf_new();

	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
		ouro_buf_free(buf);
		SKIP("there is no locale with a decimal comma");
	}
	a_loop();
	gauge = opened((ouro_metric_opts){ .name = "g", .kind = OURO_METRIC_GAUGE });
	ouro_metric_set(gauge, -1234.5);
	CHECK_EQ(ouro_metrics_write(loop, buf), 0);
	CHECK(has(ouro_buf_str(buf).ptr, "\ng -1234.5\n"));
	ouro_buf_free(buf);
	settle();
	end();
}

TEST(odd_numbers_have_names_and_large_ones_all_their_digits)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = { { 0, "0" },
		      { -0.5, "-0.5" },
		      { 0.1, "0.1" },
		      { 1e300, "1e+300" },
		      { 9007199254740993.0, "9007199254740992" },
		      { (double)INFINITY, "+Inf" },
		      { -(double)INFINITY, "-Inf" },
		      { (double)NAN, "NaN" } };
	ouro_metric *gauge;
	char line[64];

	a_loop();
	gauge = opened((ouro_metric_opts){ .name = "g", .kind = OURO_METRIC_GAUGE });
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ouro_buf *buf = ouro_buf_new();

		ouro_metric_set(gauge, cases[i].value);
		CHECK_EQ(ouro_metrics_write(loop, buf), 0);
		snprintf(line, sizeof(line), "\ng %s\n", cases[i].text);
		CHECK(has(ouro_buf_str(buf).ptr, line));
		ouro_buf_free(buf);
	}
	settle();
	end();
}

TEST(what_makes_no_sense_is_refused_in_words)
{
	static const char *const bad[] = { "1", NULL }, *const twice[] = { "a", "a", NULL },
				 *const le[] = { "le", NULL }, *const private[] = { "__x", NULL },
				 *const good[] = { "a", NULL }, *const nine[] = { "a", "b", "c",
										  "d", "e", "f",
										  "g", "h", "i",
										  NULL };
	static const double down[] = { 2, 1 };
	static const struct {
		ouro_metric_opts opts;
		int err;
		const char *words;
	} cases[] = {
		{ { .name = NULL }, -EINVAL, "metric without a name: its name is none" },
		{ { .name = "" }, -EINVAL, "its name is none" },
		{ { .name = "1x" }, -EINVAL, "metric 1x: its name is none" },
		{ { .name = "x-y" }, -EINVAL, "its name is none" },
		{ { .name = "x\n" }, -EINVAL, "its name is none" },
		{ { .name = "x", .kind = OURO_METRIC_HISTOGRAM + 1 }, -EINVAL, "no such kind" },
		{ { .name = "x", .labels = bad }, -EINVAL, "a label's name is none" },
		{ { .name = "x", .labels = private }, -EINVAL, "a label's name is none" },
		{ { .name = "x", .labels = twice }, -EINVAL, "two labels have one name" },
		{ { .name = "x", .labels = nine }, -EINVAL, "more than 8 labels" },
		{ { .name = "x", .labels = le, .kind = OURO_METRIC_HISTOGRAM },
		  -EINVAL,
		  "label le" },
		{ { .name = "x", .labels = good, .fn = seven }, -EINVAL, "labels and a function" },
		{ { .name = "x", .fn = seven, .kind = OURO_METRIC_HISTOGRAM },
		  -EINVAL,
		  "no function" },
		{ { .name = "x", .bounds = down, .bounds_count = 1 }, -EINVAL, "has bounds" },
		{ { .name = "x", .kind = OURO_METRIC_HISTOGRAM, .bounds = down, .bounds_count = 2 },
		  -EINVAL,
		  "do not grow" },
		{ { .name = "x", .kind = OURO_METRIC_HISTOGRAM, .bounds = down },
		  -EINVAL,
		  "no bounds" },
		{ { .name = "ouro_x" }, -EEXIST, "metric ouro_x: there is one of that name" },
		{ { .name = DURATION }, -EEXIST, "one of that name" },
		{ { .name = "mine" }, -EEXIST, "one of that name" },
		{ { .name = "mine_sum" }, -EEXIST, "one of that name" },
	};
	ouro_metric *metric;

	a_loop();
	opened((ouro_metric_opts){ .name = "mine", .kind = OURO_METRIC_HISTOGRAM });
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		logged[0] = 0;
		CHECK_EQ(ouro_metric_open(loop, &cases[i].opts, &metric), cases[i].err);
		if (!has(logged, cases[i].words))
			test_fail(__FILE__, __LINE__, cases[i].words);
	}
	CHECK_EQ(ouro_metric_open(loop, NULL, &metric), -EINVAL);
	end();
}
