/* hostile.c -- what each hostile job does to its crew of processes, and that nobody else is hurt: no other
 * call, and not the loop, which is never held.
 *
 * That cannot be read off a clock: a machine that is busy holds everybody, for as long as it likes. But
 * a callback can hold its loop in two ways only. It waits for somebody, or it computes.
 *
 * Whoever waits is found by making the wait endless. Before the job does its harm the nursery is stopped,
 * and nobody reaps, kills or forks; or the runner stops itself. A loop that waits for one of them, in
 * whatever call, then waits for ever, and the test is silent for too long. A loop that does not ticks
 * on, answers other calls, and tells the right end when the stopped one goes on.
 *
 * What it computes is its own thread's processor time, in which nobody else's is. What the machine adds
 * to that now and then, it does not add each time: the least of a few runs is what the crew costs. */
#include "crews.h"

/* A sanitizer reports memory that is not to be had, for which it has no memory itself: it then hangs
 * and its runner never ends. So it is to answer NULL, as malloc() does. test/run says so too; this is
 * for a program that is run by hand. */
#ifdef __SANITIZE_ADDRESS__
OURO_API const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
#endif

static ouro_crew *start_limited(ouro_loop *loop, unsigned count)
{
	return start_with(loop, (ouro_crew_opts){ .kind = OURO_PROCESSES,
						  .count = count,
						  .memory_max = (size_t)64 << 20 });
}

/* Each hostile job, and what its caller hears. */
static const struct {
	const char *job, *in;
	int err, signal, status;
} hostilities[] = {
	{ "segv", "", OURO_ECRASHED, SIGSEGV, 0 },  { "abort", "", OURO_ECRASHED, SIGABRT, 0 },
	{ "spin", "", OURO_ETIMEOUT, 0, 0 },        { "leak", "", -ENOMEM, 0, 0 },
	{ "garbage", "", OURO_EPROTO, SIGKILL, 0 }, { "exit", "0", OURO_ECRASHED, 0, 0 },
	{ "exit", "3", OURO_ECRASHED, 0, 3 },       { "overflow", "", OURO_ECRASHED, SIGSEGV, 0 },
};
#define HOSTILITIES (sizeof(hostilities) / sizeof(hostilities[0]))

static ouro_op ask_hostile(ouro_crew *crew, size_t i, struct asked *asked)
{
	bool spins = !strcmp(hostilities[i].job, "spin");

	asked->crew = crew;
	return ouro_crew_call_with(crew, hostilities[i].job, ouro_str_z(hostilities[i].in),
				   &(ouro_call_opts){ .timeout_ms = spins ? 20 : 0 }, on_asked,
				   asked);
}

/* What ThreadSanitizer needs for itself counts as its process's too. When that is not to be had it
 * ends the process, often before the job has seen a NULL. */
static bool ended_by_sanitizer(size_t i, const struct asked *asked)
{
#ifdef __SANITIZE_THREAD__
	return !strcmp(hostilities[i].job, "leak") && asked->err == OURO_ECRASHED &&
	       asked->death.status;
#else
	(void)i, (void)asked;
	return false;
#endif
}

static void check_told(size_t i, const struct asked *asked)
{
	CHECK_EQ(asked->answers, 1);
	if (ended_by_sanitizer(i, asked))
		return;
	CHECK_EQ(asked->err, hostilities[i].err);
	CHECK_EQ(asked->death.signal, hostilities[i].signal);
	CHECK_EQ(asked->death.status, hostilities[i].status);
}

TEST(each_hostile_job_is_told_to_its_caller_and_to_nobody_else)
{
	for (size_t i = 0; i < HOSTILITIES; i++) {
		ouro_loop *loop = new_loop();
		ouro_crew *crew = start_limited(loop, 2);
		struct asked bad = { .answers = 0 }, good[10] = { { .answers = 0 } };

		for (int k = 0; k < 5; k++)
			ask_for(crew, "fib", "15", &good[k]);
		CHECK(ask_hostile(crew, i, &bad).id);
		for (int k = 5; k < 10; k++)
			ask_for(crew, "fib", "15", &good[k]);
		run(loop);
		check_told(i, &bad);
		CHECK_EQ(ouro_crew_death(crew).signal, 0);
		for (int k = 0; k < 10; k++) {
			CHECK_EQ(good[k].answers, 1);
			CHECK_STR(good[k].out, "610");
		}
		ouro_loop_free(loop);
	}
}

/* A runner that writes garbage is killed when that has been read, and may have begun another call by
 * then: which it never gets. */
TEST(no_call_is_handed_over_ahead_behind_a_job_that_may_never_answer)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 1);
	struct asked quick = { .answers = 0 }, bad = quick, good[5] = { { .answers = 0 } };

	do { /* until it is known to be quick */
		ask_for(crew, "fib", "1", &quick);
		run(loop);
		for (int k = 0; k < 5; k++)
			ask_for(crew, "fib", "1", &good[k]);
	} while (runner_of(crew, 0).queued < 2);
	run(loop);
	ask_for(crew, "garbage", "", &bad);
	for (int k = 0; k < 5; k++)
		ask_for(crew, "fib", "1", &good[k]);
	CHECK_EQ(runner_of(crew, 0).queued, 1); /* the bad one */
	run(loop);
	CHECK_EQ(bad.err, OURO_EPROTO);
	for (int k = 0; k < 5; k++)
		CHECK_STR(good[k].out, "1");
	ouro_loop_free(loop);
}

/* Each is answered once, with what is its due or an error that the lack of memory has made of it. */
static bool is_told(const char *job, ouro_op op, const struct asked *asked)
{
	bool is_garbage = !strcmp(job, "garbage");

	CHECK_EQ(asked->answers, op.id != 0);
	if (op.id)
		CHECK(asked->err == OURO_ECRASHED || asked->err == -ENOMEM ||
		      (is_garbage && asked->err == OURO_EPROTO));
	return op.id != 0 && asked->err != -ENOMEM;
}

/* An allocation fails here, in the nursery or in a runner. */
static int ask_for_three(void)
{
	static const char *const bad[] = { "segv", "garbage", "exit" };
	ouro_crew_opts opts = { .jobs = hostile, .count = 2, .kind = OURO_PROCESSES };
	struct asked asked[3] = { { .answers = 0 } };
	ouro_loop *loop = ouro_loop_new(NULL);
	int err = loop ? 0 : -ENOMEM;
	ouro_crew *crew;
	ouro_op op[3];

	if (!err)
		err = ouro_crew_start(loop, &opts, &crew);
	if (!err) {
		for (int i = 0; i < 3; i++)
			op[i] = ouro_crew_call(crew, bad[i], ouro_str_z("3"), on_asked, &asked[i]);
		run(loop);
		for (int i = 0; i < 3; i++)
			err = is_told(bad[i], op[i], &asked[i]) ? err : -ENOMEM;
	}
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_each_hostile_job_still_has_its_answer)
{
	CHECK(for_each_failing_allocation(ask_for_three) > 10);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

/* A loop that ticks, and a crew of two whose second runner always has a call. */

struct scene {
	ouro_loop *loop;
	ouro_crew *crew;
	struct asked bad;
	pid_t pid; /* of the runner that is to come to harm: the first */
	unsigned ticks, answers;
	bool is_over;
};

static void on_tick(ouro_loop *loop, void *arg)
{
	struct scene *scene = arg;

	(void)loop;
	scene->ticks++;
}

static void ask_more(int err, ouro_str out, void *arg)
{
	struct scene *scene = arg;

	(void)out;
	if (scene->is_over)
		return;
	CHECK_EQ(err, 0);
	scene->answers++;
	CHECK(ouro_crew_call(scene->crew, "fib", ouro_str_z("10"), ask_more, scene).id);
}

static void begin(struct scene *scene, const ouro_job *jobs)
{
	*scene = (struct scene){ .loop = new_loop() };
	scene->crew = start_with(scene->loop, (ouro_crew_opts){ .kind = OURO_PROCESSES,
								.count = 2,
								.jobs = jobs,
								.memory_max = (size_t)64 << 20 });
	turn_until(scene->loop, runner_of(scene->crew, 0).id && runner_of(scene->crew, 1).id);
	scene->pid = runner_of(scene->crew, 0).id;
	CHECK(ouro_timer_every(scene->loop, 1, on_tick, scene).id != 0);
}

static void live_on(struct scene *scene)
{
	unsigned ticks = scene->ticks + 10, answers = scene->answers + 10;

	turn_until(scene->loop, scene->ticks >= ticks && scene->answers >= answers);
}

static void end(struct scene *scene)
{
	scene->is_over = true;
	ouro_loop_free(scene->loop);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

/* "R", "S", "T": it has stopped; "Z": it has ended, and nobody has reaped it. */
static char state_of(pid_t pid)
{
	char path[64], stat[256] = "";
	const char *name_ends;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	CHECK(fgets(stat, sizeof(stat), file) != NULL);
	fclose(file);
	name_ends = strrchr(stat, ')');
	CHECK(name_ends && strlen(name_ends) > 2);
	return name_ends[2];
}

/* Should the test fail, what it has stopped goes on all the same, and ends: the kernel wakes a group of
 * processes that is left alone. */
static void be_a_group(void)
{
	(void)setpgid(0, 0); /* or is one, and may not */
}

static pid_t stop_the_nursery(void)
{
	pid_t pid = nursery_of_this_process();
	int status;

	be_a_group();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	return pid;
}

/* Its runner has died, or is through with it, whether or not anybody was told. */
static bool harm_is_done(const struct scene *scene)
{
	ouro_runner_stats runner = runner_of(scene->crew, 0);

	return scene->bad.answers || state_of(scene->pid) == 'Z' ||
	       (!*runner.job && !runner.queued);
}

TEST(a_loop_goes_on_while_nobody_clears_away_what_a_hostile_job_has_done)
{
	for (size_t i = 0; i < HOSTILITIES; i++) {
		bool needs_nursery =
			hostilities[i].err == OURO_ECRASHED || hostilities[i].err == OURO_EPROTO;
		struct scene scene;
		pid_t nursery;

		begin(&scene, NULL);
		nursery = stop_the_nursery();
		CHECK(ask_hostile(scene.crew, i, &scene.bad).id);
		ask_more(0, ouro_str_z(""), &scene);
		turn_until(scene.loop, harm_is_done(&scene));
		live_on(&scene);
		CHECK(!needs_nursery || !scene.bad.answers);
		CHECK_EQ(kill(nursery, SIGCONT), 0);
		turn_until(scene.loop, scene.bad.answers && runner_of(scene.crew, 0).id);
		check_told(i, &scene.bad);
		live_on(&scene);
		end(&scene);
	}
}

static int stop_itself(ouro_str in, ouro_buf *out)
{
	(void)in, (void)out;
	return raise(SIGSTOP);
}

TEST(a_loop_goes_on_while_a_runner_has_stopped)
{
	static const ouro_job jobs[] = { { .name = "fib", .run = job_fib },
					 { .name = "stop", .run = stop_itself },
					 { .name = NULL } };
	struct scene scene;
	ouro_op op;

	be_a_group();
	begin(&scene, jobs);
	op = ask_for(scene.crew, "stop", "", &scene.bad);
	ask_more(0, ouro_str_z(""), &scene);
	turn_until(scene.loop, state_of(scene.pid) == 'T');
	live_on(&scene);
	CHECK_EQ(scene.bad.answers, 0);
	CHECK(ouro_op_cancel(scene.loop, op));
	turn_until(scene.loop, scene.bad.answers);
	CHECK_EQ(scene.bad.err, OURO_ECANCELED);
	turn_until(scene.loop,
		   runner_of(scene.crew, 0).id && runner_of(scene.crew, 0).id != scene.pid);
	live_on(&scene);
	end(&scene);
}

static void crew_closed(void *arg)
{
	*(bool *)arg = true;
}

TEST(a_loop_goes_on_while_a_crew_cannot_end)
{
	ouro_loop *loop = new_loop();
	struct scene scene = { .ticks = 0 };
	bool is_closed = false;
	ouro_crew *crew = start_with(
		loop, (ouro_crew_opts){ .kind = OURO_PROCESSES, .count = 1, .arg = &is_closed });
	struct asked waits = { .answers = 0 };
	pid_t nursery;

	ask_for(crew, "spin", "", &waits);
	turn_until(loop, stats_of(crew).running == 1);
	nursery = stop_the_nursery();
	CHECK(ouro_timer_every(loop, 1, on_tick, &scene).id != 0);
	ouro_crew_on_close(crew, crew_closed);
	ouro_crew_close(crew);
	turn_until(loop, scene.ticks == 10);
	CHECK_EQ(waits.err, OURO_ECANCELED);
	CHECK(!is_closed);
	CHECK_EQ(kill(nursery, SIGCONT), 0);
	turn_until(loop, is_closed);
	ouro_loop_free(loop);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Of all turns from the asking until the next runner is there. */
static uint64_t longest_turn(size_t i)
{
	uint64_t longest = 0, began, took;
	struct scene scene;

	begin(&scene, NULL);
	CHECK(ask_hostile(scene.crew, i, &scene.bad).id);
	ask_more(0, ouro_str_z(""), &scene);
	while (!scene.bad.answers || !runner_of(scene.crew, 0).id) {
		began = cpu_ns();
		ouro_loop_turn(scene.loop);
		took = cpu_ns() - began;
		longest = took > longest ? took : longest;
		poll(NULL, 0, 1);
	}
	end(&scene);
	return longest;
}

#define LAG (50 * MS) /* what ouro_loop_opts.lag_ms is, when nobody says anything else */

TEST(no_hostile_job_makes_its_loop_compute_for_long)
{
	for (size_t i = 0; i < HOSTILITIES; i++) {
		int tries = 0;

		while (longest_turn(i) > LAG)
			CHECK(++tries < 10);
	}
}
