/* worker.c -- the parent's side of a worker: started, asked, waited for. See ouro/worker.h.
 *
 * A worker goes through four steps. What moves it on is the news that its thread or its process has
 * ended; then its port, which tells that all it had sent has been delivered. Only then is on_exit
 * called, so that the exit is the last that is heard of it, whatever was under way. */
#include "offload/worker.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/loop.h"
#include <errno.h>
#include <stdio.h>

#define DEFAULT_STOP_MS 5000

static void worker_stop(struct handle *handle);

static const void *worker_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_worker *)handle)->on_exit);
}

static int worker_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static bool worker_is_idle(const struct handle *handle)
{
	return ((const struct ouro_worker *)handle)->step == WORKER_GONE;
}

static const struct handle_type worker_type = {
	.kind = "worker",
	.magic = 0x776f726bu,
	.callee = worker_callee,
	.number = worker_number,
	.stop = worker_stop,
	.is_idle = worker_is_idle,
	.parks = true,
};

/* Ending. */

static void tell_exit(struct ouro_worker *worker)
{
	struct ouro_loop *loop = worker->base.loop;
	ouro_worker_exit_fn *fn = worker->on_exit;

	worker->on_exit = NULL;
	if (!fn || worker->base.closing)
		return;
	call_begin(loop, loop->lag.call.phase, CALL_FN(fn), (struct cause){ "worker", -1, NULL },
		   worker->base.label);
	fn(worker, worker->code, worker->base.arg);
	call_end(loop);
}

/* Nobody will ring any more. */
static void silence(struct ouro_worker *worker)
{
	ouro_wake_close(worker->bell);
	worker->bell = NULL;
}

static void far_free(struct far *far)
{
	if (!far)
		return;
	ouro__half_free(far->half);
	pthread_mutex_destroy(&far->lock);
	ouro__free(far);
}

static void ended(struct ouro_worker *worker)
{
	far_free(worker->far);
	worker->far = NULL;
	worker->step = WORKER_ENDED;
	ouro_timer_stop(worker->base.loop, worker->patience);
}

static void gone(struct ouro_worker *worker)
{
	worker->step = WORKER_GONE;
	silence(worker);
	ouro__handle_hold(&worker->base, false);
	ouro__handle_settled(&worker->base);
	tell_exit(worker);
}

void ouro__worker_advance(struct ouro_worker *worker)
{
	if (worker->far && worker->kind->look(worker))
		ended(worker);
	if (worker->step == WORKER_ENDED && (!worker->port || ouro__port_has_ended(worker->port)))
		gone(worker);
}

static void on_bell(ouro_wake *bell, void *arg)
{
	(void)bell;
	ouro__worker_advance(arg);
}

/* The port, in a callback of its own or because it closes. */
static void port_ended(ouro_port *port, void *arg)
{
	struct ouro_worker *worker = arg;

	if (port->base.closing)
		worker->port = NULL;
	if (worker->bell)
		ouro_wake_send(worker->bell);
}

/* Asking. */

const char *ouro__worker_name(const struct ouro_worker *worker)
{
	const struct label *label = worker->base.label;

	return label && label->name ? label->name : worker->far->name;
}

static void overdue(ouro_loop *loop, void *arg)
{
	struct ouro_worker *worker = arg;

	(void)loop;
	if (worker->far)
		worker->kind->overdue(worker);
}

void ouro_worker_stop(ouro_worker *worker)
{
	struct ouro_loop *loop = worker->base.loop;

	handle_check(worker, worker_type);
	if (worker->step != WORKER_RUNNING)
		return;
	worker->step = WORKER_ASKED;
	ouro__far_ask(worker->far);
	if (worker->stop_ms == OURO_NEVER || loop->ending)
		return;
	worker->patience = ouro_timer_after(loop, worker->stop_ms, overdue, worker);
	ouro_timer_hold(loop, worker->patience, false);
}

static void worker_stop(struct handle *handle)
{
	struct ouro_worker *worker = (struct ouro_worker *)handle;

	worker->on_exit = NULL;
	ouro_port_close(worker->port);
	ouro_worker_stop(worker);
	if (worker->step == WORKER_ENDED) {
		worker->step = WORKER_GONE;
		silence(worker);
	}
}

/* The loop ends: those that are left are waited for. */

static const char workers_kind;

struct workers {
	struct attachment attachment;
	struct ouro_loop *loop;
};

static void wait_for(struct handle *handle)
{
	struct ouro_worker *worker = (struct ouro_worker *)handle;

	if (handle->type != &worker_type || worker->step == WORKER_GONE)
		return;
	if (worker->far) {
		worker->kind->wait(worker);
		ended(worker);
	}
	worker->step = WORKER_GONE;
	worker->bell = NULL; /* the loop closes it */
	ouro__handle_settled(handle);
}

static void drain(struct attachment *attachment)
{
	struct ouro_loop *loop = list_of(attachment, struct workers, attachment)->loop;

	list_each_safe (at, &loop->parked)
		wait_for(list_of(at, struct handle, link));
	list_each_safe (at, &loop->closing)
		wait_for(list_of(at, struct handle, link));
}

static void end(struct attachment *attachment)
{
	ouro__free(attachment);
}

static int attach(ouro_loop *loop)
{
	struct workers *workers;

	if (ouro__loop_attached(loop, &workers_kind))
		return 0;
	workers = ouro__alloc(sizeof(*workers));
	if (!workers)
		return -ENOMEM;
	workers->attachment.kind = &workers_kind;
	workers->attachment.drain = drain;
	workers->attachment.end = end;
	workers->loop = loop;
	list_push(&loop->attachments, &workers->attachment.link);
	return 0;
}

/* Starting. */

static struct far *far_new(const ouro_worker_opts *opts)
{
	struct far *far = ouro__alloc(sizeof(*far) + opts->arg_size);

	if (!far)
		return NULL;
	far->main = opts->main;
	far->arg = opts->arg;
	if (opts->arg_size)
		far->arg = memcpy(far->room, opts->arg, opts->arg_size);
	far->has_loop_opts = opts->loop != NULL;
	if (opts->loop)
		far->loop_opts = *opts->loop;
	far->bell_fd = far->lifeline = far->parent = -1;
	pthread_mutex_init(&far->lock, NULL);
	snprintf(far->name, sizeof(far->name), "%s", opts->name ? opts->name : "ouro-worker");
	return far;
}

static int open_port(struct ouro_worker *worker, enum ouro_kind kind, const ouro_port_opts *limits)
{
	struct half *near;
	int err = ouro__half_pair(kind, limits, &near, &worker->far->half);

	if (err)
		return err;
	err = ouro__port_new(worker->base.loop, near, NULL, &worker->port);
	if (err) {
		ouro__half_free(near);
		return err;
	}
	ouro__port_use(worker->port);
	ouro__port_when_ended(worker->port, port_ended, worker);
	return 0;
}

static int start(struct ouro_worker *worker, const ouro_worker_opts *opts)
{
	ouro_port_opts limits;
	int err = ouro__port_opts(&opts->port, &limits);

	if (!err)
		err = open_port(worker, opts->kind, &limits);
	if (!err)
		err = ouro_wake_open(worker->base.loop, on_bell, worker, &worker->bell);
	if (err)
		return err;
	ouro_wake_hold(worker->bell, false);
	return worker->kind->start(worker, opts);
}

/* Nobody has seen it. What it was given closes in the next close phase, without a word. */
static void undo(struct ouro_worker *worker)
{
	if (worker->port)
		ouro__port_when_ended(worker->port, NULL, NULL);
	ouro_port_close(worker->port);
	ouro_wake_close(worker->bell);
	far_free(worker->far);
	ouro__handle_drop(&worker->base);
}

static const char *why_not(const ouro_worker_opts *opts)
{
	ouro_port_opts limits;

	if (!opts->main)
		return "it has no main";
	if (opts->kind != OURO_THREADS && opts->kind != OURO_PROCESSES)
		return "there is no such kind";
	if (opts->loop && opts->loop->ev)
		return "its loop cannot live in a host's libev loop";
	if (opts->arg_size && !opts->arg)
		return "arg_size without arg";
	if (ouro__port_opts(&opts->port, &limits))
		return "the limits of its port make no sense";
	return NULL;
}

int ouro_worker_start(ouro_loop *loop, const ouro_worker_opts *opts, ouro_worker_exit_fn *on_exit,
		      void *arg, ouro_worker **ret_worker)
{
	const char *why = why_not(opts);
	struct ouro_worker *worker;
	int err;

	if (why) {
		ouro__log(&loop->log, OURO_LOG_ERROR, "ouro_worker_start: %s", why);
		return -EINVAL;
	}
	err = attach(loop);
	worker = err ? NULL : ouro__handle_new(loop, &worker_type, sizeof(*worker), arg, &err);
	if (!worker)
		return err;
	worker->kind = opts->kind == OURO_THREADS ? &ouro__worker_thread : &ouro__worker_process;
	worker->lifeline = worker->proc.fd = -1;
	worker->on_exit = on_exit;
	worker->stop_ms = opts->stop_ms ? opts->stop_ms : DEFAULT_STOP_MS;
	worker->far = far_new(opts);
	err = worker->far ? start(worker, opts) : -ENOMEM;
	if (err) {
		undo(worker);
		return err;
	}
	*ret_worker = worker;
	return 0;
}

/* Attributes. */

ouro_port *ouro_worker_port(const ouro_worker *worker)
{
	handle_check(worker, worker_type);
	return worker->port;
}

int ouro_worker_kill(ouro_worker *worker)
{
	handle_check(worker, worker_type);
	return worker->far ? worker->kind->kill(worker) : OURO_ECLOSED;
}

int ouro_worker_signal(const ouro_worker *worker)
{
	handle_check(worker, worker_type);
	return worker->signal;
}

int ouro_worker_pid(const ouro_worker *worker)
{
	handle_check(worker, worker_type);
	return worker->far ? (int)worker->proc.pid : 0;
}

void ouro_worker_close(ouro_worker *worker)
{
	if (!worker)
		return;
	handle_check(worker, worker_type);
	ouro__handle_close(&worker->base);
}

void ouro_worker_on_close(ouro_worker *worker, ouro_close_fn *fn)
{
	handle_check(worker, worker_type);
	worker->base.on_close = fn;
}

ouro_loop *ouro_worker_loop(const ouro_worker *worker)
{
	handle_check(worker, worker_type);
	return worker->base.loop;
}

void ouro_worker_hold(ouro_worker *worker, bool hold)
{
	handle_check(worker, worker_type);
	if (worker->step != WORKER_GONE)
		ouro__handle_hold(&worker->base, hold);
}

int ouro_worker_set_name(ouro_worker *worker, const char *name)
{
	handle_check(worker, worker_type);
	return ouro__handle_name(&worker->base, name);
}
