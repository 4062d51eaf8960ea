/* regular.c -- opens files without falling for what is none. See regular.h.
 *
 * An open is not harmless: of a FIFO it waits for the other side, or lets that side go on; of a
 * device it may rewind a tape. So what is there is looked at first. Should it be changed between
 * the look and the open, O_NONBLOCK keeps a thread from hanging, and the second look, at what was
 * opened, has the last word. For regular files O_NONBLOCK means nothing. */
#include "offload/regular.h"
#include "base/alloc.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int objection(mode_t mode)
{
	if (S_ISREG(mode))
		return 0;
	if (S_ISDIR(mode))
		return -EISDIR;
	return S_ISLNK(mode) ? -ELOOP : -EINVAL;
}

/* With O_EXCL what is there is in the way, whatever it is, and will not be opened. */
static int look(int folder, const char *path, int flags, struct stat *st)
{
	int follow = flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;

	if (flags & O_EXCL || fstatat(folder, path, st, follow))
		return 0;
	return objection(st->st_mode);
}

int ouro__regular_open(int folder, const char *path, int flags, mode_t mode, struct stat *ret_stat)
{
	int fd, err = look(folder, path, flags, ret_stat);

	if (err)
		return err;
	fd = TEMP_FAILURE_RETRY(
		openat(folder, path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
	if (fd < 0)
		return -errno;
	err = fstat(fd, ret_stat) ? -errno : objection(ret_stat->st_mode);
	if (!err)
		return fd;
	ouro__fd_close(&fd);
	return err;
}

int ouro__regular_write(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t wrote = TEMP_FAILURE_RETRY(write(fd, bytes, n));

		if (wrote <= 0)
			return wrote ? -errno : -EIO;
		bytes += wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

/* EINTR is no news about the file, and the number is free all the same. */
int ouro__regular_close(int *fd)
{
	int err = *fd < 0 || !close(*fd) || errno == EINTR ? 0 : -errno;

	*fd = -1;
	return err;
}

/* Cut behind its last slash, "a/b" is "a/" and "/b" is "/". */
int ouro__folder_open(const char *path, int flags, const char **ret_name)
{
	size_t n = strlen(path);
	const char *slash;
	char *folder;
	int fd;

	while (n > 1 && path[n - 1] == '/')
		n--;
	slash = memrchr(path, '/', n);
	*ret_name = slash ? slash + strspn(slash, "/") : path;
	folder = ouro__strdup(slash ? path : ".");
	if (!folder)
		return -ENOMEM;
	if (slash)
		folder[*ret_name - path] = 0;
	fd = TEMP_FAILURE_RETRY(open(folder, flags | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		fd = -errno;
	ouro__free(folder);
	return fd;
}
