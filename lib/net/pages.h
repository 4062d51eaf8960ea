/* pages.h -- the memory of bytes in motion: pages of one size, kept for the next to need one.
 *
 * A connection has a page only while bytes wait in it, so an idle one costs none, and a busy server
 * uses the same few, warm ones again and again. One `net` a loop, made when first asked for; it
 * ends with the loop. */
#ifndef OURO__PAGES_H
#define OURO__PAGES_H
#include "loop/loop.h"

#define PAGE_SIZE_ALL 4096
#define PAGE_ROOM     (PAGE_SIZE_ALL - 16)

struct page {
	struct page *next;
	uint32_t begin, end; /* what is in use of bytes[], by whoever has the page */
	char bytes[PAGE_ROOM];
};

#define PAGES_KEPT 256 /* free ones; more go back to the allocator */

/* What reads of no lasting interest land in: bodies on their way to a callback. */
#define SCRATCH_ROOM 65536

struct net {
	struct attachment base;
	struct ouro_loop *loop;
	struct page *free;
	uint32_t free_count;
	uint32_t taken;
	char *scratch; /* SCRATCH_ROOM bytes, made with the net */
};

/* The loop's; NULL: no memory. */
struct net *ouro__net_of(struct ouro_loop *loop);

/* A page, begin and end 0, bytes anything; NULL: no memory. Give takes NULL. */
struct page *ouro__page_take(struct net *net);
void ouro__page_give(struct net *net, struct page *page);
#endif
