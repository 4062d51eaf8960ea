/* access.h -- what an access log is made of. See ouro/access.h.
 *
 *     access.c        the handle: whose answers, and lines that come in
 *     access_out.c    when they leave: gathered, given to the pool, tried again
 *     access_line.c   the ready-made lines, and how what a client says is escaped
 *     access_write.c  the file, which one thread at a time has
 *
 * There are two pieces of memory, made when the log is opened. Lines are put together in one while
 * the other is being written, all of it by one call where the kernel takes it; then they change
 * places. What is left of a write that went wrong stays where it is and is written first. */
#ifndef OURO__ACCESS_H
#define OURO__ACCESS_H
#include "http/server.h"
#include "loop/handle.h"
#include "offload/op.h"
#include "ouro/access.h"

/* ---- Lines ---- */

/* Where a line is being put together; full: it does not fit, and all of it is to be forgotten. */
struct pen {
	char *at, *end;
	bool full;
};

/* The wall clock, asked once a second. */
struct access_clock {
	uint64_t until; /* in the loop's time */
	int64_t second,
		ahead; /* ns: the wall's second, and how far the wall is ahead of the loop */
	char combined[32], iso[24];
};

struct timespec ouro__access_time(struct access_clock *clock, ouro_loop *loop);

/* A ready-made line, of what event says. */
void ouro__access_line(struct pen *pen, ouro_access_format format, const ouro_access_event *event,
		       const struct access_clock *clock);

/* As it is, but for control characters. */
void ouro__access_plain(struct pen *pen, ouro_str line);
void ouro__access_put(struct pen *pen, const char *bytes, size_t n);

/* ---- The file ---- */

/* A thread's, while an operation is out; else the loop's. */
struct access_file {
	const char *path;
	unsigned mode;
	int fd; /* -1: none */
	bool is_stdout;
	bool whole; /* a file or a disk: takes any number of bytes; else what it can at the moment */
	bool is_socket;
	bool reopen;  /* the path stands for another file now */
	bool last;    /* nothing will follow: when it cannot be written it is given up */
	int patience; /* ms to wait for a pipe's reader */
	pid_t pid;    /* whose bytes they are: not a fork's child's */
	char *bytes;  /* bytes[at..len) are to be written */
	size_t len, at;
	const char *call; /* what went wrong last, */
	int kept;         /* and why the old file was kept when it was to be reopened; 0: nothing */
	uint64_t lines, written, writes; /* so far */
};

/* Writes what there is. 0; -EAGAIN: the reader is slow; -errno, and `call`. */
int ouro__access_write(struct access_file *file);

/* ---- The handle ---- */

struct half {
	char *bytes;
	size_t len;
};

struct ouro_access {
	struct handle base;
	struct list link;  /* of the loop's logs */
	struct list hooks; /* at servers */
	ouro_access_format format;
	ouro_access_fn *fn;
	void *fn_arg;
	ouro_buf *line; /* fn's */
	unsigned flush_ms;
	size_t half_room;
	char *room;
	char *path;
	struct half filling;
	struct access_clock clock;

	struct access_file file;
	ouro_op op;       /* {0}: the file is ours */
	ouro_timer timer; /* to write, or to try again */
	bool retrying, settled;
	bool reopen; /* at the next write */
	unsigned backoff_ms;
	uint64_t gap;    /* lines lost where the next one would be */
	uint64_t untold; /* and that on_log has not been told of */
	uint64_t told_at;
	ouro_access_stats stats;
	ouro_close_fn *on_close;
	void *close_arg;
};

/* ---- Out ---- */

/* A line has come. */
void ouro__access_write_soon(struct ouro_access *log);

/* Gives what there is to the pool. No operation is out. */
void ouro__access_start(struct ouro_access *log);

/* At the end of the loop: by the thread that calls. */
void ouro__access_finish_now(struct ouro_access *log);

/* on_log hears of lines that are lost: once a second, or the last of them. */
void ouro__access_tell_lost(struct ouro_access *log, bool last);

/* Of all logs of a loop, closed ones too. */
void ouro__access_totals(const ouro_loop *loop, uint64_t *ret_lines, uint64_t *ret_lost);
#endif
