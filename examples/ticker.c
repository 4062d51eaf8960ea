/* ticker.c -- a clock in the browser that the server moves.  ★★
 *
 * Each page is a member of one room and hears every tick, which is written once for all. A page
 * that loses its connection comes back by itself.
 *
 *     cc ticker.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     open http://127.0.0.1:8080/ or curl -N http://127.0.0.1:8080/ticks */
#include <ouro.h>
#include <stdio.h>
#include <time.h>

static const char page[] = "<!doctype html><title>ticker</title><h1 id=now>...</h1><script>"
			   "new EventSource('/ticks').onmessage = e => now.textContent = e.data;"
			   "</script>";

static ouro_room *room;
static ouro_timer timer;

static void tick(ouro_loop *loop, void *arg)
{
	time_t now = time(NULL);
	char text[32];

	(void)loop, (void)arg;
	strftime(text, sizeof(text), "%H:%M:%S", localtime(&now));
	ouro_room_text(room, ouro_str_z(text));
}

static void enter(ouro_req *req, void *arg)
{
	ouro_feed *feed;

	(void)arg;
	if (ouro_feed_start(req, NULL, &feed))
		return; /* gone already */
	ouro_room_add_feed(room, feed);
	if (!timer.id) {
		timer = ouro_timer_every(ouro_req_loop(req), 1000, tick, NULL);
		ouro_timer_hold(ouro_req_loop(req), timer, false);
	}
}

static void index_page(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply_static(req, 200, "text/html; charset=utf-8", ouro_str_z(page));
}

int main(int argc, char **argv)
{
	static const ouro_route routes[] = { { "GET", "/", index_page, .arg = NULL },
					     { "GET", "/ticks", enter, .arg = NULL },
					     { .path = NULL } };
	int code;

	room = ouro_room_new(NULL);
	code = ouro_http_main(argc, argv,
			      &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes });
	ouro_room_free(room);
	return code;
}
