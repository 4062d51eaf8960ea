/* static.h -- files from a folder as answers: a site, downloads, what a program comes with.
 *
 *     static const ouro_route routes[] = { { "GET", "/files/", ouro_static_serve, NULL }, { 0 } };
 *     ...
 *     err = ouro_static_open(loop, &(ouro_static_opts){ .root = "/srv/site" }, &site);
 *     err = ouro_http_listen(loop, &(ouro_http_opts){ .routes = routes, .arg = site }, NULL);
 *
 * GET and HEAD; anything else is 405. An answer has Last-Modified and an ETag, and conditions
 * (If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range) and ranges, one or up
 * to 16, are obeyed as RFC 9110 says. Where the file has a file of the same name and `.br` or `.gz`
 * beside it, not older than itself, a client that takes that coding gets it.
 *
 * Nothing outside the root is ever opened, however the path is spelled and whatever a symlink says;
 * nor anything that is no file, nor what has a name that begins with a dot. Those are 404. A
 * symlink that stays below the root and is relative is followed (by kernels before 5.6: none is).
 *
 * The disk is the pool's business: the loop opens nothing, and sends only what the kernel has in
 * memory already (by sendfile(2), if it tells: of files that are neither the process's own nor its
 * to write it does not, and they are copied). What a path led to is kept, small files with their
 * bytes, large ones with their descriptors, and looked at again when somebody asks and check_ms
 * have gone by: who asks then waits for that look. So an answer is at most check_ms older than the
 * file, and a hot file costs no system call but the one that sends it. The root's own path is
 * looked up each time as well, so a symlink that is switched from one release to the next takes
 * effect.
 *
 * A file that shrinks while it is sent ends the connection, so that the client sees that it has not
 * all of it (what left last may be zeros: the kernel clears what is cut off while it is sending
 * that); of one that grows goes what was there when it was asked for. Replace files by renaming new
 * ones into place, as ouro_fs_save() does, and neither happens.
 *
 * All on the loop's thread. */
#ifndef OURO_STATIC_H
#define OURO_STATIC_H
#include "ouro/http.h"
OURO_BEGIN

typedef struct ouro_static ouro_static;

typedef struct ouro_static_opts {
	const char *root;          /* the folder; copied */
	const char *index;         /* what answers for its folder; NULL: "index.html"; "": none */
	const char *cache_control; /* a field of every file's answer, "max-age=3600"; NULL: none */
	bool        listing;   /* a folder without an index is answered by a list of it, in HTML */
	bool        plain;     /* do not look for `.br` and `.gz` */
	unsigned    check_ms;  /* so long a look holds; 0: 1 s; OURO_NEVER: for ever */
	unsigned    files_max; /* paths that are kept; 0: 1024 */
	size_t      small_max; /* a file up to that is kept with its bytes; 0: 64 KiB */
	size_t      bytes_max; /* all of those together; 0: 16 MiB */
} ouro_static_opts;

/* It does not keep the loop alive. Whether there is such a folder is not asked before a request
 * does: without one all is 404, and the loop's on_log is told why. 0 or -ENOMEM; -EINVAL: no root,
 * an index with a slash, or a cache_control that is no field's value; OURO_ECLOSED: the loop is
 * ending. */
OURO_API int ouro_static_open(ouro_loop *loop, const ouro_static_opts *opts,
			      ouro_static **ret_site) OURO_MUST_CHECK;

/* A handler, with the ouro_static as its arg. In a tree ("/files/") what is below the tree is
 * looked for below the root; elsewhere, as on_request, the whole path. Fields that are set before
 * (by a wrapper) are in the answer, too. It uses the request's on_gone. */
OURO_API void ouro_static_serve(ouro_req *req, void *arg);

/* As ouro_io_close(); fn is called in the close phase, once, with arg. Requests that it has are
 * answered all the same; close the server first, for after on_close the handler may not be
 * called. */
OURO_API void ouro_static_close(ouro_static *site);
OURO_API void ouro_static_on_close(ouro_static *site, ouro_close_fn *fn, void *arg);

OURO_API ouro_loop *ouro_static_loop(const ouro_static *site);

/* Forgets what it knows: the next request for each path asks the disk. */
OURO_API void ouro_static_forget(ouro_static *site);

typedef struct ouro_static_stats {
	uint64_t requests;   /* asked of it */
	uint64_t looks;      /* at the disk: what was asked of the pool for them */
	uint64_t kept;       /* paths that it knows now */
	uint64_t kept_bytes; /* of files, in memory now */
	uint64_t warm_bytes; /* sent from the kernel's memory */
	uint64_t cold_bytes; /* that the pool had to read from the disk, to be sent */
} ouro_static_stats;
OURO_API void ouro_static_get_stats(const ouro_static *site, ouro_static_stats *ret_stats);

/* One file, whichever it is, as the answer: with its ETag, conditions and ranges, when the request
 * is GET or HEAD. The path is the program's: it may lead anywhere, over symlinks too. A file that
 * cannot be opened is 404, 403 or 500, no file (a folder, a FIFO) 404. type NULL: by the name.
 * Nothing is kept. 0 and the answer comes by itself; or as ouro_req_reply(). */
OURO_API int ouro_req_send_file(ouro_req *req, const char *path, const char *type);
OURO_END
#endif
