/* trace.h -- every turn, callback, request, fetch, pool operation and job of a crew, in a file for a
 * trace viewer.
 *
 *     OURO_TRACE=trace.json build/examples/hello      by ouro_loop_main()
 *
 *     err = ouro_trace_start(loop, "trace.json", NULL);
 *     ...
 *     ouro_trace_stop(loop);
 *
 * The file is what Chromium's about:tracing and Perfetto (ui.perfetto.dev) open: JSON, an array of
 * events in the "Trace Event Format". Times are microseconds of CLOCK_MONOTONIC, so that the files of
 * several loops have one clock. In it are
 *
 *     on the lane of the loop's thread   each turn that called back, in it its phases, in those the
 *                                        callbacks by the names of their functions, static ones too.
 *                                        Micro tasks of one function that ran in a row are one event
 *                                        that says how many
 *     spans "request", of servers        from the first byte until the answer has left: method and
 *                                        target, status, bytes. A request whose answer may leave with
 *                                        the next one's ends when it is answered. Not those that were
 *                                        given up before any handler or answer
 *     spans "fetch", of clients          from ouro_http_fetch() until its callback: method and URL, the
 *                                        last one's if it was redirected; status or error, bytes
 *     spans "pool"                       from the call until its callback: what it is ("stat"), of
 *                                        which path, how long a thread was at it
 *     spans "crew"                       the same of ouro_crew_call(), with the job's name
 *     on a lane of each pool thread      what it was at, and when. Of an operation that comes in
 *                                        pieces the last one, or as many as it did without a break
 *     on a lane of each runner           its jobs, through all the lives of a process, and those that
 *                                        nobody waited for any more. The number of such a lane is no
 *                                        thread's
 *     arrows                             from the callback that asked to what was done for it, and
 *                                        from there to its own callback
 *
 * and last an event "ouro trace" that says how many events there are, and how many were lost.
 *
 * The loop writes 32 bytes an event into memory that was there before; a thread of the pool looks the
 * names up and writes the file, as soon as a quarter of a half of that memory is full, or in the first
 * turn that ends 100 ms after the last time. A disk that is slower loses events, which are counted,
 * and never keeps the loop. The file is whole JSON after each piece: a process that is killed loses
 * what was in memory, a full disk what came while it was full. An arrow from or to a callback that is
 * not in the file is not there either. While no trace is on a callback pays for a look at one pointer.
 * With a virtual clock there are no lanes but the loop's, and no arrows: the threads have another time.
 *
 * Targets are in the file as clients sent them, URLs as they were asked for; bytes that are no
 * printable ASCII as %C3. What they carry in their query (tokens, mail addresses) is there, too: open
 * it for the right people.
 *
 * All of it on the loop's thread. After a fork the trace is the parent's alone, and on_end with it. */
#ifndef OURO_TRACE_H
#define OURO_TRACE_H
#include "ouro/loop.h"
OURO_BEGIN

typedef struct ouro_trace_report {
	uint64_t events; /* that are in the file; a span is one, an arrow none */
	uint64_t lost;   /* that are not */
	uint64_t bytes;  /* of the file */
	int      err;    /* 0; -errno: what went wrong with the file last, -ENOSPC for example */
} ouro_trace_report;

/* The file is complete, and closed; or could not be made. */
typedef void ouro_trace_end_fn(ouro_loop *loop, const ouro_trace_report *report, void *arg);

typedef struct ouro_trace_opts {
	size_t             buffer; /* bytes for events that wait; 0: 4 MiB; at least 64 KiB */
	unsigned           mode;   /* of a new file; 0: 0644; less the umask */
	ouro_trace_end_fn *on_end; /* NULL: nobody wants to know */
	void              *arg;    /* handed to on_end */
} ouro_trace_opts;

/* Begins, with what happens from now on. What was in the file before is gone; it must be a regular
 * file. The disk is asked later: when the file cannot be opened, or the disk is full already, on_log is
 * told and the trace ends by itself. It does not keep the loop alive. 0, or -ENOMEM, -EMFILE; -EINVAL:
 * there is no path; -EBUSY: there is a trace, or one whose on_end is to come; OURO_ECLOSED: the loop is
 * ending. */
OURO_API int ouro_trace_start(ouro_loop *loop, const char *path,
			      const ouro_trace_opts *opts) OURO_MUST_CHECK;

/* Ends it, at this moment: also what is going on has an end in the file, the callback that calls this
 * and requests that are not answered. Then the rest is written, and on_end called, later. Nothing if
 * there is no trace. ouro_loop_free() does so, too, and the loop's own thread writes the rest. */
OURO_API void ouro_trace_stop(ouro_loop *loop);
OURO_END
#endif
