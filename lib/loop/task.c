/* task.c -- micro tasks, macro tasks, and what other threads post. See task.h. */
#include "loop/task.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/wake.h"
#include "ouro/error.h"
#include "sys/wake.h"
#include <errno.h>

#define FIRST_ROOM 64

/* Micro tasks of one function that are timed together; a drain as long as either of the next two
 * feeds itself, and is reported. */
#define MICRO_RUN   256
#define MICRO_MANY  10000
#define MICRO_LONG  (10 * NS_PER_MS)
#define MICRO_CAUSE ((struct cause){ "micro task", -1, NULL })

void ouro__tasks_init(struct tasks *tasks, const ouro_loop_opts *opts)
{
	bool bounded = opts->micro_max && opts->micro_max != OURO_NEVER;

	tasks->micro_max = bounded ? opts->micro_max : UINT64_MAX;
	tasks->posts_end = &tasks->posts;
}

/* Doubles the ring and lays it out straight from its oldest task. */
static int grow(struct task_queue *queue)
{
	uint32_t length = task_queue_length(queue);
	uint32_t room = queue->room ? queue->room * 2 : FIRST_ROOM;
	struct task *ring = room ? ouro__alloc(room * sizeof(*ring)) : NULL;

	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < length; i++)
		ring[i] = queue->ring[(queue->head + i) & (queue->room - 1)];
	ouro__free(queue->ring);
	queue->ring = ring;
	queue->room = room;
	count_set32(&queue->head, 0);
	count_set32(&queue->tail, length);
	return 0;
}

static inline int push(struct task_queue *queue, ouro_task_fn *fn, void *arg)
{
	struct task *task;

	if (task_queue_length(queue) == queue->room && grow(queue))
		return -ENOMEM;
	task = &queue->ring[queue->tail & (queue->room - 1)];
	task->fn = fn;
	task->arg = arg;
	count_set32(&queue->tail, queue->tail + 1);
	return 0;
}

static inline struct task shift(struct task_queue *queue)
{
	struct task task = queue->ring[queue->head & (queue->room - 1)];

	count_set32(&queue->head, queue->head + 1);
	return task;
}

int ouro_loop_micro(ouro_loop *loop, ouro_task_fn *fn, void *arg)
{
	int err = loop->ending ? OURO_ECLOSED : push(&loop->tasks.micro, fn, arg);

	if (!err)
		loop_touch(loop);
	return err;
}

int ouro_loop_macro(ouro_loop *loop, ouro_task_fn *fn, void *arg)
{
	int err = loop->ending ? OURO_ECLOSED : push(&loop->tasks.macro, fn, arg);

	if (err)
		return err;
	loop_hold(loop);
	loop_touch(loop);
	return 0;
}

static ouro_task_fn *next_micro(const struct task_queue *micro)
{
	return micro->ring[micro->head & (micro->room - 1)].fn;
}

/* Runs micro tasks as long as they are of one function, and times them as one: a clock read for
 * each would cost more than the task. */
static uint64_t run_alike(struct ouro_loop *loop, ouro_task_fn *fn, uint64_t most)
{
	struct task_queue *micro = &loop->tasks.micro;
	uint64_t done = 0;

	call_begin(loop, OURO_PHASE_MICRO, CALL_FN(fn), MICRO_CAUSE, NULL);
	do {
		struct task task = shift(micro);

		fn(loop, task.arg);
		done++;
	} while (done < most && !task_queue_is_empty(micro) && next_micro(micro) == fn);
	call_timed(loop, done);
	return done;
}

/* A queue that feeds itself lets nobody else in: that is said while it lasts. Not if one of its
 * tasks was slow enough to be reported by itself. */
static void report_endless(struct ouro_loop *loop, ouro_task_fn *fn, uint64_t ns, uint64_t done)
{
	call_begin(loop, OURO_PHASE_MICRO, CALL_FN(fn), MICRO_CAUSE, NULL);
	ouro__lag_report(loop, ns, done);
	__atomic_store_n(&loop->lag.call.fn, NULL, __ATOMIC_RELAXED);
}

void ouro__micro_run(struct ouro_loop *loop)
{
	struct tasks *tasks = &loop->tasks;
	uint64_t began = loop->lag.stamp, lags = loop->lag.lags, done = 0;

	while (!task_queue_is_empty(&tasks->micro) && done < tasks->micro_max) {
		uint64_t left = tasks->micro_max - done;
		ouro_task_fn *fn = next_micro(&tasks->micro);

		done += run_alike(loop, fn, left < MICRO_RUN ? left : MICRO_RUN);
		if (done < MICRO_MANY && loop->lag.stamp - began < MICRO_LONG)
			continue;
		if (loop->lag.lags == lags && !task_queue_is_empty(&tasks->micro))
			report_endless(loop, fn, loop->lag.stamp - began, done);
		ouro__lag_tell(loop);
	}
}

uint64_t ouro__tasks_waiting(const struct tasks *tasks)
{
	return (uint32_t)(count_read32(&tasks->micro.tail) - count_read32(&tasks->micro.head)) +
	       (uint64_t)(uint32_t)(count_read32(&tasks->macro.tail) -
				    count_read32(&tasks->macro.head));
}

bool ouro__tasks_have_posts(const struct tasks *tasks)
{
	return tasks->posts || atomic_load_explicit(&tasks->inbox, memory_order_acquire);
}

void ouro__tasks_hold_posts(struct ouro_loop *loop)
{
	bool hold = ouro__tasks_have_posts(&loop->tasks);

	if (hold == loop->tasks.held)
		return;
	loop->tasks.held = hold;
	if (hold)
		loop_hold(loop);
	else
		loop_release(loop);
}

void ouro__tasks_deliver(struct ouro_loop *loop, struct post *post)
{
	struct tasks *tasks = &loop->tasks;
	int bell = loop->poll.wake_fd; /* once it is in, the loop may be through with us */
	struct post *newest = atomic_load_explicit(&tasks->inbox, memory_order_relaxed);

	do {
		post->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(
		&tasks->inbox, &newest, post, memory_order_acq_rel, memory_order_relaxed));
	if (!newest)
		ouro__wake_ring(bell);
}

int ouro_loop_post(ouro_loop *loop, ouro_task_fn *fn, void *arg)
{
	struct post *post = ouro__alloc(sizeof(*post));

	if (!post)
		return -ENOMEM;
	post->fn = fn;
	post->arg = arg;
	ouro__tasks_deliver(loop, post);
	return 0;
}

/* Empties the inbox behind the posts that were left over, oldest first. */
static void take_inbox(struct tasks *tasks)
{
	struct post *newest = NULL, *older = NULL;

	if (atomic_load_explicit(&tasks->inbox, memory_order_relaxed))
		newest = atomic_exchange_explicit(&tasks->inbox, NULL, memory_order_acquire);
	if (!newest)
		return;
	struct post *last = newest;
	while (newest) {
		struct post *next = newest->next;

		newest->next = older;
		older = newest;
		newest = next;
	}
	*tasks->posts_end = older;
	tasks->posts_end = &last->next;
}

static struct post *shift_post(struct tasks *tasks)
{
	struct post *post = tasks->posts;

	tasks->posts = post->next;
	if (!tasks->posts)
		tasks->posts_end = &tasks->posts;
	return post;
}

static void run_post(struct ouro_loop *loop, struct post *post)
{
	struct post call = *post;

	if (!call.fn) {
		ouro__wake_run(loop, post);
		return;
	}
	ouro__free(post);
	call_begin(loop, OURO_PHASE_CHECK, CALL_FN(call.fn), (struct cause){ "post", -1, NULL },
		   NULL);
	call.fn(loop, call.arg);
	call_end(loop);
}

static void run_macro(struct ouro_loop *loop)
{
	struct task task = shift(&loop->tasks.macro);

	loop_release(loop);
	call_begin(loop, OURO_PHASE_CHECK, CALL_FN(task.fn),
		   (struct cause){ "macro task", -1, NULL }, NULL);
	task.fn(loop, task.arg);
	call_end(loop);
}

/* One callback at least, however late the turn is: no phase may starve another. */
void ouro__check_phase(struct ouro_loop *loop)
{
	struct tasks *tasks = &loop->tasks;
	uint32_t macros = task_queue_length(&tasks->macro);

	take_inbox(tasks);
	while (tasks->posts) {
		run_post(loop, shift_post(tasks));
		if (loop_turn_is_over(loop))
			break;
	}
	while (macros--) {
		run_macro(loop);
		if (loop_turn_is_over(loop))
			break;
	}
}

size_t ouro__tasks_drop_micro(struct tasks *tasks)
{
	size_t dropped = task_queue_length(&tasks->micro);

	count_set32(&tasks->micro.head, tasks->micro.tail);
	return dropped;
}

size_t ouro__tasks_drop_posts(struct ouro_loop *loop)
{
	struct tasks *tasks = &loop->tasks;
	size_t dropped = 0;

	take_inbox(tasks);
	while (tasks->posts) {
		struct post *post = shift_post(tasks);

		if (post->fn) {
			ouro__free(post);
			dropped++;
		} else {
			ouro__wake_forget(post);
		}
	}
	return dropped;
}

size_t ouro__tasks_free(struct tasks *tasks)
{
	size_t dropped = task_queue_length(&tasks->macro);

	ouro__free(tasks->micro.ring);
	ouro__free(tasks->macro.ring);
	return dropped;
}
