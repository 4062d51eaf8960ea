/* tree.c -- whatever is at one path, trees too, at another. See ouro/fs.h.
 *
 * Two walks go in step: one through what is there, one through what is being made. Everything is
 * named by an entry of a folder that is held open, and on neither side is a symlink followed. What
 * is in the way and is no folder is removed first and made anew: so nothing is ever written through
 * a symlink, or through a second name of some file elsewhere.
 *
 * New folders belong to their owner alone until they are full, and only then get their mode: it may
 * forbid to write.
 *
 * A turn on the pool does as much as a piece of a big file costs; an entry counts as a few KiB. */
#include "loop/call.h"
#include "offload/copy.h"
#include "offload/fs.h"
#include "offload/regular.h"
#include "offload/walk.h"
#include "ouro/fs.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define ENTRY_COST (FILE_PIECE / 64)

struct tree {
	struct paths paths;
	enum ouro_copy how;
	bool begun;
	struct walk from, to;
	struct level top;    /* the first folder made */
	const char *in_file; /* the new file whose bytes are being copied; NULL: none is */
	struct copying copying;
};

_Static_assert(sizeof(struct tree) + 64 <= OP_ROOM, "usual paths fit behind it");

static struct tree *tree_of(struct op *op)
{
	return (struct tree *)(void *)op->room;
}

/* What an entry is called on the other side: the same, but at the top. */
static const char *new_name(const struct tree *tree, const char *name)
{
	return tree->from.depth ? name : tree->paths.to;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* -EINVAL if the folder at fd is that one or somewhere in it: looks at all above it. Closes fd. */
static int check_outside(int fd, const struct stat *forbidden)
{
	struct stat here, below = { 0 };
	int up, err = fstat(fd, &here) ? -errno : 0;

	while (!err && !is_same(&here, &below)) { /* the root is above itself */
		if (is_same(&here, forbidden)) {
			err = -EINVAL;
			break;
		}
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		ouro__fd_close(&fd);
		fd = up;
		below = here;
		err = fd < 0 || fstat(fd, &here) ? -errno : 0;
	}
	ouro__fd_close(&fd);
	return err;
}

static int check_top(const struct tree *tree, const struct stat *from)
{
	const char *name;
	int fd = ouro__folder_open(tree->paths.to, O_PATH, &name);

	return fd < 0 ? fd : check_outside(fd, from);
}

/* Entries. */

static int make_file(struct tree *tree, const char *name, const char *new)
{
	int err = ouro__copying_from(&tree->copying, tree->from.fd, name, O_NOFOLLOW);

	if (!err)
		err = ouro__copying_to_new(&tree->copying, tree->to.fd, new);
	if (err)
		ouro__copying_end(&tree->copying);
	else
		tree->in_file = new;
	return err;
}

static int make_link(struct tree *tree, const char *name, const char *new)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(tree->from.fd, name, target, sizeof(target));

	if (n < 0)
		return -errno;
	if (n == sizeof(target))
		return -ENAMETOOLONG;
	target[n] = 0;
	return errno_if(symlinkat(target, tree->to.fd, new));
}

static int make(struct tree *tree, const char *name, const char *new, mode_t mode)
{
	if (S_ISREG(mode))
		return make_file(tree, name, new);
	if (S_ISLNK(mode))
		return make_link(tree, name, new);
	if (S_ISFIFO(mode))
		return errno_if(mkfifoat(tree->to.fd, new, mode & 0777));
	return -EINVAL;
}

/* Not a folder: that is no way to lose one. Not what is to be copied, by this name or another. */
static int clear_way(struct tree *tree, const char *new, const struct stat *from)
{
	struct stat st;

	if (fstatat(tree->to.fd, new, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return is_same(&st, from) ? -EINVAL : errno_if(unlinkat(tree->to.fd, new, 0));
}

static int copy_entry(struct tree *tree, const char *name)
{
	const char *new = new_name(tree, name);
	struct stat st;
	int err;

	if (fstatat(tree->from.fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		err = tree->from.depth ? 0 : check_top(tree, &st);
		return err ? err : ouro__walk_later(&tree->from, name);
	}
	err = make(tree, name, new, st.st_mode);
	if (err != -EEXIST || tree->how == OURO_COPY_NEW)
		return err;
	err = clear_way(tree, new, &st);
	return err ? err : make(tree, name, new, st.st_mode);
}

/* The file that is not whole goes; what is whole stays. */
static void drop_file(struct tree *tree)
{
	if (tree->in_file)
		unlinkat(tree->to.fd, tree->in_file, 0);
	tree->in_file = NULL;
}

static int copy_bytes(struct tree *tree, size_t *left)
{
	int err = ouro__copying_piece(&tree->copying, left);

	if (!err)
		tree->in_file = NULL;
	return err;
}

/* Folders. */

static int make_folder(struct tree *tree, const char *new)
{
	bool made = !mkdirat(tree->to.fd, new, S_IRWXU);
	struct level *from = walk_level(&tree->from), *to;
	int err;

	if (!made && (errno != EEXIST || tree->how == OURO_COPY_NEW))
		return -errno;
	err = ouro__walk_down(&tree->to, new);
	if (err)
		return err;
	to = walk_level(&tree->to);
	if (level_is_same(from, to))
		return -EINVAL;
	if (tree->to.depth == 1)
		tree->top = *to;
	if (made)
		to->leave = (int)((from->mode & 0777) | (to->mode & S_ISGID));
	return 0;
}

/* The copy must not be copied: a tree that is reached by two paths might contain it after all. */
static int enter(struct tree *tree, const char *name)
{
	const char *new = new_name(tree, name);
	int err = ouro__walk_down(&tree->from, name);

	if (!err && level_is_same(walk_level(&tree->from), &tree->top))
		err = -EINVAL;
	return err ? err : make_folder(tree, new);
}

static int leave(struct tree *tree)
{
	int err = ouro__walk_up(&tree->from);

	if (!err)
		err = ouro__walk_up(&tree->to);
	if (!err)
		ouro__walk_forget(&tree->from);
	return err;
}

static int step(struct tree *tree, size_t *left)
{
	const struct dirent64 *entry;
	const char *name;
	int err;

	if (tree->in_file)
		return copy_bytes(tree, left);
	*left -= *left < ENTRY_COST ? *left : ENTRY_COST;
	if (!tree->from.listed) {
		entry = ouro__walk_next(&tree->from, &err);
		return entry ? copy_entry(tree, entry->d_name) : err;
	}
	name = ouro__walk_last(&tree->from);
	return name ? enter(tree, name) : leave(tree);
}

static bool is_over(const struct tree *tree)
{
	return !tree->in_file && !tree->from.depth && !ouro__walk_last(&tree->from);
}

static int copy_some(struct tree *tree)
{
	size_t left = FILE_PIECE;
	int err = 0;

	while (!err && !is_over(tree)) {
		if (!left)
			return OP_AGAIN;
		err = step(tree, &left);
	}
	return err;
}

static int begin(struct tree *tree)
{
	int err = ouro__walk_init(&tree->from);

	if (!err)
		err = ouro__walk_init(&tree->to);
	tree->begun = true;
	return err ? err : copy_entry(tree, tree->paths.path);
}

static void close_all(struct tree *tree)
{
	ouro__copying_end(&tree->copying);
	ouro__walk_end(&tree->from);
	ouro__walk_end(&tree->to);
}

static int tree_work(struct op *op)
{
	struct tree *tree = tree_of(op);
	int err = 0;

	if (ouro__op_is_stopped(op))
		err = OURO_ECANCELED;
	else if (!tree->begun)
		err = begin(tree);
	if (!err)
		err = copy_some(tree);
	if (err == OP_AGAIN)
		return err;
	drop_file(tree);
	close_all(tree);
	return err;
}

static void tree_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static void tree_release(struct op *op)
{
	close_all(tree_of(op));
	ouro__paths_drop(op);
}

static const struct op_kind tree_kind = {
	.call = "cp",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = tree_work,
	.done = tree_done,
	.release = tree_release,
};

ouro_op ouro_fs_cp(ouro_loop *loop, const char *from, const char *to, enum ouro_copy how,
		   ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &tree_kind, CALL_FN(fn), arg);

	if (!op)
		return (ouro_op){ 0 };
	tree_of(op)->how = how;
	ouro__copying_init(&tree_of(op)->copying);
	if (!ouro__paths_keep(op, sizeof(struct tree), from, to))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}
