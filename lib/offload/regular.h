/* regular.h -- files that hold bytes and nothing else, and the folders they are in: what operations
 * on whole files open. */
#ifndef OURO__REGULAR_H
#define OURO__REGULAR_H
#include <stddef.h>
#include <sys/stat.h>

/* Bytes of a file that are moved before others get their turn on the pool. */
#define FILE_PIECE ((size_t)512 * 1024)

/* As openat(2), for regular files alone. What else is there is neither waited for nor disturbed:
 * -EISDIR; -ELOOP for a symlink under O_NOFOLLOW; -EINVAL for a FIFO, a device, a socket. *ret_stat
 * is the file's, once it is open. */
int ouro__regular_open(int folder, const char *path, int flags, mode_t mode, struct stat *ret_stat);

/* All n bytes. 0 or -errno. */
int ouro__regular_write(int fd, const char *bytes, size_t n);

/* Closes *fd, which may be -1, and leaves -1; 0 or -errno: some file systems keep bad news until
 * then. */
int ouro__regular_close(int *fd);

/* The folder that the last name of path is in, and that name, slashes behind it included: "" when
 * path has none. flags: O_RDONLY or O_PATH. The descriptor or -errno. */
int ouro__folder_open(const char *path, int flags, const char **ret_name);
#endif
