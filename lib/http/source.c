/* source.c -- hearing an event stream. See ouro/source.h; what is read is event_text.c's.
 *
 * A source is a fetch after another, with a wait in between. It is in one of three states: a fetch
 * is out, the timer runs, or it is closed. A fetch that is cancelled ends later, so a closed source
 * parks until that has come.
 *
 * Why a fetch was cancelled by us is noted in `verdict`, which goes before what it ends with. */
#include "ouro/source.h"
#include "base/alloc.h"
#include "base/check.h"
#include "http/encoded.h"
#include "http/event_text.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "ouro/error.h"
#include "ouro/timer.h"
#include <errno.h>

#define REDIRECTS 10
#define HOUR_MS   3600000u
#define OWN       3 /* fields: Accept, Cache-Control, Last-Event-ID */

struct ouro_source {
	struct handle base;
	ouro_source_fn *fn;
	ouro_source_open_fn *open_fn;
	ouro_source_lost_fn *lost_fn;
	ouro_source_opts opts; /* url, unix_path and fields are copies */
	ouro_field *fields;    /* those, and room for OWN more and the one behind the last */
	size_t field_count;
	struct event_reader reader;
	ouro_fetch fetch;
	ouro_timer timer;
	unsigned failures; /* in a row */
	int status;
	int verdict;      /* 0: what the fetch ends with */
	bool final;       /* it will not ask again */
	unsigned wait_ms; /* as Retry-After has it */
};

/* ---- As every handle ---- */

static int source_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static const void *source_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_source *)handle)->fn);
}

static void source_stop(struct handle *handle)
{
	ouro_source *source = (ouro_source *)handle;

	ouro_timer_stop(handle->loop, source->timer);
	(void)ouro_fetch_cancel(handle->loop, source->fetch);
}

static bool source_is_idle(const struct handle *handle)
{
	return !((const struct ouro_source *)handle)->fetch.id;
}

static void source_free(struct handle *handle)
{
	ouro_source *source = (ouro_source *)handle;

	ouro__event_reader_end(&source->reader);
	ouro__free((char *)(uintptr_t)source->opts.url);
	ouro__free((char *)(uintptr_t)source->opts.unix_path);
	ouro__free(source->fields);
}

static const struct handle_type source_type = {
	.kind = "event source",
	.magic = 0x65767372u,
	.callee = source_callee,
	.number = source_number,
	.stop = source_stop,
	.is_idle = source_is_idle,
	.free = source_free,
	.parks = true,
};

static void source_check(const ouro_source *source)
{
	handle_check(source, source_type);
}

static void source_call(ouro_source *source, const void *fn)
{
	call_begin(source->base.loop, OURO_PHASE_IO, fn, (struct cause){ "event source", -1, NULL },
		   source->base.label);
}

/* ---- Asking again ---- */

static void ask(ouro_source *source);

static void on_again(ouro_loop *loop, void *arg)
{
	(void)loop;
	ask(arg);
}

static unsigned again_ms(const ouro_source *source)
{
	const struct event_reader *reader = &source->reader;
	uint64_t first = reader->retry_ms < HOUR_MS      ? reader->retry_ms
			 : reader->retry_ms < UINT64_MAX ? HOUR_MS
							 : source->opts.retry_ms;
	uint64_t most = first > source->opts.slower_ms ? first : source->opts.slower_ms;
	uint64_t ms = first << (source->failures < 16 ? source->failures : 16);

	ms = ms < most ? ms : most;
	return (unsigned)(ms > source->wait_ms ? ms : source->wait_ms);
}

static bool is_final(const ouro_source *source, int err)
{
	return source->final || err == -EINVAL || err == -EPROTONOSUPPORT || err == OURO_ETOOBIG;
}

/* There is no answer, or no more of it. */
static void lose(ouro_source *source, int err)
{
	unsigned ms = is_final(source, err) ? OURO_NEVER : again_ms(source);

	source->failures++;
	if (ms != OURO_NEVER) {
		source->timer = ouro_timer_after(source->base.loop, ms, on_again, source);
		ouro_timer_hold(source->base.loop, source->timer, false); /* the handle does */
		err = source->timer.id ? err : -ENOMEM;
		ms = source->timer.id ? ms : OURO_NEVER;
	}
	if (source->lost_fn) {
		source_call(source, CALL_FN(source->lost_fn));
		source->lost_fn(source, err, ms, source->base.arg);
		call_end(source->base.loop);
	}
	if (ms == OURO_NEVER)
		ouro_source_close(source);
}

/* ---- The answer ---- */

static void give_up(ouro_source *source, int err, bool final)
{
	source->verdict = err;
	source->final = final;
	(void)ouro_fetch_cancel(source->base.loop, source->fetch);
}

static bool may_pass(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static bool is_stream(const ouro_answer *answer)
{
	ouro_str type = ouro__media_type(ouro_answer_header(answer, "Content-Type"));

	return ouro_str_caseeq(type, "text/event-stream");
}

/* In seconds; a date is let pass. */
static unsigned retry_after(const ouro_answer *answer)
{
	uint64_t s = ouro_str_u64(ouro_answer_header(answer, "Retry-After"), 0);

	return s < HOUR_MS / 1000 ? (unsigned)s * 1000 : HOUR_MS;
}

static void on_head(ouro_fetch fetch, const ouro_answer *answer, void *arg)
{
	ouro_source *source = arg;

	(void)fetch;
	source->status = ouro_answer_status(answer);
	if (may_pass(source->status)) {
		source->wait_ms = retry_after(answer);
		give_up(source, OURO_EBUSY, false);
	} else if (source->status != 200 || !is_stream(answer)) {
		give_up(source, source->status == 204 ? OURO_EOF : OURO_EPROTO, true);
	} else {
		source->failures = 0;
		if (!source->open_fn)
			return;
		source_call(source, CALL_FN(source->open_fn));
		source->open_fn(source, source->base.arg);
		call_end(source->base.loop);
	}
}

static void on_piece(ouro_fetch fetch, ouro_str piece, void *arg)
{
	ouro_source *source = arg;
	ouro_event event;
	int got = 1;

	(void)fetch;
	while (got > 0 && !source->base.closing) {
		got = ouro__event_read(&source->reader, &piece, &event);
		if (got <= 0)
			continue;
		source_call(source, CALL_FN(source->fn));
		source->fn(source, &event, source->base.arg);
		call_end(source->base.loop);
	}
	if (got < 0)
		give_up(source, got, false);
}

static void on_end(int err, const ouro_answer *answer, void *arg)
{
	ouro_source *source = arg;

	(void)answer;
	source->fetch.id = 0;
	if (source->base.closing)
		ouro__handle_settled(&source->base);
	else if (err == OURO_ECANCELED && !source->verdict)
		ouro_source_close(source); /* the loop ends */
	else
		lose(source, source->verdict ? source->verdict : err ? err : OURO_EOF);
}

/* ---- The ask ---- */

static void ask(ouro_source *source)
{
	ouro_str id = ouro_buf_str(source->reader.id);
	ouro_field *own = source->fields + source->field_count;
	ouro_fetch_opts opts = { .url = source->opts.url,
				 .unix_path = source->opts.unix_path,
				 .fields = source->fields,
				 .on_head = on_head,
				 .on_piece = on_piece,
				 .redirects = REDIRECTS,
				 .progress_ms = source->opts.silent_ms,
				 .whole_ms = OURO_NEVER };

	own[0] = (ouro_field){ "Accept", ouro_str_z("text/event-stream") };
	own[1] = (ouro_field){ "Cache-Control", ouro_str_z("no-cache") };
	if (id.len && ouro__is_field_value(id)) /* else there is no way to say it */
		own[2] = (ouro_field){ "Last-Event-ID", id };
	else
		own[2].name = NULL;
	own[OWN].name = NULL;
	ouro__event_reader_restart(&source->reader);
	source->verdict = source->status = 0;
	source->wait_ms = 0;
	source->timer.id = 0;
	source->fetch = ouro_http_fetch(source->base.loop, &opts, on_end, source);
	if (!source->fetch.id)
		lose(source, errno == ECANCELED ? OURO_ECANCELED : -ENOMEM);
}

/* ---- Opening ---- */

static char *copy(char *to, ouro_str s)
{
	if (s.len)
		memcpy(to, s.ptr, s.len);
	to[s.len] = 0;
	return to + s.len + 1;
}

/* The names and values lie behind the array. */
static bool copy_fields(ouro_source *source, const ouro_field *given)
{
	size_t n = 0, bytes = 0, array;
	char *at;

	for (; given && given[n].name; n++)
		bytes += strlen(given[n].name) + given[n].value.len + 2;
	array = (n + OWN + 1) * sizeof(*given);
	source->fields = ouro__alloc(array + bytes);
	if (!source->fields)
		return false;
	at = (char *)source->fields + array;
	for (size_t i = 0; i < n; i++) {
		source->fields[i].name = at;
		at = copy(at, ouro_str_z(given[i].name));
		source->fields[i].value = ouro_str_n(at, given[i].value.len);
		at = copy(at, given[i].value);
	}
	source->field_count = n;
	return true;
}

/* 0 or -ENOMEM; what was made goes with the source. */
static int take(ouro_source *source, const ouro_source_opts *opts)
{
	ouro_source_opts *own = &source->opts;

	own->retry_ms = opts->retry_ms ? opts->retry_ms : 3000;
	own->slower_ms = opts->slower_ms ? opts->slower_ms : 60000;
	own->silent_ms = opts->silent_ms ? opts->silent_ms : 60000;
	own->url = ouro__strdup(opts->url);
	own->unix_path = opts->unix_path ? ouro__strdup(opts->unix_path) : NULL;
	if (!own->url || (opts->unix_path && !own->unix_path) || !copy_fields(source, opts->fields))
		return -ENOMEM;
	if (ouro__event_reader_start(&source->reader,
				     opts->event_max ? opts->event_max : (size_t)1 << 20))
		return -ENOMEM;
	return opts->last_id
		       ? ouro_buf_append(source->reader.id, opts->last_id, strlen(opts->last_id))
		       : 0;
}

int ouro_source_open(ouro_loop *loop, const ouro_source_opts *opts, ouro_source_fn *fn, void *arg,
		     ouro_source **ret_source)
{
	ouro_source *source;
	int err;

	if (!opts || !opts->url)
		return -EINVAL;
	source = ouro__handle_new(loop, &source_type, sizeof(*source), arg, &err);
	if (!source)
		return err;
	source->fn = fn;
	err = take(source, opts);
	if (!err)
		source->timer = ouro_timer_after(loop, 0, on_again, source);
	if (!err && !source->timer.id)
		err = -ENOMEM;
	ouro_timer_hold(loop, source->timer, false); /* the handle does */
	if (err)
		ouro__handle_drop(&source->base);
	else
		*ret_source = source;
	return err;
}

/* ---- Asking, and the end ---- */

void ouro_source_on_open(ouro_source *source, ouro_source_open_fn *fn)
{
	source_check(source);
	source->open_fn = fn;
}

void ouro_source_on_lost(ouro_source *source, ouro_source_lost_fn *fn)
{
	source_check(source);
	source->lost_fn = fn;
}

const char *ouro_source_last_id(const ouro_source *source)
{
	ouro_str id;

	source_check(source);
	id = ouro_buf_str(source->reader.id);
	return id.len ? id.ptr : NULL;
}

int ouro_source_status(const ouro_source *source)
{
	source_check(source);
	return source->status;
}

void ouro_source_close(ouro_source *source)
{
	if (!source)
		return;
	source_check(source);
	ouro__handle_close(&source->base);
}

void ouro_source_on_close(ouro_source *source, ouro_close_fn *fn)
{
	source_check(source);
	source->base.on_close = fn;
}

ouro_loop *ouro_source_loop(const ouro_source *source)
{
	source_check(source);
	return source->base.loop;
}

void ouro_source_hold(ouro_source *source, bool hold)
{
	source_check(source);
	ouro__handle_hold(&source->base, hold);
}
