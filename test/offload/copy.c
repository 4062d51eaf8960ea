/* copy.c -- one file into another. */
#include "offload/whole.h"
#include <sched.h>
#include <sys/mount.h>

static ouro_op copy(ouro_loop *loop, const char *from, const char *to)
{
	return ouro_fs_copy(loop, from, to, OURO_COPY_OVER, on_answer, NULL);
}

static ouro_op copy_new(ouro_loop *loop, const char *from, const char *to)
{
	return ouro_fs_copy(loop, from, to, OURO_COPY_NEW, on_answer, NULL);
}

TEST(every_size_around_a_piece_is_copied_whole)
{
	static const size_t sizes[] = { 0, 1, 512 * KIB - 1, 512 * KIB, 512 * KIB + 1, 1536 * KIB };
	ouro_loop *loop = new_loop();

	scratch_enter();
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_big("a", sizes[i], i + 1);
		CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), 0);
		CHECK(file_is_pattern("b", sizes[i], i + 1));
	}
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_longer_file_that_is_there_is_cut)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "short");
	make_file("b", "quite a bit longer");
	CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), 0);
	CHECK_STR(text_of("b"), "short");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(the_permissions_come_with_it_whatever_the_umask_says)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	umask(077);
	make_file("a", "x");
	make_file("old", "y");
	CHECK_EQ(chmod("a", 06754), 0);
	CHECK_EQ(chmod("old", 0600), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "new")), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "old")), 0);
	CHECK_EQ(mode_of("new"), 0754);
	CHECK_EQ(mode_of("old"), 0754);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_that_may_only_be_read_can_be_copied)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_big("a", 600 * KIB, 1);
	CHECK_EQ(chmod("a", 0400), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), 0);
	CHECK_EQ(mode_of("b"), 0400);
	CHECK(file_is_pattern("b", 600 * KIB, 1));
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_is_there_is_in_the_way_of_a_new_one)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "new");
	make_file("b", "old");
	CHECK_EQ(symlink("nowhere", "link"), 0);
	CHECK_EQ(answer_to(loop, copy_new(loop, "a", "b")), -EEXIST);
	CHECK_EQ(answer_to(loop, copy_new(loop, "a", "link")), -EEXIST);
	CHECK_EQ(answer_to(loop, copy_new(loop, "a", ".")), -EEXIST);
	CHECK_EQ(answer_to(loop, copy_new(loop, "a", "c")), 0);
	CHECK_STR(text_of("b"), "old");
	CHECK_STR(text_of("c"), "new");
	CHECK(!is_there("nowhere"));
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_copied_onto_itself_by_any_name_is_unharmed)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "precious");
	CHECK_EQ(link("a", "second"), 0);
	CHECK_EQ(symlink("a", "link"), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "a")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "./a")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "second")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "link", "a")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "link")), -EINVAL);
	CHECK_STR(text_of("a"), "precious");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(symlinks_are_followed_on_both_sides)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "text");
	make_file("b", "old");
	CHECK_EQ(symlink("a", "from"), 0);
	CHECK_EQ(symlink("b", "to"), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "from", "to")), 0);
	CHECK_STR(text_of("b"), "text");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_holds_no_bytes_is_refused_on_both_sides)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "x");
	CHECK_EQ(mkdir("folder", 0755), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "folder", "b")), -EISDIR);
	CHECK_EQ(answer_to(loop, copy(loop, "fifo", "b")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "/dev/zero", "b")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "folder")), -EISDIR);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "fifo")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "/dev/null")), -EINVAL);
	CHECK_EQ(answer_to(loop, copy(loop, "missing", "b")), -ENOENT);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "no/b")), -ENOENT);
	CHECK_EQ(answer_to(loop, copy(loop, "", "b")), -ENOENT);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "")), -ENOENT);
	CHECK_EQ(entries_in("."), 3);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_of_proc_that_claims_to_be_empty_is_copied_to_its_end)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(answer_to(loop, copy(loop, "/proc/sys/kernel/ostype", "b")), 0);
	CHECK_STR(text_of("b"), "Linux\n");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_grows_beyond_its_limit_is_removed_if_it_was_made)
{
	struct rlimit limit = { 700 * KIB, RLIM_INFINITY };
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_big("a", 1300 * KIB, 1);
	make_file("b", "old");
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "c")), -EFBIG);
	CHECK(!is_there("c"));
	CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), -EFBIG);
	CHECK(is_there("b"));
	ouro_loop_free(loop);
	scratch_leave();
}

/* The other file system is also another: no block can be shared, and old kernels copy by hand. */
TEST(a_full_disk_keeps_nothing_of_the_copy)
{
	ouro_loop *loop;

	scratch_enter();
	CHECK_EQ(mkdir("small", 0755), 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "small", "tmpfs", 0, "size=1m")) {
		scratch_leave();
		SKIP("may not mount a small file system");
	}
	make_big("a", 1300 * KIB, 1);
	make_big("c", 900 * KIB, 2);
	loop = new_loop();
	CHECK_EQ(answer_to(loop, copy(loop, "a", "small/b")), -ENOSPC);
	CHECK_EQ(entries_in("small"), 0);
	CHECK_EQ(answer_to(loop, copy(loop, "c", "small/b")), 0);
	CHECK(file_is_pattern("small/b", 900 * KIB, 2));
	ouro_loop_free(loop);
	CHECK_EQ(umount("small"), 0);
	scratch_leave();
}

TEST(no_descriptor_left_is_an_error_at_each_of_its_steps)
{
	ouro_loop *loop = warm_loop();

	scratch_enter();
	make_file("a", "x");
	for (int more = 0; more < 2; more++) {
		allow_descriptors(more);
		CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), -EMFILE);
	}
	allow_descriptors(2);
	CHECK_EQ(answer_to(loop, copy(loop, "a", "b")), 0);
	allow_descriptors(8);
	CHECK_EQ(entries_in("."), 2);
	ouro_loop_free(loop);
	scratch_leave();
}

/* 64 MiB, so that it is not over before it is stopped; unless blocks are shared here. */
static void stopped(const char *to, void (*stop)(struct pause *pause, ouro_op op))
{
	struct pause pause;

	pause_init(&pause);
	stop(&pause, copy(pause.loop, "a", to));
}

/* Can this file system share blocks? Then a copy has no second piece. */
static bool copies_in_one_piece(void)
{
	struct pause pause;
	ouro_op op;
	bool over;

	pause_init(&pause);
	op = copy(pause.loop, "a", "b");
	pause_after_a_piece(&pause);
	over = !ouro_op_cancel(pause.loop, op);
	pause_end(&pause);
	CHECK_EQ(ouro_loop_run(pause.loop), 0);
	ouro_loop_free(pause.loop);
	return over;
}

static void enter_with_a_big_file(void)
{
	scratch_enter();
	make_sparse("a", 8 * MIB);
	if (copies_in_one_piece()) {
		scratch_leave();
		SKIP("this file system shares blocks: a copy is over at once");
	}
}

TEST(a_copy_that_has_begun_can_be_cancelled_and_is_gone)
{
	enter_with_a_big_file();
	stopped("b", cancel_after_a_piece);
	CHECK(!is_there("b"));
	make_file("c", "old");
	stopped("c", cancel_after_a_piece);
	CHECK(is_there("c"));
	scratch_leave();
}

TEST(a_copy_that_has_begun_can_be_timed_out_and_is_gone)
{
	enter_with_a_big_file();
	stopped("b", time_out_after_a_piece);
	CHECK(!is_there("b"));
	scratch_leave();
}

TEST(a_loop_freed_in_the_middle_of_a_copy_leaves_all_or_nothing)
{
	struct stat st;

	enter_with_a_big_file();
	stopped("b", free_after_a_piece);
	CHECK(stat("b", &st) || st.st_size == (off_t)(8 * MIB));
	scratch_leave();
}

TEST(what_is_asked_for_later_comes_between_its_pieces)
{
	struct job later = { .word = "later" };
	struct pause pause;

	enter_with_a_big_file();
	pause_init(&pause);
	CHECK(ouro_fs_copy(pause.loop, "a", "c", OURO_COPY_NEW, say_done, word("copied")).id != 0);
	ask_job(pause.loop, OURO_LANE_FILES, &later);
	pause_run(&pause);
	CHECK_STR(said, "later copied");
	scratch_leave();
}

static int copy_it(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	char path[400]; /* too long for the record */
	ouro_op op;
	int err;

	if (!loop)
		return -errno;
	op = copy(loop, "/proc/sys/kernel/ostype", long_way(path, sizeof(path) - 1, "b"));
	err = op.id ? answer_to(loop, op) : -errno;
	ouro_loop_free(loop);
	CHECK_EQ(is_there("b"), err == 0);
	unlink("b");
	return err;
}

TEST(memory_that_runs_out_anywhere_leaves_nothing)
{
	scratch_enter();
	CHECK(for_each_failing_allocation(copy_it) > 4);
	scratch_leave();
}
