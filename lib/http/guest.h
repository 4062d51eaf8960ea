/* guest.h -- what a request has become that goes on when it is answered, or never is: a WebSocket,
 * an event stream. The server knows its guests, so that it can tell them when it ends. */
#ifndef OURO__GUEST_H
#define OURO__GUEST_H
#include "http/core.h"

struct ouro_feed;

/* It stays until its list is left; a WebSocket comes by ouro__ws_terms(). A server that ends takes
 * none: see guests_are_welcome(). */
void ouro__guest_feed(struct ouro_server *server, struct ouro_feed *feed);

/* One of its WebSockets has left, and it may have waited for that. */
void ouro__guest_left(struct ouro_server *server);

/* The server ends: a close frame with 1001 to each WebSocket, the last chunk to each event stream.
 * They are counted in its report. */
void ouro__guests_tell(struct ouro_server *server);

/* The time is up: WebSockets that have not gone are cut off. */
void ouro__guests_cut(struct ouro_server *server);

static inline bool guests_are_welcome(const struct ouro_server *server)
{
	return !server->ending;
}

/* Is nobody there that an end has to wait for? */
static inline bool server_is_empty(const struct ouro_server *server)
{
	return !server->stats.connections && !server->sockets;
}
#endif
