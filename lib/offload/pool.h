/* pool.h -- the threads of one loop, and the three lanes before them. See ouro/pool.h.
 *
 * One lock guards the lanes and the numbers; it is held for a few instructions, never over a call.
 * A thread that has finished one operation takes the next under the same lock. What has ended goes
 * onto a stack without a lock; whoever finds that empty rings the loop's bell, and the loop takes
 * the stack whole. A thread is woken by the loop only when none is on its way already, and
 * wakes the next itself if there is more to do than it can take. */
#ifndef OURO__POOL_THREADS_H
#define OURO__POOL_THREADS_H
#include "loop/loop.h"
#include "offload/op.h"
#include <pthread.h>
#include <stdatomic.h>

enum op_state { OP_NEW, OP_WAITING, OP_RUNNING, OP_STUCK, OP_ENDED };

struct lane {
	struct op *first, *last;
	unsigned waiting, running, cap;
	uint64_t done;
	ouro_hist wait_ns, run_ns;
};

struct pool {
	/* The loop's thread alone. */
	struct attachment attachment;
	struct watch bell;
	struct ouro_loop *loop;
	struct slab ops;
	struct op *line, **line_end; /* ended or past their time, callback to come: oldest first */
	ouro_op now;                 /* whose callback runs */

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* somebody should look at the lanes */
	pthread_cond_t quiet; /* nothing runs any more, or a thread has gone */
	struct lane lane[OURO_LANE_COUNT];
	unsigned limit; /* threads; and as many again in place of stuck ones */
	unsigned threads, idle, stuck;
	size_t stack;
	uint64_t turns; /* how often one was put into a lane */
	bool waking;    /* a thread is being woken and has not looked yet */
	bool signal;    /* it is to be signalled, once the lock is free */
	bool ending;    /* the loop ends: what comes in pieces is to stop */
	bool closed;    /* it has gone */
	bool left;      /* to its stuck threads: the last of them frees it */

	/* Anybody. */
	_Atomic(struct op *) stack_of_ended; /* newest first */
	int bell_fd;
};

/* The loop's pool, made when it is first asked for; NULL with errno. */
struct pool *ouro__pool_of(struct ouro_loop *loop);

/* The pool of a loop that may have none. */
struct pool *ouro__pool_if_any(const struct ouro_loop *loop);

/* How many operations wait in its lanes; NULL: none. The loop's thread. */
uint64_t ouro__pool_depth(struct pool *pool);

/* Into its lane, and wakes or starts a thread. 0; OURO_EBUSY; -EAGAIN, -ENOMEM: there is no thread
 * at all. */
int ouro__pool_enqueue(struct pool *pool, struct op *op);

/* Out of its lane, if it has not begun; else tells it to stop. What became of it: */
enum pool_taken {
	POOL_TAKEN, /* out, and the loop's */
	POOL_STOPS, /* has begun, will end soon by itself */
	POOL_RUNS,  /* on a thread, and not to be stopped */
};
enum pool_taken ouro__pool_take_back(struct pool *pool, struct op *op);

/* On a thread and past its time: counts that as stuck, and makes up for it. False: it has just
 * ended, or is told to stop. */
bool ouro__pool_give_up(struct pool *pool, struct op *op);

/* Any thread: it has ended, tell the loop. */
void ouro__pool_ended(struct pool *pool, struct op *op);

/* Takes the stack of those that have ended, and lines up those that are to be called back; op.c. */
void ouro__ops_line_up(struct pool *pool);

/* Calls back for all that have ended; op.c. */
void ouro__ops_answer(struct pool *pool);

/* For ouro_loop_active(); op.c. */
void ouro__ops_list(struct pool *pool, struct listing *listing);

/* Those that are not answered, for the loop's trace, which there is; op.c. */
void ouro__ops_record(struct pool *pool, uint64_t now);

/* Ends those that nobody works at; op.c. */
void ouro__ops_cancel_parked(struct pool *pool);
#endif
