/* ws.h -- WebSockets, both ends of them: messages instead of bytes, RFC 6455 to the letter.
 *
 *     static void on_message(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
 *     {
 *             if (!err)
 *                     ouro_ws_text(ws, message->bytes);
 *     }
 *
 *     static void echo(ouro_req *req, void *arg)
 *     {
 *             ouro_ws *ws;
 *
 *             if (!ouro_ws_accept(req, NULL, &ws))
 *                     ouro_ws_on_message(ws, on_message, NULL);
 *     }
 *
 * What the RFC forbids never reaches you: the peer is told why by a close frame, and you by the
 * last call. Pings are answered. A silent peer is pinged, and cut off when it stays silent. No
 * extension is agreed on, compression neither.
 *
 * A WebSocket closes itself when its end has come, whoever began it, and frees itself then:
 * on_close is the last call, and the pointer is dead behind it. All of it on the loop's thread. A
 * server that ends closes its WebSockets with 1001, as if you had; a loop that is freed cuts them
 * off. */
#ifndef OURO_WS_H
#define OURO_WS_H
#include "ouro/fetch.h"
#include "ouro/http.h"
#include "ouro/slow.h"
OURO_BEGIN

typedef struct ouro_ws ouro_ws;

/* The lists of names are kept by address, those of a client too. */
typedef struct ouro_ws_opts {
	const char *const *protocols; /* sub-protocols, the best first, the last NULL; NULL: none */
	/* "https://example.org": whose pages may, the last NULL; NULL: any. A client that names none is no
	 * browser, and may. Server only. */
	const char *const *origins;
	size_t             message_max; /* bytes; more is 1009; 0: 1 MiB, piece by piece: any */
	size_t             frame_max;   /* bytes; 0: 1 MiB */
	size_t             high, low;   /* bytes waiting, as in ouro_stream_opts */
	unsigned  ping_ms;    /* silent so long: pinged; as long again: cut; 0: 30 s; OURO_NEVER */
	unsigned  close_ms;   /* for the peer's part of the end; 0: 5 s */
	unsigned  connect_ms; /* client: until it is open; 0: 30 s */
	bool      pieces;     /* do not gather messages: see `more` */
	size_t    queue_max;  /* bytes that may wait to leave; 0: any. A room has its own bound */
	ouro_slow slow;       /* what happens above that */

	/* Client only. */
	const char       *unix_path; /* connect there; the URL says the rest; NULL: to its host */
	const ouro_field *fields;    /* Authorization, Origin and the like; NULL: none */
} ouro_ws_opts;

/* ---- Beginning ---- */

/* The request becomes a WebSocket, opts NULL: all defaults; the lists of opts must stay for ever.
 * The sub-protocol is the first of ours that the client offers; without one in common there is
 * none, and the client may leave. Fields that were set go with the 101. 0; -EINVAL: it is no
 * handshake, and is answered: 426 with what we speak, 400, or 403 for its origin; OURO_ECLOSED: the
 * client has gone, or the server ends, and it is answered 503; -ENOMEM. The request has ended in
 * every case. */
OURO_API int ouro_ws_accept(ouro_req *req, const ouro_ws_opts *opts,
			    ouro_ws **ret_ws) OURO_MUST_CHECK;

/* err 0: it is open. Below 0 it never will be, and closes itself: what ouro_connect() says;
 * OURO_EPROTO: the answer was no, or nonsense; OURO_ETIMEOUT. */
typedef void ouro_ws_connect_fn(ouro_ws *ws, int err, void *arg);

/* Opens one to "ws://host:port/path?query". fn is called once, later, unless it is closed before.
 * arg becomes the WebSocket's. 0; -EINVAL: no such URL, no field, or one that is the handshake's own
 * (Host too); -EPROTONOSUPPORT: wss; -ENOMEM; OURO_ECLOSED. */
OURO_API int ouro_ws_connect(ouro_loop *loop, const char *url, const ouro_ws_opts *opts,
			     ouro_ws_connect_fn *fn, void *arg, ouro_ws **ret_ws) OURO_MUST_CHECK;

/* The sub-protocol that was agreed on; NULL: none. */
OURO_API const char *ouro_ws_protocol(const ouro_ws *ws);

/* ---- What comes ---- */

typedef struct ouro_ws_message {
	ouro_str bytes; /* borrowed until the call returns; text is UTF-8 */
	bool     text;
	bool     more; /* with `pieces`: the message goes on, and a character may be cut */
	int      code; /* of the last call alone: 1000 and so on; bytes are the reason */
} ouro_ws_message;

/* A message, err 0. Else the last call: OURO_EOF: the peer has closed, `code` says why: 1005: it
 * did not say, 1006: it left without a close frame; OURO_EPROTO, OURO_ETOOBIG: it was told `code`
 * for what it has sent; OURO_ETIMEOUT: it is silent; -ECONNRESET and the like, and -ENOMEM. */
typedef void ouro_ws_fn(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg);

/* Reads from now on; arg becomes the WebSocket's: what every function below is given. 0 or
 * OURO_ECLOSED. */
OURO_API int ouro_ws_on_message(ouro_ws *ws, ouro_ws_fn *fn, void *arg);

/* No message until resume: what comes waits in the kernel, and then at the peer. Pings wait too,
 * and nobody is cut off for being silent. */
OURO_API void ouro_ws_pause(ouro_ws *ws);
OURO_API void ouro_ws_resume(ouro_ws *ws);

/* ---- What goes ---- */

/* One message, copied. The bytes that now wait to leave: when that is more than `high`, go on after
 * on_drain. OURO_EBUSY: there is no room in queue_max (OURO_SLOW_TELL, or it alone is too large);
 * -EINVAL: the text is no UTF-8, a ping of more than 125 bytes; OURO_ECLOSED, or the error that
 * broke it; -ENOTCONN: not open yet; -EAGAIN: a client without randomness; -ENOMEM. On a
 * refusal nothing has happened. */
OURO_API int64_t ouro_ws_text(ouro_ws *ws, ouro_str text);
OURO_API int64_t ouro_ws_binary(ouro_ws *ws, ouro_str bytes);
OURO_API int64_t ouro_ws_ping(ouro_ws *ws, ouro_str bytes);

OURO_API size_t ouro_ws_queued(const ouro_ws *ws);

/* There were more than `high`, now there are no more than `low`. And: a pong has come. */
typedef void  ouro_ws_drain_fn(ouro_ws *ws, void *arg);
typedef void  ouro_ws_pong_fn(ouro_ws *ws, ouro_str bytes, void *arg);
OURO_API void ouro_ws_on_drain(ouro_ws *ws, ouro_ws_drain_fn *fn);
OURO_API void ouro_ws_on_pong(ouro_ws *ws, ouro_ws_pong_fn *fn);

/* ---- The end ---- */

/* close  sends what waits, then a close frame, and gives the peer close_ms for its own. No message
 *        comes any more, but the last call does. code: 1000, or 1001 (going away), 1008 (policy),
 *        1011 (our mistake), 3000 to 4999 (yours); reason: at most 123 bytes of UTF-8. 0; -EINVAL:
 *        no such code or reason; OURO_ECLOSED: it is at its end already, or NULL.
 * cut    at once, without a word to anybody; takes NULL. Then on_close. */
OURO_API int  ouro_ws_close(ouro_ws *ws, int code, ouro_str reason);
OURO_API void ouro_ws_cut(ouro_ws *ws);
OURO_API void ouro_ws_on_close(ouro_ws *ws, ouro_close_fn *fn);

OURO_API void  ouro_ws_set_arg(ouro_ws *ws, void *arg);
OURO_API void *ouro_ws_arg(const ouro_ws *ws);

/* The stream below, to look at: peer, local address, name, whether it holds the loop. What it reads
 * is the WebSocket's: ouro_stream_read() and on_gone answer -EINVAL. */
OURO_API ouro_stream *ouro_ws_stream(const ouro_ws *ws);
OURO_API ouro_loop   *ouro_ws_loop(const ouro_ws *ws);
OURO_END
#endif
