/* net.h -- connections: taking them, making them, and bytes both ways with back-pressure.
 *
 * A stream is a connection over TCP or a Unix socket. A listener hands out streams as they come,
 * ouro_connect() makes one, ouro_stream_open() takes a socket of your own. What is written is
 * queued, and all that the callbacks of one turn have queued leaves in one system call when the
 * turn ends. Nothing here blocks, raises SIGPIPE, or lets one fast peer keep the loop from the
 * others. Datagrams (UDP) are at the end.
 *
 * All of it on the loop's thread. What io.h says of handles is true of these: a close function
 * takes NULL, may be called twice and from every callback, and on_close is the last call. */
#ifndef OURO_NET_H
#define OURO_NET_H
#include "ouro/dns.h"
#include "ouro/io.h"
#include "ouro/pool.h"
#include "ouro/str.h"
OURO_BEGIN

typedef struct ouro_stream   ouro_stream;
typedef struct ouro_listener ouro_listener;
typedef struct ouro_udp      ouro_udp;

typedef struct ouro_stream_opts {
	size_t   high;        /* bytes waiting to leave above which it is enough; 0: 256 KiB */
	size_t   low;         /* on_drain when no more than these wait; 0: a quarter of high. Of
			       * either no more than 4 GiB count */
	unsigned idle_ms;     /* broken off when no byte came or left for so long; 0: never */
	unsigned keepalive_s; /* TCP: ask a silent peer whether it lives after; 0: never */
	bool     nagle;       /* TCP: let small writes wait for one another */
} ouro_stream_opts;

/* --- Listening --- */

typedef struct ouro_listen_opts {
	const char      *host;       /* "127.0.0.1", "::", "localhost"; NULL: every address */
	uint16_t         port;       /* 0: any that is free */
	const char      *unix_path;  /* instead: "/run/x.sock", or "@x" in the abstract space */
	unsigned         unix_mode;  /* of that file, 0660; 0: as the umask says */
	int              fd;         /* instead: a descriptor that listens already; 0: none */
	unsigned         backlog;    /* connections that may wait in the kernel; 0: 511 */
	bool             reuse_port; /* share the port with others who say so too (SO_REUSEPORT) */
	bool             v6_only;    /* "::" and NULL: no IPv4 */
	unsigned         connections_max; /* of this listener at once; the rest waits; 0: any */
	unsigned         per_address;     /* of them from one host; more are reset; 0: any */
	ouro_stream_opts stream;          /* of each of its streams */
} ouro_listen_opts;

/* A connection has come. It is yours: close it some time. It reads nothing before you ask for it.
 * peer is borrowed. */
typedef void ouro_accept_fn(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
			    void *arg);

/* Listens; opts NULL: on every address, at a free port. *ret_listener; NULL: you take it from the
 * callback.
 *
 * host is a literal, or "localhost", which is 127.0.0.1 and, where there is one, ::1. NULL is IPv4
 * and IPv6 at once, where the machine has both. Peers that come by IPv4 are shown as such.
 *
 * unix_path: the file that a dead server has left is replaced, one at which somebody still answers
 * is -EADDRINUSE, and what is no socket stays as it is: -ENOTSOCK. The file is removed at close, if
 * it is still ours. Two that begin in the very same moment may take it from each other.
 *
 * fd: is ours once this has returned 0, and closed with the listener.
 *
 * 0, or -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EMFILE, -ENOMEM; -EINVAL: host is no address, fd
 * does not listen, or more than one of the three is given; -ENAMETOOLONG; OURO_ECLOSED.
 *
 * When the process has no descriptor left (or the machine no memory) it stops accepting and says so
 * once through on_log, tries again after 100 ms, doubling up to 1 s, and when a stream of this
 * listener ends; who waits, waits in the kernel. */
OURO_API int ouro_listen(ouro_loop *loop, const ouro_listen_opts *opts, ouro_accept_fn *fn,
			 void *arg, ouro_listener **ret_listener);

/* Takes no more connections, for now; the kernel keeps up to `backlog` of them waiting. */
OURO_API void ouro_listener_pause(ouro_listener *listener);
OURO_API void ouro_listener_resume(ouro_listener *listener);

/* No descriptor is left: a chance to close something that nobody will miss, which frees one for who
 * waits. Called once a failure. */
typedef void  ouro_starved_fn(ouro_listener *listener, void *arg);
OURO_API void ouro_listener_on_starved(ouro_listener *listener, ouro_starved_fn *fn);

/* The port, 0 for a Unix socket; the address, of several the first, borrowed from the listener; and
 * how many of its streams are open. */
OURO_API uint16_t         ouro_listener_port(const ouro_listener *listener);
OURO_API const ouro_addr *ouro_listener_addr(const ouro_listener *listener);
OURO_API size_t           ouro_listener_streams(const ouro_listener *listener);

/* Stops listening; who waits in the kernel is refused. Its streams stay. */
OURO_API void ouro_listener_close(ouro_listener *listener);
OURO_API void ouro_listener_on_close(ouro_listener *listener, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_listener_loop(const ouro_listener *listener);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_listener_hold(ouro_listener *listener, bool hold);
OURO_API int  ouro_listener_set_name(ouro_listener *listener, const char *name);

/* --- Connecting --- */

typedef struct ouro_connect_opts {
	const char      *host;       /* a name or a literal */
	uint16_t         port;       /* and its port */
	const char      *unix_path;  /* instead: "/run/x.sock", "@x" */
	const ouro_addr *addr;       /* instead */
	const ouro_addr *local;      /* the address to come from; NULL: any */
	unsigned         timeout_ms; /* for all of it, names too; 0: no limit but the kernel's */
	unsigned         delay_ms;   /* before the next address is tried beside; 0: 250 */
	ouro_stream_opts stream;
} ouro_connect_opts;

/* err 0: it is connected. Below 0 it will not be, and closes itself after this call: OURO_ETIMEOUT,
 * -ECONNREFUSED and the like of the last address that was tried, OURO_EAI_NONAME and the like of
 * the name. */
typedef void ouro_connect_fn(ouro_stream *stream, int err, void *arg);

/* Connects. fn is called once, later, unless the stream is closed before: that gives up at any
 * moment. arg becomes the stream's. What is written meanwhile waits and leaves when it can.
 *
 * A name is looked up on the pool. Its addresses, the families taking turns, are tried one after
 * the other: the next as soon as one fails, or after delay_ms beside those under way. The first
 * that answers is taken, the others are closed (RFC 8305).
 *
 * 0, or -ENOMEM, -EMFILE; -EINVAL: none or more than one of the three is given; -ENAMETOOLONG;
 * OURO_ECLOSED. All else comes through fn. */
OURO_API int ouro_connect(ouro_loop *loop, const ouro_connect_opts *opts, ouro_connect_fn *fn,
			  void *arg, ouro_stream **ret_stream);

/* --- Streams --- */

/* A connected socket of your own, one end of a socketpair(2) too; it is ours once this has returned
 * 0, made non-blocking, and closed with the stream. opts NULL: all defaults; arg as below. 0, or
 * -ENOTSOCK, -EBADF, -ENOMEM, OURO_ECLOSED. */
OURO_API int ouro_stream_open(ouro_loop *loop, int fd, const ouro_stream_opts *opts, void *arg,
			      ouro_stream **ret_stream);

/* What on_drain, on_gone and on_close are given. */
OURO_API void  ouro_stream_set_arg(ouro_stream *stream, void *arg);
OURO_API void *ouro_stream_arg(const ouro_stream *stream);

/* What has come: err 0 and at least one byte, borrowed until it returns. Else the last call:
 * OURO_EOF: the peer has sent all it will, and may still read; -ECONNRESET, -EPIPE and the like,
 * or OURO_ETIMEOUT: it is broken, what waited to leave is lost. Either way close it when you are
 * done. */
typedef void ouro_read_fn(ouro_stream *stream, int err, ouro_str bytes, void *arg);

/* Reads from now on; arg becomes the stream's. Called again: the new fn is called from then on. 0;
 * OURO_EOF, or the error that was the last call; OURO_ECLOSED; -EINVAL: it is a WebSocket's. */
OURO_API int ouro_stream_read(ouro_stream *stream, ouro_read_fn *fn, void *arg);

/* No call of fn until resume: what comes waits in the kernel, and then at the peer. */
OURO_API void ouro_stream_pause(ouro_stream *stream);
OURO_API void ouro_stream_resume(ouro_stream *stream);

/* The bytes now waiting to leave, these among them: when that is more than `high`, go on after
 * on_drain (nothing keeps you from going on at once, but it takes memory). -ENOMEM, and none of
 * them will leave; OURO_ECLOSED after shutdown, end or close; or the error that broke it.
 *
 * write   copies.
 * static  does not: the bytes stay for ever.
 * take    does not: they stay until fn(0, arg): all has left; or fn(err, arg): it was dropped, by
 *         an error or, OURO_ECANCELED, by close. fn is called once, later; on a refusal never. */
OURO_API int64_t ouro_stream_write(ouro_stream *stream, ouro_str bytes);
OURO_API int64_t ouro_stream_write_static(ouro_stream *stream, ouro_str bytes);
OURO_API int64_t ouro_stream_write_take(ouro_stream *stream, ouro_str bytes, ouro_done_fn *fn,
					void *arg);

/* fn as in take, when all that was written so far has left, or was dropped. 0, or refused as a
 * write. */
OURO_API int ouro_stream_after(ouro_stream *stream, ouro_done_fn *fn, void *arg);

/* Bytes that wait to leave, and whether they are more than `high`. */
OURO_API size_t ouro_stream_queued(const ouro_stream *stream);
OURO_API bool   ouro_stream_is_full(const ouro_stream *stream);

/* There were more than `high`, now there are no more than `low`: go on. */
typedef void  ouro_stream_fn(ouro_stream *stream, void *arg);
OURO_API void ouro_stream_on_drain(ouro_stream *stream, ouro_stream_fn *fn);

/* The connection broke while nobody was reading: the error, or OURO_EOF when both directions have
 * ended without one. Told once. What the peer sent before can still be read; writing is over. fn NULL:
 * not wanted. 0; -ENOMEM; OURO_ECLOSED; -EINVAL: it is a WebSocket's. */
typedef void ouro_gone_fn(ouro_stream *stream, int err, void *arg);
OURO_API int ouro_stream_on_gone(ouro_stream *stream, ouro_gone_fn *fn);

/* shutdown  nothing more is written: when what waits has left the peer reads the end. Reading goes
 *           on. 0, or refused as a write.
 * end       the same, and then the stream closes itself: when all has left, or is lost.
 * close     at once. What waits is dropped, and each take and after of it told OURO_ECANCELED, in
 *           the same turn or the next; then on_close. (What the kernel has of it still leaves,
 *           unless bytes of the peer are unread: then the kernel resets.)
 * reset     close, and the peer is told at once, by an error (ECONNRESET). */
OURO_API int  ouro_stream_shutdown(ouro_stream *stream);
OURO_API void ouro_stream_end(ouro_stream *stream);
OURO_API void ouro_stream_close(ouro_stream *stream);
OURO_API void ouro_stream_reset(ouro_stream *stream);
OURO_API void ouro_stream_on_close(ouro_stream *stream, ouro_close_fn *fn);

/* The other end, borrowed from the stream; while it connects, when the kernel cannot tell, and when
 * there is no memory to say it in, an address without family, "?". Our end: 0 or -errno. The
 * descriptor, -1 while it connects: to look at, and to set options of. */
OURO_API const ouro_addr *ouro_stream_peer(const ouro_stream *stream);
OURO_API int              ouro_stream_local(const ouro_stream *stream, ouro_addr *ret_addr);
OURO_API int              ouro_stream_fd(const ouro_stream *stream);

/* As in the options. idle: 0 or -ENOMEM, OURO_ECLOSED. */
OURO_API int ouro_stream_set_idle(ouro_stream *stream, unsigned ms);

OURO_API ouro_loop *ouro_stream_loop(const ouro_stream *stream);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_stream_hold(ouro_stream *stream, bool hold);
OURO_API int  ouro_stream_set_name(ouro_stream *stream, const char *name);

/* --- Datagrams --- */

typedef struct ouro_udp_opts {
	const char *host;       /* to receive at: a literal; NULL: every address, v4 and v6 */
	uint16_t    port;       /* 0: any that is free */
	bool        reuse_port; /* share the port (SO_REUSEPORT) */
	bool        v6_only;    /* no IPv4 at "::" and NULL */
	bool        broadcast;  /* may send to broadcast addresses */
	unsigned    ttl;        /* of multicast: how many routers it may pass; 0: 1 */
	size_t      queue;      /* bytes of memory for what waits to leave; 0: 256 KiB */
	size_t      room;       /* bytes of a datagram; longer are cut; 0: 64 KiB, the most */
} ouro_udp_opts;

/* err 0: a datagram from `peer`, borrowed, maybe empty. OURO_ETOOBIG: the first `room` bytes of a
 * longer one. Below 0 else: an error of the socket, most often about what was sent (-ECONNREFUSED);
 * bytes are empty then, peer is "?", and it goes on. */
typedef void ouro_udp_fn(ouro_udp *udp, int err, ouro_str bytes, const ouro_addr *peer, void *arg);

/* Receives from now on; opts NULL: all defaults. 0, or as ouro_listen() says. */
OURO_API int ouro_udp_open(ouro_loop *loop, const ouro_udp_opts *opts, ouro_udp_fn *fn, void *arg,
			   ouro_udp **ret_udp);

/* From now on it sends to this address and hears of no other. 0 or -errno. */
OURO_API int ouro_udp_connect(ouro_udp *udp, const ouro_addr *peer);

/* Sends one datagram, copied; to NULL: where it is connected to. 0: it is on its way, or waits for
 * the kernel to have room. OURO_EBUSY: too much waits already, this one is dropped; -EMSGSIZE:
 * larger than a datagram can be; -EDESTADDRREQ: to NULL and not connected; -ENOMEM and
 * other -errno. */
OURO_API int ouro_udp_send(ouro_udp *udp, const ouro_addr *to, ouro_str bytes);

/* No calls until resume; what comes meanwhile waits in the kernel, or is lost. */
OURO_API void ouro_udp_pause(ouro_udp *udp);
OURO_API void ouro_udp_resume(ouro_udp *udp);

/* What waits to leave, in bytes of memory; the address it receives at; its port. */
OURO_API size_t   ouro_udp_queued(const ouro_udp *udp);
OURO_API int      ouro_udp_local(const ouro_udp *udp, ouro_addr *ret_addr);
OURO_API uint16_t ouro_udp_port(const ouro_udp *udp);
OURO_API int      ouro_udp_fd(const ouro_udp *udp);

/* What waits is dropped. */
OURO_API void ouro_udp_close(ouro_udp *udp);
OURO_API void ouro_udp_on_close(ouro_udp *udp, ouro_close_fn *fn);

OURO_API ouro_loop *ouro_udp_loop(const ouro_udp *udp);
OURO_API void       ouro_udp_hold(ouro_udp *udp, bool hold);
OURO_API int        ouro_udp_set_name(ouro_udp *udp, const char *name);
OURO_END
#endif
