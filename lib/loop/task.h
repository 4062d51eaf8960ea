/* task.h -- the micro queue, the macro queue, and the inbox that other threads post to.
 *
 * The queues are rings that grow and stay: in a steady state a task costs no memory. The inbox is a
 * stack without a lock that the loop takes whole and turns over; the thread that found it empty
 * rings the loop's bell. */
#ifndef OURO__TASK_H
#define OURO__TASK_H
#include "ouro/loop.h"
#include <stdatomic.h>

struct task {
	ouro_task_fn *fn;
	void *arg;
};

struct task_queue {
	struct task *ring;
	uint32_t room; /* a power of two, or 0 */
	uint32_t head; /* of the oldest; both only ever grow */
	uint32_t tail;
};

/* One message from another thread. With fn it is a post, made by malloc and freed before it runs;
 * without, it is part of a wake (wake.c). */
struct post {
	struct post *next;
	ouro_task_fn *fn;
	void *arg;
};

struct tasks {
	struct task_queue micro, macro;
	uint64_t micro_max;
	_Atomic(struct post *) inbox; /* newest first */
	struct post *posts;           /* taken from the inbox and not yet run: oldest first */
	struct post **posts_end;
	bool held; /* the loop is held for posts */
};

static inline bool task_queue_is_empty(const struct task_queue *queue)
{
	return queue->head == queue->tail;
}

static inline uint32_t task_queue_length(const struct task_queue *queue)
{
	return queue->tail - queue->head;
}

void ouro__tasks_init(struct tasks *tasks, const ouro_loop_opts *opts);

/* Forgets the micro tasks that have not run; how many those were. */
size_t ouro__tasks_drop_micro(struct tasks *tasks);

/* Forgets the posts that have not run; how many those were. */
size_t ouro__tasks_drop_posts(struct ouro_loop *loop);

/* Forgets the tasks that have not run, and how many those were; then it is all over. */
size_t ouro__tasks_free(struct tasks *tasks);

/* Is there a post to run? Any thread. */
bool ouro__tasks_have_posts(const struct tasks *tasks);

/* Micro and macro tasks that wait. Any thread. */
uint64_t ouro__tasks_waiting(const struct tasks *tasks);

/* Posts that have come keep the loop alive: at the end of a turn. */
void ouro__tasks_hold_posts(struct ouro_loop *loop);

/* Any thread: into the inbox, and rings the bell if it was empty. */
void ouro__tasks_deliver(struct ouro_loop *loop, struct post *post);

/* Runs the micro queue until it is empty, or as long as micro_max lets it. */
void ouro__micro_run(struct ouro_loop *loop);

/* The check phase; and whether there is anything to do in it. */
void ouro__check_phase(struct ouro_loop *loop);

static inline bool tasks_to_check(const struct tasks *tasks)
{
	return tasks->posts || !task_queue_is_empty(&tasks->macro) ||
	       atomic_load_explicit(&tasks->inbox, memory_order_relaxed);
}
#endif
