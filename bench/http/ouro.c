/* ouro.c -- plain text by ouro, all options the defaults: lag accounting, deadlines, limits.
 *
 *     ouro -p PORT      GET / and GET /ping
 *     ouro -a -p PORT   and GET /accounts: allocations made so far, bytes held now, each block as
 *                       large as malloc made it
 *     ouro              the version */
#include "../bench.h"
#include <malloc.h>
#include <ouro.h>
#include <ouro/http.h>

static unsigned long made, held;

static void *count(void *block)
{
	if (block) {
		made++;
		held += malloc_usable_size(block);
	}
	return block;
}

static void *counting_alloc(size_t size, void *arg)
{
	(void)arg;
	return count(malloc(size));
}

static void *counting_realloc(void *old, size_t size, void *arg)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	void *block = count(realloc(old, size));

	(void)arg;
	if (block)
		held -= before;
	return block;
}

static void counting_free(void *old, void *arg)
{
	(void)arg;
	held -= old ? malloc_usable_size(old) : 0;
	free(old);
}

static void hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("Hello, world!"));
}

static void accounts(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_replyf(req, 200, "text/plain", "%lu %lu\n", made, held);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/", .fn = hello },
	{ .method = "GET", .path = "/ping", .fn = hello },
	{ .method = "GET", .path = "/accounts", .fn = accounts },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	const ouro_allocator counting = { counting_alloc, counting_realloc, counting_free, NULL };
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };
	ouro_loop *loop;

	if (argc < 2) {
		puts(ouro_version());
		return 0;
	}
	if (strcmp(argv[1], "-a") == 0)
		bench_check(ouro_set_allocator(&counting) == 0);
	opts.port = (uint16_t)strtoul(argv[argc - 1], NULL, 10);
	loop = ouro_loop_new(NULL);
	bench_check(loop && ouro_http_listen(loop, &opts, NULL) == 0);
	return ouro_loop_run(loop);
}
