/* timer.h -- live timers in a heap, behind tokens.
 *
 * The heap is four-wide and its nodes hold the deadline, so that looking for the next one touches
 * one array. A timer's record (slab) holds the rest. `again` only writes the new deadline into the
 * record: the node still says the old, earlier one, and is put right when it comes to the top. That
 * makes a restart two stores, however many timers are live. */
#ifndef OURO__TIMER_H
#define OURO__TIMER_H
#include "base/slab.h"
#include "loop/label.h"
#include "ouro/timer.h"

struct timer {
	struct slab_record record;
	uint64_t deadline; /* ns; UINT64_MAX: never */
	uint64_t order;    /* counts every start: of two equal deadlines the older goes first */
	uint64_t span;     /* ns from start to deadline */
	ouro_task_fn *fn;
	void *arg;
	struct label *label;
	bool repeats;
	bool holds;
};

/* Compared as one number of 128 bits, so that the heap has no branch to guess wrong. */
struct timer_node {
	uint64_t at;   /* the timer's deadline, or an earlier one it had */
	uint64_t tail; /* 40 bits of its order then; 24 of its index in the slab */
};

static inline uint32_t timer_node_index(struct timer_node node)
{
	return (uint32_t)node.tail & ((1u << SLAB_INDEX_BITS) - 1);
}

struct timers {
	struct slab slab;
	struct timer_node *heap; /* in heap_given, so that it lies well */
	struct timer_node *heap_given;
	uint32_t *place; /* by slab index: where in the heap */
	uint32_t count, heap_room, place_room;
	uint64_t starts;
};

void ouro__timers_init(struct timers *timers);
void ouro__timers_free(struct timers *timers);

/* No timer is due before this; UINT64_MAX: there is none. May be early, never late. */
static inline uint64_t timers_next(const struct timers *timers)
{
	return timers->count ? timers->heap[0].at : UINT64_MAX;
}

/* The exact deadline of the next one; UINT64_MAX: none. */
uint64_t ouro__timers_deadline(struct timers *timers);

/* The nth live timer, in no order. */
static inline struct timer *timers_nth(const struct timers *timers, uint32_t n)
{
	return (struct timer *)slab_nth(&timers->slab, timer_node_index(timers->heap[n]));
}

/* The timer phase. */
void ouro__timer_phase(struct ouro_loop *loop);
#endif
