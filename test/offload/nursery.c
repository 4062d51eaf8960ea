/* nursery.c -- the process that starts the runners of a crew: killed, and short of descriptors. */
#include "crews.h"
#include <sys/resource.h>

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

TEST(when_the_nursery_is_killed_another_follows)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 2);
	struct asked runs = { .answers = 0 }, next = runs;

	for (int i = 0; i < 2; i++) {
		runs.answers = next.answers = 0;
		ask_for(crew, "wait", "", &runs);
		turn_until(loop, stats_of(crew).running == 1);
		CHECK_EQ(kill(nursery_of_this_process(), SIGKILL), 0);
		run(loop);
		CHECK_EQ(runs.err, OURO_ECRASHED);
		CHECK_EQ(runs.answers, 1);
		ask_for(crew, "fib", "10", &next);
		run(loop);
		CHECK_STR(next.out, "55");
	}
	ouro_loop_free(loop);
}

/* The nursery has no descriptor left for the next runner. An input of this size has gone with it. */
TEST(a_runner_that_could_not_be_started_has_not_ended_with_status_0)
{
	static char large[20000];
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 1);
	struct asked first = { .answers = 0 }, lost = { .crew = crew }, next = first;
	struct rlimit usual, few = { .rlim_cur = 4 }; /* as many as it polls */
	pid_t nursery = nursery_of_this_process();

	ask_for(crew, "fib", "10", &first);
	run(loop);
	CHECK_EQ(prlimit(nursery, RLIMIT_NOFILE, NULL, &usual), 0);
	few.rlim_max = usual.rlim_max;
	CHECK_EQ(prlimit(nursery, RLIMIT_NOFILE, &few, NULL), 0);
	CHECK_EQ(kill(runner_of(crew, 0).id, SIGKILL), 0);
	turn_until(loop, !runner_of(crew, 0).id);
	ouro_crew_call(crew, "echo", ouro_str_n(large, sizeof(large)), on_asked, &lost);
	run(loop);
	CHECK_EQ(lost.err, OURO_ECRASHED);
	CHECK_STR(lost.out, "ended in a way that is not known");
	CHECK_EQ(prlimit(nursery, RLIMIT_NOFILE, &usual, NULL), 0);
	ask_for(crew, "fib", "10", &next);
	run(loop);
	CHECK_STR(next.out, "55");
	ouro_loop_free(loop);
}
