/* pool.c -- threads and lanes. See pool.h, and op.c for the loop's side. */
#include "offload/pool.h"
#include "base/alloc.h"
#include "ouro/io.h"
#include "sys/fd.h"
#include "sys/thread.h"
#include "sys/wake.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char pool_kind;

/* Taking turns. Everything here is called with the lock held. */

static void append(struct lane *lane, struct op *op)
{
	op->state = OP_WAITING;
	op->turn = ++op->pool->turns;
	op->next = NULL;
	op->prev = lane->last;
	*(lane->last ? &lane->last->next : &lane->first) = op;
	lane->last = op;
	lane->waiting++;
}

static void take_out(struct lane *lane, struct op *op)
{
	*(op->prev ? &op->prev->next : &lane->first) = op->next;
	*(op->next ? &op->next->prev : &lane->last) = op->prev;
	lane->waiting--;
}

/* Names and the user's calls may be slow: together they leave one thread to files. */
static bool may_start(const struct pool *pool, const struct lane *lane)
{
	const struct lane *names = &pool->lane[OURO_LANE_NAMES],
			  *user = &pool->lane[OURO_LANE_USER];

	if (!lane->first || lane->running >= lane->cap)
		return false;
	if (lane != names && lane != user)
		return true;
	return pool->limit == 1 || names->running + user->running < pool->limit - 1;
}

/* Of the lanes that may start one, the one whose first was asked for first. */
static struct lane *next_lane(struct pool *pool)
{
	struct lane *best = NULL;

	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		struct lane *lane = &pool->lane[i];

		if (may_start(pool, lane) && (!best || lane->first->turn < best->first->turn))
			best = lane;
	}
	return best;
}

static unsigned threads_wanted(const struct pool *pool)
{
	unsigned spare = pool->stuck < pool->limit ? pool->stuck : pool->limit;

	return pool->limit + spare;
}

static void *work_until_closed(void *arg);

static int start_thread(struct pool *pool)
{
	char name[16];
	pthread_t thread;
	int err;

	snprintf(name, sizeof(name), "ouro-pool-%u", (pool->threads + 1) % 10000);
	pool->threads++;
	err = ouro__thread_start(&thread, name, pool->stack, work_until_closed, pool);
	if (err)
		pool->threads--;
	else
		pthread_detach(thread);
	return err;
}

/* Sees to it that somebody looks at the lanes soon. At most one thread at a time is on its way: it
 * wakes the next if it finds more than it can take. */
static int call_somebody(struct pool *pool)
{
	if (pool->idle) {
		pool->signal |= !pool->waking;
		pool->waking = true;
		return 0;
	}
	return pool->threads < threads_wanted(pool) ? start_thread(pool) : 0;
}

static bool take_signal(struct pool *pool)
{
	bool signal = pool->signal;

	pool->signal = false;
	return signal;
}

/* Whoever is woken before the lock is free only waits again, for the lock. */
static void unlock(struct pool *pool)
{
	bool signal = take_signal(pool);

	pthread_mutex_unlock(&pool->lock);
	if (signal)
		pthread_cond_signal(&pool->work);
}

/* A thread's life. */

static _Thread_local uint32_t my_tid;

static void wait_for_work(struct pool *pool)
{
	pool->idle++;
	pthread_cond_wait(&pool->work, &pool->lock);
	pool->idle--;
	pool->waking = false;
}

static void start(struct pool *pool, struct lane *lane, struct op *op, uint64_t now)
{
	take_out(lane, op);
	op->state = OP_RUNNING;
	lane->running++;
	if (!op->begun)
		hist_add(&lane->wait_ns, now > op->stamp ? now - op->stamp : 0, 1);
	if (op->tid != my_tid || op->stamp != now) /* or it is the next piece, at once */
		op->began = now;
	op->tid = my_tid;
	op->stamp = now;
	if (next_lane(pool))
		call_somebody(pool);
}

/* The work is done, or a piece of it; true: it is over. */
static bool finish(struct pool *pool, struct op *op, int result, uint64_t now)
{
	struct lane *lane = &pool->lane[op->kind->lane];

	if (op->state == OP_STUCK)
		pool->stuck--;
	else
		lane->running--;
	op->begun = true;
	op->ran += now - op->stamp;
	op->stamp = now;
	if (result == OP_AGAIN) {
		if (pool->ending)
			__atomic_store_n(&op->stop, true, __ATOMIC_RELAXED);
		append(lane, op);
		return false;
	}
	hist_add(&lane->run_ns, op->ran, 1);
	op->err = op->stop ? OURO_ECANCELED : result;
	op->state = OP_ENDED;
	return true;
}

/* Nobody is left to tell: what a stuck operation has left behind is freed by its own thread. */
static void bury(struct op *op)
{
	if (op->kind->release)
		op->kind->release(op);
}

static uint64_t do_one(struct pool *pool, struct lane *lane, uint64_t now)
{
	struct op *op = lane->first;
	bool over, nobody_asks;
	int result;

	start(pool, lane, op, now);
	unlock(pool);
	result = op->kind->work(op);
	now = clock_ns();
	pthread_mutex_lock(&pool->lock);
	over = finish(pool, op, result, now);
	nobody_asks = pool->closed;
	if (over && !nobody_asks)
		ouro__pool_ended(pool, op);
	if (over && nobody_asks) {
		pthread_mutex_unlock(&pool->lock);
		bury(op);
		pthread_mutex_lock(&pool->lock);
	}
	return now;
}

/* The loop has gone, this is its last thread, and it takes what is left with it. */
static void free_pool(struct pool *pool)
{
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->quiet);
	ouro__slab_free(&pool->ops);
	ouro__free(pool);
}

/* One that took the place of a stuck thread is one too many when that has come back. */
static bool is_wanted(const struct pool *pool)
{
	return pool->threads <= threads_wanted(pool);
}

static void work_while_there_is_any(struct pool *pool)
{
	uint64_t now = clock_ns();
	struct lane *lane;

	while (is_wanted(pool) && (lane = next_lane(pool)))
		now = do_one(pool, lane, now);
	pthread_cond_broadcast(&pool->quiet);
}

/* Who leaves may have been the one that was woken for something. */
static void *work_until_closed(void *arg)
{
	struct pool *pool = arg;
	bool last;

	my_tid = (uint32_t)gettid();
	pthread_mutex_lock(&pool->lock);
	work_while_there_is_any(pool);
	while (!pool->closed && is_wanted(pool)) {
		wait_for_work(pool);
		work_while_there_is_any(pool);
	}
	pool->threads--;
	if (next_lane(pool))
		call_somebody(pool);
	if (take_signal(pool))
		pthread_cond_signal(&pool->work); /* without the lock there may be no pool */
	last = pool->left && !pool->threads;
	pthread_cond_broadcast(&pool->quiet);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		free_pool(pool);
	return NULL;
}

/* For the loop. */

void ouro__pool_ended(struct pool *pool, struct op *op)
{
	struct op *newest = atomic_load_explicit(&pool->stack_of_ended, memory_order_relaxed);

	do {
		op->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(
		&pool->stack_of_ended, &newest, op, memory_order_acq_rel, memory_order_relaxed));
	if (!newest)
		ouro__wake_ring(pool->bell_fd);
}

int ouro__pool_enqueue(struct pool *pool, struct op *op)
{
	struct lane *lane = &pool->lane[op->kind->lane];
	int err = 0;

	pthread_mutex_lock(&pool->lock);
	if (lane->waiting >= pool->loop->pool_wishes.queue) {
		err = OURO_EBUSY;
	} else {
		append(lane, op);
		if (may_start(pool, lane))
			err = call_somebody(pool);
		if (err && pool->threads) {
			err = 0; /* those that there are will get to it */
		} else if (err) {
			take_out(lane, op);
		}
	}
	unlock(pool);
	return err;
}

enum pool_taken ouro__pool_take_back(struct pool *pool, struct op *op)
{
	struct lane *lane = &pool->lane[op->kind->lane];
	enum pool_taken taken = POOL_RUNS;

	pthread_mutex_lock(&pool->lock);
	if (op->state == OP_WAITING && !op->begun) {
		take_out(lane, op);
		taken = POOL_TAKEN;
	} else if (op->kind->pieces && (op->state == OP_WAITING || op->state == OP_RUNNING)) {
		__atomic_store_n(&op->stop, true, __ATOMIC_RELAXED);
		taken = POOL_STOPS;
	}
	pthread_mutex_unlock(&pool->lock);
	return taken;
}

bool ouro__pool_give_up(struct pool *pool, struct op *op)
{
	bool stuck;

	pthread_mutex_lock(&pool->lock);
	stuck = op->state == OP_RUNNING;
	if (stuck) {
		op->state = OP_STUCK;
		pool->lane[op->kind->lane].running--;
		pool->stuck++;
		if (next_lane(pool))
			call_somebody(pool);
	}
	unlock(pool);
	return stuck;
}

static void on_bell(struct watch *watch, unsigned ready)
{
	struct pool *pool = list_of(watch, struct pool, bell);

	(void)ready;
	ouro__wake_silence(pool->bell_fd);
	ouro__ops_answer(pool);
}

/* Beginning and end. */

/* The loop ends. What has not begun is cancelled; the loop waits for what runs, but not for a stuck
 * thread, which may never come back. */
static bool is_quiet(const struct pool *pool)
{
	for (int i = 0; i < OURO_LANE_COUNT; i++)
		if (pool->lane[i].waiting || pool->lane[i].running)
			return false;
	return true;
}

static void cancel_lane(struct pool *pool, struct lane *lane)
{
	struct op *next;

	for (struct op *op = lane->first; op; op = next) {
		next = op->next;
		__atomic_store_n(&op->stop, true, __ATOMIC_RELAXED);
		if (op->begun)
			continue;
		take_out(lane, op);
		op->err = OURO_ECANCELED;
		op->state = OP_ENDED;
		ouro__pool_ended(pool, op);
	}
}

static void drain(struct attachment *attachment)
{
	struct pool *pool = list_of(attachment, struct pool, attachment);

	ouro__ops_cancel_parked(pool);
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	for (int i = 0; i < OURO_LANE_COUNT; i++)
		cancel_lane(pool, &pool->lane[i]);
	while (!is_quiet(pool))
		pthread_cond_wait(&pool->quiet, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	ouro__ops_answer(pool);
}

static void list(struct attachment *attachment, struct listing *listing)
{
	ouro__ops_list(list_of(attachment, struct pool, attachment), listing);
}

static void end(struct attachment *attachment)
{
	struct pool *pool = list_of(attachment, struct pool, attachment);
	bool last;

	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->threads > pool->stuck)
		pthread_cond_wait(&pool->quiet, &pool->lock);
	ouro__ops_line_up(pool); /* late ones: to be released */
	last = !pool->threads;
	pool->left = !last;
	ouro__watch_stop(&pool->bell);
	ouro__fd_close(&pool->bell_fd);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		free_pool(pool);
}

/* In a fork's child there are no threads. What has not begun is done here as well. What has begun
 * ends here: a thread of the parent is at it, or holds its place in files that the two of us share,
 * so not even what is half done may be undone here. A lane may have been caught in the middle of a
 * change, so all of them are made anew from the operations themselves. */

static void insert_by_turn(struct lane *lane, struct op *op)
{
	struct op *before = lane->last;

	while (before && before->turn > op->turn)
		before = before->prev;
	op->prev = before;
	op->next = before ? before->next : lane->first;
	*(op->next ? &op->next->prev : &lane->last) = op;
	*(before ? &before->next : &lane->first) = op;
	lane->waiting++;
}

/* One that has ended and is not in line was caught on its way there. */
static void restore(struct pool *pool, struct op *op)
{
	if (op->state == OP_WAITING && !op->begun) {
		insert_by_turn(&pool->lane[op->kind->lane], op);
	} else if (op->state != OP_NEW && !op->back) {
		if (op->state != OP_ENDED)
			op->err = OURO_ECANCELED;
		op->state = OP_ENDED;
		ouro__pool_ended(pool, op);
	}
}

static void forget_threads(struct pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->quiet, NULL);
	pool->threads = pool->idle = pool->stuck = 0;
	pool->waking = pool->signal = false;
	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		struct lane *lane = &pool->lane[i];

		lane->first = lane->last = NULL;
		lane->waiting = lane->running = 0;
	}
}

static int renew_bell(struct pool *pool)
{
	int fd = ouro__wake_fd();

	if (fd < 0)
		return fd;
	ouro__watch_stop(&pool->bell);
	ouro__fd_close(&pool->bell_fd);
	pool->bell_fd = fd;
	return ouro__watch_start(&pool->bell, pool->loop, fd, OURO_READABLE, on_bell);
}

static int after_fork(struct attachment *attachment)
{
	struct pool *pool = list_of(attachment, struct pool, attachment);
	int err;

	forget_threads(pool);
	ouro__ops_line_up(pool);
	err = renew_bell(pool);
	for (uint32_t i = 0; i < pool->ops.made; i++) {
		struct op *op = slab_nth(&pool->ops, i);

		if (slab_find(&pool->ops, op->record.id) == op)
			restore(pool, op);
	}
	if (err)
		return err;
	ouro__wake_ring(pool->bell_fd); /* for what had ended before */
	return next_lane(pool) ? call_somebody(pool) : 0;
}

/* Files may hold all threads but one; each of the others at most half, and not so many that the two
 * of them leave no thread to each other. */
static void set_caps(struct pool *pool)
{
	unsigned n = pool->limit;
	unsigned half = (n + 1) / 2, two_less = n > 3 ? n - 2 : 1;

	pool->lane[OURO_LANE_FILES].cap = n > 1 ? n - 1 : 1;
	pool->lane[OURO_LANE_NAMES].cap = half < two_less ? half : two_less;
	pool->lane[OURO_LANE_USER].cap = two_less;
}

static struct pool *make(struct ouro_loop *loop)
{
	struct pool *pool = ouro__alloc(sizeof(*pool));

	if (!pool) {
		errno = ENOMEM;
		return NULL;
	}
	pool->bell_fd = ouro__wake_fd();
	if (pool->bell_fd < 0) {
		errno = -pool->bell_fd;
		ouro__free(pool);
		return NULL;
	}
	pool->loop = loop;
	pool->limit = loop->pool_wishes.threads;
	pool->stack = loop->pool_wishes.stack;
	set_caps(pool);
	pool->line_end = &pool->line;
	ouro__slab_init(&pool->ops, sizeof(struct op));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->quiet, NULL);
	pool->attachment = (struct attachment){ .kind = &pool_kind,
						.list = list,
						.drain = drain,
						.end = end,
						.after_fork = after_fork };
	list_push(&loop->attachments, &pool->attachment.link);
	ouro__watch_start(&pool->bell, loop, pool->bell_fd, OURO_READABLE, on_bell);
	return pool;
}

struct pool *ouro__pool_if_any(const struct ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &pool_kind);

	return attachment ? list_of(attachment, struct pool, attachment) : NULL;
}

struct pool *ouro__pool_of(struct ouro_loop *loop)
{
	struct pool *pool = ouro__pool_if_any(loop);

	return pool ? pool : make(loop);
}

/* Readings. */

static void read_lane(const struct lane *lane, uint64_t now, ouro_lane_stats *stats)
{
	stats->waiting = lane->waiting;
	stats->running = lane->running;
	stats->oldest_ns = lane->first && now > lane->first->stamp ? now - lane->first->stamp : 0;
	stats->done = count_read(&lane->done);
	ouro__hist_read(&lane->wait_ns, &stats->wait_ns);
	ouro__hist_read(&lane->run_ns, &stats->run_ns);
}

void ouro_pool_get_stats(ouro_loop *loop, ouro_pool_stats *ret_stats)
{
	struct pool *pool = ouro__pool_if_any(loop);

	memset(ret_stats, 0, sizeof(*ret_stats));
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	ret_stats->threads = pool->threads;
	ret_stats->busy = pool->threads - pool->idle;
	ret_stats->stuck = pool->stuck;
	for (int i = 0; i < OURO_LANE_COUNT; i++)
		read_lane(&pool->lane[i], clock_ns(), &ret_stats->lane[i]);
	pthread_mutex_unlock(&pool->lock);
}

uint64_t ouro__pool_depth(struct pool *pool)
{
	uint64_t waiting = 0;

	if (!pool)
		return 0;
	pthread_mutex_lock(&pool->lock);
	for (int i = 0; i < OURO_LANE_COUNT; i++)
		waiting += pool->lane[i].waiting;
	pthread_mutex_unlock(&pool->lock);
	return waiting;
}

const char *ouro_lane_name(enum ouro_lane lane)
{
	static const char *const names[] = {
#define X(lane_, name) name,
		OURO_LANES(X)
#undef X
	};

	return (unsigned)lane < OURO_LANE_COUNT ? names[lane] : "?";
}
