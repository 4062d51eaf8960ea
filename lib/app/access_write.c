/* access_write.c -- the file of an access log, as the thread that has it sees it. See access.h.
 *
 * A file or a disk gets all that there is in one call, by O_APPEND, so that several processes may
 * share it. Whatever else there is (a pipe, a terminal, a socket, a device) gets whole lines, no
 * more at a time than a pipe takes without being cut, and only while it says that it has room: so
 * nothing here waits for a reader.
 *
 * A full disk may take half a line. Its other half is written as soon as it can be. When it is given
 * up, or the file is left for another one, the first half is taken away, if nobody has written
 * behind it. */
#include "app/access.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(struct access_file *file, const char *call)
{
	file->call = call;
	return -errno;
}

/* ---- Opening ---- */

static void look_at(struct access_file *file, int fd)
{
	struct stat stat;

	stat.st_mode = 0;
	fstat(fd, &stat);
	file->whole = S_ISREG(stat.st_mode) || S_ISBLK(stat.st_mode);
	file->is_socket = S_ISSOCK(stat.st_mode);
	file->fd = fd;
}

static int open_path(struct access_file *file)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = TEMP_FAILURE_RETRY(open(file->path, flags, (mode_t)file->mode));

	return fd < 0 ? failed(file, "open") : fd;
}

static int begin(struct access_file *file)
{
	int fd = file->is_stdout ? STDOUT_FILENO : open_path(file);

	if (fd < 0)
		return fd;
	look_at(file, fd);
	return 0;
}

static void leave(struct access_file *file)
{
	if (file->is_stdout)
		file->fd = -1;
	else
		ouro__fd_close(&file->fd);
}

/* ---- Writing ---- */

static size_t behind_last_line(const char *bytes, size_t n)
{
	const char *end = memrchr(bytes, '\n', n);

	return end ? (size_t)(end - bytes) + 1 : 0;
}

/* How much of the line that `at` is in has been written. */
static size_t half_line(const struct access_file *file)
{
	return file->at - behind_last_line(file->bytes, file->at);
}

static size_t piece(const struct access_file *file, size_t end)
{
	size_t n = end - file->at, lines;

	if (file->whole || n <= PIPE_BUF)
		return n;
	lines = behind_last_line(file->bytes + file->at, PIPE_BUF);
	return lines ? lines : PIPE_BUF;
}

static bool has_room(const struct access_file *file)
{
	struct pollfd p = { .fd = file->fd, .events = POLLOUT };

	return file->whole || poll(&p, 1, file->patience) != 0;
}

static void count(struct access_file *file, size_t n)
{
	const char *at = file->bytes + file->at, *end = at + n;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		file->lines++;
		at++;
	}
	file->at += n;
	file->written += n;
	file->writes++;
}

static int write_until(struct access_file *file, size_t end)
{
	while (file->at < end) {
		const char *from = file->bytes + file->at;
		size_t most = piece(file, end);
		ssize_t n;

		if (!has_room(file))
			return -EAGAIN;
		if (file->is_socket)
			n = TEMP_FAILURE_RETRY(
				send(file->fd, from, most, MSG_DONTWAIT | MSG_NOSIGNAL));
		else
			n = TEMP_FAILURE_RETRY(write(file->fd, from, most));
		if (n < 0)
			return failed(file, "write");
		count(file, (size_t)n);
	}
	return 0;
}

/* ---- Half a line ---- */

/* Out of the file, if it is the end of it. True: there is none any more. */
static bool take_back(struct access_file *file)
{
	size_t half = half_line(file);
	struct stat stat;
	off_t end;

	if (!half)
		return true;
	end = file->whole ? lseek(file->fd, 0, SEEK_CUR) : -1;
	if (end < 0 || fstat(file->fd, &stat) || stat.st_size != end ||
	    ftruncate(file->fd, end - (off_t)half))
		return false;
	file->at -= half;
	file->written -= half;
	return true;
}

/* To where the next line begins. */
static size_t line_end(const struct access_file *file)
{
	const char *end = memchr(file->bytes + file->at, '\n', file->len - file->at);

	return end ? (size_t)(end - file->bytes) + 1 : file->len;
}

/* The reader of a pipe has gone, or the disk: what it had of the line is lost with it. */
static void abandon(struct access_file *file)
{
	size_t half = half_line(file);

	file->at -= half;
	file->written -= half;
	leave(file);
}

/* ---- All of it ---- */

static int change_files(struct access_file *file)
{
	int fd, err = 0;

	if (file->fd >= 0 && half_line(file))
		err = write_until(file, line_end(file));
	if (err && !take_back(file))
		return err;
	file->reopen = false;
	fd = open_path(file);
	if (fd < 0) {
		file->kept = file->fd >= 0 ? fd : 0;
		return file->fd >= 0 ? 0 : fd;
	}
	leave(file);
	look_at(file, fd);
	return 0;
}

/* A full disk is as good as ever when it has room again; of anything else a new look is taken. */
static bool may_recover(int err)
{
	return err == -EAGAIN || err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

static int write_all(struct access_file *file)
{
	int err = 0;

	file->kept = 0;
	if (file->reopen)
		err = change_files(file);
	else if (file->fd < 0)
		err = begin(file);
	return err ? err : write_until(file, file->len);
}

int ouro__access_write(struct access_file *file)
{
	int err;

	if (file->pid != getpid())
		return 0;
	err = write_all(file);
	if (err && file->fd >= 0 && !may_recover(err))
		abandon(file);
	if (file->last && file->fd >= 0 && err != -EAGAIN) {
		if (err)
			take_back(file);
		leave(file);
	}
	return err;
}
