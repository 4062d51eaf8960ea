/* metric.c -- figures of the user's own. See ouro/metrics.h, metrics.h.
 *
 * A family is a name; its series are what differs in the labels' values, and are found by those in a
 * hash table. A family without labels is its own and only series. What there is no room for goes
 * to a series that is on no page, so that nobody has to ask whether there was. */
#include "app/metrics.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/utf8.h"
#include <errno.h>
#include <math.h>
#include <string.h>

#define LABELS_MAX 8
#define BOUNDS_MAX 64

struct ouro_metric {
	struct list link;         /* of its family */
	struct ouro_metric *next; /* in its bucket */
	struct family *family;
	bool is_series; /* has figures, not only a name */
	double value;   /* a histogram's sum */
	uint64_t count;
	uint64_t *bucket; /* of a histogram: not added up */
	uint32_t hash;
	size_t key_len;
	char key[]; /* the values, a zero behind each */
};

struct family {
	struct list link;
	struct metrics *metrics;
	ouro_metric_kind kind;
	char *name, *help;
	char *labels[LABELS_MAX + 1];
	double *bounds;
	size_t bounds_count;
	ouro_metric_fn *fn;
	void *arg;
	unsigned series_max, series_count;
	struct list series;
	struct ouro_metric **buckets;
	uint32_t mask;
	struct ouro_metric *root, *nowhere;
};

/* ---- What may be opened ---- */

static bool is_name(const char *name, const char *others)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (!*name || !(strchr(first, *name) || strchr(others, *name)))
		return false;
	for (; *name; name++)
		if (!strchr(first, *name) && !strchr(others, *name) && !strchr("0123456789", *name))
			return false;
	return true;
}

static const char *wrong_labels(const ouro_metric_opts *opts)
{
	size_t n = 0;

	for (; opts->labels && opts->labels[n]; n++) {
		if (n == LABELS_MAX)
			return "it has more than 8 labels";
		if (!is_name(opts->labels[n], "") || !strncmp(opts->labels[n], "__", 2))
			return "a label's name is none";
		if (opts->kind == OURO_METRIC_HISTOGRAM && !strcmp(opts->labels[n], "le"))
			return "a histogram has a label le already";
		for (size_t i = 0; i < n; i++)
			if (!strcmp(opts->labels[i], opts->labels[n]))
				return "two labels have one name";
	}
	return n && opts->fn ? "it has labels and a function" : NULL;
}

static const char *wrong_bounds(const ouro_metric_opts *opts)
{
	if (!opts->bounds_count && !opts->bounds)
		return NULL;
	if (opts->kind != OURO_METRIC_HISTOGRAM)
		return "it is no histogram and has bounds";
	if (!opts->bounds || !opts->bounds_count || opts->bounds_count > BOUNDS_MAX)
		return "it has no bounds, or more than 64";
	for (size_t i = 0; i < opts->bounds_count; i++)
		if (!isfinite(opts->bounds[i]) || (i && !(opts->bounds[i] > opts->bounds[i - 1])))
			return "its bounds do not grow";
	return NULL;
}

static const char *wrong(const ouro_metric_opts *opts)
{
	const char *why;

	if (!opts || !opts->name || !is_name(opts->name, ":"))
		return "its name is none";
	if ((unsigned)opts->kind > OURO_METRIC_HISTOGRAM)
		return "there is no such kind";
	if (opts->fn && opts->kind == OURO_METRIC_HISTOGRAM)
		return "a histogram has no function";
	why = wrong_labels(opts);
	return why ? why : wrong_bounds(opts);
}

/* Do the samples of a histogram have the name? */
static bool has_sample(const char *histogram, const char *name)
{
	size_t n = strlen(histogram);

	return !strncmp(histogram, name, n) &&
	       (!strcmp(name + n, "_bucket") || !strcmp(name + n, "_sum") ||
		!strcmp(name + n, "_count"));
}

static bool is_taken(const struct metrics *metrics, const ouro_metric_opts *opts)
{
	static const char *const ours[] = { "ouro_", "process_", "nodejs_",
					    "http_server_request_duration_seconds" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strncmp(opts->name, ours[i], strlen(ours[i])))
			return true;
	list_each (at, &metrics->own) {
		const struct family *other = list_of(at, struct family, link);

		if (!strcmp(other->name, opts->name) ||
		    (other->kind == OURO_METRIC_HISTOGRAM && has_sample(other->name, opts->name)) ||
		    (opts->kind == OURO_METRIC_HISTOGRAM && has_sample(opts->name, other->name)))
			return true;
	}
	return false;
}

/* ---- Series ---- */

static void free_series(struct ouro_metric *series)
{
	if (series)
		ouro__free(series->bucket);
	ouro__free(series);
}

static struct ouro_metric *make_series(struct family *family, ouro_str key)
{
	struct ouro_metric *series = ouro__alloc(sizeof(*series) + key.len);
	size_t buckets = family->bounds_count + 1;

	if (!series)
		return NULL;
	list_init(&series->link);
	series->family = family;
	series->is_series = true;
	series->key_len = key.len;
	if (key.len)
		memcpy(series->key, key.ptr, key.len);
	if (family->kind != OURO_METRIC_HISTOGRAM)
		return series;
	series->bucket = ouro__alloc(buckets * sizeof(*series->bucket));
	if (series->bucket)
		return series;
	free_series(series);
	return NULL;
}

/* A value as it will be on the page, and the zero behind it. */
static int add_value(ouro_buf *key, const char *value)
{
	size_t left = strlen(value), length;
	int err = 0;

	while (!err && left) {
		length = ouro__utf8_first(value, left);
		if (length) {
			err = ouro_buf_append(key, value, length);
		} else {
			err = ouro_buf_append(key, "\xef\xbf\xbd", 3);
			length = 1;
		}
		value += length;
		left -= length;
	}
	return err ? err : ouro_buf_append(key, "", 1);
}

static uint32_t hash_of(ouro_str key)
{
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.ptr[i]) * UINT32_C(16777619);
	return hash;
}

static struct ouro_metric *find(const struct family *family, ouro_str key, uint32_t hash)
{
	struct ouro_metric *series = family->buckets[hash & family->mask];

	while (series && (series->hash != hash || series->key_len != key.len ||
			  memcmp(series->key, key.ptr, key.len) != 0))
		series = series->next;
	return series;
}

static struct ouro_metric *add_series(struct family *family, ouro_str key, uint32_t hash)
{
	struct ouro_metric **bucket = &family->buckets[hash & family->mask], *series;

	if (family->series_count >= family->series_max)
		return NULL;
	series = make_series(family, key);
	if (!series)
		return NULL;
	series->hash = hash;
	series->next = *bucket;
	*bucket = series;
	list_push(&family->series, &series->link);
	family->series_count++;
	return series;
}

ouro_metric *ouro_metric_with(ouro_metric *metric, const char *const *values)
{
	struct family *family = metric->family;
	struct metrics *metrics = family->metrics;
	struct ouro_metric *series = NULL;
	int err = 0;

	if (!family->labels[0])
		return metric;
	ouro_buf_cut(metrics->key, 0);
	for (int i = 0; !err && family->labels[i]; i++)
		err = add_value(metrics->key, values[i] ? values[i] : "");
	if (!err) {
		ouro_str key = ouro_buf_str(metrics->key);
		uint32_t hash = hash_of(key);

		series = find(family, key, hash);
		if (!series)
			series = add_series(family, key, hash);
	}
	if (series)
		return series;
	metrics->dropped++;
	return family->nowhere;
}

/* ---- Opening ---- */

static void free_family(struct family *family)
{
	struct list *link;

	list_remove(&family->link);
	while ((link = list_shift(&family->series)))
		free_series(list_of(link, struct ouro_metric, link));
	for (int i = 0; i < LABELS_MAX; i++)
		ouro__free(family->labels[i]);
	free_series(family->root);
	free_series(family->nowhere);
	ouro__free(family->buckets);
	ouro__free(family->bounds);
	ouro__free(family->name);
	ouro__free(family->help);
	ouro__free(family);
}

static int copy_bounds(struct family *family, const ouro_metric_opts *opts)
{
	static const double usual[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };
	size_t size;

	if (family->kind != OURO_METRIC_HISTOGRAM)
		return 0;
	family->bounds_count = opts->bounds ? opts->bounds_count : sizeof(usual) / sizeof(*usual);
	size = family->bounds_count * sizeof(*family->bounds);
	family->bounds = ouro__alloc(size);
	if (!family->bounds)
		return -ENOMEM;
	memcpy(family->bounds, opts->bounds ? opts->bounds : usual, size);
	return 0;
}

static int make_table(struct family *family)
{
	uint32_t size = 16;

	while (size < family->series_max / 2 && size < 4096)
		size *= 2;
	family->mask = size - 1;
	family->buckets = ouro__alloc(size * sizeof(struct ouro_metric *));
	return family->buckets ? 0 : -ENOMEM;
}

static int fill_in(struct family *family, const ouro_metric_opts *opts)
{
	const ouro_str none = { NULL, 0 };
	int err;

	family->kind = opts->kind;
	family->fn = opts->fn;
	family->arg = opts->arg;
	family->series_max = opts->series_max ? opts->series_max : SERIES_MAX;
	family->name = ouro__strdup(opts->name);
	family->help = opts->help ? ouro__strdup(opts->help) : NULL;
	err = family->name && (family->help || !opts->help) ? 0 : -ENOMEM;
	for (int i = 0; !err && opts->labels && opts->labels[i]; i++) {
		family->labels[i] = ouro__strdup(opts->labels[i]);
		err = family->labels[i] ? 0 : -ENOMEM;
	}
	if (!err)
		err = copy_bounds(family, opts);
	if (!err && family->labels[0])
		err = make_table(family);
	if (err)
		return err;
	family->root = make_series(family, none);
	family->nowhere = family->labels[0] ? make_series(family, none) : NULL;
	if (!family->root || (family->labels[0] && !family->nowhere))
		return -ENOMEM;
	family->root->is_series = !family->labels[0];
	return 0;
}

static int refuse(const ouro_loop *loop, const ouro_metric_opts *opts, int err, const char *why)
{
	ouro__log(&loop->log, OURO_LOG_ERROR, "metric %s: %s",
		  opts && opts->name ? opts->name : "without a name", why);
	return err;
}

int ouro_metric_open(ouro_loop *loop, const ouro_metric_opts *opts, ouro_metric **ret_metric)
{
	struct metrics *metrics;
	struct family *family;
	const char *why = wrong(opts);
	int err;

	if (why)
		return refuse(loop, opts, -EINVAL, why);
	metrics = ouro__metrics_of(loop);
	if (metrics && is_taken(metrics, opts))
		return refuse(loop, opts, -EEXIST, "there is one of that name");
	family = metrics ? ouro__alloc(sizeof(*family)) : NULL;
	if (!family)
		return -ENOMEM;
	list_init(&family->link);
	list_init(&family->series);
	family->metrics = metrics;
	err = fill_in(family, opts);
	if (err) {
		free_family(family);
		return err;
	}
	list_push(&metrics->own, &family->link);
	*ret_metric = family->root;
	return 0;
}

void ouro__metrics_free_own(struct metrics *metrics)
{
	struct list *link;

	while ((link = metrics->own.next) != &metrics->own)
		free_family(list_of(link, struct family, link));
}

/* ---- Counting ---- */

static bool takes(const ouro_metric *metric, bool right_kind)
{
	return metric->is_series && right_kind && !metric->family->fn;
}

int ouro_metric_add(ouro_metric *metric, double value)
{
	ouro_metric_kind kind = metric->family->kind;

	if (!takes(metric, kind != OURO_METRIC_HISTOGRAM) ||
	    (kind == OURO_METRIC_COUNTER && !(value >= 0)))
		return -EINVAL;
	metric->value += value;
	return 0;
}

int ouro_metric_set(ouro_metric *metric, double value)
{
	if (!takes(metric, metric->family->kind == OURO_METRIC_GAUGE))
		return -EINVAL;
	metric->value = value;
	return 0;
}

int ouro_metric_observe(ouro_metric *metric, double value)
{
	const struct family *family = metric->family;
	size_t i = 0;

	if (!takes(metric, family->kind == OURO_METRIC_HISTOGRAM) || isnan(value))
		return -EINVAL;
	while (i < family->bounds_count && value > family->bounds[i])
		i++;
	metric->bucket[i]++;
	metric->count++;
	metric->value += value;
	return 0;
}

/* ---- On the page ---- */

static void write_histogram(struct page_text *page, const struct ouro_metric *series,
			    const struct label_of *labels)
{
	const struct family *family = series->family;
	char le[REAL_TEXT];
	uint64_t below = 0;

	for (size_t i = 0; i < family->bounds_count; i++) {
		below += series->bucket[i];
		ouro__page_real_text(le, family->bounds[i]);
		ouro__page_bucket(page, family->name, labels, le, below);
	}
	ouro__page_bucket(page, family->name, labels, "+Inf", series->count);
	ouro__page_real(page, family->name, "_sum", labels, series->value);
	ouro__page_number(page, family->name, "_count", labels, series->count);
}

static void write_series(struct page_text *page, const struct ouro_metric *series)
{
	const struct family *family = series->family;
	struct label_of labels[LABELS_MAX + 1] = { { NULL, NULL } };
	const char *value = series->key;

	for (int i = 0; series->key_len && family->labels[i]; i++) {
		labels[i] = (struct label_of){ family->labels[i], value };
		value += strlen(value) + 1;
	}
	if (family->kind == OURO_METRIC_HISTOGRAM)
		write_histogram(page, series, labels);
	else
		ouro__page_real(page, family->name, "", labels,
				family->fn ? family->fn(family->arg) : series->value);
}

void ouro__metrics_write_own(struct metrics *metrics, struct page_text *page)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	list_each (at, &metrics->own) {
		const struct family *family = list_of(at, struct family, link);

		ouro__page_family(page, family->name, types[family->kind], family->help);
		if (family->root->is_series)
			write_series(page, family->root);
		list_each (link, &family->series)
			write_series(page, list_of(link, struct ouro_metric, link));
	}
}
