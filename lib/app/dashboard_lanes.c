/* dashboard_lanes.c -- what each runner of each crew did lately, as boxes on a lane. See dashboard.h.
 *
 * A crew tells what a runner is at now, and since when. Looked at ten times a second while somebody
 * looks on, that gives every job that takes as long as can be seen. */
#include "app/dashboard.h"
#include "ouro/crew.h"
#include <stdio.h>

/* The newest box of the lane; NULL: it has none. */
static struct lane_box *newest(struct lane *lane)
{
	return lane->count ? &lane->box[(lane->count - 1) % LANE_BOXES] : NULL;
}

static void begin_box(struct lane *lane, const ouro_runner_stats *runner)
{
	struct lane_box *box = &lane->box[lane->count++ % LANE_BOXES];

	*box = (struct lane_box){ .began = runner->since_ns };
	snprintf(box->job, sizeof(box->job), "%s", runner->job);
}

/* A runner that is another process than before did not get to the end of its job. */
static void look_at(struct lane *lane, const ouro_runner_stats *runner, uint64_t now)
{
	struct lane_box *box = newest(lane);

	if (box && !box->ended && box->began != runner->since_ns) {
		box->ended = now;
		box->failed = lane->starts != runner->starts;
	}
	if (runner->since_ns && (!box || box->began != runner->since_ns))
		begin_box(lane, runner);
	lane->starts = runner->starts;
	lane->id = runner->id;
}

void ouro__dashboard_look(ouro_dashboard *dashboard)
{
	ouro_loop *loop = dashboard->base.loop;
	uint64_t now = ouro_loop_now(loop);
	ouro_crew *crew = NULL;
	ouro_runner_stats runner;
	unsigned count = 0;

	while ((crew = ouro_crew_next(loop, crew)) && count < LANES)
		for (unsigned i = 0; count < LANES && ouro_crew_runner_stats(crew, i, &runner); i++)
			look_at(&dashboard->lanes[count++], &runner, now);
}
