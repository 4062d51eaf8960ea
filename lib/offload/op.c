/* op.c -- operations as the loop sees them: tokens, time-outs, and the one callback each.
 *
 * An operation can be answered before its thread is through with it: when its time is up. Then its
 * record stays until the thread has brought it back, and only then goes to the next. So there are
 * two ways into the line of those to be called back, which ouro__ops_answer() walks in the I/O
 * phase: from the stack that the threads fill, and by the clock. */
#include "offload/op.h"
#include "loop/call.h"
#include "offload/pool.h"
#include "sys/wake.h"
#include <errno.h>
#include <stdio.h>

static struct op *find(const ouro_loop *loop, ouro_op token)
{
	const struct pool *pool = ouro__pool_if_any(loop);

	return pool ? slab_find(&pool->ops, token.id) : NULL;
}

/* If what will become of it is still open. In its own callback it is not: a time-out set there
 * would come down on whoever has the record next. */
static struct op *find_open(const ouro_loop *loop, ouro_op token)
{
	struct op *op = find(loop, token);

	return op && !op->late && !op->answered ? op : NULL;
}

/* For messages: until its callback has returned, however long a thread hangs in it. */
static struct op *find_named(const ouro_loop *loop, ouro_op token)
{
	struct op *op = find(loop, token);

	return op && (!op->answered || op->pool->now.id == token.id) ? op : NULL;
}

ouro_op ouro__op_token(const struct op *op)
{
	return (ouro_op){ op->record.id };
}

ouro_loop *ouro__op_loop(const struct op *op)
{
	return op->pool->loop;
}

/* Asking. */

/* As it was born, but for its record. The room that a kind leaves alone stays out of the cache. */
static void wipe(struct op *op, const struct op_kind *kind)
{
	size_t room = kind->room ? kind->room : OP_ROOM;

	memset((char *)op + sizeof(op->record), 0, offsetof(struct op, room) - sizeof(op->record));
	memset(op->room, 0, room);
}

struct op *ouro__op_new(ouro_loop *loop, const struct op_kind *kind, const void *fn, void *arg)
{
	struct pool *pool;
	struct op *op;

	if (loop->ending) {
		errno = ECANCELED;
		return NULL;
	}
	pool = ouro__pool_of(loop);
	if (!pool)
		return NULL;
	op = ouro__slab_take(&pool->ops);
	if (!op) {
		errno = ENOMEM;
		return NULL;
	}
	wipe(op, kind);
	op->kind = kind;
	op->pool = pool;
	op->fn = fn;
	op->arg = arg;
	return op;
}

static void give_back(struct op *op)
{
	if (op->kind->release)
		op->kind->release(op);
	ouro__slab_give(&op->pool->ops, op);
}

ouro_op ouro__op_refuse(struct op *op)
{
	give_back(op);
	errno = ENOMEM;
	return (ouro_op){ 0 };
}

/* Somebody owes the loop an answer from now on. */
static void owe(struct op *op)
{
	struct ouro_loop *loop = op->pool->loop;

	op->stamp = loop->turning && !loop->is_virtual ? loop->lag.stamp : clock_ns();
	op->asked = loop->turning ? loop->lag.stamp : loop_clock(loop);
	op->in_call = loop->turning && loop->lag.call.fn;
	loop->away++;
	loop_hold(loop);
}

/* Ended on the loop's own thread: it comes in line with those that threads bring. */
static void end(struct op *op, int err)
{
	op->err = err;
	op->parked = false;
	op->state = OP_ENDED;
	ouro__pool_ended(op->pool, op);
}

ouro_op ouro__op_submit(struct op *op)
{
	ouro_op token = ouro__op_token(op);
	int err = op->err;

	owe(op);
	if (op->kind->work)
		err = ouro__pool_enqueue(op->pool, op);
	if (err || !op->kind->work)
		end(op, err);
	return token;
}

ouro_op ouro__op_park(struct op *op)
{
	owe(op);
	op->parked = true;
	return ouro__op_token(op);
}

void ouro__op_answer(struct op *op, int err)
{
	if (op->parked)
		end(op, err);
}

/* Nobody works at it any more, or what comes of that will not be heard. */
static void end_parked(struct op *op, int err)
{
	if (op->kind->leave)
		op->kind->leave(op, err);
	end(op, err);
}

void ouro__op_expire(struct op *op)
{
	if (op->parked)
		end_parked(op, OURO_ETIMEOUT);
}

/* Answering. */

static uint8_t span_of(const struct op *op)
{
	return op->kind->name_lane ? TRACE_CREW : TRACE_POOL;
}

/* For the loop's trace. What the thread wrote may be read once it is through. */
static void record(const struct op *op, int err, uint64_t now, bool unfinished)
{
	const char *path = op->path ? op->path : "";
	struct trace_record record = { .at = op->asked,
				       .ns = now > op->asked ? now - op->asked : 0,
				       .amount = op->back ? op->ran : 0,
				       .kind = span_of(op),
				       .phase = unfinished,
				       .number = err < 0 ? err : 0 };

	ouro__trace_span(op->pool->loop->trace, record, op->kind->call, strlen(op->kind->call),
			 path, strlen(path));
}

/* On the lane of who did it: the last piece of it, if it came in pieces. Its callback began at
 * `called` and is over, and may have freed op->path; 0: it had its answer before. A virtual clock is
 * another than the threads'. */
static void record_job(const struct op *op, const char *path, int err, uint64_t called)
{
	struct ouro_loop *loop = op->pool->loop;
	struct trace_record record = { .phase = span_of(op), .number = err < 0 ? err : 0 };
	struct trace_job job = { .asked = op->in_call ? op->asked : 0,
				 .called = called,
				 .until = loop->lag.stamp,
				 .lane = "ouro-pool" };

	if (!op->back || loop->is_virtual) /* not back: the thread is still writing these */
		return;
	record.at = op->began;
	record.ns = op->stamp > op->began ? op->stamp - op->began : 0;
	job.tid = op->tid;
	if (!job.tid)
		return;
	if (op->kind->name_lane)
		op->kind->name_lane(op, job.lane);
	ouro__trace_job(loop->trace, record, &job, op->kind->call, strlen(op->kind->call), path,
			strlen(path));
}

void ouro__ops_record(struct pool *pool, uint64_t now)
{
	for (uint32_t i = 0; i < pool->ops.made; i++) {
		const struct op *op = slab_nth(&pool->ops, i);

		if (slab_find(&pool->ops, op->record.id) == op && op->asked && !op->answered)
			record(op, 0, now, true);
	}
}

static void call_back(struct op *op, int err)
{
	struct pool *pool = op->pool;
	struct ouro_loop *loop = pool->loop;
	const struct op_kind *kind = op->kind;
	uint64_t called = loop->lag.stamp;
	char path[TRACE_TEXT / 2];

	op->answered = true;
	if (kind->work)
		count_add(&pool->lane[kind->lane].done, 1);
	ouro_timer_stop(loop, op->deadline);
	pool->now = ouro__op_token(op);
	path[0] = 0;
	if (loop->trace) {
		record(op, err, called, false);
		snprintf(path, sizeof(path), "%s", op->path ? op->path : "");
	}
	call_begin(loop, OURO_PHASE_IO, op->fn ? op->fn : CALL_FN(kind->done),
		   (struct cause){ kind->call, -1, NULL }, NULL);
	kind->done(op, err);
	pool->now = (ouro_op){ 0 };
	call_timed(loop, 1);
	if (loop->trace)
		record_job(op, path, err, called);
	call_tasks(loop);
	loop->away--;
	loop_release(loop);
}

static void stand_in_line(struct op *op)
{
	struct pool *pool = op->pool;

	op->line = NULL;
	*pool->line_end = op;
	pool->line_end = &op->line;
}

void ouro__op_settle(struct op *op, int err)
{
	if (!op->parked)
		return;
	ouro__ops_line_up(op->pool); /* what has ended before */
	op->err = err;
	op->parked = false;
	op->state = OP_ENDED;
	op->back = true;
	stand_in_line(op);
}

/* It was answered while a thread was at it. */
static void drop(struct op *op)
{
	if (op->pool->loop->trace)
		record_job(op, "", op->err, 0);
	give_back(op);
}

static struct op *turn_over(struct op *newest)
{
	struct op *older = NULL;

	while (newest) {
		struct op *next = newest->next;

		newest->next = older;
		older = newest;
		newest = next;
	}
	return older;
}

/* One whose time was up before it ended stands in line already, or has been answered. */
void ouro__ops_line_up(struct pool *pool)
{
	struct op *next, *newest = atomic_exchange_explicit(&pool->stack_of_ended, NULL,
							    memory_order_acquire);

	for (struct op *op = turn_over(newest); op; op = next) {
		next = op->next;
		op->back = true;
		if (op->answered)
			drop(op);
		else if (!op->late)
			stand_in_line(op);
	}
}

static void answer_first(struct pool *pool)
{
	struct op *op = pool->line;

	pool->line = op->line;
	if (!pool->line)
		pool->line_end = &pool->line;
	call_back(op, op->late ? OURO_ETIMEOUT : op->err);
	if (op->back)
		give_back(op);
}

void ouro__ops_answer(struct pool *pool)
{
	struct ouro_loop *loop = pool->loop;

	ouro__ops_line_up(pool);
	while (pool->line) {
		answer_first(pool);
		if (loop_turn_is_over(loop) && !loop->ending) {
			ouro__wake_ring(pool->bell_fd); /* the rest in the next turn */
			break;
		}
	}
}

void ouro__ops_cancel_parked(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->ops.made; i++) {
		struct op *op = slab_nth(&pool->ops, i);

		if (slab_find(&pool->ops, op->record.id) == op && op->parked)
			end_parked(op, OURO_ECANCELED);
	}
}

/* Changing one's mind. */

bool ouro_op_cancel(ouro_loop *loop, ouro_op token)
{
	struct op *op = find_open(loop, token);
	enum pool_taken taken;

	if (!op)
		return false;
	if (op->parked) {
		end_parked(op, OURO_ECANCELED);
		return true;
	}
	taken = ouro__pool_take_back(op->pool, op);
	if (taken == POOL_TAKEN)
		end(op, OURO_ECANCELED);
	return taken != POOL_RUNS;
}

/* The answer cannot wait for the thread any longer, and may not come in the middle of a timer. */
static void expire(struct op *op)
{
	struct pool *pool = op->pool;

	op->late = true;
	stand_in_line(op);
	ouro__wake_ring(pool->bell_fd);
}

static void on_deadline(ouro_loop *loop, void *arg)
{
	struct op *op = arg;
	enum pool_taken taken;

	(void)loop;
	ouro__ops_line_up(op->pool); /* what has ended by now comes before */
	if (op->parked) {
		end_parked(op, OURO_ETIMEOUT);
		return;
	}
	taken = ouro__pool_take_back(op->pool, op);
	if (taken == POOL_TAKEN)
		end(op, OURO_ETIMEOUT);
	else if (ouro__pool_give_up(op->pool, op) || taken == POOL_STOPS)
		expire(op);
}

bool ouro_op_timeout(ouro_loop *loop, ouro_op token, unsigned ms)
{
	struct op *op = find_open(loop, token);

	if (!op)
		return false;
	ouro_timer_stop(loop, op->deadline);
	op->deadline = (ouro_timer){ 0 };
	if (ms == OURO_NEVER)
		return true;
	op->deadline = ouro_timer_after(loop, ms, on_deadline, op);
	ouro_timer_hold(loop, op->deadline, false);
	return op->deadline.id != 0;
}

/* For messages. */

void ouro__ops_list(struct pool *pool, struct listing *listing)
{
	for (uint32_t i = 0; i < pool->ops.made; i++) {
		const struct op *op = slab_nth(&pool->ops, i);

		if (slab_find(&pool->ops, op->record.id) == op && !op->answered)
			ouro__active_tell(listing, op->kind->call, op->path, op->fn);
	}
}

const char *ouro_op_call(const ouro_loop *loop, ouro_op token)
{
	const struct op *op = find_named(loop, token);

	return op ? op->kind->call : "";
}

const char *ouro_op_path(const ouro_loop *loop, ouro_op token)
{
	const struct op *op = find_named(loop, token);

	return op && op->path ? op->path : "";
}

ouro_op ouro_op_now(const ouro_loop *loop)
{
	const struct pool *pool = ouro__pool_if_any(loop);

	return pool ? pool->now : (ouro_op){ 0 };
}

/* A user's own call. */

struct user_call {
	ouro_pool_fn *work;
};

static int user_work(struct op *op)
{
	return ((struct user_call *)op->room)->work(op->arg);
}

static void user_done(struct op *op, int err)
{
	((ouro_done_fn *)(uintptr_t)op->fn)(err, op->arg);
}

static const struct op_kind user_kind = {
	.call = "ouro_pool_run",
	.lane = OURO_LANE_USER,
	.room = sizeof(struct user_call),
	.work = user_work,
	.done = user_done,
};

ouro_op ouro_pool_run(ouro_loop *loop, ouro_pool_fn *work, ouro_done_fn *fn, void *arg)
{
	struct op *op = ouro__op_new(loop, &user_kind, CALL_FN(fn), arg);

	if (!op)
		return (ouro_op){ 0 };
	((struct user_call *)op->room)->work = work;
	return ouro__op_submit(op);
}
