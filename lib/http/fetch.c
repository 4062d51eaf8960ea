/* fetch.c -- the life of a fetch, from asking to telling. See ouro/fetch.h and fetch.h.
 *
 * It begins in the call that asks, as far as that can be without calling back: an idle connection
 * takes the ask at once. It ends in ouro__fetch_finish(), which alone calls fn, and alone frees.
 * What goes wrong where no user may be called is noted, and told when the turn ends. */
#include "http/fetch.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include <errno.h>

/* ---- Telling ---- */

/* Off every list, without a wire and without deadlines. */
static void stop(ouro_answer *fetch)
{
	struct ouro_loop *loop = fetch->client->loop;
	struct wire *wire = fetch->wire;

	ouro_timer_stop(loop, fetch->stall);
	ouro_timer_stop(loop, fetch->whole);
	fetch->stall.id = fetch->whole.id = 0;
	ouro__client_leave(fetch);
	flush_cancel(&fetch->flush);
	fetch->step = FETCH_end;
	fetch->wire = NULL;
	if (!wire)
		return;
	wire->fetch = NULL;
	ouro__wire_close(wire);
}

static void record(const ouro_answer *fetch, int err, uint64_t now, bool unfinished)
{
	const char *method = fetch->opts.method ? fetch->opts.method : "fetch";
	const char *url = ouro_answer_url(fetch);
	struct trace_record record = { .at = fetch->began,
				       .ns = now > fetch->began ? now - fetch->began : 0,
				       .amount = fetch->response.parse.body_bytes,
				       .kind = TRACE_FETCH,
				       .phase = unfinished,
				       .number = err ? err : ouro_answer_status(fetch) };

	ouro__trace_span(fetch->client->loop->trace, record, method, strlen(method), url,
			 strlen(url));
}

void ouro__fetches_record(struct client *client, uint64_t now)
{
	if (!client)
		return;
	list_each (at, &client->fetches)
		record(list_of(at, ouro_answer, link), 0, now, true);
}

void ouro__fetch_finish(ouro_answer *fetch, int err)
{
	struct client *client = fetch->client;
	struct ouro_loop *loop = client->loop;

	stop(fetch);
	if (loop->trace)
		record(fetch, err, loop->lag.stamp, false);
	list_remove(&fetch->link);
	fetch_call(fetch, fetch->fn, err, fetch, fetch->arg);
	ouro__answer_free(fetch);
	ouro__ask_free(fetch);
	fetch->magic = 0;
	client->figures.fetches--;
	ouro__slab_give(&client->records, fetch);
	loop_release(loop);
}

void ouro__fetch_fail_soon(ouro_answer *fetch, int err)
{
	stop(fetch);
	fetch->err = err;
	flush_soon(fetch->client->loop, &fetch->flush);
}

void ouro__fetch_dispatch(ouro_answer *fetch, bool fresh)
{
	int err = ouro__client_serve(fetch, fresh);

	if (err)
		ouro__fetch_fail_soon(fetch, err);
}

void ouro__fetch_forget(ouro_answer *fetch)
{
	ouro__answer_free(fetch);
	ouro__response_start(&fetch->response);
	fetch->settled = fetch->received = fetch->discards = false;
	fetch->informed = 0;
}

/* ---- Deadlines ---- */

/* Bytes of the ask have left since the last look, or it is the user who does not write. */
static bool ask_moves(ouro_answer *fetch)
{
	uint64_t queued, left;

	if (fetch->step != FETCH_head)
		return false;
	queued = ouro_stream_queued(fetch->wire->stream);
	left = fetch->written - queued;
	if (left == fetch->left_by)
		return !queued && !ouro__ask_is_out(fetch);
	fetch->left_by = left;
	return true;
}

static bool all_has_left(const ouro_answer *fetch)
{
	return ouro__ask_is_out(fetch) && fetch->left_by == fetch->written;
}

static void on_stall(ouro_loop *loop, void *arg)
{
	ouro_answer *fetch = arg;
	int err = OURO_ETIMEOUT;

	(void)loop;
	fetch->stall.id = 0;
	if (ask_moves(fetch))
		err = ouro__fetch_await(fetch, all_has_left(fetch) ? fetch->opts.head_ms
								   : fetch->opts.progress_ms);
	if (err)
		ouro__fetch_finish(fetch, err);
}

static void on_whole(ouro_loop *loop, void *arg)
{
	(void)loop;
	((ouro_answer *)arg)->whole.id = 0;
	ouro__fetch_finish(arg, OURO_ETIMEOUT);
}

/* The fetch itself holds the loop. */
static int set_deadline(ouro_answer *fetch, ouro_timer *timer, unsigned ms, ouro_task_fn *fn)
{
	struct ouro_loop *loop = fetch->client->loop;

	if (ms == OURO_NEVER)
		return 0;
	*timer = ouro_timer_after(loop, ms, fn, fetch);
	return ouro_timer_hold(loop, *timer, false) ? 0 : -ENOMEM;
}

int ouro__fetch_await(ouro_answer *fetch, unsigned ms)
{
	struct ouro_loop *loop = fetch->client->loop;

	if (fetch->stall_ms == ms && ouro_timer_again(loop, fetch->stall))
		return 0;
	ouro_timer_stop(loop, fetch->stall);
	fetch->stall_ms = ms;
	return set_deadline(fetch, &fetch->stall, ms, on_stall);
}

/* ---- Asking ---- */

static void on_flush(struct flush *flush)
{
	ouro_answer *fetch = list_of(flush, ouro_answer, flush);

	if (fetch->step == FETCH_end)
		ouro__fetch_finish(fetch, fetch->err);
	else if (fetch->wire && !fetch->paused)
		ouro__wire_go_on(fetch->wire);
}

static ouro_answer *make(struct client *client, ouro_fetch_fn *fn, void *arg)
{
	ouro_answer *fetch = ouro__slab_take(&client->records);

	if (!fetch)
		return NULL;
	memset((char *)fetch + sizeof(fetch->record), 0, sizeof(*fetch) - sizeof(fetch->record));
	fetch->magic = FETCH_MAGIC;
	fetch->client = client;
	fetch->fn = fn;
	fetch->arg = arg;
	fetch->began = client->loop->turning ? client->loop->lag.stamp : loop_clock(client->loop);
	list_init(&fetch->queue);
	flush_init(&fetch->flush, on_flush);
	ouro__response_start(&fetch->response);
	list_push(&client->fetches, &fetch->link);
	client->figures.fetches++;
	loop_hold(client->loop);
	return fetch;
}

ouro_fetch ouro_http_fetch(ouro_loop *loop, const ouro_fetch_opts *opts, ouro_fetch_fn *fn,
			   void *arg)
{
	struct client *client = loop->ending ? NULL : ouro__client_of(loop);
	ouro_answer *fetch = client ? make(client, fn, arg) : NULL;
	int err;

	if (!fetch) {
		errno = loop->ending ? ECANCELED : ENOMEM;
		return (ouro_fetch){ 0 };
	}
	err = ouro__ask_take(fetch, opts);
	if (!err)
		err = set_deadline(fetch, &fetch->whole, fetch->opts.whole_ms, on_whole);
	if (err)
		ouro__fetch_fail_soon(fetch, err);
	else
		ouro__fetch_dispatch(fetch, false);
	return (ouro_fetch){ fetch->record.id };
}

ouro_fetch ouro_http_get(ouro_loop *loop, const char *url, ouro_fetch_fn *fn, void *arg)
{
	const ouro_fetch_opts opts = { .url = url };

	return ouro_http_fetch(loop, &opts, fn, arg);
}

/* NULL: it has ended, or is about to. */
static ouro_answer *find(ouro_loop *loop, ouro_fetch fetch)
{
	struct client *client = ouro__client_find(loop);
	ouro_answer *found = client ? slab_find(&client->records, fetch.id) : NULL;

	return found && found->step != FETCH_end ? found : NULL;
}

bool ouro_fetch_cancel(ouro_loop *loop, ouro_fetch fetch)
{
	ouro_answer *found = find(loop, fetch);

	if (found)
		ouro__fetch_fail_soon(found, OURO_ECANCELED);
	return found;
}

bool ouro_fetch_pause(ouro_loop *loop, ouro_fetch fetch)
{
	ouro_answer *found = find(loop, fetch);

	if (!found)
		return false;
	found->paused = true;
	flush_cancel(&found->flush);
	if (found->step == FETCH_body) {
		ouro_timer_stop(loop, found->stall);
		ouro_stream_pause(found->wire->stream);
	}
	return true;
}

bool ouro_fetch_resume(ouro_loop *loop, ouro_fetch fetch)
{
	ouro_answer *found = find(loop, fetch);

	if (!found)
		return false;
	if (found->paused && found->step == FETCH_body)
		flush_soon(loop, &found->flush);
	found->paused = false;
	return true;
}

int64_t ouro_fetch_write(ouro_loop *loop, ouro_fetch fetch, ouro_str piece)
{
	ouro_answer *found = find(loop, fetch);

	return found ? ouro__ask_write(found, piece) : OURO_ECLOSED;
}

int ouro_fetch_end(ouro_loop *loop, ouro_fetch fetch)
{
	ouro_answer *found = find(loop, fetch);

	return found ? ouro__ask_end(found) : OURO_ECLOSED;
}
