/* libuv.c -- inside a program on libuv, or an add-on of Node.  ★★
 *
 *     cc libuv.c $(pkg-config --cflags --libs ouro libuv) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <uv.h>

static uv_loop_t host;
static uv_poll_t ready, client;
static uv_timer_t timer;

static void on_ready(uv_poll_t *w, int status, int events)
{
	(void)w, (void)status, (void)events;
	ouro_loop_turn(guest.loop);
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	uv_close((uv_handle_t *)&ready, NULL);
	puts("the guest has left");
}

static void on_tick(uv_timer_t *w)
{
	(void)w;
	house_ticks();
}

static void on_line(uv_poll_t *w, int status, int events)
{
	(void)status, (void)events;
	if (house_reads())
		return;
	uv_close((uv_handle_t *)w, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	guest_end(&guest);
}

int main(int argc, char **argv)
{
	int fd = house_opens(argc, argv, NULL, gone);

	if (fd < 0)
		return 1;
	uv_loop_init(&host);
	uv_poll_init(&host, &ready, fd);
	uv_poll_start(&ready, UV_READABLE, on_ready);
	uv_timer_init(&host, &timer);
	uv_timer_start(&timer, on_tick, TICK_MS, TICK_MS);
	uv_poll_init(&host, &client, STDIN_FILENO);
	uv_poll_start(&client, UV_READABLE, on_line);
	uv_run(&host, UV_RUN_DEFAULT);
	return uv_loop_close(&host) ? 1 : 0;
}
