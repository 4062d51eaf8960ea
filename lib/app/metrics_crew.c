/* metrics_crew.c -- the figures of the loop's crews, their jobs and their runners. See metrics.h.
 *
 * A family is written in one piece, so every family goes through all the crews. The table of a crew
 * may be long, and a histogram has many lines: jobs have lines of their own up to JOBS_MAX, and what
 * is behind counts together, with the calls by a name that is no job's. */
#include "app/metrics.h"
#include "ouro/crew.h"
#include <stdio.h>

#define JOBS_MAX 100

/* 16 us to 34 s, as the pool's. */
#define FIRST 14
#define LAST  35

#define RESULTS(X)    X(done) X(failed) X(crashed) X(cancelled) X(timed_out)
#define COUNT(result) +1
#define NAME(result)  #result,
#define RESULT_COUNT  (0 RESULTS(COUNT))

static const char *const result_names[] = { RESULTS(NAME) };

/* ---- Labels ---- */

struct labels {
	struct label_of at[5]; /* the last stays NULL */
	unsigned count;
	char twin[12], runner[12];
};

static void add_label(struct labels *labels, const char *name, const char *value)
{
	labels->at[labels->count++] = (struct label_of){ name, value };
}

/* The first of its name has no number: few programs have a second. */
static void begin_labels(struct labels *labels, const ouro_crew_stats *stats)
{
	*labels = (struct labels){ .count = 0 };
	add_label(labels, "crew", stats->name);
	if (stats->twin == 1)
		return;
	snprintf(labels->twin, sizeof(labels->twin), "%u", stats->twin);
	add_label(labels, "twin", labels->twin);
}

/* ---- A family each ---- */

typedef void crew_fn(struct page_text *page, const char *name, const ouro_crew *crew,
		     const ouro_crew_stats *stats);

static void write_each(struct page_text *page, const ouro_loop *loop, const char *name,
		       const char *type, const char *help, crew_fn *fn)
{
	const ouro_crew *crew = NULL;
	ouro_crew_stats stats;

	ouro__page_family(page, name, type, help);
	while ((crew = ouro_crew_next(loop, crew))) {
		ouro_crew_get_stats(crew, &stats);
		fn(page, name, crew, &stats);
	}
}

static void write_number(struct page_text *page, const char *name, const ouro_crew_stats *stats,
			 uint64_t number)
{
	struct labels labels;

	begin_labels(&labels, stats);
	ouro__page_number(page, name, "", labels.at, number);
}

static void write_queued(struct page_text *page, const char *name, const ouro_crew *crew,
			 const ouro_crew_stats *stats)
{
	(void)crew;
	write_number(page, name, stats, stats->waiting);
}

static void write_running(struct page_text *page, const char *name, const ouro_crew *crew,
			  const ouro_crew_stats *stats)
{
	(void)crew;
	write_number(page, name, stats, stats->running);
}

static void write_killed(struct page_text *page, const char *name, const ouro_crew *crew,
			 const ouro_crew_stats *stats)
{
	(void)crew;
	write_number(page, name, stats, stats->killed);
}

static void write_retried(struct page_text *page, const char *name, const ouro_crew *crew,
			  const ouro_crew_stats *stats)
{
	(void)crew;
	write_number(page, name, stats, stats->retried);
}

static void write_recycled(struct page_text *page, const char *name, const ouro_crew *crew,
			   const ouro_crew_stats *stats)
{
	(void)crew;
	write_number(page, name, stats, stats->recycled);
}

static void write_busy(struct page_text *page, const char *name, const ouro_crew *crew,
		       const ouro_crew_stats *stats)
{
	ouro_runner_stats runner;

	for (unsigned i = 0; ouro_crew_runner_stats(crew, i, &runner); i++) {
		struct labels labels;

		begin_labels(&labels, stats);
		snprintf(labels.runner, sizeof(labels.runner), "%u", i + 1);
		add_label(&labels, "runner", labels.runner);
		ouro__page_seconds(page, name, "", labels.at, runner.busy_ns);
	}
}

/* ---- Jobs ---- */

static void write_results(struct page_text *page, const char *name, const ouro_crew_stats *stats,
			  const char *job, const uint64_t *counts)
{
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		struct labels labels;

		begin_labels(&labels, stats);
		add_label(&labels, "job", job);
		add_label(&labels, "result", result_names[i]);
		ouro__page_number(page, name, "", labels.at, counts[i]);
	}
}

#define COUNT_OF_CREW(result) stats->result,
#define COUNT_OF_JOB(result)  job.result,

static void write_jobs(struct page_text *page, const char *name, const ouro_crew *crew,
		       const ouro_crew_stats *stats)
{
	uint64_t others[] = { RESULTS(COUNT_OF_CREW) };
	ouro_job_stats job;

	for (unsigned n = 0; n < JOBS_MAX && ouro_crew_job_stats(crew, n, &job); n++) {
		const uint64_t counts[] = { RESULTS(COUNT_OF_JOB) };

		write_results(page, name, stats, job.name, counts);
		for (unsigned i = 0; i < RESULT_COUNT; i++)
			others[i] -= counts[i];
	}
	write_results(page, name, stats, "_OTHER", others);
}

static void write_job_hist(struct page_text *page, const char *name, const ouro_crew_stats *stats,
			   const char *job, const ouro_hist *hist)
{
	struct labels labels;

	begin_labels(&labels, stats);
	add_label(&labels, "job", job);
	ouro__page_hist(page, name, labels.at, hist->bucket, hist->sum, FIRST, LAST);
}

static void write_waits(struct page_text *page, const char *name, const ouro_crew *crew,
			const ouro_crew_stats *stats)
{
	ouro_job_stats job;

	for (unsigned n = 0; n < JOBS_MAX && ouro_crew_job_stats(crew, n, &job); n++)
		write_job_hist(page, name, stats, job.name, &job.wait_ns);
}

static void write_runs(struct page_text *page, const char *name, const ouro_crew *crew,
		       const ouro_crew_stats *stats)
{
	ouro_job_stats job;

	for (unsigned n = 0; n < JOBS_MAX && ouro_crew_job_stats(crew, n, &job); n++)
		write_job_hist(page, name, stats, job.name, &job.run_ns);
}

/* ---- All of it ---- */

void ouro__metrics_write_crews(struct metrics *metrics, struct page_text *page)
{
	static const struct {
		const char *name, *type, *help;
		crew_fn *fn;
	} families[] = {
		{ "ouro_jobs_queued", "gauge", "Calls that wait for a runner.", write_queued },
		{ "ouro_jobs_running", "gauge", "Calls on runners.", write_running },
		{ "ouro_jobs_total", "counter", "Calls that were answered.", write_jobs },
		{ "ouro_job_wait_seconds", "histogram", "From asking to starting.", write_waits },
		{ "ouro_job_run_seconds", "histogram", "On runners.", write_runs },
		{ "ouro_crew_runner_busy_seconds_total", "counter",
		  "Time in jobs that were answered.", write_busy },
		{ "ouro_crew_killed_total", "counter",
		  "Processes killed, because nobody waited for their job any more.", write_killed },
		{ "ouro_crew_retried_total", "counter", "Calls tried again after a crash.",
		  write_retried },
		{ "ouro_crew_recycled_total", "counter", "Processes renewed, by their limits.",
		  write_recycled },
	};

	if (!ouro_crew_next(metrics->loop, NULL))
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		write_each(page, metrics->loop, families[i].name, families[i].type,
			   families[i].help, families[i].fn);
}
