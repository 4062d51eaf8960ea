/* reply.h -- the answer on its way out, for the files of this floor. */
#ifndef OURO__REPLY_H
#define OURO__REPLY_H
#include "http/core.h"

/* A whole answer in text: its status and what that is called. 0, or -ENOMEM. */
int ouro__answer_status(ouro_req *req, int status);

/* It is neither GET nor HEAD, which is all that there is: 405, with its Allow. */
void ouro__answer_reads_only(ouro_req *req);

/* The answer ends in the middle: so does the connection. */
void ouro__answer_cut(ouro_req *req);

/* Nothing more of it comes; the request is no longer its handler's. */
void ouro__answer_ended(ouro_req *req);

/* The second half of that: more of it may come, from a filter. */
void ouro__answer_given(ouro_req *req);

/* A piece of an answer that has started; and its end, which may be a cut. 0 or -ENOMEM. */
int ouro__piece_put(ouro_req *req, ouro_str piece);
int ouro__piece_end(ouro_req *req);

/* May there be an answer yet? 0; -EALREADY, logged; OURO_ECLOSED, and the request has ended. */
int ouro__answer_possible(ouro_req *req);

/* The head, of the framing that is set, into the queue. 0, or -EINVAL, -ENOMEM. */
int ouro__answer_head(ouro_req *req, int status, const char *type);

/* Some fields and the empty line that ends them, into the queue. 0 or -ENOMEM. */
int ouro__answer_fields(ouro_req *req, const struct answer_field *fields);

/* Bytes of a body: copied, or sent at once when they are many; is_static: never copied. 0 or
 * -ENOMEM. */
int ouro__answer_bytes(ouro_req *req, ouro_str bytes, bool is_static);

/* Can a status, or an answer to this request, have a body? */
static inline bool status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* A decimal number; how long it is. At most 20 bytes. */
static inline size_t put_number(char *at, uint64_t n)
{
	size_t len = 1;

	for (uint64_t least = 10; n >= least && len < 20; least *= 10)
		len++;
	for (size_t i = len; i--; n /= 10)
		at[i] = (char)('0' + n % 10);
	return len;
}
#endif
