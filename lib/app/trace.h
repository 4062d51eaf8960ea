/* trace.h -- what a trace is made of. See ouro/trace.h.
 *
 *     loop/trace.c        records, made where things happen
 *     app/trace.c         begins and ends it, gives records to the pool
 *     app/trace_write.c   the file, which one thread at a time has
 *
 * One piece of memory, made at the beginning: two halves of records, of which one is filled while the
 * other is written; room for text; a book of names. */
#ifndef OURO__APP_TRACE_H
#define OURO__APP_TRACE_H
#include "loop/namebook.h"
#include "loop/trace.h"
#include <sys/types.h>

#define TRACE_PAGE  ((size_t)64 << 10) /* of text that one call writes */
#define TRACE_LANES 64                 /* whose names are known to be in the file, at most */

/* A thread's, while an operation is out; else the loop's. */
struct trace_file {
	const char *path;
	unsigned mode;
	int fd;             /* -1: none */
	pid_t pid, tid;     /* the loop's thread; not a fork's child */
	uint64_t end;       /* the next event goes there, and the tail is there */
	size_t tail;        /* its length */
	uint64_t span;      /* the last number of a span */
	const char *record; /* [0..len) are to be written */
	size_t len;
	uint64_t now;            /* the loop's time when they were given away */
	uint64_t before, missed; /* lost for want of room, and by the disk */
	uint64_t since;          /* no callback that began before that is in it */
	uint64_t hole;           /* and perhaps none that began by then, since some are lost */
	uint32_t lanes[TRACE_LANES];
	uint64_t events;
	int err;          /* what went wrong last */
	const char *call; /* and in what */
	bool broken;      /* it could not be opened, or not even begun */
	bool last;
	char *text; /* TRACE_PAGE of it, and room behind */
	struct namebook *names;
};

/* Writes the records; what cannot be written is missed. Opens the file if it is not, closes it when
 * these are the last. */
void ouro__trace_write(struct trace_file *file);
#endif
