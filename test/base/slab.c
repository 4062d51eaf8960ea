/* Tokens that cannot dangle. */
#include "base/slab.h"

#include "dies.h"

#define LIFE (UINT64_C(1) << SLAB_INDEX_BITS)
#define MOST ((1u << SLAB_INDEX_BITS) - 1)

struct thing {
	struct slab_record head;
	uint64_t value;
	uint64_t more;
};

static struct slab slab;

static void begin(void)
{
	ouro__slab_init(&slab, sizeof(struct thing));
}

static struct thing *take(void)
{
	struct thing *thing = ouro__slab_take(&slab);

	CHECK(thing != NULL);
	return thing;
}

/* Gives it back; answers the token that it had. */
static uint64_t give(struct thing *thing)
{
	uint64_t id = thing->head.id;

	ouro__slab_give(&slab, thing);
	return id;
}

TEST(an_empty_slab_finds_nothing)
{
	begin();
	CHECK(!slab_find(&slab, 0));
	CHECK(!slab_find(&slab, 1));
	CHECK(!slab_find(&slab, UINT64_MAX));
	ouro__slab_free(&slab);
}

TEST(a_token_finds_its_record)
{
	struct thing *a, *b;

	begin();
	a = take();
	b = take();
	CHECK(a != b);
	CHECK(a->head.id != b->head.id);
	CHECK(slab_find(&slab, a->head.id) == a);
	CHECK(slab_find(&slab, b->head.id) == b);
	CHECK_EQ(slab.live, 2);
	ouro__slab_free(&slab);
}

TEST(no_token_is_zero_and_zero_finds_nothing)
{
	begin();
	for (int i = 0; i < 1000; i++)
		CHECK(take()->head.id != 0);
	CHECK(!slab_find(&slab, 0));
	CHECK(!slab_find(&slab, LIFE));
	ouro__slab_free(&slab);
}

TEST(an_old_token_finds_nothing)
{
	struct thing *thing;
	uint64_t old;

	begin();
	thing = take();
	old = give(thing);
	CHECK(!slab_find(&slab, old));
	CHECK(take() == thing);
	CHECK(thing->head.id != old);
	CHECK(!slab_find(&slab, old));
	CHECK(slab_find(&slab, thing->head.id) == thing);
	ouro__slab_free(&slab);
}

TEST(a_free_record_is_not_found_by_its_next_token_either)
{
	struct thing *thing, *other;
	uint64_t old, next;

	begin();
	other = take();
	thing = take();
	give(other);
	old = give(thing);
	next = old + LIFE;
	CHECK(!slab_find(&slab, next));
	CHECK(take() == thing);
	CHECK(thing->head.id == next);
	CHECK(slab_find(&slab, next) == thing);
	ouro__slab_free(&slab);
}

TEST(what_was_given_last_is_taken_first)
{
	struct thing *a, *b, *c;

	begin();
	a = take(), b = take(), c = take();
	give(b), give(c), give(a);
	CHECK(take() == a);
	CHECK(take() == c);
	CHECK(take() == b);
	CHECK_EQ(slab.made, 3);
	ouro__slab_free(&slab);
}

TEST(a_life_begins_with_the_bytes_of_the_one_before)
{
	struct thing *thing;

	begin();
	thing = take();
	thing->value = 42;
	thing->more = 43;
	give(thing);
	CHECK(take() == thing);
	CHECK_EQ(thing->value, 42);
	CHECK_EQ(thing->more, 43);
	ouro__slab_free(&slab);
}

TEST(records_never_move)
{
	enum { MANY = 5000 };
	static struct thing *things[MANY];

	begin();
	for (uint64_t i = 0; i < MANY; i++) {
		things[i] = take();
		things[i]->value = i;
	}
	for (uint64_t i = 0; i < MANY; i++) {
		CHECK(slab_find(&slab, things[i]->head.id) == things[i]);
		CHECK_EQ(things[i]->value, i);
	}
	ouro__slab_free(&slab);
}

/* Takes and gives in a random order, up to 1000 at once, and keeps every token there ever was. */
TEST(of_a_million_lives_only_those_alive_are_found)
{
	enum { LIVES = 1000000, AT_ONCE = 1000 };
	static struct thing *now[AT_ONCE];
	uint64_t *tokens = malloc(LIVES * sizeof(*tokens));
	uint32_t random = 2463534242, found = 0;

	begin();
	for (size_t life = 0; life < LIVES;) {
		struct thing **place;

		random ^= random << 13, random ^= random >> 17, random ^= random << 5;
		place = &now[random % AT_ONCE];
		if (*place) {
			give(*place);
			*place = NULL;
		} else {
			*place = take();
			(*place)->value = life;
			tokens[life++] = (*place)->head.id;
		}
	}
	for (size_t life = 0; life < LIVES; life++) {
		struct thing *thing = slab_find(&slab, tokens[life]);

		CHECK(!thing || thing->value == life);
		found += thing != NULL;
	}
	CHECK_EQ(found, slab.live);
	CHECK(found > 0 && slab.made <= AT_ONCE);
	ouro__slab_free(&slab);
	free(tokens);
}

TEST(a_steady_state_allocates_nothing)
{
	struct thing *things[300];
	size_t before;

	begin();
	for (int i = 0; i < 300; i++)
		things[i] = take();
	before = allocations();
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 300; i++)
			give(things[i]);
		for (int i = 0; i < 300; i++)
			things[i] = take();
	}
	CHECK_EQ(allocations(), before);
	ouro__slab_free(&slab);
}

TEST(after_the_last_life_comes_the_first)
{
	struct thing *thing;
	uint64_t last;

	begin();
	thing = take();
	thing->head.id |= ~(LIFE - 1);
	last = thing->head.id;
	CHECK(slab_find(&slab, last) == thing);
	give(thing);
	CHECK(!slab_find(&slab, last));
	CHECK(take() == thing);
	CHECK_EQ(thing->head.id, 1);
	CHECK(slab_find(&slab, 1) == thing);
	CHECK(!slab_find(&slab, last));
	ouro__slab_free(&slab);
}

TEST(a_full_slab_answers_null)
{
	begin();
	slab.made = MOST;
	CHECK(!ouro__slab_take(&slab));
	slab.made = 0;
	ouro__slab_free(&slab);
}

TEST(without_memory_it_stays_as_it_was)
{
	struct thing *first;
	uint32_t made;

	begin();
	for (size_t nth = 1; nth <= 2; nth++) {
		fail_allocation(nth);
		CHECK(!ouro__slab_take(&slab));
		CHECK_EQ(slab.live, 0);
	}
	first = take();
	do
		made = (take(), slab.made);
	while (made < 8 * SLAB_CHUNK); /* the next one needs a chunk, and room for its address */
	for (size_t nth = 1; nth <= 2; nth++) {
		fail_allocation(nth);
		CHECK(!ouro__slab_take(&slab));
		CHECK_EQ(slab.live, made);
		CHECK(slab_find(&slab, first->head.id) == first);
	}
	CHECK(slab_find(&slab, take()->head.id));
	ouro__slab_free(&slab);
}

static int take_many(void)
{
	int err = 0;

	begin();
	for (int i = 0; i < 20 * SLAB_CHUNK && !err; i++)
		err = ouro__slab_take(&slab) ? 0 : -ENOMEM;
	ouro__slab_free(&slab);
	return err;
}

TEST(any_allocation_may_fail)
{
	CHECK_EQ(for_each_failing_allocation(take_many), 20 + 3);
}

TEST(a_freed_slab_can_be_filled_again)
{
	begin();
	take();
	ouro__slab_free(&slab);
	ouro__slab_free(&slab);
	CHECK(!slab_find(&slab, 1));
	CHECK_EQ(take()->head.id, 1);
	ouro__slab_free(&slab);
}

static void give_it(void *record)
{
	ouro__slab_give(&slab, record);
}

TEST(giving_twice_is_a_mistake_of_ours)
{
	struct thing *thing, *other;
	char said[256];

	begin();
	thing = take();
	other = take();
	give(thing);
	dies(give_it, thing, said, sizeof(said));
	CHECK(strstr(said, "slab_find"));
	give(other);
	dies(give_it, thing, said, sizeof(said));
	dies(give_it, other, said, sizeof(said));
	ouro__slab_free(&slab);
}
