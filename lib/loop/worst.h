/* worst.h -- what the watchdog remembers: the 32 longest blocks of a loop, and sums over all.
 *
 * One thread writes, any reads. The lock is held for the length of a copy, never over a call, and
 * never by the loop's thread unless it reads. */
#ifndef OURO__WORST_H
#define OURO__WORST_H
#include "ouro/lag.h"
#include <pthread.h>

#define WORST        32
#define BLAMES       64 /* the last is for all that have no place of their own */
#define BLOCK_FRAMES 32
#define BLOCK_NAME   128

/* One time that the loop was held. */
struct block {
	uint64_t began; /* the loop's stamp then: no two have the same */
	uint64_t ns, calls, missed;
	unsigned waiting, depth;
	bool ongoing;
	char who[BLOCK_NAME], doing[256], route[BLOCK_NAME], origin[512];
	char stack[2048]; /* depth names, each with a zero behind it */
};

struct blame {
	uint64_t count, ns, max_ns;
	char name[BLOCK_NAME];
};

struct worst {
	pthread_mutex_t lock;
	unsigned count;
	struct block block[WORST]; /* the longest first */
	struct block now;          /* when now.ongoing */
	struct blame blame[OURO_BY_ROUTE + 1][BLAMES];
};

void ouro__worst_init(struct worst *worst);
void ouro__worst_end(struct worst *worst);

/* In a fork's child: whoever held the lock is not there. */
void ouro__worst_after_fork(struct worst *worst);

/* It is over. */
void ouro__worst_add(struct worst *worst, const struct block *block);

/* What goes on now; block->ongoing false: nothing any more. */
void ouro__worst_now(struct worst *worst, const struct block *block);

/* As ouro_loop_worst() and ouro_loop_blame(). */
size_t ouro__worst_each(struct worst *worst, ouro_loop *loop, ouro_lag_fn *fn, void *arg);
size_t ouro__blame_each(struct worst *worst, enum ouro_blame_by by, ouro_blame_fn *fn, void *arg);

/* For a user: points into block and frames. */
ouro_lag ouro__block_lag(const struct block *block, const char *frames[BLOCK_FRAMES]);
#endif
