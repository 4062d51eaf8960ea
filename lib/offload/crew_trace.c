/* crew_trace.c -- jobs of crews, for the loop's trace. See ouro/trace.h and loop/trace.h.
 *
 * A runner has a lane, through all its lives, whose number is above that of any thread. When a job
 * began and ended its runner has said; one at a time, whatever a process that is up to something
 * may say. A job whose op is still to be called back is written down after that (op.c). */
#include "offload/crew.h"
#include <stdio.h>

/* No thread has that number, nor a greater one: PID_MAX_LIMIT. */
#define LANES (UINT32_C(1) << 22)

static uint32_t tid_of(const struct runner *runner)
{
	return LANES + runner->crew->lane + runner->which;
}

static void name_lane(const struct ouro_crew *crew, unsigned which, char name[TRACE_LANE])
{
	if (crew->twin > 1)
		snprintf(name, TRACE_LANE, "crew %.15s %u, %u", crew->name, crew->twin, which + 1);
	else
		snprintf(name, TRACE_LANE, "crew %.15s, %u", crew->name, which + 1);
}

void ouro__crew_lane(const struct op *op, char name[TRACE_LANE])
{
	const struct ouro_crew *crew = crew_op_of(op)->crew;

	name_lane(crew, op->tid - LANES - crew->lane, name);
}

void ouro__crew_ran(struct runner *runner, const struct errand *call, struct op *op, uint64_t began,
		    uint64_t ended, int err)
{
	const struct ouro_crew *crew = runner->crew;
	const char *job = crew->plan->jobs[call->job].name;
	struct trace_record record = { .phase = TRACE_CREW, .number = err };
	struct trace_job lane = { .tid = tid_of(runner) };

	began = began > runner->lane_end ? began : runner->lane_end;
	ended = ended > began ? ended : began;
	runner->lane_end = ended;
	if (op) {
		op->began = began;
		op->stamp = ended;
		op->ran = ended - began;
		op->tid = tid_of(runner);
		return;
	}
	if (crew->base.loop->is_virtual)
		return;
	record.at = began;
	record.ns = ended - began;
	name_lane(crew, runner->which, lane.lane);
	ouro__trace_job(crew->base.loop->trace, record, &lane, "ouro_crew_call",
			strlen("ouro_crew_call"), job, strlen(job));
}
