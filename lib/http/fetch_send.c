/* fetch_send.c -- the ask on its way out. See fetch.h.
 *
 * The head is written to the stream at once, and leaves when that is connected and its turn ends. A
 * whole body is given to it by and by, as the server takes it: it lies in memory once. A body that
 * is written piece by piece is framed as it comes, or waits here until there is a stream. */
#include "http/fetch.h"
#include <errno.h>
#include <stdio.h>

#define SLICE ((size_t)32 << 10) /* of a body at once */

/* What each of a row of writes has to say; after an error nothing more is written. */
static void say(ouro_answer *fetch, ouro_str s, int *err)
{
	int64_t n = *err ? 0 : ouro_stream_write(fetch->wire->stream, s);

	if (n < 0)
		*err = (int)n;
	else if (!*err)
		fetch->written += s.len;
}

static void say_z(ouro_answer *fetch, const char *z, int *err)
{
	say(fetch, ouro_str_z(z), err);
}

static void send_length(ouro_answer *fetch, uint64_t length, int *err)
{
	char line[48];
	int n = snprintf(line, sizeof(line), "Content-Length: %llu\r\n",
			 (unsigned long long)length);

	say(fetch, ouro_str_n(line, (size_t)n), err);
}

static bool should_say_length(const char *method)
{
	return !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");
}

static void send_framing(ouro_answer *fetch, int *err)
{
	const ouro_fetch_opts *opts = &fetch->opts;

	if (opts->upload && !opts->length)
		say_z(fetch, "Transfer-Encoding: chunked\r\n", err);
	else if (opts->upload)
		send_length(fetch, opts->length, err);
	else if (opts->body.len || should_say_length(opts->method))
		send_length(fetch, opts->body.len, err);
}

static void send_head(ouro_answer *fetch, int *err)
{
	const struct url *url = &fetch->url;

	say_z(fetch, fetch->opts.method, err);
	say_z(fetch, url->path.len ? " " : " /", err);
	say(fetch, url->path, err);
	say(fetch, url->query, err);
	say_z(fetch, " HTTP/1.1\r\n", err);
	if (!ouro__ask_has(fetch, "Host")) {
		say_z(fetch, "Host: ", err);
		say(fetch, url->authority, err);
		say_z(fetch, "\r\n", err);
	}
	say_z(fetch, fetch->fields, err);
	send_framing(fetch, err);
	say_z(fetch, "\r\n", err);
}

bool ouro__ask_is_out(const ouro_answer *fetch)
{
	return fetch->upload_ended && fetch->body_sent >= fetch->opts.body.len;
}

int ouro__ask_pump(ouro_answer *fetch)
{
	ouro_str body = fetch->opts.body;
	int err = 0;

	while (!err && fetch->body_sent < body.len && !ouro_stream_is_full(fetch->wire->stream)) {
		size_t left = body.len - fetch->body_sent, n = left < SLICE ? left : SLICE;

		say(fetch, ouro_str_n(body.ptr + fetch->body_sent, n), &err);
		fetch->body_sent += n;
	}
	return err;
}

/* ---- Uploads ---- */

static void send_piece(ouro_answer *fetch, ouro_str piece, int *err)
{
	char size[24];

	if (!piece.len)
		return;
	if (fetch->opts.length) {
		say(fetch, piece, err);
		return;
	}
	snprintf(size, sizeof(size), "%zx\r\n", piece.len);
	say_z(fetch, size, err);
	say(fetch, piece, err);
	say_z(fetch, "\r\n", err);
}

static void send_last(ouro_answer *fetch, int *err)
{
	if (!fetch->opts.length)
		say_z(fetch, "0\r\n\r\n", err);
}

/* What was written before there was anybody to send it to. */
static void send_early(ouro_answer *fetch, int *err)
{
	if (fetch->early)
		send_piece(fetch, ouro_buf_str(fetch->early), err);
	if (fetch->upload_ended)
		send_last(fetch, err);
	ouro_buf_free(fetch->early);
	fetch->early = NULL;
}

int ouro__ask_send(ouro_answer *fetch)
{
	int err = 0;

	fetch->written = 0;
	send_head(fetch, &err);
	if (fetch->opts.upload)
		send_early(fetch, &err);
	return err ? err : ouro__ask_pump(fetch);
}

/* Too early to leave: it waits here. */
static int64_t keep_early(ouro_answer *fetch, ouro_str piece)
{
	if (!fetch->early)
		fetch->early = ouro_buf_new();
	if (!fetch->early || ouro_buf_append(fetch->early, piece.ptr, piece.len))
		return -ENOMEM;
	return (int64_t)ouro_buf_str(fetch->early).len;
}

/* What went wrong in the middle of a piece leaves no good ask behind. */
static int spoil(ouro_answer *fetch, int err)
{
	ouro__fetch_fail_soon(fetch, err);
	return err == -ENOMEM || err == -EINVAL ? err : OURO_ECLOSED;
}

int64_t ouro__ask_write(ouro_answer *fetch, ouro_str piece)
{
	int64_t queued = 0;
	int err = 0;

	if (fetch->upload_ended)
		return OURO_ECLOSED;
	if (fetch->opts.length && piece.len > fetch->opts.length - fetch->body_sent)
		return spoil(fetch, -EINVAL);
	if (!fetch->wire)
		queued = keep_early(fetch, piece);
	else
		send_piece(fetch, piece, &err);
	if (err && err != -ENOMEM)
		return OURO_ECLOSED; /* the stream has broken: its reader is told why */
	if (err || queued < 0)
		return spoil(fetch, -ENOMEM);
	fetch->body_sent += piece.len;
	return fetch->wire ? (int64_t)ouro_stream_queued(fetch->wire->stream) : queued;
}

int ouro__ask_end(ouro_answer *fetch)
{
	int err = 0;

	if (fetch->upload_ended)
		return OURO_ECLOSED;
	if (fetch->opts.length && fetch->body_sent != fetch->opts.length)
		return spoil(fetch, -EINVAL);
	fetch->upload_ended = true;
	if (fetch->wire)
		send_last(fetch, &err);
	if (!err && fetch->step == FETCH_head)
		err = ouro__fetch_await(fetch, fetch->opts.head_ms);
	if (err == -ENOMEM)
		return spoil(fetch, err);
	return err ? OURO_ECLOSED : 0;
}
