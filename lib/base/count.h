/* count.h -- counters with one writer and any number of readers.
 *
 * The loop's thread counts, any thread reads. Each load and store is atomic and relaxed: on the
 * machines we know, the plain instructions. */
#ifndef OURO__COUNT_H
#define OURO__COUNT_H
#include "ouro/hist.h"

static inline uint64_t count_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void count_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline uint32_t count_read32(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void count_set32(uint32_t *counter, uint32_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline void count_add(uint64_t *counter, uint64_t n)
{
	count_set(counter, *counter + n);
}

/* value, n times. */
static inline void hist_add(ouro_hist *hist, uint64_t value, uint64_t n)
{
	unsigned i = value ? 64 - (unsigned)__builtin_clzll(value) : 0;

	count_add(&hist->bucket[i < OURO_HIST_BUCKETS ? i : OURO_HIST_BUCKETS - 1], n);
	count_add(&hist->count, n);
	count_add(&hist->sum, value * n);
	if (value > hist->max)
		count_set(&hist->max, value);
}

/* A reading by any thread. */
void ouro__hist_read(const ouro_hist *hist, ouro_hist *ret_reading);
#endif
