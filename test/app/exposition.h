/* exposition.h -- a strict reader of what Prometheus reads, format 0.0.4.
 *
 * Stricter than Prometheus itself: families are in one piece and of one type, counters end with
 * _total and are not negative, no series is there twice, and a histogram is whole: its bounds grow,
 * its counts do, +Inf is the count. What is not so ends the test with the line that it is about. */
#ifndef EXPOSITION_H
#define EXPOSITION_H
#include "test.h"
#include <ctype.h>
#include <math.h>

#define EXPO_SERIES 8192

struct expo_sample {
	char name[128], labels[512]; /* without le */
	char le[32];
	double value;
};

struct expo {
	char family[128], type[16];
	char families[256][128];
	unsigned family_count, count;
	struct expo_sample samples[EXPO_SERIES];
	const char *line;
};

#define EXPO_CHECK(truth)                                      \
	((truth) ? (void)0                                     \
		 : (fprintf(stderr, "# in: %s\n", expo->line), \
		    test_fail(__FILE__, __LINE__, #truth)))

static inline size_t expo_name(struct expo *expo, const char *at, bool colon)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_' || (colon && at[n] == ':'))
		n++;
	EXPO_CHECK(n && n < 128 && !isdigit((unsigned char)*at));
	return n;
}

/* Behind `# TYPE ` or `# HELP `. */
static inline void expo_comment(struct expo *expo, const char *at)
{
	bool type = !strncmp(at, "# TYPE ", 7);
	size_t n;

	EXPO_CHECK(type || !strncmp(at, "# HELP ", 7));
	at += 7;
	n = expo_name(expo, at, true);
	EXPO_CHECK(at[n] == ' ' && at[n + 1]);
	if (strlen(expo->family) != n || strncmp(expo->family, at, n) != 0) {
		for (unsigned i = 0; i < expo->family_count; i++)
			EXPO_CHECK(strlen(expo->families[i]) != n ||
				   strncmp(expo->families[i], at, n) != 0);
		EXPO_CHECK(expo->family_count < 256);
		snprintf(expo->family, sizeof(expo->family), "%.*s", (int)n, at);
		strcpy(expo->families[expo->family_count++], expo->family);
		expo->type[0] = 0;
	} else {
		EXPO_CHECK(type && !expo->type[0]); /* HELP, then TYPE, and no more */
	}
	if (!type)
		return;
	snprintf(expo->type, sizeof(expo->type), "%s", at + n + 1);
	EXPO_CHECK(!strcmp(expo->type, "counter") || !strcmp(expo->type, "gauge") ||
		   !strcmp(expo->type, "histogram"));
	EXPO_CHECK(!strcmp(expo->type, "counter") == (n > 6 && !strncmp(at + n - 6, "_total", 6)));
}

/* "name=\"value\"," from *at on; le goes to its own place. */
static inline void expo_label(struct expo *expo, struct expo_sample *sample, const char **at)
{
	const char *name = *at, *value;
	size_t n = expo_name(expo, name, false);
	bool is_le = n == 2 && !strncmp(name, "le", 2);

	EXPO_CHECK(name[n] == '=' && name[n + 1] == '"');
	value = name + n + 2;
	for (*at = value; **at != '"'; ++*at) {
		EXPO_CHECK(**at && (unsigned char)**at >= 0x20);
		if (**at == '\\') {
			++*at;
			EXPO_CHECK(**at == '\\' || **at == '"' || **at == 'n');
		}
	}
	if (is_le)
		snprintf(sample->le, sizeof(sample->le), "%.*s", (int)(*at - value), value);
	else
		snprintf(sample->labels + strlen(sample->labels),
			 sizeof(sample->labels) - strlen(sample->labels), "%s%.*s",
			 sample->labels[0] ? "," : "", (int)(*at + 1 - name), name);
	++*at;
}

static inline void expo_sample_of(struct expo *expo, const char *at)
{
	struct expo_sample *sample = &expo->samples[expo->count];
	size_t n = expo_name(expo, at, true), family = strlen(expo->family);
	char *end;

	EXPO_CHECK(expo->count < EXPO_SERIES && expo->type[0]);
	memset(sample, 0, sizeof(*sample));
	snprintf(sample->name, sizeof(sample->name), "%.*s", (int)n, at);
	EXPO_CHECK(!strncmp(sample->name, expo->family, family));
	if (!strcmp(expo->type, "histogram"))
		EXPO_CHECK(!strcmp(sample->name + family, "_bucket") ||
			   !strcmp(sample->name + family, "_sum") ||
			   !strcmp(sample->name + family, "_count"));
	else
		EXPO_CHECK(!sample->name[family]);
	at += n;
	if (*at == '{') {
		do {
			at++;
			expo_label(expo, sample, &at);
		} while (*at == ',');
		EXPO_CHECK(*at++ == '}');
	}
	EXPO_CHECK(*at++ == ' ' && !isspace((unsigned char)*at));
	sample->value = strtod(at, &end);
	EXPO_CHECK(end > at && !*end);
	EXPO_CHECK(strcmp(expo->type, "gauge") == 0 || sample->value >= 0);
	for (unsigned i = 0; i < expo->count; i++)
		EXPO_CHECK(strcmp(expo->samples[i].name, sample->name) != 0 ||
			   strcmp(expo->samples[i].labels, sample->labels) != 0 ||
			   strcmp(expo->samples[i].le, sample->le) != 0);
	expo->count++;
}

/* Buckets come in order, then sum, then count, of one series. */
static inline void expo_whole(struct expo *expo)
{
	const struct expo_sample *before = NULL;

	expo->line = "a histogram";
	for (unsigned i = 0; i < expo->count; i++) {
		const struct expo_sample *at = &expo->samples[i];
		bool same = before && !strcmp(before->labels, at->labels);

		if (at->le[0]) {
			expo->line = at->name;
			EXPO_CHECK(!strcmp(at->name + strlen(at->name) - 7, "_bucket"));
			if (before && before->le[0]) {
				EXPO_CHECK(same && at->value >= before->value);
				EXPO_CHECK(strtod(at->le, NULL) > strtod(before->le, NULL));
			}
			before = at;
		} else if (before && before->le[0]) {
			EXPO_CHECK(same && !strcmp(before->le, "+Inf"));
			EXPO_CHECK(strstr(at->name, "_sum") && i + 1 < expo->count);
			EXPO_CHECK(strstr(at[1].name, "_count"));
			EXPO_CHECK(!(at[1].value < before->value) &&
				   !(at[1].value > before->value));
			EXPO_CHECK(!strcmp(at[1].labels, at->labels));
			before = NULL;
		}
	}
}

/* The page, read; static: the next call forgets it. */
static inline struct expo *expo_read(const char *page)
{
	static struct expo one;
	struct expo *expo = &one;
	char *copy = strdup(page), *next;

	expo->family[0] = expo->type[0] = 0;
	expo->family_count = expo->count = 0;
	CHECK(*page && page[strlen(page) - 1] == '\n');
	for (char *line = copy; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = 0;
		expo->line = line;
		if (*line == '#')
			expo_comment(expo, line);
		else
			expo_sample_of(expo, line);
	}
	expo_whole(expo);
	free(copy);
	return expo;
}

/* Its value; labels as in the page, without le; NAN: it is not there. */
static inline double expo_bucket(const struct expo *expo, const char *name, const char *labels,
				 const char *le)
{
	for (unsigned i = 0; i < expo->count; i++)
		if (!strcmp(expo->samples[i].name, name) &&
		    !strcmp(expo->samples[i].labels, labels) && !strcmp(expo->samples[i].le, le))
			return expo->samples[i].value;
	return (double)NAN;
}

static inline double expo_value(const struct expo *expo, const char *name, const char *labels)
{
	return expo_bucket(expo, name, labels, "");
}

static inline bool expo_has(const struct expo *expo, const char *family)
{
	for (unsigned i = 0; i < expo->family_count; i++)
		if (!strcmp(expo->families[i], family))
			return true;
	return false;
}
#endif
