/* crew.h -- work for the processor, away from the loop: by name, bytes in and bytes out.
 *
 *     static int fib_job(ouro_str in, ouro_buf *out) { ... }
 *     static const ouro_job jobs[] = { { .name = "fib", .run = fib_job }, { .name = NULL } };
 *
 *     ouro_crew_start(loop, &(ouro_crew_opts){ .jobs = jobs, .kind = OURO_PROCESSES }, &crew);
 *     ouro_crew_call(crew, "fib", ouro_str_z("30"), on_fib, NULL);
 *
 * A crew has a few runners, threads or processes, and a queue before them. A call waits there until
 * a runner is free: of the higher priority first, then first in, first out. The same job runs in
 * either kind, because only bytes cross. What the kinds differ in is what a job can do wrong:
 *
 *                     in a thread                        in a process
 *   segfault, abort   ends the whole program             OURO_ECRASHED, the next runner takes over
 *   spins for ever    its caller is answered in time,    OURO_ETIMEOUT, and it is killed
 *                     but the thread is lost until it ends
 *   leaks             the program's memory               its runner's, which can be renewed
 *   takes memory      the program's                      to a limit
 *   calls exit()      ends the whole program             OURO_ECRASHED
 *   a global          shared with everybody: lock it     its own, as it was when the crew started
 *
 * Processes are forked, by a small process that is itself forked in ouro_crew_start() and does
 * nothing else: so runners never come from a program with threads, and the next is there within
 * milliseconds. They keep no descriptor but 0, 1 and 2, ignore what a terminal or a service manager
 * sends to everybody (a job may still finish while the program ends in peace), and end when the
 * program does, however that ends. Start crews of processes early, before large memory and before
 * threads that hold locks which jobs need.
 *
 * All but the two calls that are for jobs: the loop's thread. */
#ifndef OURO_CREW_H
#define OURO_CREW_H
#include "ouro/error.h"
#include "ouro/hist.h"
#include "ouro/io.h"
#include "ouro/kind.h"
#include "ouro/pool.h"
#include "ouro/str.h"
#include <sys/types.h>
OURO_BEGIN

typedef struct ouro_crew ouro_crew;

/* On the far side. `in` is what the caller gave, `out` is empty and to be filled. Returns 0 or more,
 * or below 0 an error; the caller gets it as it is, and what is in `out` with it. Several may run
 * at once. */
typedef int ouro_job_fn(ouro_str in, ouro_buf *out);

typedef struct ouro_job {
	const char  *name; /* NULL ends a table */
	ouro_job_fn *run;
	bool         needs_process; /* may crash, leak or not end: a crew of threads refuses it */
} ouro_job;

/* For a job, on its own thread.
 *
 * cancelled  does nobody wait for this any more? Then it should return soon; what it returns is
 *            dropped. A process is killed instead, and seldom gets to ask.
 * progress   bytes for the caller's on_progress, copied; waits when the loop is far behind. 0,
 *            -ENOMEM, -EINVAL (not in a job), OURO_ECANCELED: nobody listens any more. */
OURO_API bool ouro_job_cancelled(void);
OURO_API int  ouro_job_progress(ouro_str bytes);

typedef struct ouro_crew_opts {
	const ouro_job *jobs;  /* copied, names too; at most 65,535 */
	unsigned        count; /* of runners, to 256; 0: one a core, less one for the loop */
	enum ouro_kind  kind;  /* OURO_THREADS */
	const char     *name;  /* what ps calls it: "ouro-NAME-1"; 15 bytes of it; NULL: "crew" */
	void           *arg;   /* for on_close */

	unsigned queue_max;   /* calls that may wait before OURO_EBUSY; 0: 1024; OURO_NEVER: any */
	unsigned timeout_ms;  /* for a call, from the start of its job; 0: none */
	unsigned deadline_ms; /* for a call, from the asking; 0: none */
	size_t   in_max;      /* bytes; more is OURO_ETOOBIG; 0: 64 MiB */
	size_t   out_max;     /* bytes; more is OURO_ETOOBIG; 0: 64 MiB */
	/* Steps below the loop, 1 to 19; 0: 5; OURO_NEVER: as the loop. 20: only while nobody else at
	 * all wants the core (SCHED_IDLE): even a loop that shares its one core with runners is then
	 * not held up by them, and jobs wait for as long as anybody is busy. */
	unsigned nice;

	/* Threads. */
	size_t stack; /* bytes; 0: 1 MiB */

	/* Processes. */
	size_t   memory_max;    /* bytes a runner may have on top of what it starts with; 0: any */
	unsigned cpu_s;         /* seconds of processor time for a job, then SIGXCPU; 0: any */
	unsigned recycle_after; /* a new process after so many jobs; 0: never */
	size_t   recycle_rss;   /* a new process when it occupies more bytes than this; 0: never */
	unsigned retry;         /* how often a call is tried again when its runner crashed; 0 */
	bool     cores;         /* a crash leaves a core file, as the system is set up */
} ouro_crew_opts;

/* Starts the runners; calls may be made at once. A crew does not keep the loop alive, a call does.
 * *ret_crew is as it was on error: -EINVAL, and on_log has a sentence, for options that make no
 * sense (no job, two of one name, a job for processes among threads); -EMFILE, -ENOMEM, -EAGAIN:
 * the machine refuses; OURO_ECLOSED: the loop is ending. */
OURO_API int ouro_crew_start(ouro_loop *loop, const ouro_crew_opts *opts,
			     ouro_crew **ret_crew) OURO_MUST_CHECK;

/* err: what the job returned, with what it had put into `out`; or, with nothing in it,
 *   OURO_ENOJOB     the crew has no job of that name
 *   OURO_EBUSY      queue_max calls wait
 *   OURO_ETOOBIG    `in` or `out` is larger than its limit
 *   OURO_ETIMEOUT   timeout_ms or deadline_ms is up, or what ouro_op_timeout() has set
 *   OURO_ECANCELED  ouro_op_cancel(), ouro_crew_close() or the end of the loop
 *   OURO_ECRASHED   its process died; `out` says how: "killed by SIGSEGV (Segmentation fault)"
 *   OURO_EPROTO     its process wrote what is no answer into its pipe, and was killed
 *   OURO_ECLOSED    the crew is closing
 *   -EINVAL         job is NULL, or in.ptr is and in.len is not 0
 *   -ENOMEM, -EMFILE
 * `out` ends in a zero that its len does not count only by luck: use its len. */
typedef void ouro_job_done_fn(int err, ouro_str out, void *arg);

/* What a job had to say under way, in order, before its answer. */
typedef void ouro_job_progress_fn(ouro_str bytes, void *arg);

/* Asks for job(in), then fn on the loop: exactly once, as pool.h says of every ouro_op; with fn
 * NULL nobody is told. Cancelling or timing out (ouro_op_cancel(), ouro_op_timeout()) answers at
 * once even when the job runs already: its process is killed, its thread told. */
OURO_API ouro_op ouro_crew_call(ouro_crew *crew, const char *job, ouro_str in, ouro_job_done_fn *fn,
				void *arg);

typedef struct ouro_call_opts {
	int                   priority;    /* higher goes first; 0 */
	unsigned              timeout_ms;  /* 0: the crew's; OURO_NEVER: none */
	unsigned              deadline_ms; /* 0: the crew's; OURO_NEVER: none */
	ouro_job_progress_fn *on_progress; /* NULL: dropped */
	bool take; /* `in` begins a piece of ouro's memory (ouro_buf_detach()): not copied, and freed
		      whatever becomes of the call */
} ouro_call_opts;

OURO_API ouro_op ouro_crew_call_with(ouro_crew *crew, const char *job, ouro_str in,
				     const ouro_call_opts *opts, ouro_job_done_fn *fn, void *arg);

/* Inside a callback that got OURO_ECRASHED: by which signal, or else with which exit status. Both 0:
 * not known (the host reaps every child), or no such callback. */
typedef struct ouro_death {
	int signal;
	int status;
} ouro_death;
OURO_API ouro_death ouro_crew_death(const ouro_crew *crew);

/* Ends it. What waits and what runs is answered with OURO_ECANCELED; processes are killed, threads
 * told. on_close comes when all that is done and the last runner has gone: for threads, when their
 * jobs have returned. (The end of the loop waits for those as well, but not for one whose call was
 * cancelled or out of time before; such a thread is left behind.) NULL, and twice: nothing. */
OURO_API void       ouro_crew_close(ouro_crew *crew);
OURO_API void       ouro_crew_on_close(ouro_crew *crew, ouro_close_fn *fn);
OURO_API ouro_loop *ouro_crew_loop(const ouro_crew *crew);

/* --- Figures: copies, made now --- */

typedef struct ouro_crew_stats {
	const char    *name;
	enum ouro_kind kind;
	unsigned       runners, jobs; /* how many there are of each, for the two below */
	uint64_t       waiting;       /* calls not begun */
	uint64_t       running;       /* calls begun and not answered */
	uint64_t       oldest_ns;     /* how long the first in the queue has waited; 0: none */
	uint64_t       done;          /* answered by a job with 0 or more, so far */
	uint64_t       failed;        /* answered with any other error but the next three */
	uint64_t       crashed;       /* OURO_ECRASHED and OURO_EPROTO */
	uint64_t       cancelled;     /* OURO_ECANCELED */
	uint64_t       timed_out;     /* OURO_ETIMEOUT */
	uint64_t       killed;        /* processes, because nobody waited for their job any more */
	uint64_t       retried;       /* calls, after a crash */
	uint64_t       recycled;      /* processes, by recycle_after and recycle_rss */
	unsigned       twin; /* 1; the next of that name that the loop has as well: 2, and so on */
} ouro_crew_stats;
OURO_API void ouro_crew_get_stats(const ouro_crew *crew, ouro_crew_stats *ret_stats);

typedef struct ouro_job_stats {
	const char *name;
	uint64_t    done, failed, crashed, cancelled, timed_out;
	ouro_hist   wait_ns; /* from the asking to the start */
	ouro_hist   run_ns;
} ouro_job_stats;

/* Of the nth job in the table. False: there is none. */
OURO_API bool ouro_crew_job_stats(const ouro_crew *crew, unsigned n, ouro_job_stats *ret_stats);

typedef struct ouro_runner_stats {
	pid_t       id;       /* of the process or thread; 0: it is being started */
	const char *job;      /* that it runs now; "" */
	uint64_t    job_ns;   /* for how long */
	uint64_t    since_ns; /* when that began, as ouro_loop_now() counts; 0: idle */
	unsigned    queued;   /* calls handed to it that it has not begun */
	uint64_t    jobs;     /* answered, by all its processes */
	uint64_t    busy_ns;  /* in jobs */
	uint64_t    starts;   /* processes it has had so far */
	uint64_t    rss;      /* bytes its process occupies, read now and then; 0: not known */
} ouro_runner_stats;

/* Of the nth runner. False: there is none. */
OURO_API bool ouro_crew_runner_stats(const ouro_crew *crew, unsigned n,
				     ouro_runner_stats *ret_stats);

/* How many calls are not begun, alone: a depth for shed.h, which looks ten times a second.
 *
 *     static ouro_depth depths[] = { { "crew", ouro_crew_waiting, NULL, .max = 100 },
 *                                    { .fn = NULL } };
 *     ...
 *     depths[0].arg = crew;
 *
 * The mark should be below queue_max, at which calls are refused. A crew outlives the server that
 * looks at it, or is taken out of its depths before it is closed: with NULL the answer is 0. `loop`
 * is not used. */
OURO_API uint64_t ouro_crew_waiting(ouro_loop *loop, void *crew);

/* The loop's crews, oldest first: NULL asks for the first, and is the answer after the last. */
OURO_API ouro_crew *ouro_crew_next(const ouro_loop *loop, const ouro_crew *crew);
OURO_END
#endif
