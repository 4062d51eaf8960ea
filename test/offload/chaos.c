/* chaos.c -- everything at once, in eight threads of loops: each operation is answered once.
 *
 * Dice decide: short and long work in every lane and in pieces, cancels of live and of old tokens,
 * time-outs, operations asked for in callbacks, and loops freed whenever. An operation is a record
 * of its own that must have exactly one answer when its loop is gone, and none after. Work goes on
 * beyond its time and beyond its loop.
 *
 * CHAOS_SECONDS=30 goes on for so long; else a fixed number of loops is made. A seed is a thread's
 * number, so a run is as repeatable as threads are. */
#include "ops.h"
#include <time.h>

enum {
	THREADS = 8,
	LOOPS = 48 / (TEST_SLOW > 1 ? 3 : 1), /* of each thread */
	OPS = 400,                            /* of each loop */
	AT_FIRST = 16,
};

struct world;

struct item {
	struct world *world;
	ouro_op op;
	int answers;
	int pieces; /* 0: not in pieces */
	unsigned us;
	_Atomic int released;
};

/* One loop and what was asked of it. */
struct world {
	ouro_loop *loop;
	uint32_t seed;
	int asked, answered;
	int free_at; /* so many answers */
	bool freed;  /* from here on nothing is asked */
	_Atomic int at_work;
	struct item items[OPS];
};

static void spend(unsigned us)
{
	struct timespec t = { .tv_nsec = (long)us * 1000 };

	if (us)
		nanosleep(&t, NULL);
}

static int item_work(struct op *op)
{
	struct item *item = op->arg;

	item->world->at_work++;
	spend(item->us);
	item->world->at_work--;
	if (!item->pieces || ouro__op_is_stopped(op))
		return 0;
	return --item->pieces ? OP_AGAIN : 0;
}

static void ask_for_some(struct world *world, int n);

static bool is_expected(int err)
{
	return err == 0 || err == OURO_ECANCELED || err == OURO_ETIMEOUT || err == OURO_EBUSY;
}

static void meddle(struct world *world)
{
	struct item *item = &world->items[random_below(&world->seed, (uint32_t)world->asked)];

	switch (random_below(&world->seed, 4)) {
	case 0:
		ouro_op_cancel(world->loop, item->op);
		break;
	case 1:
		ouro_op_timeout(world->loop, item->op, random_below(&world->seed, 3));
		break;
	case 2:
		CHECK(!ouro_op_cancel(world->loop, ouro_op_now(world->loop)));
		break;
	default:
		ouro_op_call(world->loop, item->op);
	}
}

static void item_done(struct op *op, int err)
{
	struct item *item = op->arg;
	struct world *world = item->world;

	CHECK(is_expected(err));
	CHECK_EQ(item->released, 0);
	CHECK_EQ(item->answers++, 0);
	CHECK_EQ(ouro_op_now(world->loop).id, item->op.id);
	world->answered++;
	if (world->freed)
		return;
	for (int i = 0; i < 3; i++)
		meddle(world);
	ask_for_some(world, 1 + (int)random_below(&world->seed, 2));
	if (world->answered >= world->free_at) {
		world->freed = true;
		ouro_loop_free(world->loop);
	}
}

static void item_release(struct op *op)
{
	((struct item *)op->arg)->released++;
}

static const struct op_kind kinds[2][OURO_LANE_COUNT] = {
#define KIND(in_pieces, lane_)       \
	{ .call = "chaos",           \
	  .lane = OURO_LANE_##lane_, \
	  .pieces = in_pieces,       \
	  .work = item_work,         \
	  .done = item_done,         \
	  .release = item_release },
#define X(lane_, name) KIND(false, lane_)
	{ OURO_LANES(X) },
#undef X
#define X(lane_, name) KIND(true, lane_)
	{ OURO_LANES(X) },
#undef X
};

/* Most are short, a few hang longer than any time-out. */
static unsigned dice_us(uint32_t *seed)
{
	uint32_t n = random_below(seed, 100);

	return n < 70 ? 0 : n < 97 ? random_below(seed, 300) : 3000 + random_below(seed, 5000);
}

static void ask_for_one(struct world *world)
{
	struct item *item = &world->items[world->asked++];
	bool pieces = random_below(&world->seed, 3) == 0;
	struct op *op;

	item->world = world;
	item->us = dice_us(&world->seed);
	item->pieces = pieces ? 1 + (int)random_below(&world->seed, 20) : 0;
	op = ouro__op_new(world->loop, &kinds[pieces][random_below(&world->seed, OURO_LANE_COUNT)],
			  CALL_FN(item_done), item);
	CHECK(op != NULL);
	item->op = ouro__op_submit(op);
	if (random_below(&world->seed, 4) == 0)
		CHECK(ouro_op_timeout(world->loop, item->op, random_below(&world->seed, 4)));
	if (random_below(&world->seed, 8) == 0)
		ouro_op_cancel(world->loop, item->op);
}

static void ask_for_some(struct world *world, int n)
{
	while (n-- > 0 && world->asked < OPS)
		ask_for_one(world);
}

/* The last thread to come back may do so long after the loop has gone. */
static void check_all_over(struct world *world)
{
	for (int i = 0; i < world->asked; i++)
		wait_until(world->items[i].released == 1);
	CHECK_EQ(world->answered, world->asked);
	for (int i = 0; i < world->asked; i++) {
		CHECK_EQ(world->items[i].answers, 1);
		CHECK_EQ(world->items[i].released, 1);
	}
	CHECK_EQ(world->at_work, 0);
}

static void live_once(uint32_t *seed)
{
	struct world *world = calloc(1, sizeof(*world));
	ouro_loop_opts opts = {
		.pool_threads = 1 + random_below(seed, 6),
		.pool_queue = random_below(seed, 4) ? 0 : 1 + random_below(seed, 8),
		.turn_us = random_below(seed, 3) ? 0 : 50,
	};

	CHECK(world != NULL);
	world->seed = *seed;
	world->free_at = random_below(seed, 3) ? (int)random_below(seed, OPS) : OPS + 1;
	world->loop = ouro_loop_new(&opts);
	CHECK(world->loop != NULL);
	ask_for_some(world, AT_FIRST);
	if (random_below(seed, 8))
		CHECK_EQ(ouro_loop_run(world->loop), 0);
	if (!world->freed) {
		world->freed = true;
		ouro_loop_free(world->loop);
	}
	check_all_over(world);
	free(world);
}

static uint64_t until_ns;

static void *live(void *number)
{
	uint32_t seed = 2463534242u + (uint32_t)(uintptr_t)number * 7919u;

	for (int i = 0; until_ns ? real_ns() < until_ns : i < LOOPS; i++) {
		live_once(&seed);
		if (until_ns)
			alarm(TEST_SECONDS);
	}
	return NULL;
}

static void wait_until_nothing_is_held(void)
{
	wait_until(atomic_load(&test_memory.held) == 0);
}

TEST(whatever_happens_each_operation_is_answered_exactly_once)
{
	const char *seconds = getenv("CHAOS_SECONDS");
	pthread_t threads[THREADS];

	if (seconds)
		until_ns = real_ns() + strtoull(seconds, NULL, 10) * 1000 * MS;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, live, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	wait_until_nothing_is_held();
}
