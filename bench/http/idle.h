/* idle.h -- connections that have had an answer and now wait, open, for as long as we like.
 *
 * They live in processes of their own, because a process may have only so many descriptors and the
 * server is to have as many as it may; each process has an address of its own, because an address
 * has only so many ports. In the end each process looks at all of its connections: one that the
 * server has closed or spoken on was not idle, and ends the run. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H
#include "server.h"

enum { IDLE_A_PROCESS = 8000, IDLE_PROCESSES = 200 };

/* One request on it, and all of its answer. */
typedef void idle_ask_fn(int fd, const void *arg);

struct idle {
	const struct server *server;
	idle_ask_fn *ask;
	const void *arg;
	unsigned count;
	unsigned processes;
	struct {
		int orders, news;
		pid_t pid;
	} process[IDLE_PROCESSES];
};

static inline void idle_check(const int *fds, unsigned count)
{
	char byte;

	for (unsigned i = 0; i < count; i++)
		bench_check(recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* An order is how many there are to be. Nothing of the others' is kept open, or they would not hear
 * the end of theirs. */
static inline void idle_process(const struct idle *idle, unsigned last, int orders, int news)
{
	int *fds = bench_alloc(IDLE_A_PROCESS, sizeof(*fds));
	unsigned have = 0, wanted;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_check(dup2(orders, 0) == 0 && dup2(news, 1) == 1 && close_range(3, ~0u, 0) == 0);
	while (read(0, &wanted, sizeof(wanted)) == sizeof(wanted)) {
		for (; have < wanted; have++) {
			fds[have] = server_connect(idle->server, last);
			bench_check(fds[have] >= 0);
			idle->ask(fds[have], idle->arg);
		}
		bench_send(1);
	}
	idle_check(fds, have);
	_exit(0);
}

static inline void idle_add_process(struct idle *idle)
{
	unsigned i = idle->processes++;
	int orders[2], news[2];
	pid_t pid;

	bench_check(i < IDLE_PROCESSES);
	bench_check(pipe2(orders, O_CLOEXEC) == 0 && pipe2(news, O_CLOEXEC) == 0);
	pid = fork();
	bench_check(pid >= 0);
	if (pid == 0)
		idle_process(idle, 2 + i, orders[0], news[1]);
	close(orders[0]);
	close(news[1]);
	idle->process[i].pid = pid;
	idle->process[i].orders = orders[1];
	idle->process[i].news = news[0];
}

/* So many from now on; returns when all have had their answer. */
static inline void idle_grow(struct idle *idle, unsigned count)
{
	while (idle->processes * IDLE_A_PROCESS < count)
		idle_add_process(idle);
	for (unsigned i = 0; i < idle->processes; i++) {
		unsigned share = count / idle->processes + (i < count % idle->processes);

		bench_check(write(idle->process[i].orders, &share, sizeof(share)) == sizeof(share));
		bench_receive(idle->process[i].news);
	}
	idle->count = count;
}

static inline void idle_end(struct idle *idle)
{
	for (unsigned i = 0; i < idle->processes; i++) {
		int status;

		close(idle->process[i].orders);
		bench_check(waitpid(idle->process[i].pid, &status, 0) == idle->process[i].pid);
		bench_check(status == 0);
		close(idle->process[i].news);
	}
	idle->processes = 0;
}
#endif
