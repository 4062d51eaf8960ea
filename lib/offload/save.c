/* save.c -- memory into a whole file. See ouro/fs.h.
 *
 * A piece is written by each turn on the pool. The last turn finishes; one that fails, or is told
 * to stop, takes away what is there only because of this operation. So the callback finds the file
 * whole or as it was before, but for the two ways of saving that write into the old one.
 *
 * OURO_SAVE_ATOMIC holds the folder open from the beginning: the temporary file, the rename and the
 * sync concern that one folder, even if somebody moves it meanwhile. The order is what matters.
 * First the bytes are on the disk, then the name points at them, then the name is on the disk: at
 * no moment does the name stand for half of them. */
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/fs.h"
#include "offload/regular.h"
#include "ouro/fs.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TEMP_PREFIX  ".ouro-"
#define TEMP_LETTERS 12
#define TEMP_TRIES   100

struct save {
	struct paths paths;
	char *bytes;
	size_t len, at;
	enum ouro_save how;
	mode_t mode;
	int fd;           /* -1: nothing done yet */
	int folder;       /* atomic: what the two names are relative to */
	const char *name; /* atomic: what the file will be called */
	const char *made; /* the file that is ours alone as long as it is not whole; NULL: none */
	char temp[sizeof(TEMP_PREFIX) + TEMP_LETTERS];
};

static struct save *save_of(struct op *op)
{
	return (struct save *)(void *)op->room;
}

/* A file may be there, or a symlink, which only loses its name; or nothing: then the mode is 0. */
static int look_at_old(const struct save *save, struct stat *ret_old)
{
	if (fstatat(save->folder, save->name, ret_old, AT_SYMLINK_NOFOLLOW)) {
		ret_old->st_mode = 0;
		return errno == ENOENT ? 0 : -errno;
	}
	if (S_ISDIR(ret_old->st_mode))
		return -EISDIR;
	return S_ISREG(ret_old->st_mode) || S_ISLNK(ret_old->st_mode) ? 0 : -EINVAL;
}

/* Need not be a secret, only rare: O_EXCL refuses a name that is taken, by a symlink too. */
static void pick_temp_name(struct save *save)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t bits = (clock_ns() ^ (uintptr_t)save) * UINT64_C(0x9e3779b97f4a7c15);
	char *at = stpcpy(save->temp, TEMP_PREFIX);

	for (int i = 0; i < TEMP_LETTERS; i++)
		*at++ = letters[bits >> (59 - 5 * i) & 31];
	*at = 0;
}

static int make_temp(struct save *save, mode_t mode)
{
	struct stat st;
	int fd = -EEXIST;

	for (int i = 0; i < TEMP_TRIES && fd == -EEXIST; i++) {
		pick_temp_name(save);
		fd = ouro__regular_open(save->folder, save->temp, O_WRONLY | O_CREAT | O_EXCL, mode,
					&st);
	}
	return fd;
}

/* The owner first: that takes the set-ID bits away, and without the owner they must not come
 * back. */
static int keep_owner_and_mode(int fd, const struct stat *old)
{
	mode_t mode = old->st_mode & 07777;

	if (fchown(fd, old->st_uid, old->st_gid))
		mode &= 0777;
	return errno_if(fchmod(fd, mode));
}

static int begin_beside(struct save *save)
{
	struct stat old;
	bool replaces;
	int err;

	save->folder = ouro__folder_open(save->paths.path, O_RDONLY, &save->name);
	if (save->folder < 0)
		return save->folder;
	if (!*save->name)
		return *save->paths.path ? -EISDIR : -ENOENT;
	err = look_at_old(save, &old);
	if (err)
		return err;
	replaces = S_ISREG(old.st_mode);
	save->fd = make_temp(save, replaces ? S_IRUSR | S_IWUSR : save->mode);
	if (save->fd < 0)
		return save->fd;
	save->made = save->temp;
	return replaces ? keep_owner_and_mode(save->fd, &old) : 0;
}

static int begin(struct save *save)
{
	static const int flags[] = {
		[OURO_SAVE_PLAIN] = O_TRUNC, [OURO_SAVE_APPEND] = O_APPEND, [OURO_SAVE_NEW] = O_EXCL
	};
	struct stat st;

	if (save->how == OURO_SAVE_ATOMIC)
		return begin_beside(save);
	if ((unsigned)save->how > OURO_SAVE_ATOMIC)
		return -EINVAL;
	save->fd = ouro__regular_open(AT_FDCWD, save->paths.path,
				      O_WRONLY | O_CREAT | flags[save->how], save->mode, &st);
	if (save->fd < 0)
		return save->fd;
	if (save->how == OURO_SAVE_NEW)
		save->made = save->paths.path;
	return 0;
}

static int write_piece(struct save *save)
{
	size_t left = save->len - save->at, n = left < FILE_PIECE ? left : FILE_PIECE;
	int err = ouro__regular_write(save->fd, save->bytes + save->at, n);

	if (err)
		return err;
	save->at += n;
	return save->at < save->len ? OP_AGAIN : 0;
}

/* A file system that cannot sync a folder says EINVAL, and then there is nothing to sync. */
static int sync_folder(int folder)
{
	return fsync(folder) && errno != EINVAL ? -errno : 0;
}

static int finish(struct save *save)
{
	bool beside = save->how == OURO_SAVE_ATOMIC;
	int err = beside ? errno_if(fsync(save->fd)) : 0;

	if (!err)
		err = ouro__regular_close(&save->fd);
	if (!err && beside)
		err = errno_if(renameat(save->folder, save->temp, save->folder, save->name));
	if (err)
		return err;
	save->made = NULL;
	return beside ? sync_folder(save->folder) : 0;
}

/* Whatever it came to: nothing stays open, and nothing half made. */
static void clean_up(struct save *save)
{
	ouro__fd_close(&save->fd);
	if (save->made)
		unlinkat(save->folder, save->made, 0);
	save->made = NULL;
	ouro__fd_close(&save->folder);
}

static int save_work(struct op *op)
{
	struct save *save = save_of(op);
	int err = 0;

	if (ouro__op_is_stopped(op))
		err = OURO_ECANCELED;
	else if (save->fd < 0)
		err = begin(save);
	if (!err)
		err = write_piece(save);
	if (!err)
		err = finish(save);
	if (err != OP_AGAIN)
		clean_up(save);
	return err;
}

static void save_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static void save_release(struct op *op)
{
	struct save *save = save_of(op);

	ouro__fd_close(&save->fd);
	ouro__fd_close(&save->folder);
	ouro__free(save->bytes);
	ouro__paths_drop(op);
}

static const struct op_kind save_kind = {
	.call = "save",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = save_work,
	.done = save_done,
	.release = save_release,
};

ouro_op ouro_fs_save_take(ouro_loop *loop, const char *path, char *bytes, size_t len, mode_t mode,
			  enum ouro_save how, ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &save_kind, CALL_FN(fn), arg);
	struct save *save;

	if (!op) {
		ouro__free(bytes);
		return (ouro_op){ 0 };
	}
	save = save_of(op);
	save->bytes = bytes;
	save->len = len;
	save->mode = mode;
	save->how = how;
	save->fd = -1;
	save->folder = AT_FDCWD;
	if (!ouro__paths_keep(op, sizeof(*save), path, NULL))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}

ouro_op ouro_fs_save(ouro_loop *loop, const char *path, ouro_str data, mode_t mode,
		     enum ouro_save how, ouro_done_fn *fn, void *arg)
{
	char *bytes = ouro__realloc(NULL, data.len);

	if (!bytes) {
		errno = ENOMEM;
		return (ouro_op){ 0 };
	}
	if (data.len)
		memcpy(bytes, data.ptr, data.len);
	return ouro_fs_save_take(loop, path, bytes, data.len, mode, how, fn, arg);
}
