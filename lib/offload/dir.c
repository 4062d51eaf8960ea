/* dir.c -- folders, read whole or in pieces. See ouro/fs.h.
 *
 * Entries are gathered in one piece of memory that grows: a byte of type and a name, behind each
 * other. The array that the user gets is laid behind them at the end, when nothing moves any more.
 *
 * An ouro_dir is a handle of the loop's. Behind it is a DIR of libc's, which no two may use at
 * once, and which must be closed by somebody, wherever things stop. So nobody shares it; it is
 * handed on: from the operation that opened it to the handle, from the handle to an operation that
 * reads it, and back. An operation whose time ran out keeps it, for its thread may be reading
 * still; the handle has then lost it for good. Whoever has it last closes it: a handle asks the
 * pool to, and does it itself only when the loop is ending or there is no memory to ask with. */
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "offload/fs.h"
#include "ouro/fs.h"
#include <dirent.h>
#include <fcntl.h>

/* Entries a call of ouro_dir_next(). */
#define PIECE 256

struct ouro_dir {
	struct handle base;
	DIR *stream;  /* NULL: an operation has it, or has kept it */
	bool reading; /* a next is under way */
	bool closed;  /* close was called; the handle waits for that next */
	char path[];
};

/* What each operation here has in its room. */
struct folder {
	struct paths paths;
	ouro_dir *dir; /* the loop's thread alone */
	DIR *stream;   /* to be closed with the operation; NULL: none */
	bool begun;
	char *bytes; /* type and name, type and name, ..., then the array */
	size_t used, room, count;
	ouro_entry *entries;
};

static struct folder *folder_of(struct op *op)
{
	return (struct folder *)(void *)op->room;
}

/* Gathering, on a thread of the pool. */

static int reserve(struct folder *folder, size_t size)
{
	size_t room = folder->room ? folder->room : 512;
	char *bytes;

	while (room < size)
		room *= 2;
	if (room == folder->room)
		return 0;
	bytes = ouro__realloc(folder->bytes, room);
	if (!bytes)
		return -ENOMEM;
	folder->bytes = bytes;
	folder->room = room;
	return 0;
}

/* Not every file system tells it with the name. */
static unsigned char type_of(DIR *stream, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dirfd(stream), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW))
		return DT_UNKNOWN; /* it has gone meanwhile */
	return (unsigned char)IFTODT(stat.st_mode);
}

static int add(struct folder *folder, const struct dirent *entry)
{
	size_t size = strlen(entry->d_name) + 1;
	int err = reserve(folder, folder->used + 1 + size);

	if (err)
		return err;
	folder->bytes[folder->used] = (char)type_of(folder->stream, entry);
	memcpy(folder->bytes + folder->used + 1, entry->d_name, size);
	folder->used += 1 + size;
	folder->count++;
	return 0;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* The array, behind the names. */
static int line_up(struct folder *folder)
{
	size_t align = _Alignof(ouro_entry), at = (folder->used + align - 1) / align * align;
	const char *next;

	if (!folder->count)
		return 0;
	if (reserve(folder, at + folder->count * sizeof(ouro_entry)))
		return -ENOMEM;
	next = folder->bytes;
	folder->entries = (ouro_entry *)(void *)(folder->bytes + at);
	for (size_t i = 0; i < folder->count; i++) {
		folder->entries[i].type = DTTOIF((mode_t)(unsigned char)*next);
		folder->entries[i].name = next + 1;
		next += strlen(next) + 1;
	}
	return 0;
}

static int gather(struct folder *folder, size_t most)
{
	int err = 0;

	while (!err && folder->count < most) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(folder->stream);
		if (!entry && errno)
			return -errno;
		if (!entry)
			break;
		if (!is_dots(entry->d_name))
			err = add(folder, entry);
	}
	return err ? err : line_up(folder);
}

static int open_work(struct op *op)
{
	struct folder *folder = folder_of(op);

	do
		folder->stream = opendir(folder->paths.path);
	while (!folder->stream && errno == EINTR);
	return folder->stream ? 0 : -errno;
}

static int close_work(struct op *op)
{
	struct folder *folder = folder_of(op);

	closedir(folder->stream);
	folder->stream = NULL;
	return 0;
}

static int readdir_work(struct op *op)
{
	int err = open_work(op);

	if (err)
		return err;
	err = gather(folder_of(op), SIZE_MAX);
	close_work(op);
	return err;
}

/* What could not be told is read again by the next call. */
static int next_work(struct op *op)
{
	struct folder *folder = folder_of(op);
	long start = telldir(folder->stream);
	int err;

	folder->begun = true;
	err = gather(folder, PIECE);
	if (err)
		seekdir(folder->stream, start);
	return err;
}

/* Asking, and what is left over. */

static struct op *ask(ouro_loop *loop, const struct op_kind *kind, const char *path, const void *fn,
		      void *arg)
{
	struct op *op = ouro__op_new(loop, kind, fn, arg);

	if (op && !ouro__paths_keep(op, sizeof(struct folder), path, NULL)) {
		ouro__op_refuse(op);
		return NULL;
	}
	return op;
}

static ouro_op submit(struct op *op)
{
	return op ? ouro__op_submit(op) : (ouro_op){ 0 };
}

static void release(struct op *op)
{
	struct folder *folder = folder_of(op);

	if (folder->stream)
		closedir(folder->stream);
	ouro__free(folder->bytes);
	ouro__paths_drop(op);
}

#define KIND(name, call_, work_, done_)      \
	static const struct op_kind name = { \
		.call = call_,               \
		.lane = OURO_LANE_FILES,     \
		.work = work_,               \
		.done = done_,               \
		.release = release,          \
	}

static void nobody_told(struct op *op, int err)
{
	(void)op, (void)err;
}

KIND(close_kind, "closedir", close_work, nobody_told);

/* The handle. */

static void dir_stop(struct handle *handle)
{
	struct ouro_dir *dir = (struct ouro_dir *)handle;
	struct op *op;

	if (!dir->stream)
		return;
	op = ask(handle->loop, &close_kind, dir->path, NULL, NULL);
	if (op)
		folder_of(op)->stream = dir->stream;
	else
		closedir(dir->stream);
	submit(op);
	dir->stream = NULL;
}

static const void *dir_callee(const struct handle *handle)
{
	(void)handle;
	return NULL;
}

static int dir_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static const struct handle_type dir_type = {
	.kind = "folder",
	.magic = 0x666f6c64u,
	.callee = dir_callee,
	.number = dir_number,
	.stop = dir_stop,
};

/* It does not keep the loop alive: nothing of it calls back by itself. */
static ouro_dir *dir_of(ouro_loop *loop, struct folder *folder, int *ret_err)
{
	size_t size = strlen(folder->paths.path) + 1;
	struct ouro_dir *dir =
		ouro__handle_new(loop, &dir_type, sizeof(*dir) + size, NULL, ret_err);

	if (!dir)
		return NULL;
	ouro__handle_hold(&dir->base, false);
	memcpy(dir->path, folder->paths.path, size);
	dir->stream = folder->stream;
	folder->stream = NULL;
	return dir;
}

/* A next has ended, one way or the other: the DIR goes back. Not if its thread may have it still.
 * (Cancelled after it had begun there is none, but this is a fork's child, and the DIR is as the
 * thread had it in that moment.) */
static void take_back(struct folder *folder, int err)
{
	struct ouro_dir *dir = folder->dir;

	dir->reading = false;
	if (err != OURO_ETIMEOUT && !(err == OURO_ECANCELED && folder->begun)) {
		dir->stream = folder->stream;
		folder->stream = NULL;
	}
	if (dir->base.closing)
		dir_stop(&dir->base);
	else if (dir->closed)
		ouro__handle_close(&dir->base);
}

/* Telling the user. */

static void opendir_done(struct op *op, int err)
{
	ouro_dir_fn *fn = (ouro_dir_fn *)(uintptr_t)op->fn;
	ouro_dir *dir = err < 0 ? NULL : dir_of(ouro__op_loop(op), folder_of(op), &err);

	fn(err, dir, op->arg);
}

static void entries_done(struct op *op, int err)
{
	ouro_entries_fn *fn = (ouro_entries_fn *)(uintptr_t)op->fn;
	const struct folder *folder = folder_of(op);

	if (err < 0)
		fn(err, NULL, 0, op->arg);
	else
		fn(0, folder->entries, folder->count, op->arg);
}

static void next_done(struct op *op, int err)
{
	take_back(folder_of(op), err);
	entries_done(op, err);
}

KIND(readdir_kind, "readdir", readdir_work, entries_done);
KIND(opendir_kind, "opendir", open_work, opendir_done);
KIND(next_kind, "readdir", next_work, next_done);
KIND(refused_kind, "readdir", NULL, entries_done);

ouro_op ouro_fs_readdir(ouro_loop *loop, const char *path, ouro_entries_fn *fn, void *arg)
{
	return submit(ask(loop, &readdir_kind, path, CALL_FN(fn), arg));
}

ouro_op ouro_fs_opendir(ouro_loop *loop, const char *path, ouro_dir_fn *fn, void *arg)
{
	return submit(ask(loop, &opendir_kind, path, CALL_FN(fn), arg));
}

/* Why there can be no next; 0: there can. */
static int in_the_way(const ouro_dir *dir)
{
	if (dir->closed || dir->base.closing)
		return OURO_ECLOSED;
	if (dir->reading)
		return -EBUSY;
	return dir->stream ? 0 : OURO_ECLOSED;
}

ouro_op ouro_dir_next(ouro_dir *dir, ouro_entries_fn *fn, void *arg)
{
	struct op *op;
	int err;

	handle_check(dir, dir_type);
	err = in_the_way(dir);
	op = ask(dir->base.loop, err ? &refused_kind : &next_kind, dir->path, CALL_FN(fn), arg);
	if (op && !err) {
		folder_of(op)->dir = dir;
		folder_of(op)->stream = dir->stream;
		dir->stream = NULL;
		dir->reading = true;
	} else if (op) {
		op->err = err;
	}
	return submit(op);
}

void ouro_dir_close(ouro_dir *dir)
{
	if (!dir)
		return;
	handle_check(dir, dir_type);
	dir->closed = true;
	if (!dir->reading)
		ouro__handle_close(&dir->base);
}
