/* task.c -- posts from other threads: none lost, none twice, each thread's order kept. */
#include "kit.h"
#include <pthread.h>
#include <semaphore.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static pthread_t start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- a hundred thousand ---- */

#define THREADS 4
#define EACH    25000

static struct {
	ouro_loop *loop;
	uint32_t next[THREADS]; /* the number that each thread's next post must have */
	unsigned left;
} crowd = { .left = THREADS * EACH };

static void check_turn_of(ouro_loop *loop, void *arg)
{
	uint32_t thread = (uint32_t)((uintptr_t)arg / EACH),
		 number = (uint32_t)((uintptr_t)arg % EACH);

	CHECK_EQ(number, crowd.next[thread]);
	crowd.next[thread]++;
	if (--crowd.left == 0)
		ouro_loop_hold(loop, false);
}

static void *post_each(void *thread)
{
	for (uintptr_t i = 0; i < EACH; i++) {
		void *arg = (void *)((uintptr_t)thread * EACH + i);

		CHECK_EQ(ouro_loop_post(crowd.loop, check_turn_of, arg), 0);
	}
	return NULL;
}

TEST(a_hundred_thousand_posts_of_four_threads_all_come_in_each_threads_order)
{
	pthread_t threads[THREADS];

	crowd.loop = new_loop();
	ouro_loop_hold(crowd.loop, true);
	for (uintptr_t i = 0; i < THREADS; i++)
		threads[i] = start(post_each, (void *)i);
	CHECK_EQ(ouro_loop_run(crowd.loop), 0);
	for (int i = 0; i < THREADS; i++) {
		join(threads[i]);
		CHECK_EQ(crowd.next[i], EACH);
	}
	ouro_loop_free(crowd.loop);
}

/* ---- each wakes the loop ---- */

struct game {
	ouro_loop *loop;
	sem_t your_move;
	int moves; /* plain: a post carries what was written before it */
};

static void return_the_ball(ouro_loop *loop, void *arg)
{
	struct game *game = arg;

	game->moves++;
	if (game->moves == 2000)
		ouro_loop_hold(loop, false);
	sem_post(&game->your_move);
}

static void *play(void *arg)
{
	struct game *game = arg;

	for (int i = 0; i < 1000; i++) {
		game->moves++;
		CHECK_EQ(ouro_loop_post(game->loop, return_the_ball, game), 0);
		while (sem_wait(&game->your_move) != 0)
			;
		CHECK_EQ(game->moves, 2 * (i + 1));
	}
	return NULL;
}

TEST(each_post_wakes_a_loop_that_waits_and_carries_what_was_written_before)
{
	struct game game = { .loop = new_loop() };
	pthread_t thread;

	CHECK_EQ(sem_init(&game.your_move, 0, 0), 0);
	ouro_loop_hold(game.loop, true);
	thread = start(play, &game);
	CHECK_EQ(ouro_loop_run(game.loop), 0);
	join(thread);
	CHECK_EQ(game.moves, 2000);
	ouro_loop_free(game.loop);
	sem_destroy(&game.your_move);
}

/* ---- two loops that post to each other ---- */

struct side {
	ouro_loop *loop;
	struct side *other;
	int left;
};

static void pass_on(ouro_loop *loop, void *arg)
{
	struct side *side = arg;

	CHECK(loop == side->loop);
	if (--side->left == 0)
		ouro_loop_hold(loop, false);
	if (side->other->left)
		CHECK_EQ(ouro_loop_post(side->other->loop, pass_on, side->other), 0);
}

static void *run_side(void *arg)
{
	struct side *side = arg;

	CHECK_EQ(ouro_loop_run(side->loop), 0);
	return NULL;
}

TEST(loops_in_two_threads_post_to_each_other)
{
	struct side left = { .loop = new_loop(), .left = 1000 };
	struct side right = { .loop = new_loop(), .left = 1000, .other = &left };
	pthread_t thread;

	left.other = &right;
	ouro_loop_hold(left.loop, true);
	ouro_loop_hold(right.loop, true);
	CHECK_EQ(ouro_loop_post(left.loop, pass_on, &left), 0);
	thread = start(run_side, &right);
	run_side(&left);
	join(thread);
	ouro_loop_free(left.loop);
	ouro_loop_free(right.loop);
}

/* ---- figures from another thread ---- */

struct watched {
	ouro_loop *loop;
	sem_t inside, seen;
};

static void be_watched(ouro_loop *loop, void *arg)
{
	struct watched *watched = arg;

	(void)loop;
	sem_post(&watched->inside);
	while (sem_wait(&watched->seen) != 0)
		;
}

static void *watch_it(void *arg)
{
	struct watched *watched = arg;
	ouro_loop_stats stats = { 0 };

	while (sem_wait(&watched->inside) != 0)
		;
	while (stats.held_ns < MS) {
		uint64_t before = stats.held_ns;

		ouro_loop_get_stats(watched->loop, &stats);
		CHECK(stats.held_ns >= before);
	}
	sem_post(&watched->seen);
	return NULL;
}

TEST(another_thread_can_read_how_long_the_callback_of_now_has_held_the_loop)
{
	struct watched watched = { .loop = new_loop() };
	ouro_loop_stats stats;
	pthread_t thread;

	CHECK_EQ(sem_init(&watched.inside, 0, 0), 0);
	CHECK_EQ(sem_init(&watched.seen, 0, 0), 0);
	thread = start(watch_it, &watched);
	call_after(watched.loop, 1, be_watched, &watched);
	CHECK_EQ(ouro_loop_run(watched.loop), 0);
	join(thread);
	ouro_loop_get_stats(watched.loop, &stats);
	CHECK_EQ(stats.held_ns, 0);
	CHECK(stats.callback_ns.max >= MS);
	ouro_loop_free(watched.loop);
	sem_destroy(&watched.inside);
	sem_destroy(&watched.seen);
}

/* ---- many tasks ---- */

static unsigned done_tasks;

static void count_task(ouro_loop *loop, void *arg)
{
	(void)loop;
	CHECK_EQ((uintptr_t)arg, done_tasks);
	done_tasks++;
}

static void queue_many(ouro_loop *loop, void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < 100000; i++)
		call_micro(loop, count_task, (void *)i);
	for (uintptr_t i = 0; i < 100000; i++)
		call_macro(loop, count_task, (void *)(100000 + i));
}

TEST(a_hundred_thousand_tasks_of_each_kind_run_in_order)
{
	ouro_loop *loop = new_loop();

	call_macro(loop, queue_many, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(done_tasks, 200000);
	ouro_loop_free(loop);
}
