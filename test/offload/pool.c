/* pool.c -- threads and lanes: how many, made when, who waits for whom, and what is counted. */
#include "ops.h"
#include <pthread.h>
#include <sys/resource.h>

static ouro_loop *new_loop(unsigned threads)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = threads });

	CHECK(loop != NULL);
	return loop;
}

static void run(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
}

static void finish(ouro_loop *loop)
{
	run(loop);
	ouro_loop_free(loop);
}

/* --- How many threads --- */

TEST(a_loop_that_asks_for_nothing_has_no_thread_and_no_figures)
{
	ouro_loop *loop = new_loop(0);
	ouro_pool_stats now = figures(loop), zero;

	memset(&zero, 0, sizeof(zero));
	CHECK_EQ(memcmp(&now, &zero, sizeof(zero)), 0);
	ouro_loop_free(loop);
}

/* Fills every lane with calls that hang: all threads there can be are in one, and no other. */
static void check_threads(ouro_loop *loop, unsigned expected)
{
	struct gate gate;
	struct job job = { .gate = &gate };
	int asked = 3 * 20;

	gate_init(&gate);
	for (int i = 0; i < asked; i++)
		ask_job(loop, (enum ouro_lane)(i % OURO_LANE_COUNT), &job);
	gate_await(&gate, (int)(expected - figures(loop).stuck));
	CHECK_EQ(figures(loop).threads, expected);
	CHECK_EQ(figures(loop).busy, expected);
	gate_open(&gate, asked);
	run(loop);
	CHECK_EQ(job.answers, asked);
	CHECK_EQ(figures(loop).threads, expected);
}

TEST(there_are_four_threads_unless_somebody_says_otherwise)
{
	ouro_loop *loop;

	unsetenv("OURO_POOL_SIZE");
	loop = new_loop(0);
	check_threads(loop, 4);
	ouro_loop_free(loop);
}

TEST(the_environment_can_say_how_many)
{
	ouro_loop *loop;

	setenv("OURO_POOL_SIZE", "7", 1);
	loop = new_loop(0);
	check_threads(loop, 7);
	ouro_loop_free(loop);
}

TEST(the_option_has_the_last_word)
{
	setenv("OURO_POOL_SIZE", "7", 1);
	for (unsigned n = 1; n <= 6; n++) {
		ouro_loop *loop = new_loop(n);

		check_threads(loop, n);
		ouro_loop_free(loop);
	}
}

static int sentences;

static void count_sentence(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg;
	CHECK_EQ(level, OURO_LOG_ERROR);
	CHECK(strlen(sentence) > 20);
	CHECK(strstr(sentence, "1024") != NULL);
	sentences++;
}

static void check_refused(unsigned option)
{
	ouro_loop_opts opts = { .pool_threads = option, .on_log = count_sentence };
	int before = sentences;

	errno = 0;
	CHECK(ouro_loop_new(&opts) == NULL);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(sentences, before + 1);
}

TEST(a_number_of_threads_that_makes_no_sense_is_an_error_with_a_sentence)
{
	static const char *const nonsense[] = { "0",   "-1",  "1025", "99999999999999999999999",
						"4x",  " 4",  "four", "4 ",
						"0x4", "1.5", "+4" };

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		setenv("OURO_POOL_SIZE", nonsense[i], 1);
		check_refused(0);
	}
	unsetenv("OURO_POOL_SIZE");
	check_refused(1025);
	check_refused(OURO_NEVER);
}

TEST(the_extremes_make_sense)
{
	ouro_loop *loop = new_loop(1024);

	ouro_loop_free(loop);
	setenv("OURO_POOL_SIZE", "1024", 1);
	ouro_loop_free(new_loop(0));
	setenv("OURO_POOL_SIZE", "", 1);
	ouro_loop_free(new_loop(0));
}

TEST(a_thread_is_made_for_the_first_operation_and_kept_for_the_next)
{
	ouro_loop *loop = new_loop(4);
	struct job job = { 0 };

	for (int i = 0; i < 50; i++) {
		ask_job(loop, OURO_LANE_USER, &job);
		run(loop);
		if (i == 0)
			CHECK_EQ(figures(loop).threads, 1);
		wait_until(figures(loop).busy == 0);
	}
	CHECK_EQ(figures(loop).threads, 1);
	ouro_loop_free(loop);
}

TEST(two_loops_have_a_pool_each)
{
	ouro_loop *one = new_loop(1), *two = new_loop(1);
	struct gate gate;
	struct job hangs = { .word = "one", .gate = &gate }, quick = { .word = "two" };

	gate_init(&gate);
	ask_job(one, OURO_LANE_USER, &hangs);
	gate_await(&gate, 1);
	ask_job(two, OURO_LANE_USER, &quick);
	finish(two);
	gate_open(&gate, 1);
	finish(one);
	CHECK_STR(said, "two one");
}

static unsigned pool_threads_of_process(void)
{
	char path[64], name[32];
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d));) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", e->d_name);
		f = fopen(path, "r");
		n += f && fgets(name, sizeof(name), f) && !strncmp(name, "ouro-pool-", 10);
		if (f)
			fclose(f);
	}
	closedir(d);
	return n;
}

TEST(the_threads_go_with_the_loop)
{
	for (int i = 0; i < 10; i++) {
		ouro_loop *loop = new_loop(4);

		check_threads(loop, 4);
		CHECK_EQ(pool_threads_of_process(), 4);
		ouro_loop_free(loop);
		wait_until(pool_threads_of_process() == 0);
	}
}

/* --- What a thread is like --- */

struct portrait {
	char name[32];
	sigset_t blocked;
	size_t stack;
};

static int look_at_thread(void *arg)
{
	struct portrait *p = arg;
	pthread_attr_t attr;

	pthread_getname_np(pthread_self(), p->name, sizeof(p->name));
	pthread_sigmask(SIG_BLOCK, NULL, &p->blocked);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &p->stack);
	pthread_attr_destroy(&attr);
	return 0;
}

static void ignore_done(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
}

TEST(a_thread_has_a_name_no_signal_of_the_hosts_and_a_small_stack)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_stack = 2 * 1024 * 1024 });
	struct portrait p;

	ask(loop, OURO_LANE_USER, look_at_thread, ignore_done, &p);
	finish(loop);
	CHECK_STR(p.name, "ouro-pool-1");
	CHECK(sigismember(&p.blocked, SIGTERM) && sigismember(&p.blocked, SIGINT));
	CHECK(sigismember(&p.blocked, SIGCHLD) && sigismember(&p.blocked, SIGUSR1));
	CHECK(!sigismember(&p.blocked, SIGSEGV));
	CHECK_EQ(p.stack, 2 * 1024 * 1024);
}

TEST(a_thread_that_cannot_be_started_is_told_to_whoever_asked)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_stack = SIZE_MAX / 4 });
	struct job job = { .word = "answer" };

	ask_job(loop, OURO_LANE_FILES, &job);
	say("later");
	finish(loop);
	CHECK_STR(said, "later answer");
	CHECK(job.err < 0);
	CHECK_EQ(job.worked, 0);
}

/* --- Lanes --- */

TEST(lanes_have_names)
{
	CHECK_STR(ouro_lane_name(OURO_LANE_FILES), "files");
	CHECK_STR(ouro_lane_name(OURO_LANE_NAMES), "names");
	CHECK_STR(ouro_lane_name(OURO_LANE_USER), "user");
	CHECK_STR(ouro_lane_name(OURO_LANE_COUNT), "?");
	CHECK_STR(ouro_lane_name((enum ouro_lane) - 1), "?");
}

/* Fills lanes with calls that hang, and asks for one more in another: it is answered. */
static void check_passes(unsigned threads, unsigned hanging, enum ouro_lane lane)
{
	ouro_loop *loop = new_loop(threads);
	struct gate gate;
	struct job hangs = { .gate = &gate }, quick = { 0 };
	int asked = 0;

	gate_init(&gate);
	for (int i = 0; i < OURO_LANE_COUNT * 16; i++)
		if (hanging & 1u << i % OURO_LANE_COUNT) {
			ask_job(loop, (enum ouro_lane)(i % OURO_LANE_COUNT), &hangs);
			asked++;
		}
	for (int i = 0; i < 10; i++)
		ask_job(loop, lane, &quick);
	while (quick.answers < 10)
		CHECK(ouro_loop_turn(loop));
	CHECK_EQ(hangs.answers, 0);
	gate_open(&gate, asked);
	finish(loop);
	CHECK_EQ(hangs.answers, asked);
}

TEST(calls_that_hang_in_one_lane_keep_no_other_waiting)
{
	for (unsigned threads = 3; threads <= 8; threads++)
		for (int hanging = 0; hanging < OURO_LANE_COUNT; hanging++)
			for (int lane = 0; lane < OURO_LANE_COUNT; lane++)
				if (lane != hanging)
					check_passes(threads, 1u << hanging, (enum ouro_lane)lane);
}

TEST(names_and_the_users_calls_hanging_together_keep_no_file_waiting)
{
	for (unsigned threads = 2; threads <= 8; threads++)
		check_passes(threads, 1u << OURO_LANE_NAMES | 1u << OURO_LANE_USER,
			     OURO_LANE_FILES);
}

TEST(a_lane_is_first_in_first_out)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job first = { .word = "0", .gate = &gate };
	char words[20][4];
	struct job jobs[20] = { { 0 } };

	gate_init(&gate);
	ask_job(loop, OURO_LANE_FILES, &first);
	gate_await(&gate, 1);
	for (int i = 0; i < 20; i++) {
		snprintf(words[i], sizeof(words[i]), "%d", i + 1);
		jobs[i].word = words[i];
		ask_job(loop, OURO_LANE_FILES, &jobs[i]);
	}
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
}

TEST(with_one_thread_the_lanes_are_served_in_the_order_of_asking)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job first = { .word = "0", .gate = &gate };
	struct job jobs[6] = { { 0 } };

	gate_init(&gate);
	ask_job(loop, OURO_LANE_FILES, &first);
	gate_await(&gate, 1);
	for (int i = 0; i < 6; i++) {
		enum ouro_lane lane = (enum ouro_lane)((5 - i) % OURO_LANE_COUNT);

		jobs[i].word = ouro_lane_name(lane);
		ask_job(loop, lane, &jobs[i]);
	}
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "0 user names files user names files");
}

TEST(a_lane_that_is_full_refuses_and_the_others_do_not)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 2 });
	struct gate gate;
	struct job first = { .gate = &gate }, taken = { 0 }, refused = { .word = "refused" };

	gate_init(&gate);
	ask_job(loop, OURO_LANE_FILES, &first);
	gate_await(&gate, 1);
	for (int lane = 0; lane < OURO_LANE_COUNT; lane++)
		for (int i = 0; i < 2; i++)
			ask_job(loop, (enum ouro_lane)lane, &taken);
	ask_job(loop, OURO_LANE_FILES, &refused);
	say("later");
	CHECK_EQ(figures(loop).lane[OURO_LANE_FILES].waiting, 2);
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "later refused");
	CHECK_EQ(refused.err, OURO_EBUSY);
	CHECK_EQ(refused.worked, 0);
	CHECK_EQ(taken.answers, 6);
	CHECK_EQ(taken.err, 0);
}

static uint64_t rings(int bell)
{
	uint64_t n = 0;

	CHECK(read(bell, &n, sizeof(n)) == sizeof(n) || errno == EAGAIN);
	return n;
}

TEST(the_bell_is_rung_once_for_all_that_end_while_the_loop_is_away)
{
	ouro_loop *loop = new_loop(1);
	struct job job = { 0 };
	int bell;

	for (int i = 0; i < 100; i++)
		ask_job(loop, OURO_LANE_USER, &job);
	wait_until_left(loop, 0);
	wait_until(figures(loop).busy == 0);
	bell = ouro__pool_if_any(loop)->bell_fd;
	CHECK_EQ(rings(bell), 1);
	CHECK_EQ(eventfd_write(bell, 1), 0);
	finish(loop);
	CHECK_EQ(job.answers, 100);
}

TEST(the_virtual_clock_stands_still_while_an_operation_is_out)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	struct gate gate;
	struct job job = { .word = "answer", .gate = &gate };

	gate_init(&gate);
	after(loop, 1000, "timer");
	ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	for (int i = 0; i < 10; i++)
		CHECK(ouro_loop_turn(loop));
	CHECK_STR(said, "");
	gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "answer timer");
}

/* --- Figures --- */

TEST(figures_say_what_waits_what_runs_and_since_when)
{
	ouro_loop *loop = new_loop(3);
	struct gate gate;
	struct job job = { .gate = &gate };
	const ouro_lane_stats *names, *user;
	ouro_pool_stats now;
	uint64_t asked;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_NAMES, &job);
	gate_await(&gate, 1);
	asked = real_ns();
	for (int i = 0; i < 4; i++)
		ask_job(loop, OURO_LANE_NAMES, &job);
	while (real_ns() < asked + 2 * MS)
		;
	now = figures(loop);
	names = &now.lane[OURO_LANE_NAMES];
	user = &now.lane[OURO_LANE_USER];
	CHECK_EQ(now.threads, 1);
	CHECK_EQ(now.busy, 1);
	CHECK_EQ(now.stuck, 0);
	CHECK_EQ(names->running, 1);
	CHECK_EQ(names->waiting, 4);
	CHECK_EQ(names->done, 0);
	CHECK(names->oldest_ns > 0 && names->oldest_ns <= real_ns() - asked);
	CHECK_EQ(user->waiting + user->running + user->oldest_ns + user->done, 0);
	gate_open(&gate, 5);
	run(loop);
	now = figures(loop);
	CHECK_EQ(names->done, 5);
	CHECK_EQ(names->waiting + names->running + names->oldest_ns, 0);
	CHECK_EQ(names->wait_ns.count, 5);
	CHECK_EQ(names->run_ns.count, 5);
	CHECK(names->run_ns.max >= MS);
	CHECK(names->wait_ns.max >= MS);
	ouro_loop_free(loop);
}

TEST(done_counts_the_cancelled_the_refused_and_the_late_as_well)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .pool_threads = 1, .pool_queue = 1 });
	struct gate gate;
	struct job job = { .gate = &gate };
	ouro_op hangs, waits;

	gate_init(&gate);
	hangs = ask_job(loop, OURO_LANE_USER, &job);
	gate_await(&gate, 1);
	waits = ask_job(loop, OURO_LANE_USER, &job);
	ask_job(loop, OURO_LANE_USER, &job);
	CHECK(ouro_op_cancel(loop, waits));
	CHECK(ouro_op_timeout(loop, hangs, 1));
	run(loop);
	CHECK_EQ(job.answers, 3);
	CHECK_EQ(figures(loop).lane[OURO_LANE_USER].done, 3);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	finish(loop);
}

/* --- Stuck threads --- */

static void hang_beyond_its_time(ouro_loop *loop, enum ouro_lane lane, struct job *job)
{
	ouro_op op = ask_job(loop, lane, job);

	gate_await(job->gate, 1);
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
}

TEST(a_stuck_thread_has_another_take_its_place_up_to_as_many_again)
{
	ouro_loop *loop = new_loop(2);
	struct gate gate;
	struct job hangs = { .gate = &gate }, waits = { .word = "ran" };

	gate_init(&gate);
	for (unsigned n = 1; n <= 4; n++) {
		hang_beyond_its_time(loop, OURO_LANE_USER, &hangs);
		CHECK_EQ(hangs.err, OURO_ETIMEOUT);
		CHECK_EQ(figures(loop).stuck, n);
		CHECK_EQ(figures(loop).threads, n);
	}
	ask_job(loop, OURO_LANE_FILES, &waits);
	CHECK(ouro_loop_turn(loop));
	CHECK_EQ(figures(loop).threads, 4);
	CHECK_EQ(figures(loop).lane[OURO_LANE_FILES].waiting, 1);
	CHECK_STR(said, "");
	gate_open(&gate, 4);
	run(loop);
	CHECK_STR(said, "ran");
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
	CHECK_EQ(hangs.answers, 4);
}

TEST(one_that_takes_a_place_serves_what_was_waiting)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job hangs = { .word = "late", .gate = &gate }, waits = { .word = "ran" };
	ouro_op op;

	gate_init(&gate);
	op = ask_job(loop, OURO_LANE_USER, &hangs);
	gate_await(&gate, 1);
	ask_job(loop, OURO_LANE_FILES, &waits);
	CHECK(ouro_op_timeout(loop, op, 1));
	run(loop);
	CHECK_STR(said, "late ran");
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}

TEST(the_one_too_many_goes_when_a_stuck_thread_has_come_back)
{
	ouro_loop *loop = new_loop(2);
	struct gate gate;
	struct job hangs = { .gate = &gate }, job = { 0 };

	gate_init(&gate);
	hang_beyond_its_time(loop, OURO_LANE_USER, &hangs);
	hang_beyond_its_time(loop, OURO_LANE_USER, &hangs);
	check_threads(loop, 4);
	gate_open(&gate, 2);
	wait_until(figures(loop).threads == 2);
	check_threads(loop, 2);
	ask_job(loop, OURO_LANE_FILES, &job);
	finish(loop);
	CHECK_EQ(job.answers, 1);
}

/* A thread comes back to a pool that is full and busy: who leaves must leave no one unheard. */
TEST(no_operation_is_forgotten_while_threads_come_and_go)
{
	ouro_loop *loop = new_loop(2);
	struct gate gate;
	struct job hangs = { .gate = &gate }, job = { 0 };
	int asked = 0;

	gate_init(&gate);
	for (int i = 0; i < 100; i++) {
		hang_beyond_its_time(loop, (enum ouro_lane)(i % OURO_LANE_COUNT), &hangs);
		for (int n = 0; n < 6; n++, asked++) {
			ask_job(loop, (enum ouro_lane)(n % OURO_LANE_COUNT), &job);
			if (n == i % 6)
				gate_open(&gate, 1);
		}
		run(loop);
		CHECK_EQ(job.answers, asked);
		if (i % 3 == 0)
			wait_until(figures(loop).stuck == 0);
		while (figures(loop).stuck > 2)
			sched_yield();
	}
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}

/* --- Forks --- */

/* ThreadSanitizer knows nothing of a child that starts threads after a fork of one with threads.
 * AddressSanitizer leaves the locks of its heap as they were: a child that is forked while another
 * thread is in there, as one that is just starting is, waits for ever. A thread that is in its job
 * is not. */
#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define NO_THREADS_AFTER_FORK
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define NO_FORK_AT_ANY_MOMENT
#endif

#ifndef NO_THREADS_AFTER_FORK

/* The child ends by _exit(): LeakSanitizer would look for the threads of its parent. */
static pid_t fork_child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		alarm(TEST_SECONDS);
	return pid;
}

static void check_child(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(after_a_fork_what_waited_is_done_in_both_and_what_ran_in_the_parent_alone)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job runs = { .word = "ran", .gate = &gate }, waits = { .word = "waited" };
	pid_t pid;

	gate_init(&gate);
	ask_job(loop, OURO_LANE_USER, &runs);
	gate_await(&gate, 1);
	ask_job(loop, OURO_LANE_FILES, &waits);
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	else
		gate_open(&gate, 1);
	finish(loop);
	CHECK_STR(said, "ran waited");
	CHECK_EQ(runs.err, pid == 0 ? OURO_ECANCELED : 0);
	CHECK_EQ(waits.err, 0);
	CHECK_EQ(waits.worked, 1);
	CHECK_EQ(runs.answers + waits.answers, 2);
	if (pid == 0)
		_exit(0);
	check_child(pid);
}

TEST(after_a_fork_what_had_ended_is_answered_in_both)
{
	ouro_loop *loop = new_loop(1);
	struct job job = { .result = 7 };
	pid_t pid;

	for (int i = 0; i < 5; i++)
		ask_job(loop, OURO_LANE_USER, &job);
	wait_until_left(loop, 0);
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	finish(loop);
	CHECK_EQ(job.answers, 5);
	CHECK_EQ(job.err, 7);
	if (pid == 0)
		_exit(0);
	check_child(pid);
}

/* The two processes have one open file description between them. */
static int one_piece(struct op *op)
{
	int *pieces = op->arg;

	CHECK(!ouro__op_is_stopped(op));
	return ++*pieces < 2 ? OP_AGAIN : 0;
}

static void say_answer(struct op *op, int err)
{
	(void)op;
	say("pieces:%s", ouro_errname(err));
}

static void say_released(struct op *op)
{
	(void)op;
	say("released");
}

static const struct op_kind pieces_kind = { .call = "pieces",
					    .lane = OURO_LANE_FILES,
					    .pieces = true,
					    .work = one_piece,
					    .done = say_answer,
					    .release = say_released };

TEST(after_a_fork_one_in_the_middle_of_its_pieces_goes_on_in_the_parent_alone)
{
	ouro_loop *loop = new_loop(1);
	struct gate first, second;
	struct job before = { .gate = &first }, between = { .gate = &second };
	struct op *op;
	int pieces = 0;
	pid_t pid;

	gate_init(&first);
	gate_init(&second);
	ask_job(loop, OURO_LANE_FILES, &before);
	gate_await(&first, 1);
	op = ouro__op_new(loop, &pieces_kind, NULL, &pieces);
	ouro__op_submit(op);
	ask_job(loop, OURO_LANE_FILES, &between);
	gate_open(&first, 1);
	gate_await(&second, 1);
	pid = fork_child();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	else
		gate_open(&second, 1);
	finish(loop);
	CHECK_EQ(pieces, pid == 0 ? 1 : 2);
	CHECK_STR(said, pid == 0 ? "pieces:OURO_ECANCELED released" : "pieces:OK released");
	if (pid == 0)
		_exit(0);
	check_child(pid);
}

#ifndef NO_FORK_AT_ANY_MOMENT
TEST(a_fork_at_any_moment_loses_no_operation)
{
	ouro_loop *loop = new_loop(4);
	struct job job = { 0 };
	int asked = 0;

	for (int i = 0; i < 40; i++) {
		pid_t pid;

		for (int n = 0; n < 100; n++, asked++)
			ask_job(loop, (enum ouro_lane)(n % OURO_LANE_COUNT), &job);
		pid = fork_child();
		if (pid == 0) {
			CHECK_EQ(ouro_loop_after_fork(loop), 0);
			ask_job(loop, OURO_LANE_USER, &job);
			finish(loop);
			CHECK_EQ(job.answers, asked + 1);
			_exit(0);
		}
		run(loop);
		CHECK_EQ(job.answers, asked);
		check_child(pid);
	}
	ouro_loop_free(loop);
}
#endif

TEST(a_stuck_thread_of_the_parent_is_none_of_the_childs)
{
	ouro_loop *loop = new_loop(1);
	struct gate gate;
	struct job hangs = { .gate = &gate }, job = { .word = "ran" };
	pid_t pid;

	gate_init(&gate);
	hang_beyond_its_time(loop, OURO_LANE_USER, &hangs);
	pid = fork_child();
	if (pid == 0) {
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
		CHECK_EQ(figures(loop).stuck, 0);
		CHECK_EQ(figures(loop).threads, 0);
		ask_job(loop, OURO_LANE_USER, &job);
		finish(loop);
		CHECK_STR(said, "ran");
		CHECK_EQ(hangs.answers, 1);
		CHECK_EQ(test_memory.held, 0);
		_exit(0);
	}
	check_child(pid);
	gate_open(&gate, 1);
	wait_until(figures(loop).stuck == 0);
	ouro_loop_free(loop);
}
#endif
