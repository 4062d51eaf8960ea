/* due.c -- the one timer of a list of deadlines. See due.h. */
#include "http/due.h"

static void pass(struct ouro_loop *loop, void *arg);

void ouro__due_list_init(struct due_list *list, struct ouro_loop *loop, unsigned ms, due_fn *fn,
			 const char *name)
{
	list_init(&list->list);
	list->loop = loop;
	list->span = ms == OURO_NEVER ? UINT64_MAX : ms * NS_PER_MS;
	list->timer.id = 0;
	list->fn = fn;
	list->name = name;
}

void ouro__due_list_end(struct due_list *list)
{
	ouro_timer_stop(list->loop, list->timer);
	list->timer.id = 0;
	list->span = UINT64_MAX;
}

static struct due *first(const struct due_list *list)
{
	return list_of(list->list.next, struct due, link);
}

void ouro__due_arm(struct due_list *list)
{
	const struct due *due = first(list);
	uint64_t now = call_now(list->loop);
	uint64_t left = due->at > now ? due->at - now : 0;

	list->timer = ouro_timer_after(list->loop, (left + NS_PER_MS - 1) / NS_PER_MS, pass, list);
	ouro_timer_hold(list->loop, list->timer, false);
	ouro_timer_set_name(list->loop, list->timer, list->name);
}

static void pass(struct ouro_loop *loop, void *arg)
{
	struct due_list *list = arg;
	uint64_t now = call_now(loop);

	list->timer.id = 0;
	while (!list_empty(&list->list) && first(list)->at <= now) {
		struct due *due = first(list);

		list_remove(&due->link);
		list->fn(due);
	}
	if (!list_empty(&list->list) && !list->timer.id)
		ouro__due_arm(list);
}
