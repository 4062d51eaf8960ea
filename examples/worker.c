/* worker.c -- a process that serves HTTP on a loop of its own, and may crash: another follows.  ★★★
 *
 * The parent has the socket and hands it over with the first message, so nobody who connects
 * meanwhile is turned away.
 *
 *     cc worker.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/; curl http://127.0.0.1:8080/crash; curl http://127.0.0.1:8080/ */
#include <errno.h>
#include <ouro.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void answer(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_str_eq(ouro_req_path(req), "/crash"))
		raise(SIGSEGV);
	ouro_req_replyf(req, 200, "text/plain", "process %d\n", (int)getpid());
}

/* In the worker: its first message brings the socket. */
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
	ouro_port_on_message(parent, on_socket, loop);
}

static int listening; /* in the parent */

static void start(ouro_worker *crashed, int code, void *loop)
{
	ouro_worker_opts opts = { .main = serve, .kind = OURO_PROCESSES, .name = "server" };
	ouro_worker *worker;

	if (crashed)
		printf("%s: signal %d\n", ouro_errname(code), ouro_worker_signal(crashed));
	ouro_worker_close(crashed);
	if (code == OURO_ECRASHED && !ouro_worker_start(loop, &opts, start, loop, &worker))
		ouro_port_send_fd(ouro_worker_port(worker), ouro_str_z("socket"), dup(listening));
}

int main(int argc, char **argv)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_addr at;

	ouro_addr_parse("127.0.0.1", (uint16_t)(argc > 2 ? atoi(argv[2]) : 8080), &at);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listening, &at.sa.any, at.len) || listen(listening, 511))
		return ouro_die("listen", -errno);
	getsockname(listening, &at.sa.any, &at.len);
	printf("listening on http://127.0.0.1:%u/\n", ouro_addr_port(&at));
	fflush(stdout);
	start(NULL, OURO_ECRASHED, loop);
	return ouro_loop_main(loop);
}
