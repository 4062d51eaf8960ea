/* ouro.c -- the tasks of bench/pool in ouro, all options the defaults; and one that only ouro has
 * to pass: a steady state allocates nothing. */
#include "pool.h"
#include <ouro.h>
#include <ouro/dns.h>
#include <ouro/fs.h>
#include <ouro/pool.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	bench_check(loop);
	return loop;
}

/* So many at once, until so many are done: each answer asks for the next. */

static ouro_loop *steady_loop;
static unsigned wanted, asked, answered;
static void (*ask)(void);

static void ask_next(void)
{
	answered++;
	if (asked < wanted) {
		asked++;
		ask();
	}
}

static void steady(const struct bench_task *task, void (*ask_one)(void), unsigned n)
{
	struct bench_time began;

	ask = ask_one;
	wanted = n;
	asked = answered = 0;
	began = bench_time();
	while (asked < task->n) {
		asked++;
		ask();
	}
	ouro_loop_run(steady_loop);
	bench_done(task, began, n);
	bench_check(answered == n);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void noop_done(int err, void *arg)
{
	(void)arg;
	bench_check(err == 0);
	ask_next();
}

static void ask_noop(void)
{
	ouro_pool_run(steady_loop, nothing, noop_done, NULL);
}

static void noops(const struct bench_task *task)
{
	steady_loop = new_loop();
	steady(task, ask_noop, task->n == 1 ? POOL_TRIPS : POOL_NOOPS);
	ouro_loop_free(steady_loop);
}

static void stat_done(int err, const struct stat *st, void *arg)
{
	(void)arg;
	bench_check(err == 0 && st->st_size > 0);
	ask_next();
}

static void ask_stat(void)
{
	ouro_fs_stat(steady_loop, pool_path, stat_done, NULL);
}

static void stats(const struct bench_task *task)
{
	close(pool_file());
	steady_loop = new_loop();
	steady(task, ask_stat, POOL_FILES);
	ouro_loop_free(steady_loop);
}

static int fd;
static char pieces[4096][POOL_PIECE];

static void pread_done(int err, size_t n, void *arg)
{
	(void)arg;
	bench_check(err >= 0 && n == POOL_PIECE);
	ask_next();
}

static void ask_pread(void)
{
	ouro_fs_pread(steady_loop, fd, pieces[asked % 4096], POOL_PIECE,
		      (off_t)(asked % 16) * POOL_PIECE, pread_done, NULL);
}

static void preads(const struct bench_task *task)
{
	fd = pool_file();
	steady_loop = new_loop();
	steady(task, ask_pread, POOL_FILES);
	ouro_loop_free(steady_loop);
	close(fd);
}

static void lookup_done(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	(void)addrs, (void)arg;
	bench_check(err == 0 && count > 0);
	ask_next();
}

static void ask_lookup(void)
{
	ouro_dns_lookup(steady_loop, "localhost", NULL, lookup_done, NULL);
}

static void lookups(const struct bench_task *task)
{
	steady_loop = new_loop();
	steady(task, ask_lookup, POOL_LOOKUPS);
	ouro_loop_free(steady_loop);
}

/* Latencies: one is asked for a ms after the answer to the last. */

static void sample_later(ouro_loop *loop);

static void sample_noop_done(int err, void *arg)
{
	bench_check(err == 0);
	sample_later(arg);
}

static void sample_stat_done(int err, const struct stat *st, void *arg)
{
	(void)st;
	bench_check(err == 0);
	sample_later(arg);
}

static void (*sample)(ouro_loop *loop);

static void sample_noop(ouro_loop *loop)
{
	ouro_pool_run(loop, nothing, sample_noop_done, loop);
}

static void sample_stat(ouro_loop *loop)
{
	ouro_fs_stat(loop, pool_path, sample_stat_done, loop);
}

static void sample_now(ouro_loop *loop, void *arg)
{
	(void)arg;
	pool_asked();
	sample(loop);
}

static void sample_later(ouro_loop *loop)
{
	if (pool_answered())
		ouro_loop_stop(loop, 0);
	else
		ouro_timer_after(loop, 1, sample_now, NULL);
}

static void run_samples(const struct bench_task *task, ouro_loop *loop)
{
	ouro_timer_after(loop, 1, sample_now, NULL);
	ouro_loop_run(loop);
	pool_say_latency(task);
}

static void noop_idle(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();

	sample = sample_noop;
	run_samples(task, loop);
	ouro_loop_free(loop);
}

static void stat_idle(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();

	close(pool_file());
	sample = sample_stat;
	run_samples(task, loop);
	ouro_loop_free(loop);
}

/* While slow jobs run and slow names are looked up. */

static int slow_job(void *arg)
{
	(void)arg;
	pool_sleep_ms(POOL_SLOW_JOB_MS);
	return 0;
}

static void slow_done(int err, void *arg)
{
	(void)err, (void)arg;
}

static void slow_name_done(int err, const ouro_addr *addrs, size_t count, void *arg)
{
	(void)err, (void)addrs, (void)count, (void)arg;
}

static void ask_slow(ouro_loop *loop)
{
	char name[32];

	for (unsigned i = 0; i < POOL_SLOW_JOBS; i++)
		ouro_pool_run(loop, slow_job, slow_done, NULL);
	for (unsigned i = 0; i < POOL_SLOW_NAMES; i++) {
		snprintf(name, sizeof(name), "name%u.slow", i);
		ouro_dns_lookup(loop, name, NULL, slow_name_done, NULL);
	}
}

static void stat_behind(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();

	close(pool_file());
	sample = sample_stat;
	ask_slow(loop);
	run_samples(task, loop); /* the names are not waited for: the process ends */
}

/* Memory. */

static int wait_for_ever(void *arg)
{
	(void)arg;
	return pause();
}

static void never_stat(int err, const struct stat *st, void *arg)
{
	(void)err, (void)st, (void)arg;
	bench_check(!"a file behind calls that hang");
}

static void bytes(const struct bench_task *task)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1 });
	double before;

	close(pool_file());
	ouro_pool_run(loop, wait_for_ever, slow_done, NULL);
	ouro_loop_turn(loop);
	before = bench_resident();
	for (unsigned i = 0; i < POOL_WAITING; i++)
		bench_check(ouro_fs_stat(loop, pool_path, never_stat, NULL).id);
	bench_say(task, "rss", "bytes", (bench_resident() - before) / POOL_WAITING);
}

static atomic_ulong allocations;

static void *counting_alloc(size_t size, void *arg)
{
	(void)arg;
	allocations++;
	return malloc(size);
}

static void *counting_realloc(void *old, size_t size, void *arg)
{
	(void)arg;
	allocations++;
	return realloc(old, size);
}

static void counting_free(void *old, void *arg)
{
	(void)arg;
	free(old);
}

static void no_allocation(const struct bench_task *task)
{
	const ouro_allocator counting = { counting_alloc, counting_realloc, counting_free, NULL };
	static const struct bench_task quiet = { .name = "warm_up", .n = 128 };
	unsigned long before;

	bench_check(ouro_set_allocator(&counting) == 0);
	fd = pool_file();
	steady_loop = new_loop();
	steady(&quiet, ask_noop, POOL_TRIPS);
	steady(&quiet, ask_stat, POOL_TRIPS);
	steady(&quiet, ask_pread, POOL_TRIPS);
	before = allocations;
	steady(&quiet, ask_noop, POOL_TRIPS);
	steady(&quiet, ask_stat, POOL_TRIPS);
	steady(&quiet, ask_pread, POOL_TRIPS);
	bench_say(task, "made", "allocations", (double)(allocations - before));
	ouro_loop_free(steady_loop);
}

static void version(const struct bench_task *task)
{
	printf("%s\t%s\n", task->name, ouro_version());
}

static const struct bench_task tasks[] = {
	{ "version", version, 0, 0 },
	{ "noops_128", noops, 128, 0 },
	{ "noops_4096", noops, 4096, 0 },
	{ "noops_1", noops, 1, 0 },
	{ "stats_128", stats, 128, 0 },
	{ "preads_128", preads, 128, 0 },
	{ "lookups_1", lookups, 1, 0 },
	{ "lookups_128", lookups, 128, 0 },
	{ "noop_idle", noop_idle, 0, 0 },
	{ "stat_idle", stat_idle, 0, 0 },
	{ "stat_behind", stat_behind, 0, 0 },
	{ "bytes_an_op", bytes, 0, 0 },
	{ "no_allocation", no_allocation, 0, 0 },
};

int main(int argc, char **argv)
{
	return pool_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
