/* libuv.c -- the tasks of bench/pool in libuv, whose requests are the caller's to keep: each task
 * has as many as are out at once. */
#include "pool.h"
#include <uv.h>

static uv_loop_t loop;

static void new_loop(void)
{
	bench_check(uv_loop_init(&loop) == 0);
}

/* So many at once, until so many are done: each answer asks for the next with the same request. */

union request {
	uv_work_t work;
	uv_fs_t fs;
	uv_getaddrinfo_t name;
};

static unsigned wanted, asked, answered;
static void (*ask)(union request *request);

static void ask_next(void *request)
{
	answered++;
	if (asked < wanted) {
		asked++;
		ask(request);
	}
}

static void steady(const struct bench_task *task, void (*ask_one)(union request *), unsigned n)
{
	union request *requests = bench_alloc(task->n, sizeof(*requests));
	struct bench_time began;

	ask = ask_one;
	wanted = n;
	began = bench_time();
	while (asked < task->n)
		ask(&requests[asked++]);
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, n);
	bench_check(answered == n);
	free(requests);
}

static void nothing(uv_work_t *work)
{
	(void)work;
}

static void noop_done(uv_work_t *work, int status)
{
	bench_check(status == 0);
	ask_next(work);
}

static void ask_noop(union request *request)
{
	uv_queue_work(&loop, &request->work, nothing, noop_done);
}

static void noops(const struct bench_task *task)
{
	new_loop();
	steady(task, ask_noop, task->n == 1 ? POOL_TRIPS : POOL_NOOPS);
}

static void stat_done(uv_fs_t *fs)
{
	bench_check(fs->result == 0 && fs->statbuf.st_size > 0);
	uv_fs_req_cleanup(fs);
	ask_next(fs);
}

static void ask_stat(union request *request)
{
	uv_fs_stat(&loop, &request->fs, pool_path, stat_done);
}

static void stats(const struct bench_task *task)
{
	close(pool_file());
	new_loop();
	steady(task, ask_stat, POOL_FILES);
}

static int fd;
static char pieces[4096][POOL_PIECE];

static void pread_done(uv_fs_t *fs)
{
	bench_check(fs->result == POOL_PIECE);
	uv_fs_req_cleanup(fs);
	ask_next(fs);
}

static void ask_pread(union request *request)
{
	uv_buf_t buf = uv_buf_init(pieces[asked % 4096], POOL_PIECE);

	uv_fs_read(&loop, &request->fs, fd, &buf, 1, (int64_t)(asked % 16) * POOL_PIECE,
		   pread_done);
}

static void preads(const struct bench_task *task)
{
	fd = pool_file();
	new_loop();
	steady(task, ask_pread, POOL_FILES);
	close(fd);
}

static void lookup_done(uv_getaddrinfo_t *name, int status, struct addrinfo *list)
{
	bench_check(status == 0 && list);
	uv_freeaddrinfo(list);
	ask_next(name);
}

static void ask_lookup(union request *request)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	uv_getaddrinfo(&loop, &request->name, lookup_done, "localhost", NULL, &hints);
}

static void lookups(const struct bench_task *task)
{
	new_loop();
	steady(task, ask_lookup, POOL_LOOKUPS);
}

/* Latencies: one is asked for a ms after the answer to the last. */

static uv_timer_t timer;
static union request sampled;
static void (*sample)(void);

static void sample_now(uv_timer_t *t)
{
	(void)t;
	pool_asked();
	sample();
}

static void sample_later(void)
{
	if (pool_answered())
		uv_stop(&loop);
	else
		uv_timer_start(&timer, sample_now, 1, 0);
}

static void sample_noop_done(uv_work_t *work, int status)
{
	(void)work;
	bench_check(status == 0);
	sample_later();
}

static void sample_noop(void)
{
	uv_queue_work(&loop, &sampled.work, nothing, sample_noop_done);
}

static void sample_stat_done(uv_fs_t *fs)
{
	bench_check(fs->result == 0);
	uv_fs_req_cleanup(fs);
	sample_later();
}

static void sample_stat(void)
{
	uv_fs_stat(&loop, &sampled.fs, pool_path, sample_stat_done);
}

static void run_samples(const struct bench_task *task, void (*one)(void))
{
	sample = one;
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, sample_now, 1, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	pool_say_latency(task);
}

static void noop_idle(const struct bench_task *task)
{
	new_loop();
	run_samples(task, sample_noop);
}

static void stat_idle(const struct bench_task *task)
{
	close(pool_file());
	new_loop();
	run_samples(task, sample_stat);
}

/* While slow jobs run and slow names are looked up. */

static void slow_job(uv_work_t *work)
{
	(void)work;
	pool_sleep_ms(POOL_SLOW_JOB_MS);
}

static void slow_done(uv_work_t *work, int status)
{
	(void)work, (void)status;
}

static void slow_name_done(uv_getaddrinfo_t *name, int status, struct addrinfo *list)
{
	(void)name, (void)status;
	uv_freeaddrinfo(list);
}

static void ask_slow(void)
{
	static uv_work_t jobs[POOL_SLOW_JOBS];
	static uv_getaddrinfo_t names[POOL_SLOW_NAMES];
	char name[32];

	for (unsigned i = 0; i < POOL_SLOW_JOBS; i++)
		uv_queue_work(&loop, &jobs[i], slow_job, slow_done);
	for (unsigned i = 0; i < POOL_SLOW_NAMES; i++) {
		snprintf(name, sizeof(name), "name%u.slow", i);
		uv_getaddrinfo(&loop, &names[i], slow_name_done, name, NULL, NULL);
	}
}

static void stat_behind(const struct bench_task *task)
{
	close(pool_file());
	new_loop();
	ask_slow();
	run_samples(task, sample_stat); /* the names are not waited for: the process ends */
}

/* Memory: what waits behind calls that hang. */

static void wait_for_ever(uv_work_t *work)
{
	(void)work;
	pause();
}

static void never_stat(uv_fs_t *fs)
{
	(void)fs;
	bench_check(!"a file behind calls that hang");
}

static void bytes(const struct bench_task *task)
{
	static uv_work_t jobs[4];
	double before;

	close(pool_file());
	new_loop();
	for (unsigned i = 0; i < 4; i++)
		uv_queue_work(&loop, &jobs[i], wait_for_ever, slow_done);
	uv_run(&loop, UV_RUN_NOWAIT);
	before = bench_resident();
	for (unsigned i = 0; i < POOL_WAITING; i++) {
		uv_fs_t *fs = malloc(sizeof(*fs));

		bench_check(fs && uv_fs_stat(&loop, fs, pool_path, never_stat) == 0);
	}
	bench_say(task, "rss", "bytes", (bench_resident() - before) / POOL_WAITING);
}

static void version(const struct bench_task *task)
{
	printf("%s\t%s\n", task->name, uv_version_string());
}

static const struct bench_task tasks[] = {
	{ "version", version, 0, 0 },         { "noops_128", noops, 128, 0 },
	{ "noops_4096", noops, 4096, 0 },     { "noops_1", noops, 1, 0 },
	{ "stats_128", stats, 128, 0 },       { "preads_128", preads, 128, 0 },
	{ "lookups_1", lookups, 1, 0 },       { "lookups_128", lookups, 128, 0 },
	{ "noop_idle", noop_idle, 0, 0 },     { "stat_idle", stat_idle, 0, 0 },
	{ "stat_behind", stat_behind, 0, 0 }, { "bytes_an_op", bytes, 0, 0 },
};

int main(int argc, char **argv)
{
	return pool_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
