/* ouro.c -- ouro's client asks, 64 at a time, until n answers have come; wrk.c is what it is held
 * against.
 *
 *     ouro PORT N     each answer is whole, is looked at, and is the next ask
 *
 * The first tenth is a warm-up: connections are made in it. */
#include "../bench.h"
#include <ouro.h>

enum { CONNECTIONS = 64 };

static struct run {
	ouro_loop *loop;
	struct bench_time began;
	uint64_t warm_up, n, asked, answered;
	char url[64];
} run;

static void on_answer(int err, const ouro_answer *answer, void *arg);

static void ask(void)
{
	if (run.asked == run.warm_up + run.n)
		return;
	run.asked++;
	bench_check(ouro_http_get(run.loop, run.url, on_answer, NULL).id);
}

static void on_answer(int err, const ouro_answer *answer, void *arg)
{
	(void)arg;
	bench_check(!err && ouro_answer_status(answer) == 200);
	bench_check(ouro_str_eq(ouro_answer_body(answer), "Hello, world!"));
	if (++run.answered == run.warm_up)
		run.began = bench_time();
	ask();
}

int main(int argc, char **argv)
{
	const struct bench_task task = { .name = "fetch" };
	ouro_client_stats figures;

	bench_check(argc == 3);
	alarm(BENCH_PATIENCE_S);
	snprintf(run.url, sizeof(run.url), "http://127.0.0.1:%s/", argv[1]);
	run.n = strtoull(argv[2], NULL, 10);
	run.warm_up = run.n / 10 + 1;
	run.loop = ouro_loop_new(NULL);
	bench_check(run.loop);
	for (int i = 0; i < CONNECTIONS; i++)
		ask();
	bench_check(ouro_loop_run(run.loop) == 0);
	bench_check(run.answered == run.warm_up + run.n);
	ouro_client_get_stats(run.loop, &figures);
	bench_check(figures.made == CONNECTIONS && !figures.retried);
	bench_done(&task, run.began, run.n);
	ouro_loop_free(run.loop);
	return 0;
}
