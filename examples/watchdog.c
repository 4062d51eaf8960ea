/* watchdog.c -- who holds the loop, told while it is held.  ★★
 *
 * One request that computes makes every other wait. The watchdog, a thread of ouro's own, sees it
 * after 50 ms and prints who it is, for which request, with the stack, and how many wait: at once,
 * not when it is over. What it remembers is there for any thread to read: GET /worst is a line for
 * each of the worst.
 *
 *     cc watchdog.c $(pkg-config --cflags --libs ouro) && ./a.out &
 *     curl localhost:8080/primes/3000000
 *     curl localhost:8080/worst */
#include <ouro.h>

static bool is_prime(uint64_t n)
{
	for (uint64_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

/* Long work for the processor, in the wrong place. */
static void primes(ouro_req *req, void *arg)
{
	uint64_t up_to = ouro_str_u64(ouro_req_param(req, "n"), 0);
	unsigned count = 0;

	(void)arg;
	for (uint64_t n = 2; n < up_to && n < 10 * 1000 * 1000; n++)
		count += is_prime(n);
	ouro_req_replyf(req, 200, "text/plain", "%u primes\n", count);
}

static void say_lag(ouro_loop *loop, const ouro_lag *lag, void *text)
{
	(void)loop;
	ouro_buf_printf(text, "%s for %s: %u ms; %u descriptors waited\n", lag->who, lag->doing,
			(unsigned)(lag->ns / 1000000), lag->waiting);
}

static void worst(ouro_req *req, void *arg)
{
	ouro_buf *text = ouro_buf_new();

	(void)arg;
	ouro_loop_worst(ouro_req_loop(req), say_lag, text);
	ouro_req_reply(req, 200, "text/plain", ouro_buf_str(text));
	ouro_buf_free(text);
}

static const ouro_route routes[] = {
	{ .method = "GET", .path = "/primes/:n", .fn = primes },
	{ .method = "GET", .path = "/worst", .fn = worst },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	return ouro_http_main(argc, argv,
			      &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes });
}
