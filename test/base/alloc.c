/* The one door for memory: what it promises, and when it may be exchanged. */
#include "base/alloc.h"

#include "test.h"
#include <pthread.h>

TEST(memory_comes_zeroed)
{
	static const char zeros[1000];
	char *dirty = ouro__alloc(sizeof(zeros)), *clean;

	memset(dirty, 0xff, sizeof(zeros));
	ouro__free(dirty);
	clean = ouro__alloc(sizeof(zeros));
	CHECK(memcmp(clean, zeros, sizeof(zeros)) == 0);
	ouro__free(clean);
}

TEST(realloc_keeps_what_was_there)
{
	char *bytes = ouro__realloc(NULL, 6);

	memcpy(bytes, "hello", 6);
	bytes = ouro__realloc(bytes, 100000);
	CHECK_STR(bytes, "hello");
	ouro__free(bytes);
}

TEST(strdup_makes_a_copy)
{
	char original[] = "name", *copy = ouro__strdup(original), *empty = ouro__strdup("");

	original[0] = 'x';
	CHECK_STR(copy, "name");
	CHECK_STR(empty, "");
	ouro__free(copy);
	ouro__free(empty);
}

TEST(nothing_can_be_freed)
{
	ouro__free(NULL);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}

TEST(no_memory_is_null_and_counts_as_none)
{
	char *old = ouro__alloc(10);

	fail_allocation(1);
	CHECK(!ouro__alloc(1));
	fail_allocation(1);
	CHECK(!ouro__realloc(NULL, 1));
	fail_allocation(1);
	CHECK(!ouro__strdup("z"));
	fail_allocation(1);
	CHECK(!ouro__realloc(old, 20));
	CHECK_EQ(old[9], 0);
	ouro__free(old);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}

TEST(an_allocator_stays_while_it_has_memory_out)
{
	char *first = ouro__alloc(1), *second = ouro__realloc(NULL, 1);

	CHECK_EQ(ouro_set_allocator(NULL), -EBUSY);
	ouro__free(first);
	second = ouro__realloc(second, 1000);
	CHECK_EQ(ouro_set_allocator(NULL), -EBUSY);
	ouro__free(second);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}

TEST(without_another_allocator_it_is_mallocs)
{
	size_t before = allocations();
	char *bytes;

	CHECK_EQ(ouro_set_allocator(NULL), 0);
	bytes = ouro__realloc(ouro__strdup("grown"), 1000);
	CHECK_STR(bytes, "grown");
	ouro__free(bytes);
	CHECK_EQ(allocations(), before);
}

TEST(an_allocator_is_whole)
{
	CHECK_EQ(ouro_set_allocator(&(ouro_allocator){ test_alloc, test_realloc, NULL, NULL }),
		 -EINVAL);
	CHECK_EQ(ouro_set_allocator(&(ouro_allocator){ test_alloc, NULL, test_free, NULL }),
		 -EINVAL);
	CHECK_EQ(ouro_set_allocator(&(ouro_allocator){ NULL, test_realloc, test_free, NULL }),
		 -EINVAL);
}

/* An allocator as strict as one can be: nothing of size 0, no realloc of nothing, no free of it. */
struct strict {
	int calls;
	bool offended;
};

static void *strict_alloc(size_t size, void *arg)
{
	struct strict *strict = arg;

	strict->calls++;
	strict->offended |= size == 0;
	return malloc(size);
}

static void *strict_realloc(void *old, size_t size, void *arg)
{
	struct strict *strict = arg;

	strict->calls++;
	strict->offended |= size == 0 || !old;
	return realloc(old, size);
}

static void strict_free(void *old, void *arg)
{
	struct strict *strict = arg;

	strict->calls++;
	strict->offended |= !old;
	free(old);
}

TEST(an_allocator_is_asked_for_nothing_odd)
{
	struct strict strict = { 0, false };
	ouro_allocator copied = { strict_alloc, strict_realloc, strict_free, &strict };
	void *a, *b;

	CHECK_EQ(ouro_set_allocator(&copied), 0);
	memset(&copied, 0, sizeof(copied));
	a = ouro__alloc(0);
	b = ouro__realloc(NULL, 0);
	b = ouro__realloc(b, 0);
	CHECK(a && b && a != b);
	ouro__free(a);
	ouro__free(b);
	ouro__free(NULL);
	CHECK_EQ(strict.calls, 5);
	CHECK(!strict.offended);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}

#define GIFTS 1000

static void *take_gifts(void *arg)
{
	void **gifts = arg;

	for (int i = 0; i < GIFTS; i++)
		gifts[i] = ouro__alloc(16);
	return NULL;
}

static void *free_gifts(void *arg)
{
	void **gifts = arg;

	for (int i = 0; i < GIFTS; i++)
		ouro__free(gifts[i]);
	return NULL;
}

static void in_another_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(one_thread_may_free_what_another_took)
{
	void *theirs[GIFTS], *ours[GIFTS];

	in_another_thread(take_gifts, theirs);
	CHECK_EQ(ouro_set_allocator(NULL), -EBUSY);
	free_gifts(theirs);
	CHECK_EQ(ouro_set_allocator(NULL), 0);

	take_gifts(ours);
	in_another_thread(free_gifts, ours);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}

static void *take_and_free(void *arg)
{
	for (int i = 0; i < 20000; i++)
		ouro__free(ouro__alloc(32));
	return arg;
}

TEST(threads_at_once_are_counted_right)
{
	pthread_t threads[4];
	void *kept = ouro__alloc(1);

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, take_and_free, NULL), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(ouro_set_allocator(NULL), -EBUSY);
	ouro__free(kept);
	CHECK_EQ(ouro_set_allocator(NULL), 0);
}
