/* static_open.c -- opens what is below a folder, and nothing that is not. On the pool.
 *
 * The kernel keeps to the folder: openat2(2) with RESOLVE_BENEATH refuses any step out of it, by a
 * `..` or by a symlink, and while somebody is moving things about, which no check beforehand can
 * do. A kernel that has no openat2(), or a container that hides it, is walked name by name, and
 * then no symlink is followed at all.
 *
 * An open is not harmless: of a FIFO it lets a writer go on, of a device it may do anything. So
 * what is there is looked at first, through a descriptor that cannot do more (O_PATH), and once
 * more when it is open, for it may have been changed in between; and O_NONBLOCK keeps a thread from
 * hanging then. */
#include "app/static.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RETRIES 8 /* somebody was renaming folders just then */

#define LOOK (O_PATH | O_CLOEXEC)
#define READ (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int ouro__static_open_root(const char *root)
{
	int fd = TEMP_FAILURE_RETRY(open(root, O_PATH | O_DIRECTORY | O_CLOEXEC));

	return fd < 0 ? -errno : fd;
}

/* -ENOSYS: there is no such call here. */
static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = -1;

	errno = EAGAIN;
	for (int i = 0; fd < 0 && i < RETRIES && (errno == EAGAIN || errno == EINTR); i++)
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	return errno == EPERM ? -ENOSYS : -errno;
}

/* The next name of the path, without the slash behind it. */
static int copy_name(char name[NAME_MAX + 2], const char *path, size_t len)
{
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path, len);
	name[len] = 0;
	return 0;
}

static int step(int folder, const char *name, int flags)
{
	int fd = openat(folder, name, flags | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* The folder that the last name is in. */
static int walk(int root, const char *path, const char **ret_last)
{
	char name[NAME_MAX + 2];
	int folder = step(root, ".", LOOK | O_DIRECTORY);
	const char *slash;

	while (folder >= 0 && (slash = strchr(path, '/')) && slash[1]) {
		int outer = folder;

		folder = copy_name(name, path, (size_t)(slash - path));
		if (!folder)
			folder = step(outer, name, LOOK | O_DIRECTORY);
		close(outer);
		path = slash + 1;
	}
	*ret_last = path;
	return folder;
}

/* A slash behind the last name would follow a symlink, so it is said by a flag. */
static int open_by_walking(int root, const char *path, int flags)
{
	char name[NAME_MAX + 2];
	const char *last;
	int folder = walk(root, path, &last), fd;
	size_t len = strlen(last);

	if (folder < 0)
		return folder;
	if (len > 1 && last[len - 1] == '/') {
		flags |= O_DIRECTORY;
		len--;
	}
	fd = copy_name(name, last, len);
	if (!fd)
		fd = step(folder, name, flags);
	close(folder);
	return fd;
}

static int open_so(int root, const char *path, int flags, bool old_kernel)
{
	int fd = old_kernel ? -ENOSYS : open_beneath(root, path, flags);

	return fd == -ENOSYS ? open_by_walking(root, path, flags) : fd;
}

static int look(int fd, struct stat *stat)
{
	if (fstat(fd, stat))
		return -errno;
	return S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode) ? 0 : -ENXIO;
}

int ouro__static_open(int root, const char *path, bool old_kernel, struct stat *ret_stat)
{
	const char *name = *path ? path : ".";
	int fd = open_so(root, name, LOOK, old_kernel), err;

	if (fd < 0)
		return fd;
	err = look(fd, ret_stat);
	close(fd);
	if (err)
		return err;
	fd = open_so(root, name, READ, old_kernel);
	if (fd < 0)
		return fd;
	err = look(fd, ret_stat);
	if (!err)
		return fd;
	ouro__fd_close(&fd);
	return err;
}
