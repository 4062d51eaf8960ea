/* house.h -- as that of examples/embed/, for a measurement: the page is always the same, and the host
 * has a tick and a quiet client as there. "-p PORT" is where it listens. */
#ifndef HOUSE_H
#define HOUSE_H
#include "guest.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 10

static struct guest guest;
static unsigned ticks;

static void page(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("Hello, world!"));
}

static const ouro_route house_routes[] = {
	{ .method = "GET", .path = "/", .fn = page },
	{ .path = NULL },
};

static inline ouro_http_opts house_opts(char **argv)
{
	return (ouro_http_opts){ .host = "127.0.0.1",
				 .port = (uint16_t)atoi(argv[2]),
				 .routes = house_routes,
				 .arg = &guest };
}

static inline void house_ticks(void)
{
	ticks++;
}

static inline bool house_reads(void)
{
	char line[256];

	return read(STDIN_FILENO, line, sizeof(line)) > 0;
}

static inline int house_opens(int argc, char **argv, const ouro_loop_opts *how,
			      void (*gone)(struct guest *guest))
{
	ouro_http_opts what = house_opts(argv);

	(void)argc;
	guest.gone = gone;
	return guest_open(&guest, how, &what);
}
#endif
