/* op.h -- one operation of the pool: asked for on the loop, done on a thread, answered on the loop.
 *
 * Whoever offers an operation (fs.c, dns.c) describes it in an op_kind, takes a record, fills its
 * room and submits it:
 *
 *     struct op *op = ouro__op_new(loop, &stat_kind, CALL_FN(fn), arg);
 *
 *     if (!op)
 *             return (ouro_op){ 0 };
 *     ... fill op->room ...
 *     return ouro__op_submit(op);
 *
 * The record belongs to the loop's thread until it is submitted, to a pool thread inside work(),
 * and to the loop's thread again from done() on. Records are recycled: a steady state allocates
 * nothing. */
#ifndef OURO__OP_H
#define OURO__OP_H
#include "base/slab.h"
#include "loop/trace.h"
#include "ouro/pool.h"
#include "ouro/timer.h"

struct op;
struct pool;

/* What work() answers when it has done a piece and wants another turn, behind whoever waits. */
#define OP_AGAIN (-5000)

struct op_kind {
	const char *call; /* "stat": what messages call it */
	enum ouro_lane lane;

	/* It comes in pieces: work() may answer OP_AGAIN. Such an operation can be cancelled and
	 * timed out after it has begun: then work() is called a last time, with
	 * ouro__op_is_stopped() true, and undoes on its thread what it has half done. */
	bool pieces;

	/* How many bytes of its room are to be zero when it is new; 0: all of them. */
	uint16_t room;

	/* On a pool thread: does it, and answers 0 or more, or -errno. May use op->room, op->path,
	 * fn and arg, and ouro__op_is_stopped(), nothing else. NULL: answered without the pool,
	 * with the op->err it is submitted with; still later. */
	int (*work)(struct op *op);

	/* On the loop: calls the user's function, op->fn, with err and what work() left in the room.
	 * When err is OURO_ECANCELED, OURO_EBUSY or OURO_ETIMEOUT the room is not to be looked at:
	 * work() may be at it still. Accounting and the micro queue are the pool's business. */
	void (*done)(struct op *op, int err);

	/* On the loop: a parked one has just been cancelled, is too late, or its loop ends (err), and
	 * whoever works at it elsewhere need not answer any more. done() is still to come, later.
	 * NULL: nobody has to be told. */
	void (*leave)(struct op *op, int err);

	/* For a trace: the name of the lane that op->tid is the number of. NULL: it is a thread of the
	 * pool. */
	void (*name_lane)(const struct op *op, char name[TRACE_LANE]);

	/* Once nobody needs the room any more: frees what it holds. Most often on the loop, after
	 * done(); on the pool's thread when that was stuck beyond the loop's end. Must not block, but
	 * for closing a descriptor that nobody took. NULL: there is nothing to free. */
	void (*release)(struct op *op);
};

/* What a kind may keep in its operation; zeroed when the operation is new, see op_kind.room. */
#define OP_ROOM 368

struct op {
	struct slab_record record;
	const struct op_kind *kind;
	struct pool *pool;
	struct op *next, *prev; /* in its lane; next: on the stack of those that have ended */
	struct op *line;        /* behind it among those whose callback is to come */
	const void *fn; /* the user's function; NULL: the operation is hidden, done() says all */
	void *arg;
	const char *path; /* what it is about, for messages; NULL: nothing */
	uint64_t stamp;   /* ns: when it was put into its lane, then when it was started */
	uint64_t ran;     /* ns on threads so far */
	uint64_t asked;   /* the loop's time when it was asked for; 0: not yet */
	uint64_t began;   /* ns: who is at it has been at it without a break since; till stamp */
	uint32_t tid;     /* of who is, or was; 0: nobody was */
	uint64_t turn;    /* when it was put into its lane: the order across lanes */
	ouro_timer deadline;
	int err;
	uint8_t state; /* under the lock of the pool */
	bool begun;    /* a piece of it is done */
	bool stop;     /* cancelled or too late, after it had begun */
	bool parked;   /* nobody works at it */
	bool late;     /* its time was up before it ended */
	bool back;     /* no thread is at it, nor will be */
	bool in_call;  /* it was asked for in a callback, which began at `asked` */
	bool answered; /* its callback has been called: the rest is dropped */
	_Alignas(16) char room[OP_ROOM];
};

/* NULL with errno ENOMEM or EMFILE; or ECANCELED when the loop is ending. */
struct op *ouro__op_new(ouro_loop *loop, const struct op_kind *kind, const void *fn, void *arg);

/* Asks for it. From here on it is the pool's. */
ouro_op ouro__op_submit(struct op *op);

/* Instead of submitting: nobody works at it, until it is answered by ouro__op_answer(), cancelled
 * or timed out. Both on the loop's thread; the callback comes later, in line with all others. */
ouro_op ouro__op_park(struct op *op);
void ouro__op_answer(struct op *op, int err); /* nothing, if it has ended otherwise */

/* A parked one is too late, by its maker's own clock. */
void ouro__op_expire(struct op *op);

/* The same as answering from the I/O phase, for many: no bell is rung; ouro__ops_answer() must follow. */
void ouro__op_settle(struct op *op, int err);

/* Instead of submitting, when its maker ran out of memory half-way: releases it and answers {0}
 * with errno ENOMEM; no callback. */
ouro_op ouro__op_refuse(struct op *op);

/* For work(), between two steps: was it cancelled, or is it too late? */
static inline bool ouro__op_is_stopped(const struct op *op)
{
	return __atomic_load_n(&op->stop, __ATOMIC_RELAXED);
}

ouro_op ouro__op_token(const struct op *op);
ouro_loop *ouro__op_loop(const struct op *op);
#endif
