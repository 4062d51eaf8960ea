/* form.h -- a body that is read as a form. See ouro/form.h.
 *
 * form.c goes through the body and says what is in it, form_file.c has the files on the disk. */
#ifndef OURO__FORM_H
#define OURO__FORM_H
#include "http/core.h"
#include "http/multipart.h"
#include "ouro/form.h"

/* Goes on with what it held back; before more of the body is read. */
void ouro__form_advance(ouro_req *req);

/* Tells the handler, if all is there. */
void ouro__form_tell(ouro_req *req);

/* The request has been answered: what was not kept goes. */
void ouro__form_abandon(ouro_req *req);

/* Nobody has been told yet. */
bool ouro__form_is_listened_to(const ouro_form *form);

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
