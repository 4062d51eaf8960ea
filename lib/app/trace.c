/* trace.c -- a trace of a loop: when it begins and ends, and when its records go to the pool. See
 * ouro/trace.h, trace.h.
 *
 * At most one operation is out. It is asked for between two turns, when the halves may change places;
 * what cannot be given away then (the pool is full, there is no memory) is given away after the next
 * turn. When the loop ends there is no pool any more, and the loop's own thread writes the rest. */
#include "app/trace.h"
#include "base/alloc.h"
#include "http/fetch.h"
#include "http/req.h"
#include "offload/pool.h"
#include "ouro/error.h"
#include "ouro/trace.h"
#include "sys/fd.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define USUAL_BUFFER ((size_t)4 << 20)
#define LEAST_BUFFER ((size_t)64 << 10)
#define EVERY        (100 * NS_PER_MS)
#define RETRY_MS     100

static const char recorder_kind;

/* The loop's; it stays when its trace has ended, for the next. */
struct recorder {
	struct attachment base;
	struct ouro_loop *loop;
	struct recording *now; /* NULL: there is no trace */
};

struct recording {
	struct trace trace;
	struct trace_file file;
	struct recorder *recorder;
	size_t half;
	char *other;      /* the half that is not being filled */
	uint64_t gave_at; /* when records were given away last */
	ouro_op op;       /* {0}: the file is ours */
	ouro_timer retry; /* {0}: nothing is wrong */
	bool ends;        /* the last records are with the file, or there is none */
	bool foreign;     /* the parent's: there was a fork */
	bool told;        /* on_log, of trouble */
	struct namebook names;
	ouro_trace_end_fn *on_end;
	void *arg;
};

/* ---- The end ---- */

static void tell_trouble(struct recording *recording)
{
	const struct trace_file *file = &recording->file;

	if (!file->err || recording->told)
		return;
	recording->told = true;
	ouro__log(&recording->recorder->loop->log, OURO_LOG_WARN, "trace %s: %s: %s (%s); %s",
		  file->path, file->call, ouro_strerror(file->err), ouro_errname(file->err),
		  file->broken ? "there will be none" : "events are lost");
}

static uint64_t size_of(const struct trace_file *file)
{
	return file->end ? file->end + file->tail : 0;
}

/* It is out of the way before on_end is called, which may begin the next. */
static void settle(struct recording *recording)
{
	struct ouro_loop *loop = recording->recorder->loop;
	const struct trace_file *file = &recording->file;
	ouro_trace_report report = { file->events, recording->trace.lost + file->missed,
				     size_of(file), file->err };
	ouro_trace_end_fn *on_end = recording->foreign ? NULL : recording->on_end;
	void *arg = recording->arg;

	if (loop->trace == &recording->trace)
		loop->trace = NULL;
	recording->recorder->now = NULL;
	ouro_timer_stop(loop, recording->retry);
	ouro__fd_close(&recording->file.fd);
	ouro__free(recording);
	if (on_end)
		on_end(loop, &report, arg);
}

/* ---- To the pool ---- */

static int write_work(struct op *op)
{
	ouro__trace_write(&((struct recording *)op->arg)->file);
	return 0;
}

static void write_done(struct op *op, int err);

static const struct op_kind write_kind = {
	.call = "trace",
	.lane = OURO_LANE_FILES,
	.room = 1,
	.work = write_work,
	.done = write_done,
};

/* What is left of the last time is the file's already; in a turn, which is only when that was refused
 * before, the records stay where they are. */
static void hand_over(struct recording *recording)
{
	struct trace *trace = &recording->trace;
	struct trace_file *file = &recording->file;
	char *filled = trace->bytes;

	if (file->len || trace->turn != TRACE_NONE || trace->phase != TRACE_NONE)
		return;
	file->record = filled;
	file->len = trace->len;
	file->before = trace->lost;
	file->hole = trace->hole > file->hole ? trace->hole : file->hole;
	file->now = call_now(recording->recorder->loop);
	file->last = trace->stopped;
	recording->ends = trace->stopped;
	trace->bytes = recording->other;
	trace->len = 0;
	recording->other = filled;
}

static void give(struct recording *recording)
{
	struct op *op = ouro__op_new(recording->recorder->loop, &write_kind, NULL, recording);

	ouro_timer_stop(recording->recorder->loop, recording->retry);
	recording->retry = (ouro_timer){ 0 };
	if (!op)
		return;
	op->path = recording->file.path;
	hand_over(recording);
	recording->gave_at = call_now(recording->recorder->loop);
	recording->op = ouro__op_submit(op);
}

static void turn_done(struct trace *trace)
{
	struct recording *recording = list_of(trace, struct recording, trace);
	uint64_t now = call_now(recording->recorder->loop);

	if (recording->op.id || recording->retry.id || (!trace->len && !trace->stopped))
		return;
	if (trace->stopped || trace->len >= recording->half / 4 ||
	    now - recording->gave_at >= EVERY)
		give(recording);
}

/* The loop ends, and its thread writes: what an operation has left, and what has come since. */
static void finish_now(struct recording *recording)
{
	if (!recording->trace.stopped)
		ouro_trace_stop(recording->recorder->loop);
	while (!recording->ends || recording->file.len) {
		hand_over(recording);
		ouro__trace_write(&recording->file);
	}
	tell_trouble(recording);
	settle(recording);
}

static void try_again(ouro_loop *loop, void *arg)
{
	struct recording *recording = arg;

	(void)loop;
	recording->retry = (ouro_timer){ 0 };
	give(recording);
}

/* No thread has had it: the pool is full. */
static void try_later(struct recording *recording)
{
	struct ouro_loop *loop = recording->recorder->loop;

	recording->retry = ouro_timer_after(loop, RETRY_MS, try_again, recording);
	ouro_timer_hold(loop, recording->retry, false);
}

static void write_done(struct op *op, int err)
{
	struct recording *recording = op->arg;

	op->path = NULL; /* which goes with the recording */
	recording->op = (ouro_op){ 0 };
	if (recording->foreign) {
		settle(recording);
		return;
	}
	tell_trouble(recording);
	if (recording->recorder->loop->ending)
		return; /* drain() comes to it */
	if (err)
		try_later(recording);
	else if (recording->file.broken || (recording->ends && !recording->file.len))
		settle(recording);
	else if (recording->trace.stopped)
		give(recording);
}

/* ---- The loop's ---- */

static void drain(struct attachment *attachment)
{
	struct recorder *recorder = list_of(attachment, struct recorder, base);

	if (recorder->now && !recorder->now->op.id)
		finish_now(recorder->now);
}

static void end(struct attachment *attachment)
{
	ouro__free(list_of(attachment, struct recorder, base));
}

/* What a thread was about to do with the descriptor nobody knows; it stays as it is. */
static int after_fork(struct attachment *attachment)
{
	struct recorder *recorder = list_of(attachment, struct recorder, base);
	struct recording *recording = recorder->now;

	if (!recording)
		return 0;
	recording->foreign = true;
	recorder->loop->trace = NULL;
	if (recording->op.id)
		recording->file.fd = -1;
	else
		settle(recording);
	return 0;
}

/* Behind the pool, whose last callbacks are to be in it. */
static struct recorder *recorder_of(ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &recorder_kind);
	struct recorder *recorder;

	if (attachment)
		return list_of(attachment, struct recorder, base);
	recorder = ouro__alloc(sizeof(*recorder));
	if (!recorder)
		return NULL;
	recorder->base = (struct attachment){
		.kind = &recorder_kind, .drain = drain, .end = end, .after_fork = after_fork
	};
	recorder->loop = loop;
	list_push(&loop->attachments, &recorder->base.link);
	return recorder;
}

/* ---- The manual's ---- */

static size_t half_of(const ouro_trace_opts *opts)
{
	size_t buffer = opts->buffer ? opts->buffer : USUAL_BUFFER;

	return (buffer < LEAST_BUFFER ? LEAST_BUFFER : buffer) / 2 & ~(size_t)7;
}

/* One piece: the recording, both halves, text, and the path. */
static struct recording *make(const char *path, const ouro_trace_opts *opts)
{
	size_t half = half_of(opts), len = strlen(path) + 1;
	struct recording *recording =
		ouro__realloc(NULL, sizeof(*recording) + 2 * half + TRACE_PAGE + len);
	char *room = (char *)(recording + 1);

	if (!recording)
		return NULL;
	memset(recording, 0, sizeof(*recording));
	recording->half = half;
	recording->other = room + half;
	recording->trace = (struct trace){ .bytes = room,
					   .room = half,
					   .turn = TRACE_NONE,
					   .phase = TRACE_NONE,
					   .turn_done = turn_done };
	recording->file = (struct trace_file){ .path = room + 2 * half + TRACE_PAGE,
					       .mode = opts->mode ? opts->mode : 0644,
					       .fd = -1,
					       .pid = getpid(),
					       .tid = gettid(),
					       .text = room + 2 * half,
					       .names = &recording->names };
	memcpy(room + 2 * half + TRACE_PAGE, path, len);
	recording->on_end = opts->on_end;
	recording->arg = opts->arg;
	return recording;
}

int ouro_trace_start(ouro_loop *loop, const char *path, const ouro_trace_opts *opts)
{
	static const ouro_trace_opts usual;
	struct recorder *recorder;
	struct recording *recording;

	if (!path || !*path) {
		ouro__log(&loop->log, OURO_LOG_ERROR, "ouro_trace_start: there is no path");
		return -EINVAL;
	}
	if (loop->ending)
		return OURO_ECLOSED;
	if (!ouro__pool_of(loop))
		return -errno;
	recorder = recorder_of(loop);
	if (!recorder)
		return -ENOMEM;
	if (recorder->now)
		return -EBUSY;
	recording = make(path, opts ? opts : &usual);
	if (!recording)
		return -ENOMEM;
	recording->recorder = recorder;
	recording->file.since = loop->turning ? loop->lag.stamp : loop_clock(loop);
	recorder->now = recording;
	loop->trace = &recording->trace;
	give(recording);
	return 0;
}

/* The unfinished before the open: where they have room, the callback that calls this is lost first. */
void ouro_trace_stop(ouro_loop *loop)
{
	struct trace *trace = loop->trace;
	uint64_t now = loop_clock(loop);
	struct http *http = ouro__http_find(loop);
	struct recording *recording;

	if (!trace || trace->stopped)
		return;
	recording = list_of(trace, struct recording, trace);
	if (http)
		ouro__reqs_record(http, now);
	ouro__fetches_record(ouro__client_find(loop), now);
	ouro__ops_record(ouro__pool_if_any(loop), now);
	ouro__trace_finish(loop);
	if (!recording->op.id)
		give(recording);
}
