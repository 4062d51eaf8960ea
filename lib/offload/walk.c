/* walk.c -- down, along and up. See walk.h.
 *
 * The names of all levels lie in one buffer, one behind the other: what is remembered last is done
 * first, so those of the folder at hand are always at its end. */
#include "offload/walk.h"
#include "base/alloc.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LIST_ROOM  ((size_t)32 * 1024)
#define FIRST_ROOM 16
#define FOLDER     (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int ouro__walk_init(struct walk *walk)
{
	*walk = (struct walk){ .fd = AT_FDCWD, .listed = true };
	walk->names = ouro_buf_new();
	return walk->names ? 0 : -ENOMEM;
}

void ouro__walk_end(struct walk *walk)
{
	if (walk->depth)
		ouro__fd_close(&walk->fd);
	ouro_buf_free(walk->names);
	ouro__free(walk->levels);
	ouro__free(walk->entries);
	*walk = (struct walk){ .fd = AT_FDCWD };
}

static int open_level(int parent, const char *name, struct level *ret_level)
{
	int fd = TEMP_FAILURE_RETRY(openat(parent, name, FOLDER));
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (fstat(fd, &st)) {
		int err = -errno;

		ouro__fd_close(&fd);
		return err;
	}
	*ret_level = (struct level){ st.st_dev, st.st_ino, st.st_mode, .leave = -1 };
	return fd;
}

static int deepen(struct walk *walk)
{
	size_t room = walk->room ? walk->room * 2 : FIRST_ROOM;
	struct level *levels;

	if (walk->depth < walk->room)
		return 0;
	levels = ouro__realloc(walk->levels, room * sizeof(*levels));
	if (!levels)
		return -ENOMEM;
	walk->levels = levels;
	walk->room = room;
	return 0;
}

int ouro__walk_down(struct walk *walk, const char *name)
{
	struct level level;
	int fd, err = deepen(walk);

	if (err)
		return err;
	fd = open_level(walk->fd, name, &level);
	if (fd < 0)
		return fd;
	if (walk->depth)
		ouro__fd_close(&walk->fd);
	level.names = ouro_buf_str(walk->names).len;
	walk->levels[walk->depth++] = level;
	walk->fd = fd;
	walk->listed = false;
	walk->at = walk->end = 0;
	return 0;
}

/* The folder above, if it is still the one we came from. */
static int open_above(const struct walk *walk, int *ret_fd)
{
	struct level above;

	*ret_fd = AT_FDCWD;
	if (walk->depth == 1)
		return 0;
	*ret_fd = open_level(walk->fd, "..", &above);
	if (*ret_fd < 0)
		return *ret_fd;
	if (level_is_same(&above, walk_level(walk) - 1))
		return 0;
	ouro__fd_close(ret_fd);
	return -ESTALE;
}

/* The new mode comes last, it might forbid the way back. A file system without modes says EPERM. */
int ouro__walk_up(struct walk *walk)
{
	int fd, leave = walk_level(walk)->leave, err = open_above(walk, &fd);

	if (err)
		return err;
	if (leave >= 0 && fchmod(walk->fd, (mode_t)leave) && errno != EPERM)
		err = -errno;
	ouro__fd_close(&walk->fd);
	walk->fd = fd;
	walk->depth--;
	walk->listed = true;
	return err;
}

static ssize_t list_more(struct walk *walk)
{
	ssize_t n;

	if (!walk->entries)
		walk->entries = ouro__alloc(LIST_ROOM);
	if (!walk->entries)
		return -ENOMEM;
	n = getdents64(walk->fd, walk->entries, LIST_ROOM);
	if (n < 0)
		return -errno;
	walk->at = 0;
	walk->end = (size_t)n;
	return n;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

const struct dirent64 *ouro__walk_next(struct walk *walk, int *ret_err)
{
	const struct dirent64 *entry;

	do {
		ssize_t n = walk->at < walk->end ? 1 : list_more(walk);

		if (n <= 0) {
			walk->listed = true;
			*ret_err = (int)n;
			return NULL;
		}
		entry = (const struct dirent64 *)(const void *)(walk->entries + walk->at);
		walk->at += entry->d_reclen;
	} while (is_dots(entry->d_name));
	*ret_err = 0;
	return entry;
}

int ouro__walk_later(struct walk *walk, const char *name)
{
	return ouro_buf_append(walk->names, name, strlen(name) + 1);
}

const char *ouro__walk_last(const struct walk *walk)
{
	ouro_str names = ouro_buf_str(walk->names);
	size_t begin = walk->depth ? walk_level(walk)->names : 0;
	const char *zero;

	if (names.len == begin)
		return NULL;
	zero = memrchr(names.ptr + begin, 0, names.len - begin - 1);
	return zero ? zero + 1 : names.ptr + begin;
}

void ouro__walk_forget(struct walk *walk)
{
	ouro_buf_cut(walk->names, (size_t)(ouro__walk_last(walk) - ouro_buf_str(walk->names).ptr));
}
