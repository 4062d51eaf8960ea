/* site.c -- a folder of files as a web site.  ★
 *
 * What is on the disk is asked of the pool and kept for a second; small files are answered from
 * memory, large ones leave from the kernel's. Conditions, ranges, HEAD and `.gz` or `.br` beside a
 * file come by themselves.
 *
 *     cc site.c $(pkg-config --cflags --libs ouro) && ./a.out . 8080
 *     curl -i http://127.0.0.1:8080/                      (a list of this folder)
 *     curl -r 0-99 http://127.0.0.1:8080/site.c           (the first hundred bytes)
 *     curl -i --path-as-is http://127.0.0.1:8080/../x     (no way out: 400) */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	ouro_static_opts files = { .root = argc > 1 ? argv[1] : ".", .listing = true };
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = ouro_static_serve };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_server *server;
	ouro_static *site;
	int err;

	opts.port = argc > 2 ? (uint16_t)atoi(argv[2]) : 8080;
	err = ouro_static_open(loop, &files, &site);
	if (err)
		return ouro_die("serve files", err);
	opts.arg = site;
	err = ouro_http_listen(loop, &opts, &server);
	if (err)
		return ouro_die("listen", err);
	printf("%s is at %s\n", files.root, ouro_server_url(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
