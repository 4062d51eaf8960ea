/* core.h -- what servers, connections and requests are made of.
 *
 *     server   a listening socket, limits, lists of deadlines: server.c
 *     conn     a socket and the step it is at: conn.c. All there is of one that is idle
 *     req      one request and its answer, with the memory for both. A connection has one from the
 *              first byte of a request until the last of its answer has left, and only one: the
 *              next of a pipeline waits for the answer before it, and then takes its place
 *
 * A request whose client has gone while its handler still has it goes on without a connection,
 * until it is answered. Each part is changed by its own file alone; the other files read it. */
#ifndef OURO__CORE_H
#define OURO__CORE_H
#include "base/slab.h"
#include "http/due.h"
#include "http/parse.h"
#include "http/server.h"
#include "loop/flush.h"
#include "loop/handle.h"
#include "net/accept.h"
#include "net/origin.h"
#include "net/out.h"
#include "net/peers.h"

/* A step, and what a connection waits for there. One list makes the enum, the functions and the
 * table in steps.c. */
#define CONN_STEPS(X)                                   \
	X(idle, "the first byte of a request")          \
	X(head, "the rest of a head")                   \
	X(body, "the rest of a body")                   \
	X(answer, "the application's answer")           \
	X(rest, "the rest of a body that nobody reads") \
	X(flush, "the peer to take the answer")         \
	X(linger, "the peer to close its side")         \
	X(closed, "nothing")

enum conn_step {
#define X(name, waits) CONN_##name,
	CONN_STEPS(X)
#undef X
};

/* What a connection may wait for only so long; one list of deadlines each. `open` has none. */
#define CONN_DUES(X) X(open) X(idle) X(head) X(body) X(write) X(linger)

enum conn_due {
#define X(name) DUE_##name,
	CONN_DUES(X)
#undef X
		DUE_COUNT
};

struct conn {
	struct slab_record record;
	struct watch watch;
	struct ouro_server *server;
	ouro_req *req; /* NULL: idle */
	struct due due;
	struct origin origin;
	struct peer *counted; /* in the server's table of hosts; NULL: not */
	uint32_t requests;    /* so far */
	uint16_t in_turn;     /* of them, since the last look at other connections */
	uint8_t step;         /* enum conn_step */
	uint8_t due_kind;     /* enum conn_due: the list it is in */
	uint8_t farewells;    /* answers since the end was announced */
	bool working : 1;     /* conn_work() is on it: whoever ends it leaves freeing to that */
	bool last : 1;        /* no request after this one */
	bool peer_shut : 1;   /* the peer has closed its side */
	bool progress : 1;    /* the peer has taken, or sent, something since the deadline began */
	bool hand_over : 1;   /* the descriptor goes to a stream */
	bool watched : 1;     /* the watch has been started */
	bool asked_more : 1;  /* it had its share of this turn and has more */
};

enum body_state {
	BODY_UNASKED, /* nobody has asked for it yet */
	BODY_READING, /* pieces go to body.fn, or are gathered */
	BODY_WHOLE,   /* it has ended, or there is none */
	BODY_BROKEN   /* it will never be whole */
};

/* The body of a request on its way in: intake.c. */
struct intake {
	enum body_state state;
	bool paused, streamed, continued, told;
	int err; /* BODY_BROKEN: why */
	size_t max;
	char *bytes; /* gathered: in the window, or in memory of the request */
	size_t len, room;
	char *grown;           /* to be freed; NULL: bytes is not its own */
	uint64_t window_bytes; /* since the deadline began */
	ouro_body_fn *fn;
	void *arg;
};

enum answer_state { ANSWER_NONE, ANSWER_STARTED, ANSWER_ENDED };
enum framing { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE, FRAMING_NONE };

struct answer_field {
	struct answer_field *next;
	ouro_str name, value;
};

/* The answer on its way out: reply.c, piece.c. */
struct answer {
	enum answer_state state;
	enum framing framing;
	int status;
	bool has_length, no_body, cut, high;
	uint64_t length, left; /* of the body, when it was set */
	uint64_t sent;         /* bytes that the kernel took */
	size_t at_once;        /* of them, past the queue since the last flush */
	struct answer_field *fields, *trailers;
	ouro_req_fn *on_drain;
	void *drain_arg;
	const struct ouro_filter *filter; /* its body passes that; NULL: none */
	void *filter_arg;
	bool filtered; /* and has begun to */
};

/* Memory as long as a request. */
struct arena {
	struct page *pages;
	struct arena_block *blocks;
};

struct ouro_req {
	struct slab_record record;
	uint32_t magic;
	struct http *http;
	struct ouro_server *server; /* NULL: closed before the request was answered */
	struct conn *conn;          /* NULL: the client has gone */
	struct list link;           /* on server->waiting, while a handler has it */

	/* What came: bytes[begin..end) are not taken yet. */
	char *bytes;
	uint32_t room, begin, end;
	uint32_t base;     /* what lies before is pointed at */
	struct page *page; /* that bytes are in; NULL: they are a block of their own */
	char *retired;     /* a block that bytes were in before; NULL: none */
	const char *loan;  /* more of them, of this event only, in net->scratch */
	size_t loan_len;

	struct out out;
	struct flush flush;
	struct arena arena;
	struct due request_due, answer_due;
	ouro_timer answer_timer; /* instead of answer_due, for a route with a time of its own */

	/* From here on, up to match.param, all is zero when a request begins. */
	bool later;      /* the handler has said so */
	bool owned;      /* the handler has it and has not answered */
	bool running;    /* the handler, a wrapper or a body's callback is being called */
	bool proceed;    /* the next link of the chain is to be called */
	bool expired;    /* answer_due has passed */
	bool taken;      /* one of the server's shed->taken */
	bool stood_in;   /* another answers 504 in its place, and on_done hears of that one */
	uint16_t refuse; /* the status that a deadline wants answered */
	int gone;        /* the client has, and why */
	int broken;      /* the connection is to be given up, and why */
	uint64_t began, called; /* its first byte was there; its handler was called, or 0 */
	uint64_t trace_of;      /* whose name in logs it has; 0: its own */
	ouro_str trace;         /* once asked for */
	char *head;             /* NULL: not settled */
	unsigned at;            /* in match.chain */
	ouro_str path;
	char *path_z; /* the same with a zero behind it, once asked for */
	struct intake body;
	struct answer answer;
	struct save *save;      /* its body goes into a file; NULL: no */
	struct ouro_form *form; /* it is read as a form; NULL: no */
	ouro_req_gone_fn *on_gone;
	void *gone_arg;
	ouro_req_done_fn *on_done;
	void *done_arg;
	void *data;
	ouro_addr *peer;
	struct match match; /* but for its list of params: that is as long as it says */

	struct parse parse;
};

#define REQ_MAGIC 0x72657121u

struct ouro_server {
	struct handle base;
	struct list link; /* on http->servers */
	struct http *http;
	ouro_http_opts opts; /* every default filled in */
	struct head_limits limits;
	size_t stream_max; /* of a body that on_request reads piece by piece */
	const struct router_type *router_type;
	void *router;
	struct rest_chain rest;
	struct acceptor acceptor;
	bool listening, full;
	bool leaving;  /* the end has been announced: answers are the last of their connections */
	bool ending;   /* and has begun: nothing new */
	bool draining; /* what waits to be accepted is taken, and not looked at yet */
	char *url;

	struct due_list dues[DUE_COUNT], request_dues, answer_dues;
	struct list waiting; /* requests that handlers have */
	struct list feeds;   /* guests */
	size_t sockets;      /* so many more, which are found by http->terms */
	struct list hooks;   /* server.h */
	struct peers hosts;
	struct shed *shed; /* NULL: it has no marks */
	ouro_timer deadline;
	ouro_timer delay;     /* of an end that is announced */
	unsigned deadline_ms; /* of that end */
	ouro_server_end_fn *on_end;
	ouro_server_report report;
	ouro_server_stats stats;
};

/* What the servers of a loop share: hub.c. */
#define QUARANTINE 64
struct http {
	struct attachment base;
	struct ouro_loop *loop;
	struct net *net;
	struct slab conns, reqs;
	struct list servers;
	ouro_server_end_fn *on_end; /* of all of them */
	void *on_end_arg;
	ouro_server_report sum;
	struct list orphans; /* requests whose server has ended, and whose handlers have not */

	struct list terms; /* of WebSockets: ws_terms.c */

	ouro_req *spare; /* with its page, for the next request; NULL: none */

	/* Requests that were answered late rest before their place is used again, so that a second
	 * answer finds whose it is. */
	ouro_req *quarantine[QUARANTINE];
	unsigned resting;

	uint64_t trace_key[2];
	uint64_t date_until; /* in the loop's time */
	char date[40];       /* "Date: ...\r\n" */
	uint8_t date_len;
};

/* The loop's; NULL: no memory. And the same, not made for the asking: NULL: there is none. */
struct http *ouro__http_of(struct ouro_loop *loop);
struct http *ouro__http_find(const struct ouro_loop *loop);

/* Picks the key of its names for requests: trace.c. */
void ouro__trace_begin(struct http *http);

/* "Date: ...\r\n", of this second. */
ouro_str ouro__http_date(struct http *http);
#endif
