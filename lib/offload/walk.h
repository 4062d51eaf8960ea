/* walk.h -- through a tree of folders, however deep, with one descriptor open.
 *
 * In each folder everything is listed first, and the folders in it are remembered; then one after
 * the other is entered and left. So nothing of a folder has to stay open while its children are at
 * hand: the way back is "..", and a note of which folder that must be. No symlink is ever followed:
 * not the one that somebody puts in a folder's place meanwhile, not out of the tree by "..".
 *
 *     while (there is a name, last remembered)
 *             down(name); for each next(): later(a folder's name); ... up(); forget() */
#ifndef OURO__WALK_H
#define OURO__WALK_H
#include "ouro/str.h"
#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

/* One folder on the way from the top to the one at hand. */
struct level {
	dev_t dev;
	ino_t ino;
	mode_t mode;  /* what stat says */
	int leave;    /* the mode it gets when it is left; -1: it stays as it is */
	size_t names; /* where those remembered in it begin */
};

struct walk {
	int fd; /* of the folder at hand; AT_FDCWD: outside, as at the beginning */
	bool listed;
	struct level *levels;
	size_t depth, room;
	ouro_buf *names; /* of folders still to come, each with its zero */
	char *entries;   /* what the kernel has listed and nobody has taken yet */
	size_t at, end;
};

/* 0 or -ENOMEM. In either case to be ended, which a zeroed walk may be too. */
int ouro__walk_init(struct walk *walk);
void ouro__walk_end(struct walk *walk);

/* Into a folder of the one at hand. 0; -ENOTDIR when it is none, a symlink for example; -errno. */
int ouro__walk_down(struct walk *walk, const char *name);

/* Out of it. -ESTALE: somebody has moved it, what is above it is not where we came from. */
int ouro__walk_up(struct walk *walk);

/* The next entry of the folder at hand, without the two dots; NULL at the end, and *ret_err 0 or
 * -errno. */
const struct dirent64 *ouro__walk_next(struct walk *walk, int *ret_err);

/* For later. The last one remembered in the folder at hand, or NULL: all are done; and it is. */
int ouro__walk_later(struct walk *walk, const char *name);
const char *ouro__walk_last(const struct walk *walk);
void ouro__walk_forget(struct walk *walk);

static inline struct level *walk_level(const struct walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

static inline bool level_is_same(const struct level *a, const struct level *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}
#endif
