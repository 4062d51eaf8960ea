/* metrics.h -- the page of figures, and who has what to say on it. See ouro/metrics.h.
 *
 *     metrics.c        the handler; what the process is asked for by the pool
 *     metrics_page.c   how a page is written
 *     metrics_loop.c   the loop, its pool, the process
 *     metrics_crew.c   crews and their jobs
 *     metrics_http.c   servers that are attached, and their requests
 *     metric.c         the user's own
 *
 * All that is kept is on one attachment of the loop, made when somebody asks for it first. */
#ifndef OURO__METRICS_H
#define OURO__METRICS_H
#include "http/server.h"
#include "loop/loop.h"
#include "ouro/metrics.h"
#include "ouro/str.h"

/* ---- A page ---- */

/* It keeps the first error, and is harmless after it. */
struct page_text {
	ouro_buf *buf;
	int err;
};

/* A label and its value, which is escaped, and made UTF-8; a list ends with a NULL name. */
struct label_of {
	const char *name, *value;
};

/* HELP (NULL: none) and TYPE of a family, whose samples follow. */
void ouro__page_family(struct page_text *page, const char *name, const char *type,
		       const char *help);

/* A sample: `name` with `suffix` ("_sum"); labels NULL: none. */
void ouro__page_number(struct page_text *page, const char *name, const char *suffix,
		       const struct label_of *labels, uint64_t value);
void ouro__page_real(struct page_text *page, const char *name, const char *suffix,
		     const struct label_of *labels, double value);
void ouro__page_seconds(struct page_text *page, const char *name, const char *suffix,
			const struct label_of *labels, uint64_t ns);

/* A whole histogram of nanoseconds, as seconds: the samples. Its bounds are 2^first - 1 to
 * 2^last - 1. bucket[i] counts the values below 2^i that bucket[i - 1] does not, for all 64. */
void ouro__page_hist(struct page_text *page, const char *name, const struct label_of *labels,
		     const uint64_t *bucket, uint64_t sum_ns, unsigned first, unsigned last);

/* One bucket of one, which counts what is below it, too. */
void ouro__page_bucket(struct page_text *page, const char *name, const struct label_of *labels,
		       const char *le, uint64_t value);

/* As in a sample. */
#define REAL_TEXT 32
void ouro__page_real_text(char text[REAL_TEXT], double value);

/* ---- What is kept ---- */

/* What the kernel knows of the process; a pool thread's while it is out. */
struct process_figures {
	bool known;
	uint64_t resident, virtual_size, fds, max_fds, threads;
	double started; /* seconds since 1970 */
};

#define SERIES_MAX 1000

struct metrics {
	struct attachment base;
	struct ouro_loop *loop;
	bool nodejs;
	ouro_buf *page; /* the handler's, used again */
	ouro_buf *key;  /* of a series that is looked for */

	struct process_figures process;
	uint64_t process_at; /* when it was asked last */
	bool process_out;
	struct list waiters; /* requests for the page */

	struct list hooks;  /* at servers */
	struct list series; /* of requests */
	struct list own;    /* the user's families, in the order of opening */
	unsigned series_count;
	struct request_series *other;
	ouro_server_stats ended; /* of servers that are no more */
	uint64_t dropped;
};

/* NULL: no memory. */
struct metrics *ouro__metrics_of(ouro_loop *loop);

/* On a pool thread. */
void ouro__metrics_ask_process(struct process_figures *figures);

void ouro__metrics_write_loop(struct metrics *metrics, struct page_text *page);
void ouro__metrics_write_crews(struct metrics *metrics, struct page_text *page);
void ouro__metrics_write_http(struct metrics *metrics, struct page_text *page);
void ouro__metrics_write_own(struct metrics *metrics, struct page_text *page);

void ouro__metrics_free_http(struct metrics *metrics);
void ouro__metrics_free_own(struct metrics *metrics);
#endif
