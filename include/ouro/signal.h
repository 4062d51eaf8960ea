/* signal.h -- signals as ordinary callbacks, between two others.
 *
 * By signalfd: no handler is installed and nobody's disposition is changed. The signal is blocked
 * in the calling thread while a handle for it is open. A signal sent to the process goes to any
 * thread that does not block it, so open signals before you start threads (they inherit the
 * mask); ouro's own threads block everything. Any number of handles, in any number of loops, may
 * watch one signal: each is called. All of it on the loop's thread. */
#ifndef OURO_SIGNAL_H
#define OURO_SIGNAL_H
#include "ouro/io.h"
OURO_BEGIN

typedef struct ouro_signal ouro_signal;

/* Signals of one number that arrive faster than the loop turns may come as one call. */
typedef void ouro_signal_fn(ouro_signal *signal, int signo, void *arg);

/* Starts to watch. *ret_signal gets the handle; NULL: you take it from the callback. 0, or -EINVAL:
 * no signal, or one that cannot wait (KILL, STOP, and the faults SEGV, BUS, FPE, ILL); -EBUSY: the
 * program has a handler of its own for it, which we do not steal; -EMFILE, -ENOMEM. */
OURO_API int ouro_signal_open(ouro_loop *loop, int signo, ouro_signal_fn *fn, void *arg,
			      ouro_signal **ret_signal);

/* As ouro_io_close() and ouro_io_on_close(). With its last handle the signal is unblocked again in
 * this thread, if ouro was the one to block it. */
OURO_API void ouro_signal_close(ouro_signal *signal);
OURO_API void ouro_signal_on_close(ouro_signal *signal, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_signal_loop(const ouro_signal *signal);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_signal_hold(ouro_signal *signal, bool hold);

/* What lag reports and ouro_loop_active() call it. Copied. 0 or -ENOMEM. */
OURO_API int ouro_signal_set_name(ouro_signal *signal, const char *name);
OURO_END
#endif
