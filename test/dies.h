/* dies.h -- for code that must end the program: it does so in a child of the test's. */
#ifndef DIES_H
#define DIES_H
#include "test.h"
#include <sys/resource.h>

/* All that the other end of a pipe has to say, as a C string. */
static inline void read_words(int fd, char *words, size_t room)
{
	size_t n = 0;
	ssize_t got;

	while (n < room - 1 && (got = read(fd, words + n, room - 1 - n)) > 0)
		n += (size_t)got;
	words[n] = 0;
	close(fd);
}

/* What fn(arg) writes to stderr before it aborts; that it does so is checked. */
static inline void dies(void (*fn)(void *), void *arg, char *words, size_t room)
{
	static const struct rlimit no_core = { 0, 0 };
	int status, fd[2];
	pid_t pid;

	CHECK_EQ(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(fd[1], STDERR_FILENO);
		fn(arg);
		_exit(0);
	}
	close(fd[1]);
	read_words(fd[0], words, room);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif
