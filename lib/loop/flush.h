/* flush.h -- what is to be done once before the poll, however often it was asked for in the turn.
 *
 * A connection that was written to by anybody's callback is put here, so that all the output of a
 * turn leaves in one write. Flushing is the last thing a turn does, and in the order of asking. It
 * may call users; what they ask for is flushed by the next turn, which follows at once. */
#ifndef OURO__FLUSH_H
#define OURO__FLUSH_H
#include "base/list.h"
#include "loop/loop.h"

struct flush;
typedef void flush_fn(struct flush *flush);

struct flush {
	struct list link;
	flush_fn *fn;
};

static inline void flush_init(struct flush *flush, flush_fn *fn)
{
	list_init(&flush->link);
	flush->fn = fn;
}

/* At the end of this turn, or of the next when there is none. Asked twice is asked once. */
static inline void flush_soon(struct ouro_loop *loop, struct flush *flush)
{
	if (!list_empty(&flush->link))
		return;
	list_push(&loop->flushes, &flush->link);
	loop_touch(loop);
}

/* Not any more. */
static inline void flush_cancel(struct flush *flush)
{
	list_remove(&flush->link);
}

/* The phase. */
static inline void flush_phase(struct ouro_loop *loop)
{
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &loop->flushes);
	while ((link = list_shift(&batch))) {
		struct flush *flush = list_of(link, struct flush, link);

		flush->fn(flush);
	}
}
#endif
