/* crash.c -- a process that crashes on purpose, and the server that goes on.  ★★
 *
 * What may crash runs in a process. Whoever asked is told what it died of, the next is there within
 * milliseconds, nobody else notices. A job that never ends is killed when its time is up.
 *
 *     cc crash.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl 'localhost:8080/?do=crash'         or do=spin; ./a.out -p PORT */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

static int crash(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	abort();
}

static int spin(ouro_str in, ouro_buf *out)
{
	while (ouro_buf_str(out).len == in.len)
		;
	return 0;
}

static void on_answer(int err, ouro_str out, void *req)
{
	ouro_req_reply(req, err ? 500 : 200, "text/plain",
		       out.len ? out : ouro_str_z(ouro_strerror(err))); /* out: what it died of */
}

static void answer(ouro_req *req, void *crew)
{
	const char *job = ouro_req_query(req, "do").ptr;

	ouro_crew_call(crew, job, ouro_str_z(""), on_answer, ouro_req_later(req));
}

int main(int argc, char **argv)
{
	static const ouro_job jobs[] = { { "crash", crash, true },
					 { "spin", spin, true },
					 { .name = NULL } };
	ouro_crew_opts two = { .jobs = jobs, .kind = OURO_PROCESSES, .timeout_ms = 500 };
	ouro_http_opts web = { .host = "127.0.0.1", .on_request = answer };
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_server *server;
	ouro_crew *crew;
	int err = ouro_crew_start(loop, &two, &crew);

	if (err)
		return ouro_die("start a crew", err);
	web.arg = crew;
	web.port = argc > 2 ? (uint16_t)atoi(argv[2]) : 8080;
	err = ouro_http_listen(loop, &web, &server);
	if (err)
		return ouro_die("listen", err);
	printf("listening on http://127.0.0.1:%u/\n", ouro_server_port(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
