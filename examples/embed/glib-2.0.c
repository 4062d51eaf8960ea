/* glib-2.0.c -- inside a GLib main loop: a GTK program, a GNOME service.  ★★
 *
 *     cc glib-2.0.c $(pkg-config --cflags --libs ouro glib-2.0) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <glib-unix.h>

static GMainLoop *host;
static guint watch;

static gboolean on_ready(gint fd, GIOCondition events, gpointer arg)
{
	(void)fd, (void)events, (void)arg;
	ouro_loop_turn(guest.loop);
	return G_SOURCE_CONTINUE;
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	g_source_remove(watch);
	puts("the guest has left");
}

static gboolean on_tick(gpointer arg)
{
	(void)arg;
	house_ticks();
	return G_SOURCE_CONTINUE;
}

static gboolean on_line(gint fd, GIOCondition events, gpointer arg)
{
	(void)fd, (void)events, (void)arg;
	if (house_reads())
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(host);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	int fd = house_opens(argc, argv, NULL, gone);

	if (fd < 0)
		return 1;
	host = g_main_loop_new(NULL, FALSE);
	watch = g_unix_fd_add(fd, G_IO_IN, on_ready, NULL);
	g_timeout_add(TICK_MS, on_tick, NULL);
	g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_line, NULL);
	g_main_loop_run(host);
	guest_end(&guest);
	g_main_loop_unref(host);
	return 0;
}
