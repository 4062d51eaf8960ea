/* ouro.c -- one service, and seven places for its long work.
 *
 *     ouro inline -p PORT      in the handler: everybody waits
 *     ouro sliced -p PORT      on the loop, a millisecond's worth a macro task
 *     ouro pool -p PORT        on a thread of the pool
 *     ouro threads -p PORT     on a crew of two threads
 *     ouro processes -p PORT   on a crew of two processes
 *     ouro idle -p PORT        the same, but only while nobody else wants the core
 *     ouro cluster -p PORT     in the handler, of two processes that share the port
 *     ouro                     the version */
#include "../bench.h"
#include "spin.h"
#include <inttypes.h>
#include <ouro.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SLICE = 300000, RUNNERS = 2, POOL_ROOM = 64 };

static ouro_crew *crew;

static void reply(ouro_req *req, uint32_t x)
{
	ouro_req_replyf(req, 200, "text/plain", "%" PRIu32 "\n", x);
}

static uint64_t steps_of(ouro_req *req)
{
	return ouro_str_u64(ouro_req_query(req, "n"), 0);
}

static void ping(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("pong"));
}

static void cpu_inline(ouro_req *req, void *arg)
{
	(void)arg;
	reply(req, spin(steps_of(req)));
}

/* ---- In slices, and on the pool ---- */

struct work {
	ouro_req *req;
	uint64_t left;
	uint32_t x;
};

static struct work *work_of(ouro_req *req)
{
	struct work *w = ouro_req_alloc(req, sizeof(*w));

	bench_check(w);
	*w = (struct work){ ouro_req_later(req), steps_of(req), SPIN_SEED };
	return w;
}

static void slice(ouro_loop *loop, void *arg)
{
	struct work *w = arg;
	uint64_t steps = w->left < SLICE ? w->left : SLICE;

	w->x = spin_from(w->x, steps);
	w->left -= steps;
	if (w->left)
		bench_check(ouro_loop_macro(loop, slice, w) == 0);
	else
		reply(w->req, w->x);
}

static void cpu_sliced(ouro_req *req, void *arg)
{
	(void)arg;
	bench_check(ouro_loop_macro(ouro_req_loop(req), slice, work_of(req)) == 0);
}

static int spin_on_pool(void *arg)
{
	struct work *w = arg;

	w->x = spin(w->left);
	return 0;
}

static void spun(int err, void *arg)
{
	struct work *w = arg;

	bench_check(err == 0);
	reply(w->req, w->x);
}

static void cpu_pool(ouro_req *req, void *arg)
{
	(void)arg;
	bench_check(ouro_pool_run(ouro_req_loop(req), spin_on_pool, spun, work_of(req)).id);
}

/* ---- On a crew ---- */

static int spin_job(ouro_str in, ouro_buf *out)
{
	return ouro_buf_printf(out, "%" PRIu32 "\n", spin(ouro_str_u64(in, 0)));
}

static void job_done(int err, ouro_str out, void *arg)
{
	bench_check(err == 0);
	ouro_req_reply(arg, 200, "text/plain", out);
}

static void cpu_crew(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_crew_call(crew, "spin", ouro_req_query(req, "n"), job_done, ouro_req_later(req));
}

static int start_crew(ouro_loop *loop, enum ouro_kind kind, unsigned nice)
{
	static const ouro_job jobs[] = { { .name = "spin", .run = spin_job }, { .name = NULL } };

	ouro_crew_opts opts = { .jobs = jobs, .count = RUNNERS, .kind = kind, .nice = nice };

	return ouro_crew_start(loop, &opts, &crew);
}

/* ---- The program ---- */

/* One more process, before there is a loop. */
static void fork_another(void)
{
	pid_t pid = fork();

	bench_check(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	bool is_cluster = strcmp(how, "cluster") == 0;
	ouro_req_fn *cpu = strcmp(how, "sliced") == 0 ? cpu_sliced
			   : strcmp(how, "pool") == 0 ? cpu_pool
			   : strcmp(how, "threads") == 0 || strcmp(how, "processes") == 0 ||
					   strcmp(how, "idle") == 0
				   ? cpu_crew
				   : cpu_inline;
	const ouro_route routes[] = { { .path = "/ping", .fn = ping },
				      { .path = "/cpu", .fn = cpu },
				      { .path = NULL } };
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes, .reuse_port = is_cluster };
	ouro_loop *loop;
	int err = 0;

	if (argc < 2) {
		puts(ouro_version());
		return 0;
	}
	opts.port = (uint16_t)strtoul(argv[argc - 1], NULL, 10);
	if (is_cluster)
		fork_another();
	loop = ouro_loop_new(NULL);
	bench_check(loop);
	if (cpu == cpu_crew)
		err = start_crew(loop, *how == 't' ? OURO_THREADS : OURO_PROCESSES,
				 *how == 'i' ? 20 : 0);
	bench_check(err == 0 && ouro_http_listen(loop, &opts, NULL) == 0);
	return ouro_loop_run(loop);
}
