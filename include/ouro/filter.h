/* filter.h -- what stands between a handler and the body of its answer. For modules, such as gzip
 * (ouro-gzip.h), and for whoever would write another.
 *
 * A wrapper puts a filter before an answer that has not begun. When it begins the filter is asked
 * once whether the body shall pass it: then it gets the body as the handler gives it, whole or in
 * pieces, and writes another, at once or later. For the handler nothing changes: it writes, hears
 * how much waits, and ends; the answer has ended for it even when the filter is at it still.
 *
 * Files of static.h, event streams of events.h and what becomes another protocol pass no filter.
 * All of it on the loop's thread. */
#ifndef OURO_FILTER_H
#define OURO_FILTER_H
#include "ouro/http.h"
OURO_BEGIN

/* None of them may answer, drop or end the request but by the functions below. */
typedef struct ouro_filter {
	/* The answer begins: with this status and type (NULL: none), and a body of that length
	 * (UINT64_MAX: it will be known at the end). May set fields. What the other functions get;
	 * NULL: the body does not pass, and nothing more is called. */
	void *(*begin)(ouro_req *req, int status, const char *type, uint64_t length, void *arg);

	/* A piece, never empty, borrowed until it returns; is_static: for ever. How many bytes it
	 * holds back now, of which ouro_req_write() tells the handler; below 0: the answer is cut. */
	int64_t (*piece)(ouro_req *req, ouro_str piece, bool is_static, void *filter);

	/* No more comes: calls ouro_filter_end(), now or later. 0; below 0: the answer is cut. */
	int (*end)(ouro_req *req, void *filter);

	/* The client has taken what waited, after there was high of it: may write more. How
	 * many bytes it holds back still. */
	size_t (*drained)(ouro_req *req, void *filter);

	/* The last call: the answer has ended, in whatever way. The request is not to be touched. */
	void (*gone)(void *filter);
} ouro_filter;

/* Before the answer begins; the filter is kept by address. 0; -EALREADY: it has begun, or has a
 * filter. */
OURO_API int ouro_req_filter(ouro_req *req, const ouro_filter *filter, void *arg);

/* For a filter: to the client. 1: high waits there, stop until drained(); 0; below 0:
 * OURO_ECLOSED: nobody is there; -ENOMEM: the answer was cut, and gone() has been called. */
OURO_API int ouro_filter_write(ouro_req *req, ouro_str bytes);

/* For a filter: all is written; or it never will be, and the connection ends in the middle. gone()
 * is called before they return. */
OURO_API void ouro_filter_end(ouro_req *req);
OURO_API void ouro_filter_cut(ouro_req *req);

/* For a filter, from begin(): a field that is set for the answer; absent: it is not. */
OURO_API ouro_str ouro_filter_field(const ouro_req *req, const char *name);
OURO_END
#endif
