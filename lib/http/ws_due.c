/* ws_due.c -- the deadlines of the WebSockets of a loop. See ws.h.
 *
 * There is a list for each span that any of them has asked for, so that a deadline costs an idle
 * one two links and no timer. A list that is empty serves the next span that nobody has yet: there
 * are never more than there were spans at one time. */
#include "base/alloc.h"
#include "http/core.h"
#include "http/ws.h"
#include <errno.h>

struct pace {
	struct list link; /* in http->paces */
	struct due_list due;
};

static void on_due(struct due *due)
{
	ouro__ws_overdue(list_of(due, struct ouro_ws, due));
}

static void set_span(struct pace *pace, struct ouro_loop *loop, unsigned ms)
{
	ouro__due_list_init(&pace->due, loop, ms, on_due, "WebSockets");
}

/* One that is empty may be in the middle of its work: it looks again when it goes on. */
static struct pace *find(const struct http *http, uint64_t span)
{
	struct pace *spare = NULL;

	list_each (at, &http->paces) {
		struct pace *pace = list_of(at, struct pace, link);

		if (pace->due.span == span)
			return pace;
		if (list_empty(&pace->due.list))
			spare = pace;
	}
	return spare;
}

static struct pace *make(struct http *http)
{
	struct pace *pace = ouro__alloc(sizeof(*pace));

	if (!pace)
		return NULL;
	set_span(pace, http->loop, OURO_NEVER);
	list_push(&http->paces, &pace->link);
	return pace;
}

int ouro__ws_due_begin(ouro_ws *ws, unsigned ms)
{
	struct ouro_loop *loop = ws->stream->base.loop;
	struct http *http = ouro__http_of(loop);
	struct pace *pace;

	ws_due_stop(ws);
	if (ms == OURO_NEVER)
		return 0;
	pace = http ? find(http, ms * NS_PER_MS) : NULL;
	if (http && !pace)
		pace = make(http);
	if (!pace)
		return -ENOMEM;
	if (pace->due.span != ms * NS_PER_MS) {
		ouro__due_list_end(&pace->due);
		set_span(pace, loop, ms);
	}
	ws->pace = &pace->due;
	due_begin(ws->pace, &ws->due);
	if (pace->due.timer.id)
		return 0;
	ws_due_stop(ws);
	return loop->ending ? OURO_ECLOSED : -ENOMEM;
}

void ouro__paces_free(struct http *http)
{
	struct list *link;

	while ((link = list_shift(&http->paces))) {
		struct pace *pace = list_of(link, struct pace, link);

		ouro__due_list_end(&pace->due);
		ouro__free(pace);
	}
}
