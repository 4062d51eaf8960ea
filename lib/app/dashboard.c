/* dashboard.c -- the handle, its viewers, its answers. See ouro/dashboard.h.
 *
 * A viewer is an event stream. The first one starts the timer, the last that goes stops it. One that
 * does not keep up is cut off: its page comes back by itself, and needs no picture of the past. */
#include "app/dashboard.h"
#include "base/alloc.h"
#include "base/check.h"
#include "http/reply.h"
#include "http/req.h"
#include "loop/call.h"
#include "ouro/error.h"
#include "ouro/events.h"
#include "sys/limit.h"
#include <errno.h>

#define USUAL_PERIOD_MS 1000
#define LOOK_MS         100
#define USUAL_VIEWERS   16
#define VIEWER_QUEUE    ((size_t)256 << 10)

struct viewer {
	struct list link;
	ouro_dashboard *dashboard; /* NULL: it has been closed */
	ouro_feed *feed;
};

/* ---- The handle ---- */

static const void *dashboard_callee(const struct handle *handle)
{
	(void)handle;
	return CALL_FN(ouro_dashboard_serve);
}

static int dashboard_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static void dashboard_stop(struct handle *handle)
{
	ouro_dashboard *dashboard = list_of(handle, ouro_dashboard, base);

	ouro_timer_stop(handle->loop, dashboard->timer);
	list_each_safe (at, &dashboard->viewers) {
		struct viewer *viewer = list_of(at, struct viewer, link);

		list_remove(at);
		viewer->dashboard = NULL;
		ouro_feed_close(viewer->feed);
	}
	ouro_server_close(dashboard->server, 0);
	dashboard->server = NULL;
	ouro_buf_free(dashboard->text);
	ouro__free(dashboard->title);
	ouro__free(dashboard->lanes);
	dashboard->text = NULL;
	dashboard->title = NULL;
	dashboard->lanes = NULL;
}

static const struct handle_type dashboard_type = {
	.kind = "dashboard",
	.magic = 0x64617368u,
	.callee = dashboard_callee,
	.number = dashboard_number,
	.stop = dashboard_stop,
};

static unsigned or_usual(unsigned wanted, unsigned usual)
{
	return wanted ? wanted : usual;
}

static void fill(ouro_dashboard *dashboard, const ouro_dashboard_opts *opts)
{
	unsigned period = or_usual(opts->period_ms, USUAL_PERIOD_MS);

	list_init(&dashboard->viewers);
	dashboard->period_ms = period < LOOK_MS ? LOOK_MS : period;
	dashboard->viewers_max = or_usual(opts->viewers_max, USUAL_VIEWERS);
	dashboard->began = ouro_loop_now(dashboard->base.loop);
	dashboard->text = ouro_buf_new();
	dashboard->lanes = ouro__alloc(LANES * sizeof(*dashboard->lanes));
	dashboard->title = ouro__strdup(opts->title ? opts->title : program_invocation_short_name);
}

int ouro_dashboard_open(ouro_loop *loop, const ouro_dashboard_opts *opts,
			ouro_dashboard **ret_dashboard)
{
	static const ouro_dashboard_opts plain;
	ouro_dashboard *dashboard;
	int err;

	dashboard = ouro__handle_new(loop, &dashboard_type, sizeof(*dashboard), NULL, &err);
	if (!dashboard)
		return err;
	fill(dashboard, opts ? opts : &plain);
	ouro__handle_hold(&dashboard->base, false);
	if (!dashboard->text || !dashboard->title || !dashboard->lanes) {
		dashboard_stop(&dashboard->base);
		ouro__handle_drop(&dashboard->base);
		return -ENOMEM;
	}
	*ret_dashboard = dashboard;
	return 0;
}

void ouro_dashboard_close(ouro_dashboard *dashboard)
{
	if (!dashboard)
		return;
	handle_check(dashboard, dashboard_type);
	ouro__handle_close(&dashboard->base);
}

void ouro_dashboard_on_close(ouro_dashboard *dashboard, ouro_close_fn *fn, void *arg)
{
	handle_check(dashboard, dashboard_type);
	dashboard->base.on_close = fn;
	dashboard->base.arg = arg;
}

ouro_loop *ouro_dashboard_loop(const ouro_dashboard *dashboard)
{
	handle_check(dashboard, dashboard_type);
	return dashboard->base.loop;
}

unsigned ouro_dashboard_viewers(const ouro_dashboard *dashboard)
{
	handle_check(dashboard, dashboard_type);
	return dashboard->count;
}

const char *ouro_dashboard_url(const ouro_dashboard *dashboard)
{
	handle_check(dashboard, dashboard_type);
	return dashboard->server ? ouro_server_url(dashboard->server) : NULL;
}

/* ---- Viewers ---- */

/* /proc is memory, not a disk: it does not wait. It is a file to open all the same, once a second. */
static void weigh(ouro_dashboard *dashboard)
{
	uint64_t now = ouro_loop_now(dashboard->base.loop);

	if (dashboard->weighed && now - dashboard->weighed < NS_PER_S)
		return;
	dashboard->weighed = now;
	dashboard->resident = ouro__limit_resident();
}

/* The picture of now, in dashboard->text. 0 or -ENOMEM. */
static int take_picture(ouro_dashboard *dashboard)
{
	weigh(dashboard);
	ouro__dashboard_look(dashboard);
	ouro_buf_cut(dashboard->text, 0);
	return ouro__dashboard_state(dashboard, dashboard->text);
}

/* A picture that there is no memory for is left out. */
static void show(ouro_dashboard *dashboard)
{
	if (take_picture(dashboard))
		return;
	list_each_safe (at, &dashboard->viewers) {
		const ouro_event event = { .data = ouro_buf_str(dashboard->text) };

		ouro_feed_send(list_of(at, struct viewer, link)->feed, &event);
	}
}

/* Crews are looked at more often than pictures are taken. */
static void look(ouro_loop *loop, void *arg)
{
	ouro_dashboard *dashboard = arg;
	uint64_t now = ouro_loop_now(loop);

	ouro__dashboard_look(dashboard);
	if (now - dashboard->shown + LOOK_MS * NS_PER_MS / 2 < dashboard->period_ms * NS_PER_MS)
		return;
	show(dashboard);
	dashboard->shown = now;
}

static void viewer_gone(void *arg)
{
	struct viewer *viewer = arg;
	ouro_dashboard *dashboard = viewer->dashboard;

	if (dashboard && --dashboard->count == 0) {
		ouro_timer_stop(dashboard->base.loop, dashboard->timer);
		dashboard->timer = (ouro_timer){ 0 };
	}
	list_remove(&viewer->link);
	ouro__free(viewer);
}

static bool start_timer(ouro_dashboard *dashboard)
{
	ouro_loop *loop = dashboard->base.loop;

	if (dashboard->timer.id)
		return true;
	dashboard->timer = ouro_timer_every(loop, LOOK_MS, look, dashboard);
	ouro_timer_hold(loop, dashboard->timer, false);
	ouro_timer_set_name(loop, dashboard->timer, "dashboard");
	return dashboard->timer.id != 0;
}

static void enter(ouro_dashboard *dashboard, struct viewer *viewer)
{
	const ouro_event event = { .data = ouro_buf_str(dashboard->text) };

	viewer->dashboard = dashboard;
	list_push(&dashboard->viewers, &viewer->link);
	dashboard->count++;
	ouro_feed_on_close(viewer->feed, viewer_gone, viewer);
	ouro_feed_send(viewer->feed, &event);
}

static void serve_events(ouro_dashboard *dashboard, ouro_req *req)
{
	static const ouro_feed_opts opts = {
		.retry_ms = 1000,
		.queue_max = VIEWER_QUEUE,
		.slow = OURO_SLOW_DROP_CLIENT,
	};
	struct viewer *viewer;

	if (dashboard->count >= dashboard->viewers_max || take_picture(dashboard) ||
	    !(viewer = ouro__alloc(sizeof(*viewer)))) {
		ouro_req_status(req, 503);
		return;
	}
	list_init(&viewer->link);
	if (!start_timer(dashboard)) {
		ouro__free(viewer);
		ouro_req_status(req, 503);
	} else if (ouro_feed_start(req, &opts, &viewer->feed)) {
		ouro__free(viewer);
	} else {
		enter(dashboard, viewer);
	}
}

/* ---- Answers ---- */

/* Nothing from elsewhere, nothing kept, and nobody else may put it into a frame. */
static bool set_fields(ouro_req *req)
{
	return !ouro_req_set(req, "Content-Security-Policy",
			     ouro_str_z("default-src 'self'; frame-ancestors 'none'")) &&
	       !ouro_req_set(req, "Cache-Control", ouro_str_z("no-store")) &&
	       !ouro_req_set(req, "X-Content-Type-Options", ouro_str_z("nosniff")) &&
	       !ouro_req_set(req, "Referrer-Policy", ouro_str_z("no-referrer"));
}

static void serve_state(ouro_dashboard *dashboard, ouro_req *req)
{
	if (take_picture(dashboard))
		ouro_req_status(req, 503);
	else
		ouro_req_reply(req, 200, "application/json", ouro_buf_str(dashboard->text));
}

/* Below the tree; without one, all behind the first slash. */
static ouro_str name_of(ouro_req *req)
{
	ouro_str path = ouro_req_path(req);

	if (req->match.rest)
		return ouro_req_rest(req);
	return path.len ? ouro_str_n(path.ptr + 1, path.len - 1) : path;
}

void ouro_dashboard_serve(ouro_req *req, void *arg)
{
	ouro_dashboard *dashboard = arg;
	ouro_str name = name_of(req), file;
	const char *type = NULL;

	handle_check(dashboard, dashboard_type);
	if (dashboard->base.closing || !set_fields(req)) {
		ouro_req_status(req, 503);
	} else if (!req_reads(req)) {
		ouro__answer_reads_only(req);
	} else if (ouro_str_eq(name, "events")) {
		serve_events(dashboard, req);
	} else if (ouro_str_eq(name, "state")) {
		serve_state(dashboard, req);
	} else {
		file = ouro__dashboard_file(name, &type);
		if (file.ptr)
			ouro_req_reply_static(req, 200, type, file);
		else
			ouro_req_status(req, 404);
	}
}
