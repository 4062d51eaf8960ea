/* fetch_wire.c -- one connection of the client: an ask leaves, an answer is taken apart as it
 * comes. See fetch.h.
 *
 * The stream reads from the first moment to the last, whether the wire has a fetch or not, except
 * while that is paused. An answer is over when its own framing says so. Then the wire is parted
 * from the fetch before the user is told, so that an ask made in that very callback may have it;
 * and it is kept only if both sides want that, all of the ask has left, and nothing has come behind
 * the answer: bytes that nobody asked for are somebody's attempt to answer the next ask. */
#include "base/alloc.h"
#include "http/fetch.h"
#include <errno.h>

#define INFORMED_MAX 16    /* 1xx before an answer */
#define DISCARD_MAX  65536 /* bytes of a redirect's body that a connection is worth */

static ouro_fetch token_of(const ouro_answer *fetch)
{
	return (ouro_fetch){ fetch->record.id };
}

/* ---- The end of an exchange ---- */

static void part(struct wire *wire)
{
	wire->fetch->wire = NULL;
	wire->fetch = NULL;
}

/* It comes to nothing. */
static void fail(struct wire *wire, int err)
{
	ouro_answer *fetch = wire->fetch;

	part(wire);
	ouro__wire_close(wire);
	ouro__fetch_finish(fetch, err);
}

/* The next ask of the same fetch, to where the answer has sent it. */
static void follow(ouro_answer *fetch)
{
	int err = ouro__ask_redirect(fetch);

	if (err) {
		ouro__fetch_finish(fetch, err);
		return;
	}
	ouro__fetch_forget(fetch);
	ouro__fetch_dispatch(fetch, false);
}

/* The answer is whole; clean: the connection is at the beginning of the next one. */
static void complete(struct wire *wire, bool clean)
{
	ouro_answer *fetch = wire->fetch;
	bool keep = clean && fetch->response.parse.keep_alive && ouro__ask_is_out(fetch) &&
		    !ouro_stream_queued(wire->stream);

	part(wire);
	if (keep)
		ouro__wire_keep(wire);
	else
		ouro__wire_close(wire);
	if (fetch->discards)
		follow(fetch);
	else
		ouro__fetch_finish(fetch, 0);
}

/* ---- Heads ---- */

/* 1xx: another head follows. What we did not ask for is not switched to. */
static int skip_informed(ouro_answer *fetch, uint32_t len)
{
	if (fetch->response.status == 101 || ++fetch->informed > INFORMED_MAX)
		return OURO_EPROTO;
	fetch->head_len -= len;
	memmove(fetch->head, fetch->head + len, fetch->head_len);
	ouro__response_start(&fetch->response);
	return 0;
}

static int settle(ouro_answer *fetch, uint32_t len)
{
	struct response *response = &fetch->response;
	int err = ouro__response_settle(response, fetch->head, len, fetch->asked_head);

	if (err)
		return err;
	if (response->status < 200)
		return skip_informed(fetch, len);
	fetch->head_len = len;
	ouro__answer_settled(fetch);
	fetch->step = FETCH_body;
	fetch->discards = ouro__ask_follows(fetch);
	if (fetch->discards || response->parse.kind != BODY_LENGTH)
		return 0;
	return response->parse.length > fetch->opts.body_max ? OURO_ETOOBIG : 0;
}

/* Looks at what is in the head's room. Above 0: this much of it is behind the head. */
static int64_t scan(ouro_answer *fetch)
{
	uint32_t had = fetch->head_len;
	int verdict, err = 0;

	while (!err && !fetch->settled) {
		verdict = ouro__response_scan(&fetch->response, fetch->opts.head_max, fetch->head,
					      fetch->head_len);
		if (verdict <= 0)
			return verdict;
		err = settle(fetch, (uint32_t)verdict);
		if (!fetch->settled)
			had = fetch->head_len;
	}
	return err ? err : (int64_t)had - fetch->head_len;
}

/* Takes bytes of heads from *at on, until the answer's is whole or they are used up. */
static int take_head(ouro_answer *fetch, const char **at, const char *end)
{
	while (!fetch->settled && *at < end) {
		size_t n = (size_t)(end - *at), room = fetch->head_room - fetch->head_len;
		int64_t behind;

		if (!room) {
			int err = ouro__answer_widen(fetch);

			if (err)
				return err;
			continue;
		}
		n = n < room ? n : room;
		memcpy(fetch->head + fetch->head_len, *at, n);
		fetch->head_len += (uint32_t)n;
		*at += n;
		behind = scan(fetch);
		if (behind < 0)
			return (int)behind;
		*at -= behind;
	}
	return 0;
}

/* ---- Bodies ---- */

static int take_piece(ouro_answer *fetch, ouro_str piece)
{
	const ouro_fetch_opts *opts = &fetch->opts;

	if (fetch->discards)
		return 0;
	if (!opts->on_piece)
		return ouro__answer_gather(fetch, piece);
	if (fetch->response.parse.body_bytes > opts->body_max)
		return OURO_ETOOBIG;
	fetch_call(fetch, opts->on_piece, token_of(fetch), piece, fetch->arg);
	return 0;
}

/* A redirect's body is not worth waiting for without end. */
static bool is_enough(const ouro_answer *fetch)
{
	const struct response *response = &fetch->response;

	return fetch->discards && (response->until_close || response->parse.left > DISCARD_MAX ||
				   response->parse.body_bytes > DISCARD_MAX);
}

/* It is paused: what has come waits here, what comes in the kernel. */
static int keep_rest(struct wire *wire, const char *at, const char *end)
{
	size_t n = (size_t)(end - at);

	ouro_timer_stop(wire->client->loop, wire->fetch->stall);
	ouro_stream_pause(wire->stream);
	wire->rest = n ? ouro__realloc(NULL, n) : NULL;
	if (n && !wire->rest)
		return -ENOMEM;
	if (n)
		memcpy(wire->rest, at, n);
	wire->rest_len = n;
	return 0;
}

static bool goes_on(const struct wire *wire, const ouro_answer *fetch)
{
	return wire->fetch == fetch && !fetch->paused;
}

/* The body from `at` on, for as long as the fetch is there and wants it. */
static void take_body(struct wire *wire, const char *at, const char *end)
{
	ouro_answer *fetch = wire->fetch;
	int event = is_enough(fetch) ? BODY_END : BODY_PIECE;
	bool clean = event != BODY_END;
	ouro_str piece;

	while (event == BODY_PIECE && goes_on(wire, fetch)) {
		event = ouro__response_body(&fetch->response, &at, end, &piece);
		if (event != BODY_PIECE)
			break;
		int err = take_piece(fetch, piece);

		event = err ? err : event;
	}
	if (wire->fetch != fetch)
		return;
	if (event == BODY_PIECE)
		event = keep_rest(wire, at, end);
	else if (event == BODY_MORE)
		event = ouro__fetch_await(fetch, fetch->opts.progress_ms);
	if (event < 0)
		fail(wire, event);
	else if (event == BODY_END)
		complete(wire, clean && at == end);
}

static void tell_head(ouro_answer *fetch)
{
	const ouro_fetch_opts *opts = &fetch->opts;

	if (fetch->told_head || fetch->discards)
		return;
	fetch->told_head = true;
	if (opts->on_head)
		fetch_call(fetch, opts->on_head, token_of(fetch), fetch, fetch->arg);
}

static void take(struct wire *wire, const char *at, const char *end)
{
	ouro_answer *fetch = wire->fetch;
	int err = 0;

	if (!fetch->settled)
		err = take_head(fetch, &at, end);
	if (err) {
		fail(wire, err);
		return;
	}
	if (!fetch->settled)
		return;
	tell_head(fetch);
	if (wire->fetch == fetch)
		take_body(wire, at, end);
}

/* ---- The end of a connection ---- */

/* See ouro/fetch.h: the one case in which an ask is made again. */
static bool may_retry(const struct wire *wire, const ouro_answer *fetch, int err)
{
	bool unsent = fetch->written == ouro_stream_queued(wire->stream);

	if (!wire->used || fetch->received || fetch->retried)
		return false;
	if (err != OURO_EOF && err != -ECONNRESET && err != -EPIPE)
		return false;
	if (fetch->opts.upload && fetch->body_sent)
		return false;
	return fetch->repeatable || unsent;
}

static void retry(struct wire *wire)
{
	ouro_answer *fetch = wire->fetch;
	struct client *client = wire->client;

	part(wire);
	ouro__wire_drop(wire);
	fetch->retried = true;
	fetch->body_sent = 0;
	client->figures.retried++;
	ouro__fetch_dispatch(fetch, true);
}

static void on_end(struct wire *wire, int err)
{
	ouro_answer *fetch = wire->fetch;

	if (!fetch)
		ouro__wire_close(wire);
	else if (may_retry(wire, fetch, err))
		retry(wire);
	else if (err != OURO_EOF)
		fail(wire, err);
	else if (!fetch->received)
		fail(wire, -ECONNRESET);
	else if (fetch->settled && fetch->response.until_close)
		complete(wire, false);
	else
		fail(wire, OURO_EPROTO);
}

static void on_read(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	struct wire *wire = arg;

	(void)stream;
	if (!wire->host)
		return;
	if (err) {
		on_end(wire, err);
	} else if (!wire->fetch) {
		ouro__wire_close(wire);
	} else {
		wire->fetch->received = true;
		take(wire, bytes.ptr, bytes.ptr + bytes.len);
	}
}

/* ---- A connection ---- */

static void on_drain(ouro_stream *stream, void *arg)
{
	struct wire *wire = arg;
	ouro_answer *fetch = wire->fetch;
	int err;

	(void)stream;
	if (!fetch)
		return;
	if (fetch->opts.upload) {
		if (fetch->opts.on_drain && !fetch->upload_ended)
			fetch_call(fetch, fetch->opts.on_drain, token_of(fetch), fetch->arg);
		return;
	}
	err = ouro__ask_pump(fetch);
	if (!err && ouro__ask_is_out(fetch) && fetch->step == FETCH_head)
		err = ouro__fetch_await(fetch, fetch->opts.head_ms);
	if (err)
		fail(wire, err);
}

static void on_close(void *arg)
{
	struct wire *wire = arg;

	ouro__free(wire->rest);
	ouro__free(wire);
}

/* From here on the answer is awaited. What is small and whole counts as gone. */
static int begin(ouro_answer *fetch)
{
	bool out = ouro__ask_is_out(fetch) && fetch->written <= FETCH_HIGH;

	fetch->step = FETCH_head;
	fetch->left_by = out ? fetch->written : 0;
	return ouro__fetch_await(fetch, out ? fetch->opts.head_ms : fetch->opts.progress_ms);
}

static void on_connect(ouro_stream *stream, int err, void *arg)
{
	struct wire *wire = arg;

	if (!wire->host)
		return;
	wire->connected = true;
	if (!err)
		err = ouro_stream_read(stream, on_read, wire);
	if (!err)
		err = begin(wire->fetch);
	if (err)
		fail(wire, err);
}

static int connect_to(struct wire *wire, unsigned connect_ms)
{
	const struct host *host = wire->host;
	ouro_connect_opts opts = {
		.host = host->is_path ? NULL : host->name,
		.port = host->port,
		.unix_path = host->is_path ? host->name : NULL,
		.timeout_ms = connect_ms,
		.stream.high = FETCH_HIGH,
	};

	return ouro_connect(wire->client->loop, &opts, on_connect, wire, &wire->stream);
}

int ouro__wire_open(struct client *client, struct host *host, unsigned connect_ms,
		    struct wire **ret_wire)
{
	struct wire *wire = ouro__alloc(sizeof(*wire));
	int err;

	if (!wire)
		return -ENOMEM;
	wire->client = client;
	wire->host = host;
	list_init(&wire->link);
	due_init(&wire->due);
	err = connect_to(wire, connect_ms);
	if (err) {
		ouro__free(wire);
		return err;
	}
	ouro_stream_hold(wire->stream, false); /* a fetch holds the loop, an idle connection not */
	ouro_stream_on_drain(wire->stream, on_drain);
	ouro_stream_on_close(wire->stream, on_close);
	*ret_wire = wire;
	return 0;
}

int ouro__wire_take(struct wire *wire, ouro_answer *fetch)
{
	int err;

	wire->fetch = fetch;
	fetch->wire = wire;
	fetch->reused = wire->used;
	fetch->step = FETCH_connect;
	err = ouro__ask_send(fetch);
	if (!err && wire->connected)
		err = begin(fetch);
	if (err)
		part(wire);
	else
		wire->client->figures.asked++;
	return err;
}

void ouro__wire_go_on(struct wire *wire)
{
	ouro_answer *fetch = wire->fetch;
	size_t len = wire->rest ? wire->rest_len : 0;
	char *rest = wire->rest;
	const char *at = rest ? rest : "";

	wire->rest = NULL;
	ouro_stream_resume(wire->stream);
	if (fetch->settled)
		take(wire, at, at + len);
	ouro__free(rest);
}
