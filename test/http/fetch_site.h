/* fetch_site.h -- the pages of ouro's own server that the tests of the client ask for. */
#ifndef TEST_FETCH_SITE_H
#define TEST_FETCH_SITE_H
#include "fetch.h"
#include "ouro/http.h"

#define LONG ((size_t)8 << 20)

static inline void hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_set(req, "X-One", ouro_str_z("1"));
	ouro_req_add(req, "X-Two", ouro_str_z("a"));
	ouro_req_add(req, "X-Two", ouro_str_z("b"));
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

static inline void echo(ouro_req *req, void *arg)
{
	ouro_str body = ouro_req_body(req), type = ouro_req_header(req, "Content-Type");
	ouro_str host = ouro_req_header(req, "Host"), one = ouro_req_header(req, "X-One");

	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "%s %s host=%s type=%s one=%s length=%d body=%zu",
			ouro_req_method(req).ptr, ouro_req_target(req).ptr, host.ptr,
			type.ptr ? type.ptr : "-", one.ptr ? one.ptr : "-",
			ouro_req_length(req) == UINT64_MAX ? -1 : (int)ouro_req_length(req),
			body.len);
}

static inline void back(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "application/octet-stream", ouro_req_body(req));
}

static inline void flow_on(ouro_req *req, void *arg)
{
	static const char piece[4096] = { 'x' };
	size_t *left = arg;

	while (*left) {
		size_t n = *left < sizeof(piece) ? *left : sizeof(piece);
		int64_t queued = ouro_req_write(req, ouro_str_n(piece, n));

		*left -= n;
		if (queued < 0)
			*left = 0;
		else if (queued >= 65536)
			return;
	}
	ouro_req_end(req);
}

static inline void flow(ouro_req *req, void *arg)
{
	size_t *left = ouro_req_alloc(req, sizeof(*left));

	(void)arg;
	CHECK(left != NULL);
	*left = LONG;
	ouro_req_on_drain(ouro_req_later(req), flow_on, left);
	ouro_req_start(req, 200, "text/plain");
	flow_on(req, left);
}

static size_t sunk;

static inline void sink_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	(void)arg;
	sunk += piece.len;
	if (err == OURO_EOF)
		ouro_req_replyf(req, 200, "text/plain", "%zu", sunk);
	else if (err)
		ouro_req_drop(req);
}

static inline void sink(ouro_req *req, void *arg)
{
	sunk = 0;
	ouro_req_read(req, sink_piece, arg);
}

static inline void refuse(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 403, "text/plain", ouro_str_z("no\n"));
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/", .fn = hello },
	{ .path = "/echo", .fn = echo },
	{ .path = "/back", .fn = back, .body_max = 16 << 20 },
	{ .path = "/flow", .fn = flow },
	{ .path = "/sink", .fn = sink, .stream = true },
	{ .path = "/refuse", .fn = refuse, .stream = true },
	{ .path = NULL },
};

struct there {
	ouro_loop *loop;
	ouro_server *server;
	char url[128];
	ouro_fetch fetch;
	struct end end;
	size_t bytes, most, left;
	int heads;
	char first[64];
};

static inline void open_there(struct there *there)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };

	memset(there, 0, sizeof(*there));
	there->loop = new_loop();
	CHECK_EQ(ouro_http_listen(there->loop, &opts, &there->server), 0);
}

static inline const char *url(struct there *there, const char *path)
{
	snprintf(there->url, sizeof(there->url), "http://127.0.0.1:%u%s",
		 ouro_server_port(there->server), path);
	return there->url;
}
#endif
