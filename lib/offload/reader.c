/* reader.c -- a file, read ahead by one piece. See ouro/file.h.
 *
 * There is one operation at most, and there are two rooms for what it reads. When one is full, the
 * next operation is sent off to fill the other before the user is shown the first: so disk and
 * program work at the same time, and a reader that is paused has at most one piece in memory that
 * the user has not seen.
 *
 * `got` says what waits in the room at hand, `over` whether that is the last of it. advance() alone
 * decides what they lead to; all else only changes them and sees to it that it is called. */
#include "base/alloc.h"
#include "base/check.h"
#include "offload/chore.h"
#include "ouro/file.h"
#include "sys/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)

struct room {
	char *bytes;
	size_t size;
};

struct ouro_reader {
	struct chore chore;
	ouro_reader_fn *fn;
	uint64_t at, left; /* the next byte to read; how many to read from there on */
	size_t piece;
	size_t most; /* of the next piece */
	struct room room[2];
	unsigned char half; /* which room the operation fills, or filled last */
	size_t got;         /* bytes in it that the user has not seen */
	int over;           /* OURO_EOF or an error: no operation after the last one */
	bool reading;       /* one is out */
	bool telling;       /* the user is looking at the other room */
	bool paused;
};

/* On the pool. */

/* No large room for a small file: one byte more than there are shows that it has ended. If it grows
 * meanwhile the next pieces are whole ones. */
static void fit_first(struct ouro_reader *reader)
{
	struct stat stat;

	if (fstat(reader->chore.fd, &stat) || (uint64_t)stat.st_size <= reader->at)
		return;
	if ((uint64_t)stat.st_size - reader->at < reader->most)
		reader->most = (size_t)((uint64_t)stat.st_size - reader->at + 1);
}

static int open_file(struct ouro_reader *reader)
{
	int err = ouro__chore_open_file(&reader->chore, O_RDONLY, 0);

	if (!err)
		fit_first(reader);
	return err;
}

static int make_room(struct room *room, size_t size)
{
	if (room->size >= size)
		return 0;
	ouro__free(room->bytes);
	room->bytes = ouro__realloc(NULL, size);
	room->size = room->bytes ? size : 0;
	return room->bytes ? 0 : -ENOMEM;
}

/* Until the room is full: less than was asked for is no end of file, only 0 is. An error behind
 * some bytes comes again when they have been told. */
static int fill(struct ouro_reader *reader, char *bytes)
{
	while (reader->got < reader->most) {
		ssize_t n =
			TEMP_FAILURE_RETRY(pread(reader->chore.fd, bytes + reader->got,
						 reader->most - reader->got, (off_t)reader->at));

		if (n < 0)
			return reader->got ? 0 : -errno;
		if (n == 0)
			return OURO_EOF;
		reader->got += (size_t)n;
		reader->at += (size_t)n;
		reader->left -= (size_t)n;
	}
	reader->most = reader->piece;
	return reader->left ? 0 : OURO_EOF;
}

static int read_piece(struct ouro_reader *reader)
{
	struct room *room = &reader->room[reader->half];
	int err;

	if (reader->most > reader->left)
		reader->most = (size_t)reader->left;
	err = make_room(room, reader->most);
	return err ? err : fill(reader, room->bytes);
}

/* The file is closed by the operation that has come to its end. */
static int read_work(struct op *op)
{
	struct ouro_reader *reader = op->arg;
	int err = reader->chore.fd < 0 ? open_file(reader) : 0;

	if (!err)
		err = read_piece(reader);
	if (err)
		ouro__fd_close(&reader->chore.fd);
	return err;
}

/* On the loop. */

/* As soon as neither a thread nor the user is at them. */
static void free_rooms(struct ouro_reader *reader)
{
	if (reader->reading || reader->telling)
		return;
	for (int i = 0; i < 2; i++) {
		ouro__free(reader->room[i].bytes);
		reader->room[i] = (struct room){ 0 };
	}
}

static void read_done(struct op *op, int err)
{
	struct ouro_reader *reader = op->arg;

	reader->reading = false;
	reader->over = err;
	if (ouro__chore_ended(&reader->chore))
		reader->chore.advance(&reader->chore);
	else
		free_rooms(reader);
}

#define READ_KIND(name)                                                                     \
	{                                                                                   \
		.call = name, .lane = OURO_LANE_FILES, .work = read_work, .done = read_done \
	}

static const struct op_kind open_kind = READ_KIND("open"), read_kind = READ_KIND("read");

static int read_ahead(struct ouro_reader *reader, const struct op_kind *kind)
{
	int err;

	reader->got = 0;
	reader->half ^= 1;
	err = ouro__chore_start(&reader->chore, kind);
	reader->reading = !err;
	return err;
}

static void tell(struct ouro_reader *reader, int err, const char *bytes, size_t n)
{
	reader->telling = true;
	chore_call(&reader->chore, CALL_FN(reader->fn));
	reader->fn(reader, err, ouro_str_n(bytes, n), reader->chore.base.arg);
	chore_called(&reader->chore);
	reader->telling = false;
	if (reader->chore.base.closing)
		free_rooms(reader);
}

static bool may_tell(const struct ouro_reader *reader)
{
	return !reader->paused && !reader->reading && !reader->chore.base.closing;
}

static void advance(struct chore *chore)
{
	struct ouro_reader *reader = (struct ouro_reader *)chore;
	const char *bytes;
	size_t n;

	if (!may_tell(reader))
		return;
	bytes = reader->room[reader->half].bytes;
	n = reader->got;
	reader->got = 0;
	if (!reader->over)
		reader->over = read_ahead(reader, &read_kind);
	if (n)
		tell(reader, 0, bytes, n);
	if (reader->over && may_tell(reader)) {
		tell(reader, reader->over, NULL, 0);
		ouro_reader_close(reader);
	}
}

static void reader_stop(struct handle *handle)
{
	free_rooms((struct ouro_reader *)handle);
	ouro__chore_stop(handle);
}

static const void *reader_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_reader *)handle)->fn);
}

static const struct handle_type reader_type = {
	.kind = "reader",
	.magic = 0x72656164u,
	.callee = reader_callee,
	.number = ouro__chore_number,
	.stop = reader_stop,
	.is_idle = ouro__chore_is_idle,
	.parks = true,
};

int ouro_reader_open(ouro_loop *loop, const char *path, const ouro_reader_opts *opts,
		     ouro_reader_fn *fn, void *arg, ouro_reader **ret_reader)
{
	static const ouro_reader_opts defaults;
	int err;
	struct ouro_reader *reader =
		ouro__chore_new(loop, &reader_type, sizeof(*reader), path, arg, &err);

	if (!reader)
		return err;
	opts = opts ? opts : &defaults;
	reader->chore.advance = advance;
	reader->fn = fn;
	reader->at = opts->from;
	reader->left = opts->bytes ? opts->bytes : UINT64_MAX;
	reader->most = reader->piece = opts->piece ? opts->piece : PIECE;
	err = ouro__chore_add_bell(&reader->chore);
	if (!err)
		err = read_ahead(reader, &open_kind);
	if (err)
		ouro__chore_drop(&reader->chore);
	else if (ret_reader)
		*ret_reader = reader;
	return err;
}

void ouro_reader_pause(ouro_reader *reader)
{
	handle_check(&reader->chore, reader_type);
	reader->paused = true;
}

/* Never at once: it may be called from the reader's own callback. */
void ouro_reader_resume(ouro_reader *reader)
{
	handle_check(&reader->chore, reader_type);
	if (reader->paused && !reader->chore.base.closing)
		ouro_wake_send(reader->chore.bell);
	reader->paused = false;
}

void ouro_reader_close(ouro_reader *reader)
{
	if (!reader)
		return;
	handle_check(&reader->chore, reader_type);
	ouro__handle_close(&reader->chore.base);
}

void ouro_reader_on_close(ouro_reader *reader, ouro_close_fn *fn)
{
	handle_check(&reader->chore, reader_type);
	reader->chore.base.on_close = fn;
}

ouro_loop *ouro_reader_loop(const ouro_reader *reader)
{
	handle_check(&reader->chore, reader_type);
	return reader->chore.base.loop;
}

int ouro_reader_set_name(ouro_reader *reader, const char *name)
{
	handle_check(&reader->chore, reader_type);
	return ouro__handle_name(&reader->chore.base, name);
}
