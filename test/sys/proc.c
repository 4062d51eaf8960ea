/* Processes of ours: what they inherit, how they end, who hears of it. */
#include "sys/proc.h"

#include "sys/limit.h"
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The kernel's, but for a test in which the process has ended and is gone by then. */
static bool too_late;

int pidfd_open(pid_t pid, unsigned flags)
{
	while (too_late && !kill(pid, 0))
		sched_yield();
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static struct proc start(ouro__proc_fn *fn, void *arg, const int *keep, unsigned count)
{
	struct proc proc;

	CHECK_EQ(ouro__proc_start(&proc, "ouro-test", fn, arg, keep, count), 0);
	CHECK(proc.pid > 0 && proc.fd >= 0);
	return proc;
}

static struct proc_end end_of(ouro__proc_fn *fn, void *arg, const int *keep, unsigned count)
{
	struct proc proc = start(fn, arg, keep, count);
	struct proc_end end;

	ouro__proc_wait(&proc, &end);
	CHECK_EQ(proc.fd, -1);
	CHECK(!ouro__proc_reap(&proc, &end));
	return end;
}

static int answer(void *arg)
{
	return (int)(intptr_t)arg;
}

static int by_signal(void *arg)
{
	ouro__limit_no_core();
	raise((int)(intptr_t)arg);
	return 0;
}

TEST(how_it_ends_is_told)
{
	char words[PROC_WORDS];
	struct proc_end end = end_of(answer, (void *)7, NULL, 0);

	CHECK(end.known && end.status == 7 && end.signal == 0);
	ouro__proc_words(&end, words, sizeof(words));
	CHECK_STR(words, "ended with status 7");
	end = end_of(by_signal, (void *)SIGSEGV, NULL, 0);
	CHECK(end.known && end.signal == SIGSEGV);
	ouro__proc_words(&end, words, sizeof(words));
	CHECK_STR(words, "killed by SIGSEGV (Segmentation fault)");
	end = (struct proc_end){ .known = true, .signal = SIGRTMIN + 1 };
	ouro__proc_words(&end, words, sizeof(words));
	CHECK(strstr(words, "killed by ") == words);
}

static int wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg != NULL;
}

TEST(its_descriptor_is_ready_when_it_has_ended)
{
	struct proc proc = start(wait_for_ever, NULL, NULL, 0);
	struct pollfd p = { .fd = proc.fd, .events = POLLIN };
	struct proc_end end;

	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK(!ouro__proc_reap(&proc, &end));
	ouro__proc_signal(&proc, SIGKILL);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK(ouro__proc_reap(&proc, &end));
	CHECK_EQ(end.signal, SIGKILL);
	ouro__proc_signal(&proc, SIGKILL); /* nobody */
}

TEST(a_host_that_reaps_every_child_costs_the_status_alone)
{
	struct proc proc = start(answer, (void *)3, NULL, 0);
	struct proc_end end = { .known = true };

	CHECK_EQ(waitpid(-1, NULL, 0), proc.pid);
	CHECK(ouro__proc_reap(&proc, &end));
	CHECK(!end.known);
	signal(SIGCHLD, SIG_IGN);
	proc = start(answer, (void *)3, NULL, 0);
	end.known = true;
	ouro__proc_wait(&proc, &end);
	CHECK(!end.known);
	signal(SIGCHLD, SIG_DFL);
}

TEST(and_one_that_reaps_before_we_look_costs_no_more)
{
	struct proc_end end = { .known = true };
	struct proc proc;

	signal(SIGCHLD, SIG_IGN);
	too_late = true;
	proc = start(answer, (void *)3, NULL, 0);
	CHECK_EQ(poll(&(struct pollfd){ .fd = proc.fd, .events = POLLIN }, 1, 0), 1);
	ouro__proc_signal(&proc, SIGKILL);
	CHECK(ouro__proc_reap(&proc, &end));
	CHECK(!end.known);
	CHECK_EQ(proc.fd, -1);
	signal(SIGCHLD, SIG_DFL);
}

/* One bit each: what of its surroundings is not as it should be. */

struct seen {
	int kept, closed;
};

static void no_handler(int signal)
{
	(void)signal;
}

static bool is_default(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_DFL;
}

static bool is_ignored(int signal)
{
	struct sigaction now;

	return !sigaction(signal, NULL, &now) && now.sa_handler == SIG_IGN;
}

static int look_around(void *arg)
{
	struct seen *seen = arg;
	char name[16] = "";
	sigset_t mask;
	int wrong = 0;

	wrong |= 1 * (fcntl(seen->kept, F_GETFD) < 0);
	wrong |= 2 * (fcntl(seen->closed, F_GETFD) >= 0);
	wrong |= 4 * !(is_default(SIGUSR1) && is_default(SIGCHLD) && is_default(SIGSEGV));
	wrong |= 8 * !(is_ignored(SIGINT) && is_ignored(SIGTERM) && is_ignored(SIGPIPE));
	sigprocmask(SIG_SETMASK, NULL, &mask);
	wrong |= 16 * (sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGTERM));
	prctl(PR_GET_NAME, name);
	wrong |= 32 * (strcmp(name, "ouro-test") != 0);
	wrong |= 64 * (fcntl(1, F_GETFD) < 0 || fcntl(2, F_GETFD) < 0);
	return wrong;
}

TEST(it_inherits_what_it_was_given_and_no_signal)
{
	int fd[2];
	sigset_t blocked, after;
	struct proc_end end;

	CHECK_EQ(pipe(fd), 0);
	signal(SIGUSR1, no_handler);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_SETMASK, &blocked, NULL), 0);
	end = end_of(look_around, &(struct seen){ fd[0], fd[1] }, &fd[0], 1);
	CHECK_EQ(end.status, 0);
	end = end_of(look_around, &(struct seen){ fd[1], fd[0] }, (int[]){ 900, fd[1], fd[1] }, 3);
	CHECK_EQ(end.status, 0);
	CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	CHECK_EQ(sigismember(&after, SIGUSR1), 1);
	CHECK_EQ(sigismember(&after, SIGTERM), 0);
	close(fd[0]);
	close(fd[1]);
}

static int call_exit(void *arg)
{
	exit((int)(intptr_t)arg);
}

/* What stands unwritten in stdio would come out twice. */
static int write_once(void *arg)
{
	int fd = *(int *)arg;
	struct proc proc;

	dup2(fd, 1);
	printf("once");
	if (ouro__proc_start(&proc, "ouro-test", call_exit, NULL, NULL, 0))
		return 1;
	ouro__proc_wait(&proc, NULL);
	fflush(stdout);
	return 0;
}

TEST(what_the_parent_has_not_written_yet_is_not_written_twice)
{
	char text[16] = "";
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(end_of(write_once, &fd[1], &fd[1], 1).status, 0);
	close(fd[1]);
	CHECK_EQ(read(fd[0], text, sizeof(text)), 4);
	CHECK_STR(text, "once");
	close(fd[0]);
}

/* A parent that is killed; its child holds the writing end of a pipe for as long as it lives. */

static int stay(void *arg)
{
	if (!ouro__proc_end_with(*(pid_t *)arg))
		return 1;
	return wait_for_ever(arg);
}

static int have_a_child(void *arg)
{
	pid_t self = getpid();
	struct proc proc;

	if (ouro__proc_start(&proc, "ouro-test", stay, &self, arg, 1))
		return 1;
	if (write(*(int *)arg, "x", 1) != 1)
		return 1;
	return wait_for_ever(arg);
}

TEST(it_ends_with_its_parent)
{
	struct proc parent;
	char byte;
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	parent = start(have_a_child, &fd[1], &fd[1], 1);
	close(fd[1]);
	CHECK_EQ(read(fd[0], &byte, 1), 1);
	ouro__proc_signal(&parent, SIGKILL);
	CHECK_EQ(read(fd[0], &byte, 1), 0);
	ouro__proc_wait(&parent, NULL);
	close(fd[0]);
}

/* Limits. */

static int take_memory(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	void *got;

	if (ouro__limit_memory((size_t)64 << 20))
		return 2;
	got = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return got == MAP_FAILED;
}

TEST(memory_is_limited_on_top_of_what_there_is)
{
	CHECK_EQ(end_of(take_memory, (void *)((uintptr_t)32 << 20), NULL, 0).status, 0);
	CHECK_EQ(end_of(take_memory, (void *)((uintptr_t)65 << 20), NULL, 0).status, 1);
}

static int spin(void *arg)
{
	ouro__limit_no_core();
	if (ouro__limit_cpu(1))
		return 2;
	for (volatile unsigned i = 0;; i++)
		;
	return arg != NULL;
}

TEST(processor_time_is_limited)
{
	alarm(6 * TEST_SECONDS); /* a second of a processor that others use too */
	CHECK_EQ(end_of(spin, NULL, NULL, 0).signal, SIGXCPU);
}

static int stand_back(void *arg)
{
	int before = getpriority(PRIO_PROCESS, 0);

	(void)arg;
	ouro__limit_rank(5);
	return !(sched_getscheduler(0) == SCHED_BATCH &&
		 getpriority(PRIO_PROCESS, 0) == (before + 5 > 19 ? 19 : before + 5));
}

static int stand_last(void *arg)
{
	(void)arg;
	ouro__limit_rank(LIMIT_IDLE);
	return sched_getscheduler(0) != SCHED_IDLE;
}

static int stand_still(void *arg)
{
	(void)arg;
	ouro__limit_rank(0);
	return sched_getscheduler(0) != SCHED_OTHER;
}

TEST(it_can_stand_back_for_others)
{
	CHECK_EQ(end_of(stand_back, NULL, NULL, 0).status, 0);
	CHECK_EQ(end_of(stand_last, NULL, NULL, 0).status, 0);
	CHECK_EQ(end_of(stand_still, NULL, NULL, 0).status, 0);
}

TEST(it_knows_how_much_memory_it_occupies)
{
	uint64_t before = ouro__limit_resident();
	size_t n = (size_t)16 << 20;
	char *bytes = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(bytes != MAP_FAILED);
	memset(bytes, 1, n);
	CHECK(before > 0);
	CHECK(ouro__limit_resident() >= before + n / 2);
	CHECK_EQ(munmap(bytes, n), 0);
}

TEST(without_descriptors_there_is_no_process)
{
	struct rlimit usual, none;
	struct proc proc;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(ouro__proc_start(&proc, "ouro-test", answer, NULL, NULL, 0), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_EQ(errno, ECHILD);
}
