/* libuv.c -- the tasks of bench/loop in libuv: what Node is built on.
 *
 * No counterpart here: macro and micro tasks, which are Node's own. uv_async coalesces: its one-way
 * figure is told per callback that came, not per ring. */
#include "../bench.h"
#include <pthread.h>
#include <uv.h>

static void new_loop(uv_loop_t *loop)
{
	bench_check(uv_loop_init(loop) == 0);
}

/* Timers that fire. */

static unsigned fired_count;

static void fired(uv_timer_t *timer)
{
	(void)timer;
	fired_count++;
}

static void timers(const struct bench_task *task)
{
	struct bench_time began;
	uv_timer_t *t;
	uv_loop_t loop;

	new_loop(&loop);
	began = bench_time();
	t = bench_alloc(task->n, sizeof(*t));
	for (unsigned i = 0; i < task->n; i++) {
		uv_timer_init(&loop, &t[i]);
		bench_check(uv_timer_start(&t[i], fired, bench_delay(), 0) == 0);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, task->n);
	bench_check(fired_count == task->n);
}

/* Timers that are put off. */

static void never(uv_timer_t *timer)
{
	(void)timer;
	bench_check(!"a time-out that was put off");
}

static uv_timer_t *start_timeouts(uv_loop_t *loop, unsigned n)
{
	uv_timer_t *t = bench_alloc(n, sizeof(*t));

	for (unsigned i = 0; i < n; i++) {
		unsigned ms = bench_timeout();

		uv_timer_init(loop, &t[i]);
		bench_check(uv_timer_start(&t[i], never, ms, ms) == 0);
	}
	return t;
}

struct restarts {
	uv_idle_t idle;
	uv_timer_t *timers;
	unsigned spread;
	unsigned done;
};

static void restart_some(uv_idle_t *idle)
{
	struct restarts *r = idle->data;

	for (unsigned i = 0; i < BENCH_RESTART_BATCH; i++)
		bench_check(uv_timer_again(&r->timers[bench_below(r->spread)]) == 0);
	r->done += BENCH_RESTART_BATCH;
	if (r->done == BENCH_RESTARTS)
		uv_stop(idle->loop);
}

static void restarts(const struct bench_task *task)
{
	struct restarts r = { .spread = task->spread };
	struct bench_time began;
	uv_loop_t loop;

	new_loop(&loop);
	r.timers = start_timeouts(&loop, task->n);
	uv_idle_init(&loop, &r.idle);
	r.idle.data = &r;
	uv_idle_start(&r.idle, restart_some);
	began = bench_time();
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, BENCH_RESTARTS);
	bench_check(r.done == BENCH_RESTARTS);
}

static void bytes(const struct bench_task *task)
{
	uv_loop_t loop;
	double before;

	new_loop(&loop);
	before = bench_resident();
	start_timeouts(&loop, task->n);
	bench_say(task, "rss", "bytes", (bench_resident() - before) / task->n);
}

/* Another thread rings, this one counts. */

struct rings {
	uv_async_t bell;
	unsigned heard;
	atomic_bool enough;
};

static void *ringer(void *arg)
{
	struct rings *r = arg;

	bench_pin(1);
	while (!atomic_load(&r->enough))
		uv_async_send(&r->bell);
	return NULL;
}

static void hear(uv_async_t *bell)
{
	struct rings *r = bell->data;

	if (++r->heard == BENCH_RINGS) {
		atomic_store(&r->enough, true);
		uv_stop(bell->loop);
	}
}

static void posts_one_way(const struct bench_task *task)
{
	struct rings r = { .heard = 0 };
	struct bench_time began;
	pthread_t thread;
	uv_loop_t loop;

	new_loop(&loop);
	uv_async_init(&loop, &r.bell, hear);
	r.bell.data = &r;
	bench_pin(0);
	began = bench_time();
	bench_check(pthread_create(&thread, NULL, ringer, &r) == 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, BENCH_RINGS);
	pthread_join(thread, NULL);
}

/* What a program on libuv builds to have every one delivered: a list, a lock, and the bell. */

struct letter {
	struct letter *next;
	void (*fn)(void *arg);
	void *arg;
};

struct mailbox {
	uv_async_t bell;
	pthread_mutex_t lock;
	struct letter *first, **end;
	unsigned heard;
};

static void post(struct mailbox *m, void (*fn)(void *arg), void *arg)
{
	struct letter *letter = bench_alloc(1, sizeof(*letter));
	bool was_empty;

	letter->fn = fn;
	letter->arg = arg;
	pthread_mutex_lock(&m->lock);
	was_empty = !m->first;
	*m->end = letter;
	m->end = &letter->next;
	pthread_mutex_unlock(&m->lock);
	if (was_empty)
		uv_async_send(&m->bell);
}

static void deliver(uv_async_t *bell)
{
	struct mailbox *m = bell->data;
	struct letter *letter, *next;

	pthread_mutex_lock(&m->lock);
	letter = m->first;
	m->first = NULL;
	m->end = &m->first;
	pthread_mutex_unlock(&m->lock);
	for (; letter; letter = next) {
		next = letter->next;
		letter->fn(letter->arg);
		free(letter);
	}
}

static void hear_letter(void *arg)
{
	struct mailbox *m = arg;

	if (++m->heard == BENCH_POSTS)
		uv_stop(m->bell.loop);
}

static void *poster(void *arg)
{
	bench_pin(1);
	for (unsigned i = 0; i < BENCH_POSTS; i++)
		post(arg, hear_letter, arg);
	return NULL;
}

static void posts_queued(const struct bench_task *task)
{
	struct mailbox m = { .lock = PTHREAD_MUTEX_INITIALIZER, .end = &m.first };
	struct bench_time began;
	pthread_t thread;
	uv_loop_t loop;

	new_loop(&loop);
	uv_async_init(&loop, &m.bell, deliver);
	m.bell.data = &m;
	bench_pin(0);
	began = bench_time();
	bench_check(pthread_create(&thread, NULL, poster, &m) == 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, BENCH_POSTS);
	pthread_join(thread, NULL);
	bench_check(m.heard == BENCH_POSTS);
}

/* Two loops in two threads answer each other. */

struct side {
	int core;
	uv_loop_t loop;
	uv_async_t bell;
	struct side *peer;
	unsigned left;
};

static void answer(uv_async_t *bell)
{
	struct side *s = bell->data;

	bench_check(uv_async_send(&s->peer->bell) == 0);
	if (--s->left == 0)
		uv_stop(bell->loop);
}

static void open_side(struct side *s, struct side *peer, int core)
{
	new_loop(&s->loop);
	uv_async_init(&s->loop, &s->bell, answer);
	s->bell.data = s;
	s->peer = peer;
	s->core = core;
	s->left = BENCH_THREAD_TRIPS;
}

static void *far_side(void *arg)
{
	struct side *s = arg;

	bench_pin(s->core);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void posts_ping_pong(const struct bench_task *task)
{
	struct side near, far;
	struct bench_time began;
	pthread_t thread;

	bench_pin(0);
	open_side(&near, &far, 0);
	open_side(&far, &near, (int)task->n - 1);
	bench_check(pthread_create(&thread, NULL, far_side, &far) == 0);
	began = bench_time();
	uv_async_send(&far.bell);
	uv_run(&near.loop, UV_RUN_DEFAULT);
	bench_done(task, began, BENCH_THREAD_TRIPS);
	pthread_join(thread, NULL);
	bench_check(near.left == 0 && far.left == 0);
}

/* One byte between two pipes, in one loop. */

struct pong {
	uv_poll_t io;
	int in, out;
	unsigned left;
};

static void pass_on(uv_poll_t *io, int status, int events)
{
	struct pong *p = io->data;

	(void)status, (void)events;
	bench_receive(p->in);
	bench_send(p->out);
	if (--p->left == 0)
		uv_poll_stop(io);
}

static void watch(uv_loop_t *loop, struct pong *p, int in, int out)
{
	*p = (struct pong){ .in = in, .out = out, .left = BENCH_PIPE_TRIPS };
	bench_check(uv_poll_init(loop, &p->io, in) == 0);
	p->io.data = p;
	uv_poll_start(&p->io, UV_READABLE, pass_on);
}

static void fd_ping_pong(const struct bench_task *task)
{
	struct bench_time began;
	struct pong ping, pong;
	int there[2], back[2];
	uv_loop_t loop;

	new_loop(&loop);
	bench_check(pipe(there) == 0 && pipe(back) == 0);
	watch(&loop, &ping, there[0], back[1]);
	watch(&loop, &pong, back[0], there[1]);
	bench_send(there[1]);
	began = bench_time();
	uv_run(&loop, UV_RUN_DEFAULT);
	bench_done(task, began, BENCH_PIPE_TRIPS);
	bench_check(ping.left == 0 && pong.left == 0);
}

/* Turns with nothing to do, between a silent descriptor and a far timer. A prepare handle counts them
 * in a run of its own, so that the one which is timed does no more than the others'. */

static unsigned turns;

static void count_turn(uv_prepare_t *prepare)
{
	(void)prepare;
	turns++;
}

static void idle_turn(const struct bench_task *task)
{
	uv_prepare_t counter;
	struct bench_time began;
	struct pong silent;
	int nothing[2];
	uv_loop_t loop;

	new_loop(&loop);
	bench_check(pipe(nothing) == 0);
	watch(&loop, &silent, nothing[0], nothing[1]);
	start_timeouts(&loop, 1);
	uv_prepare_init(&loop, &counter);
	uv_prepare_start(&counter, count_turn);
	uv_run(&loop, UV_RUN_NOWAIT);
	bench_check(turns == 1);
	uv_prepare_stop(&counter);
	began = bench_time();
	for (unsigned i = 0; i < BENCH_TURNS; i++)
		bench_check(uv_run(&loop, UV_RUN_NOWAIT));
	bench_done(task, began, BENCH_TURNS);
}

static void version(const struct bench_task *task)
{
	printf("%s\t%s\n", task->name, uv_version_string());
}

static const struct bench_task tasks[] = {
	{ "version", version, 0, 0 },
	{ "timers_1m", timers, 1000000, 0 },
	{ "restarts_10k", restarts, 10000, 1 },
	{ "restarts_100k", restarts, 100000, 100000 },
	{ "restarts_1m", restarts, 1000000, 1000000 },
	{ "bytes_a_timer", bytes, 1000000, 0 },
	{ "posts_one_way", posts_one_way, 0, 0 },
	{ "posts_queued", posts_queued, 0, 0 },
	{ "posts_ping_pong_2_cores", posts_ping_pong, 2, 0 },
	{ "posts_ping_pong_1_core", posts_ping_pong, 1, 0 },
	{ "fd_ping_pong", fd_ping_pong, 0, 0 },
	{ "idle_turn", idle_turn, 0, 0 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
