/* fork.c -- one loop before, two after, and neither eats what is the other's. */
#include "kit.h"
#include <ev.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

/* Where an order is compared: the real clock may have passed a deadline before the run begins. */
static ouro_loop *new_virtual_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

/* In the child: ends it, for the parent to look at. An alarm does not survive a fork. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		alarm(TEST_SECONDS);
	return pid;
}

static void check_child(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(timers_and_tasks_are_there_in_both)
{
	ouro_loop *loop = new_virtual_loop();
	pid_t pid;

	after(loop, 2, "T");
	macro(loop, "macro");
	micro(loop, "micro");
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "micro macro T");
	ouro_loop_free(loop);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

struct pinger {
	ouro_loop *loop;
	int left;
};

static void ping(ouro_loop *loop, void *arg)
{
	struct pinger *pinger = arg;

	if (--pinger->left == 0)
		ouro_loop_hold(loop, false);
	else
		CHECK_EQ(ouro_loop_post(loop, ping, pinger), 0);
}

static void ping_slowly(ouro_loop *loop, void *arg)
{
	struct pinger *pinger = arg;

	if (--pinger->left == 0)
		ouro_loop_hold(loop, false);
	else
		call_after(loop, pinger->left % 2, ping_slowly, pinger);
}

/* Both live on wake-ups and deadlines at the same time: whoever took one of the other's would make
 * it wait for ever. */
TEST(neither_eats_the_wake_ups_and_deadlines_of_the_other)
{
	ouro_loop *loop = new_loop();
	struct pinger fast = { loop, 2000 }, slow = { loop, 50 };
	pid_t pid;

	ouro_loop_hold(loop, true);
	ouro_loop_hold(loop, true);
	CHECK_EQ(ouro_loop_post(loop, ping, &fast), 0);
	call_after(loop, 1, ping_slowly, &slow);
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(fast.left, 0);
	CHECK_EQ(slow.left, 0);
	ouro_loop_free(loop);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

struct game {
	ouro_loop *loop;
	sem_t your_move;
	int left;
};

static void return_the_ball(ouro_loop *loop, void *arg)
{
	struct game *game = arg;

	if (--game->left == 0)
		ouro_loop_hold(loop, false);
	sem_post(&game->your_move);
}

static void *play(void *arg)
{
	struct game *game = arg;

	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(ouro_loop_post(game->loop, return_the_ball, game), 0);
		while (sem_wait(&game->your_move) != 0)
			;
	}
	return NULL;
}

TEST(neither_is_woken_by_the_threads_of_the_other)
{
	struct game game = { .loop = new_loop(), .left = 1000 };
	pthread_t thread;
	pid_t pid;

	ouro_loop_hold(game.loop, true);
	CHECK(ouro_loop_turn(game.loop));
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(game.loop), 0);
	CHECK_EQ(sem_init(&game.your_move, 0, 0), 0);
	CHECK_EQ(pthread_create(&thread, NULL, play, &game), 0);
	CHECK_EQ(ouro_loop_run(game.loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	sem_destroy(&game.your_move);
	ouro_loop_free(game.loop);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

static void go_on_once(ouro_loop *loop, void *arg)
{
	say("child");
	macro(loop, arg);
}

/* A timerfd is shared by a fork: what the child sets it to it would be set to for both. */
TEST(the_child_leaves_the_alarm_of_the_parent_alone)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer = after(loop, 50, "T");
	pid_t pid;

	CHECK(ouro_loop_turn(loop)); /* the alarm is set now */
	pid = fork_child();
	if (pid == 0) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		CHECK(ouro_timer_stop(loop, timer));
		CHECK(ouro_timer_hold(loop, call_after(loop, 3600000, never_task, NULL), false));
		call_after(loop, 1, go_on_once, word("twice"));
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, "child twice");
		ouro_loop_free(loop);
		exit(0);
	}
	check_child(pid);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "T");
	ouro_loop_free(loop);
}

static void close_tube_of(ouro_io *io, unsigned ready, void *arg)
{
	struct tube *tube = arg;

	(void)ready;
	say("io");
	ouro_io_close(io);
	drain(tube->out);
}

/* An epoll descriptor is shared by a fork: what the child takes out of it would be out for both. */
TEST(what_the_child_closes_stays_open_in_the_parent)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE | OURO_ERROR, close_tube_of, &tube);
	pid_t pid;

	CHECK(ouro_loop_turn(loop)); /* the kernel knows it now */
	CHECK(ouro_loop_turn(loop));
	pid = fork_child();
	if (pid == 0) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		ouro_io_close(io);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, "");
		ouro_loop_free(loop);
		exit(0);
	}
	check_child(pid);
	tube_fill(tube);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "io");
	ouro_loop_free(loop);
	tube_close(tube);
}

TEST(the_child_hears_of_the_descriptors_it_inherited)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	pid_t pid;

	watch(loop, tube.out, OURO_READABLE, close_tube_of, &tube);
	CHECK(ouro_loop_turn(loop));
	pid = fork_child();
	if (pid == 0) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		tube_fill(tube);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, "io");
		ouro_loop_free(loop);
		exit(0);
	}
	check_child(pid);
	ouro_loop_free(loop);
	tube_close(tube);
}

static void say_ready_and_close(ouro_io *io, unsigned ready, void *arg)
{
	(void)arg;
	say("%u", ready);
	ouro_io_close(io);
}

/* The pipe has no reader left when both have closed theirs; then both must hear of it. */
TEST(both_hear_of_errors)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	pid_t pid;

	watch(loop, tube.in, OURO_ERROR, say_ready_and_close, NULL);
	CHECK(ouro_loop_turn(loop));
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	close(tube.out);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "4");
	ouro_loop_free(loop);
	close(tube.in);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

/* ---- behind a descriptor ---- */

static void fill(ouro_loop *loop, void *arg)
{
	struct tube *tube = arg;

	(void)loop;
	tube_fill(*tube);
}

/* Answers how often the host came: often is as wrong as never. */
static int drive(ouro_loop *loop)
{
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };
	int times = 1;

	while (poll(&p, 1, -1) == 1 && ouro_loop_turn(loop))
		times++;
	return times;
}

TEST(behind_a_descriptor_the_number_stays_and_both_go_on)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	int fd = ouro_loop_fd(loop);
	pid_t pid;

	watch(loop, tube.out, OURO_READABLE, close_tube_of, &tube);
	CHECK(ouro_loop_turn(loop));
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	else
		check_child(pid);
	CHECK_EQ(ouro_loop_fd(loop), fd);
	call_after(loop, 2, fill, &tube);
	after(loop, 5, "T");
	CHECK(drive(loop) < 20);
	CHECK(strstr(said, "io") && strstr(said, "T"));
	ouro_loop_free(loop);
	tube_close(tube);
	if (pid == 0)
		exit(0);
}

/* ---- in a host's libev loop ---- */

TEST(in_a_host_both_go_on_after_the_host_forked_too)
{
	struct ev_loop *host = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	struct pinger fast = { loop, 500 }, slow = { loop, 20 };
	struct tube tube = tube_empty();
	pid_t pid;

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	ouro_loop_hold(loop, true);
	ouro_loop_hold(loop, true);
	ev_run(host, EVRUN_NOWAIT);
	CHECK_EQ(ouro_loop_post(loop, ping, &fast), 0);
	call_after(loop, 1, ping_slowly, &slow);
	pid = fork_child();
	if (pid == 0) {
		ev_loop_fork(host);
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	}
	tube_fill(tube);
	ev_run(host, 0);
	CHECK_STR(said, "io");
	CHECK_EQ(fast.left, 0);
	CHECK_EQ(slow.left, 0);
	ouro_loop_free(loop);
	ev_loop_destroy(host);
	tube_close(tube);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

/* ---- signals, names, and a fork inside a callback ---- */

static void say_signal_and_close(ouro_signal *signal, int signo, void *arg)
{
	(void)signo;
	say("%s", (const char *)arg);
	ouro_signal_close(signal);
}

TEST(each_hears_the_signals_sent_to_it)
{
	ouro_loop *loop = new_loop();
	pid_t pid;

	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, say_signal_and_close, word("heard"), NULL), 0);
	CHECK(ouro_loop_turn(loop));
	pid = fork_child();
	if (pid == 0) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		kill(getpid(), SIGUSR1);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, "heard");
		ouro_loop_free(loop);
		exit(0);
	}
	check_child(pid);
	CHECK_STR(said, "");
	kill(getpid(), SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "heard");
	ouro_loop_free(loop);
}

static void slow(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 80), 0);
}

static void say_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	say("%s", lag->who);
}

/* A fork beside a running thread is more than the sanitizers take: one does not open its
 * allocator's lock in the child, the other takes the child's first thread for the one left
 * behind. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
	defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

TEST(a_report_whose_name_was_being_looked_up_is_told_in_both)
{
	ouro_loop *loop =
		ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = say_lag });
	pid_t pid;

	if (SANITIZED) {
		ouro_loop_free(loop);
		SKIP("sanitizers do not take a fork beside a thread");
	}
	call_macro(loop, slow, NULL);
	CHECK(ouro_loop_turn(loop)); /* the thread begins now, and may be done by the fork */
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "slow");
	ouro_loop_free(loop);
	if (pid == 0)
		exit(0);
	check_child(pid);
}

static pid_t forked;

static void fork_inside(ouro_loop *loop, void *arg)
{
	(void)arg;
	forked = fork_child();
	if (forked == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	macro(loop, "macro");
	after(loop, 2, "T");
}

TEST(a_callback_can_fork)
{
	ouro_loop *loop = new_virtual_loop();
	struct tube tube = tube_full();

	watch(loop, tube.out, OURO_READABLE, say_and_close, word("io"));
	call_after(loop, 1, fork_inside, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "io macro T");
	ouro_loop_free(loop);
	tube_close(tube);
	if (forked == 0)
		exit(0);
	check_child(forked);
}
