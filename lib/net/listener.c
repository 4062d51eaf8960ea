/* listener.c -- an acceptor as a handle, that makes streams of what comes. See ouro/net.h.
 *
 * It knows its streams, for its caps: each tells it when it closes. When the listener goes first
 * they forget each other. */
#include "base/check.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "net/accept.h"
#include "net/peers.h"
#include "net/stream.h"
#include "sys/fd.h"
#include "sys/sock.h"

struct ouro_listener {
	struct handle base;
	struct acceptor acceptor;
	ouro_accept_fn *fn;
	ouro_starved_fn *starved_fn;
	struct list streams;
	size_t count;
	unsigned most, per_address;
	ouro_stream_opts opts;
	struct peers peers;
	bool paused; /* by the user */
};

/* A stream, and what its listener notes of it. */
struct accepted {
	struct plain_stream plain; /* first */
	ouro_listener *listener;   /* NULL: closed before it */
	struct list sibling;
	struct peer *peer_count;
};

static const void *listener_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_listener *)handle)->fn);
}

static int listener_number(const struct handle *handle)
{
	return ((const struct ouro_listener *)handle)->acceptor.sockets[0].watch.fd;
}

static void listener_stop(struct handle *handle)
{
	ouro_listener *listener = (struct ouro_listener *)handle;
	struct list *link;

	ouro__acceptor_close(&listener->acceptor);
	while ((link = list_shift(&listener->streams)))
		list_of(link, struct accepted, sibling)->listener = NULL;
	ouro__peers_free(&listener->peers);
}

static const struct handle_type listener_type = {
	.kind = "listener",
	.magic = 0x6c697374u,
	.callee = listener_callee,
	.number = listener_number,
	.stop = listener_stop,
};

static bool is_full(const ouro_listener *listener)
{
	return listener->most && listener->most != OURO_NEVER && listener->count >= listener->most;
}

static void on_left(ouro_stream *stream)
{
	struct accepted *accepted = list_of(stream, struct accepted, plain.stream);
	ouro_listener *listener = accepted->listener;
	bool was_full = listener && is_full(listener);

	if (!listener)
		return;
	list_remove(&accepted->sibling);
	accepted->listener = NULL;
	listener->count--;
	ouro__peers_leave(&listener->peers, accepted->peer_count);
	if (was_full && !listener->paused)
		ouro__acceptor_resume(&listener->acceptor);
	ouro__acceptor_freed(&listener->acceptor);
}

static const struct stream_kind accepted_stream = {
	.type = STREAM_TYPE(ouro__plain_callee, ouro__stream_free),
	.read = ouro__plain_read,
	.drained = ouro__plain_drained,
	.gone = ouro__plain_gone,
	.left = on_left,
};

static const struct stream_shape accepted_shape = { &accepted_stream, sizeof(struct accepted) };

static void join(ouro_listener *listener, ouro_stream *stream, struct peer *peer_count)
{
	struct accepted *accepted = list_of(stream, struct accepted, plain.stream);

	accepted->listener = listener;
	accepted->peer_count = peer_count;
	list_push(&listener->streams, &accepted->sibling);
	listener->count++;
	if (is_full(listener))
		ouro__acceptor_pause(&listener->acceptor);
}

/* 0, or why it may not come in. */
static int admit(ouro_listener *listener, int fd, const ouro_addr *peer, ouro_stream **ret_stream)
{
	struct peer *peer_count = NULL;
	int err = 0;

	if (listener->per_address && listener->per_address != OURO_NEVER)
		err = ouro__peers_enter(&listener->peers, peer, listener->per_address, &peer_count);
	if (err)
		return err;
	err = ouro__stream_new(listener->base.loop, fd, &listener->opts, peer, &accepted_shape,
			       ret_stream);
	if (err)
		ouro__peers_leave(&listener->peers, peer_count);
	else
		join(listener, *ret_stream, peer_count);
	return err;
}

static void on_accept(struct acceptor *acceptor, int fd, const ouro_addr *peer)
{
	ouro_listener *listener = list_of(acceptor, ouro_listener, acceptor);
	ouro_loop *loop = listener->base.loop;
	ouro_stream *stream;
	int err = admit(listener, fd, peer, &stream);

	if (err) {
		(void)ouro__sock_abort(fd);
		ouro__fd_close(&fd);
		if (err != OURO_EBUSY)
			ouro__log(&loop->log, OURO_LOG_WARN, "a connection was dropped: %s",
				  ouro_strerror(err));
		return;
	}
	call_begin(loop, OURO_PHASE_IO, CALL_FN(listener->fn),
		   (struct cause){ "listener", acceptor->sockets[0].watch.fd, NULL },
		   listener->base.label);
	listener->fn(listener, stream, peer, listener->base.arg);
	call_end(loop);
}

/* True: one of its streams has gone, so there is a descriptor. */
static bool on_starved(struct acceptor *acceptor)
{
	ouro_listener *listener = list_of(acceptor, ouro_listener, acceptor);
	ouro_loop *loop = listener->base.loop;
	size_t before = listener->count;

	if (!listener->starved_fn)
		return false;
	call_begin(loop, OURO_PHASE_IO, CALL_FN(listener->starved_fn),
		   (struct cause){ "listener", acceptor->sockets[0].watch.fd, NULL },
		   listener->base.label);
	listener->starved_fn(listener, listener->base.arg);
	call_end(loop);
	return listener->count < before;
}

int ouro_listen(ouro_loop *loop, const ouro_listen_opts *opts, ouro_accept_fn *fn, void *arg,
		ouro_listener **ret_listener)
{
	static const ouro_listen_opts defaults;
	ouro_listener *listener;
	int err;

	opts = opts ? opts : &defaults;
	listener = ouro__handle_new(loop, &listener_type, sizeof(*listener), arg, &err);
	if (!listener)
		return err;
	list_init(&listener->streams);
	listener->fn = fn;
	listener->most = opts->connections_max;
	listener->per_address = opts->per_address;
	listener->opts = opts->stream;
	err = ouro__acceptor_open(&listener->acceptor, loop, opts, on_accept, on_starved);
	if (err) {
		ouro__handle_drop(&listener->base);
		return err;
	}
	if (ret_listener)
		*ret_listener = listener;
	return 0;
}

void ouro_listener_pause(ouro_listener *listener)
{
	handle_check(listener, listener_type);
	listener->paused = true;
	ouro__acceptor_pause(&listener->acceptor);
}

void ouro_listener_resume(ouro_listener *listener)
{
	handle_check(listener, listener_type);
	listener->paused = false;
	if (!is_full(listener))
		ouro__acceptor_resume(&listener->acceptor);
}

void ouro_listener_on_starved(ouro_listener *listener, ouro_starved_fn *fn)
{
	handle_check(listener, listener_type);
	listener->starved_fn = fn;
}

uint16_t ouro_listener_port(const ouro_listener *listener)
{
	handle_check(listener, listener_type);
	return ouro_addr_port(&listener->acceptor.local);
}

const ouro_addr *ouro_listener_addr(const ouro_listener *listener)
{
	handle_check(listener, listener_type);
	return &listener->acceptor.local;
}

size_t ouro_listener_streams(const ouro_listener *listener)
{
	handle_check(listener, listener_type);
	return listener->count;
}

void ouro_listener_close(ouro_listener *listener)
{
	if (!listener)
		return;
	handle_check(listener, listener_type);
	ouro__handle_close(&listener->base);
}

void ouro_listener_on_close(ouro_listener *listener, ouro_close_fn *fn)
{
	handle_check(listener, listener_type);
	listener->base.on_close = fn;
}

ouro_loop *ouro_listener_loop(const ouro_listener *listener)
{
	handle_check(listener, listener_type);
	return listener->base.loop;
}

void ouro_listener_hold(ouro_listener *listener, bool hold)
{
	handle_check(listener, listener_type);
	ouro__handle_hold(&listener->base, hold);
}

int ouro_listener_set_name(ouro_listener *listener, const char *name)
{
	handle_check(listener, listener_type);
	return ouro__handle_name(&listener->base, name);
}
