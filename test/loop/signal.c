/* signal.c -- signals as ordinary callbacks, and what is left of them when their handle is gone. */
#include "kit.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/signalfd.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	CHECK(loop != NULL);
	return loop;
}

static ouro_signal *listen_to(ouro_loop *loop, int signo, ouro_signal_fn *fn, const char *w)
{
	ouro_signal *signal = NULL;

	CHECK_EQ(ouro_signal_open(loop, signo, fn, word(w), &signal), 0);
	CHECK(signal != NULL);
	CHECK(ouro_signal_loop(signal) == loop);
	return signal;
}

static void say_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signal, (void)signo;
	say("%s", (const char *)arg);
}

static void say_signal_and_close(ouro_signal *signal, int signo, void *arg)
{
	say_signal(signal, signo, arg);
	ouro_signal_close(signal);
}

static void send_signal(int signo)
{
	CHECK_EQ(kill(getpid(), signo), 0);
}

static bool is_blocked(int signo)
{
	sigset_t mask;

	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	return sigismember(&mask, signo);
}

static struct sigaction action_of(int signo)
{
	struct sigaction action;

	CHECK_EQ(sigaction(signo, NULL, &action), 0);
	return action;
}

/* ---- hearing ---- */

static void look_at_the_signal(ouro_signal *signal, int signo, void *arg)
{
	CHECK_EQ(signo, SIGUSR1);
	CHECK_STR(arg, "arg");
	say("heard");
	micro(ouro_signal_loop(signal), "micro");
	macro(ouro_signal_loop(signal), "macro");
	ouro_signal_close(signal);
}

TEST(a_signal_is_an_ordinary_callback)
{
	ouro_loop *loop = new_loop();
	ouro_signal *signal = listen_to(loop, SIGUSR1, look_at_the_signal, "arg");

	CHECK_EQ(ouro_signal_set_name(signal, "reload"), 0);
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "heard micro macro");
	ouro_loop_free(loop);
}

static void *send_from_a_thread(void *arg)
{
	(void)arg;
	send_signal(SIGUSR1);
	return NULL;
}

TEST(a_signal_wakes_a_loop_that_waits)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	pthread_t thread;

	listen_to(loop, SIGUSR1, say_signal_and_close, "heard");
	CHECK_EQ(pthread_create(&thread, NULL, send_from_a_thread, NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_STR(said, "heard");
	ouro_loop_free(loop);
}

TEST(each_handle_of_a_signal_is_called)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, say_signal_and_close, "one");
	listen_to(loop, SIGUSR2, say_signal_and_close, "other");
	listen_to(loop, SIGUSR1, say_signal_and_close, "two");
	send_signal(SIGUSR1);
	after(loop, 10, "T");
	while (!strstr(said, "T"))
		CHECK(ouro_loop_turn(loop));
	CHECK_STR(said, "one two T");
	send_signal(SIGUSR2);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "one two T other");
	ouro_loop_free(loop);
}

/* The last handle of a signal unblocks it: the one that closed here was not the last. */
TEST(closing_one_handle_in_its_callback_leaves_the_others_listening)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, say_signal_and_close, "once");
	ouro_signal_hold(listen_to(loop, SIGUSR1, say_signal, "always"), false);
	send_signal(SIGUSR1);
	after(loop, 10, "T1");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "once always T1");
	CHECK(is_blocked(SIGUSR1));
	send_signal(SIGUSR1);
	after(loop, 10, "T2");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "once always T1 always T2");
	ouro_loop_free(loop);
}

static ouro_signal *neighbour;

static void close_the_neighbour(ouro_signal *signal, int signo, void *arg)
{
	say_signal_and_close(signal, signo, arg);
	ouro_signal_close(neighbour);
}

TEST(a_handle_closed_by_another_of_the_same_signal_is_not_called)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, close_the_neighbour, "one");
	neighbour = listen_to(loop, SIGUSR1, say_signal, "[two]");
	ouro_signal_on_close(neighbour, say_closed);
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "one [two]"); /* the word of its on_close */
	ouro_loop_free(loop);
}

static void open_another(ouro_signal *signal, int signo, void *arg)
{
	say_signal(signal, signo, arg);
	neighbour = listen_to(ouro_signal_loop(signal), signo, say_signal_and_close, "new");
	ouro_signal_close(signal);
}

TEST(a_handle_opened_in_a_callback_hears_the_next_signal_not_this_one)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, open_another, "old");
	send_signal(SIGUSR1);
	after(loop, 10, "T");
	while (!strstr(said, "T"))
		CHECK(ouro_loop_turn(loop));
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "old T new");
	ouro_loop_free(loop);
}

TEST(a_signal_sent_often_comes_at_least_once)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, say_signal_and_close, "heard");
	for (int i = 0; i < 100; i++)
		send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "heard");
	ouro_loop_free(loop);
}

TEST(a_handle_that_is_not_held_does_not_keep_the_loop_alive)
{
	ouro_loop *loop = new_loop();

	ouro_signal_hold(listen_to(loop, SIGUSR1, say_signal, "heard"), false);
	send_signal(SIGUSR1);
	after(loop, 10, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "heard T");
	ouro_loop_free(loop);
}

TEST(an_ignored_signal_can_be_heard_all_the_same)
{
	ouro_loop *loop = new_loop();

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	listen_to(loop, SIGPIPE, say_signal_and_close, "heard");
	send_signal(SIGPIPE);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "heard");
	CHECK(action_of(SIGPIPE).sa_handler == SIG_IGN);
	ouro_loop_free(loop);
}

TEST(real_time_signals_can_be_heard)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGRTMAX, say_signal_and_close, "max");
	listen_to(loop, SIGRTMIN, say_signal_and_close, "min");
	send_signal(SIGRTMAX);
	send_signal(SIGRTMIN);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "max") && strstr(said, "min"));
	ouro_loop_free(loop);
}

/* ---- several loops ---- */

TEST(two_loops_in_one_thread_both_hear_a_signal)
{
	ouro_loop *one = new_loop(), *two = new_loop();

	listen_to(one, SIGUSR1, say_signal_and_close, "one");
	listen_to(two, SIGUSR1, say_signal_and_close, "two");
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(one), 0);
	CHECK_EQ(ouro_loop_run(two), 0);
	CHECK_STR(said, "one two");
	ouro_loop_free(one);
	ouro_loop_free(two);
}

struct listener {
	sem_t open;
	bool heard;
};

static void note_and_close(ouro_signal *signal, int signo, void *arg)
{
	struct listener *listener = arg;

	(void)signo;
	listener->heard = true;
	ouro_signal_close(signal);
}

static void *listen_in_a_thread(void *arg)
{
	struct listener *listener = arg;
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_signal *signal;

	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, note_and_close, listener, &signal), 0);
	sem_post(&listener->open);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	return NULL;
}

TEST(loops_in_several_threads_all_hear_a_signal)
{
	struct listener listeners[4] = { 0 };
	pthread_t threads[4];
	ouro_loop *loop = ouro_loop_new(NULL);

	listen_to(loop, SIGUSR1, say_signal_and_close, "main");
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(sem_init(&listeners[i].open, 0, 0), 0);
		CHECK_EQ(pthread_create(&threads[i], NULL, listen_in_a_thread, &listeners[i]), 0);
		while (sem_wait(&listeners[i].open) != 0)
			;
	}
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
		CHECK(listeners[i].heard);
		sem_destroy(&listeners[i].open);
	}
	CHECK_STR(said, "main");
	ouro_loop_free(loop);
}

/* ---- what is refused, and what is the host's ---- */

TEST(signals_that_cannot_wait_are_refused)
{
	static const int no[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, 65 };
	ouro_loop *loop = new_loop();

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CHECK_EQ(ouro_signal_open(loop, no[i], say_signal, NULL, NULL), -EINVAL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static volatile sig_atomic_t handled;

static void host_handler(int signo)
{
	handled = signo;
}

TEST(a_signal_that_the_program_handles_is_not_stolen)
{
	ouro_loop *loop = new_loop();

	CHECK(signal(SIGUSR2, host_handler) != SIG_ERR);
	CHECK_EQ(ouro_signal_open(loop, SIGUSR2, say_signal, NULL, NULL), -EBUSY);
	CHECK(action_of(SIGUSR2).sa_handler == host_handler);
	CHECK(!is_blocked(SIGUSR2));
	raise(SIGUSR2);
	CHECK_EQ(handled, SIGUSR2);
	ouro_loop_free(loop);
}

TEST(a_handler_of_the_program_for_another_signal_is_left_alone)
{
	ouro_loop *loop = new_loop();

	CHECK(signal(SIGUSR2, host_handler) != SIG_ERR);
	listen_to(loop, SIGUSR1, say_signal_and_close, "ours");
	raise(SIGUSR2);
	CHECK_EQ(handled, SIGUSR2);
	send_signal(SIGUSR1);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ours");
	ouro_loop_free(loop);
}

TEST(no_disposition_changes)
{
	struct sigaction before = action_of(SIGUSR1);
	ouro_loop *loop = new_loop();
	ouro_signal *signal = listen_to(loop, SIGUSR1, say_signal, "");

	CHECK(action_of(SIGUSR1).sa_handler == before.sa_handler);
	CHECK(is_blocked(SIGUSR1));
	ouro_signal_close(signal);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(action_of(SIGUSR1).sa_handler == before.sa_handler);
	ouro_loop_free(loop);
}

TEST(a_loop_that_watches_no_signal_blocks_none)
{
	sigset_t before, now;
	ouro_loop *loop;

	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
	loop = new_loop();
	after(loop, 1, "T");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	for (int signo = 1; signo < 65; signo++)
		CHECK_EQ(sigismember(&now, signo), sigismember(&before, signo));
	ouro_loop_free(loop);
}

/* ---- after the last handle ---- */

TEST(with_its_last_handle_a_signal_is_unblocked)
{
	ouro_loop *loop = new_loop();
	ouro_signal *one = listen_to(loop, SIGUSR1, say_signal, "");
	ouro_signal *two = listen_to(loop, SIGUSR1, say_signal, "");

	ouro_signal_close(one);
	CHECK_EQ(ouro_loop_turn(loop), true);
	CHECK(is_blocked(SIGUSR1));
	ouro_signal_close(two);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!is_blocked(SIGUSR1));
	ouro_loop_free(loop);
}

TEST(a_signal_that_was_blocked_before_stays_blocked)
{
	ouro_loop *loop = new_loop();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	ouro_signal_close(listen_to(loop, SIGUSR1, say_signal, ""));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(is_blocked(SIGUSR1));
	ouro_loop_free(loop);
}

TEST(freeing_the_loop_unblocks_its_signals)
{
	ouro_loop *loop = new_loop();

	listen_to(loop, SIGUSR1, say_signal, "");
	ouro_loop_free(loop);
	CHECK(!is_blocked(SIGUSR1));
}

/* It was sent while we had said that we take it: it must not hit the program behind our back. */
TEST(a_signal_that_waits_when_its_last_handle_closes_does_not_kill)
{
	ouro_loop *loop = new_loop();
	ouro_signal *signal = listen_to(loop, SIGUSR1, say_signal, "[heard]");

	send_signal(SIGUSR1);
	ouro_signal_close(signal);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(!is_blocked(SIGUSR1));
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

TEST(a_signal_can_be_watched_again)
{
	ouro_loop *loop = new_loop();

	for (int i = 0; i < 3; i++) {
		listen_to(loop, SIGUSR1, say_signal_and_close, "heard");
		send_signal(SIGUSR1);
		CHECK_EQ(ouro_loop_run(loop), 0);
	}
	CHECK_STR(said, "heard heard heard");
	ouro_loop_free(loop);
}
