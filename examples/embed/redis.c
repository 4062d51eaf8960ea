/* redis.c -- inside redis-server 7, as a module: HTTP answers straight from the keyspace.  ★★★
 *
 * No client library, no socket between the two: both take turns on Redis's own thread, so a page
 * sees the keys as a command does, and whoever comes by redis-cli meanwhile waits his microseconds.
 * A BGSAVE forks; the child never turns the loop and leaves it as it was. MODULE UNLOAD ends it.
 *
 *     cc -shared -fPIC -o redis.so redis.c $(pkg-config --cflags --libs ouro)
 *     redis-server --loadmodule ./redis.so 8080 ouro & redis-cli set greeting hello
 *     curl http://127.0.0.1:8080/keys/greeting; curl http://127.0.0.1:8080/metrics */
#include "guest.h"
#include "redis_api.h"
#include <stdlib.h>

static redis_ctx *redis; /* for what is done outside a command */

static void answer(ouro_req *req, redis_reply *reply)
{
	ouro_str value = { NULL, 0 };

	if (reply)
		value.ptr = redis_CallReplyStringPtr(reply, &value.len);
	if (!reply) /* a cluster has it elsewhere */
		ouro_req_status(req, 503);
	else if (!value.ptr)
		ouro_req_status(req, 404);
	else if (redis_CallReplyType(reply) == REDIS_REPLY_STRING)
		ouro_req_reply(req, 200, "application/octet-stream", value);
	else
		ouro_req_reply(req, 409, "text/plain", value); /* it is a list, or a hash */
}

static void get_key(ouro_req *req, void *arg)
{
	ouro_str key = ouro_req_param(req, "name");
	redis_reply *reply = redis_Call(redis, "GET", "b", key.ptr, key.len);

	(void)arg;
	answer(req, reply);
	if (reply)
		redis_FreeCallReply(reply);
}

static void metrics(ouro_req *req, void *arg)
{
	redis_reply *reply = redis_Call(redis, "DBSIZE", "");
	struct guest *guest = arg;
	ouro_server_stats http;
	ouro_loop_stats loop;

	ouro_server_get_stats(guest->server, &http);
	ouro_loop_get_stats(guest->loop, &loop);
	ouro_req_replyf(req, 200, "text/plain; version=0.0.4",
			"# TYPE redis_keys gauge\nredis_keys %lld\n"
			"# TYPE http_requests_total counter\nhttp_requests_total %llu\n"
			"# TYPE ouro_turns_total counter\nouro_turns_total %llu\n",
			redis_CallReplyInteger(reply), (unsigned long long)http.requests,
			(unsigned long long)loop.turns);
	redis_FreeCallReply(reply);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/keys/:name", .fn = get_key },
	{ .method = "GET", .path = "/metrics", .fn = metrics },
	{ .path = NULL },
};

/* ---- The glue ---- */

static struct guest guest;
static int guest_fd;

static void on_ready(int fd, void *arg, int mask)
{
	(void)fd, (void)arg, (void)mask;
	ouro_loop_turn(guest.loop);
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	redis_EventLoopDel(guest_fd, REDIS_READABLE);
}

static int move_in(int port)
{
	ouro_http_opts what = {
		.host = "127.0.0.1", .port = (uint16_t)port, .routes = routes, .arg = &guest
	};

	guest.gone = gone;
	guest_fd = guest_open(&guest, NULL, &what);
	if (guest_fd >= 0)
		redis_EventLoopAdd(guest_fd, REDIS_READABLE, on_ready, NULL);
	return guest_fd;
}

/* ---- The module, as Redis wants it ---- */

OURO_API int RedisModule_OnLoad(redis_ctx *ctx, redis_string **argv, int argc)
{
	int port, err;

	if (redis_find_api(ctx))
		return REDIS_ERR;
	redis_SetModuleAttribs(ctx, argc > 1 ? redis_StringPtrLen(argv[1], NULL) : "ouro", 1, 1);
	port = argc > 0 ? atoi(redis_StringPtrLen(argv[0], NULL)) : 8080;
	err = move_in(port);
	if (err < 0) {
		redis_Log(ctx, "warning", "no HTTP at port %d: %s", port, ouro_strerror(err));
		return REDIS_ERR;
	}
	redis = redis_GetDetachedThreadSafeContext(ctx);
	redis_Log(ctx, "notice", "listening on %s", ouro_server_url(guest.server));
	return REDIS_OK;
}

OURO_API int RedisModule_OnUnload(redis_ctx *ctx)
{
	(void)ctx;
	guest_end(&guest);
	redis_FreeThreadSafeContext(redis);
	return REDIS_OK;
}
