/* pool.h -- blocking calls on a few fixed threads, answers on the loop.
 *
 * A loop has one pool; its threads are started when first needed. What can block goes there: files
 * (fs.h), names (dns.h) and short calls of your own (below). Work that needs the processor for long
 * belongs elsewhere: it would keep files and names waiting.
 *
 * There are three lanes: files, names, and the user's. Each is first in, first out, and has a cap
 * on how many threads it may hold at once, so that slow names never keep files waiting, nor your
 * calls either of them. (That takes three threads. With two, names and your calls share one; one
 * does everything in turn.)
 *
 * After a fork, in a child that has called ouro_loop_after_fork(), what waited is done in both
 * processes, and what had begun ends in the child with OURO_ECANCELED. The virtual clock stands
 * still while anything is out. */
#ifndef OURO_POOL_H
#define OURO_POOL_H
#include "ouro/error.h"
#include "ouro/hist.h"
#include "ouro/loop.h"
OURO_BEGIN

/* Something asked for and not answered yet: a plain value with nothing to free. It ends with its
 * callback; a function below that gets an ended one, or {0}, does nothing and says false or "".
 *
 * Every function that returns one calls its fn exactly once, later, in the I/O phase of a turn, in
 * the order in which the operations ended: refusals (OURO_EBUSY: too many wait) and cancellations
 * too. The one exception is {0} with errno set, and then fn will not be called: there was no memory
 * even to say so later (ENOMEM), no descriptor for the pool's first operation (EMFILE), or the loop
 * is ending (ECANCELED). An operation keeps the loop alive. */
typedef struct ouro_op {
	uint64_t id; /* 0: none */
} ouro_op;

/* On a pool thread: 0 or more, or -errno. On the loop: that, or what went wrong before it. */
typedef int  ouro_pool_fn(void *arg);
typedef void ouro_done_fn(int err, void *arg);

/* Runs work(arg) on a pool thread, then fn(what it returned, arg) on the loop. */
OURO_API ouro_op ouro_pool_run(ouro_loop *loop, ouro_pool_fn *work, ouro_done_fn *fn, void *arg);

/* True: it was still waiting, or is one that goes in pieces (a whole file, a tree) and will stop
 * before the next; its callback will get OURO_ECANCELED, later. False: it runs, and will be
 * answered as if nothing had been asked; or it has ended. */
OURO_API bool ouro_op_cancel(ouro_loop *loop, ouro_op op);

/* From now on it has ms to end. If it does not, its callback gets OURO_ETIMEOUT at once, and its
 * answer, should it come at last, is dropped safely. The thread that hangs in it counts as stuck
 * and another takes its place, up to as many again as the pool has. Asked again: the new time
 * counts. OURO_NEVER: no limit. False: it has ended, or no memory. */
OURO_API bool ouro_op_timeout(ouro_loop *loop, ouro_op op, unsigned ms);

/* For messages, inside its callback and before: the call ("open", "getaddrinfo") and what it was
 * about (a path, a name), "" when there is none. Valid until the callback returns. */
OURO_API const char *ouro_op_call(const ouro_loop *loop, ouro_op op);
OURO_API const char *ouro_op_path(const ouro_loop *loop, ouro_op op);

/* The operation whose callback is running; {0} outside one. */
OURO_API ouro_op ouro_op_now(const ouro_loop *loop);

#define OURO_LANES(X)     \
	X(FILES, "files") \
	X(NAMES, "names") \
	X(USER, "user")

enum ouro_lane {
#define OURO_LANE_ENUM(lane, name) OURO_LANE_##lane,
	OURO_LANES(OURO_LANE_ENUM)
#undef OURO_LANE_ENUM
		OURO_LANE_COUNT
};

typedef struct ouro_lane_stats {
	uint64_t  waiting;   /* operations in the queue now */
	uint64_t  running;   /* on threads now, stuck ones not counted */
	uint64_t  oldest_ns; /* how long the first in the queue has waited; 0: none */
	uint64_t  done;      /* ended so far, however */
	ouro_hist wait_ns;   /* from asking to starting */
	ouro_hist run_ns;    /* on threads, all pieces together */
} ouro_lane_stats;

typedef struct ouro_pool_stats {
	unsigned        threads; /* started and not ended; 0 until first used */
	unsigned        busy;    /* of those: in a call */
	unsigned        stuck;   /* of those: past the time of their operation */
	ouro_lane_stats lane[OURO_LANE_COUNT];
} ouro_pool_stats;

/* A reading. Loop's thread. */
OURO_API void ouro_pool_get_stats(ouro_loop *loop, ouro_pool_stats *ret_stats);

/* "files". Static; "?" for what is no lane. */
OURO_API const char *ouro_lane_name(enum ouro_lane lane);
OURO_END
#endif
