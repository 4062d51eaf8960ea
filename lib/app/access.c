/* access.c -- an access log: lines come in on the loop, of the servers that it is attached to. See
 * ouro/access.h, access.h.
 *
 * Lines that find no room are counted, and the first that finds some is preceded by one that says how
 * many. */
#include "app/access.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "offload/pool.h"
#include "ouro/error.h"
#include <errno.h>

#define USUAL_BUFFER ((size_t)1 << 20)
#define LEAST_BUFFER ((size_t)16 << 10)
#define USUAL_FLUSH  100

/* ---- The logs of a loop ---- */

static const char hub_kind;

struct hub {
	struct attachment base;
	struct list logs;
	uint64_t lines, lost; /* of those that are closed */
};

static void drain(struct attachment *attachment)
{
	struct hub *hub = list_of(attachment, struct hub, base);

	list_each_safe (at, &hub->logs) {
		struct ouro_access *log = list_of(at, struct ouro_access, link);

		if (!log->op.id)
			ouro__access_finish_now(log);
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
	return true;
}

/* A line, and before it how many were lost there: both, or neither, so that what is lost in a row is
 * told once. (The halves may have changed places meanwhile: then the first one stays.) */
static bool write_after_gap(struct ouro_access *log, const ouro_access_event *event)
{
	struct half before = log->filling;
	uint64_t gap = log->gap;

	if (!write_gap(log, *event))
		return false;
	if (write_line(log, event)) {
		ouro__access_tell_lost(log, false);
		return true;
	}
	if (log->filling.bytes == before.bytes) {
		log->stats.waiting -= log->filling.len != before.len;
		log->filling = before;
		log->gap = gap;
	}
	return false;
}

static void add(struct ouro_access *log, ouro_req *req, const ouro_req_done *done)
{
	ouro_access_event event = { .req = req, .done = done };

	if (log->settled || (log->base.closing && !log->base.loop->ending))
		return;
	event.time = ouro__access_time(&log->clock, log->base.loop);
	if (!(log->gap ? write_after_gap(log, &event) : write_line(log, &event)))
		lose(log);
	ouro__access_write_soon(log);
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
		ouro__access_start(log);
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
	ouro__access_start(log);
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
		ouro__access_start(log);
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
