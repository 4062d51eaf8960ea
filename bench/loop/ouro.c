/* ouro.c -- the tasks of bench/loop in ouro, and three that only ouro has to pass: what its own
 * accounting costs (the same program over a library without it), that a turn which makes nothing
 * new allocates nothing, and that a million timers cost what ten thousand cost, each.
 *
 * All options are the defaults: every callback is timed. */
#include "../bench.h"
#include <ouro.h>
#include <pthread.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	bench_check(loop);
	return loop;
}

/* Timers that fire. */

static unsigned fired_count;

static void fired(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	fired_count++;
}

static void timers(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began = bench_time();

	for (unsigned i = 0; i < task->n; i++)
		bench_check(ouro_timer_after(loop, bench_delay(), fired, NULL).id);
	ouro_loop_run(loop);
	bench_done(task, began, task->n);
	bench_check(fired_count == task->n);
	ouro_loop_free(loop);
}

/* Timers that are put off. */

static void never(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	bench_check(!"a time-out that was put off");
}

static ouro_timer *start_timeouts(ouro_loop *loop, unsigned n)
{
	ouro_timer *t = bench_alloc(n, sizeof(*t));

	for (unsigned i = 0; i < n; i++) {
		t[i] = ouro_timer_after(loop, bench_timeout(), never, NULL);
		bench_check(t[i].id);
	}
	return t;
}

struct restarts {
	ouro_timer *timers;
	unsigned spread;
	unsigned done;
};

static void restart_some(ouro_loop *loop, void *arg)
{
	struct restarts *r = arg;

	for (unsigned i = 0; i < BENCH_RESTART_BATCH; i++)
		bench_check(ouro_timer_again(loop, r->timers[bench_below(r->spread)]));
	r->done += BENCH_RESTART_BATCH;
	if (r->done < BENCH_RESTARTS)
		ouro_loop_macro(loop, restart_some, r);
	else
		ouro_loop_stop(loop, 0);
}

static void restarts(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct restarts r = { .timers = start_timeouts(loop, task->n), .spread = task->spread };
	struct bench_time began;

	ouro_loop_macro(loop, restart_some, &r);
	began = bench_time();
	ouro_loop_run(loop);
	bench_done(task, began, BENCH_RESTARTS);
	bench_check(r.done == BENCH_RESTARTS);
	ouro_loop_free(loop);
	free(r.timers);
}

static void bytes(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	double before = bench_resident();
	ouro_timer *t = start_timeouts(loop, task->n);

	bench_say(task, "rss", "bytes", (bench_resident() - before) / task->n);
	ouro_loop_free(loop);
	free(t);
}

/* Tasks. */

static unsigned task_count;

static void step(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	task_count++;
}

static void burst(ouro_loop *loop, void *arg)
{
	for (unsigned i = 0; i < BENCH_BURST; i++)
		ouro_loop_macro(loop, step, arg);
	if (task_count + BENCH_BURST < BENCH_TASKS)
		ouro_loop_macro(loop, burst, arg);
}

static void macro(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began = bench_time();

	ouro_loop_macro(loop, burst, NULL);
	ouro_loop_run(loop);
	bench_done(task, began, BENCH_TASKS);
	bench_check(task_count == BENCH_TASKS);
	ouro_loop_free(loop);
}

static void chain(ouro_loop *loop, void *arg)
{
	if (++task_count < BENCH_TASKS)
		ouro_loop_micro(loop, chain, arg);
}

static void micro(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began = bench_time();

	ouro_loop_micro(loop, chain, NULL);
	ouro_loop_turn(loop);
	bench_done(task, began, BENCH_TASKS);
	bench_check(task_count == BENCH_TASKS);
	ouro_loop_free(loop);
}

/* Another thread posts, this one counts. */

static unsigned heard;

static void hear(ouro_loop *loop, void *arg)
{
	(void)arg;
	if (++heard == BENCH_POSTS)
		ouro_loop_hold(loop, false);
}

static void *poster(void *arg)
{
	ouro_loop *loop = arg;

	bench_pin(1);
	for (unsigned i = 0; i < BENCH_POSTS; i++)
		bench_check(ouro_loop_post(loop, hear, NULL) == 0);
	return NULL;
}

static void posts_one_way(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began;
	pthread_t thread;

	ouro_loop_hold(loop, true);
	bench_pin(0);
	began = bench_time();
	bench_check(pthread_create(&thread, NULL, poster, loop) == 0);
	ouro_loop_run(loop);
	bench_done(task, began, BENCH_POSTS);
	pthread_join(thread, NULL);
	bench_check(heard == BENCH_POSTS);
	ouro_loop_free(loop);
}

/* Two loops in two threads answer each other. */

struct side {
	int core;
	ouro_loop *loop;
	struct side *peer;
	unsigned left;
};

static void answer(ouro_loop *loop, void *arg)
{
	struct side *s = arg;

	bench_check(ouro_loop_post(s->peer->loop, answer, s->peer) == 0);
	if (--s->left == 0)
		ouro_loop_stop(loop, 0);
}

static void open_side(struct side *s, struct side *peer, int core)
{
	*s = (struct side){
		.loop = new_loop(), .peer = peer, .core = core, .left = BENCH_THREAD_TRIPS
	};
	ouro_loop_hold(s->loop, true);
}

static void *far_side(void *arg)
{
	struct side *s = arg;

	bench_pin(s->core);
	ouro_loop_run(s->loop);
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
	bench_check(ouro_loop_post(far.loop, answer, &far) == 0);
	ouro_loop_run(near.loop);
	bench_done(task, began, BENCH_THREAD_TRIPS);
	pthread_join(thread, NULL);
	bench_check(near.left == 0 && far.left == 0);
	ouro_loop_free(near.loop);
	ouro_loop_free(far.loop);
}

/* One byte between two pipes, in one loop. */

struct pong {
	ouro_io *io;
	int out;
	unsigned left;
};

static void pass_on(ouro_io *io, unsigned ready, void *arg)
{
	struct pong *p = arg;

	(void)ready;
	bench_receive(ouro_io_fd(io));
	bench_send(p->out);
	if (--p->left == 0)
		ouro_io_close(io);
}

static void watch(ouro_loop *loop, struct pong *p, int in, int out)
{
	*p = (struct pong){ .out = out, .left = BENCH_PIPE_TRIPS };
	bench_check(ouro_io_open(loop, in, OURO_READABLE, pass_on, p, &p->io) == 0);
}

static void fd_ping_pong(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began;
	struct pong ping, pong;
	int there[2], back[2];

	bench_check(pipe(there) == 0 && pipe(back) == 0);
	watch(loop, &ping, there[0], back[1]);
	watch(loop, &pong, back[0], there[1]);
	bench_send(there[1]);
	began = bench_time();
	ouro_loop_run(loop);
	bench_done(task, began, BENCH_PIPE_TRIPS);
	bench_check(ping.left == 0 && pong.left == 0);
	ouro_loop_free(loop);
}

/* Turns with nothing to do, between a silent descriptor and a far timer. */

static uint64_t turns(ouro_loop *loop)
{
	ouro_loop_stats stats;

	ouro_loop_get_stats(loop, &stats);
	return stats.turns;
}

static void idle_turn(const struct bench_task *task)
{
	ouro_loop *loop = new_loop();
	struct bench_time began;
	struct pong silent;
	int nothing[2];
	uint64_t before;

	bench_check(pipe(nothing) == 0);
	watch(loop, &silent, nothing[0], nothing[1]);
	free(start_timeouts(loop, 1));
	ouro_loop_turn(loop);
	before = turns(loop);
	began = bench_time();
	for (unsigned i = 0; i < BENCH_TURNS; i++)
		bench_check(ouro_loop_turn(loop));
	bench_done(task, began, BENCH_TURNS);
	bench_check(turns(loop) - before == BENCH_TURNS);
	ouro_loop_free(loop);
}

/* A steady state of everything at once allocates nothing. */

enum { WARM_UP_TURNS = 1000, COUNTED_TURNS = 100000 };

static unsigned long allocations;

static void *counting_alloc(size_t size, void *arg)
{
	(void)arg;
	allocations++;
	return malloc(size);
}

static void *counting_realloc(void *old, size_t size, void *arg)
{
	(void)arg;
	allocations++;
	return realloc(old, size);
}

static void counting_free(void *old, void *arg)
{
	(void)arg;
	free(old);
}

static void set_off(ouro_loop *loop, void *arg)
{
	ouro_timer *timer = arg;

	ouro_timer_again(loop, *timer);
	ouro_loop_micro(loop, step, NULL);
	ouro_loop_macro(loop, step, NULL);
	ouro_timer_after(loop, 0, step, NULL);
}

static void turn_times(ouro_loop *loop, unsigned n)
{
	while (n--)
		bench_check(ouro_loop_turn(loop));
}

static void no_allocation(const struct bench_task *task)
{
	const ouro_allocator counting = { counting_alloc, counting_realloc, counting_free, NULL };
	struct pong ping, pong;
	ouro_timer far;
	ouro_loop *loop;
	int there[2], back[2];

	bench_check(ouro_set_allocator(&counting) == 0);
	loop = new_loop();
	bench_check(pipe(there) == 0 && pipe(back) == 0);
	watch(loop, &ping, there[0], back[1]);
	watch(loop, &pong, back[0], there[1]);
	bench_send(there[1]);
	far = ouro_timer_after(loop, bench_timeout(), never, NULL);
	ouro_timer_every(loop, 0, set_off, &far);

	turn_times(loop, WARM_UP_TURNS);
	task_count = 0;
	allocations = 0;
	turn_times(loop, COUNTED_TURNS);
	bench_say(task, "made", "allocations", (double)allocations);
	bench_check(ping.left + pong.left == 2 * BENCH_PIPE_TRIPS - WARM_UP_TURNS - COUNTED_TURNS);
	bench_check(task_count >= 3 * (COUNTED_TURNS - 1));
	ouro_loop_free(loop);
}

static void version(const struct bench_task *task)
{
	printf("%s\t%s\n", task->name, ouro_version());
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
	{ "macro", macro, 0, 0 },
	{ "micro", micro, 0, 0 },
	{ "posts_one_way", posts_one_way, 0, 0 },
	{ "posts_queued", posts_one_way, 0, 0 },
	{ "posts_ping_pong_2_cores", posts_ping_pong, 2, 0 },
	{ "posts_ping_pong_1_core", posts_ping_pong, 1, 0 },
	{ "fd_ping_pong", fd_ping_pong, 0, 0 },
	{ "idle_turn", idle_turn, 0, 0 },
	{ "no_allocation", no_allocation, 0, 0 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
