/* libsystemd.c -- behind one descriptor, in systemd's sd-event. */
#include "foreign.h"
#include <systemd/sd-event.h>

static sd_event *host;
static sd_event_source *watcher;
static bool left;

static int take_turn(sd_event_source *source, int fd, uint32_t ready, void *loop)
{
	(void)source, (void)fd, (void)ready;
	left = ouro_loop_turn(loop);
	return 0;
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	CHECK_EQ(sd_event_new(&host), 0);
	CHECK(sd_event_add_io(host, &watcher, ouro_loop_fd(loop), EPOLLIN, take_turn, loop) >= 0);
	return loop;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static int make_call(sd_event_source *source, void *arg)
{
	struct call call = *(struct call *)arg;

	sd_event_source_disable_unref(source);
	free(arg);
	call.fn(call.arg);
	return 0;
}

static void call_from_host(void (*fn)(void *arg), void *arg)
{
	struct call *call = malloc(sizeof(*call));
	sd_event_source *source;

	*call = (struct call){ fn, arg };
	CHECK(sd_event_add_defer(host, &source, make_call, call) >= 0);
}

static void drive(ouro_loop *loop)
{
	(void)loop;
	for (left = true; left;)
		CHECK(sd_event_run(host, UINT64_MAX) >= 0);
}

static void done(ouro_loop *loop)
{
	sd_event_source_disable_unref(watcher);
	ouro_loop_free(loop);
	sd_event_unref(host);
}
