/* trace_reader.h -- the file of a trace, as a strict reader takes it: JSON; what lies on a lane lies
 * inside of what is around it; every lane has a name, every span and every arrow its ends, and an
 * arrow's are in slices. Whatever a viewer would complain of or leave out is a test that fails. */
#ifndef TEST_TRACE_READER_H
#define TEST_TRACE_READER_H
#include "http/desk.h"
#include "ouro/fs.h"
#include "ouro/pool.h"
#include "ouro/trace.h"
#include <inttypes.h>

/* ---- A reader of JSON ---- */

static inline const char *skip_value(const char *at);

static inline const char *skip_space(const char *at)
{
	return at + strspn(at, " \n\t\r");
}

static inline const char *skip_string(const char *at)
{
	CHECK_EQ(*at++, '"');
	for (; *at != '"'; at++) {
		CHECK((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
		if (*at == '\\')
			CHECK(strchr("\"\\", *++at) != NULL);
	}
	return at + 1;
}

static inline const char *skip_number(const char *at)
{
	size_t n = strspn(at, "0123456789");

	CHECK(n && (*at != '0' || n == 1));
	at += n;
	if (*at != '.')
		return at;
	n = strspn(at + 1, "0123456789");
	CHECK(n);
	return at + 1 + n;
}

static inline const char *skip_object(const char *at)
{
	at++;
	do {
		at = skip_space(skip_string(skip_space(at)));
		CHECK_EQ(*at, ':');
		at = skip_space(skip_value(skip_space(at + 1)));
	} while (*at++ == ',');
	CHECK_EQ(at[-1], '}');
	return at;
}

static inline const char *skip_value(const char *at)
{
	if (*at == '{')
		return skip_object(at);
	if (!strncmp(at, "true", 4))
		return at + 4;
	return *at == '"' ? skip_string(at) : skip_number(at);
}

/* ---- The events in a file ---- */

struct event {
	char name[128], cat[32], ph[4], id[32];
	uint64_t from, to; /* ns */
	long pid, tid;
	const char *text; /* all of it */
	size_t len;
};

#define MOST 20000
static struct event events[MOST];
static size_t count;
static char *file;
static char folder[] = "/tmp/ouro-trace-XXXXXX", path[64];

static inline const char *member(const struct event *event, const char *name)
{
	char want[32];
	const char *at;

	CHECK(event != NULL);
	snprintf(want, sizeof(want), "\"%s\":", name);
	at = memmem(event->text, event->len, want, strlen(want));
	return at ? skip_space(at + strlen(want)) : NULL;
}

static inline void copy(const struct event *event, const char *name, char *to, size_t room)
{
	const char *at = member(event, name), *end;

	*to = 0;
	if (!at)
		return;
	end = skip_string(at);
	CHECK((size_t)(end - at) < room + 2);
	snprintf(to, room, "%.*s", (int)(end - at - 2), at + 1);
}

static inline bool says(const struct event *event, const char *name, const char *text)
{
	char value[128];

	copy(event, name, value, sizeof(value));
	return !strcmp(value, text);
}

static inline uint64_t ns_of(const struct event *event, const char *name)
{
	const char *at = member(event, name);
	uint64_t us, ns;

	CHECK(at != NULL);
	CHECK_EQ(sscanf(at, "%" SCNu64 ".%3" SCNu64, &us, &ns), 2);
	return us * 1000 + ns;
}

static inline uint64_t number(const struct event *event, const char *name)
{
	const char *at = member(event, name);

	CHECK(at != NULL);
	return strtoull(at, NULL, 10);
}

static inline void take_event(const char *at, const char *end)
{
	struct event *event = &events[count++];

	CHECK(count < MOST);
	*event = (struct event){ .text = at, .len = (size_t)(end - at) };
	copy(event, "name", event->name, sizeof(event->name));
	copy(event, "ph", event->ph, sizeof(event->ph));
	copy(event, "cat", event->cat, sizeof(event->cat));
	copy(event, "id", event->id, sizeof(event->id));
	event->pid = (long)number(event, "pid");
	event->tid = (long)number(event, "tid");
	CHECK_EQ(event->pid, getpid());
	if (*event->ph != 'M')
		event->from = ns_of(event, "ts");
	event->to = *event->ph == 'X' ? event->from + ns_of(event, "dur") : event->from;
}

/* ---- What a viewer would complain of ---- */

static inline int by_lane_and_time(const void *a, const void *b)
{
	const struct event *one = *(const struct event *const *)a;
	const struct event *other = *(const struct event *const *)b;

	if (one->tid != other->tid)
		return one->tid < other->tid ? -1 : 1;
	if (one->from != other->from)
		return one->from < other->from ? -1 : 1;
	return one < other ? -1 : 1;
}

/* A stack of ends: each slice lies in the one around it, which comes first. */
static inline void check_nesting(void)
{
	static const struct event *slices[MOST];
	uint64_t ends[16];
	size_t n = 0, depth = 0;

	for (size_t i = 0; i < count; i++)
		if (*events[i].ph == 'X')
			slices[n++] = &events[i];
	qsort(slices, n, sizeof(*slices), by_lane_and_time);
	for (size_t i = 0; i < n; i++) {
		if (i && slices[i]->tid != slices[i - 1]->tid)
			depth = 0;
		while (depth && ends[depth - 1] <= slices[i]->from)
			depth--;
		if (depth)
			CHECK(slices[i]->to <= ends[depth - 1]);
		CHECK(depth < (slices[i]->tid == getpid() ? 4 : 1));
		ends[depth++] = slices[i]->to;
	}
}

/* Nobody else has the id of that event, but those from there on to the end. */
static inline void check_alone(size_t first, size_t end)
{
	for (size_t i = 0; i < count; i++)
		CHECK((i >= first && i < end) || strcmp(events[i].id, events[first].id) != 0);
}

static inline void check_spans(void)
{
	for (size_t i = 0; i < count; i++) {
		const struct event *e = &events[i + 1];

		if (*events[i].ph != 'b')
			CHECK(*events[i].ph != 'e');
		if (*events[i].ph != 'b')
			continue;
		CHECK_STR(e->ph, "e");
		CHECK_STR(e->id, events[i].id);
		CHECK_STR(e->cat, events[i].cat);
		CHECK_STR(e->name, events[i].name);
		CHECK(e->from >= events[i].from);
		check_alone(i, i + 2);
		i++;
	}
}

static inline bool is_arrow(const struct event *event)
{
	return strlen(event->ph) == 1 && strchr("stf", *event->ph);
}

/* An end of an arrow is bound to the innermost slice around it, so there must be one. */
static inline void check_bound(const struct event *at)
{
	const struct event *slice = events;

	while (slice < events + count &&
	       !(*slice->ph == 'X' && slice->tid == at->tid && slice->from <= at->from &&
		 (slice->to > at->from || slice->to == slice->from)))
		slice++;
	CHECK(slice < events + count);
	CHECK(*at->ph == 's' || !strncmp(member(at, "bp"), "\"e\"", 3));
}

/* An arrow is s f, or s t f, in that order in the file and in time. */
static inline void check_arrows(void)
{
	for (size_t i = 0; i < count; i++) {
		size_t first = i;

		if (!is_arrow(&events[i]))
			continue;
		CHECK_STR(events[i].ph, "s");
		do {
			i++;
			CHECK(i < count && is_arrow(&events[i]) && *events[i].ph != 's');
			CHECK_STR(events[i].id, events[first].id);
			CHECK_STR(events[i].cat, events[first].cat);
			CHECK_STR(events[i].name, events[first].name);
			CHECK(events[i].from >= events[i - 1].from);
		} while (*events[i].ph != 'f');
		CHECK(i - first <= 2);
		check_alone(first, i + 1);
		for (size_t j = first; j <= i; j++)
			check_bound(&events[j]);
	}
}

/* Every lane has a name before anything is on it. */
static inline void check_lanes(void)
{
	for (size_t i = 0; i < count; i++) {
		size_t named = 0;

		while (named < i && (events[named].tid != events[i].tid ||
				     strcmp(events[named].name, "thread_name") != 0))
			named++;
		CHECK(named < i || *events[i].ph == 'M');
	}
}

static inline void check_kinds(void)
{
	for (size_t i = 0; i < count; i++) {
		CHECK(strlen(events[i].ph) == 1 && strchr("MXbestfi", *events[i].ph));
		CHECK(*events[i].name && (*events[i].cat || *events[i].ph == 'M'));
		CHECK(!*events[i].id == !strchr("bestf", *events[i].ph));
	}
}

static inline void slurp(void)
{
	FILE *f = fopen(path, "r");
	size_t room = 8 << 20, n;

	CHECK(f != NULL);
	free(file);
	file = malloc(room);
	n = fread(file, 1, room - 1, f);
	CHECK(n < room - 1);
	file[n] = 0;
	fclose(f);
}

static inline void read_trace(void)
{
	const char *at;

	slurp();
	count = 0;
	at = skip_space(file);
	CHECK_EQ(*at, '[');
	do {
		const char *from = skip_space(at + 1);

		CHECK_EQ(*from, '{');
		at = skip_object(from);
		take_event(from, at);
		at = skip_space(at);
	} while (*at == ',');
	CHECK_EQ(*at, ']');
	CHECK_STR(skip_space(at + 1), "");
	check_kinds();
	check_lanes();
	check_nesting();
	check_spans();
	check_arrows();
}

static inline const struct event *find_nth(const char *ph, const char *name, size_t nth)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(events[i].ph, ph) && !strcmp(events[i].name, name) && !nth--)
			return &events[i];
	return NULL;
}

static inline const struct event *find(const char *ph, const char *name)
{
	return find_nth(ph, name, 0);
}

static inline size_t how_many(const char *ph)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += !strcmp(events[i].ph, ph);
	return n;
}

static inline bool lies_in(const struct event *inner, const struct event *outer)
{
	return inner && outer && inner->from >= outer->from && inner->to <= outer->to;
}

/* The slice of that name around it. */
static inline const struct event *one_around(const struct event *inner, const char *name)
{
	const struct event *outer;

	for (size_t n = 0; (outer = find_nth("X", name, n)); n++)
		if (lies_in(inner, outer))
			return outer;
	CHECK(!"there is one");
	return NULL;
}

/* ---- Making one ---- */

static ouro_trace_report report;
static unsigned reports;

static inline void keep_report(ouro_loop *of, const ouro_trace_report *got, void *arg)
{
	CHECK(of != NULL && arg == &report);
	report = *got;
	reports++;
}

static inline void in_folder(void)
{
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/t.json", folder);
}

static inline void leave_folder(void)
{
	unlink(path);
	CHECK_EQ(rmdir(folder), 0);
	free(file);
}

static inline int start(ouro_loop *of, size_t buffer)
{
	return ouro_trace_start(
		of, path,
		&(ouro_trace_opts){ .on_end = keep_report, .arg = &report, .buffer = buffer });
}

static inline void await_report(ouro_loop *of)
{
	while (!reports) {
		CHECK_EQ(ouro_loop_macro(of, do_nothing, NULL), 0);
		ouro_loop_turn(of);
	}
	CHECK_EQ(reports, 1);
}

/* Ends it, and reads what came of it. */
static inline void stop(ouro_loop *of)
{
	ouro_trace_stop(of);
	CHECK_EQ(reports, 0);
	await_report(of);
	read_trace();
	CHECK_STR(events[count - 1].name, "ouro trace");
	CHECK_EQ(number(&events[count - 1], "events"), report.events);
	CHECK_EQ(number(&events[count - 1], "lost"), report.lost);
	CHECK_EQ(how_many("X") + how_many("b"), report.events);
	CHECK_EQ(strlen(file), report.bytes);
}

static inline void my_task(ouro_loop *of, void *arg)
{
	(void)of, (void)arg;
}

static inline ouro_loop *new_loop(void)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });

	CHECK(of != NULL);
	return of;
}

static inline int hang(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) == 1 ? 0 : -EIO;
}

static inline void hung(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
}

static inline bool one_runs(ouro_loop *of)
{
	ouro_pool_stats figures;

	ouro_pool_get_stats(of, &figures);
	return figures.busy == 1;
}
#endif
