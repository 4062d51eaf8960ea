/* libev.c -- inside a program that has a libev loop already.  ★★
 *
 * Its ev_run() turns ours too. ouro has watchers of its own there and touches nothing else: the
 * host's watchers, signals and ev_break() stay what they were, and ev_run() returns when nothing is
 * left in either.
 *
 *     cc libev.c $(pkg-config --cflags --libs ouro) -lev && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <ev.h>

static ev_timer timer;
static ev_io client;

static void gone(struct guest *leaving)
{
	(void)leaving;
	puts("the guest has left");
}

static void on_tick(struct ev_loop *host, ev_timer *w, int events)
{
	(void)host, (void)w, (void)events;
	house_ticks();
}

static void on_line(struct ev_loop *host, ev_io *w, int events)
{
	(void)events;
	if (house_reads())
		return;
	ev_io_stop(host, w);
	ev_timer_stop(host, &timer);
	guest_end(&guest);
}

int main(int argc, char **argv)
{
	struct ev_loop *host = ev_default_loop(0);

	if (house_opens(argc, argv, &(ouro_loop_opts){ .ev = host }, gone) < 0)
		return 1;
	ev_timer_init(&timer, on_tick, TICK_MS / 1e3, TICK_MS / 1e3);
	ev_timer_start(host, &timer);
	ev_io_init(&client, on_line, STDIN_FILENO, EV_READ);
	ev_io_start(host, &client);
	ev_run(host, 0);
	ev_loop_destroy(host);
	return 0;
}
