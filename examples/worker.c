/* worker.c -- a process that serves HTTP on a loop of its own, and may crash: another follows.  ★★★
 *
 *     cc worker.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/; curl http://127.0.0.1:8080/crash; curl http://127.0.0.1:8080/ */
#include <errno.h>
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void answer(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_str_eq(ouro_req_path(req), "/crash"))
		abort();
	ouro_req_replyf(req, 200, "text/plain", "process %d\n", (int)getpid());
}

static void on_socket(ouro_port *parent, ouro_str message, void *loop)
{
	ouro_http_opts opts = { .fd = ouro_port_take_fd(parent), .on_request = answer };

	(void)message;
	if (ouro_http_listen(loop, &opts, NULL))
		ouro_loop_stop(loop, 1);
}

static void serve(ouro_loop *loop, ouro_port *parent, void *arg)
{
	(void)arg;
	ouro_port_on_message(parent, on_socket, loop); /* which the first message brings */
}

static int listening; /* in the parent: who connects while there is no worker waits here */

static void start(ouro_worker *worker, int code, void *loop)
{
	ouro_worker_opts opts = { .main = serve, .kind = OURO_PROCESSES, .name = "server" };

	if (worker)
		fprintf(stderr, "%s: signal %d\n", ouro_errname(code), ouro_worker_signal(worker));
	ouro_worker_close(worker);
	if (code == OURO_ECRASHED && !ouro_worker_start(loop, &opts, start, loop, &worker))
		ouro_port_send_fd(ouro_worker_port(worker), ouro_str_z("socket"), dup(listening));
}

int main(int argc, char **argv)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_addr at;

	ouro_addr_parse("127.0.0.1", (uint16_t)(argc > 2 ? atoi(argv[2]) : 8080), &at);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listening, &at.sa.any, at.len) || listen(listening, 511))
		return ouro_die("listen", -errno);
	getsockname(listening, &at.sa.any, &at.len);
	fprintf(stderr, "listening on http://127.0.0.1:%u/\n", ouro_addr_port(&at));
	start(NULL, OURO_ECRASHED, loop);
	return ouro_loop_main(loop);
}
