/* trace_spans.c -- what takes longer than a callback, in the file of a trace. */
#include "ouro/crew.h"
#include "ouro/fetch.h"
#include "trace_reader.h"
#include <sched.h>

/* ---- Requests, and the pool ---- */

static ouro_req *kept;

static void answer(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_str_eq(ouro_req_path(req), "/late"))
		kept = ouro_req_later(req);
	else
		ouro_req_status(req, 201);
}

TEST(a_request_is_a_span_with_what_it_asked_for)
{
	const struct event *b, *e;
	int fd, other;

	in_folder();
	serve(answer);
	fd = connect_client();
	other = connect_client();
	CHECK_EQ(start(loop, 0), 0);
	CHECK(has(ask(fd, "GET /a?b=%22\"\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"));
	CHECK(has(ask(other, "GET /u?x=\\ HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1"));
	close(fd);
	close(other);
	fd = connect_client();
	CHECK(has(ask(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\n"
			  "Content-Length: 0\r\n\r\n"),
		  "201"));
	ask(fd, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK(kept != NULL);
	stop(loop);
	b = find("b", "GET /1");
	CHECK(b != NULL);
	CHECK_STR(b->cat, "request");
	e = find("e", "GET /1");
	CHECK_EQ(number(e, "status"), 201);
	CHECK(!member(e, "unfinished"));
	CHECK(find("b", "POST /2") != NULL);
	e = find("e", "GET /late");
	CHECK(e && member(e, "unfinished"));
	CHECK(find("X", "answer") != NULL);
	close(fd);
	ouro_req_status(kept, 200);
	settle();
	end();
	leave_folder();
}

static void got_stat(int err, const struct stat *stat, void *arg)
{
	(void)stat, (void)arg;
	CHECK_EQ(err, -ENOENT);
}

TEST(an_operation_of_the_pool_is_a_span_too)
{
	ouro_loop *of = new_loop();
	struct tube tube;
	const struct event *e;
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	tube = (struct tube){ ends[0], ends[1] };
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK(ouro_fs_stat(of, "/no/\"such\"", got_stat, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK(ouro_pool_run(of, hang, hung, &tube.out).id != 0);
	stop(of);
	e = find("e", "stat /no/\\\"such\\\"");
	CHECK(e != NULL);
	CHECK_STR(e->cat, "pool");
	CHECK(says(e, "err", "ENOENT"));
	CHECK(member(e, "thread_us") && !member(e, "unfinished"));
	e = find("e", "ouro_pool_run");
	CHECK(e && member(e, "unfinished"));
	tube_fill(tube);
	CHECK_EQ(ouro_loop_run(of), 0);
	tube_close(tube);
	ouro_loop_free(of);
	leave_folder();
}

static void ask_stat(ouro_loop *of, void *arg)
{
	(void)arg;
	CHECK(ouro_fs_stat(of, "/no/such", got_stat, NULL).id != 0);
}

static const struct event *arrow(const char *ph, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(events[i].ph, ph) && !strcmp(events[i].id, id))
			return &events[i];
	return NULL;
}

static bool points_at(const struct event *end, const struct event *slice)
{
	return end && slice && end->tid == slice->tid && end->from >= slice->from &&
	       end->from <= slice->to;
}

/* An arrow from a slice of that name, by the job, to a slice of that name. */
static bool leads(const char *from, const char *job, const char *to)
{
	const struct event *s;

	for (size_t n = 0; (s = find_nth("s", "job", n)); n++)
		if (points_at(s, find("X", from)) && points_at(arrow("t", s->id), find("X", job)) &&
		    points_at(arrow("f", s->id), find("X", to)))
			return true;
	return false;
}

static const char *lane_of(const struct event *slice)
{
	static const char args[] = "\"args\":{\"name\":";
	const struct event *name;

	for (size_t n = 0; (name = find_nth("M", "thread_name", n)); n++)
		if (name->tid == slice->tid)
			return strstr(name->text, args) + strlen(args);
	return "";
}

TEST(an_arrow_goes_from_who_asked_to_the_thread_and_back)
{
	ouro_loop *of = new_loop();
	const struct event *job;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, ask_stat, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(leads("ask_stat", "stat /no/such", "got_stat"));
	job = find("X", "stat /no/such");
	CHECK_STR(job->cat, "pool");
	CHECK(says(job, "err", "ENOENT"));
	CHECK(job->tid != getpid());
	CHECK(!strncmp(lane_of(job), "\"ouro-pool\"", 11));
	CHECK(!strncmp(lane_of(find("X", "ask_stat")), "\"loop\"", 6));
	ouro_loop_free(of);
	leave_folder();
}

TEST(an_operation_that_no_callback_asked_for_has_half_an_arrow)
{
	ouro_loop *of = new_loop();
	const struct event *s;

	CHECK(ouro_fs_stat(of, "/no/such", got_stat, NULL).id != 0);
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	for (size_t n = 0; (s = find_nth("s", "job", n)); n++)
		if (points_at(s, find("X", "stat /no/such")))
			break;
	CHECK(s != NULL);
	CHECK(!arrow("t", s->id));
	CHECK(points_at(arrow("f", s->id), find("X", "got_stat")));
	ouro_loop_free(of);
	leave_folder();
}

static void too_late(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, OURO_ETIMEOUT);
}

static int do_it(void *arg)
{
	(void)arg;
	return 0;
}

static unsigned stuck(ouro_loop *of)
{
	ouro_pool_stats figures;

	ouro_pool_get_stats(of, &figures);
	return figures.stuck;
}

TEST(a_job_that_outlives_its_answer_is_on_its_lane)
{
	ouro_loop *of = new_loop();
	int ends[2];
	ouro_op op;

	CHECK_EQ(pipe(ends), 0);
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	op = ouro_pool_run(of, hang, too_late, &ends[0]);
	while (!one_runs(of))
		ouro_loop_turn(of);
	CHECK(ouro_op_timeout(of, op, 1));
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK_EQ(stuck(of), 1);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	while (stuck(of))
		sched_yield();
	CHECK(ouro_pool_run(of, do_it, hung, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(says(find("e", "ouro_pool_run"), "err", "OURO_ETIMEOUT"));
	CHECK(find_nth("X", "ouro_pool_run", 1) != NULL);
	ouro_loop_free(of);
	tube_close((struct tube){ ends[0], ends[1] });
	leave_folder();
}

TEST(operations_of_many_threads_lie_one_after_another)
{
	ouro_loop *of = new_loop();

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	for (int i = 0; i < 300; i++) {
		CHECK(ouro_pool_run(of, do_it, hung, NULL).id != 0);
		CHECK(ouro_fs_stat(of, "/no/such", got_stat, NULL).id != 0);
	}
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK_EQ(report.lost, 0);
	CHECK(find_nth("X", "stat /no/such", 299) && find_nth("X", "ouro_pool_run", 299));
	ouro_loop_free(of);
	leave_folder();
}

/* ---- Fetches ---- */

static void fetched(int err, const ouro_answer *page, void *arg)
{
	(void)page;
	CHECK_EQ(err, *(int *)arg);
}

static const char *url_of(const ouro_server *site, const char *path_)
{
	static char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)ouro_server_port(site),
		 path_);
	return url;
}

/* What the span of a fetch of that path says at its end. */
static const struct event *end_of(const char *path_)
{
	const struct event *e = NULL;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(events[i].ph, "e") && !strcmp(events[i].cat, "fetch") &&
		    has(events[i].name, path_))
			e = &events[i];
	CHECK(e != NULL);
	return e;
}

TEST(a_fetch_is_a_span_until_it_is_told)
{
	int whole = 0, cancelled = OURO_ECANCELED, refused = -EINVAL;
	const ouro_http_opts opts = { .host = "127.0.0.1", .on_request = answer };
	ouro_loop *of = new_loop();
	ouro_server *site;
	ouro_fetch fetch;

	in_folder();
	CHECK_EQ(ouro_http_listen(of, &opts, &site), 0);
	ouro_server_hold(site, false);
	CHECK_EQ(start(of, 0), 0);
	CHECK(ouro_http_get(of, url_of(site, "/got?x=%22"), fetched, &whole).id != 0);
	CHECK(ouro_http_get(of, "http://", fetched, &refused).id != 0);
	fetch = ouro_http_get(of, url_of(site, "/cancelled"), fetched, &cancelled);
	CHECK(ouro_fetch_cancel(of, fetch));
	CHECK_EQ(ouro_loop_run(of), 0);
	fetch = ouro_http_get(of, url_of(site, "/late"), fetched, &cancelled);
	while (!kept)
		ouro_loop_turn(of);
	stop(of);
	CHECK_EQ(number(end_of("/got?x=%22"), "status"), 201);
	CHECK(!strncmp(end_of("/got?x=%22")->name, "GET http://127.0.0.1:", 21));
	CHECK(says(end_of("/cancelled"), "err", "OURO_ECANCELED"));
	CHECK(says(end_of("fetch http://"), "err", "EINVAL"));
	CHECK(member(end_of("/late"), "unfinished") && !member(end_of("/got"), "unfinished"));
	CHECK(ouro_fetch_cancel(of, fetch));
	CHECK_EQ(ouro_loop_run(of), 0);
	ouro_req_status(kept, 200);
	ouro_loop_free(of);
	leave_folder();
}

/* ---- Crews ---- */

static int job_swap(ouro_str in, ouro_buf *out)
{
	char two[2];

	if (in.len != sizeof(two))
		abort();
	two[0] = in.ptr[1];
	two[1] = in.ptr[0];
	return ouro_buf_append(out, two, sizeof(two));
}

/* Until nobody waits for it any more, as its second word says. */
static int job_last(ouro_str in, ouro_buf *out)
{
	struct timespec tick = { .tv_nsec = 1000000 };

	(void)in, (void)out;
	CHECK_EQ(ouro_job_progress(ouro_str_z("begun")), 0);
	while (!ouro_job_cancelled())
		nanosleep(&tick, NULL);
	return OURO_ECANCELED;
}

static const ouro_job jobs[] = { { .name = "swap", .run = job_swap },
				 { .name = "last", .run = job_last },
				 { .name = NULL } };

static void got_swapped(int err, ouro_str out, void *arg)
{
	(void)out;
	CHECK_EQ(err, arg ? *(int *)arg : 0);
}

static void ask_crew(ouro_loop *of, void *arg)
{
	(void)of;
	for (int i = 0; i < 20; i++)
		CHECK(ouro_crew_call(arg, "swap", ouro_str_z("ab"), got_swapped, NULL).id != 0);
}

static ouro_crew *start_crew(ouro_loop *of, ouro_crew_opts opts)
{
	ouro_crew *crew;

	opts.jobs = jobs;
	opts.count = opts.count ? opts.count : 2;
	CHECK_EQ(ouro_crew_start(of, &opts, &crew), 0);
	return crew;
}

static void check_jobs(enum ouro_kind kind)
{
	ouro_loop *of = new_loop();
	ouro_crew *one = start_crew(of, (ouro_crew_opts){ .kind = kind, .name = "swaps" });
	ouro_crew *twin = start_crew(of, (ouro_crew_opts){ .kind = kind, .name = "swaps" });
	const struct event *job;
	size_t jobs_of_twin = 0, n;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, ask_crew, one);
	call_macro(of, ask_crew, twin);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(leads("ask_crew", "ouro_crew_call swap", "got_swapped"));
	for (n = 0; (job = find_nth("X", "ouro_crew_call swap", n)); n++) {
		CHECK_STR(job->cat, "crew");
		CHECK(!strncmp(lane_of(job), "\"crew swaps", 11));
		jobs_of_twin += !strncmp(lane_of(job), "\"crew swaps 2, ", 15);
	}
	CHECK_EQ(n, 40);
	CHECK_EQ(jobs_of_twin, 20);
	CHECK(says(find("b", "ouro_crew_call swap"), "cat", "crew"));
	ouro_loop_free(of);
	leave_folder();
}

TEST(jobs_of_threads_are_on_the_lanes_of_their_runners)
{
	check_jobs(OURO_THREADS);
}

TEST(jobs_of_processes_are_on_the_lanes_of_their_runners)
{
	check_jobs(OURO_PROCESSES);
}

TEST(a_job_that_crashes_is_there_as_often_as_it_was_tried)
{
	ouro_loop *of = new_loop();
	ouro_crew *crew = start_crew(of, (ouro_crew_opts){ .kind = OURO_PROCESSES, .retry = 1 });
	int crashed = OURO_ECRASHED;
	const struct event *first, *last;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK(ouro_crew_call(crew, "swap", ouro_str_z("abc"), got_swapped, &crashed).id != 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	first = find("X", "ouro_crew_call swap");
	last = find_nth("X", "ouro_crew_call swap", 1);
	CHECK(says(first, "err", "OURO_ECRASHED") && says(last, "err", "OURO_ECRASHED"));
	CHECK(!find_nth("X", "ouro_crew_call swap", 2));
	CHECK(says(find("e", "ouro_crew_call swap"), "err", "OURO_ECRASHED"));
	ouro_loop_free(of);
	leave_folder();
}

static ouro_op lasting;

static void cancel_it(ouro_str progress, void *arg)
{
	(void)progress;
	CHECK(ouro_op_cancel(arg, lasting));
}

static void got_cancelled(int err, ouro_str out, void *arg)
{
	(void)out, (void)arg;
	CHECK_EQ(err, OURO_ECANCELED);
}

TEST(a_job_that_outlives_its_call_is_on_its_lane)
{
	const ouro_call_opts opts = { .on_progress = cancel_it };
	ouro_loop *of = new_loop();
	ouro_crew *crew = start_crew(of, (ouro_crew_opts){ .kind = OURO_THREADS, .count = 1 });

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	lasting = ouro_crew_call_with(crew, "last", ouro_str_z(""), &opts, got_cancelled, of);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK(ouro_crew_call(crew, "swap", ouro_str_z("ab"), got_swapped, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(says(find("X", "ouro_crew_call last"), "err", "OURO_ECANCELED"));
	ouro_loop_free(of);
	leave_folder();
}
