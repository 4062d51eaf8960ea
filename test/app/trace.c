/* trace.c -- the file of a trace: what is in it, and what becomes of it when something is wrong. */
#include "trace_reader.h"
#include <sched.h>
#include <sys/resource.h>

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

TEST(a_pool_that_is_full_has_it_later)
{
	ouro_loop *of = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 1 });
	int ends[2];

	CHECK_EQ(pipe(ends), 0);
	in_folder();
	CHECK_EQ(start(of, 0), 0);
	CHECK_EQ(ouro_loop_run(of), 0);
	CHECK(ouro_pool_run(of, hang, hung, &ends[0]).id != 0);
	while (!one_runs(of)) /* no turn: the file's own operation might take the place */
		sched_yield();
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
