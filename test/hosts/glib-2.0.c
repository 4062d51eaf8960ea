/* glib-2.0.c -- behind one descriptor, in a GLib main context: g_unix_fd_add() in all but the
 * context, which is not the default one. */
#include "foreign.h"
#include <glib-unix.h>

static GMainContext *host;
static GSource *watcher;
static bool left;

static gboolean take_turn(gint fd, GIOCondition ready, gpointer loop)
{
	(void)fd, (void)ready;
	left = ouro_loop_turn(loop);
	return G_SOURCE_CONTINUE;
}

static void attach(GSource *source, GSourceFunc fn, gpointer arg)
{
	g_source_set_callback(source, fn, arg, NULL);
	CHECK(g_source_attach(source, host) != 0);
}

static ouro_loop *loop_for_test(const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new(opts);

	CHECK(loop != NULL);
	host = g_main_context_new();
	watcher = g_unix_fd_source_new(ouro_loop_fd(loop), G_IO_IN);
	attach(watcher, G_SOURCE_FUNC(take_turn), loop);
	return loop;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static gboolean make_call(gpointer arg)
{
	struct call call = *(struct call *)arg;

	free(arg);
	call.fn(call.arg);
	return G_SOURCE_REMOVE;
}

static void call_from_host(void (*fn)(void *arg), void *arg)
{
	struct call *call = malloc(sizeof(*call));
	GSource *source = g_timeout_source_new(0);

	*call = (struct call){ fn, arg };
	attach(source, make_call, call);
	g_source_unref(source);
}

static void drive(ouro_loop *loop)
{
	(void)loop;
	for (left = true; left;)
		g_main_context_iteration(host, TRUE);
}

static void done(ouro_loop *loop)
{
	g_source_destroy(watcher);
	g_source_unref(watcher);
	ouro_loop_free(loop);
	g_main_context_unref(host);
}
