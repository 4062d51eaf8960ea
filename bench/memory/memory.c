/* memory.c -- what does a connection cost a server that has nothing to do for it?
 *
 *     memory [-m MOST] name=command...
 *
 * Each server (../http/server.h) answers GET / with anything; then it is given 100, 1,000 and 10,000
 * connections that have each had an answer and are kept (../http/idle.h), up to MOST. Its memory is
 * the sum over all of its processes of what is theirs alone, and their share of what they have in
 * common (Pss_Anon); the kernel's own, of sockets and stacks, is not in it.
 *
 * Prints a line a figure, with tabs between: 1, name, label, figure, unit, value.
 *
 *     100 1000 10000   each         bytes a connection, beside none
 *                      all          bytes of the server
 *                      processes    how many it has become
 *                      threads      of all of them */
#include "../http/answer.h"
#include "../http/idle.h"
#include <ctype.h>
#include <dirent.h>

enum { PROCESSES = 1 << 16 };

struct figures {
	double bytes;
	unsigned processes, threads;
};

static pid_t parent[PROCESSES];

static void read_parent(const char *pid)
{
	char path[300], line[512], *end;
	long number = strtol(pid, NULL, 10);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f && number < PROCESSES && fgets(line, sizeof(line), f) && (end = strrchr(line, ')')))
		parent[number] = (pid_t)strtol(end + 3, NULL, 10);
	if (f)
		fclose(f);
}

static void read_parents(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	bench_check(dir);
	memset(parent, 0, sizeof(parent));
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			read_parent(entry->d_name);
	closedir(dir);
}

static bool descends(pid_t pid, pid_t from)
{
	for (int depth = 0; pid > 1 && pid < PROCESSES && depth < 16; depth++) {
		if (pid == from)
			return true;
		pid = parent[pid];
	}
	return false;
}

/* The number behind a word at the beginning of a line; 0: there is none. */
static double number_in(pid_t pid, const char *file, const char *word)
{
	char path[64], line[256];
	double number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, word, strlen(word)) == 0)
			number = strtod(line + strlen(word), NULL);
	if (f)
		fclose(f);
	return number;
}

static struct figures look(const struct server *s)
{
	struct figures sum = { 0 };

	read_parents();
	for (pid_t pid = 2; pid < PROCESSES; pid++) {
		if (!parent[pid] || !descends(pid, s->pid))
			continue;
		sum.bytes += 1024 * number_in(pid, "smaps_rollup", "Pss_Anon:");
		sum.threads += (unsigned)number_in(pid, "status", "Threads:");
		sum.processes++;
	}
	return sum;
}

static void ask(int fd, const void *arg)
{
	static struct answer answer;
	const char *request = arg;

	answer_fetch(&answer, fd, request, strlen(request));
}

static void say(const char *name, unsigned count, const char *figure, double value)
{
	printf("1\t%s\t%u\t%s\tcount\t%.6g\n", name, count, figure, value);
}

static void measure(const char *name, const char *command, unsigned most)
{
	struct server server = { .anywhere = true, .group = true };
	struct idle idle = { .server = &server, .ask = ask };
	struct figures none, now;
	char request[128];

	server_start(&server, command);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
		 server.port);
	idle.arg = request;
	idle_grow(&idle, 1);
	none = look(&server);
	for (unsigned count = 100; count <= most; count *= 10) {
		idle_grow(&idle, count);
		now = look(&server);
		say(name, count, "each", (now.bytes - none.bytes) / (count - 1));
		say(name, count, "all", now.bytes);
		say(name, count, "processes", now.processes);
		say(name, count, "threads", now.threads);
	}
	idle_end(&idle);
	server_end(&server);
	server_wait_for_all();
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned most = 10000;
	int at = 1;

	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		most = (unsigned)strtoul(argv[2], NULL, 10);
		at = 3;
	}
	for (; at < argc; at++) {
		char *command = strchr(argv[at], '=');

		bench_check(command);
		*command++ = 0;
		measure(argv[at], command, most);
	}
	return 0;
}
