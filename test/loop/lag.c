/* lag.c -- who held the loop, at what, and for how long.
 *
 * With the virtual clock a callback "takes" as long as it says, so the reports are exact. */
#include "kit.h"
#include <sys/wait.h>

#define REPORTS 64

static struct {
	char who[128], doing[64];
	uint64_t ns, calls, missed;
} told[REPORTS];
static int reports;

static void note_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop;
	CHECK_STR(arg, "mine");
	CHECK(reports < REPORTS);
	snprintf(told[reports].who, sizeof(told[0].who), "%s", lag->who);
	snprintf(told[reports].doing, sizeof(told[0].doing), "%s", lag->doing);
	told[reports].ns = lag->ns;
	told[reports].calls = lag->calls;
	told[reports].missed = lag->missed;
	reports++;
}

static ouro_loop *new_loop(unsigned lag_ms)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL,
							   .lag_ms = lag_ms,
							   .on_lag = note_lag,
							   .arg = word("mine") });

	CHECK(loop != NULL);
	return loop;
}

static void run_and_free(ouro_loop *loop)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static void fib_page(ouro_loop *loop, void *ms)
{
	CHECK_EQ(ouro_loop_advance(loop, (uintptr_t)ms), 0);
}

static void *ms(unsigned n)
{
	return (void *)(uintptr_t)n;
}

/* ---- who ---- */

/* The test below runs this one again, in a copy of this program without its symbols. */
TEST(a_slow_callback_is_told_by_the_name_of_its_function_also_when_it_is_static)
{
	ouro_loop *loop = new_loop(0);

	call_after(loop, 10, fib_page, ms(80));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	if (getenv("TEST_STRIPPED"))
		CHECK(strstr(told[0].who, "stripped+0x") == told[0].who);
	else
		CHECK_STR(told[0].who, "fib_page");
	CHECK_STR(told[0].doing, "timer");
	CHECK_EQ(told[0].ns, 80 * MS);
	CHECK_EQ(told[0].calls, 1);
	CHECK_EQ(told[0].missed, 0);
}

TEST(in_a_stripped_program_it_is_told_by_file_and_offset)
{
	char dir[] = "/tmp/ouro-lag-XXXXXX", copy[64], command[256];
	int status = 0;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(copy, sizeof(copy), "%s/stripped", dir);
	snprintf(command, sizeof(command), "strip -o %s /proc/%d/exe 2>/dev/null", copy, getpid());
	if (system(command) != 0) {
		rmdir(dir);
		SKIP("no program strip");
	}
	setenv("TEST_STRIPPED", "1", 1);
	snprintf(command, sizeof(command),
		 "%s a_slow_callback_is_told_by_the_name_of_its_function_also_when_it_is_static",
		 copy);
	status = system(command);
	unlink(copy);
	rmdir(dir);
	CHECK_EQ(status, 0);
}

TEST(a_name_set_on_the_timer_wins)
{
	ouro_loop *loop = new_loop(0);
	ouro_timer timer = call_after(loop, 10, fib_page, ms(80));

	CHECK(ouro_timer_set_name(loop, timer, "sweep of sessions"));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(told[0].who, "sweep of sessions");
}

static ouro_timer named_interval;

static void slow_and_stop(ouro_loop *loop, void *arg)
{
	CHECK(ouro_timer_stop(loop, named_interval));
	CHECK(!ouro_timer_set_name(loop, named_interval, "too late"));
	fib_page(loop, arg);
}

TEST(a_name_set_on_an_interval_wins_though_its_callback_stops_it)
{
	ouro_loop *loop = new_loop(0);

	named_interval = ouro_timer_every(loop, 10, slow_and_stop, ms(80));
	CHECK(ouro_timer_set_name(loop, named_interval, "every minute"));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(told[0].who, "every minute");
}

static void slow_reader(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	fib_page(ouro_io_loop(io), arg);
	ouro_io_close(io);
}

TEST(a_name_set_on_a_handle_wins_though_its_callback_closes_it)
{
	ouro_loop *loop = new_loop(0);
	struct tube tube = tube_full();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, slow_reader, ms(60));
	char doing[64];

	CHECK_EQ(ouro_io_set_name(io, "upstream 3"), 0);
	snprintf(doing, sizeof(doing), "descriptor %d", tube.out);
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(told[0].who, "upstream 3");
	CHECK_STR(told[0].doing, doing);
	CHECK_EQ(told[0].ns, 60 * MS);
	tube_close(tube);
}

static void slow_close(void *arg)
{
	fib_page(arg, ms(70));
}

static void slow_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signo;
	fib_page(ouro_signal_loop(signal), arg);
	ouro_signal_close(signal);
}

static void slow_wake(ouro_wake *wake, void *arg)
{
	fib_page(ouro_wake_loop(wake), arg);
	ouro_wake_close(wake);
}

static int report_of(const char *who)
{
	int found = -1;

	for (int i = 0; i < reports; i++)
		if (!strcmp(told[i].who, who))
			found = i;
	CHECK(found >= 0);
	return found;
}

TEST(every_kind_of_callback_is_watched)
{
	ouro_loop *loop = new_loop(0);
	struct tube tube = tube_empty();
	ouro_io *io = watch(loop, tube.out, OURO_READABLE, never, loop);
	ouro_wake *wake;

	ouro_io_on_close(io, slow_close);
	ouro_io_close(io);
	CHECK_EQ(ouro_signal_open(loop, SIGUSR1, slow_signal, ms(51), NULL), 0);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	CHECK_EQ(ouro_wake_open(loop, slow_wake, ms(52), &wake), 0);
	ouro_wake_send(wake);
	call_macro(loop, fib_page, ms(53));
	run_and_free(loop);
	CHECK_EQ(reports, 4);
	CHECK_EQ(told[report_of("slow_signal")].ns, 51 * MS);
	CHECK_EQ(told[report_of("slow_wake")].ns, 52 * MS);
	CHECK_EQ(told[report_of("fib_page")].ns, 53 * MS);
	CHECK_STR(told[report_of("fib_page")].doing, "macro task");
	CHECK_EQ(told[report_of("slow_close")].ns, 70 * MS);
	tube_close(tube);
}

static void post_a_slow_one(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_post(loop, fib_page, arg), 0);
}

TEST(a_slow_post_is_told_as_one)
{
	ouro_loop *loop = new_loop(0);

	call_after(loop, 10, post_a_slow_one, ms(99));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(told[0].who, "fib_page");
	CHECK_STR(told[0].doing, "post");
}

/* ---- how long ---- */

TEST(what_is_quicker_than_the_limit_is_not_told)
{
	ouro_loop *loop = new_loop(20);
	ouro_loop_stats stats;

	call_after(loop, 10, fib_page, ms(19));
	call_after(loop, 50, fib_page, ms(21));
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_get_stats(loop, &stats);
	CHECK_EQ(stats.lags, 1);
	CHECK_EQ(reports, 1);
	CHECK_EQ(told[0].ns, 21 * MS);
	ouro_loop_free(loop);
}

TEST(fifty_milliseconds_are_the_limit_unless_said_otherwise)
{
	ouro_loop *loop = new_loop(0);

	call_after(loop, 10, fib_page, ms(49));
	call_after(loop, 100, fib_page, ms(51));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_EQ(told[0].ns, 51 * MS);
}

TEST(never_means_never)
{
	ouro_loop *loop = new_loop(OURO_NEVER);

	call_after(loop, 10, fib_page, ms(3600000));
	run_and_free(loop);
	CHECK_EQ(reports, 0);
}

TEST(without_anybody_to_tell_it_is_counted)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	ouro_loop_stats stats;

	call_after(loop, 10, fib_page, ms(80));
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_get_stats(loop, &stats);
	CHECK_EQ(stats.lags, 1);
	ouro_loop_free(loop);
}

static void spin(ouro_loop *loop, void *arg)
{
	uint64_t until = real_ns() + 3 * MS;

	(void)loop, (void)arg;
	while (real_ns() < until)
		;
}

TEST(the_real_clock_tells_at_least_what_it_took)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .lag_ms = 2, .on_lag = note_lag, .arg = word("mine") });
	int of_spin;

	call_after(loop, 1, spin, NULL);
	run_and_free(loop);
	of_spin = report_of("spin"); /* a slow machine may have reported others too */
	CHECK(told[of_spin].ns >= 3 * MS);
}

/* A callback's micro tasks are reported under their own name, not under its. */
static void quick_with_a_slow_micro_task(ouro_loop *loop, void *arg)
{
	call_micro(loop, fib_page, arg);
}

TEST(a_slow_micro_task_is_told_by_its_own_name)
{
	ouro_loop *loop = new_loop(0);

	call_after(loop, 10, quick_with_a_slow_micro_task, ms(80));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(told[0].who, "fib_page");
	CHECK_STR(told[0].doing, "micro task");
	CHECK_EQ(told[0].ns, 80 * MS);
}

/* ---- in numbers ---- */

TEST(reports_that_come_too_fast_are_counted_instead)
{
	ouro_loop *loop = new_loop(0);
	uint64_t sum = 0;
	ouro_loop_stats stats;

	for (int i = 0; i < 50; i++)
		call_macro(loop, fib_page, ms(80));
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_get_stats(loop, &stats);
	CHECK_EQ(stats.lags, 50);
	for (int i = 0; i < reports; i++)
		sum += told[i].calls + told[i].missed;
	CHECK(reports >= 1);
	CHECK(sum <= 50);
	ouro_loop_free(loop);
}

TEST(five_are_told_and_one_more_every_twelve_seconds)
{
	ouro_loop *loop = new_loop(0);

	for (int i = 0; i < 20; i++)
		call_after(loop, 1 + (unsigned)i, fib_page, ms(80));
	call_after(loop, 14000, fib_page, ms(80));
	call_after(loop, 15000, fib_page, ms(80));
	call_after(loop, 26000, fib_page, ms(80));
	run_and_free(loop);
	CHECK_EQ(reports, 7);
	for (int i = 0; i < reports; i++)
		CHECK_EQ(told[i].missed, i == 5 ? 15 : i == 6 ? 1 : 0);
}

static int chain_left;

static void feed_itself(ouro_loop *loop, void *arg)
{
	if (--chain_left)
		call_micro(loop, feed_itself, arg);
}

TEST(micro_tasks_that_feed_themselves_are_told_after_ten_thousand_with_their_number)
{
	ouro_loop *loop = new_loop(0);

	chain_left = 25000;
	call_after(loop, 10, feed_itself, NULL);
	run_and_free(loop);
	CHECK(reports >= 1);
	CHECK_STR(told[0].who, "feed_itself");
	CHECK(strstr(told[0].doing, "micro task") == told[0].doing);
	CHECK(told[0].calls >= 10000 && told[0].calls < 11000);
}

static void feed_itself_slowly(ouro_loop *loop, void *arg)
{
	CHECK_EQ(ouro_loop_advance(loop, 1), 0);
	if (--chain_left)
		call_micro(loop, feed_itself_slowly, arg);
}

TEST(micro_tasks_that_feed_themselves_are_told_after_ten_milliseconds)
{
	ouro_loop *loop = new_loop(0);

	chain_left = 100;
	call_after(loop, 10, feed_itself_slowly, NULL);
	run_and_free(loop);
	CHECK(reports >= 1);
	CHECK_STR(told[0].who, "feed_itself_slowly");
	CHECK(strstr(told[0].doing, "micro task") == told[0].doing);
	CHECK(told[0].ns >= 10 * MS);
	CHECK(told[0].calls >= 10);
}

static void ask_the_loop(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)lag, (void)arg;
	reports++;
	CHECK(ouro_loop_turn(loop)); /* refused: it is turning */
	CHECK_EQ(ouro_loop_run(loop), -EBUSY);
	after(loop, 10, "asked");
}

TEST(on_lag_may_use_the_loop)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = ask_the_loop });

	call_after(loop, 10, fib_page, ms(80));
	run_and_free(loop);
	CHECK_EQ(reports, 1);
	CHECK_STR(said, "asked");
}

static void free_the_loop(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)lag, (void)arg;
	reports++;
	ouro_loop_free(loop);
}

TEST(on_lag_may_free_the_loop)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = free_the_loop });

	call_after(loop, 10, fib_page, ms(80));
	call_after(loop, 10000, never_task, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(reports, 1);
	CHECK_STR(said, "");
}

TEST(a_loop_can_be_freed_while_a_name_is_looked_up)
{
	for (int i = 0; i < 20; i++) {
		ouro_loop *loop = new_loop(0);

		call_macro(loop, fib_page, ms(80));
		ouro_loop_turn(loop);
		ouro_loop_free(loop);
	}
}

/* The thread that looks it up is the parent's. */
TEST(the_child_of_a_fork_can_free_it_while_a_name_is_looked_up)
{
	for (int i = 0; i < 20; i++) {
		ouro_loop *loop = new_loop(0);
		int status;
		pid_t pid;

		call_macro(loop, fib_page, ms(80));
		ouro_loop_turn(loop);
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			alarm(60);
			ouro_loop_free(loop);
			_exit(0);
		}
		ouro_loop_free(loop);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}
