/* worker.h -- one long-lived far side with a loop of its own, and a port each way.
 *
 *     static void answer(ouro_port *parent, ouro_str question, void *arg)
 *     {
 *             ouro_port_send(parent, question);
 *     }
 *
 *     static void echo(ouro_loop *loop, ouro_port *parent, void *arg)
 *     {
 *             ouro_port_on_message(parent, answer, NULL);
 *     }
 *
 *     ouro_worker_start(loop, &(ouro_worker_opts){ .main = echo }, on_exit, NULL, &worker);
 *     ouro_port_send(ouro_worker_port(worker), ouro_str_z("hello"));
 *
 * main sets the worker up and returns; then its loop runs until nothing is left in it, or it is
 * stopped. Everything works in that loop: timers, servers, a pool, workers of its own.
 *
 * A thread shares the memory of the process: it can be asked to end, and not be made to. A process
 * shares nothing but what is sent to it; it can be killed, and whatever it does to itself, its
 * parent goes on. It begins with descriptors 0, 1 and 2 and its port, and ends, at the latest, when
 * its parent does.
 *
 * All of it on the thread of the parent's loop, unless it says so. */
#ifndef OURO_WORKER_H
#define OURO_WORKER_H
#include "ouro/port.h"
OURO_BEGIN

typedef struct ouro_worker ouro_worker;

/* On the far side. parent: to_parent, closed when the worker ends; it may be closed before. arg is
 * valid until then. What ends the loop is what ends the worker; do not free the loop. */
typedef void ouro_worker_main_fn(ouro_loop *loop, ouro_port *parent, void *arg);

typedef struct ouro_worker_opts {
	ouro_worker_main_fn  *main; /* a function of this program, not of a module loaded later */
	void                 *arg;  /* handed to main: */
	size_t                arg_size; /* a copy of so many bytes; 0: the pointer, threads only */
	enum ouro_kind        kind;     /* OURO_THREADS */
	const char           *name;  /* 15 letters for ps, and for reports; NULL: "ouro-worker" */
	size_t                stack; /* bytes of stack, threads only; 0: 1 MiB */
	const ouro_loop_opts *loop;  /* of its loop, copied; NULL: all defaults; no ev */
	ouro_port_opts        port;  /* of both ports */
	unsigned stop_ms; /* asked to end and has not: kill it (a process), report it (a thread); 0:
			     5000; OURO_NEVER */
	/* Bytes that a process may have on top of what it starts with: then there is no memory; 0: any.
	 * Large messages lie in it too: up to twice what waits for it at once. */
	size_t   memory_max;
	unsigned cpu_s; /* seconds of processor time for a process, then SIGXCPU; 0: any */
} ouro_worker_opts;

/* The worker has ended, and what it had sent has been delivered, if anybody listens. Called once,
 * unless the worker is closed first.
 *
 * code 0 or more: what ouro_loop_stop() said in it, 0 when nothing was left; a process that called
 * exit(), its status. OURO_ECRASHED: a signal ended the process, see ouro_worker_signal(). Below 0
 * else: it could not begin (-ENOMEM, -EMFILE, -EAGAIN; -ENOENT, -EIO: without /proc there is no
 * memory_max), and main was not called. */
typedef void ouro_worker_exit_fn(ouro_worker *worker, int code, void *arg);

/* Starts one. on_exit NULL: nobody wants to know. arg is on_exit's and on_close's. 0, or -ENOMEM,
 * -EMFILE, -EAGAIN (no thread, no process); -EINVAL, on_log is told why; OURO_ECLOSED. */
OURO_API int ouro_worker_start(ouro_loop *loop, const ouro_worker_opts *opts,
			       ouro_worker_exit_fn *on_exit, void *arg,
			       ouro_worker **ret_worker) OURO_MUST_CHECK;

/* This side's end of the pipe, the worker's own: closed with it. It can be used at once. Messages
 * wait until it listens; a worker that ends while nobody does ends all the same. */
OURO_API ouro_port *ouro_worker_port(const ouro_worker *worker);

/* Asks it to end: its loop stops with code 0, or what ouro_worker_on_stop() has set there is called.
 * If main has not been called yet, it will not be. stop_ms counts from here. Asked again: nothing. */
OURO_API void ouro_worker_stop(ouro_worker *worker);

/* Ends it at once, wherever it is, by SIGKILL: on_exit says OURO_ECRASHED. 0; -ENOTSUP: a thread
 * cannot be killed without leaving the process in ruins; OURO_ECLOSED: it has ended. */
OURO_API int ouro_worker_kill(ouro_worker *worker);

/* The signal that ended its process; 0: none did, or it has not ended. Its process id; 0 for a
 * thread, and when it has ended. */
OURO_API int ouro_worker_signal(const ouro_worker *worker);
OURO_API int ouro_worker_pid(const ouro_worker *worker);

/* Asks it to end and forgets about it: no more messages, no on_exit. on_close comes when it has
 * ended: a process that does not is killed after stop_ms; a thread is waited for. ouro_loop_free()
 * does this to workers that are left, and waits for them. */
OURO_API void ouro_worker_close(ouro_worker *worker);
OURO_API void ouro_worker_on_close(ouro_worker *worker, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_worker_loop(const ouro_worker *worker);

/* Whether it keeps the loop alive until it has ended; a new one does. */
OURO_API void ouro_worker_hold(ouro_worker *worker, bool hold);
OURO_API int  ouro_worker_set_name(ouro_worker *worker, const char *name);

/* --- On the far side --- */

/* Instead of stopping the loop: fn is called, once, when the parent asks for the end: time to finish
 * what is under way and to let the loop run dry. */
OURO_API void ouro_worker_on_stop(ouro_port *parent, ouro_port_fn *fn);

/* For a long computation: has the parent asked for the end? Does not wait for the loop. */
OURO_API bool ouro_worker_is_asked(const ouro_port *parent);
OURO_END
#endif
