/* Threads of ouro's own. */
#include "sys/thread.h"

#include "test.h"

struct seen {
	char name[32];
	sigset_t blocked;
	size_t stack;
};

static void *look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;

	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
	CHECK_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
	CHECK_EQ(pthread_attr_getstacksize(&attr, &seen->stack), 0);
	pthread_attr_destroy(&attr);
	return seen;
}

/* What a thread of that name and stack sees of itself. */
static struct seen seen_by(const char *name, size_t stack)
{
	struct seen seen;
	pthread_t thread;
	void *answer;

	CHECK_EQ(ouro__thread_start(&thread, name, stack, look, &seen), 0);
	CHECK_EQ(pthread_join(thread, &answer), 0);
	CHECK(answer == &seen);
	return seen;
}

TEST(a_thread_finds_its_name_set)
{
	CHECK_STR(seen_by("ouro-pool-1", 0).name, "ouro-pool-1");
	CHECK_STR(seen_by("", 0).name, "");
}

TEST(of_a_long_name_15_letters_are_kept)
{
	CHECK_STR(seen_by("exactly-fifteen", 0).name, "exactly-fifteen");
	CHECK_STR(seen_by("a-name-that-is-too-long", 0).name, "a-name-that-is-");
}

static bool is_fault(int signal)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i] == signal)
			return true;
	return false;
}

/* Libc keeps two of the real-time signals for itself and never blocks them. */
TEST(every_signal_is_blocked_but_the_faults_of_its_own)
{
	struct seen seen = seen_by("deaf", 0);

	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP)
			continue;
		if (signal >= 32 && signal < SIGRTMIN)
			continue;
		CHECK_EQ(sigismember(&seen.blocked, signal), !is_fault(signal));
	}
}

TEST(the_creators_own_mask_stays)
{
	sigset_t set, after;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
	seen_by("other", 0);
	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	CHECK_EQ(sigismember(&after, SIGUSR2), 1);
	CHECK_EQ(sigismember(&after, SIGUSR1), 0);
	CHECK_EQ(sigismember(&after, SIGTERM), 0);
}

static volatile sig_atomic_t faults_seen;

static void see_fault(int signal)
{
	faults_seen += signal == SIGSEGV;
}

static void *fault(void *arg)
{
	raise(SIGSEGV);
	return arg;
}

TEST(the_hosts_crash_handler_hears_of_its_fault)
{
	pthread_t thread;

	signal(SIGSEGV, see_fault);
	CHECK_EQ(ouro__thread_start(&thread, "clumsy", 0, fault, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	signal(SIGSEGV, SIG_DFL);
	CHECK_EQ(faults_seen, 1);
}

TEST(its_stack_is_as_large_as_was_said)
{
	CHECK(seen_by("usual", 0).stack >= 256 * 1024);
	CHECK(seen_by("usual", 0).stack <= 2 * 1024 * 1024);
	CHECK_EQ(seen_by("large", 4 * 1024 * 1024).stack, 4 * 1024 * 1024);
	CHECK(seen_by("odd", 3000001).stack >= 3000001);
}

TEST(too_small_a_stack_is_made_large_enough_to_start)
{
	CHECK(seen_by("tiny", 1).stack >= (size_t)sysconf(_SC_THREAD_STACK_MIN));
}

static void check_refused(size_t stack, int one_error, int or_another)
{
	pthread_t thread;
	int err = ouro__thread_start(&thread, "never", stack, look, NULL);

	CHECK(err == one_error || err == or_another);
}

TEST(a_stack_that_cannot_be_is_refused)
{
	check_refused(SIZE_MAX, -EINVAL, -EINVAL);
	check_refused(SIZE_MAX / 2, -EAGAIN, -ENOMEM);
}

static int start_one(void)
{
	struct seen seen;
	pthread_t thread;
	int err = ouro__thread_start(&thread, "one", 0, look, &seen);

	if (!err)
		CHECK_EQ(pthread_join(thread, NULL), 0);
	return err;
}

TEST(without_memory_there_is_no_thread)
{
	CHECK_EQ(for_each_failing_allocation(start_one), 1);
}
