/* memory.c -- where a request keeps things: the window that its bytes are read to, and an arena.
 *
 * The bytes of a head are read to where they stay until the request is answered, so whatever a
 * handler is given points into them. Most requests need nothing else; what does comes from an
 * arena: pages, and blocks for what is larger. */
#include "base/alloc.h"
#include "http/req.h"
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>

/* All that one read may bring, behind all that a page may hold. */
#define WINDOW_ROOM (SCRATCH_ROOM + PAGE_ROOM)

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) char bytes[];
};

void ouro__req_free_arena(ouro_req *req)
{
	struct arena *arena = &req->arena;

	while (arena->pages) {
		struct page *page = arena->pages;

		arena->pages = page->next;
		ouro__page_give(req->http->net, page);
	}
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		ouro__free(block);
	}
	if (req->body.grown)
		ouro__free(req->body.grown);
	req->body.grown = NULL;
	if (req->retired)
		ouro__free(req->retired);
	req->retired = NULL;
}

void ouro__req_free_bytes(ouro_req *req)
{
	if (req->page)
		ouro__page_give(req->http->net, req->page);
	else
		ouro__free(req->bytes);
	req->page = NULL;
	req->bytes = NULL;
}

static struct arena_block *add_block(ouro_req *req, size_t n)
{
	struct arena_block *block;

	if (n > SIZE_MAX - sizeof(*block))
		return NULL;
	block = ouro__alloc(sizeof(*block) + n);
	if (!block)
		return NULL;
	block->next = req->arena.blocks;
	req->arena.blocks = block;
	return block;
}

#define ALIGNMENT alignof(max_align_t)

static char *page_room(struct page *page, size_t n)
{
	uintptr_t at = (uintptr_t)page->bytes + page->begin;
	size_t skip = (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT;
	char *room = page->bytes + page->begin + skip;

	if (page->begin + skip + n > PAGE_ROOM)
		return NULL;
	page->begin += (uint32_t)(skip + n);
	return room;
}

void *ouro__req_room(ouro_req *req, size_t n)
{
	struct arena *arena = &req->arena;
	char *room = arena->pages ? page_room(arena->pages, n) : NULL;
	struct page *page;

	if (room)
		return room;
	if (n > PAGE_ROOM / 2) {
		struct arena_block *block = add_block(req, n);

		return block ? block->bytes : NULL;
	}
	page = ouro__page_take(req->http->net);
	if (!page)
		return NULL;
	page->next = arena->pages;
	arena->pages = page;
	return page_room(page, n);
}

char *ouro__req_copy(ouro_req *req, ouro_str s)
{
	char *copy = s.len < SIZE_MAX ? ouro__req_room(req, s.len + 1) : NULL;

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = 0;
	return copy;
}

void *ouro_req_alloc(ouro_req *req, size_t n)
{
	void *room;

	req_check(req);
	room = ouro__req_room(req, n);
	return room ? memset(room, 0, n) : NULL;
}

int ouro__req_vprintf(ouro_req *req, ouro_str *ret_text, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	text = len < 0 ? NULL : ouro__req_room(req, (size_t)len + 1);
	if (text) {
		vsnprintf(text, (size_t)len + 1, fmt, again);
		*ret_text = ouro_str_n(text, (size_t)len);
	}
	va_end(again);
	if (len < 0)
		return -EINVAL;
	return text ? 0 : -ENOMEM;
}

ouro_str ouro_req_printf(ouro_req *req, const char *fmt, ...)
{
	ouro_str text = { NULL, 0 };
	va_list args;

	req_check(req);
	va_start(args, fmt);
	ouro__req_vprintf(req, &text, fmt, args);
	va_end(args);
	return text;
}

/* The window. */

int ouro__req_widen(ouro_req *req)
{
	uint32_t left = req->end - req->begin, wanted = req->room * 2;
	uint32_t most =
		req->server->limits.head_max + PAGE_ROOM / 8; /* one octet too many is 431 */
	char *wider;

	if (req->begin) {
		memmove(req->bytes, req->bytes + req->begin, left);
		req->begin = 0;
		req->end = left;
	}
	if (req->end < req->room)
		return 0;
	if (wanted > most && most > req->room)
		wanted = most;
	wider = ouro__alloc(wanted);
	if (!wider)
		return -ENOMEM;
	memcpy(wider, req->bytes, left);
	ouro__req_free_bytes(req);
	req->bytes = wider;
	req->room = wanted;
	return 0;
}

/* The head and perhaps the body point into the old window: it stays as long as they do. The new one
 * has room for all that can come before it is empty, so there is no third. */
static int new_window(ouro_req *req)
{
	uint32_t left = req->end - req->begin;
	char *wider = ouro__alloc(WINDOW_ROOM);

	if (!wider)
		return -ENOMEM;
	memcpy(wider, req->bytes + req->begin, left);
	if (req->page) {
		req->page->begin = PAGE_ROOM; /* full, as memory goes */
		req->page->next = req->arena.pages;
		req->arena.pages = req->page;
		req->page = NULL;
	} else {
		req->retired = req->bytes;
	}
	req->bytes = wider;
	req->room = WINDOW_ROOM;
	req->base = req->begin = 0;
	req->end = left;
	return 0;
}

int ouro__req_keep_loan(ouro_req *req)
{
	size_t n = req->loan_len;

	if (!n)
		return 0;
	if (n > req->room - req->end) {
		int err = new_window(req);

		if (err)
			return err;
	}
	memcpy(req->bytes + req->end, req->loan, n);
	req->end += (uint32_t)n;
	req->loan_len = 0;
	return 0;
}

/* A large window is given up for a page when what waits in it has room there. */
void ouro__req_narrow(ouro_req *req)
{
	uint32_t left = req->end - req->begin;
	struct page *page = left <= PAGE_ROOM / 2 ? ouro__page_take(req->http->net) : NULL;

	if (!page)
		return;
	memcpy(page->bytes, req->bytes + req->begin, left);
	ouro__free(req->bytes);
	req->page = page;
	req->bytes = page->bytes;
	req->room = PAGE_ROOM;
	req->begin = 0;
	req->end = left;
}
