/* op.h -- one operation of the pool: asked for on the loop, done on a thread, answered on the loop.
 *
 * Whoever offers an operation (fs.c, dns.c) describes it in an op_kind, takes a record, fills its
 * `room` and submits it:
 *
 *     struct op *op = ouro__op_new(loop, &stat_kind, CALL_FN(fn), arg);
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
#include "ouro/pool.h"
#include "ouro/timer.h"

struct op;
struct pool;

struct op_kind {
	const char *call; /* "stat": what messages call it */
	enum ouro_lane lane;

	/* On a pool thread: does it, and answers 0 or more, or -errno. May use op->room, op->fn and
	 * op->arg, nothing else. NULL: answered without the pool, with the err that op->err holds when it
	 * is submitted; still later. */
	int (*work)(struct op *op);

	/* On the loop: calls the user's function, op->fn, with err and what work() left in op->room.
	 * err may be OURO_ECANCELED, OURO_EBUSY, OURO_ETIMEOUT: then work() may not have run, or may be
	 * running still, so room is not to be read. The user's call alone: accounting and the micro
	 * queue are the caller's business. */
	void (*done)(struct op *op, int err);

	/* On the loop, or on a stuck thread that has come back, once neither needs the room any more:
	 * frees what it holds, closes a descriptor that nobody took. NULL: nothing to free. */
	void (*release)(struct op *op);
};

/* What a kind may keep in its operation. Zeroed when the operation is new. */
#define OP_ROOM 368

struct op {
	struct slab_record record;
	const struct op_kind *kind;
	struct pool *pool;
	struct op *next, *prev; /* in its lane's queue, or among those that have ended */
	const void *fn;         /* the user's function */
	void *arg;              /* and its argument */
	const char *path;       /* what it is about, for messages; NULL: nothing */
	uint64_t stamp;         /* when it was submitted, then when it was started */
	ouro_timer deadline;
	int err;
	uint8_t state; /* pool.c's */
	bool answered; /* its callback has been called: the rest is to be dropped */
	_Alignas(16) char room[OP_ROOM];
};

/* NULL with errno ENOMEM; or ECANCELED when the loop is ending. */
struct op *ouro__op_new(ouro_loop *loop, const struct op_kind *kind, const void *fn, void *arg);

/* Asks for it. From here on it is the pool's. */
ouro_op ouro__op_submit(struct op *op);

/* Before it was submitted: takes it back, with no callback (release() is called). For a
 * constructor that runs out of memory half-way; errno is ENOMEM afterwards. */
ouro_op ouro__op_refuse(struct op *op);

/* The loop an operation belongs to. */
ouro_loop *ouro__op_loop(const struct op *op);
#endif
