/* ouro.c -- a folder by ouro, all options the defaults.
 *
 *     ouro FOLDER -p PORT */
#include "../bench.h"
#include <ouro.h>

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = ouro_static_serve };
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_static *site;

	bench_check(argc == 4 && loop);
	opts.port = (uint16_t)strtoul(argv[3], NULL, 10);
	bench_check(!ouro_static_open(loop, &(ouro_static_opts){ .root = argv[1] }, &site));
	opts.arg = site;
	bench_check(!ouro_http_listen(loop, &opts, NULL));
	return ouro_loop_run(loop);
}
