/* due.h -- deadlines that cost nothing until they pass.
 *
 * All that waits for one kind of thing waits equally long, so whoever begins last is due last: a
 * list in order of beginning is a list in order of deadline. To begin, begin anew or stop is to
 * relink, whatever the number. One timer a list is set for its first member, and never moved: when
 * it fires too early, because that one has been served meanwhile, it is set for the one that is
 * first now. */
#ifndef OURO__DUE_H
#define OURO__DUE_H
#include "base/list.h"
#include "loop/call.h"
#include "ouro/timer.h"

struct due {
	struct list link;
	uint64_t at;
};

/* May set, clear or free any due. It has been taken off its list. */
typedef void due_fn(struct due *due);

struct due_list {
	struct list list;
	uint64_t span; /* ns; UINT64_MAX: never due */
	struct ouro_loop *loop;
	ouro_timer timer;
	due_fn *fn;
	const char *name;
};

/* ms: OURO_NEVER for never. The name is what ouro_loop_active() and lag reports call its timer. */
void ouro__due_list_init(struct due_list *list, struct ouro_loop *loop, unsigned ms, due_fn *fn,
			 const char *name);

/* No timer any more; what is in the list stays in it. */
void ouro__due_list_end(struct due_list *list);

/* The timer, when there is none. -ENOMEM leaves the list without: the next to begin tries again. */
void ouro__due_arm(struct due_list *list);

static inline void due_init(struct due *due)
{
	list_init(&due->link);
}

/* Begins, now, whether it was waiting in this list, in another or in none. */
static inline void due_begin(struct due_list *list, struct due *due)
{
	list_remove(&due->link);
	list_push(&list->list, &due->link);
	if (list->span == UINT64_MAX)
		return;
	due->at = call_now(list->loop) + list->span;
	if (!list->timer.id)
		ouro__due_arm(list);
}

static inline void due_clear(struct due *due)
{
	list_remove(&due->link);
}
#endif
