/* filter.h -- an answer whose body passes a filter, for the files of this floor. See ouro/filter.h.
 *
 * Whoever makes answers asks one pointer, req->answer.filter, and when it is there calls these. */
#ifndef OURO__FILTER_H
#define OURO__FILTER_H
#include "http/core.h"

/* Whole. As ouro_req_reply(). */
int ouro__filter_whole(ouro_req *req, int status, const char *type, ouro_str body, bool is_static);

/* The answer begins: is there a filter still? */
bool ouro__filter_begin(ouro_req *req, int status, const char *type, uint64_t length);

/* As ouro_req_write() and ouro_req_end(), when the request can be answered. */
int64_t ouro__filter_piece(ouro_req *req, ouro_str piece, bool is_static);
int ouro__filter_close(ouro_req *req);

/* All that waited has left. True: the filter holds more back. */
bool ouro__filter_holds(ouro_req *req);

/* The answer has ended, or does without one. Nothing, when there is none. */
void ouro__filter_leave(ouro_req *req);
#endif
