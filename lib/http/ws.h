/* ws.h -- what the files of a WebSocket share: ws.c its life, ws_hear.c what comes, ws_send.c what
 * goes, ws_accept.c and ws_connect.c its two beginnings, ws_terms.c what many have in common.
 *
 * It is a stream with a little behind it, 344 bytes together: who has ten thousand of them has most
 * of them idle. What was agreed on is shared by all that were opened with the same options, the
 * lists of their deadlines too; and the reader of frames is there only in the middle of one. */
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

/* A frame or a message that has begun to come, and has not ended. */
struct ws_part {
	struct ws_reader reader;
	struct ws_gather *message, *control; /* NULL: none is under way */
};

struct dial;

/* What is the same for all WebSockets that were opened alike. */
struct ws_terms {
	struct list link;           /* in http->terms */
	struct ouro_server *server; /* whose guests they are; NULL: nobody's */
	const char *const *protocols;
	uint64_t frame_max, message_max;
	size_t queue_max; /* 0: any */
	unsigned ping_ms, close_ms, connect_ms;
	ouro_slow slow;
	bool client, pieces;
	size_t count;                              /* WebSockets that have them */
	struct due_list opening, silence, parting; /* each of them is in one, by its state */
};

struct ouro_ws {
	ouro_stream stream; /* first; its arg is the user's, its on_close too */
	uint32_t magic;
	uint8_t state; /* enum ws_state */
	bool paused : 1;
	bool told : 1;     /* the last call was made */
	bool pinged : 1;   /* and it has been silent since */
	uint16_t protocol; /* in terms->protocols, from 1 on; 0: none */
	union {
		struct dial *dial;    /* WS_OPENING, at a client */
		struct ws_part *part; /* NULL: nothing is under way */
	};
	ouro_ws_fn *fn;
	ouro_ws_drain_fn *drain_fn;
	ouro_ws_pong_fn *pong_fn;
	struct ws_terms *terms; /* NULL: it could not be opened */
	struct due due;
	struct list member; /* of the room */
	struct ouro_room *room;
};

extern const struct stream_shape ouro__ws_shape;

/* A stream of that shape becomes a WebSocket that is opening, of that server; NULL: of none. 0 or
 * -ENOMEM, and it is closed. */
int ouro__ws_begin(ouro_ws *ws, const ouro_ws_opts *opts, struct ouro_server *server, bool client);

/* From now on messages go both ways. 0 or -ENOMEM, OURO_ECLOSED. */
int ouro__ws_opened(ouro_ws *ws);

/* The last call of its user. */
void ouro__ws_tell_end(ouro_ws *ws, int err, int code, ouro_str reason);

/* It ends: without another word to the peer, or with so long for it. */
void ouro__ws_lose(ouro_ws *ws, int err);
void ouro__ws_begin_end(ouro_ws *ws, enum ws_state state);

/* Bytes have come, which may be changed where they lie; ws_hear.c. */
void ouro__ws_hear(ouro_ws *ws, char *bytes, size_t n);

/* Around each call of its user. */
void ouro__ws_call(ouro_ws *ws, const void *fn);
void ouro__ws_called(ouro_ws *ws);

/* What was gathered of a message is of no use any more; and all of what has begun to come. */
void ouro__ws_forget_message(ouro_ws *ws);
void ouro__ws_forget_part(ouro_ws *ws);

/* The terms for those options, with one more to share them; NULL: no memory. And one less. */
struct ws_terms *ouro__ws_terms(struct ouro_loop *loop, const ouro_ws_opts *opts,
				struct ouro_server *server, bool client);
void ouro__ws_terms_leave(struct ws_terms *terms);

/* Its deadline begins, of its state. 0; -ENOMEM, OURO_ECLOSED: it has none. */
int ouro__ws_due_begin(ouro_ws *ws);

static inline bool ws_is_gone(const ouro_ws *ws)
{
	return ws->stream.base.closing;
}

/* One frame; may one be sent? Bytes waiting, or why not. */
int64_t ouro__ws_send(ouro_ws *ws, enum ws_op op, ouro_str payload);
int ouro__ws_refuse(const ouro_ws *ws);

/* code WS_NO_CODE: an empty one. */
int64_t ouro__ws_send_close(ouro_ws *ws, int code, ouro_str reason);

void ouro__ws_check(const ouro_ws *ws);

/* It has passed. */
void ouro__ws_overdue(ouro_ws *ws);

/* client: the handshake; ws_connect.c. */
void ouro__dial_free(struct dial *dial);
void ouro__dial_read(ouro_ws *ws, int err, ouro_str bytes);
void ouro__dial_overdue(ouro_ws *ws);
#endif
