/* pool.h -- what the programs of bench/pool share: how much of each task, a file, names that are
 * slow to find, and latencies. */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H
#include "../bench.h"
#include <dlfcn.h>
#include <netdb.h>
#include <sys/stat.h>

enum {
	POOL_NOOPS = 400000,
	POOL_FILES = 200000,   /* stat, pread */
	POOL_INLINE = 2000000, /* what costs no thread */
	POOL_LOOKUPS = 4000,
	POOL_TRIPS = 20000,    /* one at a time */
	POOL_SAMPLES = 300,    /* latencies, each a ms after the last */
	POOL_WAITING = 100000, /* operations that wait at once */
	POOL_PIECE = 4096,
	POOL_SLOW_JOBS = 4,
	POOL_SLOW_JOB_MS = 100,
	POOL_SLOW_NAMES = 8,
	POOL_SLOW_NAME_S = 5,
};

/* A file of a few pages, in the cache for certain; its name goes with the program. */
static char pool_path[] = "/tmp/bench-pool-XXXXXX";

static inline int pool_file(void)
{
	static const char page[16 * POOL_PIECE];
	int fd = mkstemp(pool_path);

	bench_check(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page));
	return fd;
}

/* Ends the program without waiting for calls that still hang. */
static inline int pool_main(int argc, char **argv, const struct bench_task *tasks, size_t count)
{
	int code = bench_main(argc, argv, tasks, count);

	unlink(pool_path);
	fflush(stdout);
	_exit(code);
}

static inline void pool_sleep_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* The resolver, for whoever asks in this process: names that end in ".slow" take long, and are
 * not known after that. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	size_t n = name ? strlen(name) : 0;

	if (n > 5 && strcmp(name + n - 5, ".slow") == 0) {
		pool_sleep_ms(POOL_SLOW_NAME_S * 1000);
		return EAI_NONAME;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(name, service, hints, ret_list);
}

/* Latencies: when the one that is out was asked for, and how long the others took. */
static uint64_t pool_began;
static uint64_t pool_took[POOL_SAMPLES];
static unsigned pool_sampled;

static inline void pool_asked(void)
{
	pool_began = bench_time().wall;
}

/* True: that was the last one wanted. */
static inline bool pool_answered(void)
{
	pool_took[pool_sampled++] = bench_time().wall - pool_began;
	return pool_sampled == POOL_SAMPLES;
}

static int pool_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static inline void pool_say_latency(const struct bench_task *task)
{
	bench_check(pool_sampled == POOL_SAMPLES);
	bench_say(task, "first", "ns", (double)pool_took[0]);
	qsort(pool_took, POOL_SAMPLES, sizeof(*pool_took), pool_compare);
	bench_say(task, "median", "ns", (double)pool_took[POOL_SAMPLES / 2]);
	bench_say(task, "p99", "ns", (double)pool_took[POOL_SAMPLES * 99 / 100]);
}
#endif
