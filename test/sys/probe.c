/* A probe: another thread's stack, wherever that thread is. */
#include "sys/probe.h"

#include "sys/clock.h"
#include "test.h"
#include <pthread.h>
#include <semaphore.h>

#define PATIENCE (5 * NS_PER_S * TEST_SLOW)

static atomic_int asked;

static void count(void *arg)
{
	CHECK_EQ(*(int *)arg, 42);
	asked++;
}

static int answer = 42;

/* A thread that does something until it is told to stop. */
static struct {
	pthread_t thread;
	atomic_int tid;
	atomic_bool stop;
} other;

static void *spin(void *arg)
{
	(void)arg;
	other.tid = (int)gettid();
	while (!other.stop)
		clock_ns();
	return NULL;
}

static void *allocate(void *arg)
{
	unsigned n = 1;

	(void)arg;
	other.tid = (int)gettid();
	while (!other.stop) {
		void *block = malloc(n);

		CHECK(block != NULL);
		free(block);
		n = n * 1103515245u % 65521u + 1;
	}
	return NULL;
}

static int ends[2];

static void *read_a_byte(void *arg)
{
	char byte;

	(void)arg;
	other.tid = (int)gettid();
	CHECK_EQ(read(ends[0], &byte, 1), 1); /* not EINTR */
	return NULL;
}

static void *hold_all_signals_back(void *arg)
{
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	other.tid = (int)gettid();
	while (!other.stop)
		usleep(1000);
	return NULL;
}

static void start(void *(*fn)(void *))
{
	other.stop = false;
	other.tid = 0;
	CHECK_EQ(pthread_create(&other.thread, NULL, fn, NULL), 0);
	while (!other.tid)
		usleep(1000);
}

static void stop(void)
{
	other.stop = true;
	CHECK_EQ(pthread_join(other.thread, NULL), 0);
}

static bool disposition_is(int signo, void (*handler)(int))
{
	struct sigaction now;

	CHECK_EQ(sigaction(signo, NULL, &now), 0);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == handler;
}

TEST(a_stack_is_taken_from_a_thread_that_computes)
{
	int probe = ouro__probe_open(0, count, &answer);
	void *frames[PROBE_FRAMES];

	CHECK(probe >= 0);
	start(spin);
	for (int i = 1; i <= 100; i++) {
		int depth = ouro__probe_take(probe, other.tid, PATIENCE, frames);

		CHECK(depth > 0 && depth <= PROBE_FRAMES);
		CHECK_EQ(asked, i);
	}
	stop();
	ouro__probe_close(probe);
}

TEST(and_from_one_in_the_middle_of_malloc_as_often_as_one_likes)
{
	int probe = ouro__probe_open(0, count, &answer);
	int times = getenv("TEST_LONG") ? 10000 : 10000 / (TEST_SLOW * TEST_SLOW);
	void *frames[PROBE_FRAMES];

	start(allocate);
	for (int i = 0; i < times; i++)
		CHECK(ouro__probe_take(probe, other.tid, PATIENCE, frames) > 0);
	CHECK_EQ(asked, times);
	stop();
	ouro__probe_close(probe);
}

#if defined(__SANITIZE_THREAD__)
#define TEST_KEEPS_SIGNALS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_KEEPS_SIGNALS
#endif
#endif

TEST(a_read_that_waits_goes_on_waiting)
{
	int probe;
	void *frames[PROBE_FRAMES];

#ifdef TEST_KEEPS_SIGNALS
	SKIP("this sanitizer keeps signals back while read() waits");
#endif
	probe = ouro__probe_open(0, count, &answer);

	CHECK_EQ(pipe(ends), 0);
	start(read_a_byte);
	for (int i = 0; i < 10; i++)
		CHECK(ouro__probe_take(probe, other.tid, PATIENCE, frames) > 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	stop();
	close(ends[0]);
	close(ends[1]);
	ouro__probe_close(probe);
}

TEST(who_holds_the_signal_back_does_not_answer_and_is_not_hurt)
{
	int probe = ouro__probe_open(0, count, &answer), signo = ouro__probe_signal(probe);
	void *frames[PROBE_FRAMES];

	start(hold_all_signals_back);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(ouro__probe_take(probe, other.tid, NS_PER_MS, frames), 0);
	ouro__probe_close(
		probe); /* with a signal on its way, whose default is to end the process */
	CHECK(disposition_is(signo, SIG_DFL));
	stop();
	CHECK_EQ(asked, 0);
}

TEST(a_late_answer_is_nobodys)
{
	int probe = ouro__probe_open(0, count, &answer), again, signo = ouro__probe_signal(probe);
	void *frames[PROBE_FRAMES];
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signo);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	CHECK_EQ(ouro__probe_take(probe, gettid(), NS_PER_MS, frames), 0);
	again = ouro__probe_open(signo, count, &answer); /* keeps the handler there */
	ouro__probe_close(probe);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	CHECK_EQ(asked, 0);
	ouro__probe_close(again);
}

TEST(who_has_ended_does_not_answer)
{
	int probe = ouro__probe_open(0, count, &answer);
	void *frames[PROBE_FRAMES];

	start(spin);
	stop();
	CHECK_EQ(ouro__probe_take(probe, other.tid, PATIENCE, frames), 0);
	ouro__probe_close(probe);
}

/* ---- The signal ---- */

static atomic_int mine;

static void my_handler(int signo)
{
	(void)signo;
	mine++;
}

static void my_long_handler(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	CHECK_EQ(info->si_value.sival_int, 7);
	mine++;
}

TEST(the_handler_is_there_only_while_a_probe_is_open)
{
	int one = ouro__probe_open(0, count, &answer), other_one;
	int signo = ouro__probe_signal(one);

	CHECK(!disposition_is(signo, SIG_DFL));
	other_one = ouro__probe_open(0, count, &answer);
	CHECK_EQ(ouro__probe_signal(other_one), signo);
	ouro__probe_close(one);
	CHECK(!disposition_is(signo, SIG_DFL));
	ouro__probe_close(other_one);
	CHECK(disposition_is(signo, SIG_DFL));
}

TEST(a_signal_that_somebody_has_is_not_chosen)
{
	int one = ouro__probe_open(0, count, &answer), signo = ouro__probe_signal(one), two, three;
	sigset_t waited_for;

	ouro__probe_close(one);
	signal(signo, my_handler);
	two = ouro__probe_open(0, count, &answer);
	CHECK_EQ(ouro__probe_signal(two), signo - 1);
	signal(signo - 1, SIG_DFL); /* ours is displaced */
	sigemptyset(&waited_for);
	sigaddset(&waited_for, signo - 2); /* as for a signalfd */
	pthread_sigmask(SIG_BLOCK, &waited_for, NULL);
	three = ouro__probe_open(0, count, &answer);
	CHECK_EQ(ouro__probe_signal(three), signo - 3);
	ouro__probe_close(three);
	ouro__probe_close(two);
	CHECK(disposition_is(signo, my_handler));
}

TEST(signals_of_others_go_to_the_handler_that_was_there_before)
{
	int probe;

	signal(SIGUSR1, my_handler);
	probe = ouro__probe_open(SIGUSR1, count, &answer);
	CHECK(probe >= 0);
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(mine, 1);
	ouro__probe_close(probe);
	CHECK(disposition_is(SIGUSR1, my_handler));
	CHECK_EQ(raise(SIGUSR1), 0);
	CHECK_EQ(mine, 2);
	CHECK_EQ(asked, 0);
}

TEST(with_their_value)
{
	struct sigaction before = { .sa_flags = SA_SIGINFO, .sa_sigaction = my_long_handler };
	int probe;

	CHECK_EQ(sigaction(SIGUSR2, &before, NULL), 0);
	probe = ouro__probe_open(SIGUSR2, count, &answer);
	CHECK_EQ(sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 7 }), 0);
	CHECK_EQ(mine, 1);
	ouro__probe_close(probe);
}

TEST(who_takes_the_signal_from_us_keeps_it_and_is_not_sent_ours)
{
	int probe = ouro__probe_open(SIGUSR1, count, &answer);
	void *frames[PROBE_FRAMES];

	signal(SIGUSR1, my_handler);
	start(spin);
	CHECK_EQ(ouro__probe_take(probe, other.tid, PATIENCE, frames), 0);
	stop();
	CHECK_EQ(ouro__probe_open(SIGUSR1, count, &answer), -EBUSY);
	ouro__probe_close(probe);
	CHECK(disposition_is(SIGUSR1, my_handler));
	CHECK_EQ(mine, 0);
}

TEST(not_every_signal_can_be_asked_for)
{
	CHECK_EQ(ouro__probe_open(SIGKILL, count, &answer), -EINVAL);
	CHECK_EQ(ouro__probe_open(SIGSEGV, count, &answer), -EINVAL);
	CHECK_EQ(ouro__probe_open(32, count, &answer), -EINVAL); /* the C library's */
	CHECK_EQ(ouro__probe_open(-1, count, &answer), -EINVAL);
	CHECK_EQ(ouro__probe_open(1000, count, &answer), -EINVAL);
}

TEST(there_are_so_many_and_no_more)
{
	int probe[PROBES];

	for (int i = 0; i < PROBES; i++)
		CHECK((probe[i] = ouro__probe_open(0, count, &answer)) >= 0);
	CHECK_EQ(ouro__probe_open(0, count, &answer), -EBUSY);
	for (int i = 0; i < PROBES; i++)
		ouro__probe_close(probe[i]);
}

TEST(in_the_child_of_a_fork_it_answers_again)
{
	int probe = ouro__probe_open(0, count, &answer), status;
	void *frames[PROBE_FRAMES];
	pid_t pid = fork();

	if (pid == 0) {
		ouro__probe_after_fork(probe);
		start(spin);
		CHECK(ouro__probe_take(probe, other.tid, PATIENCE, frames) > 0);
		stop();
		ouro__probe_close(probe);
		exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	ouro__probe_close(probe);
}
