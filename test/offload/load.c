/* load.c -- a whole file into memory. */
#include "offload/whole.h"

static ouro_op load(ouro_loop *loop, const char *path, size_t max)
{
	return ouro_fs_load(loop, path, max, on_data, NULL);
}

TEST(a_file_is_loaded_whole_with_a_zero_behind_it)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "three words here");
	CHECK_EQ(answer_to(loop, load(loop, "f", 0)), 0);
	CHECK_EQ(answer.len, 16);
	CHECK_STR(answer.bytes, "three words here");
	answer_forget();
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(an_empty_file_is_no_error)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "");
	CHECK_EQ(answer_to(loop, load(loop, "f", 0)), 0);
	CHECK_EQ(answer.len, 0);
	answer_forget();
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(every_size_around_a_piece_is_right)
{
	static const size_t sizes[] = { 1, 512 * KIB - 1, 512 * KIB, 512 * KIB + 1, 1536 * KIB };
	ouro_loop *loop = new_loop();

	scratch_enter();
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_big("f", sizes[i], i + 1);
		CHECK_EQ(answer_to(loop, load(loop, "f", 0)), 0);
		CHECK_EQ(answer.len, sizes[i]);
		CHECK(file_is("f", answer.bytes, answer.len));
	}
	answer_forget();
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_of_proc_that_claims_to_be_empty_is_read_to_its_end)
{
	ouro_loop *loop = new_loop();

	CHECK_EQ(answer_to(loop, load(loop, "/proc/self/maps", 0)), 0);
	CHECK(answer.len > 0);
	CHECK(strstr(answer.bytes, "[stack]") != NULL);
	answer_forget();
	ouro_loop_free(loop);
}

TEST(a_file_larger_than_max_is_too_big_and_one_as_large_is_not)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "12345678");
	CHECK_EQ(answer_to(loop, load(loop, "f", 7)), OURO_ETOOBIG);
	CHECK_EQ(answer_to(loop, load(loop, "f", 8)), 0);
	CHECK_STR(answer.bytes, "12345678");
	CHECK_EQ(answer_to(loop, load(loop, "f", SIZE_MAX)), 0);
	CHECK_EQ(answer_to(loop, load(loop, "/proc/self/maps", 100)), OURO_ETOOBIG);
	answer_forget();
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(two_gibibytes_are_too_big_unless_asked_for)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_sparse("f", 2048 * MIB);
	CHECK_EQ(answer_to(loop, load(loop, "f", 0)), OURO_ETOOBIG);
	ouro_loop_free(loop);
	scratch_leave();
}

/* Changed between its first piece and its second. */
static void load_while(const char *path, off_t becomes, size_t max)
{
	struct pause pause;
	ouro_op op;

	pause_init(&pause);
	op = load(pause.loop, path, max);
	CHECK(op.id != 0);
	pause_after_a_piece(&pause);
	CHECK_EQ(truncate(path, becomes), 0);
	pause_end(&pause);
	CHECK_EQ(ouro_loop_run(pause.loop), 0);
	CHECK_EQ(answer.calls, 1);
	ouro_loop_free(pause.loop);
}

TEST(a_file_that_grows_meanwhile_is_read_to_its_new_end)
{
	scratch_enter();
	make_sparse("f", MIB);
	load_while("f", (off_t)(3 * MIB + 5), 0);
	CHECK_EQ(answer.err, 0);
	CHECK_EQ(answer.len, 3 * MIB + 5);
	answer_forget();
	scratch_leave();
}

TEST(a_file_that_shrinks_meanwhile_is_what_is_left_of_it)
{
	scratch_enter();
	make_sparse("f", 2 * MIB);
	load_while("f", (off_t)(600 * KIB), 0);
	CHECK_EQ(answer.err, 0);
	CHECK_EQ(answer.len, 600 * KIB);
	answer_forget();
	scratch_leave();
}

TEST(a_file_that_grows_beyond_max_meanwhile_is_too_big)
{
	scratch_enter();
	make_sparse("f", MIB);
	load_while("f", (off_t)(2 * MIB), MIB);
	CHECK_EQ(answer.err, OURO_ETOOBIG);
	scratch_leave();
}

TEST(what_holds_no_bytes_is_refused_and_nobody_hangs)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(mkdir("folder", 0755), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	CHECK_EQ(answer_to(loop, load(loop, "folder", 0)), -EISDIR);
	CHECK_EQ(answer_to(loop, load(loop, "fifo", 0)), -EINVAL);
	CHECK_EQ(answer_to(loop, load(loop, "/dev/zero", 0)), -EINVAL);
	CHECK_EQ(answer_to(loop, load(loop, "missing", 0)), -ENOENT);
	CHECK_EQ(answer_to(loop, load(loop, "", 0)), -ENOENT);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(names_are_bytes)
{
	static const char *const names[] = { "new\nline", "\xff\xfe", " ", "-rf" };
	char longest[256];
	ouro_loop *loop = new_loop();

	scratch_enter();
	memset(longest, 'n', 255);
	longest[255] = 0;
	make_file(longest, "long");
	CHECK_EQ(answer_to(loop, load(loop, longest, 0)), 0);
	CHECK_STR(answer.bytes, "long");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		make_file(names[i], names[i]);
		CHECK_EQ(answer_to(loop, load(loop, names[i], 0)), 0);
		CHECK_STR(answer.bytes, names[i]);
	}
	answer_forget();
	ouro_loop_free(loop);
	scratch_leave();
}

static void say_stat(int err, const struct stat *st, void *arg)
{
	(void)st;
	CHECK_EQ(err, 0);
	say("%s", (const char *)arg);
}

static void say_data(int err, ouro_str data, void *arg)
{
	(void)data;
	CHECK_EQ(err, 0);
	say("%s", (const char *)arg);
}

TEST(who_asks_later_is_answered_before_a_big_file_has_been_loaded)
{
	struct pause pause;

	scratch_enter();
	make_sparse("big", 64 * MIB);
	make_file("small", "x");
	pause_init(&pause);
	CHECK(ouro_fs_load(pause.loop, "big", 0, say_data, word("big")).id != 0);
	CHECK(ouro_fs_load(pause.loop, "small", 0, say_data, word("small")).id != 0);
	CHECK(ouro_fs_stat(pause.loop, "big", say_stat, word("stat")).id != 0);
	pause_run(&pause);
	CHECK_STR(said, "small stat big");
	scratch_leave();
}

TEST(nor_do_other_lanes_wait_for_it)
{
	struct job call = { .word = "call" }, name = { .word = "name" };
	struct pause pause;

	scratch_enter();
	make_sparse("big", 64 * MIB);
	pause_init(&pause);
	CHECK(ouro_fs_load(pause.loop, "big", 0, say_data, word("big")).id != 0);
	ask_job(pause.loop, OURO_LANE_USER, &call);
	ask_job(pause.loop, OURO_LANE_NAMES, &name);
	pause_run(&pause);
	CHECK_STR(said, "call name big");
	scratch_leave();
}

TEST(a_load_that_has_begun_can_be_cancelled)
{
	struct pause pause;

	scratch_enter();
	make_sparse("f", 64 * MIB);
	pause_init(&pause);
	cancel_after_a_piece(&pause, load(pause.loop, "f", 0));
	scratch_leave();
}

TEST(a_load_that_has_begun_can_be_timed_out)
{
	struct pause pause;

	scratch_enter();
	make_sparse("f", 64 * MIB);
	pause_init(&pause);
	time_out_after_a_piece(&pause, load(pause.loop, "f", 0));
	scratch_leave();
}

TEST(a_loop_freed_in_the_middle_of_a_load_leaves_nothing)
{
	struct pause pause;

	scratch_enter();
	make_sparse("f", 64 * MIB);
	pause_init(&pause);
	free_after_a_piece(&pause, load(pause.loop, "f", 0));
	answer_forget();
	scratch_leave();
}

TEST(a_load_that_waits_is_cancelled_before_it_opens_anything)
{
	struct pause pause;
	ouro_op op;

	pause_init(&pause);
	op = load(pause.loop, "missing", 0);
	CHECK_STR(ouro_op_call(pause.loop, op), "load");
	CHECK_STR(ouro_op_path(pause.loop, op), "missing");
	CHECK(ouro_op_cancel(pause.loop, op));
	gate_open(&pause.before, 1);
	CHECK_EQ(ouro_loop_run(pause.loop), 0);
	CHECK_EQ(answer.err, OURO_ECANCELED);
	ouro_loop_free(pause.loop);
}

TEST(no_descriptor_left_is_an_error_like_others)
{
	ouro_loop *loop = warm_loop();

	allow_descriptors(0);
	CHECK_EQ(answer_to(loop, load(loop, "/proc/self/maps", 0)), -EMFILE);
	ouro_loop_free(loop);
}

static int load_it(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	char path[400]; /* too long for the record */
	ouro_op op;
	int err;

	if (!loop)
		return -errno;
	op = load(loop, long_way(path, sizeof(path) - 1, "f"), 0);
	err = op.id ? answer_to(loop, op) : -errno;
	ouro_loop_free(loop);
	answer_forget();
	return err;
}

TEST(memory_that_runs_out_anywhere_is_told)
{
	scratch_enter();
	make_file("f", "x");
	CHECK(for_each_failing_allocation(load_it) > 3);
	scratch_leave();
}
