/* http.h -- HTTP/1.1 servers: requests in, answers out, each whenever it is ready.
 *
 *     static void hello(ouro_req *req, void *arg)
 *     {
 *             ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
 *     }
 *     ...
 *     err = ouro_http_listen(loop, &(ouro_http_opts){ .port = 8080, .on_request = hello }, NULL);
 *
 * A handler is called when the head of a request is whole and can be read in one way only, and its
 * body is there (a route that streams gets it piece by piece). What RFC 9110 or 9112 forbid, and
 * what two readers could take for two things, never reaches it: its sender gets a 400 or the like,
 * and the connection ends.
 *
 * A request belongs to its handler until it is answered: with reply, fail or redirect, or with
 * start, write and end. A handler that will answer later says so with ouro_req_later(); one that
 * returns without an answer and without that has forgotten it, so ouro answers 500 and logs the
 * route. When the client has gone the request stays valid all the same: answering it is harmless,
 * and says OURO_ECLOSED. After the answer the pointer is dead; an ouro_req_id never is.
 *
 * All of it on the loop's thread; another thread answers by ouro_loop_post() and an ouro_req_id. */
#ifndef OURO_HTTP_H
#define OURO_HTTP_H
#include "ouro/addr.h"
#include "ouro/io.h"
#include "ouro/loop.h"
#include "ouro/net.h"
#include "ouro/str.h"
OURO_BEGIN

typedef struct ouro_server ouro_server;
typedef struct ouro_req    ouro_req;
typedef void               ouro_req_fn(ouro_req *req, void *arg);

/* ---- Routes ---- */

/* One line of a table; the last has a NULL path. The path decides first, then the method; of two
 * paths the more exact one wins, whatever the order: where they differ first, letters go before
 * ":name", which is one segment and not empty, and that before a tree.
 *
 * "/" alone is that path and no tree; what no line takes is on_request's, or 404. "/files" is sent
 * on to the tree "/files/" (308) when no line takes it; "/users/" is not "/users". A method nobody
 * has there is 405 with Allow; HEAD is answered by what answers GET, without the body; OPTIONS by
 * itself. "*" is the path of `OPTIONS *` and of CONNECT; no line for CONNECT is 501.
 *
 * In a table below "/users" the path "/" is "/users" itself. What a table's line says of stream,
 * body_max, answer_ms and no_shed, its lines say too when they say nothing. */
typedef struct ouro_route {
	const char  *method; /* "GET"; NULL: any */
	const char  *path;   /* "/users/:id"; "/files/", ending in a slash: that and all below it */
	ouro_req_fn *fn;
	void        *arg; /* NULL: the server's arg */

	ouro_req_fn             *wrap;   /* runs first and calls ouro_req_next(), or answers */
	const struct ouro_route *routes; /* instead of fn: a table for what is below path; its */
					 /* requests pass this line's wrap first */
	bool     stream;   /* call fn when the head is there; it asks for the body: ouro_req_read */
	size_t   body_max; /* of this route; 0: the server's; streams: 0: any */
	unsigned answer_ms; /* of this route; 0: the server's */
	bool     no_shed;   /* answered under overload too: see shed.h */
} ouro_route;

/* From a wrapper: goes on to the next one, or to the handler. May be called later. */
OURO_API void ouro_req_next(ouro_req *req);

/* ---- Servers ---- */

/* An answer has left, or never will: for an access log. The first byte of a request is there when a
 * poll has said so (what the kernel had while the loop was held, nobody can tell), or, behind
 * another request, when that is out of the way. */
typedef struct ouro_req_done {
	int      status; /* what was answered; 0: the client was gone before */
	int      err;    /* 0: the kernel has taken all of it; -ECONNRESET, OURO_ETIMEOUT, ... */
	uint64_t bytes;  /* that the kernel took: head and body */
	uint64_t ns;     /* from the first byte of the request */
	/* Of those, until its handler (or first wrapper) was called: others had their turn first, or its
	 * body was on its way. 0: no handler was called. */
	uint64_t queued_ns;
} ouro_req_done;
typedef void ouro_req_done_fn(ouro_req *req, const ouro_req_done *done, void *arg);

typedef struct ouro_http_opts {
	const char       *host;       /* "127.0.0.1", "::1", "localhost"; NULL: every address */
	uint16_t          port;       /* 0: any free one, see ouro_server_port() */
	const char       *unix_path;  /* instead of host and port */
	const ouro_route *routes;     /* kept by address: must stay as long as the server */
	ouro_req_fn      *on_request; /* for what no route takes; NULL: 404 */
	void             *arg;        /* handed to every callback of this server */
	size_t            body_max;   /* bytes; 0: 1 MiB, streams: any; more is 413 */
	unsigned          idle_ms;    /* a kept-alive connection without a request; 0: 75 s */

	/* Deadlines; OURO_NEVER takes one away. */
	unsigned head_ms; /* the whole head, from its first byte; and that, from accept; 0: 10 s */
	unsigned body_ms; /* in each such time body_rate bytes a second must come; 0: 20 s */
	unsigned body_rate;  /* 0: 500 */
	unsigned write_ms;   /* the peer takes nothing of a waiting answer; 0: 30 s */
	unsigned request_ms; /* the whole request, from its first byte; 0: none */
	unsigned answer_ms;  /* the handler; then 504; 0: none */
	unsigned linger_ms;  /* after a last answer: reading what still comes, unread; 0: 5 s */

	/* Limits. */
	uint32_t head_max;     /* bytes of request line and fields; 0: 16 KiB; 431; to 65535 */
	uint32_t target_max;   /* bytes of the target; 0: 8 KiB; 414 */
	uint32_t fields_max;   /* 0: 100, and not more; 431 */
	size_t   unread_max;   /* of a body nobody read, to keep the connection; 0: 256 KiB */
	size_t   high;         /* bytes of an answer waiting; 0: 64 KiB */
	unsigned pipeline_max; /* requests of one connection in one turn; 0: 64 */
	unsigned connection_requests; /* requests a connection; 0: any */
	/* At once: the longest idle one makes room, else new ones wait; 0: as many as there are
	 * descriptors. */
	unsigned connections_max;
	unsigned per_address; /* connections from one address; 0: any; more are 503 */

	/* The socket: see ouro_listen_opts in net.h. */
	int      fd;        /* an inherited, listening one; 0: none */
	unsigned backlog;   /* 0: 511 */
	unsigned unix_mode; /* 0: as the umask says */
	bool     reuse_port;
	bool     v6_only;

	ouro_req_done_fn *on_done; /* every answer; NULL: not wanted */
	bool              stream;  /* as in a route, for on_request */

	/* Names it answers to, without a port; the last is NULL; others are 421. NULL: every name. Kept by
	 * address. */
	const char *const *hosts;
	bool               length_required; /* a body that does not say its length first is 411 */

	const struct ouro_shed_opts *shed; /* overload: see shed.h. Copied; NULL: never says no */

	unsigned delay_ms; /* ouro_loop_main(): served so long after SIGTERM; 0: not at all */

	ouro_req_fn *wrap;     /* before every handler, and the wraps of routes: as theirs */
	void        *wrap_arg; /* what it is given; NULL: arg */
} ouro_http_opts;

/* Listens and serves. *ret_server; NULL: not wanted, it lives as long as the loop. 0, or
 * -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EMFILE, -ENOMEM; -EINVAL for an option that makes no
 * sense, which the loop's on_log is told in words. */
OURO_API int ouro_http_listen(ouro_loop *loop, const ouro_http_opts *opts,
			      ouro_server **ret_server) OURO_MUST_CHECK;

/* The same without a socket of its own: connections come by ouro_server_adopt() alone. */
OURO_API int ouro_http_open(ouro_loop *loop, const ouro_http_opts *opts,
			    ouro_server **ret_server) OURO_MUST_CHECK;

/* Serves a connected stream socket, of whatever family. 0, and the descriptor is the server's; or
 * -errno, and it is still yours: -ENOTSOCK, -ENOMEM; OURO_ECLOSED after close. */
OURO_API int ouro_server_adopt(ouro_server *server, int fd) OURO_MUST_CHECK;

/* Ends in peace: nothing new is accepted, idle connections are closed at once, every request that
 * has come is answered, and the last answer of a connection says `Connection: close`. WebSockets
 * are told 1001 (going away), event streams end as whole answers. What is not done after deadline_ms
 * is cut off. 0: at once; OURO_NEVER: no deadline. A second call can only make the end come sooner.
 * Streams that requests have become by ouro_req_upgrade() are yours, and left alone. */
OURO_API void ouro_server_close(ouro_server *server, unsigned deadline_ms);

/* Announces the end: for delay_ms it accepts and serves as before, but each answer is the last of
 * its connection, so that clients leave by themselves, and ouro_health_ready() says no, so that
 * whoever sends clients here sends them elsewhere. Then ouro_server_close(server, deadline_ms).
 * 0: that at once. A second call can only make it come sooner. */
OURO_API void ouro_server_close_after(ouro_server *server, unsigned delay_ms, unsigned deadline_ms);

/* Has its end begun, or been announced? */
OURO_API bool ouro_server_is_ending(const ouro_server *server);

/* Called once when the last connection has ended. */
typedef struct ouro_server_report {
	uint64_t requests; /* answered in the server's life */
	uint64_t finished; /* of those that were under way when the end began */
	uint64_t cut;      /* that the deadline cut off: connections in mid-request, WebSockets */
	uint64_t sockets, feeds; /* WebSockets and event streams that were told of the end */
} ouro_server_report;
typedef void  ouro_server_end_fn(const ouro_server_report *report, void *arg);
OURO_API void ouro_server_on_close(ouro_server *server, ouro_server_end_fn *fn);

/* As of the address it listens at; 0: a Unix socket, or none. */
OURO_API uint16_t ouro_server_port(const ouro_server *server);

/* "http://127.0.0.1:8080/", "http://[::1]:8080/", "unix:/run/x.sock"; for every address
 * "http://localhost:8080/". Borrowed as long as the server lives. */
OURO_API const char *ouro_server_url(const ouro_server *server);

OURO_API ouro_loop *ouro_server_loop(const ouro_server *server);

/* Whether it keeps the loop alive; a new one does. */
OURO_API void ouro_server_hold(ouro_server *server, bool hold);
OURO_API int  ouro_server_set_name(ouro_server *server, const char *name);

typedef struct ouro_server_stats {
	uint64_t connections, idle;  /* open now; of those, without a request */
	uint64_t waiting;            /* requests that a handler has not answered yet */
	uint64_t accepted, requests; /* in all: connections, answers */
	uint64_t refused;            /* requests that were no good HTTP, or over a limit */
	uint64_t timeouts;           /* connections that a deadline ended */
	uint64_t gone;               /* clients that left before their answer */
	uint64_t forgotten;          /* requests that nobody would have answered */
	uint64_t bytes_in, bytes_out;
	uint64_t shed; /* requests that were answered 503 because there was too much to do */
} ouro_server_stats;
OURO_API void ouro_server_get_stats(const ouro_server *server, ouro_server_stats *ret_stats);

/* What each connection is at, to be printed: "answer", and "the application's answer". Borrowed
 * until fn returns, which must not close anything. How many there are. */
typedef struct ouro_connection {
	ouro_addr   peer;
	const char *step, *waits_for;
	const char *route; /* of the request that is under way; NULL: none */
	uint64_t    requests;
	int         fd;
} ouro_connection;
typedef void    ouro_connection_fn(const ouro_connection *connection, void *arg);
OURO_API size_t ouro_server_connections(const ouro_server *server, ouro_connection_fn *fn,
					void *arg);

/* ---- Requests: borrowed until the request is answered ---- */

/* A zero stands behind every string here, so .ptr is a C string too. What is absent has a NULL ptr;
 * what is there and empty has not. In a path `%2F` and `%25` stay as they are, so that it can be
 * split at its slashes; a `:name` and a tree's rest are decoded to the end. */
OURO_API ouro_str ouro_req_method(const ouro_req *req);
OURO_API ouro_str ouro_req_path(ouro_req *req);          /* decoded, without dot segments */
OURO_API ouro_str ouro_req_target(const ouro_req *req);  /* as it was sent */
OURO_API ouro_str ouro_req_host(ouro_req *req);          /* "example.org:8080" */
OURO_API int      ouro_req_version(const ouro_req *req); /* 10 or 11 */

/* The first field of that name, in whatever case; the nth, from 0; the number of all fields, and
 * the nth of them. */
OURO_API ouro_str ouro_req_header(const ouro_req *req, const char *name);
OURO_API ouro_str ouro_req_header_nth(const ouro_req *req, const char *name, unsigned n);
OURO_API unsigned ouro_req_headers(const ouro_req *req);
OURO_API ouro_str ouro_req_header_at(const ouro_req *req, unsigned i, ouro_str *ret_value);

/* Decoded values of `?name=value&...`, of a cookie, of a field of a form that is the body (its type
 * is application/x-www-form-urlencoded, or multipart/form-data, all of it good; files and bodies
 * that are streamed: see form.h), of a route's `:name`. nth as above. No memory: absent. */
OURO_API ouro_str ouro_req_query(ouro_req *req, const char *name);
OURO_API ouro_str ouro_req_query_nth(ouro_req *req, const char *name, unsigned n);
OURO_API ouro_str ouro_req_form(ouro_req *req, const char *name);
OURO_API ouro_str ouro_req_form_nth(ouro_req *req, const char *name, unsigned n);
OURO_API ouro_str ouro_req_cookie(ouro_req *req, const char *name);
OURO_API ouro_str ouro_req_param(ouro_req *req, const char *name);
OURO_API ouro_str ouro_req_rest(ouro_req *req);               /* below a tree's path */
OURO_API ouro_str ouro_req_query_string(const ouro_req *req); /* as it was sent */
OURO_API ouro_str ouro_req_type(ouro_req *req);               /* of the body: "text/html" */

/* The path of the route that took it, "/users/:id"; NULL: none did. */
OURO_API const char      *ouro_req_route(const ouro_req *req);
OURO_API const ouro_addr *ouro_req_peer(ouro_req *req); /* NULL: no memory */
OURO_API ouro_loop       *ouro_req_loop(const ouro_req *req);
OURO_API ouro_server     *ouro_req_server(const ouro_req *req);

/* By what name logs know it, for other services to know it by, too: what X-Request-Id says, if that
 * is 1 to 128 letters, digits and -_.~:+/=@, else 32 hexadecimal digits that no other request has.
 * The same each time it is asked. No memory: absent. */
OURO_API ouro_str ouro_req_trace(ouro_req *req);

/* A pointer of your own that goes with the request; NULL at first. */
OURO_API void  ouro_req_set_data(ouro_req *req, void *data);
OURO_API void *ouro_req_data(const ouro_req *req);

/* Memory that lives as long as the request; zeroed, aligned for anything. NULL: none. And text in
 * such memory; absent: none. */
OURO_API void    *ouro_req_alloc(ouro_req *req, size_t n) OURO_MUST_CHECK;
OURO_API ouro_str ouro_req_printf(ouro_req *req, const char *fmt, ...) OURO_PRINTF(2, 3);

/* ---- Later ---- */

/* "I will answer, after I have returned." Answers req itself, so that it can be said where the
 * request is handed on: ouro_timer_after(loop, 100, answer, ouro_req_later(req)). */
OURO_API ouro_req *ouro_req_later(ouro_req *req);

/* "I will not answer after all": 500, and a line in the log that names the route. An answer that
 * has begun is cut off, so that the client sees that it is not whole. */
OURO_API void ouro_req_drop(ouro_req *req);

/* A plain value that stands for the request and never dangles; any thread may keep it. find: the
 * request, or NULL when it was answered. */
typedef struct ouro_req_id {
	uint64_t id; /* 0: none */
} ouro_req_id;
OURO_API ouro_req_id ouro_req_get_id(const ouro_req *req);
OURO_API ouro_req   *ouro_req_find(ouro_loop *loop, ouro_req_id id);

/* The client has closed its side (OURO_EOF: it may still wait for the answer), or is gone for good
 * (-ECONNRESET, -EPIPE, OURO_ETIMEOUT; OURO_ECANCELED: the server was closed). Told when it is
 * noticed, EOF and one of the others both if both happen. The request is still to be answered. */
typedef void  ouro_req_gone_fn(ouro_req *req, int err, void *arg);
OURO_API void ouro_req_on_gone(ouro_req *req, ouro_req_gone_fn *fn, void *arg);
OURO_API bool ouro_req_is_gone(const ouro_req *req);

/* As the server's on_done, for one request, and before it. When the client goes first it is called
 * after the handler has answered all the same, or dropped it. */
OURO_API void ouro_req_on_done(ouro_req *req, ouro_req_done_fn *fn, void *arg);

/* ---- The body of a request ---- */

/* All of it, when the route does not stream; empty when there is none. */
OURO_API ouro_str ouro_req_body(const ouro_req *req);

/* How long it says it is; UINT64_MAX: it does not. */
OURO_API uint64_t ouro_req_length(const ouro_req *req);

/* How much of it has come so far: of a stream, how much was handed on. */
OURO_API uint64_t ouro_req_received(const ouro_req *req);

/* Piece by piece, from a route that streams: in order, never empty, each borrowed until fn returns.
 * The last call has no piece: err OURO_EOF: that was all; OURO_ETOOBIG: over body_max; OURO_EPROTO,
 * -ECONNRESET, OURO_ETIMEOUT: it will never be whole. In every case the request is still to be
 * answered (too big: 413 by ouro_req_fail). A client that asked for it is told `100 Continue` now.
 * While it reads, the handler has said that it answers later. 0 or -EINVAL: asked before. */
typedef void ouro_body_fn(ouro_req *req, int err, ouro_str piece, void *arg);
OURO_API int ouro_req_read(ouro_req *req, ouro_body_fn *fn, void *arg);

/* No more pieces until resume, and no more bytes from the client than fit into the kernel. Resume
 * never calls back before it has returned. */
OURO_API void ouro_req_pause(ouro_req *req);
OURO_API void ouro_req_resume(ouro_req *req);

/* Into a file, through the pool, at the disk's pace: a new one, or what is there is replaced. fn:
 * how many bytes, or what went wrong (as above, or -errno of the file, which is then removed). */
typedef void ouro_save_fn(ouro_req *req, int err, uint64_t bytes, void *arg);

/* 0, and fn will be called, later; -EINVAL: the route does not stream, or the body was asked for before;
 * -ENOMEM, -EMFILE. Refused, the request is still to be answered. */
OURO_API int ouro_req_save(ouro_req *req, const char *path, ouro_save_fn *fn, void *arg);

/* ---- The answer ---- */

/* 0: it is on its way. Refused, and then nothing has happened: OURO_ECLOSED: the client has gone,
 * and the request has ended all the same; -EALREADY: it is answered already, which is logged with
 * the route; -EINVAL: a status or a field that HTTP does not know, a body where none may be;
 * -ENOMEM: answered 500 if there is memory for that, else cut off. */

/* Whole. type NULL: no Content-Type. Copied or sent before it returns; _static: the body is never
 * copied and must stay for ever. */
OURO_API int ouro_req_reply(ouro_req *req, int status, const char *type, ouro_str body);
OURO_API int ouro_req_reply_static(ouro_req *req, int status, const char *type, ouro_str body);
OURO_API int ouro_req_replyf(ouro_req *req, int status, const char *type, const char *fmt, ...)
	OURO_PRINTF(4, 5);

/* A status without a body worth the name: its sentence, as text. Of an error: -ENOENT 404, -EACCES
 * and -EPERM 403, OURO_ETOOBIG 413, -EMEDIUMTYPE 415, OURO_EBUSY and -EMFILE 503, OURO_ETIMEOUT 504,
 * -ENOSPC and -EDQUOT 507; OURO_EPROTO, -EINVAL and, of a body that broke off, -ECONNRESET 400; the
 * rest 500. To another place: 301, 302, 303, 307, or 308. */
OURO_API int ouro_req_status(ouro_req *req, int status);
OURO_API int ouro_req_fail(ouro_req *req, int err);
OURO_API int ouro_req_redirect(ouro_req *req, int status, const char *location);

/* Fields of the answer, before it starts. set replaces all of that name, add puts one more beside
 * them, unset takes all away. 0; -EINVAL: not a name, or a value with a line end or a control in
 * it, or a field that is ouro's own (Connection, Content-Length, Transfer-Encoding, Upgrade);
 * -EALREADY: it has started; -ENOMEM. Date is there unless it is set or unset. */
OURO_API int ouro_req_set(ouro_req *req, const char *name, ouro_str value);
OURO_API int ouro_req_add(ouro_req *req, const char *name, ouro_str value);
OURO_API int ouro_req_unset(ouro_req *req, const char *name);

/* Piece by piece. start sends the head, with the first piece if one follows in this turn. The body
 * is chunked; a length set before makes it that long, and more or less of it an error that cuts the
 * connection; to a client of 1.0 it ends with the connection. write: the bytes waiting for the
 * peer, these among them: from `high` on stop, and go on from on_drain (nothing stops you from
 * going on, but it takes memory). OURO_EOF: this answer has no body (HEAD, 204, 304), and
 * OURO_ECLOSED: the client has gone; both are still to be ended. -ENOMEM: it was cut off, and has
 * ended. end: see above. Ask for the body of the request (ouro_req_read) before you start the
 * answer: else one that is longer than unread_max ends the connection. */
OURO_API int     ouro_req_set_length(ouro_req *req, uint64_t length);
OURO_API int     ouro_req_start(ouro_req *req, int status, const char *type);
OURO_API int64_t ouro_req_write(ouro_req *req, ouro_str piece);
OURO_API int64_t ouro_req_write_static(ouro_req *req, ouro_str piece);
OURO_API int     ouro_req_end(ouro_req *req);

/* A field after a chunked body, told at its end; a client that did not say `TE: trailers` may lose
 * it. 0; -EINVAL: not chunked, or no field for a trailer. */
OURO_API int ouro_req_trailer(ouro_req *req, const char *name, ouro_str value);

/* What waits for the peer; and: it has all left, after there was `high` of it. on_drain is
 * called once more when the client has gone, unless on_gone is: write then says OURO_ECLOSED, and
 * the request is still to be ended. */
OURO_API size_t ouro_req_queued(const ouro_req *req);
OURO_API void   ouro_req_on_drain(ouro_req *req, ouro_req_fn *fn, void *arg);

/* An answer before the answer: 102 or 103, with the fields that are set so far, which are then
 * forgotten. Nothing to a client of 1.0. 0; -EINVAL: another status; -EALREADY: the answer has begun;
 * OURO_ECLOSED; -ENOMEM: it was cut off. */
OURO_API int ouro_req_inform(ouro_req *req, int status);

/* The connection becomes a stream of yours: 101 to `Upgrade: protocol` (NULL: what was asked for),
 * 200 to CONNECT, which comes only to a route that names that method; with the fields that are set.
 * What the client sent behind its request is the first that the stream reads. The request has
 * ended. 0; -EINVAL: it did not ask; OURO_ECLOSED; -ENOMEM. */
OURO_API int ouro_req_upgrade(ouro_req *req, const char *protocol,
			      ouro_stream **ret_stream) OURO_MUST_CHECK;

/* "Not Found" for 404; "" for a number without a name. Any thread. It is static. */
OURO_API const char *ouro_status_text(int status);
OURO_END
#endif
