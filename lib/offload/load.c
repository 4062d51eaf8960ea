/* load.c -- a whole file into memory. See ouro/fs.h.
 *
 * A piece is read by each turn on the pool, then the operation goes back behind whoever waits; what
 * the next piece needs is in its room.
 *
 * The file is asked for its size, but its word is taken for nothing: files in /proc say 0, and
 * others grow or shrink meanwhile. The buffer has room for a byte more than the file should have. A
 * read into that byte tells whether the file really ends there, and if it does, the byte becomes
 * the zero behind the data. */
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/fs.h"
#include "offload/regular.h"
#include "ouro/fs.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define USUAL_MAX  ((size_t)INT_MAX)
#define FIRST_ROOM ((size_t)64 * 1024) /* for a file that does not tell its size */

struct load {
	struct paths paths;
	char *bytes;
	size_t len, room, max;
	int fd; /* -1: nothing done yet */
};

static struct load *load_of(struct op *op)
{
	return (struct load *)(void *)op->room;
}

/* Never for more than a byte above max: once that is filled, the file is too big. */
static int reserve(struct load *load, size_t room)
{
	char *bytes;

	if (room > load->max + 1)
		room = load->max + 1;
	bytes = ouro__realloc(load->bytes, room);
	if (!bytes)
		return -ENOMEM;
	load->bytes = bytes;
	load->room = room;
	return 0;
}

static int begin(struct load *load)
{
	struct stat st;
	int fd = ouro__regular_open(AT_FDCWD, load->paths.path, O_RDONLY, 0, &st);

	if (fd < 0)
		return fd;
	load->fd = fd;
	if ((uintmax_t)st.st_size > load->max)
		return OURO_ETOOBIG;
	return reserve(load, st.st_size ? (size_t)st.st_size + 1 : FIRST_ROOM);
}

/* What there is, up to `most` bytes; 0 at the end, or below 0. */
static ssize_t read_more(struct load *load, size_t most)
{
	size_t space = load->room - load->len;
	ssize_t n = TEMP_FAILURE_RETRY(
		read(load->fd, load->bytes + load->len, space < most ? space : most));

	if (n <= 0)
		return n ? -errno : 0;
	load->len += (size_t)n;
	if (load->len > load->max)
		return OURO_ETOOBIG;
	if (load->len == load->room && reserve(load, load->room * 2))
		return -ENOMEM;
	return n;
}

static int read_piece(struct load *load)
{
	for (size_t left = FILE_PIECE; left;) {
		ssize_t n = read_more(load, left);

		if (n == 0)
			load->bytes[load->len] = 0;
		if (n <= 0)
			return (int)n;
		left -= (size_t)n;
	}
	return OP_AGAIN;
}

static int load_work(struct op *op)
{
	struct load *load = load_of(op);
	int err = 0;

	if (ouro__op_is_stopped(op))
		err = OURO_ECANCELED;
	else if (load->fd < 0)
		err = begin(load);
	if (!err)
		err = read_piece(load);
	if (err != OP_AGAIN)
		ouro__fd_close(&load->fd);
	return err;
}

static void load_done(struct op *op, int err)
{
	ouro_str data = { NULL, 0 };

	if (err >= 0)
		data = ouro_str_n(load_of(op)->bytes, load_of(op)->len);
	((ouro_data_fn *)(uintptr_t)op->fn)(err, data, op->arg);
}

static void load_release(struct op *op)
{
	ouro__fd_close(&load_of(op)->fd);
	ouro__free(load_of(op)->bytes);
	ouro__paths_drop(op);
}

static const struct op_kind load_kind = {
	.call = "load",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = load_work,
	.done = load_done,
	.release = load_release,
};

ouro_op ouro_fs_load(ouro_loop *loop, const char *path, size_t max, ouro_data_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &load_kind, CALL_FN(fn), arg);

	if (!op)
		return (ouro_op){ 0 };
	load_of(op)->fd = -1;
	load_of(op)->max = max ? max : USUAL_MAX;
	if (max >= SSIZE_MAX)
		load_of(op)->max = SSIZE_MAX - 1;
	if (!ouro__paths_keep(op, sizeof(struct load), path, NULL))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}
