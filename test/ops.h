/* ops.h -- what the tests of the pool share: operations of any lane, gates they wait at, and
 * callbacks that say a word.
 *
 * A gate makes the order of things the test's own: an operation that has come in is on its thread
 * for certain, and stays there until it is let go. Nothing here sleeps and hopes. */
#ifndef OPS_H
#define OPS_H
#include "kit.h"
#include "offload/op.h"
#include "offload/pool.h"
#include "ouro/pool.h"
#include <sched.h>
#include <semaphore.h>

/* --- Gates --- */

struct gate {
	sem_t came, go;
};

static inline void gate_init(struct gate *gate)
{
	CHECK_EQ(sem_init(&gate->came, 0, 0), 0);
	CHECK_EQ(sem_init(&gate->go, 0, 0), 0);
}

static inline void sem_take(sem_t *sem)
{
	while (sem_wait(sem))
		CHECK_EQ(errno, EINTR);
}

/* The thread's side: says that it is there, and waits. */
static inline void gate_pass(struct gate *gate)
{
	sem_post(&gate->came);
	sem_take(&gate->go);
}

/* The test's side. */
static inline void gate_await(struct gate *gate, int n)
{
	while (n--)
		sem_take(&gate->came);
}

static inline void gate_open(struct gate *gate, int n)
{
	while (n--)
		sem_post(&gate->go);
}

/* --- Operations of any lane, each with a function of the test's own as its work --- */

struct asked {
	ouro_pool_fn *work;
};

static int asked_work(struct op *op)
{
	return ((struct asked *)op->room)->work(op->arg);
}

static void asked_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static const struct op_kind asked_kinds[] = {
#define X(lane_, name)               \
	{ .call = "a test's " name,  \
	  .lane = OURO_LANE_##lane_, \
	  .work = asked_work,        \
	  .done = asked_done },
	OURO_LANES(X)
#undef X
};

static inline ouro_op ask(ouro_loop *loop, enum ouro_lane lane, ouro_pool_fn *work,
			  ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &asked_kinds[lane], CALL_FN(fn), arg);

	CHECK(op != NULL);
	((struct asked *)op->room)->work = work;
	return ouro__op_submit(op);
}

/* --- A job: says its word when it is answered --- */

struct job {
	const char *word;
	struct gate *gate;  /* it waits there on its thread; NULL: nowhere */
	int result;         /* what its work answers */
	_Atomic int worked; /* how often its work was called */
	int err, answers;   /* what its callback was called with last, and how often */
};

static inline int job_work(void *arg)
{
	struct job *job = arg;

	job->worked++;
	if (job->gate)
		gate_pass(job->gate);
	return job->result;
}

static inline void job_done(int err, void *arg)
{
	struct job *job = arg;

	job->err = err;
	job->answers++;
	if (job->word)
		say("%s", job->word);
}

static inline ouro_op ask_job(ouro_loop *loop, enum ouro_lane lane, struct job *job)
{
	ouro_op op = ask(loop, lane, job_work, job_done, job);

	CHECK(op.id != 0);
	return op;
}

/* For an operation that must not be answered. */
static inline void never_done(int err, void *arg)
{
	say("[answered %d: %s]", err, arg ? (const char *)arg : "");
}

static inline int work_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static inline void say_done(int err, void *arg)
{
	if (err)
		say("%s:%s", (const char *)arg, ouro_errname(err));
	else
		say("%s", (const char *)arg);
}

/* --- Looking at a pool --- */

static inline ouro_pool_stats figures(ouro_loop *loop)
{
	ouro_pool_stats figures;

	ouro_pool_get_stats(loop, &figures);
	return figures;
}

/* Waits on the loop's thread, without turning the loop, until something is true elsewhere. */
#define wait_until(truth)              \
	do {                           \
		while (!(truth))       \
			sched_yield(); \
	} while (0)

static inline uint64_t on_their_way(ouro_loop *loop)
{
	ouro_pool_stats now = figures(loop);
	uint64_t n = 0;

	for (int lane = 0; lane < OURO_LANE_COUNT; lane++)
		n += now.lane[lane].waiting + now.lane[lane].running;
	return n;
}

/* All but n have ended, though none of them need have been answered. */
static inline void wait_until_left(ouro_loop *loop, uint64_t n)
{
	wait_until(on_their_way(loop) <= n);
}
#endif
