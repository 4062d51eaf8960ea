/* extra.c -- what only few streams have. See stream.h. */
#include "base/alloc.h"
#include "net/stream.h"
#include "sys/sock.h"
#include <errno.h>

struct stream_extra *ouro__stream_extra(ouro_stream *stream)
{
	if (!stream->extra)
		stream->extra = ouro__alloc(sizeof(*stream->extra));
	return stream->extra;
}

void ouro__stream_end_extra(ouro_stream *stream)
{
	struct stream_extra *extra = stream->extra;

	if (!extra)
		return;
	if (extra->connecting)
		ouro__connecting_end(extra->connecting);
	ouro_timer_stop(stream->base.loop, extra->idle);
	ouro__free(extra->early);
	extra->early = NULL;
}

void ouro__stream_free(struct handle *handle)
{
	struct stream_extra *extra = ((ouro_stream *)handle)->extra;

	if (extra)
		ouro__free(extra->peer);
	ouro__free(extra);
}

/* ---- Bytes that wait for a reader ---- */

int ouro__stream_keep(ouro_stream *stream, ouro_str bytes)
{
	struct stream_extra *extra = ouro__stream_extra(stream);
	struct early *early = NULL;

	if (extra && bytes.len < SIZE_MAX - sizeof(*early))
		early = ouro__realloc(NULL, sizeof(*early) + bytes.len);
	if (!early)
		return -ENOMEM;
	early->len = bytes.len;
	memcpy(early->bytes, bytes.ptr, bytes.len);
	extra->early = early;
	ouro__stream_update(stream);
	return 0;
}

/* ---- The peer ---- */

static bool has_peer(const ouro_stream *stream)
{
	return stream->extra && stream->extra->peer;
}

static int note_peer(ouro_stream *stream, const ouro_addr *peer)
{
	struct stream_extra *extra = ouro__stream_extra(stream);

	if (extra && !extra->peer)
		extra->peer = ouro__realloc(NULL, sizeof(*peer));
	if (!has_peer(stream))
		return -ENOMEM;
	*extra->peer = *peer;
	return 0;
}

/* The kernel need not know. A Unix socket with a name is too long to be noted. */
int ouro__stream_set_peer(ouro_stream *stream, int fd, const ouro_addr *peer)
{
	ouro_addr asked;

	if (!peer && (fd < 0 || ouro__sock_peer(fd, &asked)))
		return 0;
	peer = peer ? peer : &asked;
	if (ouro__origin_note(&stream->origin, peer) && !has_peer(stream))
		return 0;
	return note_peer(stream, peer);
}

/* Most are never asked. */
const ouro_addr *ouro_stream_peer(const ouro_stream *stream)
{
	static const ouro_addr unknown;
	ouro_addr peer;
	ouro_stream *noting = (ouro_stream *)(uintptr_t)stream;

	ouro__stream_check(stream);
	if (has_peer(stream))
		return stream->extra->peer;
	ouro__origin_addr(&stream->origin, &peer);
	return note_peer(noting, &peer) ? &unknown : stream->extra->peer;
}
