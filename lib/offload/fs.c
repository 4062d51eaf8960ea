/* fs.c -- the calls on files that are one system call each, or nearly. See ouro/fs.h.
 *
 * FS_CALLS is the list of them: what a call is named, what its callback is told, and what a thread
 * of the pool does for it. From a line of it come the work, the kind that the pool knows, and an
 * ask_<name>() that takes the right type of callback and no other. The public function below then
 * has one thing left to say: what is kept of its arguments.
 *
 * All calls share one record, struct fs. What is asked and what is answered never matter at the
 * same time, so they share their place in it: that leaves most of an operation's room to its paths.
 *
 * A result that nobody takes, because the time was up, is in the record too: release() frees it. */
#include "ouro/fs.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/fs.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fs {
	struct paths paths;
	int fd;
	int made;   /* the descriptor that open made, until somebody takes it; -1: none */
	char *data; /* the text that is the answer; NULL: none */
	union {
		struct {
			mode_t mode;
			int flags;
		};
		struct {
			uid_t uid;
			gid_t gid;
		};
		struct {
			void *into;
			const void *from;
			const struct iovec *iov;
			size_t count; /* of bytes, or of iovecs */
			off_t at;
		};
		struct timespec times[2];
		struct stat stat;
		struct statfs statfs;
	};
};

_Static_assert(sizeof(struct fs) + 160 <= OP_ROOM, "an ordinary path fits behind it");

static struct fs *fs_of(struct op *op)
{
	return (struct fs *)(void *)op->room;
}

/* Paths. */

bool ouro__paths_keep(struct op *op, size_t used, const char *path, const char *to)
{
	struct paths *paths = op_paths(op);
	size_t first = strlen(path) + 1, second = to ? strlen(to) + 1 : 0;
	bool fits = first <= OP_ROOM - used && second <= OP_ROOM - used - first;
	char *text = fits ? op->room + used : ouro__alloc(first + second);

	*paths = (struct paths){ .taken = fits ? NULL : text };
	if (!text)
		return false;
	op->path = paths->path = memcpy(text, path, first);
	if (to)
		paths->to = memcpy(text + first, to, second);
	return true;
}

void ouro__paths_drop(struct op *op)
{
	ouro__free(op_paths(op)->taken);
}

/* What is more than a system call. Each answers as one: -1 and errno. */

/* Linux frees the number before it can be interrupted: a second close() might hit another's. */
static int close_once(int fd)
{
	return close(fd) < 0 && errno != EINTR ? -1 : 0;
}

/* Room for a text; again, when an interrupted call is made again. */
static char *data_of(struct fs *fs, size_t size)
{
	ouro__free(fs->data);
	fs->data = ouro__alloc(size);
	if (!fs->data)
		errno = ENOMEM;
	return fs->data;
}

static int make_temporary(struct fs *fs, const char *prefix)
{
	static const char letters[] = "XXXXXX";
	size_t size = strlen(prefix) + sizeof(letters);
	char *path = data_of(fs, size);

	if (!path)
		return -1;
	snprintf(path, size, "%s%s", prefix, letters);
	return mkdtemp(path) ? 0 : -1;
}

/* The kernel keeps no target that is longer than a path may be, so a full buffer is a cut one. What
 * is not full ends by the zeros that were there. */
static int read_link(struct fs *fs, const char *path)
{
	char *target = data_of(fs, PATH_MAX + 1);
	ssize_t n = target ? readlink(path, target, PATH_MAX + 1) : -1;

	if (n > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

static int resolve(struct fs *fs, const char *path)
{
	char *resolved = data_of(fs, PATH_MAX);

	return resolved && realpath(path, resolved) ? 0 : -1;
}

static bool is_folder(const char *path)
{
	struct stat stat_;

	return stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

/* What counts is that there is one, whoever made it, and whatever mkdir() thinks of making one in
 * a place where nothing can be made. */
static int make_folder(const char *path, mode_t mode)
{
	int err;

	if (mkdir(path, mode) == 0)
		return 0;
	err = errno;
	if (is_folder(path))
		return 0;
	errno = err;
	return -1;
}

/* Most often there is nothing to do, or only the last is missing: so that is tried first. The path
 * is cut at each slash, which is why it is a copy. */
static int make_folders(struct fs *fs, const char *path, mode_t mode)
{
	size_t size = strlen(path) + 1;
	char *cut;

	if (make_folder(path, mode) == 0)
		return 0;
	if (errno != ENOENT || !data_of(fs, size))
		return -1;
	cut = memcpy(fs->data, path, size);
	cut += strspn(cut, "/");
	while ((cut = strchr(cut, '/'))) {
		*cut = '\0';
		if (make_folder(fs->data, mode))
			return -1;
		*cut = '/';
		cut += strspn(cut, "/");
	}
	return make_folder(path, mode);
}

/* The list. Name, what its callback is told, what it does. */
#define FS_CALLS(X)                                                                 \
	X(open, fd, fs->made = open(path, fs->flags | O_CLOEXEC, fs->mode))         \
	X(close, done, close_once(fs->fd))                                          \
	X(read, count, read(fs->fd, fs->into, fs->count))                           \
	X(write, count, write(fs->fd, fs->from, fs->count))                         \
	X(pread, count, pread(fs->fd, fs->into, fs->count, fs->at))                 \
	X(pwrite, count, pwrite(fs->fd, fs->from, fs->count, fs->at))               \
	X(readv, count, readv(fs->fd, fs->iov, (int)fs->count))                     \
	X(writev, count, writev(fs->fd, fs->iov, (int)fs->count))                   \
	X(stat, stat, stat(path, &fs->stat))                                        \
	X(lstat, stat, lstat(path, &fs->stat))                                      \
	X(fstat, stat, fstat(fs->fd, &fs->stat))                                    \
	X(statfs, statfs, statfs(path, &fs->statfs))                                \
	X(access, done, access(path, fs->flags))                                    \
	X(mkdir, done, mkdir(path, fs->mode))                                       \
	X(mkdirs, done, make_folders(fs, path, fs->mode))                           \
	X(mkdtemp, data, make_temporary(fs, path))                                  \
	X(rmdir, done, rmdir(path))                                                 \
	X(unlink, done, unlink(path))                                               \
	X(rename, done, rename(path, to))                                           \
	X(link, done, link(path, to))                                               \
	X(symlink, done, symlink(path, to))                                         \
	X(readlink, data, read_link(fs, path))                                      \
	X(realpath, data, resolve(fs, path))                                        \
	X(chmod, done, chmod(path, fs->mode))                                       \
	X(fchmod, done, fchmod(fs->fd, fs->mode))                                   \
	X(chown, done, chown(path, fs->uid, fs->gid))                               \
	X(lchown, done, lchown(path, fs->uid, fs->gid))                             \
	X(fchown, done, fchown(fs->fd, fs->uid, fs->gid))                           \
	X(utimes, done, utimensat(AT_FDCWD, path, fs->times, 0))                    \
	X(lutimes, done, utimensat(AT_FDCWD, path, fs->times, AT_SYMLINK_NOFOLLOW)) \
	X(futimes, done, futimens(fs->fd, fs->times))                               \
	X(truncate, done, truncate(path, fs->at))                                   \
	X(ftruncate, done, ftruncate(fs->fd, fs->at))                               \
	X(fsync, done, fsync(fs->fd))                                               \
	X(fdatasync, done, fdatasync(fs->fd))

/* Telling the user. err is what the call answered, when that is not below 0: a descriptor, or a
 * number of bytes, of which the kernel moves less than 2 GiB at once. */

#define USER(fn_type, op) ((fn_type *)(uintptr_t)(op)->fn)

static void done_done(struct op *op, int err)
{
	USER(ouro_done_fn, op)(err, op->arg);
}

static void fd_done(struct op *op, int err)
{
	if (err >= 0)
		fs_of(op)->made = -1; /* taken */
	USER(ouro_fd_fn, op)(err < 0 ? err : 0, err < 0 ? -1 : err, op->arg);
}

static void count_done(struct op *op, int err)
{
	USER(ouro_count_fn, op)(err < 0 ? err : 0, err < 0 ? 0 : (size_t)err, op->arg);
}

static void data_done(struct op *op, int err)
{
	USER(ouro_data_fn, op)(err, ouro_str_z(err < 0 ? NULL : fs_of(op)->data), op->arg);
}

static void stat_done(struct op *op, int err)
{
	USER(ouro_stat_fn, op)(err, err < 0 ? NULL : &fs_of(op)->stat, op->arg);
}

static void statfs_done(struct op *op, int err)
{
	USER(ouro_statfs_fn, op)(err, err < 0 ? NULL : &fs_of(op)->statfs, op->arg);
}

static void release(struct op *op)
{
	struct fs *fs = fs_of(op);

	ouro__fd_close(&fs->made);
	ouro__free(fs->data);
	ouro__paths_drop(op);
}

/* Asking. */

static ouro_op ask(ouro_loop *loop, const struct op_kind *kind, const struct fs *asked,
		   const void *fn, void *arg)
{
	const struct paths *paths = &asked->paths;
	struct op *op = ouro__op_new(loop, kind, fn, arg);

	if (!op)
		return (ouro_op){ 0 };
	*fs_of(op) = *asked;
	fs_of(op)->made = -1;
	if (paths->path && !ouro__paths_keep(op, sizeof(*asked), paths->path, paths->to))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}

#define MAKE_CALL(name, told, does)                                                       \
	static int name##_work(struct op *op)                                             \
	{                                                                                 \
		struct fs *fs = fs_of(op);                                                \
		const char *path = fs->paths.path, *to = fs->paths.to;                    \
                                                                                          \
		(void)path, (void)to;                                                     \
		return errno_if(TEMP_FAILURE_RETRY(does));                                \
	}                                                                                 \
                                                                                          \
	static const struct op_kind name##_kind = {                                       \
		.call = #name,                                                            \
		.lane = OURO_LANE_FILES,                                                  \
		.work = name##_work,                                                      \
		.done = told##_done,                                                      \
		.release = release,                                                       \
	};                                                                                \
                                                                                          \
	static ouro_op ask_##name(ouro_loop *loop, struct fs asked, ouro_##told##_fn *fn, \
				  void *arg)                                              \
	{                                                                                 \
		return ask(loop, &name##_kind, &asked, CALL_FN(fn), arg);                 \
	}

FS_CALLS(MAKE_CALL)

#define ASK(name, ...)    ask_##name(loop, (struct fs){ __VA_ARGS__ }, fn, arg)
#define PATH(path_)       .paths = { .path = (path_) }
#define PATHS(path_, to_) .paths = { .path = (path_), .to = (to_) }

ouro_op ouro_fs_open(ouro_loop *loop, const char *path, int flags, mode_t mode, ouro_fd_fn *fn,
		     void *arg)
{
	return ASK(open, PATH(path), .flags = flags, .mode = mode);
}

ouro_op ouro_fs_close(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg)
{
	return ASK(close, .fd = fd);
}

ouro_op ouro_fs_read(ouro_loop *loop, int fd, void *buf, size_t size, ouro_count_fn *fn, void *arg)
{
	return ASK(read, .fd = fd, .into = buf, .count = size);
}

ouro_op ouro_fs_write(ouro_loop *loop, int fd, const void *buf, size_t size, ouro_count_fn *fn,
		      void *arg)
{
	return ASK(write, .fd = fd, .from = buf, .count = size);
}

ouro_op ouro_fs_pread(ouro_loop *loop, int fd, void *buf, size_t size, off_t at, ouro_count_fn *fn,
		      void *arg)
{
	return ASK(pread, .fd = fd, .into = buf, .count = size, .at = at);
}

ouro_op ouro_fs_pwrite(ouro_loop *loop, int fd, const void *buf, size_t size, off_t at,
		       ouro_count_fn *fn, void *arg)
{
	return ASK(pwrite, .fd = fd, .from = buf, .count = size, .at = at);
}

ouro_op ouro_fs_readv(ouro_loop *loop, int fd, const struct iovec *iov, int count,
		      ouro_count_fn *fn, void *arg)
{
	return ASK(readv, .fd = fd, .iov = iov, .count = (size_t)count);
}

ouro_op ouro_fs_writev(ouro_loop *loop, int fd, const struct iovec *iov, int count,
		       ouro_count_fn *fn, void *arg)
{
	return ASK(writev, .fd = fd, .iov = iov, .count = (size_t)count);
}

ouro_op ouro_fs_stat(ouro_loop *loop, const char *path, ouro_stat_fn *fn, void *arg)
{
	return ASK(stat, PATH(path));
}

ouro_op ouro_fs_lstat(ouro_loop *loop, const char *path, ouro_stat_fn *fn, void *arg)
{
	return ASK(lstat, PATH(path));
}

ouro_op ouro_fs_fstat(ouro_loop *loop, int fd, ouro_stat_fn *fn, void *arg)
{
	return ASK(fstat, .fd = fd);
}

ouro_op ouro_fs_statfs(ouro_loop *loop, const char *path, ouro_statfs_fn *fn, void *arg)
{
	return ASK(statfs, PATH(path));
}

ouro_op ouro_fs_access(ouro_loop *loop, const char *path, int mode, ouro_done_fn *fn, void *arg)
{
	return ASK(access, PATH(path), .flags = mode);
}

ouro_op ouro_fs_mkdir(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn, void *arg)
{
	return ASK(mkdir, PATH(path), .mode = mode);
}

ouro_op ouro_fs_mkdirs(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn, void *arg)
{
	return ASK(mkdirs, PATH(path), .mode = mode);
}

ouro_op ouro_fs_mkdtemp(ouro_loop *loop, const char *prefix, ouro_data_fn *fn, void *arg)
{
	return ASK(mkdtemp, PATH(prefix));
}

ouro_op ouro_fs_rmdir(ouro_loop *loop, const char *path, ouro_done_fn *fn, void *arg)
{
	return ASK(rmdir, PATH(path));
}

ouro_op ouro_fs_unlink(ouro_loop *loop, const char *path, ouro_done_fn *fn, void *arg)
{
	return ASK(unlink, PATH(path));
}

ouro_op ouro_fs_rename(ouro_loop *loop, const char *from, const char *to, ouro_done_fn *fn,
		       void *arg)
{
	return ASK(rename, PATHS(from, to));
}

ouro_op ouro_fs_link(ouro_loop *loop, const char *from, const char *to, ouro_done_fn *fn, void *arg)
{
	return ASK(link, PATHS(from, to));
}

ouro_op ouro_fs_symlink(ouro_loop *loop, const char *target, const char *to, ouro_done_fn *fn,
			void *arg)
{
	return ASK(symlink, PATHS(target, to));
}

ouro_op ouro_fs_readlink(ouro_loop *loop, const char *path, ouro_data_fn *fn, void *arg)
{
	return ASK(readlink, PATH(path));
}

ouro_op ouro_fs_realpath(ouro_loop *loop, const char *path, ouro_data_fn *fn, void *arg)
{
	return ASK(realpath, PATH(path));
}

ouro_op ouro_fs_chmod(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn, void *arg)
{
	return ASK(chmod, PATH(path), .mode = mode);
}

ouro_op ouro_fs_fchmod(ouro_loop *loop, int fd, mode_t mode, ouro_done_fn *fn, void *arg)
{
	return ASK(fchmod, .fd = fd, .mode = mode);
}

ouro_op ouro_fs_chown(ouro_loop *loop, const char *path, uid_t uid, gid_t gid, ouro_done_fn *fn,
		      void *arg)
{
	return ASK(chown, PATH(path), .uid = uid, .gid = gid);
}

ouro_op ouro_fs_lchown(ouro_loop *loop, const char *path, uid_t uid, gid_t gid, ouro_done_fn *fn,
		       void *arg)
{
	return ASK(lchown, PATH(path), .uid = uid, .gid = gid);
}

ouro_op ouro_fs_fchown(ouro_loop *loop, int fd, uid_t uid, gid_t gid, ouro_done_fn *fn, void *arg)
{
	return ASK(fchown, .fd = fd, .uid = uid, .gid = gid);
}

ouro_op ouro_fs_utimes(ouro_loop *loop, const char *path, const struct timespec times[2],
		       ouro_done_fn *fn, void *arg)
{
	return ASK(utimes, PATH(path), .times = { times[0], times[1] });
}

ouro_op ouro_fs_lutimes(ouro_loop *loop, const char *path, const struct timespec times[2],
			ouro_done_fn *fn, void *arg)
{
	return ASK(lutimes, PATH(path), .times = { times[0], times[1] });
}

ouro_op ouro_fs_futimes(ouro_loop *loop, int fd, const struct timespec times[2], ouro_done_fn *fn,
			void *arg)
{
	return ASK(futimes, .fd = fd, .times = { times[0], times[1] });
}

ouro_op ouro_fs_truncate(ouro_loop *loop, const char *path, off_t size, ouro_done_fn *fn, void *arg)
{
	return ASK(truncate, PATH(path), .at = size);
}

ouro_op ouro_fs_ftruncate(ouro_loop *loop, int fd, off_t size, ouro_done_fn *fn, void *arg)
{
	return ASK(ftruncate, .fd = fd, .at = size);
}

ouro_op ouro_fs_fsync(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg)
{
	return ASK(fsync, .fd = fd);
}

ouro_op ouro_fs_fdatasync(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg)
{
	return ASK(fdatasync, .fd = fd);
}
