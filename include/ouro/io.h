/* io.h -- watch a descriptor of your own: a socket, a pipe, a device, another library's.
 *
 * By level: called once a turn for as long as the descriptor is ready. All of it on the loop's
 * thread. */
#ifndef OURO_IO_H
#define OURO_IO_H
#include "ouro/error.h"
#include "ouro/loop.h"
OURO_BEGIN

typedef struct ouro_io ouro_io;

/* ERROR: an error waits, or both directions are shut. Seen also while neither of the other two is
 * asked for, and told once. A descriptor that has no such news simply never has any. */
enum ouro_io_events { OURO_READABLE = 1, OURO_WRITABLE = 2, OURO_ERROR = 4 };

/* `ready` holds those of the events asked for that came. */
typedef void ouro_io_fn(ouro_io *io, unsigned ready, void *arg);
typedef void ouro_close_fn(void *arg);

/* Starts to watch fd. events may be 0: nothing yet. *ret_io gets the handle; NULL: you take it from
 * the callback. One descriptor may be watched several times. 0, or -EBADF: not open; -EPERM: a file
 * or a folder, which is always ready (read it through the pool); -EINVAL: other events; -ENOMEM. */
OURO_API int ouro_io_open(ouro_loop *loop, int fd, unsigned events, ouro_io_fn *fn, void *arg,
			  ouro_io **ret_io);

/* From now on these events. An event that came in this turn and is no longer wanted is dropped.
 * Cheap, and free when it is changed back before the poll. 0, or -EINVAL, -ENOMEM; OURO_ECLOSED
 * after close. */
OURO_API int ouro_io_set(ouro_io *io, unsigned events);

/* Stop watching. The descriptor stays open and yours: it may be closed as soon as this returns. No
 * callback after this but on_close, which comes in the close phase, when the handle's memory goes;
 * until then a second close does nothing. NULL: nothing. */
OURO_API void ouro_io_close(ouro_io *io);

/* Called once with the handle's arg when it is gone, the moment to free what arg points at. NULL:
 * not wanted. */
OURO_API void ouro_io_on_close(ouro_io *io, ouro_close_fn *fn);

OURO_API int        ouro_io_fd(const ouro_io *io);
OURO_API unsigned   ouro_io_events(const ouro_io *io);
OURO_API ouro_loop *ouro_io_loop(const ouro_io *io);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_io_hold(ouro_io *io, bool hold);

/* What lag reports and ouro_loop_active() call it. Copied. 0 or -ENOMEM. */
OURO_API int ouro_io_set_name(ouro_io *io, const char *name);
OURO_END
#endif
