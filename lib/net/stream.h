/* stream.h -- what the files of a stream share: stream.c, write.c, connect.c, listener.c. */
#ifndef OURO__STREAM_H
#define OURO__STREAM_H
#include "loop/flush.h"
#include "loop/handle.h"
#include "loop/poll.h"
#include "net/origin.h"
#include "net/out.h"
#include "ouro/net.h"

struct connecting;

/* Bytes that were read before it was a stream, or before somebody wanted them. */
struct early {
	size_t len;
	char bytes[];
};

/* An idle one holds nothing but this, so that what only some have is not in it: what a listener
 * notes of its own lies behind it (listener.c), an address that somebody asked for elsewhere. */
struct ouro_stream {
	struct handle base;
	struct watch watch; /* fd -1: not connected yet, or closed */
	struct flush flush;
	struct net *net;
	struct out out;
	struct list sent; /* of struct sent: takes and afters to be told */

	ouro_read_fn *read_fn;
	ouro_stream_fn *drain_fn;
	ouro_gone_fn *gone_fn;

	struct early *early;
	size_t high, low;
	ouro_timer idle;
	struct connecting *connecting; /* connect.c; NULL: it is connected */

	/* For the listener that it came from; NULL: none, or closed before it. */
	void (*left)(struct ouro_stream *stream);

	struct origin origin;
	ouro_addr *peer; /* NULL: origin is all, and nobody has asked */

	int err;           /* what broke it; 0: nothing has */
	bool paused : 1;   /* no reading for now */
	bool dead : 1;     /* nothing more is to be read, whatever the kernel has: err is the end */
	bool ended : 1;    /* the last call of read_fn was made */
	bool full : 1;     /* more than high wait, or did and on_drain was not called yet */
	bool shutting : 1; /* nothing more may be written */
	bool shut : 1;     /* and the kernel knows */
	bool ending : 1;   /* to be closed then */
	bool gone : 1;     /* gone_fn was called */
};

/* A stream around fd, which is the stream's from here on; -1: it will come. opts: high, low and
 * idle_ms are looked at. peer NULL: the kernel is asked. size: of the struct that it is the first
 * member of. 0, or -ENOMEM, OURO_ECLOSED and fd is not touched. */
int ouro__stream_new(ouro_loop *loop, int fd, const ouro_stream_opts *opts, const ouro_addr *peer,
		     size_t size, ouro_stream **ret_stream);

/* One that could not be opened after all: nobody has seen it. */
void ouro__stream_undo(ouro_stream *stream);

/* A connected socket of our own, with the bytes that were read from it already: those come first,
 * later. It is the stream's once this has returned 0; -ENOMEM, OURO_ECLOSED. */
int ouro__stream_adopt(ouro_loop *loop, int fd, const void *early, size_t early_len,
		       ouro_stream **ret_stream);

/* A copy; NULL: no memory. */
struct early *ouro__early_new(const void *bytes, size_t n);

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

/* Has it anything left to tell? */
static inline bool stream_is_quiet(const ouro_stream *stream)
{
	return out_is_empty(&stream->out) && list_empty(&stream->sent);
}

void ouro__stream_check(const ouro_stream *stream);

/* Around each call of a user: the second answers whether the stream is open still. */
void ouro__stream_call(ouro_stream *stream, const void *fn);
bool ouro__stream_called(ouro_stream *stream);
#endif
