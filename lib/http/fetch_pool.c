/* fetch_pool.c -- the connections of a loop: who gets which, who waits, and what is kept.
 *
 * A place (host and port, or a path) is on the list as long as a connection to it is open or a
 * fetch waits for one. Of its idle connections the last used is taken: the server is likeliest to
 * have it still. Who waits is served in order, as soon as a connection is given back or closed.
 *
 * An idle connection goes on reading. Whatever comes, an end or bytes that nobody has asked for, it
 * is closed at once: so the next ask seldom meets one that is dead. */
#include "base/alloc.h"
#include "http/fetch.h"
#include "ouro/error.h"
#include <errno.h>
#include <strings.h>

/* ---- The client ---- */

static const char client_kind;

/* The loop is being freed. */
static void drain(struct attachment *attachment)
{
	struct client *client = list_of(attachment, struct client, base);

	while (!list_empty(&client->fetches))
		ouro__fetch_finish(list_of(client->fetches.next, ouro_answer, link),
				   OURO_ECANCELED);
	list_each_safe (at, &client->hosts) {
		struct host *host = list_of(at, struct host, link);

		while (!list_empty(&host->idle))
			ouro__wire_drop(list_of(host->idle.next, struct wire, link));
	}
	ouro__client_freed(client);
}

static void end(struct attachment *attachment)
{
	struct client *client = list_of(attachment, struct client, base);

	ouro__due_list_end(&client->idle);
	ouro__slab_free(&client->records);
	ouro__free(client);
}

static void list_fetches(struct attachment *attachment, struct listing *listing)
{
	struct client *client = list_of(attachment, struct client, base);

	list_each (at, &client->fetches) {
		const ouro_answer *fetch = list_of(at, ouro_answer, link);

		ouro__active_tell(listing, "fetch", fetch->url_text, CALL_FN(fetch->fn));
	}
}

static void idle_too_long(struct due *due)
{
	ouro__wire_close(list_of(due, struct wire, due));
}

static ouro_client_opts filled(const ouro_client_opts *opts)
{
	ouro_client_opts filled = opts ? *opts : (ouro_client_opts){ 0 };

	filled.per_origin = filled.per_origin ? filled.per_origin : 64;
	filled.total = filled.total ? filled.total : 1024;
	filled.waiting = filled.waiting ? filled.waiting : OURO_NEVER;
	filled.idle_ms = filled.idle_ms ? filled.idle_ms : 4000;
	return filled;
}

static struct client *make(struct ouro_loop *loop)
{
	struct net *net = ouro__net_of(loop); /* before us, so that it ends after us */
	struct client *client = net ? ouro__alloc(sizeof(*client)) : NULL;

	if (!client)
		return NULL;
	client->base.kind = &client_kind;
	client->base.drain = drain;
	client->base.list = list_fetches;
	client->base.end = end;
	client->loop = loop;
	client->net = net;
	client->opts = filled(NULL);
	list_init(&client->fetches);
	list_init(&client->hosts);
	ouro__slab_init(&client->records, sizeof(ouro_answer));
	ouro__due_list_init(&client->idle, loop, client->opts.idle_ms, idle_too_long,
			    "idle connections");
	list_push(&loop->attachments, &client->base.link);
	return client;
}

struct client *ouro__client_find(const struct ouro_loop *loop)
{
	struct attachment *attached = ouro__loop_attached(loop, &client_kind);

	return attached ? list_of(attached, struct client, base) : NULL;
}

struct client *ouro__client_of(struct ouro_loop *loop)
{
	struct client *client = ouro__client_find(loop);

	return client ? client : make(loop);
}

/* The list of the idle is in order of their deadlines only as long as all have the same time: who
 * has the old one is closed. */
int ouro_client_set(ouro_loop *loop, const ouro_client_opts *opts)
{
	struct client *client = loop->ending ? NULL : ouro__client_of(loop);

	if (!client)
		return loop->ending ? OURO_ECLOSED : -ENOMEM;
	client->opts = filled(opts);
	while (!list_empty(&client->idle.list))
		ouro__wire_drop(list_of(client->idle.list.next, struct wire, due.link));
	ouro__due_list_end(&client->idle);
	ouro__due_list_init(&client->idle, loop, client->opts.idle_ms, idle_too_long,
			    "idle connections");
	ouro__client_freed(client);
	return 0;
}

void ouro_client_get_stats(ouro_loop *loop, ouro_client_stats *ret_stats)
{
	const struct client *client = ouro__client_find(loop);

	*ret_stats = client ? client->figures : (ouro_client_stats){ 0 };
}

/* ---- Hosts ---- */

static bool is_at(const struct host *host, bool is_path, ouro_str name, uint16_t port)
{
	if (host->is_path != is_path || host->port != port || strlen(host->name) != name.len)
		return false;
	return is_path ? !memcmp(host->name, name.ptr, name.len)
		       : !strncasecmp(host->name, name.ptr, name.len);
}

/* The one asked for last is first: most programs talk to few. NULL: no memory. */
static struct host *host_of(struct client *client, const ouro_answer *fetch)
{
	const char *path = fetch->opts.unix_path;
	ouro_str name = path ? ouro_str_z(path) : fetch->url.host;
	uint16_t port = path ? 0 : fetch->url.port;
	struct host *host;

	list_each (at, &client->hosts) {
		host = list_of(at, struct host, link);
		if (!is_at(host, path, name, port))
			continue;
		list_remove(at);
		list_push_front(&client->hosts, at);
		return host;
	}
	host = ouro__alloc(sizeof(*host) + name.len + 1);
	if (!host)
		return NULL;
	memcpy(host->name, name.ptr, name.len);
	host->is_path = path;
	host->port = port;
	list_init(&host->idle);
	list_init(&host->waiting);
	list_push_front(&client->hosts, &host->link);
	return host;
}

static void host_let_go(struct host *host)
{
	if (host->wires || !list_empty(&host->waiting))
		return;
	list_remove(&host->link);
	ouro__free(host);
}

/* ---- Who gets which ---- */

static void stop_idling(struct wire *wire)
{
	list_remove(&wire->link);
	due_clear(&wire->due);
	wire->client->figures.idle--;
}

static struct wire *take_idle(struct host *host)
{
	struct wire *wire;

	if (list_empty(&host->idle))
		return NULL;
	wire = list_of(host->idle.prev, struct wire, link);
	stop_idling(wire);
	return wire;
}

/* Room for one more to this place? The longest idle one to another makes room. */
static bool may_open(struct client *client, const struct host *host)
{
	struct list *idle = &client->idle.list;

	if (host->wires >= client->opts.per_origin)
		return false;
	if (client->figures.connections >= client->opts.total && !list_empty(idle)) {
		struct wire *wire = list_of(idle->next, struct wire, due.link);
		struct host *other = wire->host;

		ouro__wire_drop(wire);
		if (other != host)
			host_let_go(other);
	}
	return client->figures.connections < client->opts.total;
}

static int take_wire(struct wire *wire, ouro_answer *fetch)
{
	int err = ouro__wire_take(wire, fetch);

	if (err)
		ouro__wire_drop(wire);
	return err;
}

static int open_wire(struct host *host, ouro_answer *fetch)
{
	struct wire *wire;
	int err = ouro__wire_open(fetch->client, host, fetch->opts.connect_ms, &wire);

	if (err)
		return err;
	host->wires++;
	fetch->client->figures.connections++;
	fetch->client->figures.made++;
	return take_wire(wire, fetch);
}

static int wait_for_one(struct host *host, ouro_answer *fetch)
{
	struct client *client = fetch->client;

	if (client->figures.waiting >= client->opts.waiting && client->opts.waiting != OURO_NEVER)
		return OURO_EBUSY;
	fetch->step = FETCH_queue;
	fetch->host = host;
	list_push(&host->waiting, &fetch->queue);
	client->figures.waiting++;
	return 0;
}

static void stop_waiting(ouro_answer *fetch)
{
	list_remove(&fetch->queue);
	fetch->host = NULL;
	fetch->client->figures.waiting--;
}

void ouro__client_leave(ouro_answer *fetch)
{
	struct host *host = fetch->host;

	if (!host)
		return;
	stop_waiting(fetch);
	host_let_go(host);
}

/* Those that wait for this place, as far as there is room. The host may be gone afterwards. */
static void serve_host(struct client *client, struct host *host)
{
	while (!list_empty(&host->waiting)) {
		ouro_answer *fetch = list_of(host->waiting.next, ouro_answer, queue);
		struct wire *wire = take_idle(host);
		int err;

		if (!wire && !may_open(client, host))
			return;
		stop_waiting(fetch);
		err = wire ? take_wire(wire, fetch) : open_wire(host, fetch);
		if (err)
			ouro__fetch_fail_soon(fetch, err);
	}
	host_let_go(host);
}

int ouro__client_serve(ouro_answer *fetch, bool fresh)
{
	struct client *client = fetch->client;
	struct host *host = host_of(client, fetch);
	struct wire *wire = host && !fresh ? take_idle(host) : NULL;
	int err;

	if (!host)
		return -ENOMEM;
	if (wire)
		err = take_wire(wire, fetch);
	else
		err = may_open(client, host) ? open_wire(host, fetch) : wait_for_one(host, fetch);
	if (err)
		serve_host(client, host);
	return err;
}

void ouro__client_freed(struct client *client)
{
	struct list hosts, *link;

	list_init(&hosts);
	list_move_all(&hosts, &client->hosts);
	while ((link = list_shift(&hosts))) {
		list_push(&client->hosts, link);
		serve_host(client, list_of(link, struct host, link));
	}
}

/* Its own first; then those that waited because all connections together were too many. */
static void serve_all(struct client *client, struct host *host)
{
	serve_host(client, host);
	if (client->figures.waiting)
		ouro__client_freed(client);
}

/* ---- What is kept ---- */

void ouro__wire_drop(struct wire *wire)
{
	struct client *client = wire->client;

	if (!wire->host)
		return;
	if (!list_empty(&wire->link))
		stop_idling(wire);
	wire->host->wires--;
	wire->host = NULL;
	client->figures.connections--;
	ouro_stream_close(wire->stream);
}

void ouro__wire_close(struct wire *wire)
{
	struct host *host = wire->host;

	if (!host)
		return;
	ouro__wire_drop(wire);
	serve_all(wire->client, host);
}

/* The limits may have become smaller: then it is one too many. */
void ouro__wire_keep(struct wire *wire)
{
	struct client *client = wire->client;

	if (wire->host->wires > client->opts.per_origin ||
	    client->figures.connections > client->opts.total) {
		ouro__wire_close(wire);
		return;
	}
	wire->used = true;
	list_push(&wire->host->idle, &wire->link);
	due_begin(&client->idle, &wire->due);
	client->figures.idle++;
	if (client->figures.waiting)
		serve_all(client, wire->host);
}
