/* writer.c -- bytes on their way into a file. See ouro/file.h.
 *
 * What is written waits in a list of chunks; many small writes share one. An operation takes a good
 * helping from its front, and as long as something waits, one is out: so the order is kept, and
 * who writes faster than the disk learns it from what is waiting. When one has ended, advance()
 * sends the next: more bytes, or the end.
 *
 * While an operation is out, the chunks stay where they are; new bytes may still be added behind
 * those that a thread is writing. */
#include "base/alloc.h"
#include "base/check.h"
#include "offload/chore.h"
#include "ouro/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#define HIGH    ((size_t)256 << 10)
#define CHUNK   ((size_t)4096)
#define VECTORS 64
#define HELPING ((size_t)512 << 10) /* bytes an operation: others want to use the pool too */

struct chunk {
	struct chunk *next;
	size_t len, room;
	char bytes[];
};

struct ouro_writer {
	struct chore chore;
	ouro_writer_fn *fn;
	int flags;
	mode_t mode;
	bool sync;
	bool enough; /* it was too much, and has not drained since */
	bool ended;  /* no more bytes will come */
	size_t high;
	uint64_t waiting;
	struct chunk *first, *last;
	size_t sent;  /* bytes of the first chunk that are in the file */
	size_t asked; /* bytes that the operation writes */
	int vectors;
	struct iovec vector[VECTORS];
};

/* The queue. */

static struct chunk *new_chunk(size_t len)
{
	size_t room = len < CHUNK - sizeof(struct chunk) ? CHUNK - sizeof(struct chunk) : len;
	struct chunk *chunk = NULL;

	if (room < SIZE_MAX - sizeof(*chunk))
		chunk = ouro__realloc(NULL, sizeof(*chunk) + room);
	if (chunk)
		*chunk = (struct chunk){ .room = room };
	return chunk;
}

static void put(struct chunk *chunk, const char *bytes, size_t n)
{
	if (n)
		memcpy(chunk->bytes + chunk->len, bytes, n);
	chunk->len += n;
}

/* All of it, or nothing. */
static int append(struct ouro_writer *writer, ouro_str bytes)
{
	size_t room = writer->last ? writer->last->room - writer->last->len : 0;
	size_t fits = bytes.len < room ? bytes.len : room, rest = bytes.len - fits;
	struct chunk *chunk = rest ? new_chunk(rest) : NULL;

	if (rest && !chunk)
		return -ENOMEM;
	if (fits)
		put(writer->last, bytes.ptr, fits);
	if (chunk) {
		put(chunk, bytes.ptr + fits, rest);
		*(writer->last ? &writer->last->next : &writer->first) = chunk;
		writer->last = chunk;
	}
	writer->waiting += bytes.len;
	return 0;
}

static void drop_first(struct ouro_writer *writer)
{
	struct chunk *chunk = writer->first;

	writer->first = chunk->next;
	if (!writer->first)
		writer->last = NULL;
	writer->sent = 0;
	ouro__free(chunk);
}

static void drop_all(struct ouro_writer *writer)
{
	while (writer->first)
		drop_first(writer);
	writer->waiting = 0;
}

/* The operation has written what it was asked to. */
static void drop_written(struct ouro_writer *writer)
{
	size_t n = writer->asked;

	writer->waiting -= n;
	while (n) {
		size_t left = writer->first->len - writer->sent;

		if (n < left) {
			writer->sent += n;
			return;
		}
		n -= left;
		drop_first(writer);
	}
}

static void gather(struct ouro_writer *writer)
{
	struct chunk *chunk = writer->first;
	size_t from = writer->sent;

	writer->asked = 0;
	writer->vectors = 0;
	while (chunk && writer->vectors < VECTORS && writer->asked < HELPING) {
		size_t n = chunk->len - from;

		if (n > HELPING - writer->asked)
			n = HELPING - writer->asked;
		writer->vector[writer->vectors++] = (struct iovec){ chunk->bytes + from, n };
		writer->asked += n;
		chunk = chunk->next;
		from = 0;
	}
}

/* On the pool. */

static int open_work(struct op *op)
{
	struct ouro_writer *writer = op->arg;

	return ouro__chore_open_file(&writer->chore, (writer->flags & ~O_ACCMODE) | O_WRONLY,
				     writer->mode);
}

/* Past n bytes; answers how many vectors that leaves. */
static int skip(struct iovec **vector, int count, size_t n)
{
	while (count && n >= (*vector)->iov_len) {
		n -= (*vector)->iov_len;
		(*vector)++;
		count--;
	}
	if (count) {
		(*vector)->iov_base = (char *)(*vector)->iov_base + n;
		(*vector)->iov_len -= n;
	}
	return count;
}

static int write_work(struct op *op)
{
	struct ouro_writer *writer = op->arg;
	struct iovec *vector = writer->vector;
	int left = writer->vectors;

	while (left) {
		ssize_t n = TEMP_FAILURE_RETRY(writev(writer->chore.fd, vector, left));

		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* 0: a device that takes nothing, ever */
		left = skip(&vector, left, (size_t)n);
	}
	return 0;
}

/* A device has nothing to sync, and says so by EINVAL. Some file systems tell only at the close
 * that the bytes did not fit. */
static int end_work(struct op *op)
{
	struct ouro_writer *writer = op->arg;
	int err = 0;

	if (writer->sync && fsync(writer->chore.fd) && errno != EINVAL)
		err = -errno;
	if (close(writer->chore.fd) && errno != EINTR && !err)
		err = -errno;
	writer->chore.fd = -1;
	return err;
}

/* On the loop. */

static void tell(struct ouro_writer *writer, int err, bool ended)
{
	chore_call(&writer->chore, CALL_FN(writer->fn));
	writer->fn(writer, err, ended, writer->chore.base.arg);
	chore_called(&writer->chore);
}

/* The last news. */
static void finish(struct ouro_writer *writer, int err)
{
	drop_all(writer);
	writer->ended = true;
	tell(writer, err, !err);
	ouro_writer_close(writer);
}

/* False: it was closed, or has failed and is now. */
static bool is_well(struct op *op, int err)
{
	struct ouro_writer *writer = op->arg;

	if (!ouro__chore_ended(&writer->chore)) {
		drop_all(writer);
		return false;
	}
	if (err)
		finish(writer, err);
	return !err;
}

static void open_done(struct op *op, int err)
{
	struct ouro_writer *writer = op->arg;

	if (is_well(op, err))
		writer->chore.advance(&writer->chore);
}

static void write_done(struct op *op, int err)
{
	struct ouro_writer *writer = op->arg;

	if (!is_well(op, err))
		return;
	drop_written(writer);
	writer->chore.advance(&writer->chore);
}

static void end_done(struct op *op, int err)
{
	if (is_well(op, err))
		finish(op->arg, 0);
}

#define KIND(name, step)                                                                         \
	{                                                                                        \
		.call = name, .lane = OURO_LANE_FILES, .work = step##_work, .done = step##_done, \
	}

static const struct op_kind open_kind = KIND("open", open), write_kind = KIND("write", write),
			    end_kind = KIND("close", end);

static int write_some(struct ouro_writer *writer)
{
	gather(writer);
	return ouro__chore_start(&writer->chore, &write_kind);
}

/* Nothing is out. */
static void advance(struct chore *chore)
{
	struct ouro_writer *writer = (struct ouro_writer *)chore;
	int err = 0;

	if (writer->waiting) {
		err = write_some(writer);
	} else if (writer->ended) {
		err = ouro__chore_start(chore, &end_kind);
	} else if (writer->enough) {
		writer->enough = false;
		tell(writer, 0, false);
	}
	if (err)
		finish(writer, err);
}

/* A thread may be writing from the queue: then it goes when that has ended. */
static void writer_stop(struct handle *handle)
{
	struct ouro_writer *writer = (struct ouro_writer *)handle;

	if (!writer->chore.op.id)
		drop_all(writer);
	ouro__chore_stop(handle);
}

static const void *writer_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_writer *)handle)->fn);
}

static const struct handle_type writer_type = {
	.kind = "writer",
	.magic = 0x77726974u,
	.callee = writer_callee,
	.number = ouro__chore_number,
	.stop = writer_stop,
	.is_idle = ouro__chore_is_idle,
	.parks = true,
};

int ouro_writer_open(ouro_loop *loop, const char *path, const ouro_writer_opts *opts,
		     ouro_writer_fn *fn, void *arg, ouro_writer **ret_writer)
{
	static const ouro_writer_opts defaults;
	int err;
	struct ouro_writer *writer =
		ouro__chore_new(loop, &writer_type, sizeof(*writer), path, arg, &err);

	if (!writer)
		return err;
	opts = opts ? opts : &defaults;
	writer->chore.advance = advance;
	writer->fn = fn;
	writer->flags = opts->flags ? opts->flags : O_CREAT | O_TRUNC;
	writer->mode = opts->mode ? opts->mode : 0666;
	writer->high = opts->high ? opts->high : HIGH;
	writer->sync = opts->sync;
	err = ouro__chore_start(&writer->chore, &open_kind);
	if (err)
		ouro__chore_drop(&writer->chore);
	else if (ret_writer)
		*ret_writer = writer;
	return err;
}

int64_t ouro_writer_write(ouro_writer *writer, ouro_str bytes)
{
	int err;

	handle_check(&writer->chore, writer_type);
	if (writer->ended || writer->chore.base.closing)
		return OURO_ECLOSED;
	err = append(writer, bytes);
	if (!err && writer->waiting && !writer->chore.op.id) {
		err = write_some(writer);
		if (err)
			drop_all(writer); /* nothing but these bytes: or one would be out */
	}
	if (err)
		return err;
	if (writer->waiting > writer->high)
		writer->enough = true;
	return (int64_t)writer->waiting;
}

int ouro_writer_end(ouro_writer *writer)
{
	int err = 0;

	handle_check(&writer->chore, writer_type);
	if (writer->ended || writer->chore.base.closing)
		return OURO_ECLOSED;
	if (!writer->chore.op.id)
		err = ouro__chore_start(&writer->chore, &end_kind);
	writer->ended = !err;
	return err;
}

void ouro_writer_close(ouro_writer *writer)
{
	if (!writer)
		return;
	handle_check(&writer->chore, writer_type);
	ouro__handle_close(&writer->chore.base);
}

void ouro_writer_on_close(ouro_writer *writer, ouro_close_fn *fn)
{
	handle_check(&writer->chore, writer_type);
	writer->chore.base.on_close = fn;
}

ouro_loop *ouro_writer_loop(const ouro_writer *writer)
{
	handle_check(&writer->chore, writer_type);
	return writer->chore.base.loop;
}

int ouro_writer_set_name(ouro_writer *writer, const char *name)
{
	handle_check(&writer->chore, writer_type);
	return ouro__handle_name(&writer->chore.base, name);
}
