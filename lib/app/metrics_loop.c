/* metrics_loop.c -- the figures of the loop, of its pool, of its access logs, and of the process. See
 * metrics.h. */
#include "app/access.h"
#include "app/metrics.h"
#include "ouro/pool.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bounds of what should take microseconds (8 us to 8.6 s), and of what waits for a disk (16 us to
 * 34 s): powers of two. */
#define LOOP_FIRST 13
#define LOOP_LAST  33
#define POOL_FIRST 14
#define POOL_LAST  35

/* ---- The loop ---- */

static void write_hist(struct page_text *page, const char *name, const char *help,
		       const ouro_hist *hist)
{
	ouro__page_family(page, name, "histogram", help);
	ouro__page_hist(page, name, NULL, hist->bucket, hist->sum, LOOP_FIRST, LOOP_LAST);
}

static void write_seconds(struct page_text *page, const char *name, const char *type,
			  const char *help, uint64_t ns)
{
	ouro__page_family(page, name, type, help);
	ouro__page_seconds(page, name, "", NULL, ns);
}

static void write_count(struct page_text *page, const char *name, const char *type,
			const char *help, uint64_t n)
{
	ouro__page_family(page, name, type, help);
	ouro__page_number(page, name, "", NULL, n);
}

static void write_phases(struct page_text *page, const ouro_loop_stats *stats)
{
	static const char name[] = "ouro_eventloop_phase_seconds_total";

	ouro__page_family(page, name, "counter", "Time inside callbacks, by phase of the turn.");
	for (int i = 0; i < OURO_PHASE_COUNT; i++) {
		struct label_of labels[] = { { "phase", ouro_phase_name((enum ouro_phase)i) },
					     { NULL, NULL } };

		ouro__page_seconds(page, name, "", labels, stats->phase_ns[i]);
	}
}

static void write_alive(struct page_text *page, const ouro_loop_stats *stats)
{
	static const char name[] = "ouro_eventloop_active";
	const struct {
		const char *kind;
		uint64_t n;
	} kinds[] = { { "timers", stats->timers },
		      { "handles", stats->handles },
		      { "tasks", stats->tasks } };

	ouro__page_family(page, name, "gauge", "What may call back: timers, handles, tasks.");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct label_of labels[] = { { "kind", kinds[i].kind }, { NULL, NULL } };

		ouro__page_number(page, name, "", labels, kinds[i].n);
	}
}

static void write_loop(struct page_text *page, const ouro_loop_stats *stats)
{
	write_hist(page, "ouro_eventloop_lag_seconds",
		   "How long each turn that called back kept others waiting.", &stats->turn_ns);
	write_hist(page, "ouro_eventloop_callback_seconds", "How long each callback took.",
		   &stats->callback_ns);
	write_hist(page, "ouro_eventloop_timer_late_seconds",
		   "How long after its deadline each timer ran.", &stats->late_ns);
	write_phases(page, stats);
	write_seconds(page, "ouro_eventloop_busy_seconds_total", "counter",
		      "Time outside the poll.", stats->busy_ns);
	write_seconds(page, "ouro_eventloop_idle_seconds_total", "counter", "Time inside the poll.",
		      stats->idle_ns);
	write_count(page, "ouro_eventloop_turns_total", "counter", "Turns of the loop.",
		    stats->turns);
	write_count(page, "ouro_eventloop_slow_callbacks_total", "counter",
		    "Callbacks that held the loop longer than lag_ms.", stats->lags);
	write_alive(page, stats);
}

/* ---- The pool ---- */

/* A gauge or counter with a sample a lane. */
static void write_lanes(struct page_text *page, const char *name, const char *type,
			const char *help, const ouro_pool_stats *figures,
			uint64_t (*of)(const ouro_lane_stats *lane))
{
	ouro__page_family(page, name, type, help);
	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		struct label_of labels[] = { { "class", ouro_lane_name((enum ouro_lane)i) },
					     { NULL, NULL } };

		ouro__page_number(page, name, "", labels, of(&figures->lane[i]));
	}
}

static void write_lane_hists(struct page_text *page, const char *name, const char *help,
			     const ouro_pool_stats *figures, size_t offset)
{
	ouro__page_family(page, name, "histogram", help);
	for (int i = 0; i < OURO_LANE_COUNT; i++) {
		const ouro_hist *hist =
			(const ouro_hist *)(const void *)((const char *)&figures->lane[i] + offset);
		struct label_of labels[] = { { "class", ouro_lane_name((enum ouro_lane)i) },
					     { NULL, NULL } };

		ouro__page_hist(page, name, labels, hist->bucket, hist->sum, POOL_FIRST, POOL_LAST);
	}
}

static uint64_t waiting_in(const ouro_lane_stats *lane)
{
	return lane->waiting;
}

static uint64_t running_in(const ouro_lane_stats *lane)
{
	return lane->running;
}

static uint64_t done_in(const ouro_lane_stats *lane)
{
	return lane->done;
}

static void write_pool(struct page_text *page, const ouro_pool_stats *figures)
{
	write_count(page, "ouro_pool_threads", "gauge", "Threads of the pool.", figures->threads);
	write_count(page, "ouro_pool_busy_threads", "gauge", "Those that are in a call.",
		    figures->busy);
	write_count(page, "ouro_pool_stuck_threads", "gauge",
		    "Those that are in a call whose time is up.", figures->stuck);
	write_lanes(page, "ouro_pool_queue_depth", "gauge", "Operations that wait for a thread.",
		    figures, waiting_in);
	write_lanes(page, "ouro_pool_running", "gauge", "Operations on threads.", figures,
		    running_in);
	write_lanes(page, "ouro_pool_done_total", "counter", "Operations that have ended.", figures,
		    done_in);
	write_lane_hists(page, "ouro_pool_wait_seconds", "From asking to starting.", figures,
			 offsetof(ouro_lane_stats, wait_ns));
	write_lane_hists(page, "ouro_pool_run_seconds", "On threads.", figures,
			 offsetof(ouro_lane_stats, run_ns));
}

/* ---- The process ---- */

static uint64_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	uint64_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 3 ? n - 3 : 0; /* itself, "." and ".." */
}

/* The nth number of a line of /proc, behind what is in parentheses. */
static uint64_t field_of(const char *path, unsigned nth)
{
	char line[1024];
	FILE *file = fopen(path, "re");
	char *at = file && fgets(line, sizeof(line), file) ? line : NULL;
	unsigned long long value = 0;

	if (at && strrchr(at, ')'))
		at = strrchr(at, ')') + 2;
	while (at && nth--) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (at)
		sscanf(at, "%llu", &value);
	if (file)
		fclose(file);
	return value;
}

/* In seconds since 1970: the kernel has it in ticks since it was started itself. */
static double start_time(void)
{
	struct timespec wall, up;
	double ticks = (double)field_of("/proc/self/stat", 19) / (double)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return round(100 * ((double)(wall.tv_sec - up.tv_sec) + ticks +
			    1e-9 * (double)(wall.tv_nsec - up.tv_nsec))) /
	       100;
}

void ouro__metrics_ask_process(struct process_figures *figures)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit;

	figures->virtual_size = page * field_of("/proc/self/statm", 0);
	figures->resident = page * field_of("/proc/self/statm", 1);
	figures->threads = field_of("/proc/self/stat", 17);
	figures->fds = count_entries("/proc/self/fd");
	figures->max_fds = getrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit.rlim_cur;
	if (!figures->known)
		figures->started = start_time();
	figures->known = true;
}

static uint64_t ns_of(struct timeval time)
{
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

/* This is asked of the kernel in no time, and no disk is in it. */
static void write_cpu(struct page_text *page)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	write_seconds(page, "process_cpu_user_seconds_total", "counter",
		      "Processor time in the program.", ns_of(usage.ru_utime));
	write_seconds(page, "process_cpu_system_seconds_total", "counter",
		      "Processor time in the kernel.", ns_of(usage.ru_stime));
	write_seconds(page, "process_cpu_seconds_total", "counter", "Both.",
		      ns_of(usage.ru_utime) + ns_of(usage.ru_stime));
}

static void write_process(struct page_text *page, const struct process_figures *figures)
{
	static const char started[] = "process_start_time_seconds";

	write_cpu(page);
	if (!figures->known)
		return;
	write_count(page, "process_resident_memory_bytes", "gauge", "Memory that it has.",
		    figures->resident);
	write_count(page, "process_virtual_memory_bytes", "gauge", "Memory that it has a name for.",
		    figures->virtual_size);
	write_count(page, "process_open_fds", "gauge", "Open descriptors.", figures->fds);
	write_count(page, "process_max_fds", "gauge", "How many there may be.", figures->max_fds);
	write_count(page, "process_threads", "gauge", "Threads.", figures->threads);
	ouro__page_family(page, started, "gauge", "When it was started, since 1970.");
	ouro__page_real(page, started, "", NULL, figures->started);
}

/* ---- The names of prom-client ---- */

static double deviation(const ouro_hist *hist)
{
	double mean = hist->count ? (double)hist->sum / (double)hist->count : 0, squares = 0;

	for (unsigned i = 0; i < OURO_HIST_BUCKETS; i++) {
		double middle = i ? 0.75 * pow(2, i) : 0;

		squares += (double)hist->bucket[i] * (middle - mean) * (middle - mean);
	}
	return hist->count ? sqrt(squares / (double)hist->count) : 0;
}

static uint64_t least(const ouro_hist *hist)
{
	for (unsigned i = 0; i < OURO_HIST_BUCKETS; i++)
		if (hist->bucket[i])
			return i ? UINT64_C(1) << (i - 1) : 0;
	return 0;
}

static void write_nodejs(struct page_text *page, const ouro_loop_stats *stats)
{
	static const char active[] = "nodejs_active_handles_total", info[] = "nodejs_version_info";
	const ouro_hist *lag = &stats->turn_ns;
	struct label_of version[] = { { "version", "ouro " OURO_VERSION_STRING }, { NULL, NULL } };
	const struct {
		const char *name;
		uint64_t ns;
	} lags[] = {
		{ "nodejs_eventloop_lag_seconds", ouro_hist_mean(lag) },
		{ "nodejs_eventloop_lag_min_seconds", least(lag) },
		{ "nodejs_eventloop_lag_max_seconds", lag->max },
		{ "nodejs_eventloop_lag_mean_seconds", ouro_hist_mean(lag) },
		{ "nodejs_eventloop_lag_stddev_seconds", (uint64_t)deviation(lag) },
		{ "nodejs_eventloop_lag_p50_seconds", ouro_hist_quantile(lag, 0.5) },
		{ "nodejs_eventloop_lag_p90_seconds", ouro_hist_quantile(lag, 0.9) },
		{ "nodejs_eventloop_lag_p99_seconds", ouro_hist_quantile(lag, 0.99) },
	};

	for (size_t i = 0; i < sizeof(lags) / sizeof(*lags); i++)
		write_seconds(page, lags[i].name, "gauge", "As ouro_eventloop_lag_seconds.",
			      lags[i].ns);
	write_count(page, active, "gauge", "Handles and timers.", stats->handles + stats->timers);
	ouro__page_family(page, info, "gauge", "What runs here in place of Node.");
	ouro__page_number(page, info, "", version, 1);
}

/* ---- All of it ---- */

void ouro__metrics_write_loop(struct metrics *metrics, struct page_text *page)
{
	struct label_of version[] = { { "version", OURO_VERSION_STRING }, { NULL, NULL } };
	ouro_pool_stats figures;
	uint64_t lines, lost;
	ouro_loop_stats stats;

	ouro_loop_get_stats(metrics->loop, &stats);
	ouro_pool_get_stats(metrics->loop, &figures);
	ouro__access_totals(metrics->loop, &lines, &lost);
	ouro__page_family(page, "ouro_version_info", "gauge", "The library.");
	ouro__page_number(page, "ouro_version_info", "", version, 1);
	write_loop(page, &stats);
	write_pool(page, &figures);
	write_count(page, "ouro_access_lines_total", "counter", "Lines in access logs.", lines);
	write_count(page, "ouro_access_lost_total", "counter", "Lines that are not in them.", lost);
	write_process(page, &metrics->process);
	if (metrics->nodejs)
		write_nodejs(page, &stats);
}
