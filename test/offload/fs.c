/* fs.c -- the calls on files that are one system call each: what they do, and each of them when it
 * goes wrong, is refused, is cancelled, comes too late, or finds no memory. */
#include "offload/scratch.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* --- One call at a time: asked, run to its end, looked at --- */

static ouro_loop *loop;

/* What the last callback was told. */
static struct {
	int called, err, fd;
	size_t n;
	char text[PATH_MAX];
	struct stat stat;
	struct statfs statfs;
	char call[32], path[PATH_MAX * 2];
} got;

static void note(int err)
{
	ouro_op now = ouro_op_now(loop);

	CHECK(now.id != 0);
	got.called++;
	got.err = err;
	snprintf(got.call, sizeof(got.call), "%s", ouro_op_call(loop, now));
	snprintf(got.path, sizeof(got.path), "%s", ouro_op_path(loop, now));
}

static void on_done(int err, void *arg)
{
	CHECK(arg == &got);
	note(err);
}

static void on_fd(int err, int fd, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK(err < 0 ? fd == -1 : fd >= 0);
	got.fd = fd;
}

static void on_count(int err, size_t n, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK(err == 0 || (err < 0 && n == 0));
	got.n = n;
}

static void on_data(int err, ouro_str data, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK(err == 0 || (err < 0 && data.len == 0));
	if (err)
		return;
	CHECK_EQ(data.ptr[data.len], 0);
	snprintf(got.text, sizeof(got.text), "%s", data.ptr);
}

static void on_stat(int err, const struct stat *stat, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK((err < 0) == (stat == NULL));
	if (stat)
		got.stat = *stat;
}

static void on_statfs(int err, const struct statfs *statfs, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK((err < 0) == (statfs == NULL));
	if (statfs)
		got.statfs = *statfs;
}

/* Runs what was asked to its one callback. */
static int settle(const char *call, ouro_op op)
{
	CHECK(op.id != 0);
	CHECK_EQ(got.called, 0);
	CHECK_STR(ouro_op_call(loop, op), call);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.called, 1);
	CHECK_STR(got.call, call);
	CHECK_STR(ouro_op_call(loop, op), "");
	got.called = 0;
	return got.err;
}

#define RUN(name, fn, ...) settle(#name, ouro_fs_##name(loop, __VA_ARGS__, fn, &got))
#define DONE(name, ...)    RUN(name, on_done, __VA_ARGS__)
#define FD(name, ...)      RUN(name, on_fd, __VA_ARGS__)
#define COUNT(name, ...)   RUN(name, on_count, __VA_ARGS__)
#define DATA(name, ...)    RUN(name, on_data, __VA_ARGS__)
#define STAT(name, ...)    RUN(name, on_stat, __VA_ARGS__)

static void begin(void)
{
	scratch_enter();
	loop = ouro_loop_new(NULL);
	CHECK(loop != NULL);
}

static void end(void)
{
	ouro_loop_free(loop);
	scratch_leave();
}

static mode_t mode_of(const char *path)
{
	struct stat stat_;

	CHECK_EQ(lstat(path, &stat_), 0);
	return stat_.st_mode;
}

static bool is_there(const char *path)
{
	struct stat stat_;

	return lstat(path, &stat_) == 0;
}

/* --- What each does --- */

TEST(open_makes_a_file_that_no_child_inherits)
{
	begin();
	CHECK_EQ(FD(open, "new", O_RDWR | O_CREAT | O_EXCL, 0600), 0);
	CHECK_EQ(fcntl(got.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CHECK_EQ(mode_of("new"), S_IFREG | 0600);
	CHECK_STR(got.path, "new");
	CHECK_EQ(DONE(close, got.fd), 0);
	CHECK_STR(got.path, "");
	CHECK_EQ(FD(open, "new", O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
	CHECK_EQ(FD(open, ".", O_RDWR, 0), -EISDIR);
	CHECK_EQ(FD(open, "new", O_RDONLY | O_DIRECTORY, 0), -ENOTDIR);
	end();
}

TEST(bytes_go_into_a_file_and_come_out_again)
{
	char bytes[16] = "";
	int fd;

	begin();
	CHECK_EQ(FD(open, "f", O_RDWR | O_CREAT, 0644), 0);
	fd = got.fd;
	CHECK_EQ(COUNT(write, fd, "hello world", 11), 0);
	CHECK_EQ(got.n, 11);
	CHECK_EQ(COUNT(read, fd, bytes, sizeof(bytes)), 0);
	CHECK_EQ(got.n, 0); /* the position is at the end */
	CHECK_EQ(COUNT(pwrite, fd, "J", 1, 0), 0);
	CHECK_EQ(COUNT(pread, fd, bytes, 5, 0), 0);
	CHECK_EQ(got.n, 5);
	CHECK_STR(bytes, "Jello");
	CHECK_EQ(COUNT(pread, fd, bytes, sizeof(bytes), 6), 0);
	CHECK_EQ(got.n, 5);
	CHECK_EQ(COUNT(pread, fd, bytes, sizeof(bytes), 600), 0);
	CHECK_EQ(got.n, 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
	CHECK_EQ(DONE(fsync, fd), 0);
	CHECK_EQ(DONE(fdatasync, fd), 0);
	CHECK_EQ(DONE(close, fd), 0);
	CHECK_STR(text_of("f"), "Jello world");
	end();
}

TEST(bytes_come_from_many_places_and_go_to_many)
{
	char a[3] = "", b[8] = "";
	struct iovec out[] = { { word("ab"), 2 }, { word(""), 0 }, { word("cdef"), 4 } };
	struct iovec in[] = { { a, 2 }, { b, 7 } };

	begin();
	CHECK_EQ(FD(open, "f", O_RDWR | O_CREAT, 0644), 0);
	CHECK_EQ(COUNT(writev, got.fd, out, 3), 0);
	CHECK_EQ(got.n, 6);
	CHECK_EQ(lseek(got.fd, 0, SEEK_SET), 0);
	CHECK_EQ(COUNT(readv, got.fd, in, 2), 0);
	CHECK_EQ(got.n, 6);
	CHECK_STR(a, "ab");
	CHECK_STR(b, "cdef");
	CHECK_EQ(COUNT(readv, got.fd, in, -1), -EINVAL);
	CHECK_EQ(COUNT(writev, got.fd, out, IOV_MAX + 1), -EINVAL);
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(stat_looks_through_a_symlink_and_lstat_at_it)
{
	begin();
	make_file("f", "four");
	CHECK_EQ(symlink("f", "s"), 0);
	CHECK_EQ(STAT(stat, "s"), 0);
	CHECK(S_ISREG(got.stat.st_mode));
	CHECK_EQ(got.stat.st_size, 4);
	CHECK_EQ(STAT(lstat, "s"), 0);
	CHECK(S_ISLNK(got.stat.st_mode));
	CHECK_EQ(FD(open, ".", O_RDONLY | O_DIRECTORY, 0), 0);
	CHECK_EQ(STAT(fstat, got.fd), 0);
	CHECK(S_ISDIR(got.stat.st_mode));
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(statfs_tells_of_the_file_system)
{
	struct statfs here;

	begin();
	CHECK_EQ(statfs(".", &here), 0);
	CHECK_EQ(RUN(statfs, on_statfs, "."), 0);
	CHECK_EQ(got.statfs.f_type, here.f_type);
	CHECK_EQ(got.statfs.f_blocks, here.f_blocks);
	end();
}

/* Root too may not run what nobody may run. */
TEST(access_says_what_may_be_done)
{
	begin();
	make_file("f", "");
	CHECK_EQ(DONE(access, "f", F_OK), 0);
	CHECK_EQ(DONE(access, "f", R_OK), 0);
	CHECK_EQ(DONE(access, "f", X_OK), -EACCES);
	CHECK_EQ(DONE(access, "g", F_OK), -ENOENT);
	CHECK_EQ(DONE(access, "f", 64), -EINVAL);
	end();
}

TEST(a_folder_is_made_and_removed)
{
	begin();
	CHECK_EQ(DONE(mkdir, "d", 0700), 0);
	CHECK_EQ(mode_of("d"), S_IFDIR | 0700);
	CHECK_EQ(DONE(mkdir, "d", 0700), -EEXIST);
	make_file("d/f", "");
	CHECK_EQ(DONE(rmdir, "d"), -ENOTEMPTY);
	CHECK_EQ(DONE(rmdir, "d/f"), -ENOTDIR);
	CHECK_EQ(DONE(unlink, "d/f"), 0);
	CHECK_EQ(DONE(unlink, "d"), -EISDIR);
	CHECK_EQ(DONE(rmdir, "d"), 0);
	CHECK_EQ(DONE(rmdir, "d"), -ENOENT);
	end();
}

TEST(mkdirs_makes_what_is_missing_and_minds_nothing_that_is_there)
{
	char absolute[PATH_MAX + 8];

	begin();
	CHECK_EQ(DONE(mkdirs, "a/b/c", 0750), 0);
	CHECK_EQ(mode_of("a"), S_IFDIR | 0750);
	CHECK_EQ(mode_of("a/b/c"), S_IFDIR | 0750);
	CHECK_EQ(DONE(mkdirs, "a/b/c", 0700), 0);
	CHECK_EQ(mode_of("a/b/c"), S_IFDIR | 0750);
	CHECK_EQ(DONE(mkdirs, "a//b///d//e/", 0755), 0);
	CHECK(is_there("a/b/d/e"));
	CHECK_EQ(DONE(mkdirs, "x/../y", 0755), 0);
	CHECK(is_there("x") && is_there("y"));
	snprintf(absolute, sizeof(absolute), "//%s/p/q", scratch);
	CHECK_EQ(DONE(mkdirs, absolute, 0755), 0);
	CHECK_STR(got.path, absolute);
	CHECK(is_there("p/q"));
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(DONE(mkdirs, ((const char *[]){ "/", ".", ".." })[i], 0755), 0);
	end();
}

TEST(mkdirs_stops_at_what_is_no_folder)
{
	begin();
	make_file("f", "");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(symlink("d", "to_d"), 0);
	CHECK_EQ(symlink("nowhere", "to_nowhere"), 0);
	CHECK_EQ(DONE(mkdirs, "f", 0755), -EEXIST);
	CHECK_EQ(DONE(mkdirs, "f/x/y", 0755), -ENOTDIR);
	CHECK_EQ(DONE(mkdirs, "to_d/x/y", 0755), 0);
	CHECK(is_there("d/x/y"));
	CHECK_EQ(DONE(mkdirs, "to_d", 0755), 0);
	CHECK_EQ(DONE(mkdirs, "to_nowhere", 0755), -EEXIST);
	CHECK_EQ(DONE(mkdirs, "to_nowhere/x", 0755), -EEXIST);
	CHECK_EQ(DONE(mkdirs, "/proc/x/y", 0755), -ENOENT);
	CHECK_EQ(DONE(mkdirs, "/proc/self", 0755), 0);
	end();
}

TEST(mkdtemp_finds_a_name_that_is_free)
{
	char first[11];

	begin();
	CHECK_EQ(DATA(mkdtemp, "tmp-"), 0);
	CHECK_EQ(strlen(got.text), 10);
	memcpy(first, got.text, sizeof(first));
	CHECK(!strncmp(first, "tmp-", 4));
	CHECK_EQ(mode_of(first), S_IFDIR | 0700);
	CHECK_STR(got.path, "tmp-");
	CHECK_EQ(DATA(mkdtemp, "tmp-"), 0);
	CHECK(strcmp(first, got.text) != 0);
	CHECK_EQ(DATA(mkdtemp, ""), 0);
	CHECK_EQ(strlen(got.text), 6);
	end();
}

TEST(names_are_given_changed_and_taken)
{
	begin();
	make_file("f", "text");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(DONE(link, "f", "g"), 0);
	CHECK_EQ(DONE(link, "f", "g"), -EEXIST);
	CHECK_EQ(DONE(rename, "f", "d/h"), 0);
	CHECK_STR(got.path, "f");
	CHECK_EQ(DONE(rename, "d", "d/d"), -EINVAL);
	CHECK_EQ(DONE(rename, "g", "d"), -EISDIR);
	CHECK_EQ(DONE(unlink, "g"), 0);
	CHECK(!is_there("f") && !is_there("g"));
	CHECK_STR(text_of("d/h"), "text");
	end();
}

TEST(a_symlink_says_where_it_points_and_where_that_is)
{
	char all[PATH_MAX], here[PATH_MAX], whole[PATH_MAX * 2];

	begin();
	CHECK(realpath(".", here) != NULL);
	make_file("f", "");
	CHECK_EQ(DONE(symlink, "./f", "s"), 0);
	CHECK_EQ(DONE(symlink, "./f", "s"), -EEXIST);
	CHECK_EQ(DATA(readlink, "s"), 0);
	CHECK_STR(got.text, "./f");
	CHECK_EQ(DATA(realpath, "s"), 0);
	snprintf(whole, sizeof(whole), "%s/f", here);
	CHECK_STR(got.text, whole);
	CHECK_EQ(DATA(readlink, "f"), -EINVAL);
	memset(all, 't', sizeof(all) - 1);
	all[sizeof(all) - 1] = '\0';
	if (DONE(symlink, all, "long") == 0) { /* some file systems keep less */
		CHECK_EQ(DATA(readlink, "long"), 0);
		CHECK_STR(got.text, all);
	}
	end();
}

TEST(modes_change)
{
	begin();
	make_file("f", "");
	CHECK_EQ(DONE(chmod, "f", 0600), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0600);
	CHECK_EQ(FD(open, "f", O_RDONLY, 0), 0);
	CHECK_EQ(DONE(fchmod, got.fd, 0640), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0640);
	CHECK_EQ(close(got.fd), 0);
	end();
}

static uid_t owner_of(const char *path)
{
	struct stat stat_;

	CHECK_EQ(lstat(path, &stat_), 0);
	return stat_.st_uid;
}

/* To oneself, which is always allowed; and as root to another. */
TEST(owners_change)
{
	uid_t other = geteuid() ? (uid_t)-1 : 4711;

	begin();
	make_file("f", "");
	CHECK_EQ(symlink("f", "s"), 0);
	CHECK_EQ(FD(open, "f", O_RDONLY, 0), 0);
	CHECK_EQ(DONE(chown, "s", geteuid(), getegid()), 0);
	CHECK_EQ(DONE(lchown, "s", geteuid(), (gid_t)-1), 0);
	CHECK_EQ(DONE(fchown, got.fd, (uid_t)-1, getegid()), 0);
	if (other == 4711 && DONE(lchown, "s", other, (gid_t)-1) == 0) {
		CHECK_EQ(owner_of("s"), other);
		CHECK_EQ(owner_of("f"), 0);
		CHECK_EQ(DONE(chown, "s", other + 1, (gid_t)-1), 0);
		CHECK_EQ(owner_of("f"), other + 1);
		CHECK_EQ(DONE(fchown, got.fd, other + 2, (gid_t)-1), 0);
		CHECK_EQ(owner_of("f"), other + 2);
		CHECK_EQ(owner_of("s"), other);
	}
	CHECK_EQ(close(got.fd), 0);
	end();
}

static void check_times(const char *path, time_t atime, time_t mtime)
{
	struct stat stat_;

	CHECK_EQ(lstat(path, &stat_), 0);
	CHECK_EQ(stat_.st_atim.tv_sec, atime);
	CHECK_EQ(stat_.st_mtim.tv_sec, mtime);
}

/* The times are copied: they may be gone when the call is made. */
static int set_times(ouro_op (*call)(ouro_loop *, const char *, const struct timespec[2],
				     ouro_done_fn *, void *),
		     const char *name, time_t atime, time_t mtime)
{
	struct timespec times[2] = { { .tv_sec = atime }, { .tv_sec = mtime } };
	ouro_op op = call(loop, "s", times, on_done, &got);

	memset(times, 0xff, sizeof(times));
	return settle(name, op);
}

TEST(times_change)
{
	struct timespec now_and_omit[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct timespec nonsense[2] = { { .tv_nsec = 2000000000 }, { .tv_nsec = 0 } };
	struct timespec early[2] = { { .tv_sec = 50 }, { .tv_sec = 60 } };

	begin();
	make_file("f", "");
	CHECK_EQ(symlink("f", "s"), 0);
	CHECK_EQ(set_times(ouro_fs_utimes, "utimes", 10, 20), 0);
	CHECK_EQ(set_times(ouro_fs_lutimes, "lutimes", 30, 40), 0);
	check_times("f", 10, 20);
	check_times("s", 30, 40);
	CHECK_EQ(FD(open, "f", O_RDWR, 0), 0);
	CHECK_EQ(DONE(futimes, got.fd, early), 0);
	check_times("f", 50, 60);
	CHECK_EQ(DONE(futimes, got.fd, nonsense), -EINVAL);
	CHECK_EQ(DONE(utimes, "f", nonsense), -EINVAL);
	CHECK_EQ(DONE(utimes, "f", now_and_omit), 0);
	CHECK_EQ(STAT(stat, "f"), 0);
	CHECK(got.stat.st_atim.tv_sec > 60);
	CHECK_EQ(got.stat.st_mtim.tv_sec, 60);
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(a_file_is_cut_and_stretched)
{
	begin();
	make_file("f", "0123456789");
	CHECK_EQ(DONE(truncate, "f", 4), 0);
	CHECK_STR(text_of("f"), "0123");
	CHECK_EQ(FD(open, "f", O_RDWR, 0), 0);
	CHECK_EQ(DONE(ftruncate, got.fd, 2), 0);
	CHECK_STR(text_of("f"), "01");
	CHECK_EQ(DONE(ftruncate, got.fd, 5000000000), 0);
	CHECK_EQ(STAT(stat, "f"), 0);
	CHECK_EQ(got.stat.st_size, 5000000000);
	CHECK_EQ(DONE(ftruncate, got.fd, -1), -EINVAL);
	CHECK_EQ(DONE(truncate, "f", -1), -EINVAL);
	CHECK_EQ(DONE(truncate, ".", 0), -EISDIR);
	CHECK_EQ(close(got.fd), 0);
	end();
}

/* --- Names of every kind --- */

static const char *const odd_names[] = {
	"a\nb", "\n",       " ",    "\t",           "-rf", "*",
	"%s%n", "\xff\xfe", "\xc3", "\xed\xa0\x80", "\\",  "\"'",
};

static void check_name(const char *name)
{
	CHECK_EQ(FD(open, name, O_WRONLY | O_CREAT | O_EXCL, 0644), 0);
	CHECK_EQ(close(got.fd), 0);
	CHECK(is_there(name));
	CHECK_STR(got.path, name);
	CHECK_EQ(DONE(symlink, name, "link"), 0);
	CHECK_EQ(DATA(readlink, "link"), 0);
	CHECK_STR(got.text, name);
	CHECK_EQ(DONE(rename, name, "other"), 0);
	CHECK_EQ(DONE(rename, "other", name), 0);
	CHECK_EQ(DONE(unlink, name), 0);
	CHECK_EQ(DONE(unlink, "link"), 0);
}

TEST(a_name_is_any_bytes_but_a_slash_and_a_zero)
{
	char name[257];

	begin();
	for (size_t i = 0; i < sizeof(odd_names) / sizeof(*odd_names); i++)
		check_name(odd_names[i]);
	memset(name, 'n', 255);
	name[255] = '\0';
	check_name(name);
	name[255] = 'n';
	name[256] = '\0';
	CHECK_EQ(STAT(stat, name), -ENAMETOOLONG);
	end();
}

/* Short ones are kept in the operation, longer ones are not: nobody shall see the difference. */
TEST(a_path_of_any_length_arrives)
{
	static char path[PATH_MAX];

	begin();
	make_file("f", "");
	for (size_t length = 3; length < PATH_MAX; length += length < 420 ? 1 : 97) {
		CHECK_EQ(STAT(stat, long_way(path, length, "f")), 0);
		CHECK_STR(got.path, path);
	}
	CHECK_EQ(STAT(stat, long_way(path, PATH_MAX - 1, "f")), 0);
	CHECK_EQ(strlen(got.path), PATH_MAX - 1);
	end();
}

TEST(two_paths_of_any_length_arrive)
{
	static char from[PATH_MAX], to[PATH_MAX];
	static const size_t lengths[] = { 3, 80, 89, 90, 91, 100, 180, 1000, PATH_MAX - 1 };

	begin();
	make_file("f", "");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (size_t length = 3; length < 210; length++) {
			long_way(from, lengths[i], "f");
			long_way(to, length, "g");
			CHECK_EQ(DONE(rename, from, to), 0);
			CHECK_STR(got.path, from);
			CHECK_EQ(DONE(rename, to, from), 0);
			CHECK_STR(got.path, to);
		}
	CHECK(is_there("f"));
	end();
}

/* --- All of them: a line a call, made of a path or of a descriptor --- */

static char byte;
static struct iovec one = { &byte, 1 };
static const struct timespec some_times[2];

#define PATH_CALLS(X)                                                \
	X(open, open, path, on_fd, path, O_RDONLY, 0)                \
	X(stat, stat, path, on_stat, path)                           \
	X(lstat, lstat, path, on_stat, path)                         \
	X(statfs, statfs, path, on_statfs, path)                     \
	X(access, access, path, on_done, path, F_OK)                 \
	X(mkdir, mkdir, path, on_done, path, 0755)                   \
	X(mkdirs, mkdirs, path, on_done, path, 0755)                 \
	X(mkdtemp, mkdtemp, path, on_data, path)                     \
	X(rmdir, rmdir, path, on_done, path)                         \
	X(unlink, unlink, path, on_done, path)                       \
	X(rename, rename, path, on_done, path, "t")                  \
	X(rename_to, rename, "file", on_done, "file", path)          \
	X(link, link, path, on_done, path, "t")                      \
	X(link_to, link, "file", on_done, "file", path)              \
	X(symlink_to, symlink, "t", on_done, "t", path)              \
	X(readlink, readlink, path, on_data, path)                   \
	X(realpath, realpath, path, on_data, path)                   \
	X(chmod, chmod, path, on_done, path, 0644)                   \
	X(chown, chown, path, on_done, path, geteuid(), getegid())   \
	X(lchown, lchown, path, on_done, path, geteuid(), getegid()) \
	X(utimes, utimes, path, on_done, path, some_times)           \
	X(lutimes, lutimes, path, on_done, path, some_times)         \
	X(truncate, truncate, path, on_done, path, 0)

#define FD_CALLS(X)                                      \
	X(close, close, "", on_done, -1)                 \
	X(read, read, "", on_count, -1, &byte, 1)        \
	X(write, write, "", on_count, -1, &byte, 1)      \
	X(pread, pread, "", on_count, -1, &byte, 1, 0)   \
	X(pwrite, pwrite, "", on_count, -1, &byte, 1, 0) \
	X(readv, readv, "", on_count, -1, &one, 1)       \
	X(writev, writev, "", on_count, -1, &one, 1)     \
	X(fstat, fstat, "", on_stat, -1)                 \
	X(fchmod, fchmod, "", on_done, -1, 0644)         \
	X(fchown, fchown, "", on_done, -1, 0, 0)         \
	X(futimes, futimes, "", on_done, -1, some_times) \
	X(ftruncate, ftruncate, "", on_done, -1, 0)      \
	X(fsync, fsync, "", on_done, -1)                 \
	X(fdatasync, fdatasync, "", on_done, -1)

#define MAKE_ASKER(label, name, about, fn, ...)                              \
	static ouro_op ask_##label(const char *path, const char **ret_about) \
	{                                                                    \
		(void)path;                                                  \
		*ret_about = (about);                                        \
		return ouro_fs_##name(loop, __VA_ARGS__, fn, &got);          \
	}
PATH_CALLS(MAKE_ASKER)
FD_CALLS(MAKE_ASKER)

struct call {
	const char *label, *name;
	ouro_op (*ask)(const char *path, const char **ret_about); /* about: what a message names */
};

#define MAKE_CALL(label, name, ...) { #label, #name, ask_##label },
static const struct call path_calls[] = { PATH_CALLS(MAKE_CALL) };
static const struct call fd_calls[] = { FD_CALLS(MAKE_CALL) };
static const struct call all_calls[] = { PATH_CALLS(MAKE_CALL) FD_CALLS(MAKE_CALL) };

#define each(call, table)                                                                          \
	for (const struct call *call = (table); call < (table) + sizeof(table) / sizeof(*(table)); \
	     call++)

/* Asks, with a path that is overwritten as soon as it has been asked. */
static ouro_op ask(const struct call *call, const char *path)
{
	static char passing[PATH_MAX * 2];
	const char *about;
	ouro_op op;

	strcpy(passing, path);
	op = call->ask(passing, &about);
	if (!op.id)
		return op;
	CHECK_STR(ouro_op_path(loop, op), about);
	memset(passing, '?', strlen(path));
	return op;
}

static int settle_call(const struct call *call, ouro_op op)
{
	int err = settle(call->name, op);

	if (err != 0)
		return err;
	fprintf(stderr, "# %s did not fail\n", call->label);
	return 0;
}

TEST(every_call_on_a_descriptor_that_is_none_says_so)
{
	begin();
	each(call, fd_calls) CHECK_EQ(settle_call(call, ask(call, "")), -EBADF);
	end();
}

/* Three that may do with such a path: mkdirs makes what is missing, mkdtemp adds to the empty one,
 * realpath(3) takes a long one step by step. */
static bool can_do_with(const struct call *call, const char *path)
{
	return (!strcmp(call->name, "mkdirs") && strstr(path, "missing")) ||
	       (!strcmp(call->name, "mkdtemp") && !*path) ||
	       (!strcmp(call->name, "realpath") && strlen(path) >= PATH_MAX);
}

static void check_path(const char *path, int err)
{
	each(call, path_calls) if (!can_do_with(call, path))
		CHECK_EQ(settle_call(call, ask(call, path)), err);
}

TEST(every_call_says_what_is_wrong_with_its_path)
{
	static char path[PATH_MAX * 2];

	begin();
	make_file("file", "");
	CHECK_EQ(symlink("loop", "loop"), 0);
	check_path("", -ENOENT);
	check_path("missing/x", -ENOENT);
	check_path("file/x", -ENOTDIR);
	check_path("loop/x", -ELOOP);
	check_path(long_way(path, PATH_MAX - 7, "file/x"), -ENOTDIR); /* mkdtemp adds six */
	check_path(long_way(path, PATH_MAX, "file/x"), -ENAMETOOLONG);
	check_path(long_way(path, PATH_MAX + 2000, "file/x"), -ENAMETOOLONG);
	end();
}

/* The thread is kept busy until the paths have been overwritten. */
TEST(a_path_is_copied_before_the_call_returns)
{
	static char path[PATH_MAX];

	scratch_enter();
	make_file("file", "");
	for (size_t length = 6; length < 400; length += 190)
		each(call, path_calls)
		{
			loop = plugged_loop(0);
			long_way(path, length, "file/x");
			ouro_op op = ask(call, path);
			plug_pull();
			CHECK_EQ(settle_call(call, op), -ENOTDIR);
			ouro_loop_free(loop);
			tube_close(plug);
		}
	scratch_leave();
}

TEST(every_call_can_be_cancelled_while_it_waits)
{
	scratch_enter();
	loop = plugged_loop(0);
	each(call, all_calls)
	{
		ouro_op op = ask(call, "made");

		CHECK(ouro_op_cancel(loop, op));
		CHECK(!ouro_op_cancel(loop, op) || got.called == 0);
		while (!got.called)
			ouro_loop_turn(loop);
		CHECK_EQ(got.called, 1);
		CHECK_EQ(got.err, OURO_ECANCELED);
		CHECK_STR(got.call, call->name);
		got.called = 0;
	}
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!is_there("made"));
	ouro_loop_free(loop);
	tube_close(plug);
	scratch_leave();
}

TEST(every_call_can_be_too_late_before_it_began)
{
	scratch_enter();
	loop = plugged_loop(0);
	each(call, all_calls)
	{
		CHECK(ouro_op_timeout(loop, ask(call, "made"), 1));
		while (!got.called)
			ouro_loop_turn(loop);
		CHECK_EQ(got.err, OURO_ETIMEOUT);
		CHECK_STR(got.call, call->name);
		got.called = 0;
	}
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!is_there("made"));
	ouro_loop_free(loop);
	tube_close(plug);
	scratch_leave();
}

TEST(every_call_is_refused_by_its_callback_when_too_many_wait)
{
	scratch_enter();
	loop = plugged_loop(1);
	CHECK(ask(path_calls, "missing").id != 0);
	each(call, all_calls)
	{
		CHECK(ask(call, "made").id != 0);
		CHECK_EQ(got.called, 0);
		while (!got.called)
			ouro_loop_turn(loop);
		CHECK_EQ(got.err, OURO_EBUSY);
		CHECK_STR(got.call, call->name);
		got.called = 0;
	}
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.called, 1);
	CHECK_EQ(got.err, -ENOENT);
	CHECK(!is_there("made"));
	ouro_loop_free(loop);
	tube_close(plug);
	scratch_leave();
}

/* Some may have run by then: the plug is out. Each is answered once, whatever its answer. */
TEST(every_call_is_answered_when_its_loop_is_freed)
{
	int asked = 0;

	scratch_enter();
	loop = plugged_loop(0);
	each(call, all_calls)
	{
		CHECK(ask(call, "missing/x").id != 0);
		asked++;
	}
	plug_pull();
	ouro_loop_free(loop);
	CHECK_EQ(got.called, asked);
	tube_close(plug);
	scratch_leave();
}

/* --- Memory --- */

static const struct call *subject;
static const char *its_path;

/* A refusal is {0} with errno ENOMEM and no callback, or a callback with -ENOMEM. */
static int attempt(void)
{
	int err = 0;

	got.called = 0;
	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	errno = 0;
	if (ask(subject, its_path).id) {
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_EQ(got.called, 1);
		err = got.err == -ENOMEM ? -ENOMEM : 0;
		if (got.err == 0 && got.fd > 0)
			close(got.fd);
	} else {
		err = -errno;
		CHECK_EQ(got.called, 0);
	}
	got.fd = 0;
	ouro_loop_free(loop);
	return err;
}

/* How often memory can fail: twice more for a path that is long. */
static size_t failures(const struct call *call, const char *path)
{
	subject = call;
	its_path = path;
	return for_each_failing_allocation(attempt);
}

TEST(every_call_copes_without_memory)
{
	static char path[PATH_MAX];

	scratch_enter();
	make_file("file", "");
	each(call, fd_calls) CHECK(failures(call, "") > 1);
	each(call, path_calls)
	{
		size_t with_short = failures(call, "file/x");

		CHECK_EQ(failures(call, long_way(path, 1000, "file/x")), with_short + 1);
	}
	scratch_leave();
}

static const struct call *call_named(const char *label)
{
	each(call, path_calls) if (!strcmp(call->label, label)) return call;
	return NULL;
}

TEST(a_call_that_makes_something_copes_without_memory)
{
	scratch_enter();
	make_file("file", "");
	CHECK_EQ(symlink("file", "link"), 0);
	failures(call_named("open"), "file");
	failures(call_named("readlink"), "link");
	failures(call_named("realpath"), "link");
	failures(call_named("mkdtemp"), "t");
	failures(call_named("mkdirs"), "a/b/c");
	CHECK(is_there("a/b/c"));
	scratch_leave();
}

TEST(an_operation_after_the_first_few_takes_no_memory)
{
	size_t before;

	begin();
	CHECK_EQ(STAT(stat, "."), 0);
	before = allocations();
	for (int i = 0; i < 100; i++)
		CHECK_EQ(STAT(stat, "."), 0);
	CHECK_EQ(allocations(), before);
	end();
}

/* --- Limits of the machine --- */

TEST(no_descriptor_left_is_an_error_like_any_other)
{
	struct rlimit limit;
	int next;

	begin();
	make_file("f", "");
	CHECK_EQ(STAT(stat, "f"), 0); /* the pool has what it needs */
	next = dup(0);
	CHECK(next >= 0);
	CHECK_EQ(close(next), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)next;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(FD(open, "f", O_RDONLY, 0), -EMFILE);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(FD(open, "f", O_RDONLY, 0), 0);
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(a_full_disk_is_told)
{
	begin();
	CHECK_EQ(FD(open, "/dev/full", O_WRONLY, 0), 0);
	CHECK_EQ(COUNT(write, got.fd, "x", 1), -ENOSPC);
	CHECK_STR(got.path, "");
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(what_cannot_be_read_is_told)
{
	char bytes[8];

	begin();
	CHECK_EQ(FD(open, "/proc/self/mem", O_RDONLY, 0), 0);
	CHECK_EQ(COUNT(pread, got.fd, bytes, sizeof(bytes), 0), -EIO);
	CHECK_EQ(COUNT(pread, got.fd, bytes, sizeof(bytes), -1), -EINVAL);
	CHECK_EQ(close(got.fd), 0);
	CHECK_EQ(FD(open, ".", O_RDONLY, 0), 0);
	CHECK_EQ(COUNT(read, got.fd, bytes, sizeof(bytes)), -EISDIR);
	CHECK_EQ(COUNT(write, got.fd, bytes, sizeof(bytes)), -EBADF);
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(what_cannot_be_sought_or_synced_is_told)
{
	char bytes[8];

	begin();
	CHECK_EQ(mkfifo("pipe", 0600), 0);
	CHECK_EQ(FD(open, "pipe", O_RDWR, 0), 0);
	CHECK_EQ(COUNT(pread, got.fd, bytes, sizeof(bytes), 0), -ESPIPE);
	CHECK_EQ(DONE(fsync, got.fd), -EINVAL);
	CHECK_EQ(DONE(ftruncate, got.fd, 0), -EINVAL);
	CHECK_EQ(close(got.fd), 0);
	end();
}

/* In a mount namespace of this test's own, so that nobody else sees it. */
static void mount_small(void)
{
	CHECK_EQ(mkdir("small", 0755), 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("ouro-test", "small", "tmpfs", 0, "size=64k")) {
		scratch_leave();
		SKIP("may not mount here");
	}
}

TEST(a_disk_that_fills_up_takes_a_part_and_then_nothing)
{
	static char bytes[100000];

	scratch_enter();
	mount_small();
	loop = ouro_loop_new(NULL);
	CHECK(loop != NULL);
	CHECK_EQ(FD(open, "small/f", O_RDWR | O_CREAT, 0644), 0);
	CHECK_EQ(COUNT(write, got.fd, bytes, sizeof(bytes)), 0);
	CHECK(got.n > 0 && got.n < sizeof(bytes));
	CHECK_EQ(COUNT(write, got.fd, bytes, sizeof(bytes)), -ENOSPC);
	CHECK_EQ(close(got.fd), 0);
	CHECK_EQ(DONE(rename, "small/f", "f"), -EXDEV);
	CHECK_EQ(mount(NULL, "small", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	CHECK_EQ(DONE(unlink, "small/f"), -EROFS);
	CHECK_EQ(DONE(mkdirs, "small/a/b", 0755), -EROFS);
	CHECK_EQ(DONE(mkdirs, "small", 0755), 0);
	CHECK_EQ(DONE(rmdir, "small"), -EBUSY);
	CHECK_EQ(umount("small"), 0);
	end();
}

/* --- In time and too late --- */

static void say_word(int err, void *arg)
{
	say("%s%s", (const char *)arg, err ? "!" : "");
}

TEST(one_thread_answers_in_the_order_of_asking)
{
	scratch_enter();
	loop = plugged_loop(0);
	ouro_fs_mkdir(loop, "d", 0755, say_word, word("mkdir"));
	ouro_fs_mkdir(loop, "d/e", 0755, say_word, word("below"));
	ouro_fs_rmdir(loop, "d", say_word, word("full"));
	ouro_fs_close(loop, -1, say_word, word("close"));
	ouro_fs_rmdir(loop, "d/e", say_word, word("rmdir"));
	ouro_fs_rmdir(loop, "d", say_word, word("empty"));
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "mkdir below full! close! rmdir empty");
	ouro_loop_free(loop);
	tube_close(plug);
	scratch_leave();
}

static void remove_next(int err, void *arg)
{
	char *name = arg;

	CHECK_EQ(err, 0);
	if (++*name <= 'z')
		ouro_fs_rmdir(loop, name, remove_next, name);
}

TEST(what_must_come_second_is_asked_for_in_the_callback_of_the_first)
{
	char name[2] = "a", path[2] = "a";

	begin();
	for (; *path <= 'z'; ++*path)
		CHECK_EQ(mkdir(path, 0755), 0);
	ouro_fs_rmdir(loop, name, remove_next, name);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(*name, 'z' + 1);
	end();
}

/* To open a FIFO is to wait for its other end: a call that hangs as long as the test wants. */
static ouro_op open_that_hangs(void)
{
	ouro_op op;

	CHECK_EQ(mkfifo("pipe", 0600), 0);
	op = ouro_fs_open(loop, "pipe", O_RDONLY, 0, on_fd, &got);
	wait_for_running(loop);
	return op;
}

/* Lets it go on. */
static int open_other_end(void)
{
	int fd = open("pipe", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

/* For as long as anybody has the reading end. */
static void wait_until_closed(int other_end)
{
	struct pollfd pollfd = { .fd = other_end };

	CHECK_EQ(poll(&pollfd, 1, -1), 1);
	CHECK_EQ(pollfd.revents, POLLERR);
	CHECK_EQ(close(other_end), 0);
}

TEST(a_descriptor_that_comes_too_late_is_closed)
{
	begin();
	CHECK(ouro_op_timeout(loop, open_that_hangs(), 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.called, 1);
	CHECK_EQ(got.err, OURO_ETIMEOUT);
	CHECK_EQ(got.fd, -1);
	CHECK_STR(got.call, "open");
	CHECK_STR(got.path, "pipe");
	int other_end = open_other_end();
	wait_for_stuck(loop);
	wait_until_closed(other_end);
	CHECK_EQ(got.called, 1);
	end();
}

TEST(a_descriptor_that_comes_after_the_loop_has_gone_is_closed)
{
	begin();
	CHECK(ouro_op_timeout(loop, open_that_hangs(), 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.err, OURO_ETIMEOUT);
	ouro_loop_free(loop);
	wait_until_closed(open_other_end());
	while (test_memory.held) /* the thread takes the pool with it */
		usleep(500);
	scratch_leave();
}

TEST(files_go_on_while_one_hangs_beyond_its_time)
{
	scratch_enter();
	loop = single_thread_loop(0);
	CHECK(ouro_op_timeout(loop, open_that_hangs(), 1));
	CHECK_EQ(ouro_loop_run(loop), 0);
	got.called = 0;
	CHECK_EQ(STAT(stat, "pipe"), 0);
	int other_end = open_other_end();
	wait_for_stuck(loop);
	wait_until_closed(other_end);
	end();
}

TEST(what_runs_cannot_be_cancelled_and_is_answered)
{
	ouro_op op;
	int other_end;

	begin();
	op = open_that_hangs();
	CHECK(!ouro_op_cancel(loop, op));
	other_end = open_other_end();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.called, 1);
	CHECK_EQ(got.err, 0);
	CHECK_EQ(close(got.fd), 0);
	CHECK_EQ(close(other_end), 0);
	end();
}

/* --- Calls that a signal interrupts --- */

static atomic_int interruptions, interrupted_calls;

static bool interrupted(void)
{
	interrupted_calls++;
	if (!interruptions)
		return false;
	interruptions--;
	errno = EINTR;
	return true;
}

/* In place of libc's: the program's own symbols come first. */
int fdatasync(int fd)
{
	return interrupted() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int mkdir(const char *path, mode_t mode)
{
	return interrupted() ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* This one has done its work all the same. */
int close(int fd)
{
	int err = (int)syscall(SYS_close, fd);

	return interrupted() ? -1 : err;
}

TEST(an_interrupted_call_is_made_again)
{
	begin();
	CHECK_EQ(FD(open, "f", O_RDWR | O_CREAT, 0644), 0);
	interruptions = 3;
	interrupted_calls = 0;
	CHECK_EQ(DONE(fdatasync, got.fd), 0);
	CHECK_EQ(interrupted_calls, 4);
	interruptions = 2;
	CHECK_EQ(DONE(mkdirs, "a/b", 0755), 0);
	CHECK_EQ(interruptions, 0);
	CHECK(is_there("a/b"));
	CHECK_EQ(close(got.fd), 0);
	end();
}

TEST(an_interrupted_close_is_not_made_again)
{
	begin();
	CHECK_EQ(FD(open, ".", O_RDONLY, 0), 0);
	interruptions = 1;
	interrupted_calls = 0;
	CHECK_EQ(DONE(close, got.fd), 0);
	CHECK_EQ(interrupted_calls, 1);
	CHECK_EQ(fcntl(got.fd, F_GETFD), -1);
	end();
}

/* --- Two loops --- */

struct side {
	ouro_loop *mine, *others;
	int called;
};

static void on_one_side(int err, void *arg)
{
	struct side *side = arg;

	CHECK_EQ(err, -ENOENT);
	CHECK(ouro_op_now(side->mine).id != 0);
	CHECK_EQ(ouro_op_now(side->others).id, 0);
	side->called++;
}

TEST(two_loops_never_meet)
{
	struct side a = { .mine = ouro_loop_new(NULL), .others = ouro_loop_new(NULL) };
	struct side b = { .mine = a.others, .others = a.mine };

	for (int i = 0; i < 100; i++) {
		CHECK(ouro_fs_unlink(a.mine, "/nowhere/a", on_one_side, &a).id != 0);
		CHECK(ouro_fs_unlink(b.mine, "/nowhere/b", on_one_side, &b).id != 0);
	}
	CHECK_EQ(ouro_loop_run(a.mine), 0);
	CHECK_EQ(a.called, 100);
	CHECK_EQ(b.called, 0);
	CHECK_EQ(ouro_loop_run(b.mine), 0);
	CHECK_EQ(b.called, 100);
	ouro_loop_free(a.mine);
	ouro_loop_free(b.mine);
}
