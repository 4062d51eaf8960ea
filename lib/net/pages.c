/* pages.c -- the net of a loop: made when first asked for, gone with the loop. See pages.h.
 *
 * It stands on the loop's list of attachments, which is short; who needs it often keeps the
 * pointer. */
#include "net/pages.h"
#include "base/check.h"
#include "net/out.h"
#include "net/stream.h"

static const char net_kind;

static void net_end(struct attachment *attachment)
{
	struct net *net = list_of(attachment, struct net, base);

	ouro__check(!net->taken);
	while (net->free) {
		struct page *page = net->free;

		net->free = page->next;
		page_show(page);
		ouro__free(page);
	}
	ouro__out_end(net);
	flush_cancel(&net->flush);
	ouro__free(net->scratch);
	ouro__free(net);
}

/* What the closing of handles has left to say. */
static void net_drain(struct attachment *attachment)
{
	flush_phase(list_of(attachment, struct net, base)->loop);
}

static struct net *make(struct ouro_loop *loop)
{
	struct net *net = ouro__alloc(sizeof(*net));

	if (!net)
		return NULL;
	net->scratch = ouro__realloc(NULL, SCRATCH_ROOM);
	if (!net->scratch) {
		ouro__free(net);
		return NULL;
	}
	net->loop = loop;
	flush_init(&net->flush, ouro__streams_flush);
	list_init(&net->streams);
	list_init(&net->sent);
	net->base.kind = &net_kind;
	net->base.drain = net_drain;
	net->base.end = net_end;
	list_push(&loop->attachments, &net->base.link);
	return net;
}

struct net *ouro__net_of(struct ouro_loop *loop)
{
	struct attachment *found = ouro__loop_attached(loop, &net_kind);

	return found ? list_of(found, struct net, base) : make(loop);
}

struct page *ouro__page_make(struct net *net)
{
	struct page *page = ouro__realloc(NULL, sizeof(*page));

	if (!page)
		return NULL;
	net->taken++;
	page->begin = page->end = 0;
	return page;
}
