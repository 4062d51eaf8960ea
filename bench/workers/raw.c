/* raw.c -- the limit: two threads, two pipes, one system call to write a message and one to read it;
 * and memcpy. See run.
 *
 * With POLLED each side asks an epoll first, as whoever waits for more than one pipe must: the limit
 * for loops. */
#include "../bench.h"
#include <pthread.h>
#include <sys/epoll.h>

#ifndef POLLED
#define POLLED 0
#endif

static int there[2], back[2], core;
static const struct bench_task *task_now;
static bool echo;

static int poll_of(int fd)
{
	struct epoll_event in = { .events = EPOLLIN };
	int its = epoll_create1(0);

	bench_check(its >= 0 && !epoll_ctl(its, EPOLL_CTL_ADD, fd, &in));
	return its;
}

static void await(int fd)
{
	static _Thread_local int its = -1;
	struct epoll_event came;

	if (its < 0)
		its = poll_of(fd);
	bench_check(epoll_wait(its, &came, 1, -1) == 1);
}

static void take(int fd, char *bytes, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n;

		if (POLLED)
			await(fd);
		n = read(fd, bytes + have, size - have);
		bench_check(n > 0);
		have += (size_t)n;
	}
}

static void *far(void *arg)
{
	size_t size = task_now->spread;
	char *bytes = arg;

	bench_pin(core);
	for (unsigned i = 0; i < task_now->n; i++) {
		take(there[0], bytes, size);
		if (echo || i + 1 == task_now->n)
			bench_check(write(back[1], bytes, size) == (ssize_t)size);
	}
	return NULL;
}

static void run(const struct bench_task *task)
{
	char *bytes = bench_alloc(1, task->spread);
	struct bench_time began;
	pthread_t thread;

	task_now = task;
	echo = strncmp(task->name, "trip", 4) == 0;
	core = strstr(task->name, "_one") ? 0 : 1;
	bench_check(!pipe(there) && !pipe(back));
	bench_pin(0);
	bench_check(!pthread_create(&thread, NULL, far, bench_alloc(1, task->spread)));
	began = bench_time();
	for (unsigned i = 0; i < task->n; i++) {
		bench_check(write(there[1], bytes, task->spread) == (ssize_t)task->spread);
		if (echo)
			take(back[0], bytes, task->spread);
	}
	if (!echo)
		take(back[0], bytes, task->spread);
	bench_done(task, began, task->n);
	pthread_join(thread, NULL);
}

static void copy(const struct bench_task *task)
{
	char *from = bench_alloc(1, task->spread), *to = bench_alloc(1, task->spread);
	struct bench_time began;

	memset(from, 'x', task->spread);
	memset(to, 'y', task->spread);
	began = bench_time();
	for (unsigned i = 0; i < task->n; i++) {
		memcpy(to, from, task->spread);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	bench_done(task, began, task->n);
}

int main(int argc, char **argv)
{
	static const struct bench_task tasks[] = {
		{ "trip_64", run, 10000, 64 },
		{ "trip_64_one", run, 100000, 64 },
		{ "way_64", run, 500000, 64 },
		{ "way_16m", copy, 200, 16 << 20 }, /* which nobody polls for */
	};

	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]) - POLLED);
}
