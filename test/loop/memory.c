/* memory.c -- each call that makes something survives the failure of each of its allocations.
 *
 * An attempt makes, uses and frees; with one allocation refused it must answer -ENOMEM and leave
 * nothing behind, or have coped. What it did get is run to its end, so that a thing half made is
 * found. */
#include "kit.h"
#include <ev.h>
#include <sys/resource.h>

static ouro_loop *new_loop(void)
{
	return ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
}

/* Runs what is there and frees it all. */
static int end(ouro_loop *loop, int err)
{
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	return err;
}

static int make_a_loop(void)
{
	ouro_loop *loop = new_loop();

	return loop ? end(loop, 0) : -errno;
}

TEST(a_loop_is_made_or_not_at_all)
{
	CHECK(for_each_failing_allocation(make_a_loop) > 0);
}

static unsigned called;

static void count_call(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	called++;
}

#define MANY 700

/* Each that was made is called, each that was refused is not. */
static int make_timers(void)
{
	ouro_loop *loop = new_loop();
	unsigned made = 0;
	int err = 0;

	if (!loop)
		return -errno;
	called = 0;
	for (int i = 0; i < MANY; i++) {
		errno = 0;
		if (ouro_timer_after(loop, i % 7, count_call, NULL).id)
			made++;
		else
			err = -errno;
	}
	CHECK(made >= MANY - 1);
	end(loop, 0);
	CHECK_EQ(called, made);
	return err;
}

TEST(a_timer_that_was_refused_changes_nothing_for_the_others)
{
	CHECK(for_each_failing_allocation(make_timers) > 1);
}

static int queue_tasks(int (*queue)(ouro_loop *loop, ouro_task_fn *fn, void *arg))
{
	ouro_loop *loop = new_loop();
	unsigned queued = 0;
	int err = 0;

	if (!loop)
		return -errno;
	called = 0;
	for (int i = 0; i < MANY; i++) {
		int refused = queue(loop, count_call, NULL);

		queued += !refused;
		err = refused ? refused : err;
	}
	CHECK(queued >= MANY - 1);
	end(loop, 0);
	CHECK_EQ(called, queued);
	return err;
}

static int queue_micro_tasks(void)
{
	return queue_tasks(ouro_loop_micro);
}

static int queue_macro_tasks(void)
{
	return queue_tasks(ouro_loop_macro);
}

static int queue_posts(void)
{
	return queue_tasks(ouro_loop_post);
}

TEST(a_task_that_was_refused_changes_nothing_for_the_others)
{
	CHECK(for_each_failing_allocation(queue_micro_tasks) > 1);
	CHECK(for_each_failing_allocation(queue_macro_tasks) > 1);
	CHECK(for_each_failing_allocation(queue_posts) >= MANY);
}

/* ---- handles: opened, named, changed ---- */

static struct tube tube;

static int open_descriptors_on(ouro_loop *loop)
{
	ouro_io *io = NULL, *error = NULL;
	int err = ouro_io_open(loop, tube.out, OURO_READABLE, say_and_close, word("io"), &io);

	if (err)
		return err;
	err = ouro_io_set_name(io, "descriptor");
	if (!err)
		err = ouro_io_set(io, OURO_READABLE | OURO_ERROR);
	if (!err)
		err = ouro_io_open(loop, tube.in, OURO_ERROR, never, NULL, &error);
	ouro_io_close(error);
	return err;
}

static int open_descriptors(void)
{
	ouro_loop *loop = new_loop();
	int err;

	if (!loop)
		return -errno;
	said[0] = 0;
	err = end(loop, open_descriptors_on(loop));
	CHECK(err || !strcmp(said, "io"));
	return err;
}

TEST(a_descriptor_is_watched_or_not_at_all)
{
	tube = tube_full();
	CHECK(for_each_failing_allocation(open_descriptors) > 2);
	tube_close(tube);
}

static void never_signal(ouro_signal *signal, int signo, void *arg)
{
	(void)signal, (void)signo, (void)arg;
}

static int open_signals(void)
{
	ouro_loop *loop = new_loop();
	ouro_signal *one = NULL, *two = NULL;
	int err;

	if (!loop)
		return -errno;
	err = ouro_signal_open(loop, SIGUSR1, never_signal, NULL, &one);
	if (!err)
		err = ouro_signal_open(loop, SIGUSR2, never_signal, NULL, &two);
	if (!err)
		err = ouro_signal_set_name(two, "signal");
	ouro_signal_close(one);
	ouro_signal_close(two);
	err = end(loop, err);
	/* A signal that stayed blocked would be lost to the program. */
	sigset_t mask;
	CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	CHECK(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
	return err;
}

TEST(a_signal_is_watched_or_left_alone)
{
	CHECK(for_each_failing_allocation(open_signals) > 2);
}

static void close_wake(ouro_wake *wake, void *arg)
{
	(void)arg;
	ouro_wake_close(wake);
}

static int open_wakes(void)
{
	ouro_loop *loop = new_loop();
	ouro_wake *wake = NULL;
	int err;

	if (!loop)
		return -errno;
	err = ouro_wake_open(loop, close_wake, NULL, &wake);
	if (!err)
		err = ouro_wake_set_name(wake, "wake");
	if (wake) {
		size_t before = allocations();

		ouro_wake_send(wake); /* which needs none, and so cannot fail */
		CHECK_EQ(allocations(), before);
	}
	return end(loop, err);
}

TEST(a_bell_is_hung_or_not_at_all_and_ringing_it_needs_no_memory)
{
	CHECK(for_each_failing_allocation(open_wakes) > 1);
}

static int name_timers(void)
{
	ouro_loop *loop = new_loop();
	ouro_timer timer;
	bool named;

	if (!loop)
		return -errno;
	timer = ouro_timer_after(loop, 10, count_call, NULL);
	if (!timer.id)
		return end(loop, -errno);
	named = ouro_timer_set_name(loop, timer, "first");
	named &= ouro_timer_set_name(loop, timer, "second");
	return end(loop, named ? 0 : -ENOMEM);
}

TEST(a_timer_without_memory_for_its_name_is_a_timer_still)
{
	CHECK(for_each_failing_allocation(name_timers) > 2);
}

/* ---- the rest ---- */

static int poll_from_outside(void)
{
	ouro_loop *loop = new_loop();
	int fd;

	if (!loop)
		return -errno;
	fd = ouro_loop_fd(loop);
	return end(loop, fd < 0 ? fd : 0);
}

TEST(a_descriptor_for_a_foreign_loop_is_there_or_refused)
{
	for_each_failing_allocation(poll_from_outside);
}

static int fork_a_loop(void)
{
	ouro_loop *loop = new_loop();
	int err;

	if (!loop)
		return -errno;
	err = ouro_io_open(loop, tube.out, OURO_READABLE | OURO_ERROR, say_and_close, word("io"),
			   NULL);
	if (!err)
		err = ouro_signal_open(loop, SIGUSR1, never_signal, NULL, NULL);
	if (!err)
		err = ouro_loop_after_fork(loop);
	ouro_loop_free(loop);
	return err;
}

TEST(a_loop_survives_a_fork_or_can_be_freed)
{
	tube = tube_full();
	for_each_failing_allocation(fork_a_loop);
	tube_close(tube);
}

/* ---- descriptors that cannot be had ---- */

static int lowest_free(void)
{
	int fd = dup(0);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

static int make_all_that_takes_descriptors(void)
{
	ouro_loop *loop = new_loop();
	int err;

	if (!loop)
		return -errno;
	err = ouro_signal_open(loop, SIGUSR1, never_signal, NULL, NULL);
	if (!err)
		err = ouro_io_open(loop, tube.out, OURO_READABLE | OURO_ERROR, never, NULL, NULL);
	if (!err && ouro_loop_fd(loop) < 0)
		err = ouro_loop_fd(loop);
	ouro_loop_free(loop);
	return err;
}

TEST(each_descriptor_that_cannot_be_had_is_told_by_EMFILE_and_leaves_none_behind)
{
	struct rlimit all, few;
	int free_fd, err = -EMFILE;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
	tube = tube_empty();
	free_fd = lowest_free();
	for (unsigned extra = 0; err; extra++) {
		few = (struct rlimit){ (rlim_t)free_fd + extra, all.rlim_max };
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		err = make_all_that_takes_descriptors();
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
		CHECK(err == 0 || err == -EMFILE);
		CHECK_EQ(lowest_free(), free_fd);
		CHECK(extra < 32);
	}
	tube_close(tube);
}

static void note_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	CHECK(lag->who[0] != 0);
	called++;
}

static void slow(ouro_loop *loop, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_loop_advance(loop, 80), 0);
}

static int report_a_lag(void)
{
	ouro_loop *loop =
		ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_lag = note_lag });

	if (!loop)
		return -errno;
	called = 0;
	if (!ouro_timer_after(loop, 10, slow, NULL).id)
		return end(loop, -errno);
	end(loop, 0);
	CHECK_EQ(called, 1);
	return 0;
}

TEST(a_slow_callback_is_reported_whatever_fails)
{
	for_each_failing_allocation(report_a_lag);
}

static int guest(void)
{
	struct ev_loop *host = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	ouro_loop *loop =
		ouro_loop_new(&(ouro_loop_opts){ .ev = host, .clock = OURO_CLOCK_VIRTUAL });
	int err = loop ? open_descriptors_on(loop) : -errno;

	ev_run(host, 0);
	ouro_loop_free(loop);
	ev_loop_destroy(host);
	return err;
}

TEST(a_guest_without_memory_leaves_its_host_alone)
{
	tube = tube_full();
	CHECK(for_each_failing_allocation(guest) > 1);
	tube_close(tube);
}

static int with_origins(void)
{
	ouro_loop *loop = new_loop();
	int err;

	if (!loop)
		return -errno;
	said[0] = 0;
	err = ouro_timer_after(loop, 10, count_call, NULL).id ? 0 : -errno;
	if (!err)
		err = ouro_io_open(loop, tube.out, OURO_READABLE, say_and_close, word("io"), NULL);
	ouro_loop_active(loop, NULL, NULL);
	return end(loop, err);
}

TEST(without_memory_for_its_origin_a_thing_works_all_the_same)
{
	setenv("OURO_ORIGINS", "1", 1);
	tube = tube_full();
	for_each_failing_allocation(with_origins);
	tube_close(tube);
}
