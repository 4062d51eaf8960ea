/* chore.h -- a handle whose work is done on the pool, one operation at a time.
 *
 * A reader, a writer and a watch are each a `struct chore` and a few fields. An operation that
 * works for one has it as its arg and may touch all of it: while the operation is out, the loop
 * leaves alone what the thread uses. Its done() begins with ouro__chore_ended(), and ends when that
 * says false:
 *
 *     static void read_done(struct op *op, int err)
 *     {
 *             struct ouro_reader *reader = op->arg;
 *
 *             if (!ouro__chore_ended(&reader->chore))
 *                     return;
 *             ...
 *     }
 *
 * The descriptor, too, belongs to the threads: closing one can take as long as writing to it. So a
 * closed chore is parked until what is under way has ended and the descriptor is closed. */
#ifndef OURO__CHORE_H
#define OURO__CHORE_H
#include "loop/call.h"
#include "loop/handle.h"
#include "offload/op.h"
#include "ouro/wake.h"

struct chore {
	struct handle base;
	void (*advance)(struct chore *chore); /* does what can be done next */
	ouro_wake *bell;                      /* rings for advance(); NULL: has none */
	ouro_op op;                           /* under way; {0}: nothing */
	int fd;                               /* -1: none */
	const char *path;                     /* as the user wrote it, behind the handle */
};

/* A handle of that size with a copy of path behind it. *ret_err and NULL as ouro__handle_new(). */
void *ouro__chore_new(ouro_loop *loop, const struct handle_type *type, size_t size,
		      const char *path, void *arg, int *ret_err);

/* Takes back one that could not be opened: nothing has been asked of the pool. */
void ouro__chore_drop(struct chore *chore);

/* Gives it a bell: ouro_wake_send(chore->bell) calls advance() later, and needs no memory for it.
 * 0 or -ENOMEM. */
int ouro__chore_add_bell(struct chore *chore);

/* Asks the pool for an operation of that kind. 0; -ENOMEM, -EMFILE; OURO_ECANCELED: the loop
 * ends. */
int ouro__chore_start(struct chore *chore, const struct op_kind *kind);

/* For a handle_type. */
const void *ouro__chore_callee(const struct handle *handle);
int ouro__chore_number(const struct handle *handle);
void ouro__chore_stop(struct handle *handle);
bool ouro__chore_is_idle(const struct handle *handle);

/* In done(): the operation is over. False: the chore was closed meanwhile, and the rest of that
 * goes by itself. */
bool ouro__chore_ended(struct chore *chore);

/* On a pool thread: opens the path. Descriptors that one can wait for are -EINVAL: they are for
 * ouro_io. 0 or -errno. */
int ouro__chore_open_file(struct chore *chore, int flags, mode_t mode);

/* Around every call of the user's function, of which one operation may make several. */
static inline void chore_call(struct chore *chore, const void *fn)
{
	call_begin(chore->base.loop, chore->base.loop->lag.call.phase, fn,
		   (struct cause){ chore->base.type->kind, -1, NULL }, chore->base.label);
}

static inline void chore_called(struct chore *chore)
{
	call_end(chore->base.loop);
	chore_call(chore, CALL_FN(chore->advance));
}
#endif
