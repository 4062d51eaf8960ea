/* lend.h -- a body of a known length that is not copied: lent bytes, and ranges of files.
 *
 * For an answer that was given its length and has started. What is lent leaves in order with what
 * ouro_req_write() has added; see net/out.h for when fn is called. It may be called while the
 * connection is at work, and may lend more, or end the answer, in there. */
#ifndef OURO__LEND_H
#define OURO__LEND_H
#include "http/core.h"

/* So many bytes of the length come by the two below, however often it takes. */
void ouro__lend_count(ouro_req *req, uint64_t n);

/* 0 or -ENOMEM. */
int ouro__lend_bytes(ouro_req *req, const char *bytes, size_t n, out_release_fn *fn, void *arg);
int ouro__lend_file(ouro_req *req, struct out_file *file, size_t n, out_release_fn *fn, void *arg);

/* All of it is there; or it will never be, and the connection ends in the middle. */
void ouro__lend_end(ouro_req *req);
void ouro__lend_cut(ouro_req *req);

/* Fields of an answer, before it starts, that stay as they are until its head is written: then they
 * are not copied, nor looked at again. Each replaces what was set of its name, but for Vary, which
 * is added. 0 or -ENOMEM. */
int ouro__lend_fields(ouro_req *req, struct answer_field *fields);
#endif
