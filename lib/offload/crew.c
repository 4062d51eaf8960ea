/* crew.c -- a crew's beginning and end, and asking for jobs. See ouro/crew.h and crew.h.
 *
 * A crew is a handle. Its memory waits, after close, for the last runner and for every op that it
 * has taken: those name it. The loop's crews hang together on one attachment, by which the end of the
 * loop waits for what a close alone only begins, and by which a fork's child lets go of them. */
#include "offload/crew.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "offload/pool.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>

#define MOST_RUNNERS 256
#define MOST_JOBS    65535
#define MOST_NICE    19
#define USUAL_NICE   5
#define USUAL_QUEUE  1024
#define USUAL_MAX    ((size_t)64 * 1024 * 1024)
#define KEPT_ROOM    sizeof(((struct errand *)NULL)->room)

_Static_assert(sizeof(struct crew_op) <= OP_ROOM, "an operation has room for it");

/* The crews of a loop. */

struct crews {
	struct attachment base;
	struct list all;
	uint32_t lanes; /* so many runners have had one */
};

static const char crews_kind;

static struct ouro_crew *crew_at(struct list *link)
{
	return list_of(link, struct ouro_crew, link);
}

/* The handles have been closed before: this waits for what that began. */
static void drain(struct attachment *attachment)
{
	struct crews *crews = list_of(attachment, struct crews, base);

	list_each_safe (at, &crews->all) {
		struct ouro_crew *crew = crew_at(at);

		if (!crew->base.closing)
			continue;
		for (unsigned i = 0; i < crew->opts.count; i++)
			ouro__runner_await(&crew->runners[i]);
		ouro__nursery_await(crew);
	}
}

static void end_crews(struct attachment *attachment)
{
	ouro__free(list_of(attachment, struct crews, base));
}

static void forget(struct ouro_crew *crew);

static int after_fork(struct attachment *attachment)
{
	struct crews *crews = list_of(attachment, struct crews, base);

	list_each (at, &crews->all)
		forget(crew_at(at));
	return 0;
}

static struct crews *crews_of(const ouro_loop *loop)
{
	struct attachment *attachment = ouro__loop_attached(loop, &crews_kind);

	return attachment ? list_of(attachment, struct crews, base) : NULL;
}

/* Behind the pool's, whose operations it needs to the end. */
static struct crews *make_crews(ouro_loop *loop)
{
	struct crews *crews = ouro__pool_of(loop) ? ouro__alloc(sizeof(*crews)) : NULL;

	if (!crews)
		return NULL;
	list_init(&crews->all);
	crews->base = (struct attachment){
		.kind = &crews_kind, .drain = drain, .end = end_crews, .after_fork = after_fork
	};
	list_push(&loop->attachments, &crews->base.link);
	return crews;
}

/* Calls. */

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
	return ((const struct crew_op *)(const void *)op->room)->crew;
}

static struct job_figures *figures_of(const struct op *op)
{
	const struct errand *call = ((const struct crew_op *)(const void *)op->room)->call;
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
	((struct crew_op *)(void *)op->room)->call = NULL;
	ouro__op_answer(op, err);
	ouro__call_free(crew, call);
}

/* The user, or the clock, has ended the op. */
static void leave(struct op *op, int err)
{
	struct crew_op *room = (struct crew_op *)(void *)op->room;
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
	struct crew_op *room = (struct crew_op *)(void *)op->room;
	ouro_job_done_fn *fn = (ouro_job_done_fn *)(uintptr_t)op->fn;

	room->crew->death = room->death;
	if (fn)
		fn(err, room->result.bytes, op->arg);
	room->crew->death = (ouro_death){ 0, 0 };
}

static void release(struct op *op)
{
	struct crew_op *room = (struct crew_op *)(void *)op->room;

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
	((struct crew_op *)(void *)call->op->room)->call = call;
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
	((struct crew_op *)(void *)op->room)->crew = crew;
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

/* The clock. One timer for all that a crew waits for: whatever comes first. */

static void on_tick(ouro_loop *loop, void *arg)
{
	struct ouro_crew *crew = arg;
	uint64_t now = clock_ns();

	(void)loop;
	crew->tick = (ouro_timer){ 0 };
	ouro__nursery_check(crew, now);
	for (unsigned i = 0; i < crew->opts.count && !crew->base.closing; i++)
		ouro__runner_check(&crew->runners[i], now);
	if (!crew->base.closing)
		ouro__crew_dispatch(crew);
}

void ouro__crew_tick_at(struct ouro_crew *crew, uint64_t ns)
{
	ouro_loop *loop = crew->base.loop;
	uint64_t now = clock_ns(), left = ns > now ? ns - now : 0;

	if (crew->base.closing || loop->ending || (crew->tick.id && crew->tick_at <= ns))
		return;
	ouro_timer_stop(loop, crew->tick);
	crew->tick = ouro_timer_after(loop, (left + NS_PER_MS - 1) / NS_PER_MS, on_tick, crew);
	crew->tick_at = ns;
	ouro_timer_hold(loop, crew->tick, false);
}

/* The end. */

static bool is_over(const struct ouro_crew *crew)
{
	return !crew->alive && !crew->ops_out && crew->nursery.proc.fd < 0;
}

void ouro__crew_settled(struct ouro_crew *crew)
{
	if (crew->base.closing && is_over(crew))
		ouro__handle_settled(&crew->base);
}

static void free_parts(struct ouro_crew *crew)
{
	struct errand *call;

	list_remove(&crew->link);
	while ((call = crew->free_calls)) {
		crew->free_calls = call->next;
		ouro__free(call);
	}
	ouro__host_plan_drop(crew->plan);
	ouro__free(crew->runners);
	ouro__free(crew->figures);
}

/* Asked in the close phase, which frees the crew itself at once when it is. */
static bool is_idle(const struct handle *handle)
{
	struct ouro_crew *crew = (struct ouro_crew *)(uintptr_t)handle;

	if (is_over(crew))
		free_parts(crew);
	return is_over(crew);
}

static void cancel(struct op *op)
{
	if (op)
		ouro_op_cancel(ouro__op_loop(op), ouro__op_token(op));
}

/* The op of each; the calls that run live on until their runner has gone. */
static void cancel_all(struct ouro_crew *crew)
{
	while (!list_empty(&crew->queue))
		cancel(list_of(crew->queue.next, struct errand, link)->op);
	for (unsigned i = 0; i < crew->opts.count; i++)
		for (unsigned k = 0; k < BOARD_PLACES; k++)
			if (crew->runners[i].handed[k])
				cancel(crew->runners[i].handed[k]->op);
}

static const void *callee(const struct handle *handle)
{
	return CALL_FN(handle->on_close);
}

static int number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static void stop(struct handle *handle)
{
	struct ouro_crew *crew = (struct ouro_crew *)handle;

	cancel_all(crew);
	ouro_timer_stop(handle->loop, crew->tick);
	for (unsigned i = 0; i < crew->opts.count; i++)
		ouro__runner_close(&crew->runners[i]);
	ouro__nursery_close(crew);
}

const struct handle_type ouro__crew_type = {
	.kind = "crew",
	.magic = 0x63726577u,
	.stop = stop,
	.is_idle = is_idle,
	.parks = true,
	.callee = callee,
	.number = number,
};

/* In the child after a fork: its runners are the parent's, and so is what they write. */
static void forget(struct ouro_crew *crew)
{
	crew->forked = true;
	cancel_all(crew);
	ouro_timer_stop(crew->base.loop, crew->tick);
	for (unsigned i = 0; i < crew->opts.count; i++)
		ouro__runner_forget(&crew->runners[i]);
	ouro__nursery_forget(crew);
}

/* The beginning. */

static unsigned usual_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return n > 1 ? (unsigned)n - 1 : 1;
}

/* How many jobs the table has. */
static unsigned count_jobs(const ouro_job *jobs)
{
	unsigned n = 0;

	while (jobs && n <= MOST_JOBS && jobs[n].name)
		n++;
	return n;
}

/* What is wrong with the nth job, in words; NULL: nothing. */
static const char *wrong_with(const ouro_crew_opts *opts, unsigned n)
{
	const ouro_job *job = &opts->jobs[n];

	if (!job->run)
		return "has nothing to run";
	if (job->needs_process && opts->kind != OURO_PROCESSES)
		return "needs a process of its own, and this is a crew of threads";
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(opts->jobs[i].name, job->name))
			return "is there twice";
	return NULL;
}

static int jobs_make_sense(const ouro_loop *loop, const ouro_crew_opts *opts)
{
	unsigned n = count_jobs(opts->jobs);

	if (!n || n > MOST_JOBS) {
		ouro__log(&loop->log, OURO_LOG_ERROR, "a crew has 1 to %d jobs, not %u", MOST_JOBS,
			  n);
		return -EINVAL;
	}
	for (unsigned i = 0; i < n; i++) {
		const char *wrong = wrong_with(opts, i);

		if (wrong) {
			ouro__log(&loop->log, OURO_LOG_ERROR, "the job %s %s", opts->jobs[i].name,
				  wrong);
			return -EINVAL;
		}
	}
	return 0;
}

static int opts_make_sense(const ouro_loop *loop, const ouro_crew_opts *opts)
{
	bool known = opts->kind == OURO_THREADS || opts->kind == OURO_PROCESSES;

	if (opts->count > MOST_RUNNERS || !known ||
	    (opts->nice > MOST_NICE && opts->nice != OURO_NEVER)) {
		ouro__log(&loop->log, OURO_LOG_ERROR,
			  "a crew has at most %d runners (%u), of one of two kinds (%d), at most "
			  "%d steps below the loop (%u)",
			  MOST_RUNNERS, opts->count, (int)opts->kind, MOST_NICE, opts->nice);
		return -EINVAL;
	}
	return jobs_make_sense(loop, opts);
}

static void set_defaults(struct ouro_crew *crew, const ouro_crew_opts *given)
{
	ouro_crew_opts *opts = &crew->opts;

	*opts = *given;
	opts->count = opts->count ? opts->count : usual_count();
	opts->queue_max = opts->queue_max ? opts->queue_max : USUAL_QUEUE;
	opts->queue_max = opts->queue_max == OURO_NEVER ? UINT_MAX : opts->queue_max;
	opts->in_max = opts->in_max ? opts->in_max : USUAL_MAX;
	opts->out_max = opts->out_max ? opts->out_max : USUAL_MAX;
	opts->nice = opts->nice ? opts->nice : USUAL_NICE;
	opts->nice = opts->nice == OURO_NEVER ? 0 : opts->nice;
	snprintf(crew->name, sizeof(crew->name), "%s", opts->name ? opts->name : "crew");
	opts->name = crew->name;
	opts->jobs = NULL; /* the plan has a copy */
}

/* The least number that no other of its name has. */
static unsigned free_twin(const struct crews *crews, const char *name)
{
	unsigned twin = 1;

	for (bool taken = true; taken; twin += taken) {
		taken = false;
		list_each (at, &crews->all)
			taken |= crew_at(at)->twin == twin && !strcmp(crew_at(at)->name, name);
	}
	return twin;
}

static struct host_plan *make_plan(const struct ouro_crew *crew, const ouro_job *jobs)
{
	const ouro_crew_opts *opts = &crew->opts;
	struct host_plan *plan = ouro__host_plan_new(jobs, count_jobs(jobs));

	if (!plan)
		return NULL;
	plan->out_max = opts->out_max;
	plan->nice = (int)opts->nice;
	plan->memory_max = opts->memory_max;
	plan->cpu_s = opts->cpu_s;
	plan->cores = opts->cores;
	memcpy(plan->name, crew->name, sizeof(plan->name));
	return plan;
}

static int make_parts(struct ouro_crew *crew, const ouro_job *jobs)
{
	crew->plan = make_plan(crew, jobs);
	if (!crew->plan)
		return -ENOMEM;
	crew->runners = ouro__alloc(crew->opts.count * sizeof(*crew->runners));
	crew->figures = ouro__alloc((crew->plan->job_count + 1) * sizeof(*crew->figures));
	for (unsigned i = 0; crew->runners && i < crew->opts.count; i++) {
		crew->runners[i].crew = crew;
		crew->runners[i].which = i;
	}
	return crew->runners && crew->figures ? 0 : -ENOMEM;
}

/* A process that cannot be started now is tried again; a thread that cannot is an error. */
static int start_runners(struct ouro_crew *crew)
{
	int err = crew_is_of_processes(crew) ? ouro__nursery_open(crew) : 0;

	for (unsigned i = 0; i < crew->opts.count && !err; i++)
		err = ouro__runner_start(&crew->runners[i]);
	return err;
}

/* Only what was started has to be waited for, and that has nothing to do: it goes at once. */
static void undo(struct ouro_crew *crew)
{
	ouro_timer_stop(crew->base.loop, crew->tick);
	crew->alive = crew->opts.count;
	for (unsigned i = 0; crew->runners && i < crew->opts.count; i++) {
		ouro__runner_close(&crew->runners[i]);
		ouro__runner_await(&crew->runners[i]);
	}
	ouro__nursery_close(crew);
	ouro__nursery_await(crew);
	free_parts(crew);
	ouro__handle_drop(&crew->base);
}

int ouro_crew_start(ouro_loop *loop, const ouro_crew_opts *opts, ouro_crew **ret_crew)
{
	static const ouro_crew_opts nothing;
	struct ouro_crew *crew;
	struct crews *crews;
	int err;

	opts = opts ? opts : &nothing;
	err = opts_make_sense(loop, opts);
	if (err)
		return err;
	crews = crews_of(loop);
	crews = crews ? crews : make_crews(loop);
	if (!crews)
		return errno == EMFILE ? -EMFILE : -ENOMEM;
	crew = ouro__handle_new(loop, &ouro__crew_type, sizeof(*crew), opts->arg, &err);
	if (!crew)
		return err;
	ouro__handle_hold(&crew->base, false);
	list_init(&crew->queue);
	list_push(&crews->all, &crew->link);
	crew->nursery.proc.fd = -1;
	set_defaults(crew, opts);
	crew->twin = free_twin(crews, crew->name);
	crew->lane = crews->lanes;
	crews->lanes += crew->opts.count;
	err = make_parts(crew, opts->jobs);
	if (!err)
		err = start_runners(crew);
	if (err) {
		undo(crew);
		return err;
	}
	crew->alive = crew->opts.count;
	*ret_crew = crew;
	return 0;
}

void ouro_crew_close(ouro_crew *crew)
{
	if (!crew)
		return;
	crew_check(crew);
	ouro__handle_close(&crew->base);
}

void ouro_crew_on_close(ouro_crew *crew, ouro_close_fn *fn)
{
	crew_check(crew);
	crew->base.on_close = fn;
}

ouro_loop *ouro_crew_loop(const ouro_crew *crew)
{
	crew_check(crew);
	return crew->base.loop;
}

ouro_crew *ouro_crew_next(const ouro_loop *loop, const ouro_crew *crew)
{
	struct crews *crews = crews_of(loop);
	const struct list *link;

	if (!crews)
		return NULL;
	link = crew ? crew->link.next : crews->all.next;
	return link == &crews->all ? NULL : crew_at((struct list *)(uintptr_t)link);
}
