/* main.c -- a loop for a whole program: signals end it, words go to stderr. Each in a child. */
#include "ouro/main.h"
#include "ouro/timer.h"
#include "test.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char words[8192]; /* what the child wrote to stderr */

/* Runs a program in a child and keeps its words; its status, as waitpid() gives it. */
static int status_of(int (*program)(void))
{
	int ends[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(program());
	}
	close(ends[1]);
	while ((n = read(ends[0], words + used, sizeof(words) - used - 1)) > 0)
		used += (size_t)n;
	words[used] = 0;
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void raise_it(ouro_loop *loop, void *arg)
{
	(void)loop;
	kill(getpid(), *(int *)arg);
}

static void never(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	_exit(99);
}

static int killed_by(int signo)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_timer_after(loop, 1, raise_it, &signo);
	ouro_timer_after(loop, 3600 * 1000, never, NULL);
	return ouro_loop_main(loop);
}

static int terminated(void)
{
	return killed_by(SIGTERM);
}

static int interrupted(void)
{
	return killed_by(SIGINT);
}

TEST(term_and_int_end_the_run_and_are_no_error)
{
	CHECK_EQ(status_of(terminated), 0);
	CHECK_EQ(status_of(interrupted), 0);
	CHECK_STR(words, "");
}

static void raise_it_twice(ouro_loop *loop, void *arg)
{
	raise_it(loop, arg);
	ouro_loop_macro(loop, raise_it, arg); /* in the turn that the first one ends */
	ouro_timer_every(loop, 0, raise_it, arg);
}

static int terminated_twice(void)
{
	static int term = SIGTERM;
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_timer_after(loop, 1, raise_it_twice, &term);
	return ouro_loop_main(loop);
}

TEST(a_second_signal_ends_the_process_at_once)
{
	int status = status_of(terminated_twice);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGTERM);
}

static void stop_with_7(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_stop(loop, 7);
}

static int stopped(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_loop_macro(loop, stop_with_7, NULL);
	return ouro_loop_main(loop);
}

TEST(what_stop_was_given_is_what_main_returns)
{
	CHECK_EQ(WEXITSTATUS(status_of(stopped)), 7);
}

static int nothing_to_do(void)
{
	return ouro_loop_main(ouro_loop_new(NULL));
}

TEST(a_loop_with_nothing_to_do_ends)
{
	CHECK_EQ(status_of(nothing_to_do), 0);
}

static void dawdle(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 1840), 0);
}

static int slow(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });

	ouro_timer_after(loop, 10, dawdle, NULL);
	return ouro_loop_main(loop);
}

TEST(who_held_the_loop_is_printed)
{
	CHECK_EQ(status_of(slow), 0);
	CHECK_STR(words, "ouro: the loop was held 1840 ms by dawdle (timer)\n");
}

static void say_nothing(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)lag, (void)arg;
}

static int slow_with_an_ear_of_its_own(void)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = say_nothing });

	ouro_timer_after(loop, 10, dawdle, NULL);
	return ouro_loop_main(loop);
}

TEST(unless_the_program_listens_itself)
{
	CHECK_EQ(status_of(slow_with_an_ear_of_its_own), 0);
	CHECK_STR(words, "");
}

static void run_again(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_run(loop), -EBUSY);
}

static int mistaken(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	ouro_loop_macro(loop, run_again, NULL);
	return ouro_loop_main(loop);
}

TEST(a_mistake_is_printed_in_words)
{
	CHECK_EQ(status_of(mistaken), 0);
	CHECK(strstr(words, "ouro: error: ouro_loop_run: this loop is running already"));
}

static void stop_it(ouro_loop *loop, void *arg)
{
	(void)arg;
	ouro_loop_stop(loop, 0);
}

/* The next turn finds the signal ready before it comes to the task. */
static void ask_why(ouro_loop *loop, void *arg)
{
	raise_it(loop, arg);
	ouro_loop_macro(loop, stop_it, NULL);
}

static int asked_why(void)
{
	static int usr1 = SIGUSR1;
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_timer sweep = ouro_timer_after(loop, 3600 * 1000, never, NULL);

	ouro_timer_set_name(loop, sweep, "sweep");
	ouro_timer_after(loop, 1, ask_why, &usr1);
	return ouro_loop_main(loop);
}

TEST(usr1_prints_what_keeps_the_loop_alive)
{
	CHECK_EQ(status_of(asked_why), 0);
	CHECK(strstr(words, "ouro: 2 things keep the loop alive\n"));
	CHECK(strstr(words, "timer sweep\n"));
	CHECK(strstr(words, "macro task "));
}

static int no_loop(void)
{
	errno = EMFILE;
	return ouro_loop_main(NULL);
}

TEST(a_loop_that_could_not_be_made_is_said_to_be_so)
{
	CHECK_EQ(WEXITSTATUS(status_of(no_loop)), 1);
	CHECK_STR(words, "ouro: cannot make a loop: Too many open files (EMFILE)\n");
}

static int in_use(void)
{
	return ouro_die("listen on 8080", -EADDRINUSE);
}

TEST(die_says_what_why_and_the_name)
{
	CHECK_EQ(WEXITSTATUS(status_of(in_use)), 1);
	CHECK_STR(words, "ouro: cannot listen on 8080: Address already in use (EADDRINUSE)\n");
}
