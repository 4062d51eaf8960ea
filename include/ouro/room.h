/* room.h -- one message to many: WebSockets and event streams, written once, however many hear it.
 *
 * Who closes has left. A client is in one room at a time. Each has a bound on the bytes that wait
 * for it, so that a slow one costs neither the others nor the memory. On the thread of the loop
 * whose clients they are. */
#ifndef OURO_ROOM_H
#define OURO_ROOM_H
#include "ouro/events.h"
#include "ouro/ws.h"
OURO_BEGIN

typedef struct ouro_room ouro_room;

/* OURO_SLOW_TELL: this client misses a message; one of the two is NULL. It may be closed or removed
 * here, but the room must not be freed. */
typedef void ouro_slow_fn(ouro_room *room, ouro_ws *ws, ouro_feed *feed, void *arg);

typedef struct ouro_room_opts {
	size_t        queue_max; /* bytes that may wait for a client; 0: 1 MiB */
	ouro_slow     slow;      /* what happens above that */
	ouro_slow_fn *on_slow;   /* OURO_SLOW_TELL; NULL: only counted */
	void         *arg;
} ouro_room_opts;

/* opts NULL: all defaults. NULL: no memory. Free takes NULL; the clients stay open. */
OURO_API ouro_room *ouro_room_new(const ouro_room_opts *opts) OURO_MUST_CHECK;
OURO_API void       ouro_room_free(ouro_room *room);

/* It leaves the room where it was. 0 or OURO_ECLOSED. remove: harmless when it is in none. */
OURO_API int  ouro_room_add_ws(ouro_room *room, ouro_ws *ws);
OURO_API int  ouro_room_add_feed(ouro_room *room, ouro_feed *feed);
OURO_API void ouro_room_remove_ws(ouro_ws *ws);
OURO_API void ouro_room_remove_feed(ouro_feed *feed);

/* To everybody: an event stream gets text as an event's data, a WebSocket of an event its data as
 * text; binary is for WebSockets alone. How many have it queued. -EINVAL: the text is no UTF-8, an
 * event that cannot be; -ENOMEM: nobody has. */
OURO_API int64_t ouro_room_text(ouro_room *room, ouro_str text);
OURO_API int64_t ouro_room_binary(ouro_room *room, ouro_str bytes);
OURO_API int64_t ouro_room_event(ouro_room *room, const ouro_event *event);

/* How many are in it; how many messages slow clients have missed so far. */
OURO_API size_t   ouro_room_count(const ouro_room *room);
OURO_API uint64_t ouro_room_missed(const ouro_room *room);
OURO_END
#endif
