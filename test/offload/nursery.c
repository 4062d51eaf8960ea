/* nursery.c -- the process that starts the runners of a crew: killed, and short of descriptors. */
#include "crews.h"
#include <sys/resource.h>

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

/* --- Few descriptors --- */

static struct rlimit usual_limit(void)
{
	struct rlimit usual;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
	return usual;
}

/* As many as are open, and `left` more. */
static void limit_descriptors(rlim_t left)
{
	struct rlimit few = usual_limit();
	int fd = dup(0);

	few.rlim_cur = (rlim_t)fd + left;
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static int start_with_few(unsigned count, rlim_t left)
{
	ouro_crew_opts opts = { .jobs = hostile, .kind = OURO_PROCESSES, .count = count };
	struct asked asked = { .answers = 0 };
	struct rlimit usual = usual_limit();
	ouro_loop *loop = new_loop();
	ouro_crew *crew;
	int err;

	limit_descriptors(left);
	err = ouro_crew_start(loop, &opts, &crew);
	if (!err) {
		ask_for(crew, "fib", "10", &asked);
		run(loop);
		CHECK(!strcmp(asked.out, "55") || asked.err == OURO_ECRASHED);
	}
	ouro_loop_free(loop);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	return err;
}

TEST(with_few_descriptors_a_crew_starts_or_says_why_not)
{
	int err = -EMFILE;

	for (rlim_t left = 0; left < 24; left++) {
		err = start_with_few(2, left);
		CHECK(!err || err == -EMFILE);
	}
	CHECK_EQ(err, 0);
}

/* poll() takes no more of them than a process may have open. */
TEST(more_runners_than_descriptors_are_refused)
{
	CHECK_EQ(start_with_few(256, 60), -EMFILE);
}

TEST(a_nursery_that_may_not_wait_for_what_it_has_ends_and_another_follows)
{
	ouro_loop *loop = new_loop();
	ouro_crew *crew = start_crew(loop, OURO_PROCESSES, 2);
	struct asked first = { .answers = 0 }, next = first;
	pid_t nursery = nursery_of_this_process(), spared;
	struct rlimit none = { .rlim_max = usual_limit().rlim_max };

	ask_for(crew, "fib", "10", &first);
	run(loop);
	turn_until(loop, runner_of(crew, 0).id && runner_of(crew, 1).id);
	spared = runner_of(crew, 1).id;
	CHECK_EQ(prlimit(nursery, RLIMIT_NOFILE, &none, NULL), 0);
	CHECK_EQ(kill(runner_of(crew, 0).id, SIGKILL), 0); /* it wakes of that */
	turn_until(loop, runner_of(crew, 1).id && runner_of(crew, 1).id != spared);
	ask_for(crew, "fib", "10", &next);
	run(loop);
	CHECK_STR(next.out, "55");
	ouro_loop_free(loop);
}
