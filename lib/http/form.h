/* form.h -- a body that is read as a form. See ouro/form.h.
 *
 * form.c goes through the body, form_part.c does what is to be done with its parts, form_file.c has the
 * files on the disk. */
#ifndef OURO__FORM_H
#define OURO__FORM_H
#include "http/core.h"
#include "http/multipart.h"
#include "ouro/form.h"

/* A part that is whole. */
struct part {
	ouro_part part;
	struct form_file *file; /* NULL: it is kept, or a field */
	struct part *next;
};

struct ouro_form {
	ouro_req *req; /* NULL: it was answered meanwhile */
	ouro_form_fn *fn;
	ouro_part_fn *part_fn; /* instead: in pieces */
	void *arg;
	bool encoded; /* its parts are pairs of x-www-form-urlencoded */
	bool busy; /* a function of ours is on the stack: who abandons it leaves freeing to that */
	bool over; /* the handler is to be told */
	bool told;
	int err;
	size_t name_max, field_max, fields_max, in_memory;
	uint64_t file_max;
	unsigned parts_max, parts;
	mode_t mode;

	char *rest; /* of a piece, that waits; NULL: none */
	size_t rest_at, rest_len;

	struct part *part;      /* at hand; NULL: none */
	ouro_buf *value;        /* of it, if it is a field */
	struct form_file *file; /* of it, not closed yet; NULL: none */
	bool closing;           /* that is whole, and the next part waits for it */
	struct part *first, **last;
	const char *folder;
	struct multipart reader;
};

/* Goes on with what it held back; before more of the body is read. */
void ouro__form_advance(ouro_req *req);

/* Tells the handler, if all is there. */
void ouro__form_tell(ouro_req *req);

/* The request has been answered: what was not kept goes. */
void ouro__form_abandon(ouro_req *req);

/* Nobody has been told yet. */
bool ouro__form_is_listened_to(const ouro_form *form);

/* Something that ends it: the handler will be told, when the file at hand is gone. And: now. */
void ouro__form_fail(ouro_form *form, int err);
void ouro__form_over(ouro_form *form);

/* ---- Parts: form_part.c. 0, or why the form ends here ---- */

/* What the reader has found: a part begins, a piece of it, its end. */
int ouro__form_begin_part(ouro_form *form);
int ouro__form_add_piece(ouro_form *form, ouro_str piece);
int ouro__form_end_part(ouro_form *form);

/* What was gathered is `name=value&...`. */
int ouro__form_take_pairs(ouro_form *form);

/* ---- Files: form_file.c ---- */

/* One on the disk, until it is kept or removed. */
struct form_file;

enum form_file_news {
	FORM_FILE_DRAINED, /* go on writing */
	FORM_FILE_WHOLE,   /* it is written and closed */
	FORM_FILE_GONE     /* something went wrong; it is removed, and its memory goes */
};
typedef void form_file_fn(enum form_file_news news, int err, void *arg);

/* A new file in that folder. 0; -ENOMEM, -EMFILE; all else by fn. */
int ouro__form_file_open(ouro_loop *loop, const char *folder, mode_t mode, form_file_fn *fn,
			 void *arg, struct form_file **ret_file);

/* 1: enough waits for the disk, fn will say when to go on; 0; -ENOMEM. */
int ouro__form_file_write(struct form_file *file, ouro_str piece);

/* fn will say that it is whole. 0 or -ENOMEM. */
int ouro__form_file_end(struct form_file *file);

/* Nobody wants it: is not written any more, and removed. told: fn hears that it is gone; else it
 * hears nothing more. */
void ouro__form_file_drop(struct form_file *file, bool told);

/* A whole one becomes the file at path; the record goes by itself. 0 or -ENOMEM. */
int ouro__form_file_keep(struct form_file *file, const char *path, ouro_done_fn *fn, void *arg);

const char *ouro__form_file_path(const struct form_file *file);
#endif
