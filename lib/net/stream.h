/* stream.h -- what the files of a stream share: stream.c, plain.c, extra.c, write.c, connect.c,
 * listener.c. */
#ifndef OURO__STREAM_H
#define OURO__STREAM_H
#include "loop/flush.h"
#include "loop/handle.h"
#include "loop/poll.h"
#include "net/origin.h"
#include "net/out.h"
#include "ouro/net.h"
#include "ouro/timer.h"

struct connecting;

/* Bytes that were read before it was a stream, or before somebody wanted them. */
struct early {
	size_t len;
	char bytes[];
};

/* What only few have: made when the first of it is needed. */
struct stream_extra {
	struct early *early;           /* read, and not handed out yet; NULL: nothing */
	struct connecting *connecting; /* connect.c; NULL: it is connected */
	ouro_timer idle;
	ouro_addr *peer; /* NULL: origin is all, and nobody has asked */
};

/* An idle one holds nothing but this: at 10,000 connections each word counts. What only some kinds
 * of stream have lies behind it: a plain one's functions (stream.c), what a listener notes of its
 * own (listener.c), a WebSocket (http/ws.h). */
struct ouro_stream {
	struct handle base; /* its type is a struct stream_kind's */
	struct watch watch; /* fd -1: not connected yet, or closed */
	struct list flush;  /* in net->streams: it is flushed at the end of the turn */
	struct net *net;
	struct out out;
	struct stream_extra *extra; /* NULL: it has none of it */
	struct origin origin;
	uint32_t high, low;

	int err;           /* what broke it; 0: nothing has */
	bool reads : 1;    /* somebody wants what comes */
	bool heeds : 1;    /* and somebody, when nobody reads, that it is over */
	bool paused : 1;   /* no reading for now */
	bool dead : 1;     /* nothing more is to be read, whatever the kernel has: err is the end */
	bool ended : 1;    /* the reader was told the end */
	bool full : 1;     /* more than high wait, or did and on_drain was not called yet */
	bool shutting : 1; /* nothing more may be written */
	bool shut : 1;     /* and the kernel knows */
	bool ending : 1;   /* to be closed then */
	bool gone : 1;     /* who heeds was told */
};

/* Who is behind a stream. Each of them may close it. */
struct stream_kind {
	struct handle_type type;                                    /* first: STREAM_TYPE */
	void (*read)(ouro_stream *stream, int err, ouro_str bytes); /* as ouro_read_fn */
	void (*drained)(ouro_stream *stream);
	void (*gone)(ouro_stream *stream, int err);
	void (*left)(ouro_stream *stream); /* it closes; NULL: nobody wants to know */
};

#define STREAM_MAGIC 0x7374726du
#define STREAM_TYPE(callee_, free_)                                             \
	{                                                                       \
		.kind = "stream", .magic = STREAM_MAGIC, .callee = (callee_),   \
		.number = ouro__stream_number, .stop = ouro__stream_stop,       \
		.is_idle = ouro__stream_is_idle, .free = (free_), .parks = true \
	}
int ouro__stream_number(const struct handle *handle);
void ouro__stream_stop(struct handle *handle);
bool ouro__stream_is_idle(const struct handle *handle);
void ouro__stream_free(struct handle *handle);

/* The kind that ouro/net.h is about, and what its streams have besides. */
struct plain_stream {
	ouro_stream stream; /* first */
	ouro_read_fn *read_fn;
	ouro_stream_fn *drain_fn;
	ouro_gone_fn *gone_fn;
};
extern const struct stream_kind ouro__plain_stream;
const void *ouro__plain_callee(const struct handle *handle);
void ouro__plain_read(ouro_stream *stream, int err, ouro_str bytes);
void ouro__plain_drained(ouro_stream *stream);
void ouro__plain_gone(ouro_stream *stream, int err);

/* A kind, and how large its struct is, whose first member is the stream. Behind that all is zero
 * when it is new. */
struct stream_shape {
	const struct stream_kind *kind;
	size_t size;
};
extern const struct stream_shape ouro__plain_shape;

/* A stream around fd, which is the stream's from here on; -1: it will come. opts: high, low and
 * idle_ms are looked at. peer NULL: the kernel is asked. 0, or -ENOMEM, OURO_ECLOSED and fd is not
 * touched. */
int ouro__stream_new(ouro_loop *loop, int fd, const ouro_stream_opts *opts, const ouro_addr *peer,
		     const struct stream_shape *shape, ouro_stream **ret_stream);

/* One that could not be opened after all: nobody has seen it. Its descriptor stays. */
void ouro__stream_undo(ouro_stream *stream);

/* A connected socket of our own, with the bytes that were read from it already: those come first,
 * later. It is the stream's once this has returned 0; -ENOMEM, OURO_ECLOSED. */
int ouro__stream_adopt(ouro_loop *loop, int fd, const ouro_stream_opts *opts, ouro_str early,
		       const struct stream_shape *shape, ouro_stream **ret_stream);

/* Bytes, copied, that its reader is to get before any others: when it asks, or later in this turn.
 * 0 or -ENOMEM. */
int ouro__stream_keep(ouro_stream *stream, ouro_str bytes);

/* Reads from now on. 0, or the end that was told already. */
int ouro__stream_listen(ouro_stream *stream);

/* Whether its kind's gone() is called. 0 or -ENOMEM. */
int ouro__stream_heed(ouro_stream *stream, bool heeds);

/* As ouro_connect(). */
int ouro__connect(ouro_loop *loop, const ouro_connect_opts *opts, ouro_connect_fn *fn, void *arg,
		  const struct stream_shape *shape, ouro_stream **ret_stream);

/* What few have: room for it, NULL: no memory; its end, when the stream closes; and the peer in it,
 * when origin has no room for that. NULL: the kernel is asked. 0 or -ENOMEM. */
struct stream_extra *ouro__stream_extra(ouro_stream *stream);
void ouro__stream_end_extra(ouro_stream *stream);
int ouro__stream_set_peer(ouro_stream *stream, int fd, const ouro_addr *peer);

/* What ouro_connect() was waiting for: fd is the stream's. 0, or -errno and it is not. */
int ouro__stream_connected(ouro_stream *stream, int fd, const ouro_addr *peer);

/* Gives up connecting, without a call. */
void ouro__connecting_end(struct connecting *connecting);

/* Tells the kernel which events matter now. */
void ouro__stream_update(ouro_stream *stream);

/* Something came or left. */
void ouro__stream_moved(ouro_stream *stream);

/* It is broken: what waits is dropped and told; write.c. */
void ouro__stream_break(ouro_stream *stream, int err);

/* The same, found out otherwise than by reading: a reader gets all that came and then err in place
 * of the end, and who does not read is told that it is gone. */
void ouro__stream_lose(ouro_stream *stream, int err);

/* Sends what it can, and tells what there is to tell; write.c. */
void ouro__stream_send(ouro_stream *stream);

/* Drops what waits, and tells. */
void ouro__stream_drop(ouro_stream *stream, int err);

/* Of all that stream_flush_soon() was asked for; the flush of a net. */
void ouro__streams_flush(struct flush *flush);

/* It is flushed when the turn ends. All streams of a loop are one of its flushes. */
static inline void stream_flush_soon(ouro_stream *stream)
{
	if (!list_empty(&stream->flush))
		return;
	list_push(&stream->net->streams, &stream->flush);
	flush_soon(stream->base.loop, &stream->net->flush);
}

static inline bool stream_has_early(const ouro_stream *stream)
{
	return stream->extra && stream->extra->early;
}

static inline bool stream_is_connecting(const ouro_stream *stream)
{
	return stream->extra && stream->extra->connecting;
}

static inline const struct stream_kind *stream_kind(const ouro_stream *stream)
{
	return (const struct stream_kind *)stream->base.type;
}

void ouro__stream_check(const ouro_stream *stream);

/* Around each call of a user: the second answers whether the stream is open still. */
void ouro__stream_call(ouro_stream *stream, const void *fn);
bool ouro__stream_called(ouro_stream *stream);
#endif
