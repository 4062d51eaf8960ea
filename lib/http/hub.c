/* hub.c -- what the servers of one loop share. See core.h. */
#include "base/alloc.h"
#include "http/core.h"
#include "http/encoded.h"
#include "http/req.h"
#include "http/save.h"
#include "http/serve.h"
#include "loop/loop.h"
#include <time.h>

static const char hub_kind;

/* The loop is being freed: nobody's answer can leave any more. */
static void drain(struct attachment *attachment)
{
	struct http *http = list_of(attachment, struct http, base);

	list_each_safe (at, &http->servers)
		ouro__server_cut(list_of(at, struct ouro_server, link));
}

static void end(struct attachment *attachment)
{
	struct http *http = list_of(attachment, struct http, base);
	struct list *link;

	while ((link = list_shift(&http->orphans))) {
		ouro_req *req = list_of(link, ouro_req, link);

		ouro__save_tell(req);
		ouro__req_free(req);
	}
	if (http->spare)
		ouro__page_give(http->net, http->spare->page);
	ouro__slab_free(&http->conns);
	ouro__slab_free(&http->reqs);
	ouro__free(http);
}

struct http *ouro__http_find(const struct ouro_loop *loop)
{
	struct attachment *attached = ouro__loop_attached(loop, &hub_kind);

	return attached ? list_of(attached, struct http, base) : NULL;
}

struct http *ouro__http_of(struct ouro_loop *loop)
{
	struct http *http = ouro__http_find(loop);
	struct net *net;

	if (http)
		return http;
	net = ouro__net_of(loop); /* before us, so that it ends after us */
	http = net ? ouro__alloc(sizeof(*http)) : NULL;
	if (!http)
		return NULL;
	http->base.kind = &hub_kind;
	http->base.drain = drain;
	http->base.end = end;
	http->loop = loop;
	http->net = net;
	ouro__trace_begin(http);
	list_init(&http->servers);
	list_init(&http->orphans);
	list_init(&http->terms);
	ouro__slab_init(&http->conns, sizeof(struct conn));
	ouro__slab_init(&http->reqs, sizeof(struct ouro_req));
	list_push(&loop->attachments, &http->base.link);
	return http;
}

/* The wall clock is asked once a second at most. */
static void write_date(struct http *http, uint64_t now)
{
	struct timespec wall;
	size_t len = strlen("Date: ");

	clock_gettime(CLOCK_REALTIME, &wall);
	memcpy(http->date, "Date: ", len);
	len += ouro__http_date_format(http->date + len, wall.tv_sec);
	memcpy(http->date + len, "\r\n", 2);
	http->date_len = (uint8_t)(len + 2);
	http->date_until = now + NS_PER_S - (uint64_t)wall.tv_nsec;
}

ouro_str ouro__http_date(struct http *http)
{
	uint64_t now = call_now(http->loop);

	if (now >= http->date_until)
		write_date(http, now);
	return ouro_str_n(http->date, http->date_len);
}

unsigned ouro__servers_delay(const ouro_loop *loop)
{
	const struct http *http = ouro__http_find(loop);
	unsigned longest = 0;

	if (http)
		list_each (at, &http->servers) {
			unsigned ms = list_of(at, struct ouro_server, link)->opts.delay_ms;

			longest = ms > longest ? ms : longest;
		}
	return longest;
}

bool ouro__servers_any(const ouro_loop *loop, bool (*is_so)(const ouro_server *server))
{
	const struct http *http = ouro__http_find(loop);

	if (http)
		list_each (at, &http->servers)
			if (is_so(list_of(at, struct ouro_server, link)))
				return true;
	return false;
}

/* The end of all of them. */

void ouro__servers_add_up(struct http *http, const ouro_server_report *report)
{
	ouro_server_end_fn *fn = http->on_end;

	http->sum.requests += report->requests;
	http->sum.finished += report->finished;
	http->sum.cut += report->cut;
	http->sum.sockets += report->sockets;
	http->sum.feeds += report->feeds;
	if (!fn || !list_empty(&http->servers))
		return;
	http->on_end = NULL;
	fn(&http->sum, http->on_end_arg);
}

size_t ouro__servers_close(ouro_loop *loop, unsigned delay_ms, unsigned deadline_ms,
			   ouro_server_end_fn *fn, void *arg)
{
	struct http *http = ouro__http_find(loop);
	size_t count = 0;

	if (!http || list_empty(&http->servers))
		return 0;
	http->on_end = fn;
	http->on_end_arg = arg;
	memset(&http->sum, 0, sizeof(http->sum));
	list_each (at, &http->servers) {
		struct ouro_server *server = list_of(at, struct ouro_server, link);

		ouro_server_close_after(server,
					delay_ms == OURO_NEVER ? server->opts.delay_ms : delay_ms,
					deadline_ms);
		count++;
	}
	return count;
}
