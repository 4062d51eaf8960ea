/* listen.c -- a server and its routes, put together. See ouro/http.h. */
#include "app/router.h"
#include "loop/loop.h"

static int open_server(ouro_loop *loop, const ouro_http_opts *opts, bool listen,
		       ouro_server **ret_server)
{
	static const ouro_http_opts plain;
	void *router = NULL;
	int err = 0;

	if (!opts)
		opts = &plain;
	if (opts->routes)
		err = ouro__router_new(opts, &loop->log, &router);
	if (!err)
		err = ouro__server_open(loop, opts, listen, &ouro__router_type, router, ret_server);
	if (err)
		ouro__router_free(router);
	return err;
}

int ouro_http_listen(ouro_loop *loop, const ouro_http_opts *opts, ouro_server **ret_server)
{
	return open_server(loop, opts, true, ret_server);
}

int ouro_http_open(ouro_loop *loop, const ouro_http_opts *opts, ouro_server **ret_server)
{
	return open_server(loop, opts, false, ret_server);
}
