/* libev.c -- the tasks of bench/loop in bare libev: the floor that ouro stands on.
 *
 * No counterpart here: macro and micro tasks, which libev has not got. ev_async coalesces: its one-way
 * figure is told per callback that came, not per ring. */
#include "../bench.h"
#include <ev.h>
#include <pthread.h>

static struct ev_loop *new_loop(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);

	bench_check(loop);
	return loop;
}

/* Timers that fire. */

static unsigned fired_count;

static void fired(EV_P_ ev_timer *timer, int events)
{
	(void)loop, (void)timer, (void)events;
	fired_count++;
}

static void timers(const struct bench_task *task)
{
	struct ev_loop *loop = new_loop();
	struct bench_time began = bench_time();
	ev_timer *t = bench_alloc(task->n, sizeof(*t));

	for (unsigned i = 0; i < task->n; i++) {
		ev_timer_init(&t[i], fired, bench_delay() * 1e-3, 0);
		ev_timer_start(loop, &t[i]);
	}
	ev_run(loop, 0);
	bench_done(task, began, task->n);
	bench_check(fired_count == task->n);
}

/* Timers that are put off. */

static void never(EV_P_ ev_timer *timer, int events)
{
	(void)loop, (void)timer, (void)events;
	bench_check(!"a time-out that was put off");
}

static ev_timer *start_timeouts(struct ev_loop *loop, unsigned n)
{
	ev_timer *t = bench_alloc(n, sizeof(*t));

	for (unsigned i = 0; i < n; i++) {
		ev_timer_init(&t[i], never, 0, bench_timeout() * 1e-3);
		ev_timer_again(loop, &t[i]);
	}
	return t;
}

struct restarts {
	ev_idle idle;
	ev_timer *timers;
	unsigned spread;
	unsigned done;
};

static void restart_some(EV_P_ ev_idle *idle, int events)
{
	struct restarts *r = idle->data;

	(void)events;
	for (unsigned i = 0; i < BENCH_RESTART_BATCH; i++)
		ev_timer_again(loop, &r->timers[bench_below(r->spread)]);
	r->done += BENCH_RESTART_BATCH;
	if (r->done == BENCH_RESTARTS)
		ev_break(loop, EVBREAK_ALL);
}

static void restarts(const struct bench_task *task)
{
	struct ev_loop *loop = new_loop();
	struct restarts r = { .timers = start_timeouts(loop, task->n), .spread = task->spread };
	struct bench_time began;

	ev_idle_init(&r.idle, restart_some);
	r.idle.data = &r;
	ev_idle_start(loop, &r.idle);
	began = bench_time();
	ev_run(loop, 0);
	bench_done(task, began, BENCH_RESTARTS);
	bench_check(r.done == BENCH_RESTARTS);
}

static void bytes(const struct bench_task *task)
{
	struct ev_loop *loop = new_loop();
	double before = bench_resident();

	start_timeouts(loop, task->n);
	bench_say(task, "rss", "bytes", (bench_resident() - before) / task->n);
}

/* Another thread rings, this one counts. */

struct rings {
	struct ev_loop *loop;
	ev_async bell;
	unsigned heard;
	atomic_bool enough;
};

static void *ringer(void *arg)
{
	struct rings *r = arg;

	bench_pin(1);
	while (!atomic_load(&r->enough))
		ev_async_send(r->loop, &r->bell);
	return NULL;
}

static void hear(EV_P_ ev_async *bell, int events)
{
	struct rings *r = bell->data;

	(void)events;
	if (++r->heard == BENCH_RINGS) {
		atomic_store(&r->enough, true);
		ev_break(loop, EVBREAK_ALL);
	}
}

static void posts_one_way(const struct bench_task *task)
{
	struct rings r = { .loop = new_loop() };
	struct bench_time began;
	pthread_t thread;

	ev_async_init(&r.bell, hear);
	r.bell.data = &r;
	ev_async_start(r.loop, &r.bell);
	bench_pin(0);
	began = bench_time();
	bench_check(pthread_create(&thread, NULL, ringer, &r) == 0);
	ev_run(r.loop, 0);
	bench_done(task, began, BENCH_RINGS);
	pthread_join(thread, NULL);
}

/* Two loops in two threads answer each other. */

struct side {
	int core;
	struct ev_loop *loop;
	ev_async bell;
	struct side *peer;
	unsigned left;
};

static void answer(EV_P_ ev_async *bell, int events)
{
	struct side *s = bell->data;

	(void)events;
	ev_async_send(s->peer->loop, &s->peer->bell);
	if (--s->left == 0)
		ev_break(loop, EVBREAK_ALL);
}

static void open_side(struct side *s, struct side *peer, int core)
{
	*s = (struct side){
		.loop = new_loop(), .peer = peer, .core = core, .left = BENCH_THREAD_TRIPS
	};
	ev_async_init(&s->bell, answer);
	s->bell.data = s;
	ev_async_start(s->loop, &s->bell);
}

static void *far_side(void *arg)
{
	struct side *s = arg;

	bench_pin(s->core);
	ev_run(s->loop, 0);
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
	ev_async_send(far.loop, &far.bell);
	ev_run(near.loop, 0);
	bench_done(task, began, BENCH_THREAD_TRIPS);
	pthread_join(thread, NULL);
	bench_check(near.left == 0 && far.left == 0);
}

/* One byte between two pipes, in one loop. */

struct pong {
	ev_io io;
	int out;
	unsigned left;
};

static void pass_on(EV_P_ ev_io *io, int events)
{
	struct pong *p = io->data;

	(void)events;
	bench_receive(io->fd);
	bench_send(p->out);
	if (--p->left == 0)
		ev_io_stop(loop, io);
}

static void watch(struct ev_loop *loop, struct pong *p, int in, int out)
{
	*p = (struct pong){ .out = out, .left = BENCH_PIPE_TRIPS };
	ev_io_init(&p->io, pass_on, in, EV_READ);
	p->io.data = p;
	ev_io_start(loop, &p->io);
}

static void fd_ping_pong(const struct bench_task *task)
{
	struct ev_loop *loop = new_loop();
	struct bench_time began;
	struct pong ping, pong;
	int there[2], back[2];

	bench_check(pipe(there) == 0 && pipe(back) == 0);
	watch(loop, &ping, there[0], back[1]);
	watch(loop, &pong, back[0], there[1]);
	bench_send(there[1]);
	began = bench_time();
	ev_run(loop, 0);
	bench_done(task, began, BENCH_PIPE_TRIPS);
	bench_check(ping.left == 0 && pong.left == 0);
}

/* Turns with nothing to do, between a silent descriptor and a far timer. */

static void idle_turn(const struct bench_task *task)
{
	struct ev_loop *loop = new_loop();
	unsigned before;
	struct bench_time began;
	struct pong silent;
	int nothing[2];

	bench_check(pipe(nothing) == 0);
	watch(loop, &silent, nothing[0], nothing[1]);
	start_timeouts(loop, 1);
	ev_run(loop, EVRUN_NOWAIT);
	before = ev_iteration(loop);
	began = bench_time();
	for (unsigned i = 0; i < BENCH_TURNS; i++)
		ev_run(loop, EVRUN_NOWAIT);
	bench_done(task, began, BENCH_TURNS);
	bench_check(ev_iteration(loop) - before == BENCH_TURNS);
}

static void version(const struct bench_task *task)
{
	printf("%s\t%d.%d\n", task->name, ev_version_major(), ev_version_minor());
}

static const struct bench_task tasks[] = {
	{ "version", version, 0, 0 },
	{ "timers_10k", timers, 10000, 0 },
	{ "timers_100k", timers, 100000, 0 },
	{ "timers_1m", timers, 1000000, 0 },
	{ "restarts_10k", restarts, 10000, 1 },
	{ "restarts_100k", restarts, 100000, 100000 },
	{ "restarts_1m", restarts, 1000000, 1000000 },
	{ "bytes_a_timer", bytes, 1000000, 0 },
	{ "posts_one_way", posts_one_way, 0, 0 },
	{ "posts_ping_pong_2_cores", posts_ping_pong, 2, 0 },
	{ "posts_ping_pong_1_core", posts_ping_pong, 1, 0 },
	{ "fd_ping_pong", fd_ping_pong, 0, 0 },
	{ "idle_turn", idle_turn, 0, 0 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
