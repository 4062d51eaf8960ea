/* metrics.c -- the page as an answer. See ouro/metrics.h, metrics.h.
 *
 * Most figures are in memory. A few of the process are in /proc, and to list the descriptors of ten
 * thousand connections takes a while: a pool thread does that while the request waits. If it takes
 * longer than a figure is worth, which is when a page is needed most, the page has what was known
 * before. */
#include "app/metrics.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/op.h"
#include "offload/pool.h"
#include <errno.h>
#include <stdlib.h>

#define ASK_MS 500
#define TYPE   "text/plain; version=0.0.4; charset=utf-8"

static const char metrics_kind;

static void end(struct attachment *attachment)
{
	struct metrics *metrics = list_of(attachment, struct metrics, base);

	ouro__metrics_free_http(metrics);
	ouro__metrics_free_own(metrics);
	ouro_buf_free(metrics->page);
	ouro_buf_free(metrics->key);
	ouro__free(metrics);
}

static bool wants_nodejs(void)
{
	const char *compat = getenv("OURO_METRICS_COMPAT");

	return compat && !strcmp(compat, "nodejs");
}

struct metrics *ouro__metrics_of(ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &metrics_kind);
	struct metrics *metrics;

	if (attachment)
		return list_of(attachment, struct metrics, base);
	metrics = loop->ending ? NULL : ouro__alloc(sizeof(*metrics));
	if (!metrics)
		return NULL;
	metrics->page = ouro_buf_new();
	metrics->key = ouro_buf_new();
	if (!metrics->page || !metrics->key) {
		ouro_buf_free(metrics->page);
		ouro_buf_free(metrics->key);
		ouro__free(metrics);
		return NULL;
	}
	metrics->base = (struct attachment){ .kind = &metrics_kind, .end = end };
	metrics->loop = loop;
	metrics->nodejs = wants_nodejs();
	list_init(&metrics->hooks);
	list_init(&metrics->series);
	list_init(&metrics->own);
	list_init(&metrics->waiters);
	list_push(&loop->attachments, &metrics->base.link);
	return metrics;
}

/* ---- The process ---- */

static struct process_figures *figures_of(struct op *op)
{
	return (struct process_figures *)(void *)op->room;
}

static int ask_work(struct op *op)
{
	ouro__metrics_ask_process(figures_of(op));
	return 0;
}

/* In memory of a request that waits. */
struct waiter {
	struct list link;
	ouro_req *req;
};

static void answer(struct metrics *metrics, ouro_req *req);

static void ask_done(struct op *op, int err)
{
	struct metrics *metrics = op->arg;
	struct list batch, *link;

	metrics->process_out = false;
	if (!err)
		metrics->process = *figures_of(op);
	list_init(&batch);
	list_move_all(&batch, &metrics->waiters);
	while ((link = list_shift(&batch)))
		answer(metrics, list_of(link, struct waiter, link)->req);
}

static const struct op_kind ask_kind = {
	.call = "metrics",
	.lane = OURO_LANE_FILES,
	.work = ask_work,
	.done = ask_done,
};

/* True: it will be answered. What has been answered a second ago is good enough. */
static bool ask(struct metrics *metrics)
{
	uint64_t now = call_now(metrics->loop);
	struct op *op;

	if (metrics->process_out)
		return true;
	if (metrics->process.known && now - metrics->process_at < NS_PER_S)
		return false;
	op = ouro__op_new(metrics->loop, &ask_kind, NULL, metrics);
	if (!op)
		return false;
	*figures_of(op) = metrics->process;
	metrics->process_at = now;
	metrics->process_out = true;
	ouro_op_timeout(metrics->loop, ouro__op_submit(op), ASK_MS);
	return true;
}

/* ---- The page ---- */

static int write_page(struct metrics *metrics, ouro_buf *buf)
{
	size_t before = ouro_buf_str(buf).len;
	struct page_text page = { .buf = buf };

	ouro__metrics_write_loop(metrics, &page);
	ouro__metrics_write_crews(metrics, &page);
	ouro__metrics_write_http(metrics, &page);
	ouro__metrics_write_own(metrics, &page);
	if (page.err)
		ouro_buf_cut(buf, before);
	return page.err;
}

static void answer(struct metrics *metrics, ouro_req *req)
{
	int err;

	ouro_buf_cut(metrics->page, 0);
	err = write_page(metrics, metrics->page);
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_reply(req, 200, TYPE, ouro_buf_str(metrics->page));
}

void ouro_metrics_serve(ouro_req *req, void *arg)
{
	struct metrics *metrics = ouro__metrics_of(ouro_req_loop(req));
	struct waiter *waiter;

	(void)arg;
	if (!metrics) {
		ouro_req_fail(req, -ENOMEM);
		return;
	}
	waiter = ask(metrics) ? ouro_req_alloc(req, sizeof(*waiter)) : NULL;
	if (!waiter) {
		answer(metrics, req);
		return;
	}
	waiter->req = ouro_req_later(req);
	list_push(&metrics->waiters, &waiter->link);
}

int ouro_metrics_write(ouro_loop *loop, ouro_buf *buf)
{
	struct metrics *metrics = ouro__metrics_of(loop);

	if (!metrics)
		return -ENOMEM;
	ask(metrics);
	return write_page(metrics, buf);
}
