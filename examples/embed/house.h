/* house.h -- the host's own work in these examples, which a guest must not disturb.
 *
 * It ticks a hundred times a second, and answers a line on stdin by a line on stdout. The guest's
 * page says how often it has ticked: the two share a thread, so they need no lock. `leave`, as a
 * line or as POST /leave, sees the guest out; the host goes on until stdin ends. */
#ifndef HOUSE_H
#define HOUSE_H
#include "guest.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 10

static struct guest guest;
static unsigned ticks;

static inline void house_ticks(void)
{
	ticks++;
}

/* False: there is nobody left to answer to. */
static inline bool house_reads(void)
{
	char line[256];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line));

	if (n == 6 && !memcmp(line, "leave\n", 6))
		guest_leave(&guest);
	else if (n > 0)
		printf("tick %u: %.*s", ticks, (int)n, line);
	return n > 0;
}

static void page(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "the host has ticked %u times\n", ticks);
}

static void leave(ouro_req *req, void *arg)
{
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("goodbye\n"));
	guest_leave(arg);
}

/* What the host watches, as guest_open(); it has been told why not when that is below 0. */
static inline int house_opens(int argc, char **argv, const ouro_loop_opts *how,
			      void (*gone)(struct guest *guest))
{
	static const ouro_route routes[] = {
		{ .method = "GET", .path = "/", .fn = page },
		{ .method = "POST", .path = "/leave", .fn = leave },
		{ .path = NULL },
	};
	int port = argc > 1 ? atoi(argv[1]) : 8080;
	ouro_http_opts what = {
		.host = "127.0.0.1", .port = (uint16_t)port, .routes = routes, .arg = &guest
	};
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	guest.gone = gone;
	fd = guest_open(&guest, how, &what);
	if (fd < 0)
		ouro_die("have a guest", fd);
	else
		printf("listening on %s\n", ouro_server_url(guest.server));
	return fd;
}
#endif
