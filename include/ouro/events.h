/* events.h -- an answer that goes on: events that a page hears by `new EventSource("/clock")`.
 *
 *     static void clock_of(ouro_req *req, void *arg)
 *     {
 *             ouro_feed *feed;
 *
 *             if (!ouro_feed_start(req, NULL, &feed))
 *                     ouro_feed_send(feed, &(ouro_event){ .data = ouro_str_z("hello") });
 *     }
 *
 * The page comes back by itself when the connection is lost, and says the id of the last event
 * that it has heard. A comment is sent when nothing else was for a while, so that nobody on the way
 * takes the connection for a dead one. When the client has gone the handle closes itself; when the
 * server ends too, at once if it was ending already. All of it on the loop's thread. */
#ifndef OURO_EVENTS_H
#define OURO_EVENTS_H
#include "ouro/http.h"
#include "ouro/slow.h"
OURO_BEGIN

typedef struct ouro_feed ouro_feed;

typedef struct ouro_feed_opts {
	unsigned  heartbeat_ms; /* 0: 15 s; OURO_NEVER */
	unsigned  retry_ms;     /* how soon the page may come back; 0: as it likes */
	size_t    queue_max;    /* bytes that may wait; 0: 1 MiB */
	ouro_slow slow;         /* what happens above that */
} ouro_feed_opts;

typedef struct ouro_event {
	ouro_str    data;     /* any lines; each way to end a line counts as one */
	const char *event;    /* its type; NULL: "message" */
	const char *id;       /* NULL: none, the last one stays; "": forget it */
	unsigned    retry_ms; /* 0: not said */
} ouro_event;

/* Answers 200 with the head of an event stream, and the fields that are set; opts NULL: all
 * defaults. 0, or OURO_ECLOSED, -EALREADY, -ENOMEM as every answer; the request has ended then. */
OURO_API int ouro_feed_start(ouro_req *req, const ouro_feed_opts *opts,
			     ouro_feed **ret_feed) OURO_MUST_CHECK;

/* Sends one event, whole or not at all. The bytes that now wait. -EINVAL: an id or a type with a
 * line end in it; OURO_EBUSY: it does not fit into the queue (OURO_SLOW_TELL, or it alone is too
 * large); OURO_ECLOSED; -ENOMEM. */
OURO_API int64_t ouro_feed_send(ouro_feed *feed, const ouro_event *event);

/* The id that the client has heard last, when it has come back; NULL: it has not. Borrowed as long
 * as the handle is open. */
OURO_API const char *ouro_feed_last_id(const ouro_feed *feed);

OURO_API size_t ouro_feed_queued(const ouro_feed *feed);

/* Ends the answer when what waits has left; the page will come back. Takes NULL. on_close is the
 * last call, whoever has closed. */
OURO_API void ouro_feed_close(ouro_feed *feed);
OURO_API void ouro_feed_on_close(ouro_feed *feed, ouro_close_fn *fn, void *arg);

OURO_API ouro_loop *ouro_feed_loop(const ouro_feed *feed);
OURO_END
#endif
