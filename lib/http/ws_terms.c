/* ws_terms.c -- what many WebSockets have in common: options, deadlines, the server. See ws.h.
 *
 * A program has a handful of kinds of them and thousands of each, so what is the same for a kind is
 * there once. There is a list of deadlines for each span of the kind: a deadline costs an idle one
 * two links and no timer, and the three lists together are all there are of it, which is how its
 * server finds them when it ends. */
#include "base/alloc.h"
#include "http/core.h"
#include "http/guest.h"
#include "http/ws.h"
#include <errno.h>

#define DEFAULT_MAX ((size_t)1 << 20)

static void on_due(struct due *due)
{
	ouro__ws_overdue(list_of(due, struct ouro_ws, due));
}

static void read_opts(struct ws_terms *terms, const ouro_ws_opts *opts)
{
	terms->protocols = opts->protocols;
	terms->frame_max = opts->frame_max ? opts->frame_max : DEFAULT_MAX;
	terms->message_max = opts->message_max ? opts->message_max : DEFAULT_MAX;
	if (opts->pieces && !opts->message_max)
		terms->message_max = UINT64_MAX;
	terms->queue_max = opts->queue_max;
	terms->slow = opts->slow;
	terms->pieces = opts->pieces;
	terms->ping_ms = opts->ping_ms ? opts->ping_ms : 30000;
	terms->close_ms = opts->close_ms ? opts->close_ms : 5000;
	terms->connect_ms = opts->connect_ms ? opts->connect_ms : 30000;
}

static bool are_same(const struct ws_terms *a, const struct ws_terms *b)
{
	return a->server == b->server && a->client == b->client && a->protocols == b->protocols &&
	       a->frame_max == b->frame_max && a->message_max == b->message_max &&
	       a->queue_max == b->queue_max && a->slow == b->slow && a->pieces == b->pieces &&
	       a->ping_ms == b->ping_ms && a->close_ms == b->close_ms &&
	       a->connect_ms == b->connect_ms;
}

static struct ws_terms *make(struct http *http, const struct ws_terms *wanted)
{
	struct ws_terms *terms = ouro__alloc(sizeof(*terms));

	if (!terms)
		return NULL;
	*terms = *wanted;
	ouro__due_list_init(&terms->opening, http->loop, terms->connect_ms, on_due, "WebSockets");
	ouro__due_list_init(&terms->silence, http->loop, terms->ping_ms, on_due, "WebSockets");
	ouro__due_list_init(&terms->parting, http->loop, terms->close_ms, on_due, "WebSockets");
	list_push(&http->terms, &terms->link);
	return terms;
}

struct ws_terms *ouro__ws_terms(struct ouro_loop *loop, const ouro_ws_opts *opts,
				struct ouro_server *server, bool client)
{
	struct ws_terms wanted = { .server = server, .client = client }, *terms = NULL;
	struct http *http = ouro__http_of(loop);

	if (!http)
		return NULL;
	read_opts(&wanted, opts);
	list_each (at, &http->terms)
		if (are_same(list_of(at, struct ws_terms, link), &wanted))
			terms = list_of(at, struct ws_terms, link);
	if (!terms)
		terms = make(http, &wanted);
	if (!terms)
		return NULL;
	terms->count++;
	if (server)
		server->sockets++;
	return terms;
}

/* In the close phase, so that no list of deadlines is in the middle of its work. */
void ouro__ws_terms_leave(struct ws_terms *terms)
{
	struct ouro_server *server = terms->server;

	if (!--terms->count) {
		ouro__due_list_end(&terms->opening);
		ouro__due_list_end(&terms->silence);
		ouro__due_list_end(&terms->parting);
		list_remove(&terms->link);
		ouro__free(terms);
	}
	if (server)
		ouro__guest_left(server);
}

int ouro__ws_due_begin(ouro_ws *ws)
{
	struct ws_terms *terms = ws->terms;
	struct due_list *list = ws->state == WS_OPENING ? &terms->opening
				: ws->state == WS_OPEN  ? &terms->silence
							: &terms->parting;

	due_begin(list, &ws->due);
	if (list->span == UINT64_MAX || list->timer.id)
		return 0;
	return list->loop->ending ? OURO_ECLOSED : -ENOMEM;
}
