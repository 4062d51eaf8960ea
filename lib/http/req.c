/* req.c -- a request's life, from its first byte to the last call for it. See req.h.
 *
 * Its record is used again at once, most often: but one that was answered late rests for a while,
 * and a token of it finds nothing as soon as it has been answered. */
#include "http/req.h"
#include "http/conn.h"
#include "http/filter.h"
#include "http/form.h"
#include "http/intake.h"
#include "http/reply.h"
#include "http/save.h"
#include "http/serve.h"
#include "http/shed.h"
#include "loop/loop.h"

static void on_flush(struct flush *flush)
{
	ouro_req *req = list_of(flush, ouro_req, flush);

	if (req->conn) {
		ouro__conn_work(req->conn);
		return;
	}
	ouro__form_advance(req);
	ouro__intake_tell_end(req);
	ouro__save_tell(req);
	ouro__form_tell(req);
	ouro__req_let_go(req);
}

/* In runs so short that compilers make them a few stores: the one instruction that they have for
 * long ones takes its time to begin. */
#define ZERO(first, behind) \
	memset(&req->first, 0, offsetof(ouro_req, behind) - offsetof(ouro_req, first))

static void begin(ouro_req *req)
{
	ZERO(later, body);
	ZERO(body, answer);
	ZERO(answer, save);
	ZERO(save, match);
	ZERO(match, match.param);
	ouro__parse_start(&req->parse);
}

/* A record that nothing is linked to, with room for the first bytes. */
static ouro_req *make(struct http *http)
{
	ouro_req *req = ouro__slab_take(&http->reqs);
	struct page *page = req ? ouro__page_take(http->net) : NULL;

	if (!page) {
		if (req)
			ouro__slab_give(&http->reqs, req);
		return NULL;
	}
	req->magic = REQ_MAGIC;
	req->http = http;
	list_init(&req->link);
	req->page = page;
	req->bytes = page->bytes;
	req->room = PAGE_ROOM;
	req->retired = NULL;
	req->loan_len = 0;
	req->arena = (struct arena){ NULL, NULL };
	req->out = (struct out){ NULL, NULL, 0 };
	flush_init(&req->flush, on_flush);
	due_init(&req->request_due);
	due_init(&req->answer_due);
	req->answer_timer.id = 0;
	return req;
}

ouro_req *ouro__req_new(struct conn *conn)
{
	struct http *http = conn->server->http;
	ouro_req *req = http->spare;

	if (!req)
		req = make(http);
	if (!req)
		return NULL;
	http->spare = NULL;
	req->server = conn->server;
	req->conn = conn;
	req->begin = req->end = req->base = 0;
	begin(req);
	conn->req = req;
	return req;
}

void ouro__req_waits(ouro_req *req)
{
	list_push(&req->server->waiting, &req->link);
	req->server->stats.waiting++;
}

void ouro__req_stop(ouro_req *req)
{
	if (!list_empty(&req->link)) {
		list_remove(&req->link);
		if (req->server)
			req->server->stats.waiting--;
	}
	if (!list_empty(&req->request_due.link))
		due_clear(&req->request_due);
	if (!list_empty(&req->answer_due.link))
		due_clear(&req->answer_due);
	if (req->answer_timer.id)
		ouro_timer_stop(req->http->loop, req->answer_timer);
	req->answer_timer.id = 0;
}

/* What waits in the window is the beginning of the next request: it goes to the front, for its head
 * must lie in one piece. */
void ouro__req_renew(ouro_req *req)
{
	uint32_t left = req->end - req->begin;

	ouro__req_stop(req);
	ouro__req_free_arena(req);
	if (!req->page)
		ouro__req_narrow(req);
	if (left && req->begin)
		memmove(req->bytes, req->bytes + req->begin, left);
	req->base = req->begin = 0;
	req->end = left;
	slab_renew(&req->record);
	begin(req);
}

/* One that was answered late rests: a second answer then finds whose it is, not somebody else's. */
static void rest(struct http *http, ouro_req *req)
{
	ouro_req **place = &http->quarantine[http->resting++ % QUARANTINE];

	if (*place)
		ouro__slab_give(&http->reqs, *place);
	*place = req;
}

void ouro__req_free(ouro_req *req)
{
	struct http *http = req->http;

	shed_leave(req);
	ouro__req_stop(req);
	if (req->save)
		ouro__save_abandon(req);
	if (req->form)
		ouro__form_abandon(req);
	if (req->answer.filter)
		ouro__filter_leave(req);
	flush_cancel(&req->flush);
	ouro__req_free_arena(req);
	if (!out_is_empty(&req->out))
		ouro__out_drop(&req->out, http->net, OURO_ECLOSED);
	req->answer.state = ANSWER_ENDED;
	req->owned = false;
	req->head = NULL;
	req->conn = NULL;
	slab_renew(&req->record);
	if (!http->spare && req->page && !req->later) {
		http->spare = req;
		return;
	}
	ouro__req_free_bytes(req);
	if (req->later)
		rest(http, req);
	else
		ouro__slab_give(&http->reqs, req);
}

void ouro__req_let_go(ouro_req *req)
{
	if (req->conn || req->owned || req->running)
		return;
	ouro__req_done(req, req->gone);
	ouro__req_free(req);
}

/* What a head of ordinary length said, and when it came. It has no params and no fields to be asked
 * for beyond those. */
void ouro__req_resemble(ouro_req *req, const ouro_req *other)
{
	uint32_t len = other->parse.scanned;

	req->began = other->began;
	req->called = other->called;
	req->trace_of = other->trace_of ? other->trace_of : other->record.id;
	if (len > req->room)
		return;
	memcpy(req->bytes, other->head, len);
	req->head = req->bytes;
	req->begin = req->end = req->base = len;
	req->parse = other->parse;
	req->match.route = other->match.route;
	req->match.pattern = other->match.pattern;
}

void ouro__req_detach(ouro_req *req, int err)
{
	bool was_running = req->running;

	ouro_req_peer(req); /* while there is somebody to ask */
	req->conn->req = NULL;
	req->conn = NULL;
	req->gone = err;
	req->later = true;
	ouro__out_drop(&req->out, req->http->net, err);
	ouro__req_stop(req);
	ouro__req_waits(req);
	req->server->stats.gone++;
	req->running = true;
	ouro__intake_break(req, err);
	if (req->on_gone && req->owned)
		req_call(req, req->on_gone, req, err, req->gone_arg);
	else if (req->answer.on_drain && req->owned)
		req_call(req, req->answer.on_drain, req, req->answer.drain_arg);
	req->running = was_running;
	ouro__req_let_go(req);
}

/* What it calls may close the server, but that goes in a close phase. A hook may unhook itself. */
static void tell_server(ouro_req *req, const ouro_req_done *done)
{
	struct ouro_server *server = req->server;

	if (server->opts.on_done)
		req_call(req, server->opts.on_done, req, done, server->opts.arg);
	list_each_safe (at, &server->hooks) {
		struct done_hook *hook = list_of(at, struct done_hook, link);

		hook->done(hook, req, done);
	}
}

void ouro__req_record(const ouro_req *req, uint64_t ns, bool unfinished)
{
	const struct parse *parse = &req->parse;
	struct trace_record record = { .at = req->began,
				       .ns = ns,
				       .amount = req->answer.sent,
				       .kind = TRACE_REQUEST,
				       .phase = unfinished,
				       .number = req->answer.status };

	if (req->head)
		ouro__trace_span(req->http->loop->trace, record, req->head + parse->skipped,
				 parse->method_len, req->head + parse->target, parse->target_len);
	else
		ouro__trace_span(req->http->loop->trace, record, "request", 7, NULL, 0);
}

/* Idle connections have none; of those at rest neither a connection nor a handler. */
void ouro__reqs_record(struct http *http, uint64_t now)
{
	for (uint32_t i = 0; i < http->reqs.made; i++) {
		const ouro_req *req = slab_nth(&http->reqs, i);

		if (slab_find(&http->reqs, req->record.id) == req && (req->conn || req->owned) &&
		    req->began && !req->stood_in)
			ouro__req_record(req, now > req->began ? now - req->began : 0, true);
	}
}

void ouro__req_done(ouro_req *req, int err)
{
	ouro_req_done done = { req->answer.status, err, req->answer.sent,
			       call_now(req->http->loop) - req->began,
			       req->called ? req->called - req->began : 0 };

	if (req->on_done)
		req_call(req, req->on_done, req, &done, req->done_arg);
	if (req->server && !req->stood_in)
		tell_server(req, &done);
	if (req->http->loop->trace && !req->stood_in)
		ouro__req_record(req, done.ns, false);
}

/* The chain. */

void ouro__req_run(ouro_req *req)
{
	while (req->proceed && req->owned && req->at < req->match.links) {
		const struct chain_link *link = &req->match.chain[req->at++];

		req->proceed = false;
		req_call(req, link->fn, req, link->arg);
	}
	ouro__req_check_forgotten(req);
}

const char *ouro__req_name(const ouro_req *req)
{
	return req->match.pattern ? req->match.pattern : "on_request";
}

static void forgotten(ouro_req *req, const char *how)
{
	ouro__log(&req->http->loop->log, OURO_LOG_ERROR, "a request for %s was %s",
		  ouro__req_name(req), how);
	if (req->server)
		req->server->stats.forgotten++;
	if (req->answer.state == ANSWER_NONE)
		ouro__answer_status(req, 500);
	else
		ouro__answer_cut(req);
}

void ouro__req_check_forgotten(ouro_req *req)
{
	bool reading = intake_is_listened_to(&req->body) || req->save ||
		       ouro__form_is_listened_to(req->form);

	if (!req->owned || req->later || req->proceed || reading ||
	    req->answer.state != ANSWER_NONE)
		return;
	forgotten(req, "neither answered nor said to be answered later (ouro_req_later)");
}

void ouro_req_drop(ouro_req *req)
{
	req_check(req);
	if (!req->owned)
		return;
	forgotten(req, "dropped without an answer (ouro_req_drop)");
	ouro__req_let_go(req);
}

ouro_req *ouro_req_later(ouro_req *req)
{
	req_check(req);
	req->later = true;
	return req;
}

void ouro_req_next(ouro_req *req)
{
	req_check(req);
	if (!req->owned || req->proceed)
		return;
	req->proceed = true;
	if (!req->running)
		req_kick(req);
}

ouro_req_id ouro_req_get_id(const ouro_req *req)
{
	req_check(req);
	return (ouro_req_id){ req->record.id };
}

ouro_req *ouro_req_find(ouro_loop *loop, ouro_req_id id)
{
	struct http *http = ouro__http_find(loop);
	ouro_req *req = http && id.id ? slab_find(&http->reqs, id.id) : NULL;

	return req && req->owned ? req : NULL;
}

void ouro_req_on_gone(ouro_req *req, ouro_req_gone_fn *fn, void *arg)
{
	req_check(req);
	req->on_gone = fn;
	req->gone_arg = arg;
}

bool ouro_req_is_gone(const ouro_req *req)
{
	req_check(req);
	return !req->conn;
}

void ouro_req_on_done(ouro_req *req, ouro_req_done_fn *fn, void *arg)
{
	req_check(req);
	req->on_done = fn;
	req->done_arg = arg;
}
