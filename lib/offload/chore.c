/* chore.c -- what readers, writers and watches have in common. See chore.h. */
#include "offload/chore.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beginning. */

void *ouro__chore_new(ouro_loop *loop, const struct handle_type *type, size_t size,
		      const char *path, void *arg, int *ret_err)
{
	size_t length = strlen(path) + 1;
	struct chore *chore = ouro__handle_new(loop, type, size + length, arg, ret_err);

	if (!chore)
		return NULL;
	chore->path = memcpy((char *)chore + size, path, length);
	chore->fd = -1;
	return chore;
}

void ouro__chore_drop(struct chore *chore)
{
	ouro_wake_close(chore->bell);
	ouro__fd_close(&chore->fd);
	ouro__handle_drop(&chore->base);
}

static void on_bell(ouro_wake *bell, void *arg)
{
	struct chore *chore = arg;

	(void)bell;
	chore->advance(chore);
}

int ouro__chore_add_bell(struct chore *chore)
{
	int err = ouro_wake_open(chore->base.loop, on_bell, chore, &chore->bell);

	if (!err)
		ouro_wake_hold(chore->bell, false);
	return err;
}

int ouro__chore_start(struct chore *chore, const struct op_kind *kind)
{
	struct op *op = ouro__op_new(chore->base.loop, kind, NULL, chore);

	if (!op)
		return errno == ECANCELED ? OURO_ECANCELED : -errno;
	op->path = chore->path;
	chore->op = ouro__op_submit(op);
	return 0;
}

/* Ending. */

static int close_work(struct op *op)
{
	struct chore *chore = op->arg;

	ouro__fd_close(&chore->fd);
	return 0;
}

/* Closed already, unless the loop is ending or the pool full: then the loop pays for it. */
static void close_done(struct op *op, int err)
{
	struct chore *chore = op->arg;

	(void)err;
	ouro__fd_close(&chore->fd);
	ouro__chore_ended(chore);
}

static const struct op_kind close_kind = {
	.call = "close",
	.lane = OURO_LANE_FILES,
	.work = close_work,
	.done = close_done,
};

static void close_file(struct chore *chore)
{
	if (chore->fd >= 0 && ouro__chore_start(chore, &close_kind))
		ouro__fd_close(&chore->fd);
}

bool ouro__chore_ended(struct chore *chore)
{
	chore->op = (ouro_op){ 0 };
	if (!chore->base.closing)
		return true;
	close_file(chore);
	if (!chore->op.id)
		ouro__handle_settled(&chore->base);
	return false;
}

void ouro__chore_stop(struct handle *handle)
{
	struct chore *chore = (struct chore *)handle;

	ouro_wake_close(chore->bell);
	if (chore->op.id)
		ouro_op_cancel(handle->loop, chore->op);
	else
		close_file(chore);
}

bool ouro__chore_is_idle(const struct handle *handle)
{
	return !((const struct chore *)handle)->op.id;
}

/* For a list of what is alive. */

const void *ouro__chore_callee(const struct handle *handle)
{
	return CALL_FN(((const struct chore *)handle)->advance);
}

/* While an operation is out, a thread may be opening or closing it. */
int ouro__chore_number(const struct handle *handle)
{
	const struct chore *chore = (const struct chore *)handle;

	return chore->op.id ? -1 : chore->fd;
}

/* Opening. */

/* A regular file, a block device and many a character device (/dev/zero) answer at once or as soon
 * as the disk does. What may keep a thread waiting for ever says EAGAIN, by O_NONBLOCK, or is
 * refused here. */
static int refuse(mode_t mode)
{
	if (S_ISDIR(mode))
		return -EISDIR;
	return S_ISFIFO(mode) || S_ISSOCK(mode) ? -EINVAL : 0;
}

int ouro__chore_open_file(struct chore *chore, int flags, mode_t mode)
{
	const int always = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat stat;
	int err;

	chore->fd = TEMP_FAILURE_RETRY(open(chore->path, flags | always, mode));
	if (chore->fd < 0)
		return -errno;
	err = fstat(chore->fd, &stat) ? -errno : refuse(stat.st_mode);
	if (err)
		ouro__fd_close(&chore->fd);
	return err;
}
