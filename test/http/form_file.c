/* form_file.c -- the file of a form while it is written, in an order that the test makes: the pool
 * has one thread, and a gate holds it. */
#include "../offload/scratch.h"
#include "../ops.h"
#include "http/form.h"
#include <signal.h>
#include <sys/resource.h>

static void say_news(enum form_file_news news, int err, void *arg)
{
	static const char *const words[] = { "drained", "whole", "gone" };

	(void)arg;
	say("%s:%s", words[news], ouro_errname(err));
}

static void wait_for(ouro_loop *loop, const char *words)
{
	while (strlen(said) < strlen(words))
		ouro_loop_turn(loop);
	CHECK_STR(said, words);
}

static ouro_loop *loop_of_one_thread(void)
{
	ouro_loop *loop =
		ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .pool_threads = 1 });

	CHECK(loop != NULL);
	scratch_enter();
	CHECK_EQ(mkdir("spool", 0755), 0);
	return loop;
}

static struct form_file *open_file(ouro_loop *loop)
{
	struct form_file *file;

	CHECK_EQ(ouro__form_file_open(loop, "spool", 0600, say_news, NULL, &file), 0);
	return file;
}

static void leave(ouro_loop *loop)
{
	ouro_loop_free(loop);
	CHECK_EQ(rmdir("spool"), 0); /* there is nothing in it */
	scratch_leave();
}

/* All that is out has ended, and is answered. */
static void next_step(ouro_loop *loop)
{
	wait_until_left(loop, 0);
	ouro_loop_turn(loop);
}

static void limit(int what, rlim_t most, struct rlimit *ret_was)
{
	struct rlimit less;

	CHECK_EQ(getrlimit(what, ret_was), 0);
	less = *ret_was;
	less.rlim_cur = most;
	CHECK_EQ(setrlimit(what, &less), 0);
}

/* ---- Full ---- */

/* Between two operations of the pool's one thread. */
struct between {
	struct gate gate;
	struct job job;
};

static void stop_after(ouro_loop *loop, struct between *between)
{
	gate_init(&between->gate);
	between->job = (struct job){ .gate = &between->gate };
	ask_job(loop, OURO_LANE_FILES, &between->job);
}

/* The next has been asked for, and waits there. */
static void turn_until_it_waits(ouro_loop *loop)
{
	while (!figures(loop).lane[OURO_LANE_FILES].waiting)
		ouro_loop_turn(loop);
}

/* The limit is the disk, and writing is what fails. The writer is closed, and so is its file; there
 * the thread is stopped, and the removal waits. */
static struct form_file *fail_and_wait(ouro_loop *loop, struct between *then)
{
	static char bytes[8192];
	struct form_file *file;
	struct between closing;
	struct rlimit was;

	signal(SIGXFSZ, SIG_IGN);
	limit(RLIMIT_FSIZE, 4096, &was);
	file = open_file(loop);
	CHECK_EQ(ouro__form_file_write(file, ouro_str_n(bytes, sizeof(bytes))), 0);
	next_step(loop); /* it is open, and being written */
	stop_after(loop, &closing);
	gate_await(&closing.gate, 1);
	turn_until_it_waits(loop);
	stop_after(loop, then);
	gate_open(&closing.gate, 1);
	gate_await(&then->gate, 1);
	turn_until_it_waits(loop);
	return file;
}

TEST(what_comes_between_a_failure_and_the_removal_is_dropped)
{
	ouro_loop *loop = loop_of_one_thread();
	struct between then;
	struct form_file *file = fail_and_wait(loop, &then);

	CHECK_EQ(ouro__form_file_write(file, ouro_str_z("more")), 0);
	CHECK_EQ(ouro__form_file_end(file), 0);
	CHECK_STR(said, "");
	CHECK_EQ(access(ouro__form_file_path(file), F_OK), 0);
	gate_open(&then.gate, 1);
	wait_for(loop, "gone:EFBIG");
	leave(loop);
}

TEST(nobody_hears_of_it_who_has_dropped_it_meanwhile)
{
	ouro_loop *loop = loop_of_one_thread();
	struct between then;
	struct form_file *file = fail_and_wait(loop, &then);

	ouro__form_file_drop(file, false);
	gate_open(&then.gate, 1);
	next_step(loop);
	CHECK_EQ(then.job.answers, 1);
	CHECK_STR(said, "");
	leave(loop);
}

/* ---- No descriptors ---- */

TEST(without_a_descriptor_for_the_pool_it_is_refused)
{
	ouro_loop *loop = loop_of_one_thread();
	struct form_file *file = NULL;
	struct rlimit was;

	limit(RLIMIT_NOFILE, 3, &was);
	CHECK_EQ(ouro__form_file_open(loop, "spool", 0600, say_news, NULL, &file), -EMFILE);
	CHECK(!file);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	file = open_file(loop);
	CHECK_EQ(ouro__form_file_end(file), 0);
	wait_for(loop, "whole:OK");
	ouro__form_file_drop(file, false);
	leave(loop);
}

TEST(without_a_descriptor_for_the_file_it_is_told)
{
	ouro_loop *loop = loop_of_one_thread();
	struct form_file *file;
	struct rlimit was;

	CHECK(ouro_fs_access(loop, ".", F_OK, say_done, word("pool")).id);
	wait_for(loop, "pool");
	limit(RLIMIT_NOFILE, 3, &was);
	file = open_file(loop);
	CHECK_EQ(ouro__form_file_write(file, ouro_str_z("bytes")), 0);
	wait_for(loop, "pool gone:EMFILE");
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	leave(loop);
}
