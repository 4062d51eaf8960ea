/* form.h -- forms that browsers send: fields, and files with them (multipart/form-data, RFC 7578).
 *
 *     static void on_form(ouro_req *req, int err, ouro_form *form, void *arg)
 *     {
 *             const ouro_part *photo = err ? NULL : ouro_form_part(form, "photo", 0);
 *
 *             if (!photo || !photo->path)
 *                     ouro_req_fail(req, err ? err : -EINVAL);
 *             else
 *                     ouro_form_keep(form, photo, "photos/17", on_kept, ouro_req_later(req));
 *     }
 *
 *     static void photo(ouro_req *req, void *arg)
 *     {
 *             ouro_form_read(req, NULL, on_form, arg);
 *     }
 *     ...
 *     { .method = "POST", .path = "/photo", .fn = photo, .stream = true },
 *
 * A handler that wants fields and no files needs none of this: ouro_req_form() of http.h has them by
 * name, of both kinds of forms. For how much has come so far ask ouro_req_received().
 *
 * A form is refused unless it can be read in one way only: its boundary is one that RFC 2046 allows,
 * stands on lines of its own that end in CR LF, and nothing is before the first or behind the last.
 * In a name `%22` is a quote, which is how browsers write it; `%0D` and `%0A` stay as they are.
 * `filename*` and backslashes before a quote are refused; no other coding is undone.
 *
 * All of it on the loop's thread. */
#ifndef OURO_FORM_H
#define OURO_FORM_H
#include "ouro/http.h"
#include "ouro/pool.h"
#include <sys/types.h>
OURO_BEGIN

typedef struct ouro_form ouro_form;

/* A field or a file. A zero stands behind every string. What a client calls its file is a word for
 * people: any bytes but controls, without the folders that it may have come with, and never the name
 * of a file of yours. The type is what the client believes. */
typedef struct ouro_part {
	ouro_str    name;
	ouro_str    value;    /* of a field; absent: it is a file */
	ouro_str    filename; /* of a file; absent: it is a field */
	ouro_str    type;     /* as it was sent; absent: it was not */
	const char *path;     /* of a file that was read by ouro_form_read(); NULL: none */
	uint64_t    bytes;
} ouro_part;

/* OURO_NEVER takes a limit away. Beyond one: OURO_ETOOBIG. */
typedef struct ouro_form_opts {
	unsigned parts_max; /* fields and files; 0: 100 */
	unsigned name_max;  /* bytes of a name, and of what a file is called; 0: 255 */
	uint64_t body_max;  /* bytes of it all; 0: 128 MiB. The route's body_max counts too */

	/* Of ouro_form_read(). */
	const char *folder;     /* where files lie until they are kept; NULL: "/tmp". Copied */
	mode_t      mode;       /* of a file; 0: 0600, less the umask */
	size_t      field_max;  /* bytes of a value; 0: 64 KiB */
	size_t      fields_max; /* of all values, names and types: what is in memory; 0: 1 MiB */
	uint64_t    file_max;   /* bytes of a file; 0: 64 MiB */
} ouro_form_opts;

/* ---- Whole ---- */

/* All of it is there: fields in memory, files on the disk. err, and then form is NULL: OURO_EPROTO:
 * no form that can be read in one way only; OURO_ETOOBIG; -EMEDIUMTYPE: no form at all, or a
 * compressed one; -ENOSPC and the like: of a file; what ouro_req_read() says of a body that broke
 * off. ouro_req_fail() has the status for each: 400, 413, 415, 507, ... The request is still to be
 * answered. */
typedef void ouro_form_fn(ouro_req *req, int err, ouro_form *form, void *arg);

/* Reads the body of a route that streams; application/x-www-form-urlencoded is a form without files.
 * Files go through the pool, one after the other, at the disk's pace, and are named .ouro- and
 * twelve letters in their folder; one that a crash left behind may be removed. A file field for
 * which nobody chose a file is left out. A body that says it is too long is not asked for. 0, and fn
 * will be called, later; -EINVAL: it does not stream, or was asked for before; -ENOMEM.
 *
 * When the request is answered, the form goes, and each file of it that was not kept is removed. */
OURO_API int ouro_form_read(ouro_req *req, const ouro_form_opts *opts, ouro_form_fn *fn, void *arg);

/* The nth part of that name, from 0; the number of all parts; the ith of them, in the order in which
 * they came. NULL: there is none. Borrowed until the request is answered. */
OURO_API const ouro_part *ouro_form_part(const ouro_form *form, const char *name, unsigned nth);
OURO_API unsigned         ouro_form_parts(const ouro_form *form);
OURO_API const ouro_part *ouro_form_part_at(const ouro_form *form, unsigned i);

/* The value of the first field of that name; absent: there is none. */
OURO_API ouro_str ouro_form_value(const ouro_form *form, const char *name);

/* The file of that part becomes the file at path, and what was there is replaced: a rename, so path
 * must be in the same file system as the folder of the options (else -EXDEV). fn: how that went; if
 * not well the file is removed. The request may be answered meanwhile. 0; -EINVAL: the part has no
 * file, or not any more; -ENOMEM: nothing has happened. */
OURO_API int ouro_form_keep(ouro_form *form, const ouro_part *part, const char *path,
			    ouro_done_fn *fn, void *arg);

/* ---- In pieces ---- */

/* A piece of a part, in order, never empty; behind the last of each part one without a piece (ptr
 * NULL). part->bytes: so far, these among them. The last call has no part: err OURO_EOF: that was
 * all; else as above. Borrowed until fn returns. */
typedef void ouro_part_fn(ouro_req *req, int err, const ouro_part *part, ouro_str piece, void *arg);

/* Reads a form with files and keeps nothing of it. ouro_req_pause(), from fn too, means: no more
 * calls until ouro_req_resume(), and no more bytes from the client than fit into the kernel. Returns
 * as above. */
OURO_API int ouro_form_stream(ouro_req *req, const ouro_form_opts *opts, ouro_part_fn *fn,
			      void *arg);
OURO_END
#endif
