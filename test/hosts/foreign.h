/* foreign.h -- what a host that watches one descriptor may rely on; and the rules of order there.
 *
 * A program of test/hosts/ for a host that is not libev defines the functions of ordering.h and the
 * one below. Its drive() waits for ouro_loop_fd() first and takes a turn after, as the manual says,
 * so whatever forgets to make the descriptor ready hangs, and the runner tells. */
#ifndef FOREIGN_H
#define FOREIGN_H
#include "ordering.h"
#include <pthread.h>

/* Has the host call fn(arg) once, soon, from its own loop: outside any turn of ours. */
static void call_from_host(void (*fn)(void *arg), void *arg);

/* ---- what is asked for outside a turn wakes the host ---- */

struct visit {
	ouro_loop *loop;
	ouro_io *idle; /* keeps the loop alive and waiting */
	struct tube tube;
	void (*ask)(struct visit *visit);
	ouro_timer timer;
	ouro_wake *wake;
};

static bool is_quiet(ouro_loop *loop)
{
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* Not before the loop waits for nothing but the host. */
static void ask_when_quiet(void *arg)
{
	struct visit *visit = arg;

	if (is_quiet(visit->loop))
		visit->ask(visit);
	else
		call_from_host(ask_when_quiet, visit);
}

static void leave(ouro_loop *loop, void *arg)
{
	struct visit *visit = arg;

	(void)loop;
	say("came");
	ouro_io_close(visit->idle);
	ouro_wake_close(visit->wake);
}

static void leave_by_io(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	leave(ouro_io_loop(io), arg);
}

static void leave_by_wake(ouro_wake *wake, void *arg)
{
	leave(ouro_wake_loop(wake), arg);
}

static void ask_from_outside(void (*ask)(struct visit *visit))
{
	struct visit visit = { .loop = new_loop(), .tube = tube_empty(), .ask = ask };

	visit.idle = watch(visit.loop, visit.tube.out, OURO_READABLE, leave_by_io, &visit);
	CHECK_EQ(ouro_wake_open(visit.loop, leave_by_wake, &visit, &visit.wake), 0);
	ouro_wake_hold(visit.wake, false);
	call_from_host(ask_when_quiet, &visit);
	drive(visit.loop);
	CHECK_STR(said, "came");
	done(visit.loop);
	tube_close(visit.tube);
}

static void ask_for_a_timer(struct visit *visit)
{
	call_after(visit->loop, 10, leave, visit);
}

TEST(a_timer_made_by_the_host_wakes_it)
{
	ask_from_outside(ask_for_a_timer);
}

static void ask_for_a_macro_task(struct visit *visit)
{
	call_macro(visit->loop, leave, visit);
}

TEST(a_macro_task_queued_by_the_host_wakes_it)
{
	ask_from_outside(ask_for_a_macro_task);
}

static void ask_for_a_micro_task(struct visit *visit)
{
	call_micro(visit->loop, leave, visit);
}

TEST(a_micro_task_queued_by_the_host_wakes_it)
{
	ask_from_outside(ask_for_a_micro_task);
}

static void ask_for_a_post(struct visit *visit)
{
	CHECK_EQ(ouro_loop_post(visit->loop, leave, visit), 0);
}

TEST(a_post_of_the_host_wakes_it)
{
	ask_from_outside(ask_for_a_post);
}

static void ring(struct visit *visit)
{
	ouro_wake_send(visit->wake);
}

TEST(a_bell_rung_by_the_host_wakes_it)
{
	ask_from_outside(ring);
}

static void fill_the_pipe(struct visit *visit)
{
	tube_fill(visit->tube);
}

TEST(data_wakes_the_host)
{
	ask_from_outside(fill_the_pipe);
}

static void leave_and_close(ouro_io *io, unsigned ready, void *arg)
{
	leave_by_io(io, ready, arg);
	ouro_io_close(io);
}

static void watch_what_is_ready(struct visit *visit)
{
	watch(visit->loop, visit->tube.in, OURO_WRITABLE, leave_and_close, visit);
}

TEST(a_ready_descriptor_watched_by_the_host_wakes_it)
{
	ask_from_outside(watch_what_is_ready);
}

static void open_in_a_callback(ouro_loop *loop, void *arg)
{
	struct visit *visit = arg;

	watch(loop, visit->tube.in, OURO_WRITABLE, leave_and_close, visit);
}

/* libev alone tells the kernel of it at its next turn, for which nobody would ask. */
TEST(a_descriptor_opened_in_a_callback_is_behind_the_hosts_when_that_polls)
{
	struct visit visit = { .loop = new_loop(), .tube = tube_empty() };

	visit.idle = watch(visit.loop, visit.tube.out, OURO_READABLE, leave_by_io, &visit);
	call_after(visit.loop, 10, open_in_a_callback, &visit);
	drive(visit.loop);
	CHECK_STR(said, "came");
	done(visit.loop);
	tube_close(visit.tube);
}

static void leave_by_signal(ouro_signal *signal, int signo, void *arg)
{
	CHECK_EQ(signo, SIGUSR1);
	ouro_signal_close(signal);
	leave(ouro_signal_loop(signal), arg);
}

static void send_a_signal(struct visit *visit)
{
	(void)visit;
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
}

static void watch_and_send_a_signal(struct visit *visit)
{
	CHECK_EQ(ouro_signal_open(visit->loop, SIGUSR1, leave_by_signal, visit, NULL), 0);
	visit->ask = send_a_signal;
	call_from_host(ask_when_quiet, visit);
}

/* libev's own signal watchers are deaf while a foreign loop polls. */
TEST(a_signal_wakes_the_host)
{
	ask_from_outside(watch_and_send_a_signal);
}

static void fall_silent_then_listen(struct visit *visit)
{
	CHECK_EQ(ouro_io_set(visit->idle, 0), 0);
	tube_fill(visit->tube);
	CHECK_EQ(ouro_io_set(visit->idle, OURO_READABLE), 0);
}

TEST(events_changed_by_the_host_wake_it)
{
	ask_from_outside(fall_silent_then_listen);
}

static void leave_when_closed(void *arg)
{
	leave(NULL, arg);
}

static void close_from_outside(struct visit *visit)
{
	ouro_io_on_close(visit->idle, leave_when_closed);
	ouro_io_close(visit->idle);
}

TEST(a_close_by_the_host_wakes_it)
{
	ask_from_outside(close_from_outside);
}

static void let_go_from_outside(struct visit *visit)
{
	say("came");
	ouro_io_hold(visit->idle, false);
}

TEST(a_host_that_lets_go_of_the_last_handle_learns_that_nothing_is_left)
{
	ask_from_outside(let_go_from_outside);
}

static void stop_from_outside(struct visit *visit)
{
	say("came");
	ouro_loop_stop(visit->loop, 0);
}

TEST(a_stop_by_the_host_wakes_it)
{
	ask_from_outside(stop_from_outside);
}

/* ---- nothing is lost, by level or by edge ---- */

static int macro_left;

static void macro_countdown(ouro_loop *loop, void *arg)
{
	if (--macro_left)
		call_macro(loop, macro_countdown, arg);
}

TEST(more_turns_than_one_wake_up_takes_are_all_taken)
{
	ouro_loop *loop = new_loop();

	macro_left = 1000;
	call_macro(loop, macro_countdown, NULL);
	drive(loop);
	CHECK_EQ(macro_left, 0);
	done(loop);
}

/* ---- clocks and threads are behind it too ---- */

struct ticks {
	ouro_timer timer;
	uint64_t began;
	unsigned count;
};

static void tick(ouro_loop *loop, void *arg)
{
	struct ticks *ticks = arg;

	ticks->count++;
	CHECK(real_ns() - ticks->began >= ticks->count * MS);
	if (ticks->count == 10)
		CHECK(ouro_timer_stop(loop, ticks->timer));
}

TEST(the_real_clock_wakes_the_host_and_never_early)
{
	ouro_loop *loop = loop_for_test(&(ouro_loop_opts){ 0 });
	struct ticks ticks = { .began = real_ns() };

	ticks.timer = ouro_timer_every(loop, 1, tick, &ticks);
	drive(loop);
	CHECK_EQ(ticks.count, 10);
	done(loop);
}

static void *post_from_a_thread(void *loop)
{
	CHECK_EQ(ouro_loop_post(loop, release, word("post")), 0);
	return NULL;
}

TEST(a_post_of_another_thread_wakes_the_host)
{
	ouro_loop *loop = new_loop();
	pthread_t thread;

	ouro_loop_hold(loop, true);
	CHECK_EQ(pthread_create(&thread, NULL, post_from_a_thread, loop), 0);
	drive(loop);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_STR(said, "post");
	done(loop);
}

/* ---- living together ---- */

struct guest {
	ouro_loop *loop;
	int host_calls;
};

static void host_calls_too(void *arg)
{
	struct guest *guest = arg;

	if (++guest->host_calls < 3)
		call_from_host(host_calls_too, guest);
}

static void until_the_host_came(ouro_loop *loop, void *arg)
{
	struct guest *guest = arg;

	if (guest->host_calls < 3)
		call_macro(loop, until_the_host_came, guest);
}

TEST(macro_tasks_that_queue_themselves_let_the_host_through)
{
	struct guest guest = { .loop = new_loop() };

	call_from_host(host_calls_too, &guest);
	call_macro(guest.loop, until_the_host_came, &guest);
	drive(guest.loop);
	CHECK_EQ(guest.host_calls, 3);
	done(guest.loop);
}

static void data_under_a_reused_number(void *arg)
{
	struct visit *visit = arg;

	if (is_quiet(visit->loop))
		tube_fill(visit->tube);
	else
		call_from_host(data_under_a_reused_number, visit);
}

/* libev finds an event of a descriptor that was closed here while a copy lives on (in a child,
 * say), cannot get rid of it, and makes its epoll descriptor anew. A host that watched the old one
 * would never hear of us again. */
TEST(a_host_hears_of_us_after_libev_replaced_its_epoll)
{
	struct visit visit = { .loop = new_loop(), .tube = tube_empty() };
	struct tube old = tube_empty();
	ouro_io *io = watch(visit.loop, old.out, OURO_READABLE, say_and_drain, word("old"));
	int number = old.out, copy;

	ouro_io_hold(io, false);
	after(visit.loop, 10, "T1");
	drive(visit.loop);

	copy = dup(old.out);
	ouro_io_close(io);
	CHECK_EQ(dup3(visit.tube.out, number, O_CLOEXEC), number);
	visit.idle = watch(visit.loop, number, OURO_READABLE, say_and_close, word("new"));
	tube_fill(old); /* from here on the stale event is there */
	call_from_host(data_under_a_reused_number, &visit);
	drive(visit.loop);
	CHECK_STR(said, "T1 new");
	done(visit.loop);
	close(copy);
	tube_close(old);
	tube_close(visit.tube);
}

/* A host that came again and again for nothing would burn its processor. */
TEST(while_nothing_is_due_the_descriptor_is_quiet)
{
	ouro_loop *loop = loop_for_test(&(ouro_loop_opts){ 0 });
	struct tube tube = tube_empty();
	int turns = 0;

	watch(loop, tube.out, OURO_READABLE | OURO_ERROR, never, NULL);
	call_after(loop, 3600000, never_task, NULL);
	while (!is_quiet(loop)) {
		CHECK(ouro_loop_turn(loop));
		CHECK(++turns <= 3);
	}
	CHECK(ouro_loop_turn(loop)); /* nor does a turn for nothing make it ready again for long */
	CHECK(ouro_loop_turn(loop));
	CHECK(ouro_loop_turn(loop));
	CHECK(is_quiet(loop));
	done(loop);
	tube_close(tube);
}

TEST(the_descriptor_keeps_its_number)
{
	ouro_loop *loop = new_loop();
	int fd = ouro_loop_fd(loop);

	CHECK(fd >= 0);
	after(loop, 10, "T");
	drive(loop);
	CHECK_EQ(ouro_loop_fd(loop), fd);
	done(loop);
}
#endif
