/* wake.c -- a bell that cannot fail to ring. */
#include "kit.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

/* Where a timer's place among the rings is compared. */
static ouro_loop *new_virtual_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

static ouro_wake *bell(ouro_loop *loop, ouro_wake_fn *fn, void *arg)
{
	ouro_wake *wake = NULL;

	CHECK_EQ(ouro_wake_open(loop, fn, arg, &wake), 0);
	CHECK(wake != NULL);
	CHECK(ouro_wake_loop(wake) == loop);
	return wake;
}

static void say_wake(ouro_wake *wake, void *arg)
{
	(void)wake;
	say("%s", (const char *)arg);
}

static void say_wake_and_close(ouro_wake *wake, void *arg)
{
	say_wake(wake, arg);
	ouro_wake_close(wake);
}

TEST(a_thousand_rings_before_the_loop_looks_are_one_call)
{
	ouro_loop *loop = new_virtual_loop();
	ouro_wake *wake = bell(loop, say_wake, word("bell"));

	ouro_wake_hold(wake, false);
	for (int i = 0; i < 1000; i++)
		ouro_wake_send(wake);
	after(loop, 1, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "bell T");
	ouro_loop_free(loop);
}

static void ring_and_post(ouro_loop *loop, void *arg)
{
	ouro_wake **wakes = arg;

	macro(loop, "macro");
	ouro_wake_send(wakes[0]);
	post(loop, "post");
	ouro_wake_send(wakes[1]);
	ouro_wake_send(wakes[0]);
}

TEST(rings_come_in_line_with_posts_and_before_macro_tasks)
{
	ouro_loop *loop = new_loop();
	ouro_wake *wakes[] = { bell(loop, say_wake_and_close, word("one")),
			       bell(loop, say_wake_and_close, word("two")) };

	call_after(loop, 1, ring_and_post, wakes);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "one post two macro");
	ouro_loop_free(loop);
}

static void ring_itself(ouro_wake *wake, void *arg)
{
	int *left = arg;

	say("bell");
	macro(ouro_wake_loop(wake), "macro");
	if (--*left)
		ouro_wake_send(wake);
	else
		ouro_wake_close(wake);
}

/* The macro task of a check phase waits for the next one, where the bell comes first again. */
TEST(a_ring_from_its_own_callback_comes_in_the_next_turn)
{
	ouro_loop *loop = new_loop();
	int left = 3;

	ouro_wake_send(bell(loop, ring_itself, &left));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "bell bell macro bell macro macro");
	ouro_loop_free(loop);
}

TEST(a_bell_that_is_not_held_does_not_keep_the_loop_alive)
{
	ouro_loop *loop = new_virtual_loop();
	ouro_wake *wake = bell(loop, say_wake, word("bell"));

	ouro_wake_hold(wake, false);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_wake_hold(wake, true);
	ouro_wake_send(wake);
	ouro_wake_hold(wake, false);
	after(loop, 1, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "bell T");
	ouro_loop_free(loop);
}

static void ring_then_close(ouro_loop *loop, void *arg)
{
	ouro_wake *wake = arg;

	(void)loop;
	ouro_wake_send(wake);
	ouro_wake_close(wake);
	ouro_wake_send(wake);
	ouro_wake_close(wake);
}

TEST(a_ring_that_was_not_answered_before_the_close_never_is)
{
	ouro_loop *loop = new_loop();
	ouro_wake *wake = bell(loop, say_wake, word("[bell]"));

	call_after(loop, 1, ring_then_close, wake);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

TEST(closing_null_does_nothing)
{
	ouro_wake_close(NULL);
	ouro_io_close(NULL);
	ouro_signal_close(NULL);
}

/* ---- from a signal handler ---- */

static ouro_wake *volatile rung_by_handler;

static void ring_in_handler(int signo)
{
	(void)signo;
	if (rung_by_handler)
		ouro_wake_send(rung_by_handler);
}

static void raise_it(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	raise(SIGUSR1);
	say("raised");
}

TEST(a_signal_handler_can_ring)
{
	struct sigaction action = { .sa_handler = ring_in_handler };
	ouro_loop *loop = new_loop();

	rung_by_handler = bell(loop, say_wake_and_close, word("bell"));
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	call_after(loop, 1, raise_it, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "raised bell");
	ouro_loop_free(loop);
}

static atomic_bool heard;

static void hear_and_stop(ouro_wake *wake, void *arg)
{
	say_wake(wake, arg);
	atomic_store(&heard, true);
	ouro_loop_stop(ouro_wake_loop(wake), 0);
}

/* Again and again: the thread sanitizer may keep a signal that comes just before a poll to itself
 * until the poll is over. */
static void *interrupt(void *thread)
{
	while (!atomic_load(&heard)) {
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return NULL;
}

TEST(a_signal_handler_that_interrupts_the_poll_can_ring)
{
	struct sigaction action = { .sa_handler = ring_in_handler };
	ouro_loop *loop = new_loop();
	pthread_t self = pthread_self(), thread;
	ouro_wake *wake = bell(loop, hear_and_stop, word("bell"));

	rung_by_handler = wake;
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(pthread_create(&thread, NULL, interrupt, &self), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(strncmp(said, "bell", 4) == 0);
	rung_by_handler = NULL; /* one more signal may be on its way */
	ouro_wake_close(wake);
	ouro_loop_free(loop);
}

/* ---- from other threads ---- */

#define RINGERS 4
#define RINGS   20000

static struct {
	ouro_wake *wake;
	pthread_t ringers[RINGERS];
	atomic_uint written; /* relaxed: the ring alone makes it visible */
	unsigned calls;
} tower;

static void *ring_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < RINGS; i++) {
		atomic_fetch_add_explicit(&tower.written, 1, memory_order_relaxed);
		ouro_wake_send(tower.wake);
	}
	return NULL;
}

/* Closes when it has seen the last: if the ring for that one were lost, the run would not end. */
static void look_at_what_was_written(ouro_wake *wake, void *arg)
{
	(void)arg;
	tower.calls++;
	if (atomic_load_explicit(&tower.written, memory_order_relaxed) == RINGERS * RINGS)
		ouro_wake_close(wake);
}

/* Who wrote the last may be about to ring: not before all are through may the bell go. */
static void join_ringers(void *arg)
{
	(void)arg;
	for (int i = 0; i < RINGERS; i++)
		CHECK_EQ(pthread_join(tower.ringers[i], NULL), 0);
}

TEST(the_last_ring_of_many_threads_is_never_lost)
{
	ouro_loop *loop = new_loop();

	tower.wake = bell(loop, look_at_what_was_written, NULL);
	ouro_wake_on_close(tower.wake, join_ringers);
	for (int i = 0; i < RINGERS; i++)
		CHECK_EQ(pthread_create(&tower.ringers[i], NULL, ring_often, NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(tower.calls >= 1);
	ouro_loop_free(loop);
}

struct game {
	ouro_wake *wake;
	sem_t your_move;
	int moves; /* plain: a ring carries what was written before it */
};

static void answer_ring(ouro_wake *wake, void *arg)
{
	struct game *game = arg;

	CHECK_EQ(game->moves & 1, 1);
	if (++game->moves == 2000)
		ouro_wake_close(wake);
	sem_post(&game->your_move);
}

static void *ring_and_wait(void *arg)
{
	struct game *game = arg;

	for (int i = 0; i < 1000; i++) {
		game->moves++;
		ouro_wake_send(game->wake);
		while (sem_wait(&game->your_move) != 0)
			;
	}
	return NULL;
}

TEST(each_ring_wakes_a_loop_that_waits_and_carries_what_was_written_before)
{
	ouro_loop *loop = new_loop();
	struct game game = { .moves = 0 };
	pthread_t thread;

	CHECK_EQ(sem_init(&game.your_move, 0, 0), 0);
	game.wake = bell(loop, answer_ring, &game);
	CHECK_EQ(pthread_create(&thread, NULL, ring_and_wait, &game), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(game.moves, 2000);
	ouro_loop_free(loop);
	sem_destroy(&game.your_move);
}

/* ---- closed while somebody rings ---- */

struct ringer {
	ouro_wake *wake;
	pthread_t thread;
	atomic_bool told;
	int calls;
};

static void *ring_until_told(void *arg)
{
	struct ringer *ringer = arg;

	while (!atomic_load(&ringer->told))
		ouro_wake_send(ringer->wake);
	return NULL;
}

static void close_at_ten(ouro_wake *wake, void *arg)
{
	struct ringer *ringer = arg;

	if (++ringer->calls == 10)
		ouro_wake_close(wake);
	CHECK(ringer->calls <= 10);
}

/* As the manual asks: the ringer is told, and has heard, before the memory goes. */
static void tell_the_ringer(void *arg)
{
	struct ringer *ringer = arg;

	atomic_store(&ringer->told, true);
	CHECK_EQ(pthread_join(ringer->thread, NULL), 0);
	say("told");
}

TEST(a_bell_can_be_closed_while_another_thread_rings_it)
{
	ouro_loop *loop = new_loop();
	struct ringer ringer = { .calls = 0 };

	ringer.wake = bell(loop, close_at_ten, &ringer);
	ouro_wake_on_close(ringer.wake, tell_the_ringer);
	CHECK_EQ(pthread_create(&ringer.thread, NULL, ring_until_told, &ringer), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "told");
	ouro_loop_free(loop);
}
