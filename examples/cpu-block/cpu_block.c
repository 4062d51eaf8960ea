/* cpu_block.c -- one long computation, six places for it, and what each does to everybody else.
 *
 * fib(n) the slow way takes a second or two. On the loop it freezes every client; in slices, on the
 * pool, on a crew of threads or of processes it does not; and in a process it may even crash. The
 * page pings the server all the time and draws how long that takes; below is ouro's dashboard.
 *
 *     make run            and open the address that it prints
 *     curl 'http://127.0.0.1:8080/cpu/inline?n=42' & curl http://127.0.0.1:8080/ping */
#include <errno.h>
#include <inttypes.h>
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

void page(ouro_req *req, void *arg); /* page.c */

static ouro_crew *threads, *processes;

static uint64_t fib(uint64_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* At most 46: longer than a minute is nobody's lesson. */
static uint64_t number_of(ouro_str text)
{
	uint64_t n = ouro_str_u64(text, 40);

	return n > 46 ? 46 : n;
}

static void answer(ouro_req *req, uint64_t result)
{
	ouro_req_replyf(req, 200, "text/plain", "%" PRIu64 "\n", result);
}

/* 1. On the loop: nobody else is served until it has returned. */
static void fib_inline(ouro_req *req, void *arg)
{
	(void)arg;
	answer(req, fib(number_of(ouro_req_query(req, "n"))));
}

/* 2. In slices: the recursion is kept on a stack of our own, and a macro task does a piece of it. */
struct slices {
	ouro_req *req;
	uint64_t sum;
	size_t depth;
	uint8_t stack[64];
};

static void slice(ouro_loop *loop, void *arg)
{
	struct slices *s = arg;

	for (int i = 0; i < 30000 && s->depth; i++) {
		uint8_t n = s->stack[--s->depth];

		for (; n >= 2; n--) /* fib(n - 2) later, fib(n - 1) now */
			s->stack[s->depth++] = (uint8_t)(n - 2);
		s->sum += n;
	}
	if (s->depth)
		ouro_loop_macro(loop, slice, s);
	else
		answer(s->req, s->sum);
}

static void fib_sliced(ouro_req *req, void *arg)
{
	struct slices *s = ouro_req_alloc(req, sizeof(*s));

	(void)arg;
	if (!s) {
		ouro_req_status(req, 503);
		return;
	}
	s->req = ouro_req_later(req);
	s->stack[s->depth++] = (uint8_t)number_of(ouro_req_query(req, "n"));
	ouro_loop_macro(ouro_req_loop(req), slice, s);
}

/* 3. On the pool: the loop goes on, but four of these leave no thread for anybody's own calls. */
struct errand {
	ouro_req *req;
	uint64_t n;
};

static int fib_on_pool(void *arg)
{
	struct errand *errand = arg;

	errand->n = fib(errand->n);
	return 0;
}

static void errand_done(int err, void *arg)
{
	struct errand *errand = arg;

	if (err)
		ouro_req_fail(errand->req, err);
	else
		answer(errand->req, errand->n);
}

static void fib_pool(ouro_req *req, void *arg)
{
	struct errand *errand = ouro_req_alloc(req, sizeof(*errand));

	(void)arg;
	if (!errand) {
		ouro_req_status(req, 503);
		return;
	}
	*errand = (struct errand){ ouro_req_later(req), number_of(ouro_req_query(req, "n")) };
	ouro_pool_run(ouro_req_loop(req), fib_on_pool, errand_done, errand);
}

/* 4. and 5. On a crew: bytes in, bytes out; the same job in a thread or in a process. */
static int fib_job(ouro_str in, ouro_buf *out)
{
	return ouro_buf_printf(out, "%" PRIu64 "\n", fib(number_of(in)));
}

static void job_done(int err, ouro_str out, void *arg)
{
	if (err == OURO_ECRASHED)
		ouro_req_reply(arg, 500, "text/plain", out); /* "killed by SIGABRT (Aborted)" */
	else if (err)
		ouro_req_fail(arg, err);
	else
		ouro_req_reply(arg, 200, "text/plain", out);
}

static void fib_crew(ouro_req *req, void *crew)
{
	ouro_crew_call(crew, "fib", ouro_req_query(req, "n"), job_done, ouro_req_later(req));
}

/* 6. A job that crashes, where that hurts nobody: the next process is there at once. */
static int crash_job(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	abort();
}

static void crash(ouro_req *req, void *crew)
{
	ouro_crew_call(crew, "crash", ouro_str_z(""), job_done, ouro_req_later(req));
}

/* ---- The page, and the rest of the program ---- */

static void ping(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("pong\n"));
}

static int start(ouro_loop *loop, ouro_dashboard **ret_dashboard)
{
	static const ouro_job jobs[] = { { .name = "fib", .run = fib_job },
					 { .name = "crash", .run = crash_job },
					 { .name = NULL } };
	ouro_crew_opts opts = {
		.jobs = jobs, .count = 2, .kind = OURO_PROCESSES, .name = "processes"
	};
	int err = ouro_crew_start(loop, &opts, &processes);

	opts.kind = OURO_THREADS;
	opts.name = "threads";
	if (!err)
		err = ouro_crew_start(loop, &opts, &threads);
	if (!err)
		err = ouro_dashboard_open(loop, &(ouro_dashboard_opts){ .title = "cpu-block" },
					  ret_dashboard);
	return err;
}

int main(int argc, char **argv)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_dashboard *dashboard = NULL;
	ouro_server *server;
	int err = loop ? start(loop, &dashboard) : -errno;
	const ouro_route routes[] = {
		{ .path = "/", .fn = page },
		{ .path = "/page.css", .fn = page },
		{ .path = "/page.js", .fn = page },
		{ .path = "/ping", .fn = ping },
		{ .path = "/cpu/inline", .fn = fib_inline },
		{ .path = "/cpu/sliced", .fn = fib_sliced },
		{ .path = "/cpu/pool", .fn = fib_pool },
		{ .path = "/cpu/threads", .fn = fib_crew, .arg = threads },
		{ .path = "/cpu/processes", .fn = fib_crew, .arg = processes },
		{ .path = "/cpu/crash", .fn = crash, .arg = processes },
		{ .path = "/dashboard/", .fn = ouro_dashboard_serve, .arg = dashboard },
		{ .path = NULL },
	};
	ouro_http_opts opts = { .host = "127.0.0.1", .port = 8080, .routes = routes };

	if (argc == 3 && !strcmp(argv[1], "-p"))
		opts.port = (uint16_t)ouro_str_u64(ouro_str_z(argv[2]), 8080);
	if (!err)
		err = ouro_http_listen(loop, &opts, &server);
	if (err)
		return ouro_die("start", err);
	printf("listening on %s\n", ouro_server_url(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
