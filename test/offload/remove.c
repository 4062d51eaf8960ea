/* remove.c -- a file or a tree, gone, and nothing else with it. */
#include "offload/trees.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

static ouro_op rm(ouro_loop *loop, const char *path)
{
	return ouro_fs_rm(loop, path, OURO_RM, on_answer, NULL);
}

TEST(a_file_an_empty_folder_a_symlink_and_a_fifo_go)
{
	static const char *const names[] = { "file", "folder", "link", "fifo" };
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("target", "stays");
	make_file("file", "");
	CHECK_EQ(mkdir("folder", 0755), 0);
	CHECK_EQ(symlink("target", "link"), 0);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_EQ(answer_to(loop, rm(loop, names[i])), 0);
	CHECK_EQ(entries_in("."), 1);
	CHECK_STR(text_of("target"), "stays");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(ten_thousand_files_go)
{
	ouro_loop *loop = new_loop();

	scratch_enter_memory();
	make_tree("t", 50, 200);
	CHECK_EQ(answer_to(loop, rm(loop, "t")), 0);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(many_files_in_one_folder_and_many_folders_go)
{
	ouro_loop *loop = new_loop();

	scratch_enter_memory();
	make_tree("files", 1, 3000);
	make_tree("folders", 1500, 0);
	CHECK_EQ(answer_to(loop, rm(loop, "files")), 0);
	CHECK_EQ(answer_to(loop, rm(loop, "folders")), 0);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_thousand_levels_go_with_two_descriptors)
{
	ouro_loop *loop = warm_loop();

	scratch_enter_memory();
	make_deep("t", 1000);
	allow_descriptors(2);
	CHECK_EQ(answer_to(loop, rm(loop, "t")), 0);
	allow_descriptors(8);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(no_descriptor_left_is_an_error_and_the_tree_stays)
{
	ouro_loop *loop = warm_loop();

	scratch_enter();
	make_tree("t", 2, 2);
	allow_descriptors(0);
	CHECK_EQ(answer_to(loop, rm(loop, "t")), -EMFILE);
	allow_descriptors(8);
	CHECK_STR(text_of("t/1/1"), "t/1/1");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(every_kind_of_name_and_of_file_goes)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_zoo("a");
	open_zoo("a");
	CHECK_EQ(answer_to(loop, rm(loop, "a")), 0);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_symlink_goes_and_what_it_points_at_stays)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("canary", 1, 2);
	CHECK_EQ(mkdir("t", 0755), 0);
	CHECK_EQ(symlink("../canary", "t/in"), 0);
	CHECK_EQ(symlink("canary", "link"), 0);
	CHECK_EQ(symlink("canary", "slash"), 0);
	CHECK_EQ(answer_to(loop, rm(loop, "t")), 0);
	CHECK_EQ(answer_to(loop, rm(loop, "link")), 0);
	CHECK_EQ(answer_to(loop, rm(loop, "slash//")), 0);
	CHECK_EQ(entries_in("."), 1);
	CHECK_STR(text_of("canary/0/1"), "canary/0/1");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_path_may_end_in_slashes)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("t", 2, 2);
	CHECK_EQ(answer_to(loop, rm(loop, "./t///")), 0);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(the_root_and_the_two_dots_are_refused)
{
	static const char *const paths[] = { "/", "///", ".", "./", "..", "t/.", "t/..", "t/../" };
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_tree("t", 1, 1);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CHECK_EQ(answer_to(loop, rm(loop, paths[i])), -EINVAL);
	CHECK_STR(text_of("t/0/0"), "t/0/0");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(nothing_there_is_an_error_unless_forced)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "");
	CHECK_EQ(answer_to(loop, rm(loop, "gone")), -ENOENT);
	CHECK_EQ(answer_to(loop, rm(loop, "")), -ENOENT);
	CHECK_EQ(answer_to(loop, rm(loop, "f/g")), -ENOTDIR);
	CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "gone", OURO_RM_FORCE, on_answer, NULL)), 0);
	CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "no/f", OURO_RM_FORCE, on_answer, NULL)), 0);
	CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "f", OURO_RM_FORCE, on_answer, NULL)), 0);
	CHECK_EQ(entries_in("."), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(two_may_remove_one_tree_at_once)
{
	ouro_loop *loop = new_loop();

	scratch_enter_memory();
	for (int round = 0; round < 10; round++) {
		make_tree("t", 10, 20);
		answer_forget();
		CHECK(ouro_fs_rm(loop, "t", OURO_RM_FORCE, on_answer, NULL).id != 0);
		CHECK(ouro_fs_rm(loop, "t", OURO_RM_FORCE, on_answer, NULL).id != 0);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_EQ(answer.calls, 2);
		CHECK_EQ(entries_in("."), 0);
	}
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_folder_swapped_for_a_symlink_leads_nobody_astray)
{
	ouro_loop *loop = new_loop();
	struct swapper swapper;

	scratch_enter_memory();
	make_tree("canary", 3, 3);
	for (int round = 0; round < 20; round++) {
		make_tree("t", 3, 20);
		swapper_start(&swapper, "t/1");
		while (!swapper.swaps)
			sched_yield();
		answer_to(loop, rm(loop, "t")); /* whether it gets to the end or not */
		swapper_stop(&swapper);
		for (int i = 0; i < 3; i++) {
			char path[32];

			snprintf(path, sizeof(path), "canary/%d", i);
			CHECK_EQ(entries_in(path), 3);
		}
		CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "t", OURO_RM_FORCE, on_answer, NULL)), 0);
		CHECK_EQ(answer_to(loop, ouro_fs_rm(loop, "aside", OURO_RM_FORCE, on_answer, NULL)),
			 0);
	}
	CHECK_EQ(entries_in("canary"), 3);
	ouro_loop_free(loop);
	scratch_leave();
}

/* Between two turns of the removal, where it stands in "t/d". */
TEST(a_folder_that_was_moved_away_does_not_lead_out_of_the_tree)
{
	struct pause pause;
	ouro_op op;

	scratch_enter_memory();
	CHECK_EQ(mkdir("t", 0755), 0);
	make_tree("elsewhere", 2, 2);
	make_tree("t/d", 1, 300);
	pause_init(&pause);
	op = rm(pause.loop, "t");
	CHECK(op.id != 0);
	pause_after_a_piece(&pause);
	CHECK_EQ(rename("t/d/0", "elsewhere/moved"), 0);
	pause_end(&pause);
	CHECK_EQ(ouro_loop_run(pause.loop), 0);
	CHECK_EQ(answer.err, -ESTALE);
	CHECK_EQ(entries_in("elsewhere"), 3);
	CHECK_EQ(entries_in("elsewhere/0"), 2);
	CHECK(is_there("t/d"));
	ouro_loop_free(pause.loop);
	scratch_leave();
}

TEST(what_is_mounted_in_it_stays)
{
	ouro_loop *loop;

	scratch_enter();
	make_tree("t", 2, 1);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "t/0", "tmpfs", 0, "size=1m")) {
		scratch_leave();
		SKIP("may not mount");
	}
	make_file("t/0/mounted", "stays");
	loop = new_loop();
	CHECK_EQ(answer_to(loop, rm(loop, "t")), -EBUSY);
	CHECK_STR(text_of("t/0/mounted"), "stays");
	CHECK_EQ(umount("t/0"), 0);
	CHECK_EQ(answer_to(loop, rm(loop, "t")), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_may_not_be_removed_ends_it_before_anything_in_it_is_lost)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(chmod(scratch, 0755), 0);
	CHECK_EQ(mkdir("locked", 0755), 0);
	make_tree("locked/t", 1, 3);
	CHECK_EQ(chmod("locked", 0555), 0);
	if (!geteuid()) {
		CHECK_EQ(chown("locked/t/0", 65534, 65534), 0);
		CHECK_EQ(seteuid(65534), 0); /* its threads' too */
	}
	CHECK_EQ(answer_to(loop, rm(loop, "locked/t")), -EACCES);
	CHECK_EQ(entries_in("locked/t/0"), 3);
	if (!getuid())
		CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(chmod("locked", 0755), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

static void stopped(void (*stop)(struct pause *pause, ouro_op op))
{
	struct pause pause;

	scratch_enter_memory();
	make_tree("t", 4, 100);
	pause_init(&pause);
	stop(&pause, rm(pause.loop, "t"));
	scratch_leave();
}

TEST(a_removal_that_has_begun_can_be_cancelled)
{
	stopped(cancel_after_a_piece);
}

TEST(a_removal_that_has_begun_can_be_timed_out)
{
	stopped(time_out_after_a_piece);
}

TEST(a_loop_freed_in_the_middle_of_a_removal_leaves_nothing_open)
{
	stopped(free_after_a_piece);
}

TEST(what_is_asked_for_later_comes_between_its_pieces)
{
	struct job later = { .word = "later" };
	struct pause pause;

	scratch_enter_memory();
	make_tree("t", 4, 100);
	pause_init(&pause);
	CHECK(ouro_fs_rm(pause.loop, "t", OURO_RM, say_done, word("removed")).id != 0);
	ask_job(pause.loop, OURO_LANE_FILES, &later);
	pause_run(&pause);
	CHECK_STR(said, "later removed");
	scratch_leave();
}

static int remove_it(void)
{
	char path[400]; /* too long for the record */
	ouro_loop *loop;
	ouro_op op;
	int err;

	if (!is_there("t"))
		make_deep("t", 20);
	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	op = rm(loop, long_way(path, sizeof(path) - 1, "t"));
	err = op.id ? answer_to(loop, op) : -errno;
	ouro_loop_free(loop);
	return err;
}

TEST(memory_that_runs_out_anywhere_is_told)
{
	scratch_enter_memory();
	CHECK(for_each_failing_allocation(remove_it) > 6);
	scratch_leave();
}
