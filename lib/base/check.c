/* check.c -- the last words.
 *
 * They may be said in a signal handler, with the heap in ruins or a lock held for ever: no stdio,
 * no allocation, one system call, so that the words of two threads do not mix. Nothing can be done
 * when even that fails, and the abort is not kept waiting for it. */
#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec piece(const char *z)
{
	/* An iovec is not const, because readv has it too. */
	return (struct iovec){ (void *)(uintptr_t)z, strlen(z) };
}

/* Writes n's digits in front of `end`, which is a zero already; answers where they begin. */
static const char *digits(int n, char *end)
{
	do
		*--end = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

void ouro__broken(const char *what, const char *file, int line)
{
	char number[16] = "";
	struct iovec words[] = {
		piece("ouro: "), piece(what), piece(" ("),
		piece(file),     piece(":"),  piece(digits(line, number + sizeof(number) - 1)),
		piece(")\n"),
	};
	ssize_t said = writev(STDERR_FILENO, words, sizeof(words) / sizeof(words[0]));

	(void)said;
	abort();
}
