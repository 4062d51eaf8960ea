/* hush.c -- see hush.h. Two cheap system calls, and a third where there was a signal. */
#include "sys/hush.h"
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static sigset_t pipe_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

/* It can only where it was held back. */
static bool waits_already(const sigset_t *held_before)
{
	sigset_t pending;

	return sigismember(held_before, SIGPIPE) == 1 && !sigpending(&pending) &&
	       sigismember(&pending, SIGPIPE) == 1;
}

void ouro__hush_begin(struct hush *hush)
{
	sigset_t set = pipe_signal();

	pthread_sigmask(SIG_BLOCK, &set, &hush->before);
	hush->waits = waits_already(&hush->before);
}

void ouro__hush_end(const struct hush *hush, bool raised)
{
	const struct timespec at_once = { 0, 0 };
	sigset_t set = pipe_signal();

	if (raised && !hush->waits)
		TEMP_FAILURE_RETRY(sigtimedwait(&set, NULL, &at_once));
	pthread_sigmask(SIG_SETMASK, &hush->before, NULL);
}
