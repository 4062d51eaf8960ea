/* tree.c -- whole trees, copied. */
#include "offload/trees.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

static ouro_op cp(ouro_loop *loop, const char *from, const char *to)
{
	return ouro_fs_cp(loop, from, to, OURO_COPY_OVER, on_answer, NULL);
}

static ouro_op cp_new(ouro_loop *loop, const char *from, const char *to)
{
	return ouro_fs_cp(loop, from, to, OURO_COPY_NEW, on_answer, NULL);
}

TEST(every_kind_of_name_and_of_file_is_copied_with_its_mode)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_zoo("a");
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	CHECK(trees_are_same());
	open_zoo("a");
	open_zoo("b");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(ten_thousand_files_are_copied)
{
	ouro_loop *loop = new_loop();

	scratch_enter_memory();
	make_tree("a", 50, 200);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	CHECK(trees_are_same());
	CHECK_EQ(trees_found, 1 + 50 + 50 * 200);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_thousand_levels_are_copied_with_four_descriptors)
{
	ouro_loop *loop = warm_loop();

	scratch_enter_memory();
	make_deep("a", 1000);
	allow_descriptors(4);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	allow_descriptors(8);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(chdir(i ? "d" : "b"), 0);
	CHECK_STR(text_of("f"), "deep");
	CHECK_EQ(chdir(scratch), 0);
	CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "a", OURO_RM, on_answer, NULL)), 0);
	CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "b", OURO_RM, on_answer, NULL)), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(too_few_descriptors_are_an_error_and_leave_none_open)
{
	ouro_loop *loop = warm_loop();

	scratch_enter();
	make_tree("a", 1, 1);
	for (int more = 0; more < 4; more++) {
		allow_descriptors(more);
		CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), -EMFILE);
		allow_descriptors(20);
		clear("b");
	}
	allow_descriptors(4);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	allow_descriptors(20);
	CHECK(trees_are_same());
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_a_symlink_and_a_fifo_are_copied_by_themselves)
{
	ouro_loop *loop = new_loop();
	char target[16] = "";
	struct stat st;

	scratch_enter();
	make_file("file", "text");
	CHECK_EQ(symlink("file", "link"), 0);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "file", "file 2")), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "link", "link 2")), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "fifo", "fifo 2")), 0);
	CHECK_STR(text_of("file 2"), "text");
	CHECK(readlink("link 2", target, sizeof(target) - 1) > 0);
	CHECK_STR(target, "file");
	CHECK_EQ(lstat("fifo 2", &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_folder_that_is_there_is_merged_into_and_keeps_its_mode)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 2, 2);
	CHECK_EQ(mkdir("b", 0700), 0);
	CHECK_EQ(mkdir("b/0", 0711), 0);
	make_file("b/0/1", "old and longer than the new one");
	make_file("b/0/other", "stays");
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	CHECK_STR(text_of("b/0/1"), "a/0/1");
	CHECK_STR(text_of("b/0/other"), "stays");
	CHECK_STR(text_of("b/1/1"), "a/1/1");
	CHECK_EQ(mode_of("b"), 0700);
	CHECK_EQ(mode_of("b/0"), 0711);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_is_there_is_in_the_way_of_a_new_one)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 1);
	CHECK_EQ(mkdir("b", 0700), 0);
	make_file("c", "old");
	CHECK_EQ(answer_to(loop, cp_new(loop, "a", "b")), -EEXIST);
	CHECK_EQ(answer_to(loop, cp_new(loop, "a/0/0", "c")), -EEXIST);
	CHECK_EQ(entries_in("b"), 0);
	CHECK_STR(text_of("c"), "old");
	CHECK_EQ(answer_to(loop, cp_new(loop, "a", "d")), 0);
	CHECK_STR(text_of("d/0/0"), "a/0/0");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(nothing_is_written_through_a_symlink_or_a_second_name)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 3);
	make_tree("b", 1, 0);
	make_file("canary", "sings");
	CHECK_EQ(symlink("../../canary", "b/0/0"), 0);
	CHECK_EQ(link("canary", "b/0/1"), 0);
	CHECK_EQ(mkfifo("b/0/2", 0600), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), 0);
	CHECK(trees_are_same());
	CHECK_STR(text_of("canary"), "sings");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_folder_is_not_taken_for_a_file_nor_a_file_or_a_symlink_for_a_folder)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 1);
	make_tree("canary", 0, 0);
	make_file("file", "x");
	CHECK_EQ(symlink("canary", "link"), 0);
	CHECK_EQ(mkdir("b", 0755), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "file", "b")), -EISDIR);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "file")), -ENOTDIR);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "link")), -ENOTDIR);
	CHECK_EQ(entries_in("b"), 0);
	CHECK_EQ(entries_in("canary"), 0);
	CHECK_STR(text_of("file"), "x");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_folder_is_not_copied_into_itself)
{
	static const char *const to[] = { "a",  "./a/",   "a/b",      "a/0/b",  "a/0",
					  "a/", "link/b", "a/0/../b", "a/0/b//" };
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 1);
	CHECK_EQ(symlink("a", "link"), 0);
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		CHECK_EQ(answer_to(loop, cp(loop, "a", to[i])), -EINVAL);
	CHECK_EQ(entries_in("a"), 1);
	CHECK_EQ(entries_in("a/0"), 1);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "ab")), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "a/0", "a/1")), 0);
	CHECK_STR(text_of("a/1/0"), "a/0/0");
	ouro_loop_free(loop);
	scratch_leave();
}

/* What ".." cannot know: a part of the tree is mounted elsewhere, and copied to there. */
TEST(a_copy_that_lies_in_the_tree_by_a_mount_is_not_copied_for_ever)
{
	ouro_loop *loop;

	scratch_enter();
	make_tree("a", 1, 1);
	CHECK_EQ(mkdir("elsewhere", 0755), 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("a/0", "elsewhere", NULL, MS_BIND, NULL)) {
		scratch_leave();
		SKIP("may not mount");
	}
	loop = new_loop();
	CHECK_EQ(answer_to(loop, cp(loop, "a", "elsewhere/b")), -EINVAL);
	CHECK(!is_there("elsewhere/b/0/b"));
	ouro_loop_free(loop);
	CHECK_EQ(umount("elsewhere"), 0);
	scratch_leave();
}

TEST(a_file_copied_onto_itself_is_unharmed)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("a", "precious");
	CHECK_EQ(link("a", "second"), 0);
	CHECK_EQ(symlink("a", "link"), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "a")), -EINVAL);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "second")), -EINVAL);
	CHECK_EQ(answer_to(loop, cp(loop, "link", "link")), -EINVAL);
	CHECK_STR(text_of("link"), "precious");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(devices_and_sockets_are_refused)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "socket" };
	ouro_loop *loop = new_loop();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	scratch_enter();
	CHECK_EQ(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "socket", "b")), -EINVAL);
	CHECK_EQ(answer_to(loop, cp(loop, "/dev/null", "b")), -EINVAL);
	CHECK_EQ(entries_in("."), 1);
	CHECK_EQ(close(fd), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(paths_that_lead_nowhere_are_errors_like_others)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 1);
	CHECK_EQ(answer_to(loop, cp(loop, "missing", "b")), -ENOENT);
	CHECK_EQ(answer_to(loop, cp(loop, "", "b")), -ENOENT);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "no/b")), -ENOENT);
	CHECK_EQ(answer_to(loop, cp(loop, "a/0/0", "no/b")), -ENOENT);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "")), -ENOENT);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "a/0/0/b")), -ENOTDIR);
	CHECK_EQ(entries_in("."), 1);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(folders_that_share_their_group_go_on_doing_so)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("a", 1, 0);
	CHECK_EQ(mkdir("shared", 0755), 0);
	CHECK_EQ(chown("shared", (uid_t)-1, getegid()), 0);
	CHECK_EQ(chmod("shared", 02755), 0);
	CHECK_EQ(chmod("a/0", 01750), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "shared/b")), 0);
	CHECK_EQ(mode_of("shared/b"), 02755);
	CHECK_EQ(mode_of("shared/b/0"), 02750);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_full_disk_keeps_what_is_whole_and_not_the_file_at_hand)
{
	struct rlimit limit = { MIB, RLIM_INFINITY };
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(mkdir("a", 0755), 0);
	make_big("a/big", 1300 * KIB, 1);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_EQ(answer_to(loop, cp(loop, "a", "b")), -EFBIG);
	CHECK_EQ(entries_in("b"), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_folder_swapped_for_a_symlink_leads_nobody_astray)
{
	ouro_loop *loop = new_loop();
	struct swapper swapper;

	scratch_enter_memory();
	make_tree("canary", 0, 0);
	make_tree("a", 3, 20);
	for (int round = 0; round < 20; round++) {
		make_tree("t", 3, 0);
		swapper_start(&swapper, "t/1");
		while (!swapper.swaps)
			sched_yield();
		answer_to(loop, cp(loop, "a", "t")); /* whether it gets to the end or not */
		swapper_stop(&swapper);
		CHECK_EQ(entries_in("canary"), 0);
		CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "t", OURO_RM_FORCE, on_answer, NULL)), 0);
		CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "aside", OURO_RM_FORCE, on_answer, NULL)),
			 0);
	}
	ouro_loop_free(loop);
	scratch_leave();
}

static void stopped(void (*stop)(struct pause *pause, ouro_op op))
{
	struct pause pause;

	scratch_enter_memory();
	make_tree("a", 4, 100);
	pause_init(&pause);
	stop(&pause, cp(pause.loop, "a", "b"));
	scratch_leave();
}

TEST(a_copy_that_has_begun_can_be_cancelled)
{
	stopped(cancel_after_a_piece);
}

TEST(a_copy_that_has_begun_can_be_timed_out)
{
	stopped(time_out_after_a_piece);
}

TEST(a_loop_freed_in_the_middle_of_a_copy_leaves_nothing_open)
{
	stopped(free_after_a_piece);
}

TEST(what_is_asked_for_later_comes_between_its_pieces)
{
	struct job later = { .word = "later" };
	struct pause pause;

	scratch_enter_memory();
	make_tree("a", 4, 100);
	pause_init(&pause);
	CHECK(ouro_fs_cp(pause.loop, "a", "b", OURO_COPY_NEW, say_done, word("copied")).id != 0);
	ask_job(pause.loop, OURO_LANE_FILES, &later);
	pause_run(&pause);
	CHECK_STR(said, "later copied");
	scratch_leave();
}

static int copy_it(void)
{
	char path[400]; /* too long for the record */
	ouro_loop *loop;
	ouro_op op;
	int err;

	clear("b");
	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	op = cp(loop, "a", long_way(path, sizeof(path) - 1, "b"));
	err = op.id ? answer_to(loop, op) : -errno;
	if (!err)
		CHECK(trees_are_same());
	ouro_loop_free(loop);
	return err;
}

TEST(memory_that_runs_out_anywhere_is_told)
{
	scratch_enter_memory();
	make_deep("a", 20);
	CHECK(for_each_failing_allocation(copy_it) > 10);
	scratch_leave();
}
