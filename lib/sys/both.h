/* both.h -- what two threads' ends of a pipe have in common: the boxes that they read from, and memory
 * on its way back.
 *
 * A large message is copied by one thread, and the other, when it is done with it, would free it;
 * malloc hands so much of that back to the kernel that the next copy has every page to fault in
 * again, which costs eight times the copy. So the reader puts the memory on a stack, whose links lie
 * in the memory itself, and the sender takes all there is at once. */
#ifndef OURO__BOTH_H
#define OURO__BOTH_H
#include "base/alloc.h"
#include "sys/frame.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SPARE_MOST ((size_t)4 * 1024 * 1024) /* bytes that wait to be used again */

struct spare {
	struct spare *next;
	size_t room; /* at least */
};

struct spares {
	_Atomic(struct spare *) back; /* given back by the reader, */
	struct spare *own;            /* and taken by the sender */
	atomic_size_t bytes;
};

struct frame_both {
	atomic_int open;
	struct frame_inbox box[2];
	struct spares spares[2]; /* of what came to either */
};

/* The reader's: memory of n bytes, which has room for a spare. */
static inline void spare_give(struct spares *spares, void *memory, size_t n)
{
	struct spare *spare = memory;

	if (n > SPARE_MOST - atomic_load_explicit(&spares->bytes, memory_order_relaxed)) {
		ouro__free(memory);
		return;
	}
	atomic_fetch_add_explicit(&spares->bytes, n, memory_order_relaxed);
	spare->room = n;
	spare->next = atomic_load_explicit(&spares->back, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&spares->back, &spare->next, spare,
						      memory_order_release, memory_order_relaxed))
		;
}

/* The sender's: memory for n bytes, or NULL. One that does not fit is freed: sizes change seldom. */
static inline void *spare_take(struct spares *spares, size_t n)
{
	struct spare *spare;

	if (!spares->own)
		spares->own = atomic_exchange_explicit(&spares->back, NULL, memory_order_acquire);
	while ((spare = spares->own)) {
		spares->own = spare->next;
		atomic_fetch_sub_explicit(&spares->bytes, spare->room, memory_order_relaxed);
		if (spare->room >= n && spare->room / 4 <= n)
			return spare;
		ouro__free(spare);
	}
	return NULL;
}

/* Nobody gives or takes any more. */
static inline void spares_free(struct spares *spares)
{
	(void)spare_take(spares, SIZE_MAX); /* what is its own, */
	(void)spare_take(spares, SIZE_MAX); /* and what was given back */
}
#endif
