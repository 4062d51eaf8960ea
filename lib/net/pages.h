/* pages.h -- the memory of bytes in motion: pages of one size, kept for the next to need one.
 *
 * A connection has a page only while bytes wait in it, so an idle one costs none, and a busy server
 * uses the same few, warm ones again and again. One `net` a loop, made when first asked for; it
 * ends with the loop, and by then everybody has given back what they took. */
#ifndef OURO__PAGES_H
#define OURO__PAGES_H
#include "base/alloc.h"
#include "loop/flush.h"
#include "loop/loop.h"

#define PAGE_SIZE_ALL 4096
#define PAGE_ROOM     (PAGE_SIZE_ALL - 16)

struct page {
	struct page *next;
	uint32_t begin, end; /* what is in use of bytes[], by whoever has the page */
	char bytes[PAGE_ROOM];
};

_Static_assert(sizeof(struct page) <= PAGE_SIZE_ALL, "a page is a page");

#define PAGES_KEPT 256 /* free ones; more go back to the allocator */

/* What reads of no lasting interest land in: bodies on their way to a callback. */
#define SCRATCH_ROOM 65536

/* The address sanitizer is told which pages nobody has, so that it sees who uses one after giving
 * it back. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define PAGES_WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PAGES_WATCHED
#endif
#ifdef PAGES_WATCHED
#include <sanitizer/asan_interface.h>
#define page_hide(page) ASAN_POISON_MEMORY_REGION((page)->bytes, PAGE_ROOM)
#define page_show(page) ASAN_UNPOISON_MEMORY_REGION((page)->bytes, PAGE_ROOM)
#else
#define page_hide(page) ((void)(page))
#define page_show(page) ((void)(page))
#endif

struct out_piece;

struct net {
	struct attachment base;
	struct ouro_loop *loop;
	struct page *free;
	uint32_t free_count;
	uint32_t taken;          /* pages that somebody has */
	struct out_piece *spare; /* out.c: for borrowed bytes */
	uint32_t spare_count;
	struct flush flush;  /* of all streams: stream.c */
	struct list streams; /* that are to be flushed */
	struct list sent;    /* write.c: what somebody is to be told of */
	char *scratch;       /* SCRATCH_ROOM bytes, made with the net */
};

/* The loop's; NULL: no memory. */
struct net *ouro__net_of(struct ouro_loop *loop);

/* Behind the two below, when none is free: one from the allocator. */
struct page *ouro__page_make(struct net *net);

/* A page, begin and end 0, bytes anything; NULL: no memory. Give takes NULL. */
static inline struct page *ouro__page_take(struct net *net)
{
	struct page *page = net->free;

	if (!page)
		return ouro__page_make(net);
	net->free = page->next;
	net->free_count--;
	net->taken++;
	page_show(page);
	page->begin = page->end = 0;
	return page;
}

static inline void ouro__page_give(struct net *net, struct page *page)
{
	if (!page)
		return;
	net->taken--;
	if (net->free_count >= PAGES_KEPT) {
		ouro__free(page);
		return;
	}
	page_hide(page);
	page->next = net->free;
	net->free = page;
	net->free_count++;
}
#endif
