/* fetch.h -- what the client is made of: asks, connections, and the places they go to.
 *
 *     client   all of a loop, made at the first ask: fetch_pool.c
 *     host     one place, by name and port or by path, as long as anybody is there or on the way
 *     wire     one connection to it; a fetch has it, or it is idle: fetch_wire.c
 *     fetch    one ask and its answer, from asking to telling: fetch.c
 *
 * A fetch has a wire at most, and a wire a fetch. Whoever parts them clears both ends, so after any
 * call of a user's function `wire->fetch == fetch` tells whether to go on: a fetch that was
 * cancelled in it stays until the end of the turn, a wire that was closed until its stream is gone.
 * */
#ifndef OURO__FETCH_H
#define OURO__FETCH_H
#include "base/slab.h"
#include "http/due.h"
#include "http/fetch_url.h"
#include "http/response.h"
#include "loop/call.h"
#include "loop/flush.h"
#include "net/pages.h"
#include "ouro/fetch.h"
#include "ouro/net.h"

#define FETCH_HIGH ((size_t)64 << 10) /* bytes of an ask that wait, above which it is enough */

struct client {
	struct attachment base;
	struct ouro_loop *loop;
	struct net *net;
	struct slab records;
	struct list fetches, hosts;
	struct due_list idle;  /* wires, the longest idle first */
	ouro_client_opts opts; /* every default filled in */
	ouro_client_stats figures;
};

struct host {
	struct list link;    /* client->hosts */
	struct list idle;    /* wires; the last used last */
	struct list waiting; /* fetches */
	unsigned wires;      /* open ones, idle or not */
	bool is_path;        /* name is a Unix socket's */
	uint16_t port;
	char name[];
};

struct wire {
	struct client *client;
	struct host *host; /* NULL: closed */
	ouro_stream *stream;
	struct ouro_answer *fetch; /* NULL: idle, or closed */
	struct list link;          /* host->idle */
	struct due due;
	bool connected;
	bool used;  /* an answer has come over it */
	char *rest; /* what had come when its fetch was paused; NULL: nothing */
	size_t rest_len;
};

/* Where a fetch is, by what it waits for. */
enum fetch_step {
	FETCH_begin,
	FETCH_queue,   /* a connection */
	FETCH_connect, /* the server to be reached */
	FETCH_head,    /* the head of the answer */
	FETCH_body,    /* the rest of it */
	FETCH_end,     /* the end of the turn, to be told */
};

struct ouro_answer {
	struct slab_record record;
	uint32_t magic;
	uint8_t step; /* enum fetch_step */
	struct client *client;
	struct list link;  /* client->fetches */
	struct list queue; /* host->waiting */
	struct host *host; /* that it waits for; NULL: it does not wait */
	struct wire *wire; /* NULL: none, or none any more */
	struct flush flush;
	ouro_timer stall, whole;
	unsigned stall_ms; /* of the stall timer */
	int err;           /* to be told, at the end of the turn */
	uint64_t began;    /* the loop's time when it was asked for */

	/* The ask. */
	ouro_fetch_opts opts; /* every default filled in; its pointers are ours, or not looked at */
	ouro_fetch_fn *fn;
	void *arg;
	char *kept;   /* a block: method, path, body; opts points into it */
	char *fields; /* "Name: value\r\n..." */
	char *url_text;
	struct url url;
	size_t body_sent; /* of opts.body, or of an upload */
	ouro_buf *early;  /* of an upload, what was written before there was a wire; or NULL */
	uint64_t written; /* bytes given to the wire's stream */
	uint64_t left_by; /* of them, those that had left at the last look */
	unsigned redirects;
	bool asked_head;   /* the method is HEAD */
	bool repeatable;   /* it is one that may be asked twice */
	bool upload_ended; /* or there is none */
	bool paused, reused, retried;
	bool received; /* a byte of the answer has come */
	bool discards; /* it is a redirect's, to be followed when it is over */
	bool told_head;

	/* The answer. */
	unsigned informed; /* 1xx so far */
	struct page *page; /* of the head; NULL: none, or it is a block */
	char *head;        /* its bytes */
	uint32_t head_len, head_room;
	bool settled; /* the head is whole */
	char *body;   /* in the page, behind the head, or a block */
	size_t body_len, body_room;
	bool body_is_block;
	struct response response;
};

#define FETCH_MAGIC 0x66746368u

/* A call of a user's function. */
#define fetch_call(fetch, user_fn, ...)                                                \
	do {                                                                           \
		struct ouro_loop *of = (fetch)->client->loop;                          \
		call_begin(of, OURO_PHASE_IO, CALL_FN(user_fn),                        \
			   (struct cause){ "fetch of", -1, (fetch)->url_text }, NULL); \
		(user_fn)(__VA_ARGS__);                                                \
		call_end(of);                                                          \
	} while (0)

/* ---- fetch.c ---- */

/* The end: tells, and frees. To be called where users may be. */
void ouro__fetch_finish(ouro_answer *fetch, int err);

/* The same at the end of the turn. */
void ouro__fetch_fail_soon(ouro_answer *fetch, int err);

/* It needs a wire, or another one: takes an idle one, makes one, or waits. fresh: no idle one. */
void ouro__fetch_dispatch(ouro_answer *fetch, bool fresh);

/* What it waits for now may take so long from now on. 0 or -ENOMEM. */
int ouro__fetch_await(ouro_answer *fetch, unsigned ms);

/* The answer comes to nothing, and the next may begin: for a redirect, a retry. */
void ouro__fetch_forget(ouro_answer *fetch);

/* For the loop's trace, which there is: those that have not ended. NULL: there is no client. */
void ouro__fetches_record(struct client *client, uint64_t now);

/* ---- fetch_ask.c ---- */

/* Copies and fills in. 0, -EINVAL, -EPROTONOSUPPORT, -ENOMEM, said in words where words help. */
int ouro__ask_take(ouro_answer *fetch, const ouro_fetch_opts *opts);
void ouro__ask_free(ouro_answer *fetch);

/* method: must stay. text: with room for a zero behind len; the fetch's from here on. As above. */
void ouro__ask_take_method(ouro_answer *fetch, const char *method);
int ouro__ask_take_url(ouro_answer *fetch, char *text, size_t len);

/* Has it a field of that name? And: it has none any more whose name is unwanted. */
bool ouro__ask_has(const ouro_answer *fetch, const char *wanted);
void ouro__ask_leave_out(ouro_answer *fetch, bool (*unwanted)(ouro_str name));

/* In whatever case; the last is NULL. */
bool ouro__is_one_of(ouro_str name, const char *const *names);

/* ---- fetch_send.c ---- */

/* Writes the head of the ask, and what there is of its body, to the wire's stream. 0, -ENOMEM, or
 * what the stream says. */
int ouro__ask_send(ouro_answer *fetch);

/* As much more of the body as is welcome. */
int ouro__ask_pump(ouro_answer *fetch);

/* Has all of it been written? */
bool ouro__ask_is_out(const ouro_answer *fetch);

/* An upload's: as ouro_fetch_write() and ouro_fetch_end(). */
int64_t ouro__ask_write(ouro_answer *fetch, ouro_str piece);
int ouro__ask_end(ouro_answer *fetch);

/* ---- fetch_redirect.c ---- */

/* Is the settled answer to be followed? */
bool ouro__ask_follows(const ouro_answer *fetch);

/* The settled answer says where to go on: the ask becomes the next one. 0, or why not. */
int ouro__ask_redirect(ouro_answer *fetch);

/* ---- fetch_answer.c ---- */

/* Room for more of a head; a piece of a body that is gathered. 0; OURO_ETOOBIG, -ENOMEM. */
int ouro__answer_widen(ouro_answer *fetch);
int ouro__answer_gather(ouro_answer *fetch, ouro_str piece);

/* The head is settled: puts the zeros behind its strings. */
void ouro__answer_settled(ouro_answer *fetch);
void ouro__answer_free(ouro_answer *fetch);

/* ---- fetch_pool.c ---- */

/* The loop's; NULL: no memory. And the same, not made for the asking: NULL: there is none. */
struct client *ouro__client_of(struct ouro_loop *loop);
struct client *ouro__client_find(const struct ouro_loop *loop);

/* A wire for it: now, and then it is on its way; or later, and it waits. 0, or why there is none.
 * */
int ouro__client_serve(ouro_answer *fetch, bool fresh);

/* It does not wait any more. */
void ouro__client_leave(ouro_answer *fetch);

/* The wire is nobody's any more: kept for the next, who may wait already; or closed. */
void ouro__wire_keep(struct wire *wire);
void ouro__wire_close(struct wire *wire);

/* As close, but whoever waits does not get its place yet: ouro__client_freed() is to follow. */
void ouro__wire_drop(struct wire *wire);
void ouro__client_freed(struct client *client);

/* ---- fetch_wire.c ---- */

/* A new one, connecting. 0, or what ouro_connect() says. */
int ouro__wire_open(struct client *client, struct host *host, unsigned connect_ms,
		    struct wire **ret_wire);

/* They go together from now on: the ask leaves. */
int ouro__wire_take(struct wire *wire, ouro_answer *fetch);

/* The fetch has been resumed: what was kept back first. */
void ouro__wire_go_on(struct wire *wire);
#endif
