/* crew_queue.c -- which call goes to which runner, and when. See crew.h.
 *
 * A runner that has nothing to do gets the first call of the queue. When none is idle, calls of jobs
 * that take microseconds are handed over ahead, a few to each runner, since waking a thread of
 * another core takes longer than such a job: one wake serves them all. That never makes a call wait
 * for long: it stands behind others of that kind only, and as soon as a runner has nothing to do and
 * the queue is empty, it gets half of what another was handed and has not begun. Nor does it come to
 * harm: a job that never answers, because it crashes or worse, never has been quick. */
#include "offload/crew.h"

/* A job that takes longer is not handed over ahead. */
#define QUICK_NS (50 * NS_PER_US)

static struct errand *call_of(struct list *link)
{
	return list_of(link, struct errand, link);
}

/* Most calls have the priority of the last one. */
void ouro__queue_push(struct ouro_crew *crew, struct errand *call)
{
	struct list *at = crew->queue.prev;

	while (at != &crew->queue && call_of(at)->priority < call->priority)
		at = at->prev;
	list_insert_before(at->next, &call->link);
	crew->waiting++;
	call->runner = NULL;
}

void ouro__queue_back(struct ouro_crew *crew, struct errand *call)
{
	struct list *at = crew->queue.next;

	while (at != &crew->queue && call_of(at)->priority > call->priority)
		at = at->next;
	list_insert_before(at, &call->link);
	crew->waiting++;
	call->runner = NULL;
}

void ouro__queue_remove(struct ouro_crew *crew, struct errand *call)
{
	list_remove(&call->link);
	crew->waiting--;
}

static bool is_quick(const struct ouro_crew *crew, const struct errand *call)
{
	uint64_t usual = crew->figures[call->job].usual_ns;

	return usual && usual < QUICK_NS && call->in.len <= CALL_SMALL;
}

/* Of those that may have it the one with the fewest; NULL: all have enough. */
static struct runner *choose(struct ouro_crew *crew, const struct errand *call)
{
	struct runner *best = NULL;

	for (unsigned i = 0; i < crew->opts.count; i++) {
		struct runner *runner = &crew->runners[i];

		if (!ouro__runner_takes(runner) || runner->slow_count ||
		    (runner->out_count && !call->is_quick))
			continue;
		if (!best || runner->out_count < best->out_count)
			best = runner;
	}
	return best;
}

static void hand_out(struct ouro_crew *crew)
{
	struct runner *runner;
	int err;

	while (!list_empty(&crew->queue)) {
		struct errand *call = call_of(crew->queue.next);

		call->is_quick = is_quick(crew, call);
		runner = choose(crew, call);
		if (!runner)
			break;
		ouro__queue_remove(crew, call);
		err = ouro__runner_hand(runner, call);
		if (err)
			ouro__call_end(call, err);
	}
}

static struct runner *busiest(struct ouro_crew *crew)
{
	struct runner *most = &crew->runners[0];

	for (unsigned i = 1; i < crew->opts.count; i++)
		if (crew->runners[i].out_count > most->out_count)
			most = &crew->runners[i];
	return most;
}

static bool is_idle(const struct runner *runner)
{
	return !runner->out_count && ouro__runner_takes(runner);
}

/* The last half of what `from` was handed goes back into the queue, as far as it has not begun. */
static void take_half_back(struct ouro_crew *crew, struct runner *from)
{
	unsigned half = from->out_count / 2;

	for (uint64_t number = from->next; half && number-- > from->first;) {
		struct errand *call = from->handed[number % BOARD_PLACES];

		if (!call || call->number != number)
			continue;
		half--;
		if (ouro__runner_take_back(from, call))
			ouro__queue_back(crew, call);
	}
}

void ouro__crew_dispatch(struct ouro_crew *crew)
{
	if (crew->base.closing || crew->base.loop->ending)
		return;
	hand_out(crew);
	for (unsigned i = 0; i < crew->opts.count && list_empty(&crew->queue); i++) {
		struct runner *from;

		if (!is_idle(&crew->runners[i]))
			continue;
		from = busiest(crew);
		if (from->out_count < 2)
			break;
		take_half_back(crew, from);
		hand_out(crew);
	}
}
