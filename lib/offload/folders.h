/* folders.h -- the folders under a watch, and how new ones are found.
 *
 * inotify watches one folder, not what is in the folders in it: each is added by itself and has a
 * number, by which the kernel names it in its news. `struct folders` knows the path to a number; a
 * `struct scan` walks what lies under a path, on a thread of the pool, and makes the numbers.
 *
 * A folder is first given its number and then read. So what is made in it meanwhile is told by the
 * kernel, found by the scan, or both, but never missed. */
#ifndef OURO__FOLDERS_H
#define OURO__FOLDERS_H
#include "ouro/base.h"
#include <limits.h>

/* What a scan has found, and, from the folders among it, what the loop knows. */
struct folder {
	struct folder *next; /* in the list of a scan */
	struct folder *same; /* in a bucket */
	int wd;              /* inotify's number; -1: no folder, or not one to watch */
	unsigned round;      /* of the scan that saw it last */
	char path[];         /* from what is watched; "": that itself */
};

/* Belongs to the loop. Empty when zeroed. Never fails: without memory for more buckets it gets
 * slower. */
struct folders {
	struct folder **bucket; /* NULL: `few` */
	struct folder *few[8];
	uint32_t buckets; /* a power of two; 0: those few */
	uint32_t count;
};

/* NULL: nobody knows that number, any more or yet. */
struct folder *ouro__folders_find(const struct folders *folders, int wd);

/* Takes it, in place of one of the same number. */
void ouro__folders_take(struct folders *folders, struct folder *folder);

/* One whose number the kernel has given up. */
void ouro__folders_forget(struct folders *folders, int wd);

/* Gives up, in the kernel too, the folder at path and all under it; and all that the scan of that
 * round has not seen. */
void ouro__folders_drop(struct folders *folders, int inotify, const char *path);
void ouro__folders_drop_unseen(struct folders *folders, int inotify, unsigned round);

/* Without a word to the kernel. */
void ouro__folders_free(struct folders *folders);

struct scan {
	int inotify;
	uint32_t mask;                    /* of IN_*: what to watch for in a folder */
	const char *root;                 /* where what is watched lies: an absolute path */
	bool deep;                        /* the folders in it too */
	bool names;                       /* find all names: else only folders */
	struct folder *found, *at, **end; /* at: the first that has not been looked into */
};

/* A scan that begins at path, which must still be there. 0 or -ENOMEM. */
int ouro__scan_begin(struct scan *scan, const char *path);

/* Looks into the next few. 1: there is more; 0: done; or -errno. Those that have gone meanwhile and
 * those that may not be read are passed over, but for the root. */
int ouro__scan_step(struct scan *scan);

/* The next that was found, or NULL; it is the caller's. */
struct folder *ouro__scan_shift(struct scan *scan);
void ouro__scan_free(struct scan *scan);
#endif
