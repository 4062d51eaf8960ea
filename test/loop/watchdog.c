/* watchdog.c -- who holds the loop, told while it is held.
 *
 * A callback that is to be caught holds the loop until it is told of: so no test depends on how
 * quick the machine is. */
#include "kit.h"
#include <ev.h>
#include <pthread.h>

#define LIMIT \
	200 /* ms; as long has the loop's thread to show its stack, on a machine that is busy */

#if defined(__SANITIZE_THREAD__)
#define TEST_KEEPS_SIGNALS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_KEEPS_SIGNALS
#endif
#endif

/* What on_held was told first, as the watchdog's thread wrote it down. */
static struct {
	char who[128], doing[256], route[128], origin[512], stack[4096];
	uint64_t ns;
	unsigned waiting;
	bool ongoing;
	pthread_t thread;
} held;
static atomic_int helds, pages;

/* And on_lag, last, on the loop's. */
static struct {
	char who[128], doing[256], stack[4096];
	uint64_t ns;
	unsigned waiting, count;
} over;

static void join(const ouro_lag *lag, char *text, size_t room)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < lag->depth; i++)
		used += (size_t)snprintf(text + used, room - used, "%s ", lag->stack[i]);
}

static void on_held(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop;
	CHECK_STR(arg, "mine");
	if (!strcmp(lag->who, "ouro")) /* the machine has let nobody of us run */
		return;
	if (!helds) {
		snprintf(held.who, sizeof(held.who), "%s", lag->who);
		snprintf(held.doing, sizeof(held.doing), "%s", lag->doing);
		snprintf(held.route, sizeof(held.route), "%s", lag->route);
		snprintf(held.origin, sizeof(held.origin), "%s", lag->origin);
		join(lag, held.stack, sizeof(held.stack));
		held.ns = lag->ns;
		held.waiting = lag->waiting;
		held.ongoing = lag->ongoing;
		held.thread = pthread_self();
	}
	helds++;
}

static void on_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	if (!strcmp(lag->who, "say_task"))
		return;
	snprintf(over.who, sizeof(over.who), "%s", lag->who);
	snprintf(over.doing, sizeof(over.doing), "%s", lag->doing);
	join(lag, over.stack, sizeof(over.stack));
	over.ns = lag->ns;
	over.waiting = lag->waiting;
	over.count++;
	CHECK(!lag->ongoing);
}

static ouro_loop *new_loop(struct ev_loop *ev)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = ev,
							   .watch_ms = LIMIT,
							   .lag_ms = LIMIT,
							   .on_held = on_held,
							   .on_lag = on_lag,
							   .arg = word("mine") });

	CHECK(loop != NULL);
	return loop;
}

/* Holds the loop until on_held has been told `n` times. */
__attribute__((noinline)) static void hold_until_told(int n)
{
	while (helds < n)
		real_ns();
}

/* Its last call must not be a jump: who was left by one is on no stack. */
static void fib_page(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	hold_until_told(1);
	pages++;
}

/* ---- While it lasts ---- */

TEST(who_holds_the_loop_is_told_while_it_does)
{
	ouro_loop *loop = new_loop(NULL);

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "fib_page");
	CHECK_STR(held.doing, "timer");
	CHECK_STR(held.route, "");
	CHECK_STR(held.origin, "");
	CHECK(held.ongoing);
	CHECK(held.ns >= LIMIT * MS);
	CHECK(!pthread_equal(held.thread, pthread_self()));
	ouro_loop_free(loop);
}

TEST(with_its_stack_static_functions_too)
{
	ouro_loop *loop = new_loop(NULL);

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(held.stack, "hold_until_told fib_page ") != NULL);
	CHECK(strstr(held.stack, "ouro_loop_run ") != NULL);
	ouro_loop_free(loop);
}

TEST(and_once_more_when_it_is_over_by_on_lag)
{
	ouro_loop *loop = new_loop(NULL);

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(over.count, 1);
	CHECK_STR(over.who, "fib_page");
	CHECK_STR(over.doing, "timer");
	CHECK(over.ns >= held.ns);
	CHECK(strstr(over.stack, "hold_until_told fib_page ") != NULL);
	ouro_loop_free(loop);
}

static void never_ready(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	drain(ouro_io_fd(io));
	ouro_io_close(io);
	if (arg)
		hold_until_told(1);
}

TEST(descriptors_that_are_ready_and_wait_are_counted)
{
	ouro_loop *loop = new_loop(NULL);
	struct tube tubes[38];

	for (int i = 0; i < 38; i++) {
		tubes[i] = tube_full();
		CHECK_EQ(ouro_io_open(loop, tubes[i].out, OURO_READABLE, never_ready,
				      i ? NULL : loop, NULL),
			 0);
	}
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "never_ready");
	CHECK(strstr(held.doing, "descriptor ") == held.doing);
	CHECK_EQ(held.waiting, 37);
	CHECK_EQ(over.waiting, 37);
	for (int i = 0; i < 38; i++)
		tube_close(tubes[i]);
	ouro_loop_free(loop);
}

TEST(a_timer_is_told_with_its_name_and_who_made_it)
{
	ouro_loop *loop;
	ouro_timer timer;

	setenv("OURO_ORIGINS", "1", 1);
	loop = new_loop(NULL);
	timer = ouro_timer_after(loop, 1, fib_page, NULL);
	CHECK(ouro_timer_set_name(loop, timer, "sweep of sessions"));
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "sweep of sessions");
	CHECK(strstr(held.origin, "a_timer_is_told_with_its_name_and_who_made_it\n") != NULL);
	ouro_loop_free(loop);
}

static void short_one(ouro_loop *loop, void *left)
{
	uint64_t until = real_ns() + MS / 2;

	while (real_ns() < until)
		;
	if (left)
		call_macro(loop, short_one, (char *)left - 1);
}

TEST(many_that_are_short_are_nobody)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .watch_ms = 500, .on_held = on_held, .arg = word("mine") });

	call_macro(loop, short_one, (char *)NULL + 400);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(helds, 0);
	CHECK_EQ(ouro_loop_worst(loop, NULL, NULL), 0);
	ouro_loop_free(loop);
}

TEST(a_loop_that_waits_is_not_held)
{
	ouro_loop *loop = new_loop(NULL);

	after(loop, 10 * LIMIT, "waited");
	CHECK_EQ(ouro_loop_run(loop), 0);
	usleep(5 * LIMIT * 1000); /* nor one that nobody runs */
	CHECK_STR(said, "waited");
	CHECK_EQ(helds, 0);
	ouro_loop_free(loop);
}

/* ---- Wherever it is ---- */

static void with_all_signals_held_back(ouro_loop *loop, void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	fib_page(loop, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

TEST(in_a_region_without_signals_it_is_told_without_a_stack)
{
	ouro_loop *loop = new_loop(NULL);

	call_after(loop, 1, with_all_signals_held_back, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "with_all_signals_held_back");
	CHECK_STR(held.stack, "");
	CHECK_STR(over.doing, "timer");
	ouro_loop_free(loop);
}

static void *run_it(void *loop)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	return NULL;
}

TEST(a_thread_that_takes_no_signals_takes_this_one_in_a_loop_of_ours)
{
	ouro_loop *loop = new_loop(NULL);
	pthread_t thread;

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, run_it, loop), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(strstr(held.stack, "hold_until_told fib_page ") != NULL);
	ouro_loop_free(loop);
}

static int ends[2];

static void *write_when_told(void *arg)
{
	(void)arg;
	hold_until_told(1);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	return NULL;
}

static void read_a_byte(ouro_loop *loop, void *arg)
{
	char byte;

	(void)loop, (void)arg;
	CHECK_EQ(read(ends[0], &byte, 1), 1); /* not EINTR */
}

TEST(inside_a_system_call_which_goes_on)
{
	ouro_loop *loop;
	pthread_t writer;

#ifdef TEST_KEEPS_SIGNALS
	SKIP("this sanitizer keeps signals back while read() waits");
#endif
	loop = new_loop(NULL);

	CHECK_EQ(pipe(ends), 0);
	call_after(loop, 1, read_a_byte, NULL);
	CHECK_EQ(pthread_create(&writer, NULL, write_when_told, NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(writer, NULL), 0);
	CHECK_STR(held.who, "read_a_byte");
	CHECK(strstr(held.stack, "read") != NULL);
	close(ends[0]);
	close(ends[1]);
	ouro_loop_free(loop);
}

static void allocate_until_told(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	for (unsigned n = 1; !helds; n = n * 1103515245u % 65521u + 1) {
		void *block = malloc(n);

		CHECK(block != NULL);
		free(block);
	}
}

TEST(inside_malloc)
{
	ouro_loop *loop = new_loop(NULL);

	call_after(loop, 1, allocate_until_told, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "allocate_until_told");
	ouro_loop_free(loop);
}

/* ---- In a host's loop ---- */

static void host_works(struct ev_loop *ev, ev_timer *w, int revents)
{
	(void)revents;
	hold_until_told(1);
	ev_timer_stop(ev, w);
}

TEST(a_host_that_holds_its_own_loop_is_blamed_itself)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	ouro_loop *loop = new_loop(ev);
	ev_timer timer;

	ev_timer_init(&timer, host_works, 0.001, 0);
	ev_timer_start(ev, &timer);
	call_after(loop, 1, say_task, word("ours"));
	ev_run(ev, 0);
	CHECK_STR(held.who, "host");
	CHECK(strstr(held.stack, "hold_until_told host_works ") != NULL);
	call_after(loop, 1, say_task, word("ours")); /* it may have been the host's last */
	ev_run(ev, 0);
	CHECK_STR(over.who, "host");
	ouro_loop_free(loop);
	ev_loop_destroy(ev);
}

static void turn_on(ouro_loop *loop, void *arg)
{
	if (!helds)
		call_macro(loop, turn_on, arg);
}

/* Ours has something to do whenever the host's poll ends, and comes after the host. */
TEST(and_so_it_is_when_our_turn_comes_right_behind)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	ouro_loop *loop = new_loop(ev);
	ev_timer timer;

	ev_timer_init(&timer, host_works, 0.001, 0);
	ev_set_priority(&timer, EV_MAXPRI);
	ev_timer_start(ev, &timer);
	call_macro(loop, turn_on, NULL);
	ev_run(ev, 0);
	CHECK_STR(over.who, "host");
	CHECK(over.ns >= LIMIT * MS);
	ouro_loop_free(loop);
	ev_loop_destroy(ev);
}

TEST(and_ours_in_it_is_ours)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	ouro_loop *loop = new_loop(ev);

	call_after(loop, 1, fib_page, NULL);
	ev_run(ev, 0);
	CHECK_STR(held.who, "fib_page");
	CHECK_STR(over.who, "fib_page");
	ouro_loop_free(loop);
	ev_loop_destroy(ev);
}

#define OURS 10
#define ALL  15

static struct tube waits[ALL];

static void host_fills_and_works(struct ev_loop *ev, ev_timer *w, int revents)
{
	for (int i = 0; i < ALL; i++)
		tube_fill(waits[i]);
	host_works(ev, w, revents);
}

static void host_reads(struct ev_loop *ev, ev_io *w, int revents)
{
	(void)revents;
	ev_io_stop(ev, w);
}

/* Ours and the host's own. */
TEST(there_those_that_are_ready_and_wait_are_counted_too)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	ouro_loop *loop = new_loop(ev);
	ev_io theirs[ALL];
	ev_timer timer;

	for (int i = 0; i < ALL; i++) {
		waits[i] = tube_empty();
		ev_io_init(&theirs[i], host_reads, waits[i].out, EV_READ);
		if (i < OURS)
			CHECK_EQ(ouro_io_open(loop, waits[i].out, OURO_READABLE, never_ready, NULL,
					      NULL),
				 0);
		else
			ev_io_start(ev, &theirs[i]);
	}
	ev_timer_init(&timer, host_fills_and_works, 0.001, 0);
	ev_timer_start(ev, &timer);
	ev_run(ev, 0);
	CHECK_STR(held.who, "host");
	CHECK_EQ(held.waiting, ALL);
	for (int i = 0; i < ALL; i++)
		tube_close(waits[i]);
	ouro_loop_free(loop);
	ev_loop_destroy(ev);
}

/* A host of any make, which is busy with its own when ours is ready. */
TEST(a_host_that_does_not_come_when_it_is_called_is_blamed)
{
	ouro_loop *loop = new_loop(NULL);
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };

	after(loop, 3600 * 1000, "never");
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK(ouro_loop_turn(loop));
	after(loop, 1, "late");
	hold_until_told(1);
	CHECK_STR(held.who, "host");
	CHECK(strstr(held.stack, "hold_until_told ") != NULL);
	while (!over.count && poll(&p, 1, -1) > 0)
		CHECK(ouro_loop_turn(loop));
	CHECK_STR(over.who, "host");
	CHECK_STR(said, "late");
	ouro_loop_free(loop);
}

TEST(one_that_comes_is_not_and_our_callback_is)
{
	ouro_loop *loop = new_loop(NULL);
	struct pollfd p = { .fd = ouro_loop_fd(loop), .events = POLLIN };

	call_after(loop, 1, fib_page, NULL);
	while (poll(&p, 1, -1) > 0 && ouro_loop_turn(loop))
		;
	CHECK_STR(held.who, "fib_page");
	CHECK_STR(over.who, "fib_page");
	ouro_loop_free(loop);
}

/* ---- What is kept ---- */

static char list[4096];

static void note(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s ", lag->who,
		 lag->ongoing ? "!" : "");
}

static void note_blame(const ouro_blame *blame, void *arg)
{
	(void)arg;
	CHECK(blame->ns >= blame->max_ns && blame->max_ns >= LIMIT * MS);
	snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s %d ", blame->name,
		 (int)blame->count);
}

/* Takes longer than LIMIT, which is all that is asked of it. */
static void hold_for(uint64_t ms)
{
	uint64_t until = real_ns() + ms * MS;

	while (real_ns() < until)
		;
}

static void shorter(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	hold_for(2 * LIMIT);
}

static void longer(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	hold_for(20 * LIMIT * TEST_SLOW);
}

TEST(the_worst_are_kept_the_longest_first_and_counted_by_function)
{
	ouro_loop *loop = new_loop(NULL);

	call_macro(loop, shorter, NULL);
	call_macro(loop, longer, NULL);
	call_macro(loop, shorter, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_loop_worst(loop, note, NULL), 3);
	CHECK_STR(list, "longer shorter shorter ");
	list[0] = 0;
	CHECK_EQ(ouro_loop_blame(loop, OURO_BY_FUNCTION, note_blame, NULL), 2);
	CHECK_STR(list, "longer 1 shorter 2 ");
	CHECK_EQ(ouro_loop_blame(loop, OURO_BY_ROUTE, note_blame, NULL), 0);
	ouro_loop_free(loop);
}

TEST(they_fold_into_lines_for_a_flame_graph)
{
	ouro_loop *loop = new_loop(NULL);
	ouro_buf *lines = ouro_buf_new();
	const char *line;

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_loop_folded(loop, lines), 0);
	line = strstr(ouro_buf_str(lines).ptr, ";fib_page;hold_until_told");
	CHECK(line != NULL);
	CHECK(strchr(line, ' ') && atoi(strchr(line, ' ')) >= LIMIT);
	CHECK_EQ(strchr(line, '\n')[1], 0);
	ouro_buf_free(lines);
	ouro_loop_free(loop);
}

static void *read_the_worst(void *loop)
{
	hold_until_told(1);
	CHECK_EQ(ouro_loop_worst(loop, note, NULL), 1);
	helds++;
	return NULL;
}

static void hold_until_read(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	hold_until_told(2);
}

TEST(another_thread_can_read_them_while_the_loop_is_held)
{
	ouro_loop *loop = new_loop(NULL);
	pthread_t reader;

	CHECK_EQ(pthread_create(&reader, NULL, read_the_worst, loop), 0);
	call_after(loop, 1, hold_until_read, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	CHECK_STR(list, "hold_until_read! ");
	ouro_loop_free(loop);
}

TEST(the_watchdog_may_mind_what_on_lag_does_not)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .watch_ms = LIMIT, .lag_ms = OURO_NEVER, .on_lag = on_lag });
	ouro_loop_stats stats;

	call_macro(loop, shorter, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(over.count, 0);
	CHECK_EQ(ouro_loop_worst(loop, NULL, NULL), 1);
	ouro_loop_get_stats(loop, &stats);
	CHECK_EQ(stats.lags, 0);
	ouro_loop_free(loop);
}

/* ---- Stuck ---- */

static void on_stuck(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	CHECK_STR(lag->who, "hold_until_read");
	CHECK(lag->ongoing);
	CHECK(lag->ns >= 3 * LIMIT * MS);
	helds++;
}

TEST(a_loop_that_is_stuck_for_good_is_told_of_once)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = LIMIT,
							   .stuck_ms = 3 * LIMIT,
							   .on_held = on_held,
							   .on_stuck = on_stuck,
							   .arg = word("mine") });

	call_after(loop, 1, hold_until_read, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(helds, 2);
	ouro_loop_free(loop);
}

static void for_ever(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	for (;;)
		real_ns();
}

TEST(or_ends_the_process_with_a_core)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){
			.watch_ms = LIMIT, .stuck_ms = 3 * LIMIT, .stuck = OURO_STUCK_ABORT });

		signal(SIGABRT, SIG_DFL);
		call_after(loop, 1, for_ever, NULL);
		_exit(ouro_loop_run(loop));
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGABRT);
}

/* ---- At random ---- */

static atomic_bool caught;
static uint64_t latest; /* ns after which one was told */

static void catch (ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	snprintf(held.who, sizeof(held.who), "%s", lag->who);
	join(lag, held.stack, sizeof(held.stack));
	latest = lag->ns > latest ? lag->ns : latest;
	caught = true;
}

/* Twenty functions, exported and static ones, that hold the loop until that is told. Each differs
 * from the others: of those that are the same a compiler makes one. */
#define TWENTY(X)                                                                              \
	X(a, static)                                                                           \
	X(b, )                                                                                 \
	X(c, static)                                                                           \
	X(d, static)                                                                           \
	X(e, )                                                                                 \
	X(f, static) X(g, static) X(h, ) X(i, static) X(j, static) X(k, ) X(l, static)         \
		X(m, static) X(n, ) X(o, static) X(p, static) X(q, ) X(r, static) X(s, static) \
			X(t, )

#define DECLARE(letter, linkage) linkage ouro_task_fn holder_##letter;
TWENTY(DECLARE)

#define DEFINE(letter, linkage)                                  \
	linkage void holder_##letter(ouro_loop *loop, void *arg) \
	{                                                        \
		uint64_t until = real_ns() + 2 * LIMIT * MS;     \
                                                                 \
		(void)loop;                                      \
		while (!caught || real_ns() < until)             \
			*(volatile unsigned *)arg += #letter[0]; \
	}
TWENTY(DEFINE)

static const struct {
	const char *name;
	ouro_task_fn *fn;
} twenty[] = {
#define NAME(letter, linkage) { "holder_" #letter, holder_##letter },
	TWENTY(NAME)
};

/* A thousand with TEST_LONG, and then how quick it was. */
TEST(whoever_of_twenty_it_is_is_told_by_name)
{
	ouro_loop *loop = ouro_loop_new(
		&(ouro_loop_opts){ .watch_ms = LIMIT, .stuck_ms = LIMIT, .on_stuck = catch });
	int trials = getenv("TEST_LONG") ? 1000 : 20;
	unsigned count = 0;
	int without = 0;

	alarm(0);
	srand(7);
	for (int i = 0; i < trials; i++) {
		int n = getenv("TEST_LONG") ? rand() % 20 : i;

		caught = false;
		call_after(loop, (uint64_t)rand() % 5, twenty[n].fn, &count);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(held.who, twenty[n].name);
		if (*held.stack)
			CHECK(strstr(held.stack, twenty[n].name) != NULL);
		else /* a busy machine has not let the loop's thread run */
			CHECK(++without <= trials / 10);
	}
	if (getenv("TEST_LONG"))
		printf("# %d told right, the latest after %.1f ms of %d\n", trials,
		       (double)latest / (double)MS, LIMIT);
	ouro_loop_free(loop);
}

/* ---- Options ---- */

static char complaint[256];

static void on_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	snprintf(complaint, sizeof(complaint), "%s", sentence);
}

TEST(an_option_without_sense_is_refused_in_words)
{
	CHECK(!ouro_loop_new(
		&(ouro_loop_opts){ .watch_ms = 1, .clock = OURO_CLOCK_VIRTUAL, .on_log = on_log }));
	CHECK_EQ(errno, EINVAL);
	CHECK_STR(complaint, "a watchdog needs the real clock");
	CHECK(!ouro_loop_new(
		&(ouro_loop_opts){ .watch_ms = 1, .watch_signal = SIGKILL, .on_log = on_log }));
	CHECK_EQ(errno, EINVAL);
	CHECK_STR(complaint, "watch_signal: 9 is no signal that a watchdog may have");
	CHECK(!ouro_loop_new(&(ouro_loop_opts){ .stuck = 7, .on_log = on_log }));
	CHECK_EQ(errno, EINVAL);
}

TEST(without_a_signal_there_is_no_stack)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){
		.watch_ms = LIMIT, .watch_signal = -1, .on_held = on_held, .arg = word("mine") });

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "fib_page");
	CHECK_STR(held.stack, "");
	ouro_loop_free(loop);
}

static int make_and_free(void)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = LIMIT });

	if (!loop)
		return -errno;
	ouro_loop_free(loop);
	return 0;
}

TEST(without_memory_there_is_no_loop_and_nothing_is_left)
{
	CHECK(for_each_failing_allocation(make_and_free) >= 3);
}

#define RESTORER 0x04000000 /* the C library's, in whatever was ever set by it */

TEST(the_hosts_dispositions_are_as_they_were)
{
	struct sigaction before[65] = { { .sa_flags = 0 } }, after_it = { .sa_flags = 0 };
	ouro_loop *loop;

	for (int signo = 1; signo < 65; signo++)
		sigaction(signo, NULL, &before[signo]);
	loop = new_loop(NULL);
	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	for (int signo = 1; signo < 65; signo++) {
		sigaction(signo, NULL, &after_it);
		CHECK(before[signo].sa_handler == after_it.sa_handler);
		CHECK_EQ(before[signo].sa_flags & ~RESTORER, after_it.sa_flags & ~RESTORER);
	}
}

/* ---- More than one ---- */

static void *run_held(void *arg)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = LIMIT });

	(void)arg;
	CHECK(loop != NULL);
	call_macro(loop, shorter, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_loop_worst(loop, NULL, NULL), 1);
	ouro_loop_free(loop);
	return NULL;
}

TEST(two_loops_in_two_threads_have_one_each)
{
	ouro_loop *loop = new_loop(NULL);
	pthread_t other;

	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(pthread_create(&other, NULL, run_held, NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(pthread_join(other, NULL), 0);
	CHECK_STR(held.who, "fib_page");
	CHECK_EQ(ouro_loop_worst(loop, NULL, NULL), 1);
	ouro_loop_free(loop);
}

/* ---- Fork ---- */

TEST(in_the_child_of_a_fork_the_loop_is_watched_again)
{
	ouro_loop *loop;
	int status;
	pid_t pid;

#ifdef TEST_KEEPS_SIGNALS
	SKIP("this sanitizer has no threads in the child of a fork");
#endif
	loop = new_loop(NULL);
	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	/* Its threads are at rest now: one in malloc would leave a sanitizer's lock to the child. */
	helds = 0;
	memset(&held, 0, sizeof(held));
	memset(&over, 0, sizeof(over));
	call_after(loop, 1, fib_page, NULL);
	pid = fork();
	if (pid == 0)
		CHECK_EQ(ouro_loop_after_fork(loop), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "fib_page");
	CHECK(strstr(held.stack, "hold_until_told fib_page ") != NULL);
	CHECK_STR(over.who, "fib_page");
	ouro_loop_free(loop);
	if (pid == 0)
		_exit(0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(a_child_that_only_frees_it_does_not_wait_for_a_thread_that_is_not_there)
{
	ouro_loop *loop = new_loop(NULL);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ouro_loop_free(loop);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	call_after(loop, 1, fib_page, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(held.who, "fib_page");
	ouro_loop_free(loop);
}
