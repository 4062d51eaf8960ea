/* guest.c -- telling WebSockets and event streams that their server ends. See guest.h.
 *
 * An event stream is a request that is never answered to its end, so its connection is one of the
 * server's all along. A WebSocket has left HTTP, and its connection the server: what is known of it
 * here is what it has in common with others (ws_terms.c), and how many there are: the end waits
 * until there is none. */
#include "http/guest.h"
#include "http/events.h"
#include "http/ws.h"

void ouro__guest_feed(struct ouro_server *server, struct ouro_feed *feed)
{
	list_push(&server->feeds, &feed->guest);
}

void ouro__guest_left(struct ouro_server *server)
{
	server->sockets--;
	if (server->ending && server_is_empty(server))
		ouro__handle_settled(&server->base);
}

/* Those of one list; it is at another when it has been told. */
static void tell_sockets(struct ouro_server *server, struct due_list *list)
{
	list_each_safe (at, &list->list)
		if (!ouro_ws_close(list_of(at, struct ouro_ws, due.link), 1001,
				   (ouro_str){ "", 0 }))
			server->report.sockets++;
}

void ouro__guests_tell(struct ouro_server *server)
{
	list_each_safe (at, &server->feeds) {
		server->report.feeds++;
		ouro_feed_close(list_of(at, struct ouro_feed, guest));
	}
	list_each (at, &server->http->terms) {
		struct ws_terms *terms = list_of(at, struct ws_terms, link);

		if (terms->server == server)
			tell_sockets(server, &terms->silence);
	}
}

static void cut_sockets(struct due_list *list)
{
	list_each (at, &list->list)
		ouro_ws_cut(list_of(at, struct ouro_ws, due.link));
}

/* They need a close phase more, which the server does not wait for. */
void ouro__guests_cut(struct ouro_server *server)
{
	list_each (at, &server->http->terms) {
		struct ws_terms *terms = list_of(at, struct ws_terms, link);

		if (terms->server != server)
			continue;
		cut_sockets(&terms->silence);
		cut_sockets(&terms->parting);
		terms->server = NULL;
	}
	server->report.cut += server->sockets;
	server->sockets = 0;
	if (server->ending && server_is_empty(server))
		ouro__handle_settled(&server->base);
}
