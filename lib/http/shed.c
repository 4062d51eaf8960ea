/* shed.c -- when a server says no. See ouro/shed.h, shed.h.
 *
 * A timer looks at what is measured by time, and only as long as there is anybody to say no to:
 * when nothing was asked between two looks, and all is well, there is no third, and `room_until` 0
 * makes the next request begin again. So a server that nobody asks costs no wake-up, and a busy one
 * no look a request.
 *
 * Two things that are easily taken for one: `over` decides about the next request, and may change
 * with each; `figures.shedding` is what the user is told, and ends only at a look since which
 * nothing was shed. A server that goes up and down around its mark a thousand times a second has
 * something to say ten times. */
#include "http/shed.h"
#include "base/alloc.h"
#include "base/check.h"
#include "http/reply.h"
#include "http/req.h"
#include "http/serve.h"
#include "offload/pool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define LOOK_MS 100

/* ---- Marks ---- */

static const char *wrong_depth(const ouro_depth *depth)
{
	if (!depth->name)
		return "a depth of shed has no name";
	if (!depth->max)
		return "a depth of shed has no max";
	return depth->low > depth->max ? "a depth's low is more than its max" : NULL;
}

const char *ouro__shed_wrong(const ouro_shed_opts *opts)
{
	const ouro_depth *depth = opts->depths;

	if (!opts->requests_max && !opts->lag_ms && !opts->pool_max && !(depth && depth->fn))
		return "shed has no mark";
	if (opts->requests_low > opts->requests_max)
		return "requests_low is more than requests_max";
	if (opts->lag_low_ms > opts->lag_ms)
		return "lag_low_ms is more than lag_ms";
	if (opts->pool_low > opts->pool_max)
		return "pool_low is more than pool_max";
	for (; depth && depth->fn; depth++)
		if (wrong_depth(depth))
			return wrong_depth(depth);
	return NULL;
}

static void set_low(unsigned *low, unsigned max)
{
	if (!*low)
		*low = max / 2;
}

static void fill_in(ouro_shed_opts *opts)
{
	set_low(&opts->requests_low, opts->requests_max);
	set_low(&opts->lag_low_ms, opts->lag_ms);
	set_low(&opts->pool_low, opts->pool_max);
	if (!opts->requests_max)
		opts->requests_max = UINT32_MAX;
	if (!opts->look_ms)
		opts->look_ms = LOOK_MS;
	if (!opts->retry_after_s)
		opts->retry_after_s = 1;
}

/* ---- Telling ---- */

static struct ouro_loop *loop_of(const struct shed *shed)
{
	return shed->server->base.loop;
}

static void log_it(const struct shed *shed)
{
	const struct log *log = &loop_of(shed)->log;
	const ouro_shed_state *now = &shed->figures;

	if (now->shedding)
		ouro__log(log, OURO_LOG_WARN,
			  "%s sheds load: %s is at %" PRIu64 ", its mark at %" PRIu64,
			  shed->server->url, now->why, now->value, now->mark);
	else
		ouro__log(log, OURO_LOG_INFO, "%s takes all requests again, after %" PRIu64,
			  shed->server->url, now->shed - shed->shed_before);
}

static void tell(struct flush *flush)
{
	struct shed *shed = list_of(flush, struct shed, tell);
	struct ouro_server *server = shed->server;
	ouro_shed_state state = shed->figures;

	if (shed->told == state.shedding)
		return;
	shed->told = state.shedding;
	state.requests = shed->taken;
	log_it(shed);
	if (!shed->opts.on_shed)
		return;
	call_begin(server->base.loop, OURO_PHASE_IO, CALL_FN(shed->opts.on_shed),
		   (struct cause){ "shedding of a", -1, "http server" }, server->base.label);
	shed->opts.on_shed(server, &state, server->opts.arg);
	call_end(loop_of(shed));
}

static void begin(struct shed *shed)
{
	if (shed->figures.shedding)
		return;
	shed->figures.shedding = true;
	shed->figures.times++;
	shed->shed_before = shed->figures.shed;
	flush_soon(loop_of(shed), &shed->tell);
}

static void end(struct shed *shed)
{
	shed->figures.shedding = false;
	flush_soon(loop_of(shed), &shed->tell);
}

/* ---- Measuring ---- */

/* One measure is at its mark. The first one is what began it. */
static void rise(struct shed *shed, enum shed_over bit, const char *name, uint64_t value,
		 uint64_t mark)
{
	if (!shed->over) {
		shed->figures.why = name;
		shed->figures.value = value;
		shed->figures.mark = mark;
	}
	shed->over |= bit;
}

static void fall(struct shed *shed, enum shed_over bit)
{
	shed->over &= ~(unsigned)bit;
}

/* value against its two marks; max 0: has none. */
static void weigh(struct shed *shed, enum shed_over bit, const char *name, uint64_t value,
		  uint64_t max, uint64_t low)
{
	if (max && value >= max)
		rise(shed, bit, name, value, max);
	else if (value <= low)
		fall(shed, bit);
}

/* Another one is there. As many as may be are not too many: only a request begins it. */
static void weigh_requests(struct shed *shed)
{
	weigh(shed, SHED_REQUESTS, "requests", shed->taken, shed->opts.requests_max,
	      shed->opts.requests_low);
}

static uint64_t how_late(const struct shed *shed, uint64_t now)
{
	return shed->look.id && now > shed->due ? now - shed->due : 0;
}

static void weigh_lag(struct shed *shed, uint64_t now)
{
	uint64_t waits = ouro__lag_waits(loop_of(shed));
	uint64_t passed = (now - shed->looked) >> 10, late = how_late(shed, now);
	uint64_t lag;

	if (!passed)
		return;
	lag = (waits - shed->waits) / passed << 10;
	shed->waits = waits;
	shed->looked = now;
	if (late > lag)
		lag = late;
	shed->figures.lag_ns = shed->figures.lag_ns / 2 + lag / 2;
	weigh(shed, SHED_LAG, "lag", shed->figures.lag_ns / NS_PER_MS, shed->opts.lag_ms,
	      shed->opts.lag_low_ms);
}

static void weigh_pool(struct shed *shed)
{
	if (shed->opts.pool_max)
		weigh(shed, SHED_POOL, "pool", ouro__pool_depth(ouro__pool_if_any(loop_of(shed))),
		      shed->opts.pool_max, shed->opts.pool_low);
}

/* All of them share a bit: any sets it, and it goes when all are low. */
static void weigh_depths(struct shed *shed)
{
	bool all_low = true;

	for (const ouro_depth *depth = shed->opts.depths; depth && depth->fn; depth++) {
		uint64_t value = depth->fn(loop_of(shed), depth->arg);

		if (value >= depth->max)
			rise(shed, SHED_DEPTHS, depth->name, value, depth->max);
		all_low &= value <= (depth->low ? depth->low : depth->max / 2);
	}
	if (all_low)
		fall(shed, SHED_DEPTHS);
}

/* ---- Looking ---- */

static bool was_asked(struct shed *shed)
{
	bool asked =
		shed->shed != shed->figures.shed || shed->served != shed->server->stats.requests;

	shed->shed = shed->figures.shed;
	shed->served = shed->server->stats.requests;
	return asked;
}

static void set_room(struct shed *shed)
{
	shed->room_until = shed->over || !shed->look.id ? 0 : shed->opts.requests_max;
}

static void look_again(ouro_loop *loop, void *arg);

/* Without memory for the timer the next request is a look, too. */
static void arm(struct shed *shed)
{
	ouro_loop *loop = loop_of(shed);

	shed->due = call_now(loop) + shed->opts.look_ms * NS_PER_MS;
	shed->look = ouro_timer_after(loop, shed->opts.look_ms, look_again, shed);
	ouro_timer_hold(loop, shed->look, false);
}

static void look(struct shed *shed)
{
	weigh_lag(shed, call_now(loop_of(shed)));
	weigh_pool(shed);
	weigh_depths(shed);
	if (shed->taken <= shed->opts.requests_low)
		fall(shed, SHED_REQUESTS);
	if (shed->over)
		begin(shed);
}

static void look_again(ouro_loop *loop, void *arg)
{
	struct shed *shed = arg;
	bool quiet = shed->shed == shed->figures.shed, asked = was_asked(shed);

	(void)loop;
	look(shed);
	if (!shed->over && quiet && shed->figures.shedding)
		end(shed);
	shed->look.id = 0;
	if (asked || shed->figures.shedding)
		arm(shed);
	set_room(shed);
}

bool ouro__shed_decide(struct shed *shed)
{
	if (!shed->look.id) {
		look(shed);
		arm(shed);
	}
	weigh_requests(shed);
	set_room(shed);
	if (!shed->over)
		return true;
	begin(shed);
	shed->figures.shed++;
	return false;
}

void ouro__shed_answer(ouro_req *req)
{
	req->answer.fields = &req->server->shed->retry_after;
	ouro__answer_status(req, 503);
}

/* ---- Beginning and end ---- */

int ouro__shed_open(struct ouro_server *server)
{
	struct shed *shed = ouro__alloc(sizeof(*shed));
	int len;

	if (!shed)
		return -ENOMEM;
	server->shed = shed;
	shed->server = server;
	shed->opts = *server->opts.shed;
	fill_in(&shed->opts);
	server->opts.shed = &shed->opts;
	shed->figures.why = "";
	shed->looked = call_now(server->base.loop);
	shed->waits = ouro__lag_waits(server->base.loop);
	flush_init(&shed->tell, tell);
	len = snprintf(shed->seconds, sizeof(shed->seconds), "%u", shed->opts.retry_after_s);
	shed->retry_after.name = ouro_str_z("Retry-After");
	shed->retry_after.value = ouro_str_n(shed->seconds, (size_t)len);
	return 0;
}

void ouro__shed_free(struct shed *shed)
{
	if (!shed)
		return;
	ouro_timer_stop(loop_of(shed), shed->look);
	flush_cancel(&shed->tell);
	ouro__free(shed);
}

bool ouro_server_is_shedding(const ouro_server *server)
{
	ouro__server_check(server);
	return server->shed && server->shed->figures.shedding;
}

void ouro_server_get_shed(const ouro_server *server, ouro_shed_state *ret_state)
{
	const struct shed *shed = server->shed;

	ouro__server_check(server);
	*ret_state = shed ? shed->figures : (ouro_shed_state){ .why = "" };
	ret_state->requests = shed ? shed->taken : 0;
}
