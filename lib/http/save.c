/* save.c -- the body of a request into a file, at the disk's pace. See ouro/http.h.
 *
 * The body's pieces are given to a writer of the pool; when too much waits for the disk the body
 * pauses, and with it the client. Whoever ends first waits for the other: the handler is told when
 * the file is closed, or when it is removed because something went wrong. */
#include "http/save.h"
#include "base/alloc.h"
#include "http/intake.h"
#include "http/req.h"
#include "ouro/error.h"
#include "ouro/file.h"
#include <errno.h>
#include <unistd.h>

#define SAVE_HIGH (256 << 10)

struct save {
	ouro_req *req; /* NULL: it was answered meanwhile */
	struct ouro_loop *loop;
	ouro_writer *writer;
	ouro_save_fn *fn;
	void *arg;
	uint64_t bytes;
	int err;
	bool writer_ended, body_ended, over;
	char path[];
};

void ouro__save_tell(ouro_req *req)
{
	struct save *save = req->save;

	if (!save || !save->over)
		return;
	req->save = NULL;
	if (req->owned)
		req_call(req, save->fn, req, save->err, save->bytes, save->arg);
	ouro__free(save);
	ouro__req_check_forgotten(req);
}

/* The request hears of it in a call of its own, like everything else. */
static void over(struct save *save)
{
	if (!save->req) {
		ouro__free(save);
		return;
	}
	save->over = true;
	req_kick(save->req);
}

/* What is not whole does not stay. Only when the loop is ending, the pool full, or no memory there,
 * does the loop remove it itself. */
static void on_removed(int err, void *arg)
{
	struct save *save = arg;

	if (err == OURO_ECANCELED || err == OURO_EBUSY)
		unlink(save->path);
	over(save);
}

static void on_closed(void *arg)
{
	struct save *save = arg;

	save->writer = NULL;
	if (save->err && ouro_fs_unlink(save->loop, save->path, on_removed, save).id)
		return;
	if (save->err)
		unlink(save->path);
	over(save);
}

/* The file went wrong: the rest of the body is of no use. */
static void give_up(struct save *save, int err)
{
	if (!save->err)
		save->err = err;
	save->body_ended = true;
	ouro_writer_close(save->writer);
}

void ouro__save_abandon(ouro_req *req)
{
	struct save *save = req->save;

	req->save = NULL;
	if (save->over) {
		ouro__free(save);
		return;
	}
	save->req = NULL;
	give_up(save, OURO_ECANCELED);
}

static void on_writer(ouro_writer *writer, int err, bool ended, void *arg)
{
	struct save *save = arg;

	(void)writer;
	if (err)
		give_up(save, err);
	else if (!ended && save->req)
		ouro_req_resume(save->req);
}

static void on_piece(ouro_req *req, int err, ouro_str piece, void *arg)
{
	struct save *save = arg;
	int64_t waiting;

	if (save->body_ended)
		return; /* the file is beyond help */
	if (err == OURO_EOF) {
		save->body_ended = true;
		ouro_writer_end(save->writer);
		return;
	}
	waiting = err ? err : ouro_writer_write(save->writer, piece);
	if (waiting < 0) {
		give_up(save, (int)waiting);
		return;
	}
	save->bytes += piece.len;
	if (waiting > SAVE_HIGH)
		ouro_req_pause(req);
}

int ouro_req_save(ouro_req *req, const char *path, ouro_save_fn *fn, void *arg)
{
	ouro_writer_opts opts = { .high = SAVE_HIGH };
	size_t len = strlen(path) + 1;
	struct save *save;
	int err;

	req_check(req);
	if (!req->owned || !req->body.streamed || req->body.fn)
		return -EINVAL;
	save = ouro__alloc(sizeof(*save) + len);
	if (!save)
		return -ENOMEM;
	save->req = req;
	save->loop = req->http->loop;
	save->fn = fn;
	save->arg = arg;
	memcpy(save->path, path, len);
	err = ouro_writer_open(req->http->loop, path, &opts, on_writer, save, &save->writer);
	if (err) {
		ouro__free(save);
		return err;
	}
	ouro_writer_on_close(save->writer, on_closed);
	req->save = save;
	return ouro_req_read(req, on_piece, save);
}
