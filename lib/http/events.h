/* events.h -- an event stream, for room.c: written once as a chunk, which who reads without chunks
 * gets without its ends. */
#ifndef OURO__EVENTS_H
#define OURO__EVENTS_H
#include "http/cast.h"
#include "http/core.h"
#include "http/room.h"
#include "ouro/events.h"
#include "ouro/room.h"

struct ouro_feed {
	struct handle base;
	ouro_req *req;
	ouro_timer heartbeat;
	size_t queue_max;
	ouro_slow slow;
	bool sent; /* something was, since the last heartbeat */
	struct list member;
	struct list guest; /* of the server; empty: of none */
	struct ouro_room *room;
};

/* One of yours. 0; -EINVAL, -ENOMEM. */
int ouro__event_encode(const ouro_event *event, struct cast **ret_cast);

/* Bytes waiting; -ENOMEM, OURO_ECLOSED. */
int64_t ouro__feed_queue(ouro_feed *feed, struct cast *cast);

/* Its client is cut off in mid-answer, and comes back if it likes. */
void ouro__feed_cut(ouro_feed *feed);

void ouro__feed_check(const ouro_feed *feed);
#endif
