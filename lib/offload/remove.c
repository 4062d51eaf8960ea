/* remove.c -- a file or a tree, gone. See ouro/fs.h.
 *
 * A name is tried until it is gone. First as a folder: rmdir looks before anything is lost whether
 * it may be removed at all, and what is busy (a mount point) stays untouched. If it is none, as a
 * file: that takes a symlink itself. If it is a folder with something in it, it is entered, what is
 * in it is removed, and then the name is tried again. So whatever somebody puts in its place
 * between two system calls is taken for what it is, and nothing is ever reached through it: each
 * call names one entry of a folder that is held open. */
#include "loop/call.h"
#include "offload/fs.h"
#include "offload/walk.h"
#include "ouro/fs.h"
#include <fcntl.h>
#include <unistd.h>

#define STEPS_A_TURN 64

struct removal {
	struct paths paths;
	enum ouro_rm how;
	bool begun; /* something was there */
	bool bare;  /* nothing was seen in the folder that we are in, or have just left */
	struct walk walk;
};

static struct removal *removal_of(struct op *op)
{
	return (struct removal *)(void *)op->room;
}

/* That somebody else was faster is fine; that there never was anything only when forced. */
static int remove_as(const struct removal *removal, const char *name, int flags)
{
	bool may_lack = removal->begun || removal->how == OURO_RM_FORCE;

	if (!unlinkat(removal->walk.fd, name, flags))
		return 0;
	return errno == ENOENT && may_lack ? 0 : -errno;
}

/* A folder of the list, or the path itself: whatever it is by now. Where we have just seen nothing
 * and rmdir says it is not empty, trying again would be for ever. */
static int try_name(struct removal *removal, const char *name)
{
	bool was_bare = removal->bare;
	int err = remove_as(removal, name, AT_REMOVEDIR);

	removal->bare = false;
	if (err == -ENOTDIR)
		err = remove_as(removal, name, 0);
	if ((err == -ENOTEMPTY || err == -EEXIST) && !was_bare) {
		err = ouro__walk_down(&removal->walk, name);
		removal->bare = !err;
		return err == -ENOTDIR || err == -ENOENT ? 0 : err;
	}
	if (!err)
		ouro__walk_forget(&removal->walk);
	return err;
}

/* A folder is left for later. d_type may not know, or be outdated: unlink does not take folders. */
static int remove_entry(struct removal *removal, const struct dirent64 *entry)
{
	int err = entry->d_type == DT_DIR ? -EISDIR : remove_as(removal, entry->d_name, 0);

	removal->bare = false;
	if (err == -EISDIR)
		err = ouro__walk_later(&removal->walk, entry->d_name);
	return err;
}

static int step(struct removal *removal)
{
	struct walk *walk = &removal->walk;
	const struct dirent64 *entry;
	const char *name;
	int err;

	if (!walk->listed) {
		entry = ouro__walk_next(walk, &err);
		if (entry)
			return remove_entry(removal, entry);
		return err == -ENOENT ? 0 : err; /* the folder itself has gone */
	}
	name = ouro__walk_last(walk);
	return name ? try_name(removal, name) : ouro__walk_up(walk);
}

static bool is_over(const struct walk *walk)
{
	return !walk->depth && !ouro__walk_last(walk);
}

/* A slash behind a symlink would lead to what it points at, so the path goes without. Of no
 * folder may one remove the entry "." or "..", and the root has no entry. */
static int begin(struct removal *removal)
{
	const char *path = removal->paths.path, *last;
	size_t n = strlen(path);
	int err = ouro__walk_init(&removal->walk);

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (!err)
		err = ouro_buf_append(removal->walk.names, path, n);
	if (!err)
		err = ouro_buf_append(removal->walk.names, "", 1);
	if (err)
		return err;
	path = ouro__walk_last(&removal->walk);
	last = strrchr(path, '/');
	last = last ? last + 1 : path;
	if (n && (!*last || !strcmp(last, ".") || !strcmp(last, "..")))
		return -EINVAL;
	return 0;
}

static int remove_piece(struct removal *removal)
{
	for (int i = 0; i < STEPS_A_TURN; i++) {
		int err = step(removal);

		removal->begun = true;
		if (err || is_over(&removal->walk))
			return err;
	}
	return OP_AGAIN;
}

static int remove_work(struct op *op)
{
	struct removal *removal = removal_of(op);
	int err = 0;

	if (ouro__op_is_stopped(op))
		err = OURO_ECANCELED;
	else if (!removal->begun)
		err = begin(removal);
	if (!err)
		err = remove_piece(removal);
	if (err != OP_AGAIN)
		ouro__walk_end(&removal->walk);
	return err;
}

static void remove_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static void remove_release(struct op *op)
{
	ouro__walk_end(&removal_of(op)->walk);
	ouro__paths_drop(op);
}

static const struct op_kind remove_kind = {
	.call = "rm",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = remove_work,
	.done = remove_done,
	.release = remove_release,
};

ouro_op ouro_fs_rm(ouro_loop *loop, const char *path, enum ouro_rm how, ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &remove_kind, CALL_FN(fn), arg);

	if (!op)
		return (ouro_op){ 0 };
	removal_of(op)->how = how;
	if (!ouro__paths_keep(op, sizeof(struct removal), path, NULL))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}
