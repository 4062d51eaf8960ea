/* graceful.c -- an end at which nobody loses an answer.  ★
 *
 * Each answer takes its time. End the program (control-C, or as `docker stop` and systemd do, by
 * SIGTERM) while some are under way: no new connection is taken, idle ones are closed, and what is
 * under way is finished, within 10 s or what OURO_SHUTDOWN_MS says. Behind that is
 * ouro_server_close(). on_done has the line for an access log, when an answer has left.
 *
 *     cc graceful.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     curl http://127.0.0.1:8080/?ms=3000 & sleep 1; pkill -TERM a.out; wait */
#include <ouro.h>
#include <stdio.h>

static void answer(ouro_loop *loop, void *arg)
{
	ouro_req *req = arg;

	(void)loop;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("that took its time\n"));
}

static void slow(ouro_req *req, void *arg)
{
	uint64_t ms = ouro_str_u64(ouro_req_query(req, "ms"), 1000);

	(void)arg;
	ouro_timer_after(ouro_req_loop(req), ms, answer, ouro_req_later(req));
}

static void log_it(ouro_req *req, const ouro_req_done *done, void *arg)
{
	(void)arg;
	printf("%s %d after %llu ms\n", ouro_req_target(req).ptr, done->status,
	       (unsigned long long)done->ns / 1000000);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = slow, .on_done = log_it };

	return ouro_http_main(argc, argv, &opts);
}
