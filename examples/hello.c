/* hello.c -- an HTTP server: a function that answers.  ★
 *
 * It is called for every request that is good HTTP, with its head read and its body there; what is
 * no good HTTP is refused before. Control-C or SIGTERM ends the program in peace.
 *
 *     cc hello.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/ */
#include <ouro.h>

static void hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
}

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = hello };

	return ouro_http_main(argc, argv, &opts);
}
