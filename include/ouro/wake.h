/* wake.h -- a bell that any thread can ring, and a signal handler too.
 *
 * Against ouro_loop_post(): needs no memory to ring, so it cannot fail, and rings that come before
 * the loop gets to it are answered once. */
#ifndef OURO_WAKE_H
#define OURO_WAKE_H
#include "ouro/io.h"
OURO_BEGIN

typedef struct ouro_wake ouro_wake;
typedef void             ouro_wake_fn(ouro_wake *wake, void *arg);

/* Loop's thread. fn is called in the check phase, in line with posts. 0 or -ENOMEM. */
OURO_API int ouro_wake_open(ouro_loop *loop, ouro_wake_fn *fn, void *arg,
			    ouro_wake **ret_wake) OURO_MUST_CHECK;

/* Any thread, any signal handler. After it fn is called at least once, and sees what was written
 * before. Nothing once the handle is closing; whoever rings must be told before its memory goes,
 * in on_close. */
OURO_API void ouro_wake_send(ouro_wake *wake);

/* As ouro_io_close() and ouro_io_on_close(). on_close waits for a ring that is under way. */
OURO_API void ouro_wake_close(ouro_wake *wake);
OURO_API void ouro_wake_on_close(ouro_wake *wake, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_wake_loop(const ouro_wake *wake);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_wake_hold(ouro_wake *wake, bool hold);

/* What lag reports and ouro_loop_active() call it. Copied. 0 or -ENOMEM. */
OURO_API int ouro_wake_set_name(ouro_wake *wake, const char *name);
OURO_END
#endif
