/* file.h -- files as streams, and news of changes in the file system.
 *
 * A stream reads or writes one file piece by piece on the pool, at the user's pace: the reader
 * stops when it is told to, the writer says when it has enough waiting. It opens files, block
 * devices and such character devices as never keep a caller waiting (/dev/zero, /dev/full). The
 * others are for ouro_io: a FIFO or a socket is -EINVAL or -ENXIO here, a terminal or the like may
 * be -EAGAIN. A folder is -EISDIR.
 *
 * All of it on the loop's thread. Errors are -errno as the system call gives them, and come once,
 * through the callback; inside it ouro_op_call() and ouro_op_path() of ouro_op_now() name the call
 * and the file, for a message. OURO_EBUSY: too many operations wait for the pool. */
#ifndef OURO_FILE_H
#define OURO_FILE_H
#include "ouro/fs.h"
#include "ouro/io.h"
OURO_BEGIN

typedef struct ouro_reader ouro_reader;

typedef struct ouro_reader_opts {
	uint64_t from;  /* the first byte; 0: the beginning */
	uint64_t bytes; /* how many; 0: to the end */
	size_t   piece; /* bytes a call at most; 0: 64 KiB */
} ouro_reader_opts;

/* Once a piece, in order, borrowed until it returns, never empty. err OURO_EOF: that was all;
 * another: it went wrong. Either is the last call, and the reader closes itself after it. */
typedef void ouro_reader_fn(ouro_reader *reader, int err, ouro_str piece, void *arg);

/* Opens the file and begins. *ret_reader; NULL: you take it from the callback. 0 or -ENOMEM,
 * -EMFILE; all else comes through fn.
 *
 * The file is read as it is when its turn comes: one that grows meanwhile to its new end, one that
 * shrinks to there, and neither is an error. */
OURO_API int ouro_reader_open(ouro_loop *loop, const char *path, const ouro_reader_opts *opts,
			      ouro_reader_fn *fn, void *arg, ouro_reader **ret_reader);

/* No more calls until resume, the last one neither: one piece at most, that was under way, is read
 * and kept. From any callback, its own too; twice is as good as once. Resume never calls back
 * before it has returned. */
OURO_API void ouro_reader_pause(ouro_reader *reader);
OURO_API void ouro_reader_resume(ouro_reader *reader);

/* No more calls but on_close, which comes when the file is closed and the memory goes: after the
 * operation that is under way. */
OURO_API void ouro_reader_close(ouro_reader *reader);
OURO_API void ouro_reader_on_close(ouro_reader *reader, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_reader_loop(const ouro_reader *reader);

/* What lag reports and ouro_loop_active() call it. Copied. 0 or -ENOMEM. */
OURO_API int ouro_reader_set_name(ouro_reader *reader, const char *name);

typedef struct ouro_writer ouro_writer;

typedef struct ouro_writer_opts {
	int flags;   /* for open(2) besides O_WRONLY; 0: O_CREAT | O_TRUNC. O_CREAT | O_APPEND: */
		     /* behind what is there; O_CLOEXEC alone: over what is there */
	mode_t mode; /* of a new file; 0: 0666 */
	size_t high; /* bytes waiting above which it is enough; 0: 256 KiB */
	bool   sync; /* fsync before the end is told */
} ouro_writer_opts;

/* What a writer tells: err 0 and ended false: its queue, which was above `high`, is empty; go on.
 * ended true: all is in the file, which is closed. Below 0: it went wrong, some of what waited may
 * be in the file, and nothing more will be. The last two are the last call, and the writer closes
 * itself after it. */
typedef void ouro_writer_fn(ouro_writer *writer, int err, bool ended, void *arg);

/* Opens the file; what is written waits until it is open. 0 or -ENOMEM, -EMFILE; all else comes
 * through fn. */
OURO_API int ouro_writer_open(ouro_loop *loop, const char *path, const ouro_writer_opts *opts,
			      ouro_writer_fn *fn, void *arg, ouro_writer **ret_writer);

/* Copies. The bytes now waiting, these among them (above `high`: stop, and go on when fn says
 * drained; nothing keeps you from going on at once, but it all takes memory); -ENOMEM, and none of
 * them will be written; OURO_ECLOSED after end, close or an error. */
OURO_API int64_t ouro_writer_write(ouro_writer *writer, ouro_str bytes);

/* What waits is written, then fn is told the end. 0; -ENOMEM: try again; OURO_ECLOSED as above. */
OURO_API int ouro_writer_end(ouro_writer *writer);

/* At once: what waits is lost, but for what is being written. */
OURO_API void ouro_writer_close(ouro_writer *writer);
OURO_API void ouro_writer_on_close(ouro_writer *writer, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_writer_loop(const ouro_writer *writer);
OURO_API int        ouro_writer_set_name(ouro_writer *writer, const char *name);

typedef struct ouro_watch ouro_watch;

enum ouro_change {
	OURO_CHANGE_MADE = 1,   /* a name appeared: made, or moved here, maybe over another */
	OURO_CHANGE_GONE = 2,   /* a name disappeared */
	OURO_CHANGE_DATA = 4,   /* bytes were written, or cut off */
	OURO_CHANGE_META = 8,   /* mode, owner, times, links */
	OURO_CHANGE_SELF = 16,  /* the folder itself was moved, removed, unmounted: the last news */
	OURO_CHANGE_MISSED = 32 /* not all could be kept: look again at everything */
};

/* path: what changed, relative to what is watched; empty: itself. Any bytes but zero. Borrowed.
 * Every change is told, in the order in which they happened. After OURO_CHANGE_SELF the watch
 * closes itself. */
typedef void ouro_watch_fn(ouro_watch *watch, unsigned changes, const char *path, void *arg);

/* Watches a folder, or with recursive all folders in it too, also those that come later; or a file.
 * The first steps are on the pool: ready(err, arg) says that from now on nothing is missed, or why
 * not (-ENOENT; -ENOSPC: the kernel's fs.inotify.max_user_watches), and then the watch closes
 * itself. 0, or -EMFILE (fs.inotify.max_user_instances too), -ENOMEM with no call to come.
 *
 * A file is watched by its name: it may be GONE and MADE again, or another MADE in its place, as
 * editors and OURO_SAVE_ATOMIC do. Its folder must be readable, and SELF is about that. What is
 * written through another hard link is not seen.
 *
 * In a folder that comes later, what is there already is told as MADE; now and then a name is told
 * so twice. Folders that may not be read are passed over. Symlinks are followed on the way to
 * `path`, once, and never below it. MISSED also says that there was no memory, or no watch left,
 * for a folder that came later. Writes through mmap(2) and changes that another machine makes on a
 * network file system are not seen: the kernel does not tell of them. After a fork the two
 * processes share one queue of news: close the watch in one of them. */
OURO_API int ouro_watch_open(ouro_loop *loop, const char *path, bool recursive, ouro_done_fn *ready,
			     ouro_watch_fn *fn, void *arg, ouro_watch **ret_watch);
OURO_API void ouro_watch_close(ouro_watch *watch);
OURO_API void ouro_watch_on_close(ouro_watch *watch, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_watch_loop(const ouro_watch *watch);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_watch_hold(ouro_watch *watch, bool hold);
OURO_API int  ouro_watch_set_name(ouro_watch *watch, const char *name);
OURO_END
#endif
