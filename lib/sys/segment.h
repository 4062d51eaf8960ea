/* segment.h -- memory that two processes share: how a large message crosses with one copy.
 *
 * Its maker fills it and hands its descriptor over; both map it, and then need the descriptor no
 * more. A word at its start says whose it is: taken by the maker when it fills it, freed by the
 * reader when it has read. So the same pages serve one message after the other: new ones cost the
 * kernel more than the copy does.
 *
 * It can neither shrink nor grow, and a reader takes no other, so that no peer can make a reader
 * fault. What is in it a peer could still change while it is being read: it belongs to the same
 * user, and stood in the same program, so there is no wall between the two for that to break. */
#ifndef OURO__SEGMENT_H
#define OURO__SEGMENT_H
#include <stdbool.h>
#include <stddef.h>

struct segment {
	char *base; /* NULL: there is none */
	size_t size;
};

/* How large one with room for n bytes is; 0: more than there can be. */
size_t ouro__segment_size(size_t n);

/* One with room for n bytes, and its descriptor, which the caller closes; or -errno. */
int ouro__segment_make(struct segment *segment, size_t n, int *ret_fd);

/* The reader's: maps what came. 0; OURO_EPROTO: it is none of these, or has no room for n bytes;
 * -ENOMEM. The descriptor stays the caller's. */
int ouro__segment_map(struct segment *segment, int fd, size_t n);

void ouro__segment_drop(struct segment *segment);

char *ouro__segment_bytes(const struct segment *segment);
size_t ouro__segment_room(const struct segment *segment);

/* The maker's: is it free, and if so takes it. */
bool ouro__segment_take(struct segment *segment);

/* The reader's: the maker may have it back. */
void ouro__segment_free(struct segment *segment);
#endif
