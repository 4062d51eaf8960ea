/* kept.c -- the segments that an end keeps. See kept.h.
 *
 * There are many, because a sender that is ahead has that many messages out, and to make one for each
 * costs ten times what it costs to fill one that is there. They are looked through from the first,
 * so those that a quick reader has just given back, and the caches still know, are used again. */
#include "sys/kept.h"
#include "base/alloc.h"

/* A message larger than this has a segment of its own, as all have when those that are kept come to
 * so many bytes. */
#define MOST ((size_t)128 * 1024 * 1024)

struct frame_kept *ouro__kept(struct frame_end *end)
{
	if (!end->kept)
		end->kept = ouro__alloc(sizeof(*end->kept));
	return end->kept;
}

void ouro__shared_drop(struct frame_shared *shared)
{
	if (!shared || --shared->holders)
		return;
	ouro__segment_drop(&shared->segment);
	ouro__free(shared);
}

void ouro__kept_drop(struct frame_end *end)
{
	struct frame_kept *kept = end->kept;

	if (!kept)
		return;
	for (int i = 0; i < FRAME_SEGMENTS; i++) {
		ouro__segment_drop(&kept->made[i]);
		ouro__shared_drop(kept->mapped[i]);
	}
	ouro__free(kept);
	end->kept = NULL;
}

struct segment *ouro__kept_choose(struct frame_end *end, size_t n)
{
	struct frame_kept *kept = n <= MOST ? ouro__kept(end) : NULL;
	struct segment *place = NULL;

	for (int i = 0; kept && i < FRAME_SEGMENTS; i++) {
		struct segment *segment = &kept->made[i];

		if (segment->base && !ouro__segment_take(segment))
			continue;
		if (segment->base && ouro__segment_room(segment) >= n)
			return segment;
		if (segment->base)
			ouro__segment_free(segment);
		if (!place)
			place = segment;
		if (!segment->base)
			break;
	}
	return place && kept->bytes + ouro__segment_size(n) <= KEPT_MOST ? place : NULL;
}

void ouro__kept_replace(struct frame_end *end, struct segment *place, const struct segment *fresh)
{
	end->kept->bytes += fresh->size - place->size;
	ouro__segment_drop(place);
	*place = *fresh;
}
