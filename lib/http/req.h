/* req.h -- the life of a request, for the files of this floor.
 *
 *     ouro__req_new     the first byte of a request has come, or is about to be read
 *     ouro__req_renew   it is answered; the next request of the connection takes its place
 *     ouro__req_detach  the client has gone; the handler has it until it answers
 *     ouro__req_free    neither a connection nor a handler has it */
#ifndef OURO__REQ_H
#define OURO__REQ_H
#include "base/check.h"
#include "http/core.h"
#include "loop/call.h"

/* With room for the first bytes; NULL: no memory. */
ouro_req *ouro__req_new(struct conn *conn);
void ouro__req_renew(ouro_req *req);
void ouro__req_free(ouro_req *req);

/* err: why. Tells on_gone; the request may be freed when this returns. */
void ouro__req_detach(ouro_req *req, int err);

/* After a call of the user's: frees what a detached request was kept for, if it is answered. */
void ouro__req_let_go(ouro_req *req);

/* Makes one that answers in place of another look like it, for who hears of the answer. */
void ouro__req_resemble(ouro_req *req, const ouro_req *other);

/* On its server's list of those that a handler has. */
void ouro__req_waits(ouro_req *req);

/* Off every list, and no deadline any more. */
void ouro__req_stop(ouro_req *req);

/* Every byte of the answer has left, or never will (err): tells on_done. */
void ouro__req_done(ouro_req *req, int err);

/* For the loop's trace, which there is: it took so long from its first byte on; and all those that
 * have begun and not ended. */
void ouro__req_record(const ouro_req *req, uint64_t ns, bool unfinished);
void ouro__reqs_record(struct http *http, uint64_t now);

/* Calls the next links of the chain for as long as each asks for the one behind it; then the
 * request must be answered, or to be answered later, or it was forgotten. */
void ouro__req_run(ouro_req *req);

/* Nobody would answer it: 500, in words. Does nothing when somebody will. */
void ouro__req_check_forgotten(ouro_req *req);

/* Its memory: memory.c. */
void ouro__req_free_arena(ouro_req *req);
void ouro__req_free_bytes(ouro_req *req);

/* A large window is given up for a page when what waits in it has room there. */
void ouro__req_narrow(ouro_req *req);

/* Room behind end for at least one more byte of a head; -ENOMEM. Only while no head is settled. */
int ouro__req_widen(ouro_req *req);

/* The loan joins the other bytes that wait. -ENOMEM. */
int ouro__req_keep_loan(ouro_req *req);

/* Memory of the request's; not zeroed; NULL: none. */
void *ouro__req_room(ouro_req *req, size_t n);

/* A copy of s in such memory, with a zero behind it; NULL: none. */
char *ouro__req_copy(ouro_req *req, ouro_str s);

/* Text in such memory. 0; -EINVAL: a format that cannot be printed; -ENOMEM. */
int ouro__req_vprintf(ouro_req *req, ouro_str *ret_text, const char *fmt, va_list args)
	OURO_PRINTF(3, 0);

/* The route's path, for a log. */
const char *ouro__req_name(const ouro_req *req);

/* Something happened to it that its connection has to look at: at the end of the turn. */
static inline void req_kick(ouro_req *req)
{
	if (!req->conn || !req->conn->working)
		flush_soon(req->http->loop, &req->flush);
}

static inline void req_check(const ouro_req *req)
{
	ouro__check_magic(req, REQ_MAGIC);
}

/* GET or HEAD. */
static inline bool req_reads(const ouro_req *req)
{
	return req->parse.method == HTTP_GET || req->parse.method == HTTP_HEAD;
}

/* A call of a user's function for a request, which is not freed before the call has ended. */
#define req_call(req, phase_fn, ...)                                                            \
	do {                                                                                    \
		bool was = (req)->running;                                                      \
		(req)->running = true;                                                          \
		call_begin((req)->http->loop, OURO_PHASE_IO, CALL_FN(phase_fn), req_cause(req), \
			   NULL);                                                               \
		(req)->http->loop->lag.call.route = (req)->match.pattern;                       \
		(phase_fn)(__VA_ARGS__);                                                        \
		call_end((req)->http->loop);                                                    \
		(req)->running = was;                                                           \
	} while (0)

/* What a lag report says it was for: "GET /fib?n=42". */
static inline struct cause req_cause(const ouro_req *req)
{
	if (!req->head)
		return (struct cause){ "request", -1, NULL };
	return (struct cause){ req->head + req->parse.skipped, -1, req->head + req->parse.target };
}
#endif
