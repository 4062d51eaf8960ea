/* plain.c -- the streams of ouro/net.h, whose ears are the user's. */
#include "loop/call.h"
#include "net/stream.h"
#include "ouro/error.h"
#include <errno.h>

static struct plain_stream *plain_of(ouro_stream *stream)
{
	return list_of(stream, struct plain_stream, stream);
}

const void *ouro__plain_callee(const struct handle *handle)
{
	return CALL_FN(((const struct plain_stream *)handle)->read_fn);
}

void ouro__plain_read(ouro_stream *stream, int err, ouro_str bytes)
{
	ouro_read_fn *fn = plain_of(stream)->read_fn;

	ouro__stream_call(stream, CALL_FN(fn));
	fn(stream, err, bytes, stream->base.arg);
	ouro__stream_called(stream);
}

void ouro__plain_drained(ouro_stream *stream)
{
	ouro_stream_fn *fn = plain_of(stream)->drain_fn;

	if (!fn)
		return;
	ouro__stream_call(stream, CALL_FN(fn));
	fn(stream, stream->base.arg);
	ouro__stream_called(stream);
}

void ouro__plain_gone(ouro_stream *stream, int err)
{
	ouro_gone_fn *fn = plain_of(stream)->gone_fn;

	ouro__stream_call(stream, CALL_FN(fn));
	fn(stream, err, stream->base.arg);
	ouro__stream_called(stream);
}

const struct stream_kind ouro__plain_stream = {
	.type = STREAM_TYPE(ouro__plain_callee, ouro__stream_free),
	.read = ouro__plain_read,
	.drained = ouro__plain_drained,
	.gone = ouro__plain_gone,
};

const struct stream_shape ouro__plain_shape = { &ouro__plain_stream, sizeof(struct plain_stream) };

/* Streams of another kind have ears of their own. */
static bool is_plain(const ouro_stream *stream)
{
	return stream_kind(stream)->read == ouro__plain_read;
}

int ouro_stream_read(ouro_stream *stream, ouro_read_fn *fn, void *arg)
{
	int err;

	ouro__stream_check(stream);
	if (!is_plain(stream))
		return -EINVAL;
	err = ouro__stream_listen(stream);
	if (err)
		return err;
	plain_of(stream)->read_fn = fn;
	stream->base.arg = arg;
	return 0;
}

void ouro_stream_on_drain(ouro_stream *stream, ouro_stream_fn *fn)
{
	ouro__stream_check(stream);
	if (is_plain(stream))
		plain_of(stream)->drain_fn = fn;
}

int ouro_stream_on_gone(ouro_stream *stream, ouro_gone_fn *fn)
{
	ouro__stream_check(stream);
	if (stream->base.closing)
		return OURO_ECLOSED;
	if (!is_plain(stream))
		return -EINVAL;
	plain_of(stream)->gone_fn = fn;
	return ouro__stream_heed(stream, fn != NULL);
}
