/* libuv.c -- behind one descriptor, in libuv. */
#include "foreign.h"
#include <uv.h>

static uv_loop_t host;
static uv_poll_t watcher;

/* libuv opens a pipe for signals with its first loop and keeps it: not a leak of the test's. */
__attribute__((constructor)) static void let_libuv_open_what_it_keeps(void)
{
	uv_loop_t first;

	if (uv_loop_init(&first) == 0)
		uv_loop_close(&first);
}

static void take_turn(uv_poll_t *poll_handle, int status, int events)
{
	(void)status, (void)events;
	if (!ouro_loop_turn(poll_handle->data))
		uv_stop(&host);
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	CHECK_EQ(uv_loop_init(&host), 0);
	CHECK_EQ(uv_poll_init(&host, &watcher, ouro_loop_fd(loop)), 0);
	watcher.data = loop;
	CHECK_EQ(uv_poll_start(&watcher, UV_READABLE, take_turn), 0);
	return loop;
}

struct call {
	uv_idle_t idle; /* a timer of 0 set in a timer of 0 would be called before libuv polls */
	void (*fn)(void *arg);
	void *arg;
};

static void free_call(uv_handle_t *handle)
{
	free(handle->data);
}

static void make_call(uv_idle_t *idle)
{
	struct call *call = idle->data;

	uv_close((uv_handle_t *)idle, free_call);
	call->fn(call->arg);
}

static void call_from_host(void (*fn)(void *arg), void *arg)
{
	struct call *call = malloc(sizeof(*call));

	call->fn = fn;
	call->arg = arg;
	CHECK_EQ(uv_idle_init(&host, &call->idle), 0);
	call->idle.data = call;
	CHECK_EQ(uv_idle_start(&call->idle, make_call), 0);
}

static void drive(ouro_loop *loop)
{
	(void)loop;
	uv_run(&host, UV_RUN_DEFAULT);
}

static void done(ouro_loop *loop)
{
	uv_close((uv_handle_t *)&watcher, NULL);
	uv_run(&host, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&host), 0);
	ouro_loop_free(loop);
}
