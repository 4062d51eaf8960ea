/* crew.c -- a crew's beginning and end. See ouro/crew.h and crew.h.
 *
 * A crew is a handle. Its memory waits, after close, for the last runner and for every op that it
 * has taken: those name it. The loop's crews hang together on one attachment, by which the end of the
 * loop waits for what a close alone only begins, and by which a fork's child lets go of them. */
#include "offload/crew.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "offload/pool.h"
#include "sys/limit.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>

#define MOST_RUNNERS 256
#define MOST_JOBS    65535
#define MOST_NICE    LIMIT_IDLE
#define USUAL_NICE   5
#define USUAL_QUEUE  1024
#define USUAL_MAX    ((size_t)64 * 1024 * 1024)

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
