/* thread.h -- a thread of ouro's own: named, every signal blocked, stack of a stated size. */
#ifndef OURO__THREAD_H
#define OURO__THREAD_H
#include <pthread.h>
#include <stddef.h>

typedef void *ouro__thread_fn(void *arg);

/* name: at most 15 letters, as `ps -L` and a debugger show it. stack 0: 256 KiB. 0 or -errno. */
int ouro__thread_start(pthread_t *ret_thread, const char *name, size_t stack, ouro__thread_fn *fn,
		       void *arg);
#endif
