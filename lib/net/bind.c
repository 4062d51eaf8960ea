/* bind.c -- where to listen: hosts, Unix sockets, inherited descriptors. See bind.h.
 *
 * A Unix socket's file stays behind when its server dies. Whether it is alive is asked by
 * connecting: where nobody listens the kernel refuses at once. The file is then removed, but only
 * while it is the very one that was asked, and binding is tried again: somebody else may have been
 * faster, and then it is theirs. Its mode is set before anybody can connect, so that a narrow one
 * is never wide for a moment. */
#include "net/bind.h"
#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8

/* Hosts. */

static bool lacks_family(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

static int literal(const char *text, uint16_t port, bool v6_only, bind_fn *open, const void *opts)
{
	ouro_addr addr;
	int err = ouro_addr_parse(text, port, &addr);

	return err ? err : open(&addr, v6_only, opts);
}

static int everywhere(uint16_t port, bool v6_only, bind_fn *open, const void *opts)
{
	int fd = literal("::", port, v6_only, open, opts);

	if (lacks_family(fd) && !v6_only)
		fd = literal("0.0.0.0", port, false, open, opts);
	return fd;
}

/* Two sockets at one port. */
static int at_localhost(uint16_t port, bind_fn *open, const void *opts, int fds[BIND_SOCKETS])
{
	ouro_addr first;
	int err;

	fds[0] = literal("127.0.0.1", port, false, open, opts);
	if (fds[0] < 0)
		return fds[0];
	err = ouro__sock_local(fds[0], &first);
	fds[1] = err ? err : literal("::1", ouro_addr_port(&first), true, open, opts);
	if (fds[1] >= 0)
		return 2;
	if (!err && lacks_family(fds[1]))
		return 1;
	ouro__fd_close(&fds[0]);
	return fds[1];
}

int ouro__bind_host(const char *host, uint16_t port, bool v6_only, bind_fn *open, const void *opts,
		    int fds[BIND_SOCKETS])
{
	int count = -EADDRINUSE;

	if (host && !strcmp(host, "localhost")) {
		/* the port that is free for one family may not be for the other */
		for (int n = 0; count == -EADDRINUSE && n < (port ? 1 : TRIES); n++)
			count = at_localhost(port, open, opts, fds);
		return count;
	}
	fds[0] = host ? literal(host, port, v6_only, open, opts)
		      : everywhere(port, v6_only, open, opts);
	return fds[0] < 0 ? fds[0] : 1;
}

/* Unix sockets. */

/* 0: nobody answers at that file, which is as it was; else why it cannot be had. */
static int ask(const ouro_addr *addr)
{
	int fd = ouro__sock_open(AF_UNIX, SOCK_STREAM), err;

	if (fd < 0)
		return fd;
	err = ouro__sock_connect(fd, addr);
	ouro__fd_close(&fd);
	return err == -ECONNREFUSED || err == -ENOENT ? 0 : -EADDRINUSE;
}

/* Removes what a dead server has left at path. 0: try again. */
static int clear(const char *path, const ouro_addr *addr)
{
	struct stat before, now;
	int err;

	if (lstat(path, &before))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(before.st_mode))
		return -ENOTSOCK;
	err = ask(addr);
	if (err)
		return err;
	if (lstat(path, &now) || now.st_ino != before.st_ino || now.st_dev != before.st_dev)
		return 0;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int bind_at(int fd, const char *path, const ouro_addr *addr)
{
	int err = ouro__sock_bind(fd, addr);

	for (int n = 0; err == -EADDRINUSE && *path != '@' && n < TRIES; n++) {
		int taken = clear(path, addr);

		if (taken)
			return taken;
		err = ouro__sock_bind(fd, addr);
	}
	return err;
}

/* Bound: from here on the file is ours. */
static int set_up(int fd, const ouro_listen_opts *opts, struct unix_file *file)
{
	struct stat stat;

	if (file->path && lstat(file->path, &stat))
		return -errno;
	if (file->path) {
		file->dev = stat.st_dev;
		file->ino = stat.st_ino;
		if (opts->unix_mode && chmod(file->path, opts->unix_mode & 0777))
			return -errno;
	}
	return ouro__sock_listen(fd, opts->backlog ? opts->backlog : BIND_BACKLOG);
}

int ouro__bind_unix(const ouro_listen_opts *opts, struct unix_file *ret_file)
{
	struct unix_file file = { 0 };
	ouro_addr addr;
	int err = ouro_addr_unix(opts->unix_path, &addr), fd;

	if (err)
		return err;
	if (*opts->unix_path != '@' && !(file.path = ouro__strdup(opts->unix_path)))
		return -ENOMEM;
	fd = ouro__sock_open(AF_UNIX, SOCK_STREAM);
	err = fd < 0 ? fd : bind_at(fd, opts->unix_path, &addr);
	if (!err) {
		err = set_up(fd, opts, &file);
		if (err)
			ouro__bind_remove(&file);
	}
	if (err) {
		ouro__free(file.path);
		ouro__fd_close(&fd);
		return err;
	}
	*ret_file = file;
	return fd;
}

void ouro__bind_remove(struct unix_file *file)
{
	struct stat now;

	if (file->path && !lstat(file->path, &now) && now.st_dev == file->dev &&
	    now.st_ino == file->ino)
		unlink(file->path);
	ouro__free(file->path);
	file->path = NULL;
}

int ouro__bind_inherited(int fd, bool *ret_tcp)
{
	int listens, family, err = ouro__sock_get(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens);

	if (!err)
		err = ouro__sock_get(fd, SOL_SOCKET, SO_DOMAIN, &family);
	if (err)
		return err == -EBADF ? err : -EINVAL;
	if (!listens)
		return -EINVAL;
	*ret_tcp = family == AF_INET || family == AF_INET6;
	return ouro__sock_adopt(fd);
}
