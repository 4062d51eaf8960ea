/* measured.c -- a service that tells how it is: a line for every answer, and figures.  ★★
 *
 * The lines go to stdout (a path instead of "-" is a file, which SIGHUP opens anew). The figures are
 * for Prometheus, at /metrics: the loop's, the pool's, the process's, requests by route, and one of
 * our own. Neither makes a request wait.
 *
 *     cc measured.c $(pkg-config --cflags --libs ouro) && ./a.out 8080
 *     curl -H 'X-Request-Id: me' http://127.0.0.1:8080/orders/tea
 *     curl -s http://127.0.0.1:8080/metrics | grep -e orders -e _count */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

static ouro_metric *orders;

static void order(ouro_req *req, void *arg)
{
	const char *what[] = { ouro_req_param(req, "what").ptr };

	(void)arg;
	ouro_metric_add(ouro_metric_with(orders, what), 1);
	ouro_req_set(req, "X-Request-Id", ouro_req_trace(req));
	ouro_req_replyf(req, 200, "text/plain", "one %s, coming up\n", what[0]);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/orders/:what", .fn = order },
	{ .method = "GET", .path = "/metrics", .fn = ouro_metrics_serve },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	static const char *const labels[] = { "what", NULL };
	ouro_metric_opts metric = { .name = "orders_total", .help = "Taken.", .labels = labels };
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_server *server = NULL;
	ouro_access *log;
	int err;

	opts.port = argc > 1 ? (uint16_t)atoi(argv[argc - 1]) : 8080;
	err = ouro_http_listen(loop, &opts, &server);
	if (!err)
		err = ouro_access_open(loop, &(ouro_access_opts){ .path = "-" }, &log);
	if (!err)
		err = ouro_access_attach(log, server);
	if (!err)
		err = ouro_metrics_attach(server);
	if (!err)
		err = ouro_metric_open(loop, &metric, &orders);
	if (err)
		return ouro_die("begin", err);
	printf("listening on %s\n", ouro_server_url(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
