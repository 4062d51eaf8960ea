/* form_file.c -- the files of a form, on the disk until they are kept or removed. See form.h.
 *
 * A file has a name from the beginning, so that a handler may give it to whoever takes names, and so
 * that keeping it is a rename; the name is of our making, and O_EXCL refuses what is there already,
 * a symlink too. What the client calls its file has no part in it. Whatever becomes of the request,
 * the record outlives it until the name is gone or somebody else's. */
#include "base/alloc.h"
#include "base/check.h"
#include "http/form.h"
#include "ouro/error.h"
#include "ouro/file.h"
#include "sys/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_HIGH ((size_t)256 << 10)
#define PREFIX    "/.ouro-"
#define LETTERS   12

struct form_file {
	ouro_loop *loop;
	ouro_writer *writer; /* NULL: closed */
	form_file_fn *fn;    /* NULL: nobody listens any more */
	void *arg;
	ouro_done_fn *kept;
	void *kept_arg;
	int err;
	bool whole;
	bool leaving; /* it is being removed */
	bool foreign; /* the name was somebody else's */
	char path[];
};

const char *ouro__form_file_path(const struct form_file *file)
{
	return file->path;
}

/* Removing. */

static void gone(struct form_file *file)
{
	if (file->fn)
		file->fn(FORM_FILE_GONE, file->err, file->arg);
	ouro__free(file);
}

/* Only when the loop is ending, the pool full, or no memory there, does the loop remove it itself. */
static void on_removed(int err, void *arg)
{
	struct form_file *file = arg;

	if (err == OURO_ECANCELED || err == OURO_EBUSY)
		unlink(file->path);
	gone(file);
}

static void take_away(struct form_file *file)
{
	file->leaving = true;
	if (!file->foreign && ouro_fs_unlink(file->loop, file->path, on_removed, file).id)
		return;
	if (!file->foreign)
		unlink(file->path);
	gone(file);
}

void ouro__form_file_drop(struct form_file *file, bool told)
{
	if (!told)
		file->fn = NULL;
	if (file->leaving)
		return;
	if (file->writer) {
		file->whole = false;
		ouro_writer_close(file->writer);
	} else {
		take_away(file);
	}
}

/* Writing. */

static void on_closed(void *arg)
{
	struct form_file *file = arg;

	file->writer = NULL;
	if (file->whole)
		file->fn(FORM_FILE_WHOLE, 0, file->arg);
	else
		take_away(file);
}

static void on_writer(ouro_writer *writer, int err, bool ended, void *arg)
{
	struct form_file *file = arg;

	(void)writer;
	file->err = err;
	file->foreign = err == -EEXIST;
	file->whole = ended;
	if (!err && !ended && file->fn)
		file->fn(FORM_FILE_DRAINED, 0, file->arg);
}

/* Sixty bits that nobody can foresee: who can write in the folder must not lie in wait. */
static void pick_name(char *at)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = (clock_ns() ^ (uintptr_t)at) * UINT64_C(0x9e3779b97f4a7c15);
	at = stpcpy(at, PREFIX);
	for (int i = 0; i < LETTERS; i++)
		*at++ = letters[bits >> 5 * i & 31];
	*at = '\0';
}

int ouro__form_file_open(ouro_loop *loop, const char *folder, mode_t mode, form_file_fn *fn,
			 void *arg, struct form_file **ret_file)
{
	ouro_writer_opts opts = { .flags = O_CREAT | O_EXCL, .mode = mode, .high = FILE_HIGH };
	size_t len = strlen(folder);
	struct form_file *file = ouro__alloc(sizeof(*file) + len + sizeof(PREFIX) + LETTERS);
	int err;

	if (!file)
		return -ENOMEM;
	file->loop = loop;
	file->fn = fn;
	file->arg = arg;
	memcpy(file->path, folder, len);
	pick_name(file->path + len);
	err = ouro_writer_open(loop, file->path, &opts, on_writer, file, &file->writer);
	if (err) {
		ouro__free(file);
		return err;
	}
	ouro_writer_on_close(file->writer, on_closed);
	*ret_file = file;
	return 0;
}

/* A writer that is closing, or has closed, went wrong: fn will be told when the file is gone. */
int ouro__form_file_write(struct form_file *file, ouro_str piece)
{
	int64_t waiting = file->writer ? ouro_writer_write(file->writer, piece) : OURO_ECLOSED;

	if (waiting == OURO_ECLOSED)
		return 0;
	return waiting < 0 ? (int)waiting : waiting > (int64_t)FILE_HIGH;
}

int ouro__form_file_end(struct form_file *file)
{
	int err = file->writer ? ouro_writer_end(file->writer) : OURO_ECLOSED;

	return err == OURO_ECLOSED ? 0 : err;
}

/* Keeping. */

static void on_renamed(int err, void *arg)
{
	struct form_file *file = arg;
	ouro_done_fn *fn = file->kept;

	file->fn = NULL;
	fn(err, file->kept_arg);
	if (err)
		take_away(file);
	else
		ouro__free(file);
}

int ouro__form_file_keep(struct form_file *file, const char *path, ouro_done_fn *fn, void *arg)
{
	ouro__check(!file->writer);
	file->kept = fn;
	file->kept_arg = arg;
	if (!ouro_fs_rename(file->loop, file->path, path, on_renamed, file).id)
		return -errno;
	return 0;
}
