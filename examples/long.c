/* long.c -- an answer of a gigabyte of lines, made as fast as the client takes it.  ★★
 *
 * write() says how much waits for the client. When that is enough we stop, and go on when it has
 * left: a slow client costs 64 KiB, not a gigabyte. When the client goes we are called once more.
 *
 *     cc long.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/ | head -n 1
 *     curl http://127.0.0.1:8080/?lines=3 */
#include <ouro.h>
#include <stdio.h>

#define ENOUGH 65536

static void go_on(ouro_req *req, void *arg)
{
	unsigned long long *left = arg;
	char lines[4096 + 32];
	int64_t waiting = 0;

	while (*left && waiting >= 0 && waiting < ENOUGH) {
		int n = 0;

		while (*left && n < 4096)
			n += sprintf(lines + n, "%015llu\n", --*left);
		waiting = ouro_req_write(req, ouro_str_n(lines, (size_t)n));
	}
	if (waiting == OURO_ECLOSED || (waiting >= 0 && !*left))
		ouro_req_end(req);
}

static void answer(ouro_req *req, void *arg)
{
	unsigned long long *left = ouro_req_alloc(req, sizeof(*left));

	(void)arg;
	if (!left) {
		ouro_req_status(req, 503);
		return;
	}
	*left = ouro_str_u64(ouro_req_query(req, "lines"), 1 << 26);
	if (ouro_str_eq(ouro_req_method(req), "HEAD"))
		*left = 0; /* nothing would ever wait: we would write it all at once */
	ouro_req_on_drain(req, go_on, left);
	if (!ouro_req_start(req, 200, "text/plain"))
		go_on(req, left);
}

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = answer };

	return ouro_http_main(argc, argv, &opts);
}
