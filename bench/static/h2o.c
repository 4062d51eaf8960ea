/* h2o.c -- a folder by the library of h2o and its own file handler, on its own event loop.
 *
 *     h2o FOLDER -p PORT */
#define H2O_USE_LIBUV 0
#include "../http/peer.h"
#include <h2o.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accepting = { .ctx = &context };

static void take_all(h2o_socket_t *listener, const char *err)
{
	h2o_socket_t *socket;

	if (err)
		return;
	while ((socket = h2o_evloop_socket_accept(listener)))
		h2o_accept(&accepting, socket);
}

int main(int argc, char **argv)
{
	h2o_hostconf_t *host;
	h2o_socket_t *listener;

	h2o_config_init(&config);
	host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_file_register(h2o_config_register_path(host, "/", 0), argv[1], NULL, NULL, 0);
	h2o_context_init(&context, h2o_evloop_create(), &config);
	accepting.hosts = config.hosts;
	listener = h2o_evloop_socket_create(context.loop, peer_listen(argc, argv),
					    H2O_SOCKET_FLAG_DONT_READ);
	h2o_socket_read_start(listener, take_all);
	while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
		;
	return 1;
}
