/* fib.c -- work for the processor on a crew: the loop stays free.  ★★
 *
 * A job is a function of bytes that writes bytes. It runs on a runner of the crew, here a process,
 * and its answer comes to a callback. While somebody's fib(40) takes its second, everybody else is
 * answered at once; a third caller waits in the queue.
 *
 *     cc fib.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl 'localhost:8080/?n=42' & curl 'localhost:8080/?n=20'   (or ./a.out -p PORT) */
#include <inttypes.h>
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t fib(uint64_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* In a process of its own: what is said here in bytes is all that the two share. */
static int fib_job(ouro_str in, ouro_buf *out)
{
	return ouro_buf_printf(out, "%" PRIu64 "\n", fib(ouro_str_u64(in, 0)));
}

static void on_fib(int err, ouro_str out, void *req)
{
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_reply(req, 200, "text/plain", out);
}

static void answer(ouro_req *req, void *crew)
{
	ouro_crew_call(crew, "fib", ouro_req_query(req, "n"), on_fib, ouro_req_later(req));
}

int main(int argc, char **argv)
{
	static const ouro_job jobs[] = { { .name = "fib", .run = fib_job }, { .name = NULL } };
	ouro_crew_opts two = {
		.jobs = jobs, .count = 2, .kind = OURO_PROCESSES, .timeout_ms = 9000
	};
	ouro_http_opts web = { .host = "127.0.0.1", .on_request = answer };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_server *server = NULL;
	ouro_crew *crew = NULL;
	int err = ouro_crew_start(loop, &two, &crew);

	web.arg = crew;
	web.port = argc > 2 ? (uint16_t)atoi(argv[2]) : 8080;
	if (!err)
		err = ouro_http_listen(loop, &web, &server);
	if (err)
		return ouro_die("start", err);
	printf("listening on http://127.0.0.1:%u/\n", ouro_server_port(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
