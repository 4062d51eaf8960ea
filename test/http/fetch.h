/* fetch.h -- what the tests of the client share: a server that says whatever its script says, and
 * asks that note how they end.
 *
 * The server lives in the same loop, at a Unix socket in the abstract space: there a byte that was
 * written can be read at once, so that the virtual clock never runs ahead of it. */
#ifndef TEST_FETCH_H
#define TEST_FETCH_H
#include "ouro/fetch.h"
#include "socks.h"

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ngood\n"

enum then { STAY, CLOSE, RESET };

struct raw {
	ouro_loop *loop;
	ouro_listener *listener;
	char path[64];
	const char *script; /* the answer to every ask but /good; NULL: none */
	size_t len;
	enum then then;
	size_t piece;     /* bytes at once; 0: all */
	unsigned wait_ms; /* between two pieces */
	unsigned accepted, asks;
	char last[8192]; /* the last ask */
	struct raw_peer *newest;
};

struct raw_peer {
	struct raw *raw;
	ouro_stream *stream;
	char in[8192];
	size_t in_len, at;
	bool speaks;
	ouro_timer next; /* when it goes on */
};

static inline void raw_speak(ouro_loop *loop, void *arg);

static inline void raw_next(struct raw_peer *peer)
{
	if (peer->speaks)
		peer->next = call_after(peer->raw->loop, peer->raw->wait_ms, raw_speak, peer);
}

/* In mid-script, perhaps. */
static inline void raw_gone(void *arg)
{
	struct raw_peer *peer = arg;

	ouro_timer_stop(peer->raw->loop, peer->next);
	free(peer);
}

static inline void raw_reset(int err, void *arg)
{
	(void)err;
	ouro_stream_reset(((struct raw_peer *)arg)->stream);
}

/* All has been said. */
static inline void raw_over(struct raw_peer *peer)
{
	peer->speaks = false;
	if (peer->raw->then == CLOSE)
		ouro_stream_end(peer->stream);
	else if (peer->raw->then == RESET)
		CHECK_EQ(ouro_stream_after(peer->stream, raw_reset, peer), 0);
}

static inline void raw_speak(ouro_loop *loop, void *arg)
{
	struct raw_peer *peer = arg;
	struct raw *raw = peer->raw;
	size_t n = raw->len - peer->at;

	(void)loop;
	if (!peer->speaks)
		return;
	n = raw->piece && raw->piece < n ? raw->piece : n;
	if (ouro_stream_write(peer->stream, ouro_str_n(raw->script + peer->at, n)) < 0) {
		peer->speaks = false;
		return;
	}
	peer->at += n;
	if (peer->at == raw->len)
		raw_over(peer);
	else
		raw_next(peer);
}

static inline void raw_answer(struct raw_peer *peer)
{
	struct raw *raw = peer->raw;

	raw->asks++;
	memcpy(raw->last, peer->in, sizeof(raw->last));
	if (strstr(raw->last, " /good ")) {
		ouro_stream_write(peer->stream, ouro_str_z(GOOD));
	} else if (raw->script) {
		peer->at = 0;
		peer->speaks = true;
		raw_speak(raw->loop, peer);
	}
}

static inline void raw_bytes(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	struct raw_peer *peer = arg;

	if (err) {
		peer->speaks = false;
		ouro_stream_close(stream);
		return;
	}
	CHECK(bytes.len < sizeof(peer->in) - peer->in_len);
	memcpy(peer->in + peer->in_len, bytes.ptr, bytes.len);
	peer->in_len += bytes.len;
	peer->in[peer->in_len] = 0;
	if (!strstr(peer->in, "\r\n\r\n"))
		return;
	raw_answer(peer);
	peer->in_len = 0;
}

static inline void raw_accept(ouro_listener *listener, ouro_stream *stream, const ouro_addr *addr,
			      void *arg)
{
	struct raw *raw = arg;
	struct raw_peer *peer = calloc(1, sizeof(*peer));

	(void)listener, (void)addr;
	CHECK(peer != NULL);
	peer->raw = raw;
	peer->stream = stream;
	raw->accepted++;
	raw->newest = peer;
	ouro_stream_on_close(stream, raw_gone);
	CHECK_EQ(ouro_stream_read(stream, raw_bytes, peer), 0);
}

static inline void raw_says(struct raw *raw, const char *script, enum then then)
{
	raw->script = script;
	raw->len = script ? strlen(script) : 0;
	raw->then = then;
}

static inline void raw_open(struct raw *raw, ouro_loop *loop)
{
	ouro_listen_opts opts = { .unix_path = raw->path };

	memset(raw, 0, sizeof(*raw));
	raw->loop = loop;
	snprintf(raw->path, sizeof(raw->path), "@ouro-test-fetch-%d", (int)getpid());
	CHECK_EQ(ouro_listen(loop, &opts, raw_accept, raw, &raw->listener), 0);
}

/* ---- Asks ---- */

/* How one ended. */
struct end {
	int calls, err, status;
	unsigned redirects;
	bool reused, retried;
	char body[1024], url[512];
	size_t body_len;
};

static inline void note_end(int err, const ouro_answer *answer, void *arg)
{
	struct end *end = arg;
	ouro_str body = ouro_answer_body(answer);

	end->calls++;
	end->err = err;
	end->status = ouro_answer_status(answer);
	end->redirects = ouro_answer_redirects(answer);
	end->reused = ouro_answer_reused(answer);
	end->retried = ouro_answer_retried(answer);
	end->body_len = body.len;
	snprintf(end->body, sizeof(end->body), "%s", body.ptr);
	snprintf(end->url, sizeof(end->url), "%s", ouro_answer_url(answer));
}

static inline ouro_fetch ask(struct raw *raw, const char *url, struct end *end)
{
	ouro_fetch_opts opts = { .url = url, .unix_path = raw->path };

	memset(end, 0, sizeof(*end));
	return ouro_http_fetch(raw->loop, &opts, note_end, end);
}

static inline void ask_and_wait(struct raw *raw, const char *url, struct end *end)
{
	CHECK(ask(raw, url, end).id != 0);
	CHECK_EQ(end->calls, 0);
	UNTIL(raw->loop, end->calls);
}

static inline ouro_client_stats figures(ouro_loop *loop)
{
	ouro_client_stats now;

	ouro_client_get_stats(loop, &now);
	return now;
}

/* The client is as good as new: the next fetch works. */
static inline void check_sane(struct raw *raw)
{
	struct end end;

	CHECK_EQ(figures(raw->loop).fetches, 0);
	ask_and_wait(raw, "http://x/good", &end);
	CHECK_EQ(end.err, 0);
	CHECK_STR(end.body, "good\n");
	CHECK_EQ(figures(raw->loop).connections, 1);
	CHECK_EQ(figures(raw->loop).idle, 1);
	CHECK_EQ(figures(raw->loop).waiting, 0);
}
#endif
