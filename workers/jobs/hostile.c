/* hostile.c -- jobs that do what no job should. See jobs.h.
 *
 * Nothing here may be understood by the compiler: what cannot happen it would leave out. */
#include "workers/jobs/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile size_t sink;
static char *volatile nowhere;

int job_segv(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	raise(SIGSEGV); /* a sanitizer would take a bad access for its own */
	return 0;
}

int job_abort(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	abort();
}

int job_spin(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	for (;;)
		sink++;
	return 0;
}

/* A megabyte at a time, all of it used, until there is none; "n": that many. */
int job_leak(ouro_str in, ouro_buf *out)
{
	uint64_t most = ouro_str_u64(in, UINT64_MAX), n = 0;

	(void)out;
	for (; n < most && (nowhere = malloc((size_t)1 << 20)); n++)
		memset(nowhere, 1, (size_t)1 << 20);
	return n < most ? -ENOMEM : 0;
}

/* Into everything it has open but the standard three: one of them is its pipe. */
int job_garbage(ouro_str in, ouro_buf *out)
{
	static const char garbage[256] = "I am a teapot. ";

	(void)in, (void)out;
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
		if (write(fd, garbage, sizeof(garbage)) < 0)
			sink++;
	return 0;
}

int job_exit(ouro_str in, ouro_buf *out)
{
	(void)out;
	_exit((int)ouro_str_u64(in, 0));
}

static int deeper(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	if (sink == SIZE_MAX)
		return 0;
	return deeper(here) + here[4095] + above[0];
}

int job_overflow(ouro_str in, ouro_buf *out)
{
	volatile char bottom[1] = { 0 };

	(void)in, (void)out;
	return deeper(bottom);
}
