/* example.h -- an example as a program of its own, in a folder of its own, and a client of it.
 *
 * Its stdin is a pipe of ours, what it prints comes back through another. */
#ifndef EXAMPLE_H
#define EXAMPLE_H
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

struct example {
	pid_t pid;
	int words;    /* all it prints */
	int keyboard; /* its stdin */
	uint16_t port;
	char folder[32]; /* where it lives */
};

/* build/test/app/examples, where we are, has them in build/examples. */
static inline void path_of(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHECK(n > 0);
	self[n] = 0;
	for (int up = 0; up < 3; up++)
		*strrchr(self, '/') = 0;
	CHECK(snprintf(path, PATH_MAX, "%s/examples/%s", self, name) < PATH_MAX);
	CHECK_EQ(access(path, R_OK), 0);
}

_Noreturn static inline void become(const char *path, const char *const argv[], const char *folder,
				    int keyboard, int words)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(keyboard, STDIN_FILENO);
	dup2(words, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	if (!chdir(folder))
		execvp(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static inline struct example run_example(const char *path, const char *const argv[])
{
	struct example example = { .folder = "/tmp/ouro-example-XXXXXX" };
	int in[2], out[2];

	CHECK(mkdtemp(example.folder));
	CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
	example.pid = fork();
	CHECK(example.pid >= 0);
	if (!example.pid)
		become(path, argv, example.folder, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	example.keyboard = in[1];
	example.words = out[0];
	return example;
}

/* Up to and with the first line end, or all. */
static inline void read_words(const struct example *example, char *text, size_t room, bool all)
{
	size_t used = 0;

	while (used + 1 < room && read(example->words, text + used, 1) == 1)
		if (text[used++] == '\n' && !all)
			break;
	text[used] = 0;
}

static inline void read_port(struct example *example)
{
	char line[128];
	unsigned port;

	read_words(example, line, sizeof(line), false);
	CHECK_EQ(sscanf(line, "listening on http://127.0.0.1:%u/\n", &port), 1);
	example->port = (uint16_t)port;
}

/* How it has ended, and what it said that has not been read. */
static inline int finish(struct example *example, char *text, size_t room)
{
	int status;

	read_words(example, text, room, true);
	close(example->words);
	if (example->keyboard >= 0)
		close(example->keyboard);
	CHECK_EQ(waitpid(example->pid, &status, 0), example->pid);
	CHECK_EQ(rmdir(example->folder), 0);
	return status;
}

/* ---- A client ---- */

static inline int dial(const struct example *example)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(example->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static inline void tell(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All that comes until it ends. */
static inline const char *hear(int fd)
{
	static char got[65536];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, got + used, sizeof(got) - used - 1)) > 0)
		used += (size_t)n;
	CHECK_EQ(n, 0);
	got[used] = 0;
	close(fd);
	return got;
}

/* "GET /x", fields that end with a line end or "", and a body. */
static inline const char *ask(const struct example *example, const char *what, const char *fields,
			      const char *body)
{
	int fd = dial(example);
	char head[1024];

	snprintf(head, sizeof(head),
		 "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%sContent-Length: "
		 "%zu\r\n\r\n",
		 what, fields, strlen(body));
	tell(fd, head);
	tell(fd, body);
	return hear(fd);
}

static inline const char *get(const struct example *example, const char *path)
{
	char what[128];

	snprintf(what, sizeof(what), "GET %s", path);
	return ask(example, what, "", "");
}

static inline bool is(const char *answer, int status, const char *body)
{
	const char *end = strstr(answer, "\r\n\r\n");
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (end && !strncmp(answer, line, strlen(line)) && (!body || !strcmp(end + 4, body)))
		return true;
	fprintf(stderr, "# it answered: %s", answer);
	return false;
}
#endif
