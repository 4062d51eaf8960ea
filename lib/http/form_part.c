/* form_part.c -- the parts of a form: fields into memory, files onto the disk, or pieces to the
 * handler. See form.h.
 *
 * What is kept is in the request's memory and counts against fields_max, names and the records
 * themselves too: a thousand empty fields are not nothing. */
#include "http/encoded.h"
#include "http/form.h"
#include "http/req.h"
#include "ouro/error.h"
#include <errno.h>

/* Room that lasts as long as the request, and counts. */
static int charge(ouro_form *form, size_t n)
{
	if (n > form->fields_max - form->in_memory)
		return OURO_ETOOBIG;
	form->in_memory += n;
	return 0;
}

static int copy(ouro_form *form, ouro_str *ret_copy, ouro_str from)
{
	char *to;
	int err;

	*ret_copy = ouro_str_n(NULL, 0);
	if (!from.ptr)
		return 0;
	err = form->part_fn ? 0 : charge(form, from.len);
	if (err)
		return err;
	to = ouro__req_copy(form->req, from);
	if (!to)
		return -ENOMEM;
	*ret_copy = ouro_str_n(to, from.len);
	return 0;
}

static int new_part(ouro_form *form)
{
	int err = charge(form, sizeof(*form->part));

	if (err)
		return err;
	form->part = ouro_req_alloc(form->req, sizeof(*form->part));
	return form->part ? 0 : -ENOMEM;
}

static void add_part(ouro_form *form)
{
	*form->last = form->part;
	form->last = &form->part->next;
	form->parts++;
	form->part = NULL;
}

/* Without the folders that some browsers send with it. */
static ouro_str base_name(ouro_str name)
{
	size_t from = name.len;

	while (from && name.ptr[from - 1] != '/' && name.ptr[from - 1] != '\\')
		from--;
	return name.ptr ? ouro_str_n(name.ptr + from, name.len - from) : name;
}

/* In pieces, one part serves for all, and points at what the reader has. */
static int begin_streamed(ouro_form *form)
{
	const struct multipart *reader = &form->reader;
	int err = form->part ? 0 : new_part(form);

	if (!err)
		form->part->part = (ouro_part){ .name = reader->name,
						.filename = base_name(reader->filename),
						.type = reader->type };
	return err;
}

int ouro__form_begin_part(ouro_form *form)
{
	const struct multipart *reader = &form->reader;
	int err;

	if (form->part_fn)
		return begin_streamed(form);
	err = new_part(form);
	if (!err)
		err = copy(form, &form->part->part.name, reader->name);
	if (!err)
		err = copy(form, &form->part->part.filename, base_name(reader->filename));
	if (!err)
		err = copy(form, &form->part->part.type, reader->type);
	return err;
}

static void on_file(enum form_file_news news, int err, void *arg);

static int open_file(ouro_form *form)
{
	return ouro__form_file_open(form->req->http->loop, form->folder, form->mode, on_file, form,
				    &form->file);
}

static int add_to_file(ouro_form *form, ouro_str piece)
{
	int err = 0;

	if (form->part->part.bytes > form->file_max)
		return OURO_ETOOBIG;
	if (!form->file)
		err = open_file(form);
	if (!err)
		err = ouro__form_file_write(form->file, piece);
	if (err > 0)
		ouro_req_pause(form->req);
	return err < 0 ? err : 0;
}

static int add_to_value(ouro_form *form, ouro_str piece)
{
	size_t len = ouro_buf_str(form->value).len;

	if (piece.len > form->field_max - len)
		return OURO_ETOOBIG;
	if (piece.len > form->fields_max - form->in_memory - len)
		return OURO_ETOOBIG;
	return ouro_buf_append(form->value, piece.ptr, piece.len);
}

static void tell_piece(ouro_form *form, ouro_str piece)
{
	ouro_req *req = form->req;

	req_call(req, form->part_fn, req, 0, &form->part->part, piece, form->arg);
}

int ouro__form_add_piece(ouro_form *form, ouro_str piece)
{
	form->part->part.bytes += piece.len;
	if (form->part_fn) {
		tell_piece(form, piece);
		return 0;
	}
	if (form->part->part.filename.ptr)
		return add_to_file(form, piece);
	return add_to_value(form, piece);
}

/* The next part waits until it is closed: then what has gone wrong is known, and there is one file
 * that waits for the disk, however many there are in the form. */
static int end_file(ouro_form *form)
{
	int err = 0;

	if (!form->file && !form->reader.filename.len) {
		form->part = NULL; /* nobody chose a file */
		return 0;
	}
	if (!form->file)
		err = open_file(form);
	if (!err)
		err = ouro__form_file_end(form->file);
	if (err)
		return err;
	form->closing = true;
	ouro_req_pause(form->req);
	return 0;
}

static int end_value(ouro_form *form)
{
	int err = copy(form, &form->part->part.value, ouro_buf_str(form->value));

	ouro_buf_cut(form->value, 0);
	if (!err)
		add_part(form);
	return err;
}

int ouro__form_end_part(ouro_form *form)
{
	if (form->part_fn) {
		tell_piece(form, ouro_str_n(NULL, 0));
		return 0;
	}
	return form->part->part.filename.ptr ? end_file(form) : end_value(form);
}

static void file_is_whole(ouro_form *form)
{
	form->part->file = form->file;
	form->part->part.path = ouro__form_file_path(form->file);
	form->file = NULL;
	form->closing = false;
	add_part(form);
	ouro_req_resume(form->req);
}

/* From the writer's callbacks, outside of the request's. */
static void on_file(enum form_file_news news, int err, void *arg)
{
	ouro_form *form = arg;

	if (news == FORM_FILE_GONE) {
		form->file = NULL;
		if (!form->err)
			form->err = err;
		ouro__form_over(form);
	} else if (news == FORM_FILE_WHOLE) {
		file_is_whole(form);
	} else if (!form->closing) {
		ouro_req_resume(form->req);
	}
}

/* ---- Of a form that is urlencoded ---- */

static int decode(ouro_form *form, ouro_str *ret_text, ouro_str raw)
{
	char *room;
	int err = charge(form, raw.len), len;

	if (err)
		return err;
	room = ouro__req_room(form->req, raw.len + 1);
	if (!room)
		return -ENOMEM;
	len = ouro__form_decode(raw, room);
	if (len < 0)
		return OURO_EPROTO;
	room[len] = '\0';
	*ret_text = ouro_str_n(room, (size_t)len);
	return 0;
}

static int take_pair(ouro_form *form, ouro_str name, ouro_str value)
{
	ouro_part *part;
	int err = form->parts == form->parts_max ? OURO_ETOOBIG : new_part(form);

	if (err)
		return err;
	part = &form->part->part;
	err = decode(form, &part->name, name);
	if (!err)
		err = decode(form, &part->value, value);
	if (!err && (part->name.len > form->name_max || part->value.len > form->field_max))
		err = OURO_ETOOBIG;
	part->bytes = part->value.len;
	if (!err)
		add_part(form);
	return err;
}

int ouro__form_take_pairs(ouro_form *form)
{
	ouro_str pairs = ouro_buf_str(form->value), name, value;
	int err = 0;

	while (!err && ouro__pair_next(&pairs, &name, &value))
		err = take_pair(form, name, value);
	ouro_buf_cut(form->value, 0);
	return err;
}
