/* trace.c -- the file of a trace, as a strict reader takes it: JSON; what lies on a lane lies inside
 * of what is around it; every span has two ends. */
#include "ouro/trace.h"
#include "http/desk.h"
#include "ouro/fs.h"
#include "ouro/pool.h"
#include <inttypes.h>
#include <sys/resource.h>

/* ---- A reader of JSON ---- */

static const char *skip_value(const char *at);

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \n\t\r");
}

static const char *skip_string(const char *at)
{
	CHECK_EQ(*at++, '"');
	for (; *at != '"'; at++) {
		CHECK((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
		if (*at == '\\')
			CHECK(strchr("\"\\", *++at) != NULL);
	}
	return at + 1;
}

static const char *skip_number(const char *at)
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

static const char *skip_object(const char *at)
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

static const char *skip_value(const char *at)
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

static const char *member(const struct event *event, const char *name)
{
	char want[32];
	const char *at;

	snprintf(want, sizeof(want), "\"%s\":", name);
	at = memmem(event->text, event->len, want, strlen(want));
	return at ? skip_space(at + strlen(want)) : NULL;
}

static void copy(const struct event *event, const char *name, char *to, size_t room)
{
	const char *at = member(event, name), *end;

	*to = 0;
	if (!at)
		return;
	end = skip_string(at);
	CHECK((size_t)(end - at) < room + 2);
	snprintf(to, room, "%.*s", (int)(end - at - 2), at + 1);
}

static uint64_t ns_of(const struct event *event, const char *name)
{
	const char *at = member(event, name);
	uint64_t us, ns;

	CHECK(at != NULL);
	CHECK_EQ(sscanf(at, "%" SCNu64 ".%3" SCNu64, &us, &ns), 2);
	return us * 1000 + ns;
}

static uint64_t number(const struct event *event, const char *name)
{
	const char *at = member(event, name);

	CHECK(at != NULL);
	return strtoull(at, NULL, 10);
}

static void take_event(const char *at, const char *end)
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

/* A stack of ends: each slice lies in the one around it, which comes first. */
static void check_nesting(void)
{
	uint64_t ends[16], last = 0;
	size_t depth = 0;

	for (size_t i = 0; i < count; i++) {
		if (*events[i].ph != 'X')
			continue;
		CHECK(events[i].from >= last);
		last = events[i].from;
		while (depth && ends[depth - 1] <= events[i].from)
			depth--;
		if (depth)
			CHECK(events[i].to <= ends[depth - 1]);
		CHECK(depth < 4);
		ends[depth++] = events[i].to;
	}
}

static void check_spans(void)
{
	for (size_t i = 0; i < count; i++) {
		const struct event *e = &events[i + 1];

		if (*events[i].ph != 'b')
			continue;
		CHECK_STR(e->ph, "e");
		CHECK_STR(e->id, events[i].id);
		CHECK_STR(e->cat, events[i].cat);
		CHECK_STR(e->name, events[i].name);
		CHECK(e->from >= events[i].from);
		for (size_t j = i + 2; j < count; j++)
			CHECK(strcmp(events[j].id, events[i].id) != 0);
		i++;
	}
}

static void slurp(void)
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

static void read_trace(void)
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
	check_nesting();
	check_spans();
}

static const struct event *find_nth(const char *ph, const char *name, size_t nth)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(events[i].ph, ph) && !strcmp(events[i].name, name) && !nth--)
			return &events[i];
	return NULL;
}

static const struct event *find(const char *ph, const char *name)
{
	return find_nth(ph, name, 0);
}

static size_t how_many(const char *ph)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += !strcmp(events[i].ph, ph);
	return n;
}

static bool lies_in(const struct event *inner, const struct event *outer)
{
	return inner && outer && inner->from >= outer->from && inner->to <= outer->to;
}

/* The slice of that name around it. */
static const struct event *one_around(const struct event *inner, const char *name)
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

static void keep_report(ouro_loop *of, const ouro_trace_report *got, void *arg)
{
	CHECK(of != NULL && arg == &report);
	report = *got;
	reports++;
}

static void in_folder(void)
{
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/t.json", folder);
}

static void leave_folder(void)
{
	unlink(path);
	CHECK_EQ(rmdir(folder), 0);
	free(file);
}

static int start(ouro_loop *of, size_t buffer)
{
	return ouro_trace_start(
		of, path,
		&(ouro_trace_opts){ .on_end = keep_report, .arg = &report, .buffer = buffer });
}

static void await_report(ouro_loop *of)
{
	while (!reports) {
		CHECK_EQ(ouro_loop_macro(of, do_nothing, NULL), 0);
		ouro_loop_turn(of);
	}
	CHECK_EQ(reports, 1);
}

/* Ends it, and reads what came of it. */
static void stop(ouro_loop *of)
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

static void my_task(ouro_loop *of, void *arg)
{
	(void)of, (void)arg;
}

static void my_micro(ouro_loop *of, void *arg)
{
	(void)of, (void)arg;
}

static void my_timer(ouro_loop *of, void *arg)
{
	(void)arg;
	call_macro(of, my_task, NULL);
	for (int i = 0; i < 3; i++)
		call_micro(of, my_micro, NULL);
}

static ouro_loop *new_loop(void)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });

	CHECK(of != NULL);
	return of;
}

TEST(callbacks_lie_in_their_phases_and_those_in_their_turns)
{
	ouro_loop *of = new_loop();
	const struct event *timer, *task, *many;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_after(of, 1, my_timer, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	timer = find("X", "my_timer");
	task = find("X", "my_task");
	many = find("X", "my_micro");
	CHECK(timer && task && many);
	CHECK_STR(timer->cat, "timers");
	CHECK_STR(task->cat, "check");
	CHECK_STR(many->cat, "micro");
	CHECK_EQ(number(many, "calls"), 3);
	CHECK_EQ(many->from, timer->to);
	CHECK(find("X", "turn") && find("X", "timers") && find("X", "check"));
	CHECK(one_around(timer, "timers") == one_around(many, "timers"));
	CHECK(one_around(task, "check") && one_around(task, "turn"));
	CHECK(task->from >= many->to);
	CHECK_EQ(report.lost, 0);
	CHECK_EQ(report.err, 0);
	CHECK(find("M", "thread_name") && find("M", "process_name"));
	ouro_loop_free(of);
	leave_folder();
}

static void stop_it(ouro_loop *of, void *arg)
{
	(void)arg;
	ouro_trace_stop(of);
	ouro_trace_stop(of);
}

TEST(stopped_in_a_callback_that_has_its_end)
{
	ouro_loop *of = new_loop();
	const struct event *last;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, stop_it, NULL);
	call_macro(of, my_task, NULL);
	await_report(of);
	read_trace();
	last = find("X", "stop_it");
	CHECK(last != NULL);
	CHECK(one_around(last, "check") && one_around(last, "turn"));
	CHECK(!find("X", "my_task"));
	ouro_loop_free(of);
	leave_folder();
}

static void start_it(ouro_loop *of, void *arg)
{
	(void)arg;
	CHECK_EQ(start(of, 0), 0);
	CHECK_EQ(start(of, 0), -EBUSY);
}

TEST(started_in_a_callback_and_once_more_when_it_has_ended)
{
	ouro_loop *of = new_loop();

	in_folder();
	for (int i = 0; i < 2; i++) {
		reports = 0;
		call_macro(of, start_it, NULL);
		call_macro(of, my_task, NULL);
		CHECK_EQ(ouro_loop_run(of), 0);
		stop(of);
		CHECK(find("X", "start_it") && find("X", "my_task"));
	}
	ouro_trace_stop(of);
	ouro_loop_free(of);
	leave_folder();
}

TEST(a_loop_that_is_freed_writes_what_there_is)
{
	ouro_loop *of = new_loop();

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, my_task, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	ouro_loop_free(of);
	CHECK_EQ(reports, 1);
	read_trace();
	CHECK(find("X", "my_task") != NULL);
	leave_folder();
}

static void free_it(ouro_loop *of, void *arg)
{
	(void)arg;
	ouro_trace_stop(of);
	ouro_loop_free(of);
}

TEST(a_loop_that_is_freed_by_the_callback_that_stopped_it)
{
	ouro_loop *of = new_loop();

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, free_it, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK_EQ(reports, 1);
	read_trace();
	CHECK(find("X", "free_it") != NULL);
	leave_folder();
}

TEST(two_loops_have_two_files)
{
	ouro_loop *one = new_loop(), *other = new_loop();
	char second[80];

	in_folder();
	snprintf(second, sizeof(second), "%s/u.json", folder);
	CHECK_EQ(start(one, 0), 0);
	CHECK_EQ(ouro_trace_start(other, second, NULL), 0);
	call_macro(one, my_task, NULL);
	call_macro(other, my_timer, NULL);
	CHECK_EQ(ouro_loop_run(one), 0);
	CHECK_EQ(ouro_loop_run(other), 0);
	ouro_loop_free(other);
	stop(one);
	CHECK(find("X", "my_task") && !find("X", "my_timer"));
	CHECK_EQ(rename(second, path), 0);
	read_trace();
	CHECK(find("X", "my_task") && find("X", "my_timer"));
	ouro_loop_free(one);
	leave_folder();
}

/* ---- Requests, and the pool ---- */

static ouro_req *kept;

static void answer(ouro_req *req, void *arg)
{
	(void)arg;
	if (ouro_str_eq(ouro_req_path(req), "/late"))
		kept = ouro_req_later(req);
	else
		ouro_req_status(req, 201);
}

TEST(a_request_is_a_span_with_what_it_asked_for)
{
	const struct event *b, *e;
	int fd, other;

	in_folder();
	serve(answer);
	fd = connect_client();
	other = connect_client();
	CHECK_EQ(start(loop, 0), 0);
	CHECK(has(ask(fd, "GET /a?b=%22\"\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"));
	CHECK(has(ask(other, "GET /u?x=\\ HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1"));
	close(fd);
	close(other);
	fd = connect_client();
	CHECK(has(ask(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\n"
			  "Content-Length: 0\r\n\r\n"),
		  "201"));
	ask(fd, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK(kept != NULL);
	stop(loop);
	b = find("b", "GET /1");
	CHECK(b != NULL);
	CHECK_STR(b->cat, "request");
	e = find("e", "GET /1");
	CHECK_EQ(number(e, "status"), 201);
	CHECK(!member(e, "unfinished"));
	CHECK(find("b", "POST /2") != NULL);
	e = find("e", "GET /late");
	CHECK(e && member(e, "unfinished"));
	CHECK(find("X", "answer") != NULL);
	close(fd);
	ouro_req_status(kept, 200);
	settle();
	end();
	leave_folder();
}

static void got_stat(int err, const struct stat *stat, void *arg)
{
	(void)stat, (void)arg;
	CHECK_EQ(err, -ENOENT);
}

static int hang(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) == 1 ? 0 : -EIO;
}

static void hung(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
}

TEST(an_operation_of_the_pool_is_a_span_too)
{
	ouro_loop *of = new_loop();
	struct tube tube;
	const struct event *e;
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	tube = (struct tube){ ends[0], ends[1] };
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK(ouro_fs_stat(of, "/no/\"such\"", got_stat, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK(ouro_pool_run(of, hang, hung, &tube.out).id != 0);
	stop(of);
	e = find("e", "stat /no/\\\"such\\\"");
	CHECK(e != NULL);
	CHECK_STR(e->cat, "pool");
	CHECK(has(member(e, "err"), "ENOENT"));
	CHECK(member(e, "thread_us") && !member(e, "unfinished"));
	e = find("e", "ouro_pool_run");
	CHECK(e && member(e, "unfinished"));
	tube_fill(tube);
	CHECK_EQ(ouro_loop_run(of), 0);
	tube_close(tube);
	ouro_loop_free(of);
	leave_folder();
}

/* ---- Trouble ---- */

static void refill(ouro_loop *of, void *arg)
{
	unsigned *left = arg;

	if ((*left)--)
		call_macro(of, refill, left);
}

TEST(what_has_no_room_is_lost_and_counted)
{
	ouro_loop *of = new_loop();

	in_folder();
	CHECK_EQ(start(of, 1), 0);
	for (int i = 0; i < 3000; i++)
		call_macro(of, my_task, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(report.lost >= 3000 - 1024);
	CHECK_EQ(report.err, 0);
	ouro_loop_free(of);
	leave_folder();
}

TEST(many_turns_are_written_piece_by_piece)
{
	ouro_loop *of = new_loop();
	unsigned left = 3000;

	in_folder();
	CHECK_EQ(start(of, 1 << 20), 0);
	call_macro(of, refill, &left);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(report.events + report.lost >= 9000);
	ouro_loop_free(of);
	leave_folder();
}

static void found(int err, const struct stat *stat, void *arg)
{
	(void)stat, (void)arg;
	CHECK_EQ(err, 0);
}

static bool one_runs(ouro_loop *of)
{
	ouro_pool_figures figures;

	ouro_pool_stats(of, &figures);
	return figures.busy == 1;
}

TEST(a_pool_that_is_full_has_it_later)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 1 });
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK(ouro_pool_run(of, hang, hung, &ends[0]).id != 0);
	while (!one_runs(of))
		ouro_loop_turn(of);
	CHECK(ouro_fs_stat(of, "/", found, NULL).id != 0);
	ouro_trace_stop(of);
	for (int i = 0; i < 8; i++) {
		ouro_trace_stop(of);
		call_macro(of, my_task, NULL);
		ouro_loop_turn(of);
	}
	CHECK_EQ(reports, 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	await_report(of);
	read_trace();
	CHECK_EQ(report.lost, 0);
	CHECK(find("b", "ouro_pool_run") && find("b", "stat /"));
	ouro_loop_free(of);
	tube_close((struct tube){ ends[0], ends[1] });
	leave_folder();
}

static void fill(ouro_loop *of, void *arg)
{
	(void)of;
	CHECK_EQ(write(*(int *)arg, "x", 1), 1);
}

TEST(a_pool_that_was_full_at_the_beginning_loses_nothing)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 1 });
	int ends[2];
	unsigned left = 20;

	CHECK_EQ(pipe(ends), 0);
	in_folder();
	CHECK(ouro_pool_run(of, hang, hung, &ends[0]).id != 0);
	while (!one_runs(of))
		ouro_loop_turn(of);
	CHECK(ouro_fs_stat(of, "/", found, NULL).id != 0);
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, refill, &left);
	call_after(of, 1, my_timer, NULL);
	call_after(of, 250, fill, &ends[1]);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK_EQ(report.lost, 0);
	CHECK(find("X", "my_timer") && find_nth("X", "refill", 20));
	ouro_loop_free(of);
	tube_close((struct tube){ ends[0], ends[1] });
	leave_folder();
}

TEST(a_disk_that_is_full_from_the_beginning_ends_it)
{
	ouro_loop *of = new_loop();

	snprintf(path, sizeof(path), "/dev/full");
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, my_task, NULL);
	await_report(of);
	CHECK_EQ(report.err, -ENOSPC);
	CHECK_EQ(report.events, 0);
	CHECK_EQ(report.bytes, 0);
	CHECK(has(logged, "trace /dev/full: write: No space left on device (ENOSPC); "
			  "there will be none"));
	ouro_loop_free(of);
}

TEST(a_disk_that_fills_up_keeps_the_file_whole)
{
	ouro_loop *of = new_loop();
	unsigned left = 4000;

	in_folder();
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100000, 100000 }), 0);
	CHECK_EQ(start(of, 1 << 20), 0);
	call_macro(of, refill, &left);
	CHECK_EQ(ouro_loop_run(of), 0);
	stop(of);
	CHECK(report.lost > 1000);
	CHECK(report.events > 100);
	CHECK_EQ(report.err, -EFBIG);
	CHECK(has(logged, "(EFBIG); events are lost"));
	ouro_loop_free(of);
	leave_folder();
}

TEST(a_file_that_cannot_be_opened_is_told)
{
	ouro_loop *of = new_loop();

	CHECK_EQ(ouro_trace_start(of, "", NULL), -EINVAL);
	CHECK_EQ(ouro_trace_start(of, NULL, NULL), -EINVAL);
	snprintf(path, sizeof(path), "/no/such/folder");
	CHECK_EQ(start(of, 0), 0);
	await_report(of);
	CHECK_EQ(report.err, -ENOENT);
	CHECK(has(logged, "trace /no/such/folder: open: "));
	ouro_loop_free(of);
}

static int attempt(void)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .on_log = keep_log });
	int err;

	logged[0] = 0;
	if (!of)
		return -errno;
	err = start(of, 0);
	reports = 0;
	if (!err && !ouro_loop_macro(of, stop_it, NULL))
		ouro_loop_run(of);
	ouro_loop_free(of);
	if (!err) {
		CHECK_EQ(reports, 1);
		read_trace();
	}
	return err;
}

TEST(without_memory_there_is_no_trace_or_a_whole_one)
{
	in_folder();
	CHECK(for_each_failing_allocation(attempt) >= 3);
	leave_folder();
}

TEST(after_a_fork_it_is_the_parents)
{
	ouro_loop *of = new_loop();
	int status;
	pid_t pid;

	in_folder();
	CHECK_EQ(start(of, 0), 0);
	call_macro(of, my_task, NULL);
	CHECK_EQ(ouro_loop_run(of), 0);
	pid = fork();
	if (!pid) {
		CHECK_EQ(ouro_loop_after_fork(of), 0);
		call_macro(of, my_timer, NULL);
		ouro_loop_run(of);
		ouro_loop_free(of);
		_exit((int)reports);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	stop(of);
	CHECK(find("X", "my_task") && !find("X", "my_timer"));
	ouro_loop_free(of);
	leave_folder();
}
