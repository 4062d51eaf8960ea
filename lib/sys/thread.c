/* thread.c -- starts a thread the way a library must.
 *
 * Its signals are the host's: a thread that takes none can steal none, so all are blocked around
 * pthread_create() and the new thread is born with that mask, there is no first moment without it.
 * All but the six that a thread raises by its own fault: blocked, they would kill the process past
 * the host's crash handler, and past the sanitizers' too.
 *
 * The name is set by the thread itself, before its function runs: the creator could come too late,
 * for a thread that detaches and ends at once. */
#include "sys/thread.h"

#include "base/alloc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifdef SANITIZED /* their frames are several times as large */
#define USUAL_STACK ((size_t)1024 * 1024)
#else
#define USUAL_STACK ((size_t)256 * 1024)
#endif

#define NAME_ROOM 16 /* the kernel's, its zero included */

struct start {
	ouro__thread_fn *fn;
	void *arg;
	char name[NAME_ROOM];
};

static void *run(void *given)
{
	struct start start = *(struct start *)given;

	ouro__free(given);
	pthread_setname_np(pthread_self(), start.name);
	return start.fn(start.arg);
}

/* At least what pthreads ask for, in whole pages. Too large to be rounded becomes 0, which
 * pthread_attr_setstacksize() refuses. */
static size_t stack_size(size_t wanted)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);

	if (wanted == 0)
		wanted = USUAL_STACK;
	if (wanted < least)
		wanted = least;
	return (wanted + page - 1) / page * page;
}

static void all_but_faults(sigset_t *ret_set)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

	sigfillset(ret_set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(ret_set, faults[i]);
}

static int create_masked(pthread_t *ret_thread, const pthread_attr_t *attr, struct start *start)
{
	sigset_t blocked, before;
	int err;

	all_but_faults(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	err = pthread_create(ret_thread, attr, run, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int create(pthread_t *ret_thread, size_t stack, struct start *start)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, stack_size(stack));
	if (!err)
		err = create_masked(ret_thread, &attr, start);
	pthread_attr_destroy(&attr);
	return err;
}

int ouro__thread_start(pthread_t *ret_thread, const char *name, size_t stack, ouro__thread_fn *fn,
		       void *arg)
{
	struct start *start = ouro__alloc(sizeof(*start));
	int err;

	if (!start)
		return -ENOMEM;
	start->fn = fn;
	start->arg = arg;
	snprintf(start->name, sizeof(start->name), "%s", name);
	err = create(ret_thread, stack, start);
	if (err)
		ouro__free(start);
	return -err;
}
