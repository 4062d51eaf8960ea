/* crew.c -- what a call to a crew costs, how far two runners are faster than one, and what four long
 * jobs do to everybody else on the loop. See bench.h and run.
 *
 * A figure of `calls_*` is the ns a call, with so many out at a time. `tiles_*` is a picture in tiles,
 * ns a point; two runners on two idle cores should halve it. `ping_*` is how late a timer of 1 ms
 * is, the loop idle or beside four jobs that compute: ns at the median and at the 99th percentile. */
#include "bench.h"
#include "ouro.h"
#include "workers/jobs/jobs.h"

#define CALLS  50000
#define TILES  64
#define PINGS  2000
#define LONG_N "36"

static ouro_loop *loop;
static ouro_crew *crew;
static const struct bench_task *task;
static unsigned asked, answered;

static void start(enum ouro_kind kind, unsigned count, unsigned nice)
{
	ouro_crew_opts opts = { .jobs = jobs_useful, .count = count, .kind = kind, .nice = nice };

	loop = ouro_loop_new(NULL);
	bench_check(loop);
	bench_check(!ouro_crew_start(loop, &opts, &crew));
	asked = answered = 0;
}

static void end(void)
{
	ouro_loop_free(loop);
}

/* Calls. */

static void on_echo(int err, ouro_str out, void *arg);

static void ask_echo(void)
{
	asked++;
	bench_check(ouro_crew_call(crew, "echo", ouro_str_z("x"), on_echo, NULL).id);
}

static void on_echo(int err, ouro_str out, void *arg)
{
	(void)arg;
	bench_check(!err && out.len == 1);
	answered++;
	if (asked < task->n)
		ask_echo();
}

static void calls(enum ouro_kind kind)
{
	struct bench_time began;

	start(kind, 1, 0);
	began = bench_time();
	for (unsigned i = 0; i < task->spread && asked < task->n; i++)
		ask_echo();
	bench_check(!ouro_loop_run(loop));
	bench_say(task, "wall", "ns", (double)(bench_time().wall - began.wall) / task->n);
	bench_check(answered == task->n);
	end();
}

static void calls_of_threads(const struct bench_task *t)
{
	task = t;
	calls(OURO_THREADS);
}

static void calls_of_processes(const struct bench_task *t)
{
	task = t;
	calls(OURO_PROCESSES);
}

/* A picture. */

static uint64_t points;

static void on_tile(int err, ouro_str out, void *arg)
{
	(void)arg;
	bench_check(!err);
	points += out.len / 2;
	answered++;
}

static void tiles(enum ouro_kind kind, unsigned runners)
{
	struct bench_time began;

	start(kind, runners, OURO_NEVER);
	began = bench_time();
	for (unsigned i = 0; i < TILES; i++) {
		struct mandelbrot_tile tile = { .left = -0.8,
						.top = 0.05 + i * 0.0005,
						.step = 0.00001,
						.width = 128,
						.height = 64,
						.most = 1000 };

		ouro_crew_call(crew, "mandelbrot", ouro_str_n(&tile, sizeof(tile)), on_tile, NULL);
	}
	bench_check(!ouro_loop_run(loop));
	bench_check(answered == TILES && points == TILES * 128 * 64);
	bench_say(task, "wall", "ns", (double)(bench_time().wall - began.wall) / (double)points);
	end();
}

static void tiles_of_threads(const struct bench_task *t)
{
	task = t;
	tiles(OURO_THREADS, t->n);
}

static void tiles_of_processes(const struct bench_task *t)
{
	task = t;
	tiles(OURO_PROCESSES, t->n);
}

/* Everybody else. */

static uint64_t late[PINGS], due;
static unsigned pings;

static void on_long(int err, ouro_str out, void *arg)
{
	(void)out, (void)arg;
	bench_check(!err || err == OURO_ECANCELED);
	if (!err)
		ouro_crew_call(crew, "fib", ouro_str_z(LONG_N), on_long, NULL);
}

static void on_ping(ouro_loop *its, void *arg)
{
	uint64_t now = bench_time().wall;

	(void)arg;
	late[pings++] = now > due ? now - due : 0;
	if (pings == PINGS) {
		ouro_loop_stop(its, 0);
		return;
	}
	due = bench_time().wall + 1000000;
	ouro_timer_after(its, 1, on_ping, NULL);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void ping(const struct bench_task *t, unsigned nice)
{
	task = t;
	start(OURO_PROCESSES, 2, nice);
	for (unsigned i = 0; i < t->n; i++)
		ouro_crew_call(crew, "fib", ouro_str_z(LONG_N), on_long, NULL);
	due = bench_time().wall + 1000000;
	ouro_timer_after(loop, 1, on_ping, NULL);
	bench_check(!ouro_loop_run(loop));
	qsort(late, PINGS, sizeof(*late), by_size);
	bench_say(t, "median", "ns", (double)late[PINGS / 2]);
	bench_say(t, "p99", "ns", (double)late[PINGS * 99 / 100]);
	end();
}

static void ping_usual(const struct bench_task *t)
{
	ping(t, 0);
}

static void ping_nice_19(const struct bench_task *t)
{
	ping(t, 19);
}

static void ping_equal(const struct bench_task *t)
{
	ping(t, OURO_NEVER);
}

static const struct bench_task tasks[] = {
	{ "calls_threads_1", calls_of_threads, CALLS / 4, 1 },
	{ "calls_threads_64", calls_of_threads, CALLS, 64 },
	{ "calls_threads_1000", calls_of_threads, CALLS, 1000 },
	{ "calls_processes_1", calls_of_processes, CALLS / 4, 1 },
	{ "calls_processes_64", calls_of_processes, CALLS, 64 },
	{ "calls_processes_1000", calls_of_processes, CALLS, 1000 },
	{ "tiles_threads_1", tiles_of_threads, 1, 0 },
	{ "tiles_threads_2", tiles_of_threads, 2, 0 },
	{ "tiles_processes_1", tiles_of_processes, 1, 0 },
	{ "tiles_processes_2", tiles_of_processes, 2, 0 },
	{ "ping_idle", ping_usual, 0, 0 },
	{ "ping_beside_4", ping_usual, 4, 0 },
	{ "ping_beside_4_nice_19", ping_nice_19, 4, 0 },
	{ "ping_beside_4_equal", ping_equal, 4, 0 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
