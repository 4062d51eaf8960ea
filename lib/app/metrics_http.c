/* metrics_http.c -- servers that are attached, and how long their requests took. See metrics.h.
 *
 * A series is one method, route and status, as text: two servers with a route of the same path share
 * it, and it stays when they have gone. Each attached server has a table of its own from the route
 * itself, which is an address, to the series, so that a request costs a look at that table and three
 * additions. It takes memory only when there is something new in it.
 *
 * Clients may not make as many series as they like: routes and statuses are the program's, methods
 * are those of the RFCs, and there is an end to it all the same. */
#include "app/metrics.h"
#include "base/alloc.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>

/* 131 us to 17 s. */
#define FIRST 17
#define LAST  34

#define METHODS(X) \
	X(GET)     \
	X(HEAD)    \
	X(POST)    \
	X(PUT)     \
	X(DELETE)  \
	X(CONNECT) \
	X(OPTIONS) \
	X(TRACE)   \
	X(PATCH)

struct request_series {
	struct list link;
	const char *method;
	int status; /* 0: any, of what there was no room for */
	uint64_t sum;
	uint64_t bucket[LAST + 2]; /* from FIRST on; the last: whatever is longer */
	char route[];
};

struct place {
	const char *route; /* the route's own path: an address; NULL: no route */
	const char *method;
	int status;
	struct request_series *series; /* NULL: the place is free */
};

struct metrics_hook {
	struct done_hook hook;
	struct list link;
	struct metrics *metrics;
	ouro_server *server;
	struct place *places;
	uint32_t mask, count; /* of places, a power of two less one; and how many are not free */
};

/* ---- Which series ---- */

/* NULL: the request was no good HTTP. Static: compared by address. */
static const char *method_of(const ouro_req *req)
{
	if (!req->head)
		return "";
	switch ((enum http_method)req->parse.method) {
#define NAME(name)        \
	case HTTP_##name: \
		return #name;
		METHODS(NAME)
#undef NAME
	default:
		return "_OTHER";
	}
}

static struct place *find(const struct metrics_hook *hook, const struct place *wanted)
{
	uint64_t hash = ((uint64_t)(uintptr_t)wanted->route * UINT64_C(0x9e3779b97f4a7c15)) ^
			((uint64_t)(uintptr_t)wanted->method * UINT64_C(0xbf58476d1ce4e5b9)) ^
			((uint64_t)wanted->status * UINT64_C(0xd6e8feb86659fd93));
	uint32_t i = (uint32_t)(hash >> 32) & hook->mask;

	while (hook->places[i].series && (hook->places[i].route != wanted->route ||
					  hook->places[i].method != wanted->method ||
					  hook->places[i].status != wanted->status))
		i = (i + 1) & hook->mask;
	return &hook->places[i];
}

static struct request_series *make_series(struct metrics *metrics, const char *method,
					  const char *route, int status)
{
	size_t size = strlen(route) + 1;
	struct request_series *series = ouro__alloc(sizeof(*series) + size);

	if (!series)
		return NULL;
	series->method = method;
	series->status = status;
	memcpy(series->route, route, size);
	list_push(&metrics->series, &series->link);
	metrics->series_count++;
	return series;
}

/* Of all servers; once for each place in a table. */
static struct request_series *series_for(struct metrics *metrics, const struct place *place)
{
	const char *route = place->route ? place->route : "";
	struct request_series *made;

	list_each (at, &metrics->series) {
		struct request_series *series = list_of(at, struct request_series, link);

		if (series->status == place->status && series->method == place->method &&
		    !strcmp(series->route, route))
			return series;
	}
	made = metrics->series_count < SERIES_MAX
		       ? make_series(metrics, place->method, route, place->status)
		       : NULL;
	return made ? made : metrics->other;
}

/* Half of the places at least are free. */
static int make_room(struct metrics_hook *hook)
{
	struct metrics_hook grown = *hook;
	uint32_t places = 2 * (hook->mask + 1);

	if (2 * hook->count <= hook->mask)
		return 0;
	grown.mask = places - 1;
	grown.places = ouro__alloc(places * sizeof(*grown.places));
	if (!grown.places)
		return -ENOMEM;
	for (uint32_t i = 0; i <= hook->mask; i++)
		if (hook->places[i].series)
			*find(&grown, &hook->places[i]) = hook->places[i];
	ouro__free(hook->places);
	*hook = grown;
	return 0;
}

/* Somewhere it is counted, whatever happens: what there is no room for in one series for all. */
static struct request_series *series_of(struct metrics_hook *hook, ouro_req *req, int status)
{
	struct place wanted = { req->match.pattern, method_of(req), status, NULL };
	struct place *place = find(hook, &wanted);

	if (place->series)
		return place->series;
	wanted.series = series_for(hook->metrics, &wanted);
	if (!make_room(hook)) {
		*find(hook, &wanted) = wanted;
		hook->count++;
	}
	return wanted.series;
}

static void count(struct request_series *series, uint64_t ns)
{
	unsigned i = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	series->bucket[i < FIRST ? FIRST : i > LAST ? LAST + 1 : i]++;
	series->sum += ns;
}

/* 499: the client was gone before its answer, as in access logs. */
static void hook_done(struct done_hook *at, ouro_req *req, const ouro_req_done *done)
{
	struct metrics_hook *hook = list_of(at, struct metrics_hook, hook);
	struct request_series *series = series_of(hook, req, done->status ? done->status : 499);

	count(series, done->ns);
	hook->metrics->dropped += series == hook->metrics->other;
}

/* ---- Attaching ---- */

static void add_up(ouro_server_stats *sum, const ouro_server_stats *stats)
{
	sum->accepted += stats->accepted;
	sum->requests += stats->requests;
	sum->refused += stats->refused;
	sum->timeouts += stats->timeouts;
	sum->gone += stats->gone;
	sum->forgotten += stats->forgotten;
	sum->bytes_in += stats->bytes_in;
	sum->bytes_out += stats->bytes_out;
	sum->shed += stats->shed;
}

static void free_hook(struct metrics_hook *hook)
{
	list_remove(&hook->hook.link);
	list_remove(&hook->link);
	ouro__free(hook->places);
	ouro__free(hook);
}

static void unhook(struct done_hook *at)
{
	struct metrics_hook *hook = list_of(at, struct metrics_hook, hook);
	ouro_server_stats stats;

	ouro_server_get_stats(hook->server, &stats);
	add_up(&hook->metrics->ended, &stats);
	free_hook(hook);
}

static bool is_attached(const struct metrics *metrics, const ouro_server *server)
{
	list_each (at, &metrics->hooks)
		if (list_of(at, struct metrics_hook, link)->server == server)
			return true;
	return false;
}

#define PLACES 64

static struct metrics_hook *make_hook(void)
{
	struct metrics_hook *hook = ouro__alloc(sizeof(*hook));

	if (!hook)
		return NULL;
	list_init(&hook->hook.link);
	list_init(&hook->link);
	hook->mask = PLACES - 1;
	hook->places = ouro__alloc(PLACES * sizeof(*hook->places));
	if (hook->places)
		return hook;
	ouro__free(hook);
	return NULL;
}

int ouro_metrics_attach(ouro_server *server)
{
	struct metrics *metrics = ouro__metrics_of(ouro_server_loop(server));
	struct metrics_hook *hook;

	if (ouro__server_is_closing(server))
		return OURO_ECLOSED;
	if (metrics && is_attached(metrics, server))
		return 0;
	if (metrics && !metrics->other) {
		metrics->other = make_series(metrics, "_OTHER", "_OTHER", 0);
		metrics->series_count = 0;
	}
	hook = metrics && metrics->other ? make_hook() : NULL;
	if (!hook)
		return -ENOMEM;
	hook->hook.early = true;
	hook->hook.done = hook_done;
	hook->hook.unhook = unhook;
	hook->metrics = metrics;
	hook->server = server;
	list_push(&metrics->hooks, &hook->link);
	ouro__server_hook(server, &hook->hook);
	return 0;
}

void ouro__metrics_free_http(struct metrics *metrics)
{
	struct list *link;

	while ((link = metrics->hooks.next) != &metrics->hooks)
		free_hook(list_of(link, struct metrics_hook, link));
	while ((link = list_shift(&metrics->series)))
		ouro__free(list_of(link, struct request_series, link));
}

/* ---- On the page ---- */

static bool is_used(const struct request_series *series)
{
	for (unsigned i = FIRST; i <= LAST + 1; i++)
		if (series->bucket[i])
			return true;
	return false;
}

static void write_series(struct page_text *page, const char *name,
			 const struct request_series *series)
{
	uint64_t bucket[OURO_HIST_BUCKETS] = { 0 };
	char status[16] = "_OTHER";
	struct label_of labels[] = { { "method", series->method },
				     { "route", series->route },
				     { "status", status },
				     { NULL, NULL } };

	if (series->status)
		snprintf(status, sizeof(status), "%d", series->status);
	memcpy(bucket, series->bucket, sizeof(series->bucket));
	ouro__page_hist(page, name, labels, bucket, series->sum, FIRST, LAST);
}

static void write_requests(const struct metrics *metrics, struct page_text *page)
{
	static const char name[] = "http_server_request_duration_seconds";

	ouro__page_family(page, name, "histogram",
			  "From the first byte of a request to the last of its answer.");
	list_each (at, &metrics->series) {
		const struct request_series *series = list_of(at, struct request_series, link);

		if (is_used(series))
			write_series(page, name, series);
	}
}

#define COUNTERS(X)                                                                                \
	X(accepted, "ouro_http_accepted_total", "Connections.")                                    \
	X(requests, "ouro_http_requests_total", "Answers.")                                        \
	X(refused, "ouro_http_refused_total", "Requests that were no good HTTP, or over a limit.") \
	X(shed, "ouro_http_shed_total", "Requests that were answered 503 under overload.")         \
	X(timeouts, "ouro_http_timeouts_total", "Connections that a deadline ended.")              \
	X(gone, "ouro_http_gone_total", "Clients that left before their answer.")                  \
	X(forgotten, "ouro_http_forgotten_total", "Requests that nobody would have answered.")     \
	X(bytes_in, "ouro_http_received_bytes_total", "Bytes from clients.")                       \
	X(bytes_out, "ouro_http_sent_bytes_total", "Bytes to clients.")

static void write_counter(struct page_text *page, const char *name, const char *type,
			  const char *help, uint64_t value)
{
	ouro__page_family(page, name, type, help);
	ouro__page_number(page, name, "", NULL, value);
}

static void write_servers(const struct metrics *metrics, struct page_text *page)
{
	ouro_server_stats sum = metrics->ended, stats;
	uint64_t open = 0, idle = 0, waiting = 0;

	list_each (at, &metrics->hooks) {
		ouro_server_get_stats(list_of(at, struct metrics_hook, link)->server, &stats);
		add_up(&sum, &stats);
		open += stats.connections;
		idle += stats.idle;
		waiting += stats.waiting;
	}
	write_counter(page, "ouro_http_connections", "gauge", "Open connections.", open);
	write_counter(page, "ouro_http_idle_connections", "gauge",
		      "Those of them that have no request.", idle);
	write_counter(page, "ouro_http_active_requests", "gauge",
		      "Requests that a handler has not answered yet.", waiting);
#define WRITE(field, name, help) write_counter(page, name, "counter", help, sum.field);
	COUNTERS(WRITE)
#undef WRITE
}

void ouro__metrics_write_http(struct metrics *metrics, struct page_text *page)
{
	if (metrics->other) {
		write_servers(metrics, page);
		write_requests(metrics, page);
	}
	write_counter(page, "ouro_metrics_dropped_total", "counter",
		      "What was counted where there was no room for more labels.",
		      metrics->dropped);
}
