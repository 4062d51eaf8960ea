/* bench.h -- what the small programs of bench/ share: a table of tasks, two clocks, dice, and one line
 * a figure.
 *
 * Each program is called with the name of one task, does it in a fresh process and prints
 *
 *     task <tab> figure <tab> unit <tab> value
 *
 * Every program rolls the same dice, so that the same delays come and the same timers are picked.
 * A task that cannot show that all of its work was done ends the program, and with it the run: a
 * fast wrong answer is worth nothing. */
#ifndef BENCH_H
#define BENCH_H
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* How much of each, the same in every program. */
enum {
	BENCH_RESTARTS = 4000000,
	BENCH_RESTART_BATCH = 1000, /* restarts a turn, so that the clock moves between them */
	BENCH_TASKS = 10000000,
	BENCH_BURST = 1000, /* macro tasks a turn */
	BENCH_POSTS = 2000000,
	BENCH_RINGS = 50000,
	BENCH_THREAD_TRIPS = 20000,
	BENCH_PIPE_TRIPS = 200000,
	BENCH_TURNS = 1000000,
	BENCH_PATIENCE_S = 60, /* no task lasts so long: it hangs */
};

struct bench_task {
	const char *name;
	void (*run)(const struct bench_task *task);
	unsigned n;
	unsigned spread; /* restarts: among how many of the n the dice pick */
};

/* A line of the result. */
static inline void bench_say(const struct bench_task *task, const char *figure, const char *unit,
			     double value)
{
	printf("%s\t%s\t%s\t%.6g\n", task->name, figure, unit, value);
}

/* Ends the program unless the work was really done. */
#define bench_check(truth)                                                                  \
	do {                                                                                \
		if (!(truth)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

struct bench_time {
	uint64_t wall; /* ns of CLOCK_MONOTONIC */
	uint64_t cpu;  /* ns of all threads, in the program and in the kernel */
};

static inline struct bench_time bench_time(void)
{
	struct timespec t;
	struct rusage used;

	clock_gettime(CLOCK_MONOTONIC, &t);
	getrusage(RUSAGE_SELF, &used);
	return (struct bench_time){
		.wall = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec,
		.cpu = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
		       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000,
	};
}

/* What each of n things done since `began` has cost, by both clocks. */
static inline void bench_done(const struct bench_task *task, struct bench_time began, uint64_t n)
{
	struct bench_time now = bench_time();

	bench_say(task, "wall", "ns", (double)(now.wall - began.wall) / (double)n);
	bench_say(task, "cpu", "ns", (double)(now.cpu - began.cpu) / (double)n);
}

/* Marsaglia's xorshift: node.js has the same one, with the same seed. */
static inline uint32_t bench_dice(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* 0 to n - 1. */
static inline uint32_t bench_below(uint32_t n)
{
	return (uint32_t)((uint64_t)bench_dice() * n >> 32);
}

/* The delays in ms: of timers that fire, and of time-outs that are always put off. */
static inline unsigned bench_delay(void)
{
	return 1 + bench_below(1000);
}

static inline unsigned bench_timeout(void)
{
	return 30000 + bench_below(60000);
}

static inline void *bench_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	bench_check(p);
	return p;
}

/* Bytes of memory that the process has really touched. */
static inline double bench_resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	bench_check(f && fscanf(f, "%*d %ld", &pages) == 1);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* The cores the program was started on, before anybody was pinned. */
static cpu_set_t bench_cores;

/* The calling thread, and those it starts, to one core: the nth of those, going round. Where two
 * threads run decides what it costs them to talk, so no task leaves that to chance. */
static inline void bench_pin(int nth)
{
	cpu_set_t one;
	int core = -1;

	nth %= CPU_COUNT(&bench_cores);
	while (nth >= 0)
		nth -= CPU_ISSET(++core, &bench_cores) != 0;
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	bench_check(sched_setaffinity(0, sizeof(one), &one) == 0);
}

/* One byte goes from pipe to pipe. */
static inline void bench_send(int fd)
{
	bench_check(write(fd, "x", 1) == 1);
}

static inline void bench_receive(int fd)
{
	char byte;

	bench_check(read(fd, &byte, 1) == 1);
}

/* Does the task that is named; without a name, tells which there are. */
static inline int bench_main(int argc, char **argv, const struct bench_task *tasks, size_t count)
{
	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	for (size_t i = 0; i < count; i++) {
		if (argc < 2) {
			puts(tasks[i].name);
		} else if (strcmp(tasks[i].name, argv[1]) == 0) {
			alarm(BENCH_PATIENCE_S);
			tasks[i].run(&tasks[i]);
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
#endif
