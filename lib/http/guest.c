/* guest.c -- telling WebSockets and event streams that their server ends. See guest.h.
 *
 * An event stream is a request that is never answered to its end, so its connection is one of the
 * server's all along. A WebSocket has left HTTP, and its connection the server: what is known of it
 * here is a place in a list, and that the end waits until the list is empty. */
#include "http/guest.h"
#include "http/events.h"
#include "http/ws.h"

void ouro__guest_ws(struct ouro_server *server, struct ouro_ws *ws)
{
	list_push(&server->sockets, &ws->guest);
}

void ouro__guest_feed(struct ouro_server *server, struct ouro_feed *feed)
{
	list_push(&server->feeds, &feed->guest);
}

/* Which server's it was, it does not know: those that end are few, and are asked. */
void ouro__guest_left(struct ouro_ws *ws)
{
	struct http *http = list_empty(&ws->guest) ? NULL : ouro__http_find(ws->stream->base.loop);

	list_remove(&ws->guest);
	if (!http)
		return;
	list_each (at, &http->servers) {
		struct ouro_server *server = list_of(at, struct ouro_server, link);

		if (server->ending && server_is_empty(server))
			ouro__handle_settled(&server->base);
	}
}

void ouro__guests_tell(struct ouro_server *server)
{
	list_each_safe (at, &server->feeds) {
		server->report.feeds++;
		ouro_feed_close(list_of(at, struct ouro_feed, guest));
	}
	list_each_safe (at, &server->sockets)
		if (!ouro_ws_close(list_of(at, struct ouro_ws, guest), 1001, (ouro_str){ "", 0 }))
			server->report.sockets++;
}

void ouro__guests_cut(struct ouro_server *server)
{
	struct list *link;

	while ((link = list_shift(&server->sockets))) {
		server->report.cut++;
		ouro_ws_cut(list_of(link, struct ouro_ws, guest));
	}
	if (server->ending && server_is_empty(server))
		ouro__handle_settled(&server->base);
}
