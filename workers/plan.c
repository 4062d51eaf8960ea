/* plan.c -- what a crew tells its runners: a copy of the jobs, names and all, in one piece. See
 * thread.h for who holds it. */
#include "base/alloc.h"
#include "workers/thread.h"

#include <stdatomic.h>

struct plan {
	struct host_plan base;
	atomic_int holders;
	ouro_job jobs[];
};

static size_t size_of_names(const ouro_job *jobs, unsigned count)
{
	size_t n = 0;

	for (unsigned i = 0; i < count; i++)
		n += strlen(jobs[i].name) + 1;
	return n;
}

struct host_plan *ouro__host_plan_new(const ouro_job *jobs, unsigned count)
{
	size_t table = count * sizeof(ouro_job);
	struct plan *plan = ouro__alloc(sizeof(*plan) + table + size_of_names(jobs, count));
	char *name;

	if (!plan)
		return NULL;
	name = (char *)plan->jobs + table;
	for (unsigned i = 0; i < count; i++) {
		size_t size = strlen(jobs[i].name) + 1;

		memcpy(name, jobs[i].name, size);
		plan->jobs[i] = jobs[i];
		plan->jobs[i].name = name;
		name += size;
	}
	plan->base.jobs = plan->jobs;
	plan->base.job_count = count;
	atomic_init(&plan->holders, 1);
	return &plan->base;
}

struct host_plan *ouro__host_plan_hold(struct host_plan *plan)
{
	atomic_fetch_add(&((struct plan *)plan)->holders, 1);
	return plan;
}

void ouro__host_plan_drop(struct host_plan *plan)
{
	if (plan && atomic_fetch_sub(&((struct plan *)plan)->holders, 1) == 1)
		ouro__free(plan);
}
