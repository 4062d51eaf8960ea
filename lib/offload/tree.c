/* tree.c -- whatever is at one path, trees too, at another. See ouro/fs.h.
 *
 * Two walks go in step: one through what is there, one through what is being made. Everything is
 * named by an entry of a folder that is held open, and on neither side is a symlink followed. What
 * is in the way and is no folder is removed first and made anew: so nothing is ever written through
 * a symlink or a second name of a file.
 *
 * New folders belong to their owner alone until they are full, and only then get their mode: it may
 * forbid to write.
 *
 * A turn on the pool is as much as a piece of a big file takes; an entry counts as a few KiB. */
#include "loop/call.h"
#include "offload/copy.h"
#include "offload/fs.h"
#include "offload/regular.h"
#include "offload/walk.h"
#include "ouro/fs.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <unistd.h>

#define ENTRY_COST (FILE_PIECE / 64)

struct tree {
	struct paths paths;
	enum ouro_copy how;
	bool begun;
	bool in_file; /* in the middle of the bytes of one */
	struct walk from, to;
	struct level top; /* the first folder made: that one is not to be copied too */
	struct copying copying;
	char entry[NAME_MAX + 1]; /* what is being made, in the folder at hand */
};

static struct tree *tree_of(struct op *op)
{
	return (struct tree *)(void *)op->room;
}
