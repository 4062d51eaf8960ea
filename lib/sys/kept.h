/* kept.h -- the segments that an end between processes keeps for the messages to come: those it has
 * made, and those it was sent. What frame.c and frame_send.c share. */
#ifndef OURO__KEPT_H
#define OURO__KEPT_H
#include "sys/frame.h"
#include <sys/types.h>

/* One that is mapped here, and was made by the other side. */
struct frame_shared {
	struct segment segment;
	unsigned holders; /* its end, and the message that is in it */
	pid_t pid;        /* who reads it: not the child of a fork, which has it mapped as well */
};

struct frame_kept {
	struct segment made[FRAME_SEGMENTS]; /* the first so many are there */
	size_t bytes;                        /* of all of them */
	struct frame_shared *mapped[FRAME_SEGMENTS];
	size_t mapped_bytes;
};

/* Bytes of those that are kept each way; a sender that makes more is refused. */
#define KEPT_MOST ((size_t)512 * 1024 * 1024)

/* The end's; with the first large message it gets them. NULL: no memory. */
struct frame_kept *ouro__kept(struct frame_end *end);
void ouro__kept_drop(struct frame_end *end);

/* One with room for n bytes, which is taken now; else a place for a new one, be it empty or that of
 * one that is too small; else NULL. */
struct segment *ouro__kept_choose(struct frame_end *end, size_t n);

/* The place has this one from now on. */
void ouro__kept_replace(struct frame_end *end, struct segment *place, const struct segment *fresh);

/* A reference less: its message's, or its end's. NULL: nothing. */
void ouro__shared_drop(struct frame_shared *shared);
#endif
