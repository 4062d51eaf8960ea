/* copy.h -- the bytes of one regular file into another, piece by piece. */
#ifndef OURO__COPY_H
#define OURO__COPY_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct copying {
	int from, to; /* -1: not open */
	dev_t dev;    /* which file `from` is */
	ino_t ino;
	mode_t mode; /* its permissions, which `to` will have */
	enum { COPY_BY_REFERENCE, COPY_IN_KERNEL, COPY_BY_HAND } way;
	bool any;  /* bytes have been moved */
	char *buf; /* by hand; kept for the next file */
};

void ouro__copying_init(struct copying *copying);

/* The one file and the other, each by a folder's descriptor and a path. flags: O_NOFOLLOW or 0. The
 * new one is -EEXIST when there is anything. 0 or -errno. */
int ouro__copying_from(struct copying *copying, int folder, const char *path, int flags);
int ouro__copying_to_new(struct copying *copying, int folder, const char *path);

/* At most *left bytes, which it takes off. OP_AGAIN: there is more; 0: that was all, and both are
 * closed; or -errno. */
int ouro__copying_piece(struct copying *copying, size_t *left);

/* Closes what is open and frees. An unfinished file is the caller's to remove. */
void ouro__copying_end(struct copying *copying);
#endif
