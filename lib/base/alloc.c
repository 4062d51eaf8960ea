/* alloc.c -- one door for all memory, and a count of what has left through it.
 *
 * The count is there for one question, asked about once in a program's life: does ouro hold memory
 * from the allocator that ouro_set_allocator() is about to replace? Every allocation pays for the
 * answer, so it must be cheap. One counter that all threads add to is not: a thread that posts and
 * a loop that frees would pull its cache line to and fro. So there are many, a cache line each, and
 * a thread adds to the one that its identity picks. What one thread takes and another frees leaves
 * +1 in one and -1 in the other: single counters mean nothing, only their sum does. (Two threads on
 * two processors, an alloc and a free of 48 bytes: 38 ns like this, 190 ns with one counter.)
 *
 * The sum is exact when no other thread is inside ouro, which is when the question may be asked. */
#include "base/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define SHARD_BITS 6
#define CACHE_LINE 64

static struct shard {
	_Alignas(CACHE_LINE) long live;
} shards[1 << SHARD_BITS];

static void *plain_alloc(size_t size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void *plain_realloc(void *old, size_t size, void *arg)
{
	(void)arg;
	return realloc(old, size);
}

static void plain_free(void *old, void *arg)
{
	(void)arg;
	free(old);
}

static const ouro_allocator plain = { plain_alloc, plain_realloc, plain_free, NULL };

static ouro_allocator used = { plain_alloc, plain_realloc, plain_free, NULL };

/* pthread_self() is the address of the thread's block, a multiple of a page give or take: the
 * multiplication spreads what is left of it over all shards. */
static void count(long n)
{
	uint64_t self = (uint64_t)(uintptr_t)pthread_self();
	size_t i = (size_t)(self * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SHARD_BITS));

	__atomic_fetch_add(&shards[i].live, n, __ATOMIC_RELAXED);
}

static long counted(void)
{
	long sum = 0;

	for (size_t i = 0; i < sizeof(shards) / sizeof(shards[0]); i++)
		sum += __atomic_load_n(&shards[i].live, __ATOMIC_RELAXED);
	return sum;
}

int ouro_set_allocator(const ouro_allocator *allocator)
{
	if (!allocator)
		allocator = &plain;
	if (!allocator->alloc || !allocator->realloc || !allocator->free)
		return -EINVAL;
	if (counted())
		return -EBUSY;
	used = *allocator;
	return 0;
}

/* An allocator may answer NULL to a request for nothing, and that is not out of memory. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

static void *alloc_raw(size_t size)
{
	void *new = used.alloc(size, used.arg);

	if (new)
		count(1);
	return new;
}

void *ouro__alloc(size_t size)
{
	void *new = alloc_raw(at_least_one(size));

	return new ? memset(new, 0, size) : NULL;
}

void *ouro__realloc(void *old, size_t size)
{
	size = at_least_one(size);
	return old ? used.realloc(old, size, used.arg) : alloc_raw(size);
}

void ouro__free(void *old)
{
	if (!old)
		return;
	used.free(old, used.arg);
	count(-1);
}

char *ouro__strdup(const char *z)
{
	size_t size = strlen(z) + 1;
	char *copy = alloc_raw(size);

	return copy ? memcpy(copy, z, size) : NULL;
}
