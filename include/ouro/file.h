/* file.h -- files as streams, and news of changes in the file system.
 *
 * A stream reads or writes one file piece by piece on the pool, at the user's pace: the reader
 * stops when it is told to, the writer says when it has enough waiting. All of it on the loop's
 * thread. */
#ifndef OURO_FILE_H
#define OURO_FILE_H
#include "ouro/fs.h"
#include "ouro/io.h"
OURO_BEGIN

typedef struct ouro_reader ouro_reader;

typedef struct ouro_reader_opts {
	uint64_t from;  /* the first byte; 0: the beginning */
	uint64_t bytes; /* how many; 0: to the end */
	size_t   piece; /* bytes a call; 0: 64 KiB */
} ouro_reader_opts;

/* Once a piece, in order, borrowed until it returns. err OURO_EOF: that was all; another: it went
 * wrong. Either is the last call, and the reader closes itself after it. */
typedef void ouro_reader_fn(ouro_reader *reader, int err, ouro_str piece, void *arg);

/* Opens the file and begins. *ret_reader; NULL: you take it from the callback. 0 or -ENOMEM; all
 * else comes through fn. opts NULL: all defaults. */
OURO_API int ouro_reader_open(ouro_loop *loop, const char *path, const ouro_reader_opts *opts,
			      ouro_reader_fn *fn, void *arg, ouro_reader **ret_reader);
/* No more pieces until resume: at most one more was read ahead and is kept. */
OURO_API void ouro_reader_pause(ouro_reader *reader);
OURO_API void ouro_reader_resume(ouro_reader *reader);
/* No more calls but on_close, which comes when the file is closed and the memory goes. */
OURO_API void ouro_reader_close(ouro_reader *reader);
OURO_API void ouro_reader_on_close(ouro_reader *reader, ouro_close_fn *fn);

typedef struct ouro_writer ouro_writer;

typedef struct ouro_writer_opts {
	int    flags; /* for open(2) besides O_WRONLY; 0: O_CREAT | O_TRUNC */
	mode_t mode;  /* of a new file; 0: 0666 */
	size_t high;  /* bytes waiting above which it is enough; 0: 256 KiB */
	bool   sync;  /* fsync before the end is told */
} ouro_writer_opts;

/* What a writer tells: err 0 and left false: its queue has drained, go on; left true: the end was
 * reached and everything is in the file. Below 0: it went wrong, nothing more will be written. The
 * last two are the last call, and the writer closes itself after it. */
typedef void ouro_writer_fn(ouro_writer *writer, int err, bool ended, void *arg);

OURO_API int ouro_writer_open(ouro_loop *loop, const char *path, const ouro_writer_opts *opts,
			      ouro_writer_fn *fn, void *arg, ouro_writer **ret_writer);
/* Copies. The bytes now waiting (above `high`: stop, and go on when fn says drained); -ENOMEM;
 * OURO_ECLOSED after end, close or an error. */
OURO_API int64_t ouro_writer_write(ouro_writer *writer, ouro_str bytes);
/* What waits is written, then fn is told the end. */
OURO_API int ouro_writer_end(ouro_writer *writer);
/* At once: what waits is lost. */
OURO_API void ouro_writer_close(ouro_writer *writer);
OURO_API void ouro_writer_on_close(ouro_writer *writer, ouro_close_fn *fn);

typedef struct ouro_watch ouro_watch;

enum ouro_change {
	OURO_CHANGE_MADE = 1, /* a name appeared */
	OURO_CHANGE_GONE = 2, /* a name disappeared */
	OURO_CHANGE_DATA = 4, /* bytes were written */
	OURO_CHANGE_META = 8, /* mode, owner, times, links */
	OURO_CHANGE_SELF =
		16, /* what is watched was itself moved, removed or unmounted: the last news */
	OURO_CHANGE_MISSED =
		32 /* more happened than the kernel would keep: look again at everything */
};

/* path: what changed, relative to what is watched; empty: itself. Borrowed. */
typedef void ouro_watch_fn(ouro_watch *watch, unsigned changes, const char *path, void *arg);

/* Watches a file or a folder, with recursive the folders in it too, also those that come later. The
 * first steps are on the pool: ready(err, arg) says that from now on nothing is missed, or why not,
 * and then the watch closes itself. 0, or -EMFILE, -ENOMEM with no call to come. */
OURO_API int ouro_watch_open(ouro_loop *loop, const char *path, bool recursive, ouro_done_fn *ready,
			     ouro_watch_fn *fn, void *arg, ouro_watch **ret_watch);
OURO_API void ouro_watch_close(ouro_watch *watch);
OURO_API void ouro_watch_on_close(ouro_watch *watch, ouro_close_fn *fn);
/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_watch_hold(ouro_watch *watch, bool hold);
OURO_END
#endif
