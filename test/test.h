/* test.h -- a test is a function; a file of tests is a program.
 *
 *     TEST(timer_fires_once)
 *     {
 *             ...
 *             CHECK_EQ(hits, 1);
 *     }
 *
 * Each test runs in a child of its own, so that a crash fails that test alone. It also fails when
 * it is silent for ten seconds, leaves a descriptor open, or when ouro keeps a byte of what it
 * took; and when a sanitizer has something to say. What is printed is TAP.
 *
 *     build/test/loop/timer                      all of its tests
 *     build/test/loop/timer timer_fires_once     one, in this process: for a debugger
 *     TEST_REPEAT=100 build/test/loop/timer      each a hundred times, or the one that is named, each in
 *                                                a process of its own: for what fails at times */
#ifndef TEST_H
#define TEST_H
#include "ouro/base.h"
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How many times slower than usual: a sanitizer's build says 6. -DTEST_SLOW=20 for valgrind. */
#ifndef TEST_SLOW
#define TEST_SLOW 1
#endif
#define TEST_SECONDS (10 * TEST_SLOW)
#define TEST_FDS     1024
#define TEST_SKIPPED 77

#ifdef __SANITIZE_ADDRESS__
#define TEST_AWAITS_THREADS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_AWAITS_THREADS
#endif
#endif

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
static struct test *tests, **tests_end = &tests;

/* Constructors keep the order of the source, with gcc and with clang; linker sections do not. */
#define TEST(name_)                                                \
	static void name_(void);                                   \
	__attribute__((constructor)) static void name_##_add(void) \
	{                                                          \
		static struct test t = { #name_, name_, NULL };    \
		*tests_end = &t;                                   \
		tests_end = &t.next;                               \
	}                                                          \
	static void name_(void)

/* --- What a test says --- */

#define CHECK(cond) ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, #cond))

/* Two integers: both are shown when they differ. */
#define CHECK_EQ(a, b) test_equal(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))

/* Two C strings, or NULLs. */
#define CHECK_STR(a, b) test_same(__FILE__, __LINE__, #a " is " #b, (a), (b))

/* Leaves the test, which is neither good nor bad: SKIP("no second processor"). */
#define SKIP(words) test_skip(words)

_Noreturn static inline void test_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "# %s:%d: %s\n", file, line, what);
	abort();
}

static inline void test_equal(const char *file, int line, const char *what, long long a,
			      long long b)
{
	if (a == b)
		return;
	fprintf(stderr, "# it is %lld, not %lld\n", a, b);
	test_fail(file, line, what);
}

static inline void test_same(const char *file, int line, const char *what, const char *a,
			     const char *b)
{
	if (a == b || (a && b && !strcmp(a, b)))
		return;
	fprintf(stderr, "# it is \"%s\", not \"%s\"\n", a ? a : "(null)", b ? b : "(null)");
	test_fail(file, line, what);
}

/* What a child tells its parent, in memory that both see. */
struct test_shared {
	bool done; /* it came to the end of its test, and did not exit() on the way */
	char skipped[256];
};
static struct test_shared *test_shared;

_Noreturn static inline void test_skip(const char *words)
{
	snprintf(test_shared->skipped, sizeof(test_shared->skipped), "%s", words);
	exit(TEST_SKIPPED);
}

/* --- Memory: every allocation of ouro is counted, and any one can be made to fail --- */

static struct {
	atomic_size_t held;    /* bytes that ouro has now */
	atomic_size_t taken;   /* allocations so far */
	atomic_size_t refused; /* the number of the one that fails; 0: none does */
} test_memory;

static bool test_refuses(void)
{
	return atomic_fetch_add(&test_memory.taken, 1) + 1 == test_memory.refused;
}

static void *test_alloc(size_t size, void *arg)
{
	void *got = test_refuses() ? NULL : malloc(size);

	(void)arg;
	test_memory.held += malloc_usable_size(got);
	return got;
}

static void *test_realloc(void *old, size_t size, void *arg)
{
	size_t was = malloc_usable_size(old);
	void *got = test_refuses() ? NULL : realloc(old, size);

	(void)arg;
	if (got)
		test_memory.held += malloc_usable_size(got) - was;
	return got;
}

static void test_free(void *old, void *arg)
{
	(void)arg;
	test_memory.held -= malloc_usable_size(old);
	free(old);
}

/* How many allocations ouro has asked for, in all of this test. */
static inline size_t allocations(void)
{
	return test_memory.taken;
}

/* The nth allocation from now (1: the next) answers NULL, once. 0: none does. */
static inline void fail_allocation(size_t nth)
{
	test_memory.refused = nth ? test_memory.taken + nth : 0;
}

/* --- Descriptors: a test leaves those open that it found, and no other --- */

static void test_list_fds(char open[TEST_FDS])
{
	DIR *d = opendir("/proc/self/fd");

	memset(open, 0, TEST_FDS);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && atoi(e->d_name) < TEST_FDS)
			open[atoi(e->d_name)] = 1;
	if (!d)
		test_fail(__FILE__, __LINE__, "/proc/self/fd can be read");
	open[dirfd(d)] = 0;
	closedir(d);
}

static void test_tell_fd(int fd, bool is_open)
{
	char path[32], what[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, what, sizeof(what));
	if (is_open)
		fprintf(stderr, "# descriptor %d was left open: %.*s\n", fd, (int)(n > 0 ? n : 0),
			what);
	else
		fprintf(stderr, "# descriptor %d was closed, and not the test's to close\n", fd);
}

/* A thread that was given up takes with it what it holds, when it ends: memory and descriptors. It has
 * five seconds, which a leak has as well. */
static bool test_waits_on(int *ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return ++*ms < 5000;
}

static void test_compare_fds(const char before[TEST_FDS])
{
	char now[TEST_FDS];
	int ms = 0;

	do {
		test_list_fds(now);
		if (!memcmp(now, before, TEST_FDS))
			return;
	} while (test_waits_on(&ms));
	for (int fd = 0; fd < TEST_FDS; fd++)
		if (now[fd] != before[fd])
			test_tell_fd(fd, now[fd]);
	abort();
}

static void test_compare_memory(size_t before)
{
	int ms = 0;

	do
		if (test_memory.held == before)
			return;
	while (test_waits_on(&ms));
	fprintf(stderr, "# ouro kept %zd bytes\n", (ssize_t)(test_memory.held - before));
	abort();
}

/* Calls attempt() with its first allocation failing, then its second, and so on until none is left
 * to fail. It undoes what it did and answers 0, or -ENOMEM with nothing left behind: no byte, no
 * descriptor. (0 although one failed is right too: it coped.) Returns how many it made fail. */
static inline size_t for_each_failing_allocation(int (*attempt)(void))
{
	size_t nth = 0, held = test_memory.held;
	char fds[TEST_FDS];
	bool failed;

	test_list_fds(fds);
	do {
		fail_allocation(++nth);
		int err = attempt();
		failed = test_memory.taken >= test_memory.refused;
		if (err != 0 && !(failed && err == -ENOMEM)) {
			fprintf(stderr, "# with allocation %zu failing it answers %d\n", nth, err);
			abort();
		}
		test_compare_memory(held);
		test_compare_fds(fds);
	} while (failed);
	fail_allocation(0);
	return nth - 1;
}

/* --- The runner --- */

static void test_run(const struct test *t)
{
	char fds[TEST_FDS];

	test_list_fds(fds);
	t->run();
	test_compare_memory(0);
	test_compare_fds(fds);
}

/* A thread that is about to end still holds what the C library has given it, where LeakSanitizer
 * does not look: it gets the time it needs, and one that stays has a second. */
static inline void test_await_threads(void)
{
#ifdef TEST_AWAITS_THREADS
	struct timespec tick = { .tv_nsec = 1000000 };
	struct stat tasks;

	for (int i = 0; i < 1000 && !stat("/proc/self/task", &tasks) && tasks.st_nlink > 3; i++)
		nanosleep(&tick, NULL);
#endif
}

/* exit() and not _exit(): LeakSanitizer looks around when a process ends in an orderly way. */
static int test_run_child(const struct test *t)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	test_shared->done = false;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* control-C on the runner ends both */
		alarm(TEST_SECONDS);
		test_run(t);
		test_shared->done = true;
		test_await_threads();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		test_fail(__FILE__, __LINE__, "a test can have a process");
	return status;
}

/* One line of TAP. A failed CHECK has said why already, and ended by SIGABRT. */
static bool test_report(int number, const struct test *t, int status)
{
	bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED;
	bool good = (status == 0 && test_shared->done) || skipped;

	printf("%sok %d - %s", good ? "" : "not ", number, t->name);
	if (skipped)
		printf(" # skip %s", test_shared->skipped);
	else if (WIFEXITED(status) && !good)
		printf(" # ended by exit(%d)", WEXITSTATUS(status));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf(" # silent for %d s", TEST_SECONDS);
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
		printf(" # %s", strsignal(WTERMSIG(status)));
	putchar('\n');
	return good;
}

/* Until one run fails. */
static bool test_repeat(int number, const struct test *t, int repeat)
{
	int status = 0;

	for (int i = 0; i < repeat && !status; i++)
		status = test_run_child(t);
	return test_report(number, t, status);
}

static int test_run_all(int repeat)
{
	int n = 0, bad = 0;

	for (const struct test *t = tests; t; t = t->next)
		bad += !test_repeat(++n, t, repeat ? repeat : 1);
	printf("1..%d\n", n);
	return bad != 0;
}

static int test_run_named(const char *name, int repeat)
{
	for (const struct test *t = tests; t; t = t->next)
		if (!strcmp(name, t->name)) {
			if (repeat)
				return !test_repeat(1, t, repeat);
			test_run(t);
			return 0;
		}
	fprintf(stderr, "there is no test %s here\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	static const ouro_allocator counting = { test_alloc, test_realloc, test_free, NULL };
	const char *asked = getenv("TEST_REPEAT");
	int repeat = asked && atoi(asked) > 0 ? atoi(asked) : 0;

	CHECK_EQ(ouro_set_allocator(&counting), 0);
	test_shared = mmap(NULL, sizeof(*test_shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(test_shared != MAP_FAILED);
	return argc > 1 ? test_run_named(argv[1], repeat) : test_run_all(repeat);
}
#endif
