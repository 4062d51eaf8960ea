/* bind.h -- sockets at the addresses that options name. */
#ifndef OURO__BIND_H
#define OURO__BIND_H
#include "ouro/net.h"

#define BIND_SOCKETS 2
#define BIND_BACKLOG 511

/* A socket's file, so that only our own is removed. */
struct unix_file {
	char *path; /* NULL: there is none */
	uint64_t dev, ino;
};

/* Binds one socket: its descriptor, or -errno. opts: as bind_host was given. */
typedef int bind_fn(const ouro_addr *addr, bool v6_only, const void *opts);

/* Opens, with `open`, a socket for each address that host stands for (NULL: every one; "localhost":
 * two), all at one port. Answers how many, or -errno and none is open; -EINVAL: host is no
 * address. */
int ouro__bind_host(const char *host, uint16_t port, bool v6_only, bind_fn *open, const void *opts,
		    int fds[BIND_SOCKETS]);

/* What ouro_listen() says of unix_path. The descriptor, which listens; or -errno. */
int ouro__bind_unix(const ouro_listen_opts *opts, struct unix_file *ret_file);

/* Removes the file if it is still ours; forgets it. */
void ouro__bind_remove(struct unix_file *file);

/* 0: fd listens, and is now one like ours; *ret_tcp: its family has TCP. -EINVAL: it does not. */
int ouro__bind_inherited(int fd, bool *ret_tcp);
#endif
