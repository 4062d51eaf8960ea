/* slab.c -- see slab.h for what a slab is; this is where its records come from and go to.
 *
 * A live record's id is its token: 40 bits of life above 24 bits of its own number (index + 1, so
 * that no token is 0). While it is free the 24 bits are the number of the next free record instead,
 * which is never its own: so slab_find(), which looks a token up by the number in it, can find a
 * free record by no token at all, not even by the one it will have next. The free list costs no
 * byte and touches none behind the header.
 *
 * The list is last-in first-out: what was given back last is still in the cache. A life more is an
 * addition above the 24 bits; after 2^40 of them it runs over into nothing and begins again. */
#include "base/slab.h"

#include "base/alloc.h"
#include "base/check.h"

#define NUMBER_MASK ((UINT64_C(1) << SLAB_INDEX_BITS) - 1)
#define ONE_LIFE    (UINT64_C(1) << SLAB_INDEX_BITS)
#define MOST        ((uint32_t)NUMBER_MASK)
#define FIRST_ROOM  8
#define CACHE_LINE  64

void ouro__slab_init(struct slab *slab, size_t record_size)
{
	*slab = (struct slab){ .record_size = record_size };
}

/* A chunk begins on a line of the cache, so that a record of 64 bytes is one line and not two. What
 * the allocator gave is remembered right before it. */
static char *make_chunk(size_t size)
{
	char *given = ouro__realloc(NULL, size + sizeof(given) + CACHE_LINE);
	char *chunk;

	if (!given)
		return NULL;
	chunk = given + sizeof(given) + CACHE_LINE - 1;
	chunk -= (uintptr_t)chunk % CACHE_LINE;
	memcpy(chunk - sizeof(given), &given, sizeof(given));
	return chunk;
}

static void free_chunk(const char *chunk)
{
	char *given;

	memcpy(&given, chunk - sizeof(given), sizeof(given));
	ouro__free(given);
}

void ouro__slab_free(struct slab *slab)
{
	for (uint32_t at = 0; at < slab->made; at += SLAB_CHUNK)
		free_chunk(slab->chunks[at / SLAB_CHUNK]);
	ouro__free(slab->chunks);
	ouro__slab_init(slab, slab->record_size);
}

/* A place for one more pointer in `chunks`. */
static bool widen(struct slab *slab, uint32_t chunks)
{
	uint32_t room = slab->chunk_room ? slab->chunk_room * 2 : FIRST_ROOM;
	char **wider;

	if (chunks < slab->chunk_room)
		return true;
	wider = ouro__realloc(slab->chunks, room * sizeof(*wider));
	if (!wider)
		return false;
	slab->chunks = wider;
	slab->chunk_room = room;
	return true;
}

static bool add_chunk(struct slab *slab)
{
	uint32_t chunks = slab->made / SLAB_CHUNK;

	if (!widen(slab, chunks))
		return false;
	slab->chunks[chunks] = make_chunk(SLAB_CHUNK * slab->record_size);
	return slab->chunks[chunks] != NULL;
}

/* A record that never lived before: its first life is number 0. */
static struct slab_record *carve(struct slab *slab)
{
	struct slab_record *record;

	if (slab->made == MOST)
		return NULL;
	if (slab->made % SLAB_CHUNK == 0 && !add_chunk(slab))
		return NULL;
	record = slab_nth(slab, slab->made++);
	record->id = slab->made;
	return record;
}

static struct slab_record *reuse(struct slab *slab)
{
	uint32_t number = slab->free_head;
	struct slab_record *record = slab_nth(slab, number - 1);

	slab->free_head = (uint32_t)(record->id & NUMBER_MASK);
	record->id = (record->id & ~NUMBER_MASK) | number;
	return record;
}

void *ouro__slab_take(struct slab *slab)
{
	struct slab_record *record = slab->free_head ? reuse(slab) : carve(slab);

	if (record)
		slab->live++;
	return record;
}

void ouro__slab_give(struct slab *slab, void *given)
{
	struct slab_record *record = given;
	uint32_t number = slab_index(record->id) + 1;

	ouro__check(slab_find(slab, record->id) == given);
	record->id = ((record->id + ONE_LIFE) & ~NUMBER_MASK) | slab->free_head;
	slab->free_head = number;
	slab->live--;
}
