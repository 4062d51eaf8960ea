/* metrics_page.c -- how a page of figures is written. See metrics.h.
 *
 * Numbers are written here and not by printf, which asks the locale what a decimal point is, and
 * needs more time than all the rest. The one exception are fractions of the user's own: what printf
 * makes of the point is put right. */
#include "app/metrics.h"
#include "base/utf8.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct page_text *page, const char *bytes, size_t n)
{
	if (!page->err)
		page->err = ouro_buf_append(page->buf, bytes, n);
}

static void put_text(struct page_text *page, const char *text)
{
	put(page, text, strlen(text));
}

/* At the end of the text; where it begins. */
static char *digits_of(char *end, uint64_t n, unsigned least)
{
	char *at = end;

	while (n || least) {
		*--at = (char)('0' + n % 10);
		n /= 10;
		least -= least > 0;
	}
	return at;
}

static void put_number(struct page_text *page, uint64_t n)
{
	char text[20], *end = text + sizeof(text), *at = digits_of(end, n, 1);

	put(page, at, (size_t)(end - at));
}

/* To the nanosecond, without zeros at the end: "1.5". */
static size_t seconds_text(char text[REAL_TEXT], uint64_t ns)
{
	char whole[20], part[9], *end = whole + sizeof(whole);
	char *at = digits_of(end, ns / NS_PER_S, 1);
	size_t n = (size_t)(end - at), digits = sizeof(part);

	memcpy(text, at, n);
	digits_of(part + sizeof(part), ns % NS_PER_S, sizeof(part));
	while (digits && part[digits - 1] == '0')
		digits--;
	if (!digits)
		return n;
	text[n++] = '.';
	memcpy(text + n, part, digits);
	return n + digits;
}

/* A locale may have any letters for the point. */
static void put_point_right(char *text)
{
	size_t before = strspn(text, "-0123456789"), odd = strcspn(text + before, "0123456789eE");

	if (!odd)
		return;
	text[before] = '.';
	memmove(text + before + 1, text + before + odd, strlen(text + before + odd) + 1);
}

void ouro__page_real_text(char text[REAL_TEXT], double value)
{
	if (isnan(value)) {
		strcpy(text, "NaN");
	} else if (isinf(value)) {
		strcpy(text, value > 0 ? "+Inf" : "-Inf");
	} else {
		snprintf(text, REAL_TEXT, "%.15g", value);
		if (strtod(text, NULL) < value || strtod(text, NULL) > value)
			snprintf(text, REAL_TEXT, "%.17g", value);
		put_point_right(text);
	}
}

/* ---- Families and samples ---- */

static void put_help(struct page_text *page, const char *help)
{
	for (; *help; help++) {
		if (*help == '\\')
			put_text(page, "\\\\");
		else if (*help == '\n')
			put_text(page, "\\n");
		else
			put(page, help, 1);
	}
}

void ouro__page_family(struct page_text *page, const char *name, const char *type, const char *help)
{
	if (help) {
		put_text(page, "# HELP ");
		put_text(page, name);
		put_text(page, " ");
		put_help(page, help);
		put_text(page, "\n");
	}
	put_text(page, "# TYPE ");
	put_text(page, name);
	put_text(page, " ");
	put_text(page, type);
	put_text(page, "\n");
}

/* How much of it goes as it is. */
static size_t plain_part(const char *value)
{
	size_t n = strcspn(value, "\\\"\n"), at = 0, length;

	if (ouro__is_utf8(value, n))
		return n;
	while ((length = ouro__utf8_first(value + at, n - at)))
		at += length;
	return at;
}

/* One byte that no page is read with whole is enough to lose them all: it becomes U+FFFD. */
static void put_value(struct page_text *page, const char *value)
{
	for (;; value++) {
		size_t plain = plain_part(value);

		put(page, value, plain);
		value += plain;
		if (!*value)
			break;
		put_text(page, *value == '\n'   ? "\\n"
			       : *value == '"'  ? "\\\""
			       : *value == '\\' ? "\\\\"
						: "\xef\xbf\xbd");
	}
}

static void put_labels(struct page_text *page, const struct label_of *labels, const char *le)
{
	const char *between = "{";

	for (; labels && labels->name; labels++, between = ",") {
		put_text(page, between);
		put_text(page, labels->name);
		put_text(page, "=\"");
		put_value(page, labels->value);
		put_text(page, "\"");
	}
	if (le) {
		put_text(page, between);
		put_text(page, "le=\"");
		put_text(page, le);
		put_text(page, "\"");
		between = ",";
	}
	if (*between == ',')
		put_text(page, "}");
}

static void put_name(struct page_text *page, const char *name, const char *suffix,
		     const struct label_of *labels, const char *le)
{
	put_text(page, name);
	put_text(page, suffix);
	put_labels(page, labels, le);
	put_text(page, " ");
}

void ouro__page_number(struct page_text *page, const char *name, const char *suffix,
		       const struct label_of *labels, uint64_t value)
{
	put_name(page, name, suffix, labels, NULL);
	put_number(page, value);
	put_text(page, "\n");
}

void ouro__page_bucket(struct page_text *page, const char *name, const struct label_of *labels,
		       const char *le, uint64_t value)
{
	put_name(page, name, "_bucket", labels, le);
	put_number(page, value);
	put_text(page, "\n");
}

void ouro__page_real(struct page_text *page, const char *name, const char *suffix,
		     const struct label_of *labels, double value)
{
	char text[REAL_TEXT];

	ouro__page_real_text(text, value);
	put_name(page, name, suffix, labels, NULL);
	put_text(page, text);
	put_text(page, "\n");
}

void ouro__page_seconds(struct page_text *page, const char *name, const char *suffix,
			const struct label_of *labels, uint64_t ns)
{
	char text[REAL_TEXT];

	put_name(page, name, suffix, labels, NULL);
	put(page, text, seconds_text(text, ns));
	put_text(page, "\n");
}

/* Each bound counts what is below it, too. */
void ouro__page_hist(struct page_text *page, const char *name, const struct label_of *labels,
		     const uint64_t *bucket, uint64_t sum_ns, unsigned first, unsigned last)
{
	uint64_t below = 0;
	char le[REAL_TEXT];

	for (unsigned i = 0; i < OURO_HIST_BUCKETS; i++) {
		below += bucket[i];
		if (i < first || i > last)
			continue;
		le[seconds_text(le, (UINT64_C(1) << i) - 1)] = 0;
		ouro__page_bucket(page, name, labels, le, below);
	}
	ouro__page_bucket(page, name, labels, "+Inf", below);
	ouro__page_seconds(page, name, "_sum", labels, sum_ns);
	ouro__page_number(page, name, "_count", labels, below);
}
