/* active.c -- what keeps this loop alive: for the program that does not end. See ouro/loop.h. */
#include "loop/handle.h"
#include "loop/loop.h"
#include "sys/symbol.h"
#include <stdio.h>

#define NAME_ROOM   128
#define ORIGIN_ROOM 2048

struct listing {
	struct ouro_loop *loop;
	ouro_active_fn *fn;
	void *arg;
	size_t count;
};

static void say_name(const struct listing *listing, const char *given, const void *callee,
		     char *name)
{
	if (given)
		snprintf(name, NAME_ROOM, "%s", given);
	else if (callee && listing->loop->origins)
		ouro__symbol_name(callee, name, NAME_ROOM);
	else if (callee)
		ouro__symbol_place(callee, name, NAME_ROOM);
}

void ouro__active_tell(struct listing *listing, const char *kind, const char *given,
		       const void *callee)
{
	char name[NAME_ROOM] = "";
	ouro_active active = { .kind = kind, .name = name, .fd = -1, .origin = "" };

	listing->count++;
	if (!listing->fn)
		return;
	say_name(listing, given, callee, name);
	listing->fn(listing->loop, &active, listing->arg);
}

static void tell(struct listing *listing, const char *kind, const void *callee, int fd,
		 const struct label *label)
{
	char name[NAME_ROOM] = "", origin[ORIGIN_ROOM] = "";
	ouro_active active = { .kind = kind, .name = name, .fd = fd, .origin = origin };

	listing->count++;
	if (!listing->fn)
		return;
	say_name(listing, label ? label->name : NULL, callee, name);
	if (listing->loop->origins)
		ouro__label_tell(label, origin, sizeof(origin));
	listing->fn(listing->loop, &active, listing->arg);
}

static void tell_handles(struct listing *listing)
{
	list_each (at, &listing->loop->handles) {
		const struct handle *handle = list_of(at, struct handle, link);

		if (handle->holds)
			tell(listing, handle->type->kind, handle->type->callee(handle),
			     handle->type->number(handle), handle->label);
	}
	list_each (at, &listing->loop->parked) {
		const struct handle *handle = list_of(at, struct handle, link);

		tell(listing, "closing handle", CALL_FN(handle->on_close),
		     handle->type->number(handle), handle->label);
	}
	list_each (at, &listing->loop->closing) {
		const struct handle *handle = list_of(at, struct handle, link);

		tell(listing, "closing handle", CALL_FN(handle->on_close),
		     handle->type->number(handle), handle->label);
	}
}

static void tell_timers(struct listing *listing)
{
	const struct timers *timers = &listing->loop->timers;

	for (uint32_t i = 0; i < timers->count; i++) {
		const struct timer *timer = timers_nth(timers, i);

		if (timer->holds)
			tell(listing, "timer", CALL_FN(timer->fn), -1, timer->label);
	}
}

static void tell_tasks(struct listing *listing)
{
	const struct task_queue *macro = &listing->loop->tasks.macro;

	for (uint32_t i = macro->head; i != macro->tail; i++)
		tell(listing, "macro task", CALL_FN(macro->ring[i & (macro->room - 1)].fn), -1,
		     NULL);
	if (ouro__tasks_have_posts(&listing->loop->tasks))
		ouro__active_tell(listing, "posts", NULL, NULL);
	for (size_t i = 0; i < listing->loop->holds; i++)
		ouro__active_tell(listing, "hold", NULL, NULL);
	for (unsigned i = 0; i < listing->loop->lag.waiting; i++)
		ouro__active_tell(listing, "lag report", NULL, NULL);
}

static void tell_attachments(struct listing *listing)
{
	list_each (at, &listing->loop->attachments) {
		struct attachment *attachment = list_of(at, struct attachment, link);

		if (attachment->list)
			attachment->list(attachment, listing);
	}
}

size_t ouro_loop_active(ouro_loop *loop, ouro_active_fn *fn, void *arg)
{
	struct listing listing = { .loop = loop, .fn = fn, .arg = arg };

	tell_handles(&listing);
	tell_timers(&listing);
	tell_tasks(&listing);
	tell_attachments(&listing);
	return listing.count;
}
