/* copy.c -- one file into another. See ouro/fs.h, and copy.h for what trees need of it.
 *
 * Three ways, tried in this order: let both files share their blocks, let the kernel move the
 * bytes, move them by hand. Why a way fails is of no interest (another file system, an old kernel,
 * a file in /proc that the kernel takes for empty): the next one goes on where it stopped, and if
 * there is a real reason, reading and writing will meet it. */
#include "offload/copy.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/fs.h"
#include "offload/regular.h"
#include "ouro/fs.h"
#include "sys/fd.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HAND ((size_t)64 * 1024)

void ouro__copying_init(struct copying *copying)
{
	*copying = (struct copying){ .from = -1, .to = -1 };
}

int ouro__copying_from(struct copying *copying, int folder, const char *path, int flags)
{
	struct stat st;

	copying->from = ouro__regular_open(folder, path, O_RDONLY | flags, 0, &st);
	if (copying->from < 0)
		return copying->from;
	copying->dev = st.st_dev;
	copying->ino = st.st_ino;
	copying->mode = st.st_mode & 0777;
	copying->way = COPY_BY_REFERENCE;
	copying->any = false;
	return 0;
}

int ouro__copying_to_new(struct copying *copying, int folder, const char *path)
{
	struct stat st;

	copying->to =
		ouro__regular_open(folder, path, O_WRONLY | O_CREAT | O_EXCL, copying->mode, &st);
	return copying->to < 0 ? copying->to : 0;
}

static ssize_t move_by_hand(struct copying *copying, size_t most)
{
	ssize_t n;
	int err;

	if (!copying->buf)
		copying->buf = ouro__alloc(HAND);
	if (!copying->buf)
		return -ENOMEM;
	n = TEMP_FAILURE_RETRY(read(copying->from, copying->buf, most < HAND ? most : HAND));
	if (n < 0)
		return -errno;
	err = ouro__regular_write(copying->to, copying->buf, (size_t)n);
	return err ? err : n;
}

/* Up to `most` bytes; 0 at the end; -errno. The kernel's 0 before the first byte proves nothing. */
static ssize_t move(struct copying *copying, size_t most)
{
	ssize_t n;

	if (copying->way == COPY_IN_KERNEL) {
		n = copy_file_range(copying->from, NULL, copying->to, NULL, most, 0);
		if (n > 0 || (n == 0 && copying->any)) {
			copying->any = true;
			return n;
		}
		copying->way = COPY_BY_HAND;
	}
	return move_by_hand(copying, most);
}

static int finish(struct copying *copying)
{
	ouro__fd_close(&copying->from);
	return ouro__regular_close(&copying->to);
}

/* The mode before the first byte: nobody may read here what they may not read there. EPERM: the
 * file is another's, or on a file system without modes. */
static int start(struct copying *copying)
{
	if (fchmod(copying->to, copying->mode) && errno != EPERM)
		return -errno;
	copying->way = COPY_IN_KERNEL;
	return ioctl(copying->to, FICLONE, copying->from) ? OP_AGAIN : finish(copying);
}

int ouro__copying_piece(struct copying *copying, size_t *left)
{
	int err = copying->way == COPY_BY_REFERENCE ? start(copying) : OP_AGAIN;

	while (err == OP_AGAIN && *left) {
		ssize_t n = move(copying, *left);

		if (n > 0)
			*left -= (size_t)n;
		else
			err = n ? (int)n : finish(copying);
	}
	return err;
}

void ouro__copying_end(struct copying *copying)
{
	ouro__fd_close(&copying->from);
	ouro__fd_close(&copying->to);
	ouro__free(copying->buf);
	copying->buf = NULL;
}

/* One file by itself. */

struct copy {
	struct paths paths;
	enum ouro_copy how;
	bool begun;
	const char *made; /* the new file as long as it is not whole */
	struct copying copying;
};

static struct copy *copy_of(struct op *op)
{
	return (struct copy *)(void *)op->room;
}

/* It is opened without being cut first: it might be the very file that is to be copied. */
static int open_old(struct copying *copying, const char *path)
{
	struct stat st;

	copying->to = ouro__regular_open(AT_FDCWD, path, O_WRONLY, 0, &st);
	if (copying->to < 0)
		return copying->to;
	if (st.st_dev == copying->dev && st.st_ino == copying->ino)
		return -EINVAL;
	return errno_if(ftruncate(copying->to, 0));
}

static int begin(struct copy *copy)
{
	int err = ouro__copying_from(&copy->copying, AT_FDCWD, copy->paths.path, 0);

	copy->begun = true;
	if (err)
		return err;
	err = ouro__copying_to_new(&copy->copying, AT_FDCWD, copy->paths.to);
	if (!err)
		copy->made = copy->paths.to;
	if (err == -EEXIST && copy->how == OURO_COPY_OVER)
		err = open_old(&copy->copying, copy->paths.to);
	return err;
}

static int copy_work(struct op *op)
{
	struct copy *copy = copy_of(op);
	size_t left = FILE_PIECE;
	int err = 0;

	if (ouro__op_is_stopped(op))
		err = OURO_ECANCELED;
	else if (!copy->begun)
		err = begin(copy);
	if (!err)
		err = ouro__copying_piece(&copy->copying, &left);
	if (err == OP_AGAIN)
		return err;
	ouro__copying_end(&copy->copying);
	if (err && copy->made)
		unlink(copy->made);
	copy->made = NULL;
	return err;
}

static void copy_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static void copy_release(struct op *op)
{
	ouro__copying_end(&copy_of(op)->copying);
	ouro__paths_drop(op);
}

static const struct op_kind copy_kind = {
	.call = "copy",
	.lane = OURO_LANE_FILES,
	.pieces = true,
	.work = copy_work,
	.done = copy_done,
	.release = copy_release,
};

ouro_op ouro_fs_copy(ouro_loop *loop, const char *from, const char *to, enum ouro_copy how,
		     ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &copy_kind, CALL_FN(fn), arg);

	if (!op)
		return (ouro_op){ 0 };
	copy_of(op)->how = how;
	ouro__copying_init(&copy_of(op)->copying);
	if (!ouro__paths_keep(op, sizeof(struct copy), from, to))
		return ouro__op_refuse(op);
	return ouro__op_submit(op);
}
