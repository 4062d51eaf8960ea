/* question.h -- what the machine is being asked for one name, and the names it has been asked for.
 *
 *     under way  listed, with those who wait for it: who asks the same joins them
 *     kept       listed, answered: who asks the same has the answer
 *     private    not listed: nobody else will find it
 *
 * A question belongs to everybody who holds it: the operation on the pool, each asker until its
 * callback has returned, and the list while it is kept. A stuck thread may be the last to let go of
 * one, long after the loop, so the count is atomic and a private question touches nothing else. */
#ifndef OURO__QUESTION_H
#define OURO__QUESTION_H
#include "base/list.h"
#include "loop/loop.h"
#include "offload/answer.h"
#include "ouro/pool.h"
#include <stdatomic.h>

/* Nobody's name is longer: DNS ends at 253, /etc/hosts is read by lines of 1024. */
#define NAME_MOST 1024

struct question {
	atomic_uint holders;
	bool answered;
	int err;             /* when answered */
	struct names *names; /* where it is listed; NULL: private */
	struct list link;
	struct list age; /* among those that are kept, the oldest first */
	uint64_t since;  /* when it was answered */
	struct list askers;
	ouro_op op; /* on the pool */
	struct answer *answer;
	int family, flags;
	char name[]; /* as its first asker wrote it */
};

/* Private, held once. NULL: no memory. Of a longer name it has the first NAME_MOST + 1 letters. */
struct question *ouro__question_new(const char *name, int family, int flags);
struct question *ouro__question_hold(struct question *question);

/* Any thread. NULL: nothing. */
void ouro__question_drop(struct question *question);

#define NAME_BUCKETS 64
#define NAMES_KEPT   256

struct names {
	struct attachment attachment;
	struct ouro_loop *loop;
	struct list bucket[NAME_BUCKETS];
	struct list kept;
	unsigned kept_count;
	uint64_t keep_ns; /* 0: keep none */
};

/* A loop's, made when first asked for; NULL: no memory. */
struct names *ouro__names_of(struct ouro_loop *loop);

/* The listed question that is the same and, if kept, is not too old; NULL: none. Not held. */
struct question *ouro__names_find(struct names *names, const char *name, int family, int flags);

/* From here on it is found; and from here on no more, whatever it was. */
void ouro__names_list(struct names *names, struct question *question);
void ouro__names_unlist(struct question *question);

/* It is answered: keeps it if it is to be kept, or unlists it. */
void ouro__names_settle(struct question *question);

/* How long to keep; 0: not at all. */
void ouro__names_keep(struct names *names, uint64_t ns);
#endif
