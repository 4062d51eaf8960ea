/* crew_stats.c -- figures of a crew, copied when asked for. See ouro/crew.h. */
#include "base/check.h"
#include "offload/crew.h"

/* Of what it was handed, how many calls are at that point; *ret_last: the last of them. */
static unsigned count_at(const struct runner *runner, enum board_state state,
			 const struct errand **ret_last)
{
	unsigned n = 0;

	for (uint64_t number = runner->first; number < runner->next; number++) {
		const struct errand *call = runner->handed[number % BOARD_PLACES];

		if (!call || board_look(runner->board, number) != state)
			continue;
		*ret_last = call;
		n++;
	}
	return n;
}

/* The call that it is at; NULL: none. */
static const struct errand *at_hand(const struct runner *runner)
{
	const struct errand *call = NULL;

	count_at(runner, BOARD_TAKEN, &call);
	return call;
}

static unsigned not_begun(const struct runner *runner)
{
	const struct errand *call;

	return count_at(runner, BOARD_SENT, &call);
}

static uint64_t began(const struct runner *runner, const struct errand *call)
{
	uint64_t said = board_read(&board_place(runner->board, call->number)->began);

	return said < call->handed ? call->handed : said;
}

static uint64_t age_of_first(const struct ouro_crew *crew)
{
	const struct errand *first;
	uint64_t now = clock_ns();

	if (list_empty(&crew->queue))
		return 0;
	first = list_of(crew->queue.next, struct errand, link);
	return now > first->asked ? now - first->asked : 0;
}

static void count_calls(const struct ouro_crew *crew, uint64_t *ret_waiting, uint64_t *ret_running)
{
	*ret_waiting = crew->waiting;
	*ret_running = 0;
	for (unsigned i = 0; i < crew->opts.count; i++) {
		*ret_running += at_hand(&crew->runners[i]) != NULL;
		*ret_waiting += not_begun(&crew->runners[i]);
	}
}

uint64_t ouro_crew_waiting(ouro_loop *loop, void *crew)
{
	uint64_t waiting = 0, running;

	(void)loop;
	if (crew)
		count_calls(crew, &waiting, &running);
	return waiting;
}

void ouro_crew_get_stats(const ouro_crew *crew, ouro_crew_stats *ret_stats)
{
	*ret_stats = (ouro_crew_stats){ .name = crew->name,
					.kind = crew->opts.kind,
					.runners = crew->opts.count,
					.jobs = crew->plan->job_count,
					.oldest_ns = age_of_first(crew),
					.killed = crew->killed,
					.retried = crew->retried,
					.recycled = crew->recycled,
					.twin = crew->twin };
	count_calls(crew, &ret_stats->waiting, &ret_stats->running);
	for (unsigned i = 0; i <= crew->plan->job_count; i++) {
		const struct job_figures *figures = &crew->figures[i];

		ret_stats->done += figures->done;
		ret_stats->failed += figures->failed;
		ret_stats->crashed += figures->crashed;
		ret_stats->cancelled += figures->cancelled;
		ret_stats->timed_out += figures->timed_out;
	}
}

bool ouro_crew_job_stats(const ouro_crew *crew, unsigned n, ouro_job_stats *ret_stats)
{
	const struct job_figures *figures = &crew->figures[n];

	if (n >= crew->plan->job_count)
		return false;
	*ret_stats = (ouro_job_stats){ .name = crew->plan->jobs[n].name,
				       .done = figures->done,
				       .failed = figures->failed,
				       .crashed = figures->crashed,
				       .cancelled = figures->cancelled,
				       .timed_out = figures->timed_out,
				       .wait_ns = figures->wait_ns,
				       .run_ns = figures->run_ns };
	return true;
}

bool ouro_crew_runner_stats(const ouro_crew *crew, unsigned n, ouro_runner_stats *ret_stats)
{
	const struct runner *runner = &crew->runners[n];
	const struct errand *call;

	if (n >= crew->opts.count)
		return false;
	call = at_hand(runner);
	*ret_stats = (ouro_runner_stats){ .job = "",
					  .queued = not_begun(runner),
					  .jobs = runner->jobs,
					  .busy_ns = runner->busy_ns,
					  .starts = runner->life };
	if (runner->board) {
		ret_stats->id = (pid_t)board_read(&runner->board->id);
		ret_stats->rss = board_read(&runner->board->resident);
	}
	if (call) {
		uint64_t now = clock_ns();

		ret_stats->job = crew->plan->jobs[call->job].name;
		ret_stats->since_ns = began(runner, call);
		ret_stats->job_ns = now > ret_stats->since_ns ? now - ret_stats->since_ns : 0;
	}
	return true;
}
