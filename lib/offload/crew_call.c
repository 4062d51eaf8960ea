/* crew_call.c -- asking for jobs. See ouro/crew.h and crew.h.
 *
 * An op is what the user has of a call, and it may end first; the call (an errand) then goes on without
 * one. They are joined by the op's room, which names the call, and by the call's `op`. */
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "offload/crew.h"
#include <errno.h>

#define KEPT_ROOM sizeof(((struct errand *)NULL)->room)

_Static_assert(sizeof(struct crew_op) <= OP_ROOM, "an operation has room for it");

static struct errand *call_new(struct ouro_crew *crew)
{
	struct errand *call = crew->free_calls;

	if (call)
		crew->free_calls = call->next;
	else
		call = ouro__alloc(sizeof(*call));
	if (call)
		memset(call, 0, sizeof(*call) - KEPT_ROOM);
	return call;
}

void ouro__call_free(struct ouro_crew *crew, struct errand *call)
{
	ouro__free(call->memory);
	call->memory = NULL;
	call->next = crew->free_calls;
	crew->free_calls = call;
}

static struct ouro_crew *crew_of(const struct op *op)
{
	return crew_op_of(op)->crew;
}

static struct job_figures *figures_of(const struct op *op)
{
	const struct errand *call = crew_op_of(op)->call;
	struct ouro_crew *crew = crew_of(op);

	return &crew->figures[call ? call->job : CREW_JOB_UNKNOWN(crew)];
}

static void count_error(struct job_figures *figures, int err)
{
	if (err == OURO_ECRASHED || err == OURO_EPROTO)
		count_add(&figures->crashed, 1);
	else if (err == OURO_ETIMEOUT)
		count_add(&figures->timed_out, 1);
	else if (err == OURO_ECANCELED)
		count_add(&figures->cancelled, 1);
	else
		count_add(&figures->failed, 1);
}

void ouro__call_end(struct errand *call, int err)
{
	struct op *op = call->op;
	struct ouro_crew *crew = crew_of(op);

	count_error(figures_of(op), err);
	crew_op_of(op)->call = NULL;
	ouro__op_answer(op, err);
	ouro__call_free(crew, call);
}

/* The user, or the clock, has ended the op. */
static void leave(struct op *op, int err)
{
	struct crew_op *room = crew_op_of(op);
	struct errand *call = room->call;
	struct ouro_crew *crew = room->crew;

	if (!call)
		return;
	count_error(figures_of(op), err);
	room->call = NULL;
	call->op = NULL;
	call->given_up = !crew->base.closing && !crew->base.loop->ending;
	if (!call->runner) {
		ouro__queue_remove(crew, call);
		ouro__call_free(crew, call);
	} else if (!crew->forked) {
		ouro__runner_give_up(call->runner, call);
	}
}

static void done(struct op *op, int err)
{
	struct crew_op *room = crew_op_of(op);
	ouro_job_done_fn *fn = (ouro_job_done_fn *)(uintptr_t)op->fn;

	room->crew->death = room->death;
	if (fn)
		fn(err, room->result.bytes, op->arg);
	room->crew->death = (ouro_death){ 0, 0 };
}

static void release(struct op *op)
{
	struct crew_op *room = crew_op_of(op);

	ouro__frame_release(&room->result);
	room->crew->ops_out--;
	ouro__crew_settled(room->crew);
}

static const struct op_kind call_kind = {
	.call = "ouro_crew_call",
	.lane = OURO_LANE_USER,
	.room = sizeof(struct crew_op) - RESULT_ROOM,
	.done = done,
	.leave = leave,
	.name_lane = ouro__crew_lane,
	.release = release,
};

static int copy_input(struct errand *call, ouro_str in, bool take)
{
	char *bytes = call->room;

	if (take) {
		call->memory = (char *)(uintptr_t)in.ptr;
		call->in = in;
		return 0;
	}
	if (in.len > KEPT_ROOM)
		bytes = call->memory = ouro__realloc(NULL, in.len);
	if (!bytes)
		return -ENOMEM;
	if (in.len)
		memcpy(bytes, in.ptr, in.len);
	call->in = ouro_str_n(bytes, in.len);
	return 0;
}

/* The number of the job in the table, or how many there are: none is called that. */
static unsigned find_job(const struct ouro_crew *crew, const char *name)
{
	const struct host_plan *plan = crew->plan;
	unsigned i = 0;

	while (i < plan->job_count && strcmp(plan->jobs[i].name, name) != 0)
		i++;
	return i;
}

static int refuse(const struct ouro_crew *crew, const char *job, ouro_str in, unsigned number)
{
	if (!job || (in.len && !in.ptr))
		return -EINVAL;
	if (crew->base.closing || crew->forked)
		return crew->forked ? OURO_ECANCELED : OURO_ECLOSED;
	if (number == CREW_JOB_UNKNOWN(crew))
		return OURO_ENOJOB;
	if (in.len > crew->opts.in_max)
		return OURO_ETOOBIG;
	return crew->waiting >= crew->opts.queue_max ? OURO_EBUSY : 0;
}

/* 0: the crew's; OURO_NEVER: none. */
static uint64_t limit_ns(unsigned own, unsigned usual)
{
	unsigned ms = own ? own : usual;

	return ms == OURO_NEVER ? 0 : ms * NS_PER_MS;
}

static void set_options(struct errand *call, const struct ouro_crew *crew,
			const ouro_call_opts *opts)
{
	call->priority = opts->priority;
	call->timeout = limit_ns(opts->timeout_ms, crew->opts.timeout_ms);
	call->on_progress = opts->on_progress;
	call->tries_left = crew_is_of_processes(crew) ? crew->opts.retry : 0;
	call->asked = clock_ns();
}

/* Its op waits already. Handed to a runner at once if one is idle. */
static void begin(struct ouro_crew *crew, struct errand *call)
{
	crew_op_of(call->op)->call = call;
	ouro__queue_push(crew, call);
	ouro__crew_dispatch(crew);
}

static void drop_taken(ouro_str in, bool take)
{
	if (take)
		ouro_bytes_free((char *)(uintptr_t)in.ptr);
}

static ouro_op ask(struct ouro_crew *crew, const char *job, ouro_str in, const ouro_call_opts *opts,
		   struct op *op)
{
	unsigned number = job ? find_job(crew, job) : CREW_JOB_UNKNOWN(crew);
	int err = refuse(crew, job, in, number);
	struct errand *call = err ? NULL : call_new(crew);
	unsigned ms = opts->deadline_ms ? opts->deadline_ms : crew->opts.deadline_ms;
	ouro_op token = ouro__op_park(op);

	if (number < CREW_JOB_UNKNOWN(crew))
		op->path = crew->plan->jobs[number].name;
	if (call) {
		call->job = number;
		call->op = op;
		set_options(call, crew, opts);
		err = copy_input(call, in, opts->take);
	} else {
		err = err ? err : -ENOMEM;
		drop_taken(in, opts->take);
	}
	if (err) {
		count_error(&crew->figures[number], err);
		ouro__op_answer(op, err);
		if (call)
			ouro__call_free(crew, call);
		return token;
	}
	begin(crew, call);
	if (ms)
		ouro_op_timeout(crew->base.loop, token, ms);
	return token;
}

ouro_op ouro_crew_call_with(ouro_crew *crew, const char *job, ouro_str in,
			    const ouro_call_opts *opts, ouro_job_done_fn *fn, void *arg)
{
	static const ouro_call_opts usual;
	struct op *op;

	crew_check(crew);
	opts = opts ? opts : &usual;
	op = ouro__op_new(crew->base.loop, &call_kind, CALL_FN(fn), arg);
	if (!op) {
		drop_taken(in, opts->take);
		return (ouro_op){ 0 };
	}
	crew_op_of(op)->crew = crew;
	crew->ops_out++;
	return ask(crew, job, in, opts, op);
}

ouro_op ouro_crew_call(ouro_crew *crew, const char *job, ouro_str in, ouro_job_done_fn *fn,
		       void *arg)
{
	return ouro_crew_call_with(crew, job, in, NULL, fn, arg);
}

ouro_death ouro_crew_death(const ouro_crew *crew)
{
	crew_check(crew);
	return crew->death;
}
