/* serve.c -- the server of the soak: a path for each kind of answer. See soak.c. */
#include "ouro/http.h"
#include "ouro/timer.h"
#include "soak.h"
#include <malloc.h>

static struct soak *soak;
static ouro_server *server;
static ouro_timer beat;

/* ---- Memory is counted ---- */

static void *count_alloc(size_t size, void *arg)
{
	void *got = malloc(size);

	(void)arg;
	soak->held += (long long)malloc_usable_size(got);
	return got;
}

static void *count_realloc(void *old, size_t size, void *arg)
{
	long long was = (long long)malloc_usable_size(old);
	void *got = realloc(old, size);

	(void)arg;
	if (got)
		soak->held += (long long)malloc_usable_size(got) - was;
	return got;
}

static void count_free(void *old, void *arg)
{
	(void)arg;
	soak->held -= (long long)malloc_usable_size(old);
	free(old);
}

/* ---- Handlers ---- */

static void hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

static void answer(ouro_loop *loop, void *arg)
{
	(void)loop;
	hello(arg, NULL);
}

static void later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(ouro_req_loop(req), 2, answer, ouro_req_later(req));
}

static int think(void *arg)
{
	(void)arg;
	return 0;
}

static void thought(int err, void *arg)
{
	(void)err;
	hello(arg, NULL);
}

static void pool(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_pool_run(ouro_req_loop(req), think, thought, ouro_req_later(req));
}

static void back_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	(void)arg;
	if (!err)
		ouro_req_write(req, piece);
	else if (err == OURO_EOF)
		ouro_req_end(req);
	else
		ouro_req_drop(req);
}

static void back(ouro_req *req, void *arg)
{
	ouro_req_start(req, 200, "application/octet-stream");
	ouro_req_read(req, back_piece, arg);
}

static void whole(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "application/octet-stream", ouro_req_body(req));
}

struct flow {
	size_t at, end;
};

static void flow_on(ouro_req *req, void *arg)
{
	struct flow *flow = arg;
	char piece[4096];
	int64_t queued = 0;

	while (flow->at < flow->end && queued >= 0 && queued < 65536) {
		size_t n = 0;

		while (n < sizeof(piece) && flow->at < flow->end)
			piece[n++] = byte_at(flow->at++);
		queued = ouro_req_write(req, ouro_str_n(piece, n));
	}
	if (flow->at == flow->end || queued < 0)
		ouro_req_end(req);
}

static void bytes(ouro_req *req, void *arg)
{
	struct flow *flow = ouro_req_alloc(req, sizeof(*flow));

	(void)arg;
	if (!flow) {
		ouro_req_fail(req, -1);
		return;
	}
	flow->end = ouro_str_u64(ouro_req_query(req, "n"), 0);
	ouro_req_on_drain(ouro_req_later(req), flow_on, flow);
	ouro_req_start(req, 200, "text/plain");
	flow_on(req, flow);
}

static void echo(ouro_stream *stream, int err, ouro_str text, void *arg)
{
	(void)arg;
	if (err == OURO_EOF)
		ouro_stream_end(stream);
	else if (err || ouro_stream_write(stream, text) < 0)
		ouro_stream_close(stream);
}

static void upgrade(ouro_req *req, void *arg)
{
	ouro_stream *stream;

	if (ouro_req_upgrade(req, NULL, &stream) == 0 && ouro_stream_read(stream, echo, arg))
		ouro_stream_close(stream);
}

static const ouro_route routes[] = {
	{ .path = "/", .fn = hello },
	{ .path = "/later", .fn = later },
	{ .path = "/pool", .fn = pool },
	{ .path = "/back", .fn = back, .stream = true },
	{ .path = "/whole", .fn = whole },
	{ .path = "/bytes", .fn = bytes },
	{ .path = "/unread", .fn = hello, .stream = true },
	{ .path = "/upgrade", .fn = upgrade },
	{ 0 },
};

/* ---- The process ---- */

static void look(ouro_loop *loop, void *arg)
{
	ouro_server_stats stats;

	(void)arg;
	ouro_server_get_stats(server, &stats);
	soak->connections = stats.connections;
	soak->waiting = stats.waiting;
	soak->beats++;
	if (!soak->stop)
		return;
	ouro_timer_stop(loop, beat);
	ouro_server_close(server, 1000);
}

int soak_serve(struct soak *with)
{
	static const ouro_allocator counting = { count_alloc, count_realloc, count_free, NULL };
	ouro_loop *loop;

	soak = with;
	if (ouro_set_allocator(&counting) || !(loop = ouro_loop_new(NULL)))
		return 1;
	if (ouro_http_listen(loop, &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes },
			     &server))
		return 1;
	beat = ouro_timer_every(loop, 10, look, NULL);
	soak->port = ouro_server_port(server);
	ouro_loop_run(loop);
	ouro_loop_free(loop);
	if (soak->held)
		fprintf(stderr, "# when all was freed ouro still held %lld bytes\n",
			(long long)soak->held);
	return soak->held != 0;
}
