/* events.c -- event streams. See ouro/events.h and events.h; what is sent is event_text.c's.
 *
 * An event is measured, then written into one block with the frame of a chunk around it, so that
 * the same bytes can be queued for one client or for a thousand. */
#include "http/events.h"
#include "http/filter.h"
#include "base/check.h"
#include "http/event_text.h"
#include "http/guest.h"
#include "http/reply.h"
#include "http/req.h"
#include "http/shed.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>

#define QUEUE_MAX ((size_t)1 << 20)

int ouro__event_encode(const ouro_event *event, struct cast **ret_cast)
{
	size_t len, before;
	struct cast *cast;
	char size[24];

	if (!ouro__event_is_good(event))
		return -EINVAL;
	len = ouro__event_write(event, NULL);
	before = (size_t)snprintf(size, sizeof(size), "%zx\r\n", len);
	cast = ouro__cast_new(before + len + 2);
	if (!cast)
		return -ENOMEM;
	cast->skip = before;
	cast->sheds = true;
	memcpy(cast->bytes, size, before);
	ouro__event_write(event, cast->bytes + before);
	memcpy(cast->bytes + before + len, "\r\n", 2);
	*ret_cast = cast;
	return 0;
}

/* ---- As every handle ---- */

static int feed_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static const void *feed_callee(const struct handle *handle)
{
	(void)handle;
	return NULL;
}

static void feed_stop(struct handle *handle)
{
	ouro_feed *feed = (ouro_feed *)handle;

	ouro_timer_stop(handle->loop, feed->heartbeat);
	ouro__room_leave(&feed->member, &feed->room);
	list_remove(&feed->guest);
	if (!feed->req)
		return;
	ouro_req_on_gone(feed->req, NULL, NULL);
	(void)ouro_req_end(feed->req);
	feed->req = NULL;
}

static const struct handle_type feed_type = {
	.kind = "event stream",
	.magic = 0x65767473u,
	.callee = feed_callee,
	.number = feed_number,
	.stop = feed_stop,
};

void ouro__feed_check(const ouro_feed *feed)
{
	handle_check(feed, feed_type);
}

static void on_gone(ouro_req *req, int err, void *arg)
{
	(void)req, (void)err;
	ouro_feed_close(arg);
}

static void on_heartbeat(ouro_loop *loop, void *arg)
{
	ouro_feed *feed = arg;

	(void)loop;
	if (!feed->sent && !ouro_req_queued(feed->req))
		(void)ouro_req_write(feed->req, ouro_str_z(":\n\n"));
	feed->sent = false;
}

/* ---- Beginning ---- */

static int start_answer(ouro_req *req, const ouro_feed_opts *opts)
{
	int err = ouro_req_set(req, "Cache-Control", ouro_str_z("no-cache"));
	char retry[40];
	int64_t n = 0;

	ouro__filter_leave(req);
	if (!err)
		err = ouro_req_start(req, 200, "text/event-stream");
	if (err || !opts->retry_ms)
		return err;
	snprintf(retry, sizeof(retry), "retry: %u\n\n", opts->retry_ms);
	n = ouro_req_write(req, ouro_str_z(retry));
	return n < 0 ? (int)n : 0;
}

static int start_heartbeat(ouro_feed *feed, unsigned ms)
{
	ouro_loop *loop = feed->base.loop;

	if (ms == OURO_NEVER)
		return 0;
	feed->heartbeat = ouro_timer_every(loop, ms ? ms : 15000, on_heartbeat, feed);
	ouro_timer_hold(loop, feed->heartbeat, false);
	return feed->heartbeat.id ? 0 : -ENOMEM;
}

int ouro_feed_start(ouro_req *req, const ouro_feed_opts *opts, ouro_feed **ret_feed)
{
	static const ouro_feed_opts defaults;
	ouro_feed *feed;
	int err;

	req_check(req);
	opts = opts ? opts : &defaults;
	feed = ouro__handle_new(req->http->loop, &feed_type, sizeof(*feed), NULL, &err);
	if (!feed) {
		ouro_req_drop(req);
		return err;
	}
	list_init(&feed->member);
	list_init(&feed->guest);
	feed->queue_max = opts->queue_max ? opts->queue_max : QUEUE_MAX;
	feed->slow = opts->slow;
	err = start_heartbeat(feed, opts->heartbeat_ms);
	if (!err)
		err = start_answer(req, opts);
	if (err) {
		ouro_timer_stop(feed->base.loop, feed->heartbeat);
		ouro__handle_drop(&feed->base);
		if (err != OURO_ECLOSED && err != -EALREADY)
			ouro_req_drop(req);
		return err;
	}
	ouro__handle_hold(&feed->base, false);
	feed->req = ouro_req_later(req);
	shed_leave(req);
	if (req->server)
		ouro__guest_feed(req->server, feed);
	ouro_req_on_gone(req, on_gone, feed);
	*ret_feed = feed;
	if (req->server && !guests_are_welcome(req->server))
		ouro_feed_close(feed);
	return 0;
}

/* ---- Sending ---- */

int64_t ouro__feed_queue(ouro_feed *feed, struct cast *cast)
{
	ouro_req *req = feed->req;
	bool chunked;
	int err;

	if (!req || !req->conn)
		return OURO_ECLOSED;
	feed->sent = true;
	if (req->answer.no_body)
		return 0;
	chunked = req->answer.framing == FRAMING_CHUNKED;
	err = ouro__cast_queue(cast, &req->out, req->http->net, chunked ? 0 : cast->skip,
			       chunked ? cast->len : cast->len - cast->skip - 2);
	if (err)
		return err;
	req_kick(req);
	return (int64_t)req->out.queued;
}

void ouro__feed_cut(ouro_feed *feed)
{
	ouro_req *req = feed->req;

	feed->req = NULL;
	if (req) {
		ouro_req_on_gone(req, NULL, NULL);
		ouro_req_drop(req);
	}
	ouro_feed_close(feed);
}

static int64_t send_cast(ouro_feed *feed, struct cast *cast)
{
	size_t missed;
	int err = ouro__slow_make_room(&feed->req->out, cast->len, feed->queue_max, feed->slow,
				       &missed);

	if (!err)
		return ouro__feed_queue(feed, cast);
	if (feed->slow == OURO_SLOW_DROP_CLIENT) {
		ouro__feed_cut(feed);
		return OURO_ECLOSED;
	}
	return err;
}

int64_t ouro_feed_send(ouro_feed *feed, const ouro_event *event)
{
	struct cast *cast;
	int64_t n;

	ouro__feed_check(feed);
	if (feed->base.closing)
		return OURO_ECLOSED;
	n = ouro__event_encode(event, &cast);
	if (n)
		return n;
	n = send_cast(feed, cast);
	ouro__cast_drop(cast);
	return n;
}

/* ---- Asking, and the end ---- */

const char *ouro_feed_last_id(const ouro_feed *feed)
{
	ouro__feed_check(feed);
	return feed->req ? ouro_req_header(feed->req, "Last-Event-ID").ptr : NULL;
}

size_t ouro_feed_queued(const ouro_feed *feed)
{
	ouro__feed_check(feed);
	return feed->req ? ouro_req_queued(feed->req) : 0;
}

void ouro_feed_close(ouro_feed *feed)
{
	if (!feed)
		return;
	ouro__feed_check(feed);
	ouro__handle_close(&feed->base);
}

void ouro_feed_on_close(ouro_feed *feed, ouro_close_fn *fn, void *arg)
{
	ouro__feed_check(feed);
	feed->base.on_close = fn;
	feed->base.arg = arg;
}

ouro_loop *ouro_feed_loop(const ouro_feed *feed)
{
	ouro__feed_check(feed);
	return feed->base.loop;
}
