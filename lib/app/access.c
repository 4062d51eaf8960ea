/* access.c -- an access log: lines come in on the loop and go out by the pool. See ouro/access.h,
 * access.h.
 *
 * At most one operation is out. When it comes back, what it has not written is tried again, later if
 * something is wrong; else the halves change places. Lines that find no room are counted, and the
 * first that finds some is preceded by one that says how many.
 *
 * When the loop ends there is no pool any more, so what waits is written by the loop's own thread:
 * after the handles are closed and requests cut off, so that their lines are in it. */
#include "app/access.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "offload/pool.h"
#include "ouro/error.h"
#include "sys/fd.h"
#include "sys/hush.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define USUAL_BUFFER ((size_t)1 << 20)
#define LEAST_BUFFER ((size_t)16 << 10)
#define USUAL_FLUSH  100
#define MANY         ((size_t)64 << 10) /* bytes that are worth a call */
#define RETRY_MS     1000
#define BACKOFF_MOST 256 /* ms, for a reader that is slow */
#define PATIENCE_MS  500 /* at the end, for the same */

/* ---- The logs of a loop ---- */

static const char hub_kind;

struct hub {
	struct attachment base;
	struct list logs;
	uint64_t lines, lost; /* of those that are closed */
};

static void finish_now(struct ouro_access *log);

static void drain(struct attachment *attachment)
{
	struct hub *hub = list_of(attachment, struct hub, base);

	list_each_safe (at, &hub->logs) {
		struct ouro_access *log = list_of(at, struct ouro_access, link);

		if (!log->op.id)
			finish_now(log);
	}
}

static void end(struct attachment *attachment)
{
	ouro__free(list_of(attachment, struct hub, base));
}

/* The lines are the parent's, and so is half a line. A descriptor that a thread was about to change
 * may be anything here: fork() copies descriptors first, and memory later. */
static int after_fork(struct attachment *attachment)
{
	struct hub *hub = list_of(attachment, struct hub, base);

	list_each (at, &hub->logs) {
		struct ouro_access *log = list_of(at, struct ouro_access, link);

		log->filling.len = 0;
		log->gap = 0;
		if (log->op.id)
			log->file.fd = -1;
		else
			log->file.len = log->file.at = 0;
		log->stats.waiting = 0;
	}
	return 0;
}

static struct hub *hub_if_any(const ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &hub_kind);

	return attachment ? list_of(attachment, struct hub, base) : NULL;
}

/* Behind the pool, whose last callbacks may make lines yet. */
static struct hub *hub_of(ouro_loop *loop)
{
	struct hub *hub = hub_if_any(loop);

	if (hub)
		return hub;
	hub = ouro__alloc(sizeof(*hub));
	if (!hub)
		return NULL;
	hub->base = (struct attachment){
		.kind = &hub_kind, .drain = drain, .end = end, .after_fork = after_fork
	};
	list_init(&hub->logs);
	list_push(&loop->attachments, &hub->base.link);
	return hub;
}

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
static void tell_lost(struct ouro_access *log, bool last)
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

static void start(struct ouro_access *log)
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
	start(log);
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
		finish_now(log);
}

/* A line has come. */
static void write_soon(struct ouro_access *log)
{
	size_t many = log->half_room / 2 < MANY ? log->half_room / 2 : MANY;

	if (log->op.id || log->retrying)
		return;
	if (log->filling.len >= many)
		start(log);
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
	tell_lost(log, true);
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
static void finish_now(struct ouro_access *log)
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
			start(log);
		else if (log->filling.len)
			write_soon(log);
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
		finish_now(log);
		return;
	}
	tell_trouble(log, err < 0 ? err : 0);
	if (is_over(log, err))
		settle(log);
	else
		go_on(log, err);
}

/* ---- In ---- */

static void lose(struct ouro_access *log)
{
	log->stats.lost++;
	log->gap++;
	log->untold++;
}

/* What the user's function says of it. */
static int ask_fn(struct ouro_access *log, const ouro_access_event *event)
{
	ouro_buf_cut(log->line, 0);
	return log->fn(log->line, event, log->fn_arg);
}

/* False: there is no room for it. The function comes first: it may close the log, and the halves
 * change places. */
static bool write_line(struct ouro_access *log, const ouro_access_event *event)
{
	struct half *half = &log->filling;
	struct pen pen;

	if (log->fn && ask_fn(log, event) < 0)
		return false;
	pen = (struct pen){ half->bytes + half->len, half->bytes + log->half_room, false };
	if (log->fn)
		ouro__access_plain(&pen, ouro_buf_str(log->line));
	else
		ouro__access_line(&pen, log->format, event, &log->clock);
	if (!pen.full && pen.at == half->bytes + half->len)
		return true;
	ouro__access_put(&pen, "\n", 1);
	if (pen.full)
		return false;
	half->len = (size_t)(pen.at - half->bytes);
	log->stats.waiting++;
	return true;
}

static bool write_gap(struct ouro_access *log, ouro_access_event event)
{
	event.req = NULL;
	event.done = NULL;
	event.lost = log->gap;
	if (!write_line(log, &event))
		return false;
	log->gap = 0;
	tell_lost(log, false);
	return true;
}

static void add(struct ouro_access *log, ouro_req *req, const ouro_req_done *done)
{
	ouro_access_event event = { .req = req, .done = done };

	if (log->settled || (log->base.closing && !log->base.loop->ending))
		return;
	event.time = ouro__access_time(&log->clock, log->base.loop);
	if ((log->gap && !write_gap(log, event)) || !write_line(log, &event))
		lose(log);
	write_soon(log);
}

/* ---- The handle ---- */

static const void *access_callee(const struct handle *handle)
{
	const struct ouro_access *log = (const struct ouro_access *)handle;

	return log->fn ? CALL_FN(log->fn) : CALL_FN(ouro_access_done);
}

static int access_number(const struct handle *handle)
{
	const struct ouro_access *log = (const struct ouro_access *)handle;

	return log->op.id ? -1 : log->file.fd;
}

static bool access_is_idle(const struct handle *handle)
{
	return ((const struct ouro_access *)handle)->settled;
}

static void unhook_all(struct ouro_access *log);

/* At the end of the loop there are lines to come. */
static void access_stop(struct handle *handle)
{
	struct ouro_access *log = (struct ouro_access *)handle;

	if (!handle->loop->ending && !log->op.id)
		start(log);
}

static const struct handle_type access_type = {
	.kind = "access log",
	.magic = 0x61636365u,
	.callee = access_callee,
	.number = access_number,
	.stop = access_stop,
	.is_idle = access_is_idle,
	.parks = true,
};

/* Its last call: what is its own goes before its memory does. */
static void gone(void *arg)
{
	struct ouro_access *log = arg;
	ouro_close_fn *fn = log->on_close;
	struct hub *hub = hub_if_any(log->base.loop);

	hub->lines += log->stats.lines;
	hub->lost += log->stats.lost;
	unhook_all(log);
	list_remove(&log->link);
	if (fn)
		fn(log->close_arg);
	ouro_buf_free(log->line);
	ouro__free(log->room);
	ouro__free(log->path);
}

static int check(const ouro_loop *loop, const ouro_access_opts *opts)
{
	const char *wrong = NULL;

	if (!opts || !opts->path || !*opts->path)
		wrong = "there is no path";
	else if ((unsigned)opts->format > OURO_ACCESS_JSON)
		wrong = "there is no such format";
	if (wrong)
		ouro__log(&loop->log, OURO_LOG_ERROR, "ouro_access_open: %s", wrong);
	return wrong ? -EINVAL : 0;
}

static int fill_in(struct ouro_access *log, const ouro_access_opts *opts)
{
	size_t buffer = opts->buffer ? opts->buffer : USUAL_BUFFER;

	log->format = opts->format;
	log->fn = opts->fn;
	log->fn_arg = opts->arg;
	log->flush_ms = opts->flush_ms ? opts->flush_ms : USUAL_FLUSH;
	log->half_room = (buffer < LEAST_BUFFER ? LEAST_BUFFER : buffer) / 2;
	log->room = ouro__realloc(NULL, 2 * log->half_room);
	log->path = ouro__strdup(opts->path);
	log->line = log->fn ? ouro_buf_new() : NULL;
	log->filling.bytes = log->room;
	log->file.bytes = log->room + log->half_room;
	log->file.path = log->path;
	log->file.is_stdout = !strcmp(opts->path, "-");
	log->file.mode = opts->mode ? opts->mode : 0644;
	log->file.fd = -1;
	return log->room && log->path && (log->line || !log->fn) ? 0 : -ENOMEM;
}

static void undo(struct ouro_access *log)
{
	ouro_buf_free(log->line);
	ouro__free(log->room);
	ouro__free(log->path);
	ouro__handle_drop(&log->base);
}

int ouro_access_open(ouro_loop *loop, const ouro_access_opts *opts, ouro_access **ret_log)
{
	struct ouro_access *log;
	struct hub *hub;
	int err = check(loop, opts);

	if (err)
		return err;
	log = ouro__handle_new(loop, &access_type, sizeof(*log), NULL, &err);
	if (!log)
		return err;
	ouro__handle_hold(&log->base, false);
	list_init(&log->link);
	list_init(&log->hooks);
	err = fill_in(log, opts);
	if (!err && !ouro__pool_of(loop))
		err = -errno;
	hub = err ? NULL : hub_of(loop);
	if (!hub) {
		undo(log);
		return err ? err : -ENOMEM;
	}
	log->base.arg = log;
	log->base.on_close = gone;
	list_push(&hub->logs, &log->link);
	start(log);
	*ret_log = log;
	return 0;
}

/* ---- Whose answers ---- */

struct access_hook {
	struct done_hook hook;
	struct list link; /* on the log's list */
	struct ouro_access *log;
	const ouro_server *server;
};

static void hook_done(struct done_hook *hook, ouro_req *req, const ouro_req_done *done)
{
	add(list_of(hook, struct access_hook, hook)->log, req, done);
}

static void unhook(struct done_hook *hook)
{
	struct access_hook *mine = list_of(hook, struct access_hook, hook);

	list_remove(&mine->hook.link);
	list_remove(&mine->link);
	ouro__free(mine);
}

static void unhook_all(struct ouro_access *log)
{
	list_each_safe (at, &log->hooks)
		unhook(&list_of(at, struct access_hook, link)->hook);
}

static bool is_attached(const struct ouro_access *log, const ouro_server *server)
{
	list_each (at, &log->hooks)
		if (list_of(at, struct access_hook, link)->server == server)
			return true;
	return false;
}

int ouro_access_attach(ouro_access *log, ouro_server *server)
{
	struct access_hook *hook;

	handle_check(log, access_type);
	if (ouro_server_loop(server) != log->base.loop)
		return -EINVAL;
	if (log->base.closing || ouro__server_is_closing(server))
		return OURO_ECLOSED;
	if (is_attached(log, server))
		return 0;
	hook = ouro__alloc(sizeof(*hook));
	if (!hook)
		return -ENOMEM;
	hook->hook.done = hook_done;
	hook->hook.unhook = unhook;
	hook->log = log;
	hook->server = server;
	list_push(&log->hooks, &hook->link);
	ouro__server_hook(server, &hook->hook);
	return 0;
}

void ouro_access_done(ouro_req *req, const ouro_req_done *done, void *arg)
{
	ouro_access *log = arg;

	handle_check(log, access_type);
	add(log, req, done);
}

/* ---- The manual's ---- */

void ouro_access_reopen(ouro_access *log)
{
	handle_check(log, access_type);
	if (log->base.closing || log->file.is_stdout)
		return;
	log->reopen = true;
	if (!log->op.id)
		start(log);
}

size_t ouro_access_reopen_all(ouro_loop *loop)
{
	struct hub *hub = hub_if_any(loop);
	size_t n = 0;

	if (!hub)
		return 0;
	list_each (at, &hub->logs) {
		struct ouro_access *log = list_of(at, struct ouro_access, link);

		ouro_access_reopen(log);
		n += !log->file.is_stdout;
	}
	return n;
}

void ouro_access_close(ouro_access *log)
{
	if (!log)
		return;
	handle_check(log, access_type);
	ouro__handle_close(&log->base);
}

void ouro_access_on_close(ouro_access *log, ouro_close_fn *fn, void *arg)
{
	handle_check(log, access_type);
	log->on_close = fn;
	log->close_arg = arg;
}

ouro_loop *ouro_access_loop(const ouro_access *log)
{
	handle_check(log, access_type);
	return log->base.loop;
}

void ouro_access_get_stats(const ouro_access *log, ouro_access_stats *ret_stats)
{
	handle_check(log, access_type);
	*ret_stats = log->stats;
}

void ouro__access_totals(const ouro_loop *loop, uint64_t *ret_lines, uint64_t *ret_lost)
{
	const struct hub *hub = hub_if_any(loop);

	*ret_lines = hub ? hub->lines : 0;
	*ret_lost = hub ? hub->lost : 0;
	if (!hub)
		return;
	list_each (at, &hub->logs) {
		*ret_lines += list_of(at, struct ouro_access, link)->stats.lines;
		*ret_lost += list_of(at, struct ouro_access, link)->stats.lost;
	}
}
