/* fs.h -- what all operations on files have in common: paths that outlive the call, answers that
 * are -errno.
 *
 * A kind that goes by paths begins its room with `struct paths`, has them copied by its
 * constructor, and gives them back in release():
 *
 *     struct load {
 *             struct paths paths;
 *             ... its own ...
 *     };
 *
 *     if (!ouro__paths_keep(op, sizeof(struct load), path, NULL))
 *             return ouro__op_refuse(op);
 *
 * The text lies in the room behind the kind's own part. Only what is too long for that is
 * allocated, so the usual operation takes no memory. It is never changed: the loop's thread may
 * read it (ouro_op_path) while a thread of the pool works with it. */
#ifndef OURO__FS_H
#define OURO__FS_H
#include "offload/op.h"
#include <errno.h>

struct paths {
	const char *path, *to; /* to: NULL when there is one only */
	char *taken;           /* where they are when they are not in the room */
};

/* Copies path, and `to` unless NULL, behind the first `used` bytes of the room, and makes path what
 * the operation is about in messages. False: no memory. */
bool ouro__paths_keep(struct op *op, size_t used, const char *path, const char *to);

/* In release(), whatever became of the operation. */
void ouro__paths_drop(struct op *op);

static inline struct paths *op_paths(struct op *op)
{
	return (struct paths *)(void *)op->room;
}

/* What a system call answered, as work() says it. A call that a signal may interrupt goes into
 * libc's TEMP_FAILURE_RETRY() first. */
static inline int errno_if(long answer)
{
	return answer < 0 ? -errno : (int)answer;
}
#endif
