/* crews.h -- what the tests of crews share: a crew of either kind, and calls that are counted. */
#ifndef CREWS_H
#define CREWS_H
#include "kit.h"
#include "ouro/crew.h"
#include "workers/jobs/jobs.h"
#include <poll.h>
#include <sched.h>

/* Jobs that a test steers: "wait" until it is cancelled, "tell" its progress, and so on. */

static int job_wait(ouro_str in, ouro_buf *out)
{
	struct timespec tick = { .tv_nsec = 1000000 };

	(void)in, (void)out;
	while (!ouro_job_cancelled())
		nanosleep(&tick, NULL);
	return OURO_ECANCELED;
}

/* "5": as many words, then an answer. */
static int job_tell(ouro_str in, ouro_buf *out)
{
	uint64_t n = ouro_str_u64(in, 0);
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		ouro_buf_cut(out, 0);
		ouro_buf_printf(out, "%d", (int)i);
		err = ouro_job_progress(ouro_buf_str(out));
	}
	return err ? err : ouro_buf_printf(out, ".");
}

static int job_fail(ouro_str in, ouro_buf *out)
{
	(void)in;
	ouro_buf_printf(out, "sorry");
	return -EDOM;
}

/* "n": so many bytes. */
static int job_fill(ouro_str in, ouro_buf *out)
{
	char bytes[4096];
	int err = 0;

	memset(bytes, 'x', sizeof(bytes));
	for (uint64_t n = ouro_str_u64(in, 0); n && !err;) {
		uint64_t piece = n < sizeof(bytes) ? n : sizeof(bytes);

		err = ouro_buf_append(out, bytes, (size_t)piece);
		n -= piece;
	}
	return err;
}

static int job_pid(ouro_str in, ouro_buf *out)
{
	(void)in;
	return ouro_buf_printf(out, "%d", (int)getpid());
}

#define TEST_JOBS                                                                         \
	{ .name = "echo", .run = job_echo }, { .name = "fib", .run = job_fib },           \
		{ .name = "wait", .run = job_wait }, { .name = "tell", .run = job_tell }, \
		{ .name = "fail", .run = job_fail }, { .name = "fill", .run = job_fill }, \
	{                                                                                 \
		.name = "pid", .run = job_pid                                             \
	}

static const ouro_job peaceful[] = { TEST_JOBS, { .name = NULL } };
static const ouro_job hostile[] = {
	TEST_JOBS,
	{ .name = "segv", .run = job_segv, .needs_process = true },
	{ .name = "abort", .run = job_abort, .needs_process = true },
	{ .name = "spin", .run = job_spin, .needs_process = true },
	{ .name = "leak", .run = job_leak, .needs_process = true },
	{ .name = "garbage", .run = job_garbage, .needs_process = true },
	{ .name = "exit", .run = job_exit, .needs_process = true },
	{ .name = "overflow", .run = job_overflow, .needs_process = true },
	{ .name = NULL },
};

static inline ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static inline void run(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

static inline ouro_crew *start_with(ouro_loop *loop, ouro_crew_opts opts)
{
	ouro_crew *crew = NULL;

	if (!opts.jobs)
		opts.jobs = opts.kind == OURO_PROCESSES ? hostile : peaceful;
	CHECK_EQ(ouro_crew_start(loop, &opts, &crew), 0);
	CHECK(crew != NULL);
	return crew;
}

static inline ouro_crew *start_crew(ouro_loop *loop, enum ouro_kind kind, unsigned count)
{
	return start_with(loop, (ouro_crew_opts){ .kind = kind, .count = count });
}

/* A call, and what came of it. */
struct asked {
	const char *word; /* said when it is answered, unless NULL */
	ouro_crew *crew;
	int err, answers;
	size_t len;
	char out[128]; /* the start of it */
	ouro_death death;
};

static inline void on_asked(int err, ouro_str out, void *arg)
{
	struct asked *asked = arg;
	size_t n = out.len < sizeof(asked->out) - 1 ? out.len : sizeof(asked->out) - 1;

	asked->err = err;
	asked->answers++;
	asked->len = out.len;
	if (n)
		memcpy(asked->out, out.ptr, n);
	asked->out[n] = 0;
	if (asked->crew)
		asked->death = ouro_crew_death(asked->crew);
	if (asked->word)
		say("%s", asked->word);
}

static inline ouro_op ask_for(ouro_crew *crew, const char *job, const char *in, struct asked *asked)
{
	ouro_op op;

	asked->crew = crew;
	op = ouro_crew_call(crew, job, ouro_str_z(in), on_asked, asked);
	CHECK(op.id != 0);
	return op;
}

/* Turns the loop until something is true. */
#define turn_until(loop, truth)                   \
	do {                                      \
		while (!(truth)) {                \
			ouro_loop_turn(loop);     \
			if (!(truth))             \
				poll(NULL, 0, 1); \
		}                                 \
	} while (0)

static inline ouro_crew_stats stats_of(const ouro_crew *crew)
{
	ouro_crew_stats stats;

	ouro_crew_get_stats(crew, &stats);
	return stats;
}

static inline ouro_runner_stats runner_of(const ouro_crew *crew, unsigned n)
{
	ouro_runner_stats stats;

	CHECK(ouro_crew_runner_stats(crew, n, &stats));
	return stats;
}

/* Of the one crew of processes that there is. */
static inline pid_t nursery_of_this_process(void)
{
	char path[64];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	CHECK(file != NULL);
	CHECK_EQ(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

#define EITHER_KIND(kind) for (int kind = OURO_THREADS; kind <= OURO_PROCESSES; kind++)
#endif
