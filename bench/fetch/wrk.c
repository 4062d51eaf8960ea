/* wrk.c -- lets wrk ask for some seconds, over 64 connections from one thread, and tells what an
 * answer has cost it: its processor time by the kernel's account, its answers by its own.
 *
 *     wrk PORT SECONDS */
#include "../bench.h"
#include <sys/wait.h>

static FILE *start(const char *port, const char *seconds, pid_t *ret_pid)
{
	char url[64], duration[32];
	int ends[2];

	snprintf(url, sizeof(url), "http://127.0.0.1:%s/", port);
	snprintf(duration, sizeof(duration), "-d%ss", seconds);
	bench_check(pipe(ends) == 0);
	*ret_pid = fork();
	bench_check(*ret_pid >= 0);
	if (!*ret_pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execlp("wrk", "wrk", "-t1", "-c64", duration, url, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

int main(int argc, char **argv)
{
	const struct bench_task task = { .name = "fetch" };
	struct bench_time began = bench_time(), now;
	unsigned long long answers = 0, n;
	struct rusage used;
	char line[256];
	int status;
	FILE *said;
	pid_t pid;

	bench_check(argc == 3);
	alarm(BENCH_PATIENCE_S);
	said = start(argv[1], argv[2], &pid);
	bench_check(said);
	while (fgets(line, sizeof(line), said)) {
		bench_check(!strstr(line, "Socket errors") && !strstr(line, "Non-2xx"));
		if (sscanf(line, " %llu requests in", &n) == 1)
			answers = n;
	}
	bench_check(wait4(pid, &status, 0, &used) == pid && !status && answers);
	now = bench_time();
	bench_say(&task, "wall", "ns", (double)(now.wall - began.wall) / (double)answers);
	bench_say(&task, "cpu", "ns",
		  ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
		   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3) /
			  (double)answers);
	return 0;
}
