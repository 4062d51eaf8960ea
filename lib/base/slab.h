/* slab.h -- records of one size behind tokens that cannot dangle.
 *
 * A token is 64 bits: 24 say which record, 40 which of its lives. A record that is given back
 * begins its next life at once, so an old token finds nothing, never somebody else's record: 2^40
 * lives of one record, one a microsecond, are two weeks in which nobody may have kept the token.
 * Records live in chunks that never move and are kept for the next ones: a steady state allocates
 * nothing. */
#ifndef OURO__SLAB_H
#define OURO__SLAB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_INDEX_BITS 24
#define SLAB_CHUNK      256

/* The first member of every record. */
struct slab_record {
	uint64_t id; /* the token of this life; no token at all while it is free */
};

struct slab {
	size_t record_size;
	char **chunks;
	uint32_t chunk_room; /* how many pointers chunks has room for */
	uint32_t made;       /* records ever carved out of chunks */
	uint32_t live;
	uint32_t free_head; /* index + 1 of the first free record; 0: none */
};

void ouro__slab_init(struct slab *slab, size_t record_size);
void ouro__slab_free(struct slab *slab);

/* A record, its bytes behind the header as its last life left them, or, in its first, anything;
 * NULL: no memory, or 2^24 - 1 are live. */
void *ouro__slab_take(struct slab *slab);
void ouro__slab_give(struct slab *slab, void *record);

static inline uint32_t slab_index(uint64_t id)
{
	return (uint32_t)(id & ((1u << SLAB_INDEX_BITS) - 1)) - 1;
}

static inline void *slab_nth(const struct slab *slab, uint32_t index)
{
	return slab->chunks[index / SLAB_CHUNK] + (size_t)(index % SLAB_CHUNK) * slab->record_size;
}

/* The live record of that token, or NULL. */
static inline void *slab_find(const struct slab *slab, uint64_t id)
{
	uint32_t index = slab_index(id);
	struct slab_record *record;

	if (index >= slab->made)
		return NULL;
	record = (struct slab_record *)slab_nth(slab, index);
	return record->id == id ? record : NULL;
}

/* Its next life begins at once: the old token finds nothing any more. */
static inline void slab_renew(struct slab_record *record)
{
	record->id += (uint64_t)1 << SLAB_INDEX_BITS;
}
#endif
