/* crash.c -- crews of processes that die, by their own hand or by somebody else's: how that is told,
 * what follows, and that nothing is left of it. What each hostile job does is in hostile.c, what becomes of
 * the process that starts them in nursery.c. */
#include "crews.h"
#include <dirent.h>

TEST(a_crash_is_told_in_words)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 1);
	struct asked segv = { .answers = 0 }, left = segv;

	ask_for(crew, "segv", "", &segv);
	ask_for(crew, "exit", "7", &left);
	run(loop);
	CHECK_STR(segv.out, "killed by SIGSEGV (Segmentation fault)");
	CHECK_STR(left.out, "ended with status 7");
	CHECK_STR(ouro_errname(segv.err), "OURO_ECRASHED");
	CHECK_EQ(stats_of(crew).crashed, 2);
	ouro_loop_free(loop);
}

TEST(a_call_is_tried_again_as_often_as_was_said)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_with(
		loop, (ouro_crew_opts){ .kind = OURO_PROCESSES, .count = 1, .retry = 2 });
	struct asked segv = { .answers = 0 };

	ask_for(crew, "segv", "", &segv);
	run(loop);
	CHECK_EQ(segv.err, OURO_ECRASHED);
	CHECK_EQ(segv.answers, 1);
	CHECK_EQ(stats_of(crew).retried, 2);
	CHECK_EQ(stats_of(crew).crashed, 1);
	ouro_loop_free(loop);
}

/* How many children this process has, and theirs: a runner is a grandchild. */
static int count_children(pid_t parent)
{
	char path[64];
	int pid, n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	file = fopen(path, "re");
	CHECK(file != NULL);
	while (fscanf(file, "%d", &pid) == 1)
		n += 1 + count_children(pid);
	fclose(file);
	return n;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

#define RUNNERS 8
#define CRASHES (1000 / TEST_SLOW / TEST_SLOW)

static int crashes;

static void crash_again(int err, ouro_str out, void *arg)
{
	(void)out;
	CHECK_EQ(err, OURO_ECRASHED);
	if (++crashes + RUNNERS <= CRASHES)
		ouro_crew_call(arg, crashes % 2 ? "segv" : "exit", ouro_str_z("1"), crash_again,
			       arg);
}

static bool all_are_up(const ouro_crew *crew)
{
	for (unsigned i = 0; i < RUNNERS; i++)
		if (!runner_of(crew, i).id)
			return false;
	return true;
}

TEST(a_thousand_crashes_in_a_row_leave_nothing)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, RUNNERS);
	struct asked last = { .answers = 0 };
	size_t held;
	int fds;

	alarm(6 * TEST_SECONDS); /* the kernel has its part in each */
	for (int i = 0; i < RUNNERS; i++)
		ouro_crew_call(crew, "segv", ouro_str_z(""), NULL, NULL);
	run(loop);
	turn_until(loop, all_are_up(crew));
	fds = count_fds();
	held = test_memory.held;
	for (int i = 0; i < RUNNERS; i++)
		ouro_crew_call(crew, "segv", ouro_str_z(""), crash_again, crew);
	run(loop);
	CHECK_EQ(crashes, CRASHES);
	turn_until(loop, all_are_up(crew));
	ask_for(crew, "fib", "10", &last);
	run(loop);
	CHECK_EQ(last.err, 0);
	CHECK_EQ(count_fds(), fds);
	CHECK(test_memory.held < held + 65536);
	CHECK_EQ(count_children(getpid()), 1 + RUNNERS); /* the nursery, and they */
	CHECK_EQ(stats_of(crew).crashed, CRASHES + RUNNERS);
	ouro_loop_free(loop);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_EQ(errno, ECHILD);
}

/* Killed from outside. */

/* No death here has to do with a job. The first is forgiven; then it is longer each time, for runners that
 * lived less than a second. A kill comes before the death, and seeing the next start after it: so what
 * is measured is never less than the delay, and how slow the machine is does not matter. */
TEST(a_runner_that_dies_again_and_again_comes_back_later_each_time)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 1);
	uint64_t killed = 0, before, back;

	for (unsigned deaths = 1; deaths <= 4; deaths++) {
		turn_until(loop, runner_of(crew, 0).id);
		before = killed;
		killed = real_ns();
		CHECK_EQ(kill(runner_of(crew, 0).id, SIGKILL), 0);
		turn_until(loop, runner_of(crew, 0).starts == deaths + 1);
		back = real_ns();
		CHECK(deaths < 2 || back - killed >= (100 * MS) << (deaths - 2) ||
		      back - before >= 1000 * MS);
	}
	ouro_loop_free(loop);
}

static struct {
	ouro_crew *crew;
	uint64_t asked, answered, crashed, other;
	bool stop;
	uint32_t seed;
} siege;

static void on_besieged(int err, ouro_str out, void *arg)
{
	uint64_t *answers = arg;

	CHECK_EQ(++*answers, 1);
	siege.answered++;
	siege.crashed += err == OURO_ECRASHED;
	siege.other += err && err != OURO_ECRASHED;
	if (!err)
		CHECK(out.len == 1 || out.len == 30000 ||
		      (out.len == 2 && !memcmp(out.ptr, "89", 2)));
	free(answers);
}

static void besiege_once(void)
{
	static char bytes[30000];
	static const char *const jobs[] = { "echo", "fib", "echo" };
	uint32_t which = random_below(&siege.seed, 3);
	ouro_str in = which == 0 ? ouro_str_z("x") : ouro_str_z("11");

	if (which == 2)
		in = ouro_str_n(bytes, sizeof(bytes));
	siege.asked++;
	CHECK(ouro_crew_call(siege.crew, jobs[which], in, on_besieged, calloc(1, sizeof(uint64_t)))
		      .id);
}

static void besiege(ouro_loop *loop, void *arg)
{
	(void)arg;
	while (!siege.stop && siege.asked - siege.answered < 200)
		besiege_once();
	if (!siege.stop)
		call_after(loop, 1, besiege, NULL);
}

static void kill_one(ouro_loop *loop, void *arg)
{
	pid_t id = runner_of(siege.crew, random_below(&siege.seed, 2)).id;

	(void)arg;
	if (id)
		kill(id, SIGKILL);
	if (!siege.stop)
		call_after(loop, random_below(&siege.seed, 8), kill_one, NULL);
}

/* On a machine that is slow today it lasts until there were enough calls. */
static void lift_siege(ouro_loop *loop, void *arg)
{
	(void)arg;
	siege.stop = siege.answered > 200;
	if (!siege.stop)
		call_after(loop, 20, lift_siege, NULL);
}

/* SIEGE_SECONDS=30 in the environment: for as long as that. */
TEST(killed_at_random_moments_every_call_is_answered_once)
{
	const char *seconds = getenv("SIEGE_SECONDS");
	ouro_loop *loop = new_loop();

	if (seconds)
		alarm((unsigned)atoi(seconds) + TEST_SECONDS);
	siege.seed = 4711;
	siege.crew = start_crew(loop, OURO_PROCESSES, 2);
	call_after(loop, 0, besiege, NULL);
	call_after(loop, 0, kill_one, NULL);
	call_after(loop, seconds ? (uint64_t)atoi(seconds) * 1000 : 700, lift_siege, NULL);
	run(loop);
	CHECK_EQ(siege.asked, siege.answered);
	CHECK_EQ(siege.other, 0);
	CHECK(siege.asked > 200);
	ouro_loop_free(loop);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

/* A host that has its own way with children. */

TEST(a_host_that_reaps_every_child_loses_no_call)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew;
	struct asked segv = { .answers = 0 }, good = segv;

	signal(SIGCHLD, SIG_IGN);
	crew = start_crew(loop, OURO_PROCESSES, 2);
	ask_for(crew, "segv", "", &segv);
	ask_for(crew, "fib", "10", &good);
	run(loop);
	CHECK_EQ(segv.err, OURO_ECRASHED);
	CHECK_EQ(segv.death.signal, SIGSEGV); /* runners are the nursery's children */
	CHECK_STR(good.out, "55");
	ouro_loop_free(loop);
	signal(SIGCHLD, SIG_DFL);
}

/* The program is killed. Each of its runners holds the end of a pipe for as long as it lives. */

static int wait_with_pipe(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	for (;;)
		pause();
	return 0;
}

static void live_and_be_killed(int ready)
{
	static const ouro_job jobs[] = { { .name = "wait", .run = wait_with_pipe },
					 { .name = NULL } };
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_with(
		loop, (ouro_crew_opts){ .kind = OURO_PROCESSES, .count = 3, .jobs = jobs });
	struct asked asked[3] = { { .answers = 0 } };

	for (int i = 0; i < 3; i++)
		ask_for(crew, "wait", "", &asked[i]);
	turn_until(loop, stats_of(crew).running == 3);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = runner_of(crew, i).id;

		CHECK_EQ(write(ready, &pid, sizeof(pid)), sizeof(pid));
	}
	ouro_loop_run(loop);
}

TEST(no_runner_lives_longer_than_the_program)
{
	pid_t runners[3], pid;
	int fd[2];

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us */
	pid = fork();
	if (pid == 0)
		live_and_be_killed(fd[1]);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(read(fd[0], &runners[i], sizeof(pid_t)), sizeof(pid_t));
	CHECK_EQ(kill(pid, SIGKILL), 0);
	while (wait(NULL) > 0) /* the program, its nursery, its runners: all end */
		;
	CHECK_EQ(errno, ECHILD);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(kill(runners[i], 0), -1);
	close(fd[0]);
	close(fd[1]);
}

/* Limits, and renewal. */

TEST(processor_time_for_a_job_is_limited)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_with(
		loop, (ouro_crew_opts){
			      .kind = OURO_PROCESSES, .count = 1, .cpu_s = 1, .nice = OURO_NEVER });
	struct asked spin = { .answers = 0 };

	alarm(6 * TEST_SECONDS); /* two seconds of a processor that others use too */
	ask_for(crew, "spin", "", &spin);
	run(loop);
	CHECK_EQ(spin.err, OURO_ECRASHED);
	CHECK_EQ(spin.death.signal, SIGXCPU);
	ouro_loop_free(loop);
}

TEST(a_runner_is_renewed_after_so_many_jobs)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_with(
		loop, (ouro_crew_opts){ .kind = OURO_PROCESSES, .count = 1, .recycle_after = 3 });
	struct asked asked[9] = { { .answers = 0 } };

	for (int i = 0; i < 9; i++) {
		ask_for(crew, "pid", "", &asked[i]);
		run(loop);
	}
	for (int i = 0; i < 9; i++)
		CHECK_EQ(asked[i].err, 0);
	CHECK_STR(asked[0].out, asked[2].out);
	CHECK(strcmp(asked[2].out, asked[3].out) != 0);
	CHECK_STR(asked[3].out, asked[5].out);
	CHECK(strcmp(asked[5].out, asked[6].out) != 0);
	CHECK(stats_of(crew).recycled >= 2);
	CHECK_EQ(stats_of(crew).crashed, 0);
	ouro_loop_free(loop);
}

TEST(a_runner_that_has_grown_is_renewed)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_with(loop, (ouro_crew_opts){ .kind = OURO_PROCESSES,
							     .count = 1,
							     .recycle_rss = (size_t)1 << 20 });
	struct asked asked[2] = { { .answers = 0 } };

	ask_for(crew, "pid", "", &asked[0]); /* any process is larger than that */
	run(loop);
	ask_for(crew, "pid", "", &asked[1]);
	run(loop);
	CHECK(strcmp(asked[0].out, asked[1].out) != 0);
	CHECK(stats_of(crew).recycled >= 1);
	ouro_loop_free(loop);
}

/* A fork of the host. */

TEST(after_a_fork_the_crew_is_the_parents)
{
	EITHER_KIND(kind)
	{
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_crew(loop, (enum ouro_kind)kind, 1);
		struct asked runs = { .answers = 0 }, waits = runs, more = runs;
		ouro_op op = ask_for(crew, "wait", "", &runs);
		int status;
		pid_t pid;

		turn_until(loop, stats_of(crew).running == 1);
		ask_for(crew, "fib", "10", &waits);
		pid = fork();
		if (pid == 0) {
			CHECK_EQ(ouro_loop_after_fork(loop), 0);
			ask_for(crew, "fib", "10", &more);
			CHECK_EQ(ouro_loop_run(loop), 0);
			CHECK_EQ(runs.err, OURO_ECANCELED);
			CHECK_EQ(waits.err, OURO_ECANCELED);
			CHECK_EQ(more.err, OURO_ECANCELED);
			ouro_loop_free(loop);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		CHECK_EQ(runs.answers, 0);
		CHECK(ouro_op_cancel(loop, op));
		run(loop);
		CHECK_EQ(runs.err, OURO_ECANCELED);
		CHECK_STR(waits.out, "55");
		ouro_loop_free(loop);
	}
}

/* It has every descriptor that the loop has, and knows nothing of crews. */
static pid_t fork_a_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	CHECK(pid > 0);
	return pid;
}

/* Runners are renewed meanwhile, and then all ends: by close, or by the end of the loop alone. */
static void end_beside_a_sleeper(enum ouro_kind kind, bool by_close)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew =
		start_with(loop, (ouro_crew_opts){ .kind = kind, .count = 1, .recycle_after = 1 });
	struct asked asked = { .answers = 0 };
	pid_t pid;

	ask_for(crew, "fib", "10", &asked);
	run(loop);
	pid = fork_a_sleeper();
	for (int i = 0; i < 2; i++) {
		ask_for(crew, "fib", "10", &asked);
		run(loop);
		CHECK_STR(asked.out, "55");
	}
	if (by_close) {
		ouro_crew_close(crew);
		run(loop);
	}
	ouro_loop_free(loop);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(a_child_that_holds_its_pipes_open_does_not_keep_a_crew)
{
	EITHER_KIND(kind)
	{
		end_beside_a_sleeper((enum ouro_kind)kind, true);
		end_beside_a_sleeper((enum ouro_kind)kind, false);
	}
}
