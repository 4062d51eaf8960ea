/* fetch.h -- HTTP/1.1 clients: asks, answers, and connections that are kept for the next ask.
 *
 *     static void on_page(int err, const ouro_answer *answer, void *arg)
 *     {
 *             if (!err && ouro_answer_status(answer) == 200)
 *                     show(ouro_answer_body(answer));
 *     }
 *     ...
 *     ouro_http_get(loop, "http://example.org/", on_page, NULL);
 *
 * A fetch is one ask, its answer, and whatever lies between: a name looked up, a connection made or
 * taken from those that are kept, redirects. It ends with its one callback, so it is a token: there
 * is nothing to free, and using one after its time does nothing.
 *
 * Answers are read as strictly as ouro's server reads requests. What two readers could take for two
 * things is OURO_EPROTO, what does not end is OURO_ETOOBIG, and such a connection is never used
 * again. Any status that is HTTP is a good answer: 404 is no error.
 *
 * Connections are kept, each loop for itself, and an ask to the same place takes one of them. The
 * server may close such a connection in the very moment of the ask. Then, and only then, ouro asks
 * once more, on a new one: when nothing of an answer had come, and the method may be repeated (RFC
 * 9110, 9.2.2) or nothing of the ask had left. ouro_answer_retried() says so.
 *
 * http:// only; https:// is refused with -EPROTONOSUPPORT. All of it on the loop's thread. */
#ifndef OURO_FETCH_H
#define OURO_FETCH_H
#include "ouro/error.h"
#include "ouro/http.h"
#include "ouro/loop.h"
#include "ouro/str.h"
OURO_BEGIN

typedef struct ouro_fetch {
	uint64_t id; /* 0: none */
} ouro_fetch;

typedef struct ouro_answer ouro_answer;

/* The end of a fetch, called exactly once, later. err 0: the answer is whole. Else there is none to
 * rely on, but what has come of it can be asked for all the same: OURO_EPROTO, OURO_ETOOBIG,
 * OURO_ETIMEOUT, OURO_ECANCELED; -ECONNRESET: closed before an answer; -ECONNREFUSED and what else
 * ouro_connect() says; OURO_EBUSY: too many wait; -ELOOP: too many redirects; -EINVAL: no URL, or
 * an option that makes no sense; -ENOMEM. The answer is borrowed until fn returns, and never NULL.
 * */
typedef void ouro_fetch_fn(int err, const ouro_answer *answer, void *arg);

/* The head of the answer is there; a piece of its body, never empty, borrowed until fn returns; and
 * more of a body that is written piece by piece is welcome. */
typedef void ouro_fetch_head_fn(ouro_fetch fetch, const ouro_answer *answer, void *arg);
typedef void ouro_fetch_piece_fn(ouro_fetch fetch, ouro_str piece, void *arg);
typedef void ouro_fetch_drain_fn(ouro_fetch fetch, void *arg);

typedef struct ouro_field {
	const char *name; /* NULL: the one behind the last */
	ouro_str    value;
} ouro_field;

typedef struct ouro_fetch_opts {
	const char *url;       /* "http://example.org:8080/path?query" */
	const char *unix_path; /* connect there; the URL says the rest; NULL: to the URL's host */
	const char *method;    /* NULL: GET */
	const ouro_field *fields; /* Host among them replaces the URL's; NULL: none */
	const char       *type;   /* Content-Type of the body; NULL: none said */

	/* The body: whole, or, with upload, by ouro_fetch_write(). */
	ouro_str body;
	bool     upload;
	uint64_t length; /* of what will be written, if known; 0: chunked */

	ouro_fetch_head_fn  *on_head;  /* NULL: not wanted */
	ouro_fetch_piece_fn *on_piece; /* NULL: the body is gathered, for ouro_answer_body() */
	ouro_fetch_drain_fn *on_drain; /* of an upload, after more than 64 KiB waited */

	/* Limits. */
	size_t   body_max;  /* bytes of the answer's; 0: 1 MiB, to on_piece any */
	uint32_t head_max;  /* bytes of its head; 0: 16 KiB; at most 65535 */
	unsigned redirects; /* followed; -ELOOP beyond; 0: none, a 3xx is the answer */

	/* Deadlines; OURO_NEVER takes one away. */
	unsigned connect_ms;  /* to be connected, names included; 0: 10 s */
	unsigned head_ms;     /* the head, from when the ask has left; 0: 30 s */
	unsigned progress_ms; /* of a body no byte comes, or leaves; 0: 30 s */
	unsigned whole_ms;    /* all of it, waiting and redirects too; 0: 120 s, to on_piece none */
} ouro_fetch_opts;

/* Asks. {0} with errno set, and then fn is never called: ENOMEM, not even to say so later; or the
 * loop is ending, ECANCELED. Everything else comes through fn. Fields that are ouro's own are
 * -EINVAL: Connection, Content-Length, Transfer-Encoding, Upgrade, Keep-Alive, TE, Trailer; and so
 * is CONNECT. A fetch keeps the loop alive.
 *
 * A redirect keeps method and body for 307 and 308, goes on with GET for 303, and for 301 and 302
 * to a POST. Across origins Authorization, Cookie, Proxy-Authorization and Host are left behind.
 * One that would need a written body again is not followed: it is the answer. */
OURO_API ouro_fetch ouro_http_fetch(ouro_loop *loop, const ouro_fetch_opts *opts, ouro_fetch_fn *fn,
				    void *arg);
OURO_API ouro_fetch ouro_http_get(ouro_loop *loop, const char *url, ouro_fetch_fn *fn, void *arg);

/* At whatever moment: fn gets OURO_ECANCELED, later, and no other callback comes before. False: it
 * has ended, or been cancelled. */
OURO_API bool ouro_fetch_cancel(ouro_loop *loop, ouro_fetch fetch);

/* No pieces until resume, and no more bytes from the server than fit into the kernel; progress_ms
 * stands still. Resume never calls back before it has returned. False: it has ended. */
OURO_API bool ouro_fetch_pause(ouro_loop *loop, ouro_fetch fetch);
OURO_API bool ouro_fetch_resume(ouro_loop *loop, ouro_fetch fetch);

/* The body of an upload, copied, from the moment the fetch was asked for. write: the bytes that
 * wait to leave; above 64 KiB stop, and go on from on_drain (nothing keeps you from going on at
 * once, but it takes memory). end: 0, that was all. Both: OURO_ECLOSED: the fetch has ended, or its
 * body has, the answer came first, or it is no upload; -ENOMEM; -EINVAL: more or less than
 * `length`, and the fetch ends with it. */
OURO_API int64_t ouro_fetch_write(ouro_loop *loop, ouro_fetch fetch, ouro_str piece);
OURO_API int     ouro_fetch_end(ouro_loop *loop, ouro_fetch fetch);

/* ---- Answers ---- */

/* What is not there has a NULL ptr; a zero stands behind every string and the whole body. status 0:
 * no answer has come. length: as it was said; UINT64_MAX: it was not. url: the last that was asked,
 * without a fragment. Trailers are read and dropped. */
OURO_API int      ouro_answer_status(const ouro_answer *answer);
OURO_API ouro_str ouro_answer_reason(const ouro_answer *answer);
OURO_API int      ouro_answer_version(const ouro_answer *answer); /* 10 or 11 */
OURO_API ouro_str ouro_answer_header(const ouro_answer *answer, const char *name);
OURO_API ouro_str ouro_answer_header_nth(const ouro_answer *answer, const char *name, unsigned n);
OURO_API unsigned ouro_answer_headers(const ouro_answer *answer);
OURO_API ouro_str ouro_answer_header_at(const ouro_answer *answer, unsigned i, ouro_str *ret_value);
OURO_API ouro_str ouro_answer_body(const ouro_answer *answer); /* gathered */
OURO_API uint64_t ouro_answer_length(const ouro_answer *answer);
OURO_API const char *ouro_answer_url(const ouro_answer *answer);
OURO_API unsigned    ouro_answer_redirects(const ouro_answer *answer); /* followed */
OURO_API bool        ouro_answer_reused(const ouro_answer *answer);    /* a kept connection */
OURO_API bool        ouro_answer_retried(const ouro_answer *answer);   /* asked twice: see above */

/* ---- Reverse proxies ---- */

/* The request goes on to opts->url, and what comes back goes to its client, both as they come: a
 * slow side pauses the other, and neither body is here as a whole. (A request's is, if its route
 * does not stream.) Method and body are the request's, and so are the fields, but for those about
 * the connection, Host, and those that opts->fields has instead. Callbacks in opts are not called.
 *
 * It is answered in every case: when nothing comes back by 504 (too late), 503 (too many, or no
 * memory) or 502, else as far as there is anything, and then cut off. When the client goes, so does
 * the fetch. */
OURO_API void ouro_req_forward(ouro_req *req, const ouro_fetch_opts *opts);

/* ---- The connections of a loop ---- */

typedef struct ouro_client_opts {
	unsigned per_origin; /* connections to one place at once; more asks wait; 0: 64 */
	unsigned total;      /* to all; the longest idle one makes room; 0: 1024 */
	unsigned waiting;    /* asks that may wait for one, else OURO_EBUSY; 0: any */
	unsigned idle_ms;    /* an unused one is closed; shorter than servers wait; 0: 4 s */
} ouro_client_opts;

/* From now on; idle connections are closed. NULL: the defaults again. 0 or -ENOMEM; OURO_ECLOSED:
 * the loop is ending. */
OURO_API int ouro_client_set(ouro_loop *loop, const ouro_client_opts *opts);

typedef struct ouro_client_stats {
	uint64_t fetches, waiting;  /* out now; of those, without a connection */
	uint64_t connections, idle; /* open now; of those, without a fetch */
	uint64_t made, asked;       /* connections, and asks that were sent, so far */
	uint64_t retried;           /* of them: a second time */
} ouro_client_stats;
OURO_API void ouro_client_get_stats(ouro_loop *loop, ouro_client_stats *ret_stats);
OURO_END
#endif
