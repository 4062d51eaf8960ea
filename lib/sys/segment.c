/* segment.c -- a sealed memfd, mapped. See segment.h.
 *
 * The word at the start has a page to itself, so that the bytes are aligned for anything. Sizes are
 * powers of two: the next message, a little larger, fits as well. */
#include "sys/segment.h"

#include "ouro/error.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD  ((size_t)4096)
#define LEAST ((size_t)64 * 1024)
#define HUGE_ ((size_t)2 * 1024 * 1024)

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static uint32_t *owner(const struct segment *segment)
{
	return (uint32_t *)(void *)segment->base;
}

size_t ouro__segment_size(size_t n)
{
	size_t size = LEAST;

	while (size - HEAD < n && size <= SIZE_MAX / 4)
		size *= 2;
	return size - HEAD < n ? 0 : size;
}

static int map(struct segment *segment, int fd, size_t size)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -ENOMEM;
	if (size >= HUGE_)
		madvise(base, size, MADV_HUGEPAGE); /* where it is allowed: fewer faults */
	*segment = (struct segment){ .base = base, .size = size };
	return 0;
}

int ouro__segment_make(struct segment *segment, size_t n, int *ret_fd)
{
	size_t size = ouro__segment_size(n);
	int fd, err = 0;

	if (!size || size > INT64_MAX)
		return -ENOMEM;
	fd = memfd_create("ouro", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) || fcntl(fd, F_ADD_SEALS, SEALS))
		err = -errno;
	if (!err)
		err = map(segment, fd, size);
	if (err) {
		ouro__fd_close(&fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int ouro__segment_map(struct segment *segment, int fd, size_t n)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st))
		return OURO_EPROTO;
	if (st.st_size < (off_t)HEAD || (uint64_t)st.st_size - HEAD < n)
		return OURO_EPROTO;
	return map(segment, fd, (size_t)st.st_size);
}

void ouro__segment_drop(struct segment *segment)
{
	if (segment->base)
		munmap(segment->base, segment->size);
	*segment = (struct segment){ 0 };
}

char *ouro__segment_bytes(const struct segment *segment)
{
	return segment->base + HEAD;
}

size_t ouro__segment_room(const struct segment *segment)
{
	return segment->base ? segment->size - HEAD : 0;
}

bool ouro__segment_take(struct segment *segment)
{
	if (__atomic_load_n(owner(segment), __ATOMIC_ACQUIRE))
		return false;
	__atomic_store_n(owner(segment), 1, __ATOMIC_RELAXED);
	return true;
}

void ouro__segment_free(struct segment *segment)
{
	__atomic_store_n(owner(segment), 0, __ATOMIC_RELEASE);
}
