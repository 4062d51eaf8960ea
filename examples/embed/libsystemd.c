/* libsystemd.c -- inside sd-event, the loop of systemd's own daemons.  ★★
 *
 *     cc libsystemd.c $(pkg-config --cflags --libs ouro libsystemd) && ./a.out
 *     curl http://127.0.0.1:8080/ && curl -X POST http://127.0.0.1:8080/leave */
#include "house.h"
#include <systemd/sd-event.h>
#include <time.h>

static sd_event *host;
static sd_event_source *ready, *timer, *client;

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	(void)source, (void)fd, (void)events, (void)arg;
	ouro_loop_turn(guest.loop);
	return 0;
}

static void gone(struct guest *leaving)
{
	(void)leaving;
	ready = sd_event_source_disable_unref(ready);
	puts("the guest has left");
}

static int on_tick(sd_event_source *source, uint64_t now, void *arg)
{
	(void)now, (void)arg;
	house_ticks();
	sd_event_source_set_time_relative(source, TICK_MS * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_line(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	(void)source, (void)fd, (void)events, (void)arg;
	return house_reads() ? 0 : sd_event_exit(host, 0);
}

int main(int argc, char **argv)
{
	int fd = house_opens(argc, argv, NULL, gone);

	if (fd < 0)
		return 1;
	sd_event_new(&host);
	sd_event_add_io(host, &ready, fd, EPOLLIN, on_ready, NULL);
	sd_event_add_time_relative(host, &timer, CLOCK_MONOTONIC, 0, 1000, on_tick, NULL);
	sd_event_add_io(host, &client, STDIN_FILENO, EPOLLIN, on_line, NULL);
	sd_event_loop(host);
	guest_end(&guest);
	sd_event_source_unref(timer);
	sd_event_source_unref(client);
	sd_event_unref(host);
	return 0;
}
