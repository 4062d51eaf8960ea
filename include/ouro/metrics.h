/* metrics.h -- figures for Prometheus: a page of text, of the format 0.0.4.
 *
 *     { "GET", "/metrics", ouro_metrics_serve },          in a table of routes
 *     ...
 *     err = ouro_metrics_attach(server);                  requests by method, route and status
 *
 * What is counted is counted all the time, by counters and histograms that are never reset; asking
 * for the page only writes it down, which takes as long as the page is long, and waits for nothing on
 * the loop. Prefixes of the names: ouro_eventloop_ (lag, phases, busy and idle), ouro_pool_,
 * ouro_jobs_, ouro_job_ and ouro_crew_ (crews, if the loop has any), ouro_http_ and http_server_
 * (servers that are attached), ouro_access_ (lines of access logs), process_. Times are in seconds.
 * With OURO_METRICS_COMPAT=nodejs in the environment there are the nodejs_ names of prom-client, too,
 * for boards that ask for them.
 *
 * A histogram's bounds are powers of two of a nanosecond: `le="0.001048575"`, about a millisecond,
 * counts all up to 2^20 - 1 ns.
 *
 * Of the loop's crews:
 *
 *     ouro_jobs_queued{crew}            calls not begun
 *     ouro_jobs_running{crew}           calls begun and not answered
 *     ouro_jobs_total{crew,job,result}  calls answered: done, failed, crashed, cancelled, timed_out
 *     ouro_job_wait_seconds{crew,job}   histogram, from the asking to the start
 *     ouro_job_run_seconds{crew,job}    histogram; both of runs that have come to their end
 *     ouro_crew_runner_busy_seconds_total{crew,runner}
 *                                       in such runs; it grows when one ends; runners from 1
 *     ouro_crew_killed_total{crew}, ouro_crew_retried_total{crew}, ouro_crew_recycled_total{crew}
 *                                       as in ouro_crew_stats
 *
 * The first 100 jobs of a crew's table have lines of their own; the others, and names that are no
 * job, are _OTHER in ouro_jobs_total and in no histogram. Of crews with one name the second has a
 * label more, twin="2", and so on (ouro_crew_stats.twin): sums by (crew) have them all. The figures
 * go when the crew goes. A value that is no UTF-8 has U+FFFD in its place.
 *
 * All of it on the loop's thread. */
#ifndef OURO_METRICS_H
#define OURO_METRICS_H
#include "ouro/http.h"
OURO_BEGIN

/* A handler: answers with the page of the request's loop. What the kernel knows of the process is
 * asked for by the pool meanwhile; when that takes longer than half a second, the page has what it
 * knew the last time. arg is not used. */
OURO_API void ouro_metrics_serve(ouro_req *req, void *arg);

/* Appends the page. What is known of the process is what the pool has found last; it is asked anew,
 * at most once a second. 0; -ENOMEM, and the buffer is as it was. */
OURO_API int ouro_metrics_write(ouro_loop *loop, ouro_buf *buf) OURO_MUST_CHECK;

/* Counts the answers of a server from now on, in http_server_request_duration_seconds{method,route,
 * status}: the route is its path in the table, "/users/:id", or "" where none took the request; a
 * method that RFC 9110 and 5789 do not know is _OTHER. From the 1,000th combination of these on all
 * that is new is counted as _OTHER, in all three, and in ouro_metrics_dropped_total, too. The server
 * may be closed; its figures stay. Attached twice is attached once. 0, -ENOMEM; OURO_ECLOSED. */
OURO_API int ouro_metrics_attach(ouro_server *server) OURO_MUST_CHECK;

/* ---- Figures of your own ---- */

typedef struct ouro_metric ouro_metric;

typedef enum ouro_metric_kind {
	OURO_METRIC_COUNTER,  /* only grows; its name should end with _total */
	OURO_METRIC_GAUGE,    /* is what it is */
	OURO_METRIC_HISTOGRAM /* how many were no more than each bound */
} ouro_metric_kind;

typedef double ouro_metric_fn(void *arg);

typedef struct ouro_metric_opts {
	const char        *name;   /* letters, digits, _ and :, no digit first; copied, as all is */
	const char        *help;   /* a sentence; NULL: none */
	ouro_metric_kind   kind;   /* OURO_METRIC_COUNTER */
	const char *const *labels; /* names of labels, the last NULL; 8 at most; NULL: none */
	const double      *bounds; /* of a histogram, growing; NULL: 0.005, 0.01, 0.025, ... 10 */
	size_t             bounds_count; /* 64 at most */
	ouro_metric_fn
		*fn;  /* of a counter or gauge without labels: asked when the page is written */
	void    *arg; /* handed to fn */
	unsigned
		series_max; /* combinations of labels; 0: 1000; what is more is dropped and counted */
} ouro_metric_opts;

/* Lives as long as the loop. 0, or -ENOMEM; -EEXIST: there is one of that name, or the name is one of
 * ouro's; -EINVAL: names that are none, bounds that do not grow, and the like. The last two are told
 * to the loop's on_log in words. */
OURO_API int ouro_metric_open(ouro_loop *loop, const ouro_metric_opts *opts,
			      ouro_metric **ret_metric) OURO_MUST_CHECK;

/* The one with these values of its labels, as many as it has names; copied; anything that is no UTF-8
 * in them becomes U+FFFD, and NULL (a parameter for which there was no memory) is empty. It may be
 * kept, and is found in a table. Never NULL: over series_max, or without memory, it is one that goes
 * nowhere, and ouro_metrics_dropped_total counts that. */
OURO_API ouro_metric *ouro_metric_with(ouro_metric *metric, const char *const *values);

/* A counter or gauge grows; a gauge becomes; a histogram sees one more. 0; -EINVAL: it is of another
 * kind, or has labels and was not asked for `with` values; it has a fn; a counter would shrink. */
OURO_API int ouro_metric_add(ouro_metric *metric, double value);
OURO_API int ouro_metric_set(ouro_metric *metric, double value);
OURO_API int ouro_metric_observe(ouro_metric *metric, double value);
OURO_END
#endif
