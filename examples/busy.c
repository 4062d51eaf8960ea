/* busy.c -- a service that says no before it is too late, and before it goes.  ★★
 *
 * An answer takes a second, whoever asks. With eight under way the next is told 503, and when to
 * come back, at once; so are all when the loop is late. Probes are never: /live says that the loop
 * turns, /ready that clients may be sent here, which is not so at the very first, nor from SIGTERM
 * on, when all is served for five seconds more.
 *
 *     cc busy.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     for i in $(seq 20); do curl -sw '%{http_code} ' -o /dev/null 127.0.0.1:8080 & done; wait
 *     pkill -TERM a.out; curl 127.0.0.1:8080/ready; curl 127.0.0.1:8080 */
#include <ouro.h>
#include <stdio.h>

/* Here a service would say that it has no data base yet. */
static const char *warming_up(ouro_loop *loop, void *arg)
{
	static unsigned asked;

	(void)loop, (void)arg;
	return asked++ < 2 ? "warming up" : NULL;
}

static void answer(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_req_reply(arg, 200, "text/plain", ouro_str_z("done\n"));
}

static void work(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(ouro_req_loop(req), 1000, answer, ouro_req_later(req));
}

static void on_shed(ouro_server *server, const ouro_shed_state *state, void *arg)
{
	(void)server, (void)arg;
	printf("%s: %s\n", state->why, state->shedding ? "too much" : "well again");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static ouro_health health = { .why_not = warming_up };
	static const ouro_route routes[] = {
		{ .path = "/live", .fn = ouro_health_live },
		{ .path = "/ready", .fn = ouro_health_check, .arg = &health },
		{ .path = "/", .fn = work },
		{ .path = NULL },
	};
	ouro_shed_opts shed = { .requests_max = 8, .lag_ms = 200, .on_shed = on_shed };
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes, .shed = &shed };

	opts.delay_ms = 5000;
	return ouro_http_main(argc, argv, &opts);
}
