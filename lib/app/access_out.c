/* access_out.c -- when the lines of an access log leave, and what is done when they cannot.
 *
 * At most one operation is out. When it comes back, what it has not written is tried again, later if
 * something is wrong; else the halves change places.
 *
 * When the loop ends there is no pool any more, so what waits is written by the loop's own thread:
 * after the handles are closed and requests cut off, so that their lines are in it. */
#include "app/access.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include "sys/fd.h"
#include "sys/hush.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define MANY         ((size_t)64 << 10) /* bytes that are worth a call */
#define RETRY_MS     1000
#define BACKOFF_MOST 256 /* ms, for a reader that is slow */
#define PATIENCE_MS  500 /* at the end, for the same */

/* ---- What is said about it ---- */

static const char *name_of(const struct ouro_access *log)
{
	return log->file.is_stdout ? "stdout" : log->file.path;
}

/* Nothing is wrong: a reader, or the pool, is behind. */
static bool is_slow(int err)
{
	return err == -EAGAIN || err == OURO_EBUSY;
}

static void tell_trouble(struct ouro_access *log, int err)
{
	bool news = err != log->stats.err;

	log->stats.err = err;
	if (!news || !err || is_slow(err))
		return;
	ouro__log(&log->base.loop->log, OURO_LOG_WARN, "access log %s: %s: %s (%s); its lines wait",
		  name_of(log), log->file.call ? log->file.call : "write", ouro_strerror(err),
		  ouro_errname(err));
}

static void tell_kept(const struct ouro_access *log)
{
	if (log->file.kept)
		ouro__log(&log->base.loop->log, OURO_LOG_WARN,
			  "access log %s: open: %s (%s); it goes on in the old file", name_of(log),
			  ouro_strerror(log->file.kept), ouro_errname(log->file.kept));
}

/* Once a second is enough. */
void ouro__access_tell_lost(struct ouro_access *log, bool last)
{
	uint64_t now = call_now(log->base.loop);

	if (!log->untold || (!last && log->told_at && now - log->told_at < NS_PER_S))
		return;
	ouro__log(&log->base.loop->log, OURO_LOG_WARN, "access log %s: lines lost: %" PRIu64,
		  name_of(log), log->untold);
	log->untold = 0;
	log->told_at = now;
}

/* ---- Out ---- */

static int access_work(struct op *op)
{
	return ouro__access_write(&((struct ouro_access *)op->arg)->file);
}

static void access_done(struct op *op, int err);

static const struct op_kind access_kind = {
	.call = "access log",
	.lane = OURO_LANE_FILES,
	.room = 1,
	.work = access_work,
	.done = access_done,
};

static bool has_left(const struct access_file *file)
{
	return file->at < file->len;
}

/* What was being written is written, and the halves change places. */
static void swap(struct ouro_access *log)
{
	struct access_file *file = &log->file;
	char *bytes = file->bytes;

	file->bytes = log->filling.bytes;
	file->len = log->filling.len;
	file->at = 0;
	log->filling.bytes = bytes;
	log->filling.len = 0;
}

static void prepare(struct ouro_access *log)
{
	struct access_file *file = &log->file;

	if (!has_left(file))
		swap(log);
	file->reopen |= log->reopen;
	log->reopen = false;
	file->last = log->base.closing;
	file->pid = getpid();
}

static void try_later(struct ouro_access *log, unsigned ms);

void ouro__access_start(struct ouro_access *log)
{
	struct op *op = ouro__op_new(log->base.loop, &access_kind, NULL, log);

	ouro_timer_stop(log->base.loop, log->timer);
	log->timer = (ouro_timer){ 0 };
	log->retrying = false;
	if (!op) {
		if (errno != ECANCELED) /* else the end of the loop comes to it */
			try_later(log, RETRY_MS);
		return;
	}
	op->path = name_of(log);
	prepare(log);
	log->op = ouro__op_submit(op);
}

static void time_to_write(ouro_loop *loop, void *arg)
{
	struct ouro_access *log = arg;

	(void)loop;
	log->timer = (ouro_timer){ 0 };
	ouro__access_start(log);
}

static void set_timer(struct ouro_access *log, unsigned ms)
{
	log->timer = ouro_timer_after(log->base.loop, ms, time_to_write, log);
	ouro_timer_hold(log->base.loop, log->timer, false);
}

/* Without memory for a timer the next line asks again. */
static void try_later(struct ouro_access *log, unsigned ms)
{
	set_timer(log, ms);
	log->retrying = log->timer.id != 0;
	if (!log->retrying && log->base.closing)
		ouro__access_finish_now(log);
}

/* A line has come. */
void ouro__access_write_soon(struct ouro_access *log)
{
	size_t many = log->half_room / 2 < MANY ? log->half_room / 2 : MANY;

	if (log->op.id || log->retrying)
		return;
	if (log->filling.len >= many)
		ouro__access_start(log);
	else if (!log->timer.id && log->flush_ms != OURO_NEVER)
		set_timer(log, log->flush_ms);
}

static void settle(struct ouro_access *log)
{
	if (log->settled)
		return;
	log->settled = true;
	log->stats.lost += log->stats.waiting;
	log->untold += log->stats.waiting;
	log->stats.waiting = 0;
	ouro__access_tell_lost(log, true);
	ouro__fd_close(&log->file.fd);
	ouro__handle_settled(&log->base);
}

static void take_stock(struct ouro_access *log)
{
	struct access_file *file = &log->file;

	log->stats.waiting -= file->lines;
	log->stats.lines += file->lines;
	log->stats.bytes += file->written;
	log->stats.writes += file->writes;
	file->lines = file->written = file->writes = 0;
	if (file->pid != getpid())
		file->len = file->at = 0;
}

/* The loop's own thread, which must not die of a pipe that nobody reads, nor wait long for one. */
void ouro__access_finish_now(struct ouro_access *log)
{
	struct hush hush;
	int err = 0;

	ouro_timer_stop(log->base.loop, log->timer);
	ouro__hush_begin(&hush);
	while (!log->settled && !err && (has_left(&log->file) || log->filling.len)) {
		prepare(log);
		log->file.patience = PATIENCE_MS;
		err = ouro__access_write(&log->file);
		take_stock(log);
	}
	ouro__hush_end(&hush, err == -EPIPE);
	tell_trouble(log, err);
	settle(log);
}

/* Nothing more can be written, or need be. */
static bool is_over(const struct ouro_access *log, int err)
{
	if (!log->base.closing || (is_slow(err) && log->backoff_ms < BACKOFF_MOST))
		return false;
	return err || (log->file.last && !log->filling.len);
}

static void go_on(struct ouro_access *log, int err)
{
	if (err && !is_slow(err)) {
		try_later(log, RETRY_MS);
	} else if (err) {
		log->backoff_ms = log->backoff_ms ? log->backoff_ms * 2 : 1;
		if (log->backoff_ms > BACKOFF_MOST)
			log->backoff_ms = BACKOFF_MOST;
		try_later(log, log->backoff_ms);
	} else {
		log->backoff_ms = 0;
		if (log->reopen || log->base.closing)
			ouro__access_start(log);
		else if (log->filling.len)
			ouro__access_write_soon(log);
	}
}

static void access_done(struct op *op, int err)
{
	struct ouro_access *log = op->arg;

	log->op = (ouro_op){ 0 };
	if (log->file.writes)
		log->backoff_ms = 0;
	take_stock(log);
	tell_kept(log);
	if (log->base.loop->ending) {
		ouro__access_finish_now(log);
		return;
	}
	tell_trouble(log, err < 0 ? err : 0);
	if (is_over(log, err))
		settle(log);
	else
		go_on(log, err);
}
