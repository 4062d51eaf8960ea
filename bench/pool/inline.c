/* inline.c -- the tasks of bench/pool without a pool: each call on the thread that wants it, which
 * waits. What leaving the loop costs is the difference. */
#include "pool.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int (*volatile work)(void *arg) = nothing;

static void noops(const struct bench_task *task)
{
	struct bench_time began = bench_time();

	for (unsigned i = 0; i < POOL_INLINE; i++)
		bench_check(work(NULL) == 0);
	bench_done(task, began, POOL_INLINE);
}

static void stats(const struct bench_task *task)
{
	struct bench_time began;
	struct stat st;

	close(pool_file());
	began = bench_time();
	for (unsigned i = 0; i < POOL_FILES; i++)
		bench_check(stat(pool_path, &st) == 0);
	bench_done(task, began, POOL_FILES);
}

static void preads(const struct bench_task *task)
{
	int fd = pool_file();
	char piece[POOL_PIECE];
	struct bench_time began = bench_time();

	for (unsigned i = 0; i < POOL_FILES; i++)
		bench_check(pread(fd, piece, POOL_PIECE, (off_t)(i % 16) * POOL_PIECE) ==
			    POOL_PIECE);
	bench_done(task, began, POOL_FILES);
	close(fd);
}

static void lookups(const struct bench_task *task)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct bench_time began = bench_time();
	struct addrinfo *list;

	for (unsigned i = 0; i < POOL_LOOKUPS; i++) {
		bench_check(getaddrinfo("localhost", NULL, &hints, &list) == 0);
		freeaddrinfo(list);
	}
	bench_done(task, began, POOL_LOOKUPS);
}

static void stat_idle(const struct bench_task *task)
{
	struct stat st;

	close(pool_file());
	do {
		pool_sleep_ms(1);
		pool_asked();
		bench_check(stat(pool_path, &st) == 0);
	} while (!pool_answered());
	pool_say_latency(task);
}

static const struct bench_task tasks[] = {
	{ "noops_128", noops, 0, 0 },     { "noops_4096", noops, 0, 0 },
	{ "stats_128", stats, 0, 0 },     { "preads_128", preads, 0, 0 },
	{ "lookups_1", lookups, 0, 0 },   { "lookups_128", lookups, 0, 0 },
	{ "stat_idle", stat_idle, 0, 0 },
};

int main(int argc, char **argv)
{
	return pool_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
