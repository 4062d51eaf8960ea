/* thread.h -- a thread of ouro's own: named, no signal of the host's, stack of a stated size.
 *
 * Every signal is blocked in it but those that a thread raises by its own fault (SIGSEGV, SIGBUS,
 * SIGFPE, SIGILL, SIGTRAP, SIGSYS), which the host's crash handler must see. */
#ifndef OURO__THREAD_H
#define OURO__THREAD_H
#include <pthread.h>
#include <stddef.h>

typedef void *ouro__thread_fn(void *arg);

/* name: its first 15 letters are what `ps -L` and a debugger show. stack 0: 256 KiB. Returns 0 or
 * -errno. */
int ouro__thread_start(pthread_t *ret_thread, const char *name, size_t stack, ouro__thread_fn *fn,
		       void *arg);
#endif
