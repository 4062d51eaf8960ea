/* hostile.c -- what each hostile job does to its crew of processes, and that nobody else is hurt. */
#include "crews.h"

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static void run(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

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
