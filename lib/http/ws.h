/* ws.h -- what the files of a WebSocket share: ws.c its life and what comes, ws_send.c what goes,
 * ws_accept.c and ws_connect.c its two beginnings, ws_due.c its deadlines.
 *
 * It rides on a stream, whose handle is its own: the stream's close phase is the end of both, so
 * that an idle one is a stream and this struct. Its deadline lies in a list with those of all that
 * wait as long (due.h), and what a message needs that comes in parts is there while it comes. */
#ifndef OURO__WS_H
#define OURO__WS_H
#include "http/due.h"
#include "http/room.h"
#include "http/ws_frame.h"
#include "net/stream.h"
#include "ouro/error.h"
#include "ouro/ws.h"

enum ws_state {
	WS_OPENING, /* client: the handshake is under way */
	WS_OPEN,
	WS_CLOSING, /* we have sent a close frame and wait for the peer's */
	WS_DRAINING /* all is said; what still comes is dropped */
};

/* Bytes of a message, or of a control frame, that have come so far. */
struct ws_gather {
	size_t len, room;
	char bytes[];
};

struct dial;

struct ouro_ws {
	uint32_t magic;
	uint8_t state; /* enum ws_state */
	uint8_t slow;  /* enum ouro_slow */
	bool client : 1, pieces : 1;
	bool paused : 1;
	bool told : 1;   /* the last call was made */
	bool pinged : 1; /* and it has been silent since */
	ouro_stream *stream;
	struct ws_reader reader;
	struct ws_gather *message, *control; /* NULL: none is under way */
	ouro_ws_fn *fn;
	ouro_ws_drain_fn *drain_fn;
	ouro_ws_pong_fn *pong_fn;
	ouro_close_fn *close_fn;
	void *arg;
	const char *protocol;
	struct due due;        /* open: silence; else the deadline of what is under way */
	struct due_list *pace; /* where due is, while it is in any */
	unsigned ping_ms, close_ms;
	size_t queue_max;   /* 0: any */
	struct list member; /* of the room */
	struct ouro_room *room;
	struct list guest; /* of the server; empty: of none */
	struct dial *dial; /* WS_OPENING */
};

/* Around a stream that it takes over in any case. NULL: no memory. */
ouro_ws *ouro__ws_new(ouro_stream *stream, const ouro_ws_opts *opts, bool client);

/* From now on messages go both ways. 0 or -ENOMEM, OURO_ECLOSED. */
int ouro__ws_opened(ouro_ws *ws);

/* One frame; may one be sent? Bytes waiting, or why not. */
int64_t ouro__ws_send(ouro_ws *ws, enum ws_op op, ouro_str payload);
int ouro__ws_refuse(const ouro_ws *ws);

/* code WS_NO_CODE: an empty one. */
int64_t ouro__ws_send_close(ouro_ws *ws, int code, ouro_str reason);

void ouro__ws_check(const ouro_ws *ws);

/* Its deadline, from now: ws_due.c. 0; -ENOMEM, OURO_ECLOSED: it has none. ms OURO_NEVER: none
 * either. stop and again are harmless when there is none. */
int ouro__ws_due_begin(ouro_ws *ws, unsigned ms);

static inline void ws_due_stop(ouro_ws *ws)
{
	due_clear(&ws->due);
}

static inline void ws_due_again(ouro_ws *ws)
{
	if (!list_empty(&ws->due.link))
		due_begin(ws->pace, &ws->due);
}

/* It has passed. */
void ouro__ws_overdue(ouro_ws *ws);

/* client: the handshake; ws_connect.c. */
void ouro__dial_free(struct dial *dial);
void ouro__dial_read(ouro_ws *ws, int err, ouro_str bytes);
void ouro__dial_overdue(ouro_ws *ws);
#endif
