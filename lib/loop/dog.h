/* dog.h -- the watchdog, for those files alone that it is made of. See watchdog.h.
 *
 *     watchdog.c        its thread: when it looks, and what it does about what it sees
 *     watchdog_shot.c   one look: the signal's handler, and names for what that wrote down
 *     watchdog_life.c   its beginning and end, and all that the loop's thread calls
 */
#ifndef OURO__LOOP_DOG_H
#define OURO__LOOP_DOG_H
#include "loop/namebook.h"
#include "loop/voice.h"
#include "loop/watchdog.h"
#include "loop/worst.h"

#define FOREVER UINT64_MAX
#define CAUGHT  8

#define load(word)         __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define store(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

/* What the loop's thread was at, written down by itself in the signal's handler. */
struct shot {
	uint64_t stamp;
	const void *fn;
	bool asleep, turning;
	char name[BLOCK_NAME], doing[256], route[BLOCK_NAME];
	int made_depth;
	void *made[LABEL_FRAMES];
};

/* A block that is over, and not yet told by the loop. */
struct caught {
	uint64_t turns;
	bool added;
	struct block block;
};

struct watchdog {
	struct ouro_loop *loop;
	uint64_t limit, patience, stuck_after; /* ns */
	bool aborts;
	ouro_lag_fn *on_held, *on_stuck;
	void *arg;
	int bell_fd, probe; /* probe < 0: takes no stacks */
	pthread_t thread;
	pid_t pid; /* of the process that the thread is in */

	/* The loop's. */
	bool asleep, seeks;
	int tid, outer_fd, backend_fd;
	uint64_t wakes; /* turns, and polls of a host that have ended */

	/* Between the two. */
	bool drowsy, ending, asked;
	uint64_t host_since; /* a host that polls a descriptor holds the loop, so long; 0: no */

	/* The watchdog's. */
	uint64_t planned, grace; /* when it meant to look; from when on a block counts */
	uint64_t wakes_seen, outer_since;
	bool listens; /* to outer_fd */
	struct block now;
	uint64_t next_shot;
	bool told_stuck;
	struct voice voice;
	struct shot shot;
	struct caught caught[CAUGHT];
	unsigned next_caught;
	struct block seen[LAG_QUEUE];
	struct namebook names;
	struct worst worst;
};

/* Fills dog->now from the loop's thread as it is now; false: it has gone on meanwhile. */
bool ouro__dog_shoot(struct watchdog *dog);

/* In the signal's handler, on the loop's thread. arg: the watchdog. */
void ouro__dog_handler(void *arg);

/* The thread. arg: the watchdog. */
void *ouro__dog_watch(void *arg);
#endif
