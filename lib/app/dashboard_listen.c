/* dashboard_listen.c -- an address of its own for the dashboard. See ouro/dashboard.h. */
#include "app/dashboard.h"
#include "loop/loop.h"
#include <errno.h>

#define HOST_ROOM 256

/* Where it listens, as the address says it. */
struct place {
	char host[HOST_ROOM];
	ouro_http_opts opts;
};

static bool read_port(ouro_str text, uint16_t *ret_port)
{
	uint64_t port = ouro_str_u64(text, UINT64_MAX);

	*ret_port = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* "127.0.0.1:9090", "[::1]:9090", ":9090", or a port alone. */
static bool read_place(const char *address, struct place *place)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (strncmp(address, "unix:", 5) == 0) {
		place->opts.unix_path = address + 5;
		return address[5] != 0;
	}
	if (!read_port(ouro_str_z(colon ? colon + 1 : address), &place->opts.port))
		return false;
	if (!colon)
		address = "127.0.0.1", len = strlen(address);
	else if (len > 2 && address[0] == '[' && address[len - 1] == ']')
		address++, len -= 2;
	else if (memchr(address, ':', len))
		return false; /* an IPv6 address without brackets: where would its port begin? */
	if (len >= sizeof(place->host))
		return false;
	memcpy(place->host, address, len);
	place->host[len] = 0;
	place->opts.host = len ? place->host : NULL;
	return true;
}

int ouro_dashboard_listen(ouro_loop *loop, const char *address, const ouro_dashboard_opts *opts,
			  ouro_dashboard **ret_dashboard)
{
	struct place place = { .opts = { .on_request = ouro_dashboard_serve } };
	ouro_dashboard *dashboard;
	int err;

	if (!read_place(address, &place)) {
		ouro__log(
			&loop->log, OURO_LOG_ERROR,
			"no address for a dashboard: \"%s\"; one is \"9090\", \"127.0.0.1:9090\", "
			"\"[::1]:9090\" or \"unix:/run/x.sock\"",
			address);
		return -EINVAL;
	}
	err = ouro_dashboard_open(loop, opts, &dashboard);
	if (err)
		return err;
	place.opts.arg = dashboard;
	err = ouro_http_listen(loop, &place.opts, &dashboard->server);
	if (err) {
		dashboard->server = NULL;
		ouro_dashboard_close(dashboard);
		return err;
	}
	ouro_server_hold(dashboard->server, false);
	ouro_server_set_name(dashboard->server, "dashboard");
	if (ret_dashboard)
		*ret_dashboard = dashboard;
	return 0;
}
