/* dashboard_state.c -- what the loop is at, as one line of JSON. See dashboard.h.
 *
 * Sums since the start, as ouro_loop_get_stats() has them: whoever draws subtracts. How long it is
 * does not depend on how many connections there are; what keeps the loop alive is counted by kind
 * only while it is a few thousand things, since looking at them takes time. */
#include "app/dashboard.h"

#include "http/core.h"
#include "loop/loop.h"
#include "ouro/access.h"
#include "ouro/crew.h"
#include "ouro/pool.h"
#include <inttypes.h>
#include <unistd.h>

#define ACTIVE_MOST  5000
#define WORST_MOST   12
#define KINDS        24
#define LANE_SECONDS 20 /* that the page shows */

/* A text that grows; the first failure stays, and is what is answered in the end. */
struct json {
	ouro_buf *out;
	int err;
	bool first; /* of a list: no comma before it */
};

OURO_PRINTF(2, 3) static void put(struct json *json, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!json->err)
		json->err = ouro_buf_vprintf(json->out, fmt, args);
	va_end(args);
}

static void put_text(struct json *json, const char *name, const char *text)
{
	put(json, "\"%s\":", name);
	if (!json->err)
		json->err = ouro_access_json(json->out, ouro_str_z(text));
}

static void begin_list(struct json *json, const char *name)
{
	put(json, ",\"%s\":[", name);
	json->first = true;
}

static void next_in_list(struct json *json)
{
	if (!json->first)
		put(json, ",");
	json->first = false;
}

/* ---- The loop ---- */

static void put_program(struct json *json, const ouro_dashboard *dashboard)
{
	uint64_t now = ouro_loop_now(dashboard->base.loop);

	put_text(json, "title", dashboard->title);
	put(json, ",\"version\":\"%s\",\"pid\":%d,\"period_ms\":%u", ouro_version(), (int)getpid(),
	    dashboard->period_ms);
	put(json, ",\"now\":%" PRIu64 ",\"seconds\":%.3f,\"resident\":%" PRIu64, now,
	    (double)(now - dashboard->began) / 1e9, dashboard->resident);
}

static void put_loop(struct json *json, const ouro_loop_stats *stats)
{
	put(json, ",\"turns\":%" PRIu64 ",\"idle_ns\":%" PRIu64 ",\"busy_ns\":%" PRIu64,
	    stats->turns, stats->idle_ns, stats->busy_ns);
	put(json, ",\"phases\":{");
	for (int i = 0; i < OURO_PHASE_COUNT; i++)
		put(json, "%s\"%s\":%" PRIu64, i ? "," : "", ouro_phase_name((enum ouro_phase)i),
		    stats->phase_ns[i]);
	put(json, "},\"turn\":{\"max\":%" PRIu64, stats->turn_ns.max);
	begin_list(json, "buckets");
	for (int i = 0; i < OURO_HIST_BUCKETS; i++) {
		next_in_list(json);
		put(json, "%" PRIu64, stats->turn_ns.bucket[i]);
	}
	put(json, "]}");
}

/* ---- Who held it ---- */

struct worst {
	struct json *json;
	unsigned left;
};

static void put_worst(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	struct worst *worst = arg;
	struct json *json = worst->json;

	(void)loop;
	if (!worst->left)
		return;
	worst->left--;
	next_in_list(json);
	put(json, "{");
	put_text(json, "who", lag->who);
	put(json, ",");
	put_text(json, "doing", lag->doing);
	put(json, ",\"ns\":%" PRIu64 ",\"began\":%" PRIu64 ",\"ongoing\":%s,\"waiting\":%u",
	    lag->ns, lag->began, lag->ongoing ? "true" : "false", lag->waiting);
	put(json, ",\"stack\":[");
	for (unsigned i = 0; i < lag->depth && !json->err; i++) {
		put(json, i ? "," : "");
		if (!json->err)
			json->err = ouro_access_json(json->out, ouro_str_z(lag->stack[i]));
	}
	put(json, "]}");
}

static void put_held(struct json *json, ouro_loop *loop)
{
	struct worst worst = { json, WORST_MOST };

	begin_list(json, "worst");
	ouro_loop_worst(loop, put_worst, &worst);
	put(json, "]");
}

/* ---- What keeps it alive ---- */

struct kinds {
	unsigned count;
	const char *name[KINDS];
	size_t many[KINDS];
};

/* Kinds are static strings; what is past the last place is left out. */
static void count_kind(ouro_loop *loop, const ouro_active *active, void *arg)
{
	struct kinds *kinds = arg;
	unsigned i = 0;

	(void)loop;
	while (i < kinds->count && strcmp(kinds->name[i], active->kind) != 0)
		i++;
	if (i == KINDS)
		return;
	kinds->name[i] = active->kind;
	kinds->many[i]++;
	if (i == kinds->count)
		kinds->count++;
}

static void put_active(struct json *json, ouro_loop *loop, const ouro_loop_stats *stats)
{
	struct kinds kinds = { .count = 0 };

	put(json, ",\"active\":{");
	if (stats->timers + stats->handles + stats->tasks > ACTIVE_MOST) {
		put(json, "\"timer\":%" PRIu64 ",\"handle\":%" PRIu64 ",\"task\":%" PRIu64,
		    stats->timers, stats->handles, stats->tasks);
	} else {
		ouro_loop_active(loop, count_kind, &kinds);
		for (unsigned i = 0; i < kinds.count; i++) {
			put(json, i ? "," : "");
			put(json, "\"%s\":%zu", kinds.name[i], kinds.many[i]);
		}
	}
	put(json, "}");
}

/* ---- The pool, and the servers ---- */

static void put_pool(struct json *json, ouro_loop *loop)
{
	ouro_pool_stats pool;

	ouro_pool_get_stats(loop, &pool);
	put(json, ",\"pool\":{\"threads\":%u,\"busy\":%u,\"stuck\":%u", pool.threads, pool.busy,
	    pool.stuck);
	begin_list(json, "lanes");
	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		const ouro_lane_stats *lane = &pool.lane[i];

		next_in_list(json);
		put(json, "{\"name\":\"%s\",\"waiting\":%" PRIu64 ",\"running\":%" PRIu64,
		    ouro_lane_name((enum ouro_lane)i), lane->waiting, lane->running);
		put(json, ",\"done\":%" PRIu64 ",\"wait_p99\":%" PRIu64 ",\"run_p99\":%" PRIu64 "}",
		    lane->done, ouro_hist_quantile(&lane->wait_ns, 0.99),
		    ouro_hist_quantile(&lane->run_ns, 0.99));
	}
	put(json, "]}");
}

static void put_server(struct json *json, const ouro_server *server)
{
	ouro_server_stats stats;

	ouro_server_get_stats(server, &stats);
	next_in_list(json);
	put(json, "{");
	put_text(json, "url", ouro_server_url(server));
	put(json, ",\"connections\":%" PRIu64 ",\"idle\":%" PRIu64 ",\"waiting\":%" PRIu64,
	    stats.connections, stats.idle, stats.waiting);
	put(json, ",\"requests\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"timeouts\":%" PRIu64,
	    stats.requests, stats.refused, stats.timeouts);
	put(json, ",\"gone\":%" PRIu64 ",\"forgotten\":%" PRIu64 "}", stats.gone, stats.forgotten);
}

/* Not the dashboard's own: looking on should not be seen. */
static void put_servers(struct json *json, const ouro_dashboard *dashboard)
{
	struct http *http = ouro__http_find(dashboard->base.loop);

	begin_list(json, "servers");
	if (http)
		list_each (at, &http->servers) {
			const ouro_server *server = list_of(at, ouro_server, link);

			if (server != dashboard->server)
				put_server(json, server);
		}
	put(json, "]");
}

/* ---- Crews ---- */

/* What the page shows of them: those that ended lately, and the one that runs. */
static void put_lane(struct json *json, const struct lane *lane, const char *kind, uint64_t since)
{
	unsigned first = lane->count > LANE_BOXES ? lane->count - LANE_BOXES : 0;

	next_in_list(json);
	put(json, "{\"name\":\"%s %d\"", kind, (int)lane->id);
	begin_list(json, "jobs");
	for (unsigned i = first; i < lane->count; i++) {
		const struct lane_box *box = &lane->box[i % LANE_BOXES];

		if (box->ended && box->ended < since)
			continue;
		next_in_list(json);
		put(json, "{");
		put_text(json, "job", box->job);
		put(json, ",\"began\":%" PRIu64 ",\"ended\":%" PRIu64 ",\"failed\":%s}", box->began,
		    box->ended, box->failed ? "true" : "false");
	}
	put(json, "]}");
	json->first = false;
}

static void put_crew(struct json *json, const ouro_crew_stats *stats)
{
	next_in_list(json);
	put(json, "{");
	put_text(json, "name", stats->name);
	put(json, ",\"kind\":\"%s\",\"waiting\":%" PRIu64 ",\"running\":%" PRIu64,
	    stats->kind == OURO_PROCESSES ? "process" : "thread", stats->waiting, stats->running);
	put(json, ",\"done\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"crashed\":%" PRIu64, stats->done,
	    stats->failed, stats->crashed);
}

static void put_crews(struct json *json, const ouro_dashboard *dashboard)
{
	ouro_loop *loop = dashboard->base.loop;
	uint64_t now = ouro_loop_now(loop), recent = LANE_SECONDS * UINT64_C(1000000000);
	ouro_crew *crew = NULL;
	unsigned lane = 0;

	begin_list(json, "crews");
	while ((crew = ouro_crew_next(loop, crew))) {
		ouro_crew_stats stats;

		ouro_crew_get_stats(crew, &stats);
		put_crew(json, &stats);
		begin_list(json, "runners");
		for (unsigned i = 0; i < stats.runners && lane < LANES; i++)
			put_lane(json, &dashboard->lanes[lane++],
				 stats.kind == OURO_PROCESSES ? "process" : "thread",
				 now > recent ? now - recent : 0);
		put(json, "]}");
		json->first = false;
	}
	put(json, "]");
}

int ouro__dashboard_state(const ouro_dashboard *dashboard, ouro_buf *out)
{
	struct json json = { .out = out };
	ouro_loop *loop = dashboard->base.loop;
	ouro_loop_stats stats;

	ouro_loop_get_stats(loop, &stats);
	put(&json, "{");
	put_program(&json, dashboard);
	put_loop(&json, &stats);
	put_held(&json, loop);
	put_active(&json, loop, &stats);
	put_pool(&json, loop);
	put_servers(&json, dashboard);
	put_crews(&json, dashboard);
	put(&json, "}");
	return json.err;
}
