/* libevent.c -- inside a program on libevent.  ★★
 *
 * The order of the libraries matters: Debian's libev.so has functions of libevent's names in it, so
 * libevent comes before libev, or event_base_dispatch() is the wrong one and returns at once. With
 * libouro.so the line below will do; with libouro.a it is -louro -levent -lev -lhttp_parser. And no
 * source file can include both ev.h and event2/event.h; ouro's headers include neither.
 *
 *     cc libevent.c $(pkg-config --cflags --libs ouro libevent) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <event2/event.h>

static struct event_base *host;
static struct event *ready, *timer, *client;

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
	(void)fd, (void)events, (void)arg;
	ouro_loop_turn(guest.loop);
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	event_free(ready);
	puts("the guest has left");
}

static void on_tick(evutil_socket_t fd, short events, void *arg)
{
	(void)fd, (void)events, (void)arg;
	house_ticks();
}

static void on_line(evutil_socket_t fd, short events, void *arg)
{
	(void)fd, (void)events, (void)arg;
	if (!house_reads())
		event_base_loopbreak(host);
}

int main(int argc, char **argv)
{
	int fd = house_opens(argc, argv, NULL, gone);

	if (fd < 0)
		return 1;
	host = event_base_new();
	ready = event_new(host, fd, EV_READ | EV_PERSIST, on_ready, NULL);
	timer = event_new(host, -1, EV_PERSIST, on_tick, NULL);
	client = event_new(host, STDIN_FILENO, EV_READ | EV_PERSIST, on_line, NULL);
	event_add(ready, NULL);
	event_add(timer, &(struct timeval){ .tv_usec = TICK_MS * 1000 });
	event_add(client, NULL);
	event_base_dispatch(host);
	guest_end(&guest);
	event_free(timer);
	event_free(client);
	event_base_free(host);
	return 0;
}
