/* intake.h -- the body of a request on its way in: gathered, handed on piece by piece, or thrown
 * away. */
#ifndef OURO__INTAKE_H
#define OURO__INTAKE_H
#include "http/core.h"

/* The head is settled and the route known. 0, or the status that says no: 413. */
int ouro__intake_start(ouro_req *req, bool streamed, size_t max);

/* Takes what there is of it: from the window, then from the loan. Calls the body's function; stops
 * at the end of the body, or when that function pauses. 0, or the status to answer. */
int ouro__intake_take(ouro_req *req);

/* The same, and forgets it. 0 or the status, as above. */
int ouro__intake_discard(ouro_req *req);

/* Tells the body's function that all has come, or never will, if that is so and it was not told. */
void ouro__intake_tell_end(ouro_req *req);

/* It will never be whole. */
void ouro__intake_break(ouro_req *req, int err);

/* `100 Continue`, if the client waits for it. */
void ouro__intake_continue(ouro_req *req);

/* Is the rest, which nobody wants, read for the sake of the connection? */
bool ouro__intake_is_worth_reading(const ouro_req *req);

/* Has the handler asked for it, and not heard the end yet? */
static inline bool intake_is_listened_to(const struct intake *body)
{
	return body->fn && !body->told;
}

/* May more of it be read now? */
static inline bool intake_is_open(const struct intake *body)
{
	return body->state == BODY_READING && !body->paused;
}
#endif
