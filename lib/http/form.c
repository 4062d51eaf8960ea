/* form.c -- the body of a request as a form. See ouro/form.h, form.h.
 *
 * The body's pieces go through the reader of multipart.c, event by event, for as long as nobody says
 * wait: the handler, by ouro_req_pause(), or a file that has enough waiting for the disk, or that is
 * being closed before the next part begins. Then the body pauses, and what is left of the piece at
 * hand is kept: one piece at most, since no other comes. So a form in flight costs its fields, that
 * piece, and what one file has waiting, whatever its client sends.
 *
 * Whatever ends it first decides: the end of the body, a limit, a disk that is full, the client. The
 * handler hears of it in a call of its own, when the file at hand is closed or removed. The form is
 * the request's until that is answered; a file that is not closed by then goes by itself. */
#include "http/form.h"
#include "base/alloc.h"
#include "http/encoded.h"
#include "http/intake.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>

#define PARTS_MAX    100
#define NAME_LONGEST 255
#define BODY_MAX     (UINT64_C(128) << 20)
#define FIELD_MAX    ((size_t)64 << 10)
#define FIELDS_MAX   ((size_t)1 << 20)
#define FILE_MAX     (UINT64_C(64) << 20)

/* ---- The end of it ---- */

static void drop_rest(ouro_form *form)
{
	ouro__free(form->rest);
	form->rest = NULL;
	form->rest_at = form->rest_len = 0;
}

/* The handler is told in a call of its own, like everything else. */
void ouro__form_over(ouro_form *form)
{
	drop_rest(form);
	form->over = true;
	if (form->req)
		req_kick(form->req);
}

void ouro__form_fail(ouro_form *form, int err)
{
	if (form->err)
		return;
	form->err = err;
	drop_rest(form);
	if (form->file)
		ouro__form_file_drop(form->file, true);
	else
		ouro__form_over(form);
}

static void free_form(ouro_form *form)
{
	drop_rest(form);
	ouro_buf_free(form->value);
	ouro__free(form);
}

/* The parts are in the request's memory, which is there yet. */
void ouro__form_abandon(ouro_req *req)
{
	ouro_form *form = req->form;

	req->form = NULL;
	form->req = NULL;
	if (form->file)
		ouro__form_file_drop(form->file, false);
	for (struct part *at = form->first; at; at = at->next)
		if (at->file)
			ouro__form_file_drop(at->file, false);
	form->file = NULL;
	form->first = NULL;
	if (!form->busy)
		free_form(form);
}

static bool is_alive(const ouro_form *form)
{
	return form->req && form->req->owned && !form->err;
}

/* A call of the handler's, after which the form may be abandoned. True: it is, and gone. */
static bool let_go(ouro_form *form)
{
	form->busy = false;
	if (form->req)
		return false;
	free_form(form);
	return true;
}

static void tell_end(ouro_form *form, ouro_req *req)
{
	ouro_str none = { NULL, 0 };

	if (form->part_fn)
		req_call(req, form->part_fn, req, form->err ? form->err : OURO_EOF, NULL, none,
			 form->arg);
	else
		req_call(req, form->fn, req, form->err, form->err ? NULL : form, form->arg);
}

void ouro__form_tell(ouro_req *req)
{
	ouro_form *form = req->form;

	if (!form || !form->over || form->told)
		return;
	form->told = true;
	form->busy = true;
	if (req->owned)
		tell_end(form, req);
	let_go(form);
	ouro__req_check_forgotten(req);
}

bool ouro__form_is_listened_to(const ouro_form *form)
{
	return form && !form->told;
}

/* ---- The body ---- */

static int error_of(int refusal)
{
	return refusal == -413 ? OURO_ETOOBIG : OURO_EPROTO;
}

static int take_event(ouro_form *form, int event, ouro_str piece)
{
	switch (event) {
	case MULTIPART_BEGIN:
		return ouro__form_begin_part(form);
	case MULTIPART_PIECE:
		return ouro__form_add_piece(form, piece);
	case MULTIPART_END:
		return ouro__form_end_part(form);
	default:
		return event < 0 ? error_of(event) : 0;
	}
}

/* As far as nobody says wait. */
static void take(ouro_form *form, const char **at, const char *end)
{
	while (*at < end && is_alive(form) && !form->req->body.paused) {
		ouro_str piece;
		int event = ouro__multipart_next(&form->reader, at, end, &piece);
		int err = take_event(form, event, piece);

		if (err)
			ouro__form_fail(form, err);
	}
}

static void keep_rest(ouro_form *form, const char *at, const char *end)
{
	form->rest_at = 0;
	form->rest_len = (size_t)(end - at);
	form->rest = ouro__realloc(NULL, form->rest_len);
	if (form->rest)
		memcpy(form->rest, at, form->rest_len);
	else
		ouro__form_fail(form, -ENOMEM);
}

void ouro__form_advance(ouro_req *req)
{
	ouro_form *form = req->form;
	const char *at, *end;

	if (!form || !form->rest || req->body.paused)
		return;
	at = form->rest + form->rest_at;
	end = form->rest + form->rest_len;
	form->busy = true;
	take(form, &at, end);
	if (form->rest)
		form->rest_at = (size_t)(at - form->rest);
	if (!let_go(form) && at == end)
		drop_rest(form);
}

static void end_body(ouro_form *form)
{
	int err = form->encoded ? ouro__form_take_pairs(form) : ouro__multipart_end(&form->reader);

	if (err)
		ouro__form_fail(form, form->encoded ? err : error_of(err));
	else
		ouro__form_over(form);
}

static void take_encoded(ouro_form *form, ouro_str piece)
{
	size_t len = ouro_buf_str(form->value).len;
	int err = piece.len > form->fields_max - len
			  ? OURO_ETOOBIG
			  : ouro_buf_append(form->value, piece.ptr, piece.len);

	if (err)
		ouro__form_fail(form, err);
}

static void on_body(ouro_req *req, int err, ouro_str piece, void *arg)
{
	ouro_form *form = arg;
	const char *at = piece.ptr, *end = piece.len ? at + piece.len : at;

	(void)req;
	if (form->err)
		return;
	if (err == OURO_EOF) {
		end_body(form);
	} else if (err) {
		ouro__form_fail(form, err);
	} else if (form->encoded) {
		take_encoded(form, piece);
	} else {
		form->busy = true;
		take(form, &at, end);
		if (is_alive(form) && at < end)
			keep_rest(form, at, end);
		let_go(form);
	}
}

/* ---- The beginning ---- */

static uint64_t limit(uint64_t wanted, uint64_t usual)
{
	return !wanted ? usual : wanted == OURO_NEVER ? UINT64_MAX : wanted;
}

static size_t size_limit(size_t wanted, size_t usual)
{
	return (size_t)limit(wanted, usual);
}

/* 0, or why it is not even read. */
static int begin_reading(ouro_form *form, ouro_req *req)
{
	ouro_str type = ouro_req_header(req, "Content-Type");
	int err;

	if (ouro_req_header_nth(req, "Content-Type", 1).ptr)
		return OURO_EPROTO;
	if (ouro_req_header(req, "Content-Encoding").len) /* nobody undoes it: no bombs */
		return -EMEDIUMTYPE;
	if (!form->part_fn &&
	    ouro_str_caseeq(ouro__media_type(type), "application/x-www-form-urlencoded")) {
		form->encoded = true;
		return 0;
	}
	err = ouro__multipart_start(&form->reader, type, form->parts_max, form->name_max);
	if (err)
		return err == -415 ? -EMEDIUMTYPE : OURO_EPROTO;
	return 0;
}

static bool is_too_long(const ouro_req *req)
{
	return req->parse.kind == BODY_LENGTH && req->parse.length > req->body.max;
}

static void take_limits(ouro_form *form, ouro_req *req, const ouro_form_opts *opts)
{
	uint64_t body_max = limit(opts->body_max, BODY_MAX);

	form->parts_max = (unsigned)(opts->parts_max ? opts->parts_max : PARTS_MAX);
	form->name_max = size_limit(opts->name_max, NAME_LONGEST);
	form->field_max = size_limit(opts->field_max, FIELD_MAX);
	form->fields_max = size_limit(opts->fields_max, FIELDS_MAX);
	form->file_max = limit(opts->file_max, FILE_MAX);
	form->mode = opts->mode ? opts->mode : 0600;
	if (body_max < req->body.max)
		req->body.max = (size_t)body_max;
}

static int start(ouro_req *req, const ouro_form_opts *opts, ouro_form *form)
{
	const char *folder = opts->folder ? opts->folder : "/tmp";

	form->value = ouro_buf_new();
	form->folder = ouro__req_copy(req, ouro_str_z(folder));
	if (!form->value || !form->folder) {
		free_form(form);
		return -ENOMEM;
	}
	form->last = &form->first;
	form->req = req;
	req->form = form;
	take_limits(form, req, opts);
	form->err = begin_reading(form, req);
	if (!form->err && is_too_long(req))
		form->err = OURO_ETOOBIG;
	if (!form->err)
		return ouro_req_read(req, on_body, form);
	ouro__form_over(form);
	return 0;
}

static int read_form(ouro_req *req, const ouro_form_opts *opts, ouro_form_fn *fn,
		     ouro_part_fn *part_fn, void *arg)
{
	static const ouro_form_opts defaults;
	ouro_form *form;

	req_check(req);
	if (!req->owned || !req->body.streamed || req->body.fn || req->form)
		return -EINVAL;
	form = ouro__alloc(sizeof(*form));
	if (!form)
		return -ENOMEM;
	form->fn = fn;
	form->part_fn = part_fn;
	form->arg = arg;
	return start(req, opts ? opts : &defaults, form);
}

int ouro_form_read(ouro_req *req, const ouro_form_opts *opts, ouro_form_fn *fn, void *arg)
{
	return read_form(req, opts, fn, NULL, arg);
}

int ouro_form_stream(ouro_req *req, const ouro_form_opts *opts, ouro_part_fn *fn, void *arg)
{
	return read_form(req, opts, NULL, fn, arg);
}

/* ---- What is in it ---- */

const ouro_part *ouro_form_part(const ouro_form *form, const char *name, unsigned nth)
{
	for (const struct part *at = form->first; at; at = at->next)
		if (ouro_str_eq(at->part.name, name) && !nth--)
			return &at->part;
	return NULL;
}

unsigned ouro_form_parts(const ouro_form *form)
{
	return form->parts;
}

const ouro_part *ouro_form_part_at(const ouro_form *form, unsigned i)
{
	const struct part *at = form->first;

	while (at && i--)
		at = at->next;
	return at ? &at->part : NULL;
}

ouro_str ouro_form_value(const ouro_form *form, const char *name)
{
	for (const struct part *at = form->first; at; at = at->next)
		if (at->part.value.ptr && ouro_str_eq(at->part.name, name))
			return at->part.value;
	return ouro_str_n(NULL, 0);
}

int ouro_form_keep(ouro_form *form, const ouro_part *part, const char *path, ouro_done_fn *fn,
		   void *arg)
{
	struct part *at = form->first;
	int err;

	while (at && &at->part != part)
		at = at->next;
	if (!at || !at->file)
		return -EINVAL;
	err = ouro__form_file_keep(at->file, path, fn, arg);
	if (!err) {
		at->file = NULL;
		at->part.path = NULL;
	}
	return err;
}
