/* fs.h -- files without waiting. Every call goes to the pool; none touches the disk on the loop.
 *
 * Each call asks for one thing and answers through fn, later, on the loop (pool.h says all that is
 * true of every operation). Paths and bytes are copied before the call returns, unless its comment
 * says that they are yours to keep until the callback. Two operations asked for at once may run at
 * once: what must come second is asked for in the callback of the first.
 *
 * Errors are -errno as the system call of the same name gives them; ouro_op_call() and
 * ouro_op_path() of ouro_op_now() name the call and the path (of two: the first) for a message. A
 * callback's results are borrowed until it returns, and zero, empty or NULL when err is below 0
 * (a descriptor: -1). */
#ifndef OURO_FS_H
#define OURO_FS_H
#include "ouro/pool.h"
#include "ouro/str.h"
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
OURO_BEGIN

typedef void ouro_fd_fn(int err, int fd, void *arg);
typedef void ouro_count_fn(int err, size_t n, void *arg);
typedef void ouro_data_fn(int err, ouro_str data, void *arg);
typedef void ouro_stat_fn(int err, const struct stat *stat, void *arg);
typedef void ouro_statfs_fn(int err, const struct statfs *statfs, void *arg);

/* Descriptors. open: flags and mode as open(2), O_CLOEXEC always; nobody to take it (cancelled,
 * timed out): it is closed. close: the number is free when fn is called, whatever err says. */
OURO_API ouro_op ouro_fs_open(ouro_loop *loop, const char *path, int flags, mode_t mode,
			      ouro_fd_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_close(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg);

/* Bytes. buf, and the iovecs with what they point at, are yours to keep until fn. n is what was
 * moved, which may be less than asked for; 0 from a read: the end. The p kinds leave the position
 * alone. */
OURO_API ouro_op ouro_fs_read(ouro_loop *loop, int fd, void *buf, size_t size, ouro_count_fn *fn,
			      void *arg);
OURO_API ouro_op ouro_fs_write(ouro_loop *loop, int fd, const void *buf, size_t size,
			       ouro_count_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_pread(ouro_loop *loop, int fd, void *buf, size_t size, off_t at,
			       ouro_count_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_pwrite(ouro_loop *loop, int fd, const void *buf, size_t size, off_t at,
				ouro_count_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_readv(ouro_loop *loop, int fd, const struct iovec *iov, int count,
			       ouro_count_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_writev(ouro_loop *loop, int fd, const struct iovec *iov, int count,
				ouro_count_fn *fn, void *arg);

/* What is there. access: mode as access(2). lstat: of a symlink itself. */
OURO_API ouro_op ouro_fs_stat(ouro_loop *loop, const char *path, ouro_stat_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_lstat(ouro_loop *loop, const char *path, ouro_stat_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_fstat(ouro_loop *loop, int fd, ouro_stat_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_statfs(ouro_loop *loop, const char *path, ouro_statfs_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_access(ouro_loop *loop, const char *path, int mode, ouro_done_fn *fn,
				void *arg);

/* Names. mkdirs: with the parents that are missing, each with that mode; a folder that is there
 * already is fine. mkdtemp: the prefix gets six letters, data is the whole path. link: a second
 * name for the file at `from`. symlink: `to` will point at target. data has a zero behind its
 * end. */
OURO_API ouro_op ouro_fs_mkdir(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn,
			       void *arg);
OURO_API ouro_op ouro_fs_mkdirs(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn,
				void *arg);
OURO_API ouro_op ouro_fs_mkdtemp(ouro_loop *loop, const char *prefix, ouro_data_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_rmdir(ouro_loop *loop, const char *path, ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_unlink(ouro_loop *loop, const char *path, ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_rename(ouro_loop *loop, const char *from, const char *to, ouro_done_fn *fn,
				void *arg);
OURO_API ouro_op ouro_fs_link(ouro_loop *loop, const char *from, const char *to, ouro_done_fn *fn,
			      void *arg);
OURO_API ouro_op ouro_fs_symlink(ouro_loop *loop, const char *target, const char *to,
				 ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_readlink(ouro_loop *loop, const char *path, ouro_data_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_realpath(ouro_loop *loop, const char *path, ouro_data_fn *fn, void *arg);

/* Attributes. Times are atime, then mtime, as in utimensat(2), UTIME_NOW and UTIME_OMIT too. The l
 * kinds change a symlink itself. */
OURO_API ouro_op ouro_fs_chmod(ouro_loop *loop, const char *path, mode_t mode, ouro_done_fn *fn,
			       void *arg);
OURO_API ouro_op ouro_fs_fchmod(ouro_loop *loop, int fd, mode_t mode, ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_chown(ouro_loop *loop, const char *path, uid_t uid, gid_t gid,
			       ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_lchown(ouro_loop *loop, const char *path, uid_t uid, gid_t gid,
				ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_fchown(ouro_loop *loop, int fd, uid_t uid, gid_t gid, ouro_done_fn *fn,
				void *arg);
OURO_API ouro_op ouro_fs_utimes(ouro_loop *loop, const char *path, const struct timespec times[2],
				ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_lutimes(ouro_loop *loop, const char *path, const struct timespec times[2],
				 ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_futimes(ouro_loop *loop, int fd, const struct timespec times[2],
				 ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_truncate(ouro_loop *loop, const char *path, off_t size, ouro_done_fn *fn,
				  void *arg);
OURO_API ouro_op ouro_fs_ftruncate(ouro_loop *loop, int fd, off_t size, ouro_done_fn *fn,
				   void *arg);
OURO_API ouro_op ouro_fs_fsync(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_fdatasync(ouro_loop *loop, int fd, ouro_done_fn *fn, void *arg);

/* Folders. readdir: all entries at once, in no order, without "." and "..". For a folder too big
 * for that: opendir, then next again and again (up to 256 entries a call; none: the end), then
 * close. */
typedef struct ouro_entry {
	const char *name; /* any bytes but '/' and zero */
	mode_t      type; /* S_IFREG, S_IFDIR, S_IFLNK, ...: what lstat says; 0: it has gone */
} ouro_entry;
typedef struct ouro_dir ouro_dir;
typedef void ouro_entries_fn(int err, const ouro_entry *entries, size_t count, void *arg);
typedef void ouro_dir_fn(int err, ouro_dir *dir, void *arg);

OURO_API ouro_op ouro_fs_readdir(ouro_loop *loop, const char *path, ouro_entries_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_opendir(ouro_loop *loop, const char *path, ouro_dir_fn *fn, void *arg);

/* next: one at a time; a second before the first has ended gets -EBUSY, one after close
 * OURO_ECLOSED. After an error it may be asked again and loses nothing; after OURO_ETIMEOUT the
 * folder can only be closed, and says OURO_ECLOSED. close: when what is under way has ended; NULL:
 * nothing; twice: nothing. An open folder does not keep the loop alive; what is open when the loop
 * is freed is closed. */
OURO_API ouro_op ouro_dir_next(ouro_dir *dir, ouro_entries_fn *fn, void *arg);
OURO_API void    ouro_dir_close(ouro_dir *dir);

/* Whole files and trees. These may be long, so they go on the pool in pieces, of 512 KiB or of a
 * few dozen entries, and between two of them others get their turn. They can be cancelled also
 * when they have begun: fn is told OURO_ECANCELED when what was half made has been cleared away.
 * After OURO_ETIMEOUT, which does not wait, that may still be going on.
 *
 * Whatever bytes are read or written is a regular file (those in /proc and /sys are): a folder gets
 * -EISDIR, a FIFO, a device or a socket -EINVAL, without being opened. */

/* load: data is the whole file as it is read to its end, also when it grows meanwhile; behind it
 * is a zero that len does not count. More than max bytes (0: 2 GiB - 1): OURO_ETOOBIG. */
OURO_API ouro_op ouro_fs_load(ouro_loop *loop, const char *path, size_t max, ouro_data_fn *fn,
			      void *arg);

/* save: data becomes the file at path; how says what becomes of one that is there. mode is for a
 * new file, less the umask. PLAIN and APPEND write to what a symlink points at, and what they have
 * written stays when something goes wrong; NEW then removes what it made. ATOMIC writes a file
 * named .ouro- and twelve letters in the same folder; one that a crash left behind may be removed.
 * It replaces the name, a symlink too, and keeps the mode of an old file, and its owner where it
 * may. If the last step goes wrong, syncing the folder, the new file is there already.
 *
 * data is copied; take gets len bytes from ouro_buf_detach() instead and frees them, also when it
 * returns {0}. */
enum ouro_save {
	OURO_SAVE_PLAIN,  /* cut to nothing, then written: who reads meanwhile sees a part */
	OURO_SAVE_APPEND, /* behind what is there */
	OURO_SAVE_NEW,    /* -EEXIST when anything is there */
	OURO_SAVE_ATOMIC  /* beside it, synced, renamed over it, the folder synced: whatever */
			  /* happens, what is there is the old or the new, whole */
};
OURO_API ouro_op ouro_fs_save(ouro_loop *loop, const char *path, ouro_str data, mode_t mode,
			      enum ouro_save how, ouro_done_fn *fn, void *arg);
OURO_API ouro_op ouro_fs_save_take(ouro_loop *loop, const char *path, char *bytes, size_t len,
				   mode_t mode, enum ouro_save how, ouro_done_fn *fn, void *arg);

/* copy: one file, with its permissions, set-ID bits not among them; by reference where the file
 * system can. OVER writes into the file that is at `to`, or that a symlink there points at; NEW:
 * -EEXIST when anything is there. -EINVAL: both are one file. A file that it made and could not
 * finish is removed. */
enum ouro_copy { OURO_COPY_OVER, OURO_COPY_NEW };
OURO_API ouro_op ouro_fs_copy(ouro_loop *loop, const char *from, const char *to, enum ouro_copy how,
			      ouro_done_fn *fn, void *arg);

/* cp: whatever is at `from` becomes `to` (and is not put into it): folders with all that is in
 * them, files as by copy, symlinks as they are, FIFOs. OVER merges into folders that are there;
 * anything else in the way is removed and made anew, so nothing is written through a symlink, but a
 * folder in the way of a file is -EISDIR. Into itself, a device, a socket: -EINVAL. The first thing
 * that goes wrong ends it; what has been copied by then stays, the file at hand excepted. */
OURO_API ouro_op ouro_fs_cp(ouro_loop *loop, const char *from, const char *to, enum ouro_copy how,
			    ouro_done_fn *fn, void *arg);

/* rm: whatever is at path, folders with all that is in them, symlinks themselves and never what
 * they point at, even if somebody swaps a folder for one meanwhile. FORCE: nothing there is fine.
 * The first thing that cannot be removed ends it; what is mounted somewhere in it is -EBUSY and
 * stays. -EINVAL: a path that ends in "." or "..", or is "/". */
enum ouro_rm { OURO_RM, OURO_RM_FORCE };
OURO_API ouro_op ouro_fs_rm(ouro_loop *loop, const char *path, enum ouro_rm how, ouro_done_fn *fn,
			    void *arg);
OURO_END
#endif
