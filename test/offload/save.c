/* save.c -- memory into a whole file, and what is left when that goes wrong. */
#include "offload/whole.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/* Written in three pieces. */
#define BIG (1300 * KIB)

static ouro_op save(ouro_loop *loop, const char *path, const char *text, enum ouro_save how)
{
	return ouro_fs_save(loop, path, ouro_str_z(text), 0666, how, on_answer, NULL);
}

static ouro_op save_big(ouro_loop *loop, const char *path, uint32_t seed, enum ouro_save how)
{
	char *bytes = pattern(BIG, seed);
	ouro_op op = ouro_fs_save(loop, path, ouro_str_n(bytes, BIG), 0666, how, on_answer, NULL);

	free(bytes); /* it was copied */
	return op;
}

TEST(every_way_of_saving_makes_a_file_that_was_not_there)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(answer_to(loop, save(loop, "plain", "p", OURO_SAVE_PLAIN)), 0);
	CHECK_EQ(answer_to(loop, save(loop, "append", "a", OURO_SAVE_APPEND)), 0);
	CHECK_EQ(answer_to(loop, save(loop, "new", "n", OURO_SAVE_NEW)), 0);
	CHECK_EQ(answer_to(loop, save(loop, "atomic", "t", OURO_SAVE_ATOMIC)), 0);
	CHECK_STR(text_of("plain"), "p");
	CHECK_STR(text_of("append"), "a");
	CHECK_STR(text_of("new"), "n");
	CHECK_STR(text_of("atomic"), "t");
	CHECK_EQ(entries_in("."), 4);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(each_way_does_its_own_to_a_file_that_is_there)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "before");
	CHECK_EQ(answer_to(loop, save(loop, "f", ", behind", OURO_SAVE_APPEND)), 0);
	CHECK_STR(text_of("f"), "before, behind");
	CHECK_EQ(answer_to(loop, save(loop, "f", "other", OURO_SAVE_NEW)), -EEXIST);
	CHECK_STR(text_of("f"), "before, behind");
	CHECK_EQ(answer_to(loop, save(loop, "f", "over", OURO_SAVE_PLAIN)), 0);
	CHECK_STR(text_of("f"), "over");
	CHECK_EQ(answer_to(loop, save(loop, "f", "anew", OURO_SAVE_ATOMIC)), 0);
	CHECK_STR(text_of("f"), "anew");
	CHECK_EQ(entries_in("."), 1);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(every_size_around_a_piece_is_written_whole)
{
	static const size_t sizes[] = { 0, 1, 512 * KIB, 512 * KIB + 1, 1536 * KIB };
	ouro_loop *loop = new_loop();

	scratch_enter();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *bytes = pattern(sizes[i], i + 1);
		enum ouro_save how = i % 2 ? OURO_SAVE_ATOMIC : OURO_SAVE_PLAIN;
		ouro_op op = ouro_fs_save(loop, "f", ouro_str_n(bytes, sizes[i]), 0666, how,
					  on_answer, NULL);

		CHECK_EQ(answer_to(loop, op), 0);
		CHECK(file_is("f", bytes, sizes[i]));
		free(bytes);
	}
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(nothing_at_no_address_is_an_empty_file)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(answer_to(loop, save(loop, "f", NULL, OURO_SAVE_PLAIN)), 0);
	CHECK_STR(text_of("f"), "");
	CHECK_EQ(answer_to(loop, ouro_fs_save_take(loop, "g", NULL, 0, 0666, OURO_SAVE_ATOMIC,
						   on_answer, NULL)),
		 0);
	CHECK_STR(text_of("g"), "");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(the_bytes_of_a_buffer_are_taken_and_freed)
{
	ouro_loop *loop = new_loop();
	ouro_buf *buf = ouro_buf_new();
	char *bytes;
	size_t len;

	scratch_enter();
	CHECK_EQ(ouro_buf_printf(buf, "%s", "from a buffer"), 0);
	bytes = ouro_buf_detach(buf, &len);
	CHECK_EQ(answer_to(loop, ouro_fs_save_take(loop, "f", bytes, len, 0600, OURO_SAVE_PLAIN,
						   on_answer, NULL)),
		 0);
	CHECK_STR(text_of("f"), "from a buffer");
	ouro_buf_free(buf);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_new_file_gets_the_mode_less_the_umask_and_an_old_one_keeps_its_own)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	umask(027);
	CHECK_EQ(answer_to(loop, save(loop, "plain", "", OURO_SAVE_PLAIN)), 0);
	CHECK_EQ(answer_to(loop, save(loop, "atomic", "", OURO_SAVE_ATOMIC)), 0);
	CHECK_EQ(mode_of("plain"), 0640);
	CHECK_EQ(mode_of("atomic"), 0640);
	CHECK_EQ(chmod("plain", 0604), 0);
	CHECK_EQ(chmod("atomic", 0604), 0);
	CHECK_EQ(answer_to(loop, save(loop, "plain", "", OURO_SAVE_PLAIN)), 0);
	CHECK_EQ(answer_to(loop, save(loop, "atomic", "", OURO_SAVE_ATOMIC)), 0);
	CHECK_EQ(mode_of("plain"), 0604);
	CHECK_EQ(mode_of("atomic"), 0604);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_replaced_by_root_stays_its_owners)
{
	ouro_loop *loop = new_loop();
	struct stat st;

	if (geteuid())
		SKIP("not root");
	scratch_enter();
	make_file("f", "old");
	CHECK_EQ(chown("f", 12, 34), 0);
	CHECK_EQ(chmod("f", 04755), 0);
	CHECK_EQ(answer_to(loop, save(loop, "f", "new", OURO_SAVE_ATOMIC)), 0);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(st.st_uid, 12);
	CHECK_EQ(st.st_gid, 34);
	CHECK_EQ(st.st_mode & 07777, 04755);
	CHECK_STR(text_of("f"), "new");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_symlink_is_written_through_or_replaced_by_an_atomic_save)
{
	ouro_loop *loop = new_loop();
	struct stat st;

	scratch_enter();
	make_file("target", "old");
	CHECK_EQ(symlink("target", "link"), 0);
	CHECK_EQ(answer_to(loop, save(loop, "link", "through", OURO_SAVE_PLAIN)), 0);
	CHECK_STR(text_of("target"), "through");
	CHECK_EQ(answer_to(loop, save(loop, "link", "x", OURO_SAVE_NEW)), -EEXIST);
	CHECK_EQ(answer_to(loop, save(loop, "link", "replaced", OURO_SAVE_ATOMIC)), 0);
	CHECK_EQ(lstat("link", &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_STR(text_of("link"), "replaced");
	CHECK_STR(text_of("target"), "through");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(what_holds_no_bytes_is_never_written_to_or_replaced)
{
	static const char *const paths[] = { "folder", "fifo", "/dev/null", "folder/", "/" };
	static const int answers[] = { -EISDIR, -EINVAL, -EINVAL, -EISDIR, -EISDIR };
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(mkdir("folder", 0755), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CHECK_EQ(answer_to(loop, save(loop, paths[i], "x", OURO_SAVE_PLAIN)), answers[i]);
		CHECK_EQ(answer_to(loop, save(loop, paths[i], "x", OURO_SAVE_APPEND)), answers[i]);
		CHECK_EQ(answer_to(loop, save(loop, paths[i], "x", OURO_SAVE_ATOMIC)), answers[i]);
	}
	CHECK_EQ(entries_in("."), 2);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(paths_that_lead_nowhere_are_errors_like_others)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "x");
	for (int how = OURO_SAVE_PLAIN; how <= OURO_SAVE_ATOMIC; how++) {
		CHECK_EQ(answer_to(loop, save(loop, "", "x", (enum ouro_save)how)), -ENOENT);
		CHECK_EQ(answer_to(loop, save(loop, "no/f", "x", (enum ouro_save)how)), -ENOENT);
		CHECK_EQ(answer_to(loop, save(loop, "f/g", "x", (enum ouro_save)how)), -ENOTDIR);
	}
	CHECK_EQ(answer_to(loop, save(loop, "g", "x", (enum ouro_save)17)), -EINVAL);
	CHECK_EQ(entries_in("."), 1);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(the_longest_name_can_be_saved_atomically)
{
	char longest[256];
	ouro_loop *loop = new_loop();

	scratch_enter();
	memset(longest, '\xfe', 255);
	longest[255] = 0;
	CHECK_EQ(answer_to(loop, save(loop, longest, "new\nline", OURO_SAVE_ATOMIC)), 0);
	CHECK_STR(text_of(longest), "new\nline");
	ouro_loop_free(loop);
	scratch_leave();
}

/* --- A disk that is full in the middle --- */

/* What every way of saving leaves behind when it cannot end. */
static void check_that_nothing_is_lost(ouro_loop *loop, int err)
{
	make_file("old", "old");
	CHECK_EQ(answer_to(loop, save_big(loop, "old", 1, OURO_SAVE_ATOMIC)), err);
	CHECK_STR(text_of("old"), "old");
	CHECK_EQ(answer_to(loop, save_big(loop, "new", 1, OURO_SAVE_ATOMIC)), err);
	CHECK_EQ(answer_to(loop, save_big(loop, "new", 1, OURO_SAVE_NEW)), err);
	CHECK_EQ(entries_in("."), 1);
	CHECK_EQ(answer_to(loop, save_big(loop, "part", 1, OURO_SAVE_PLAIN)), err);
	CHECK(is_there("part"));
}

TEST(what_grows_beyond_its_limit_leaves_the_old_file_and_no_other)
{
	struct rlimit limit = { BIG - 100 * KIB, RLIM_INFINITY };
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_that_nothing_is_lost(loop, -EFBIG);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_full_disk_leaves_the_old_file_and_no_other)
{
	ouro_loop *loop;

	scratch_enter();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", scratch, "tmpfs", 0, "size=1m")) {
		scratch_leave();
		SKIP("may not mount a small file system");
	}
	CHECK_EQ(chdir(scratch), 0);
	loop = new_loop();
	check_that_nothing_is_lost(loop, -ENOSPC);
	ouro_loop_free(loop);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(umount(scratch), 0);
	scratch_leave();
}

TEST(no_descriptor_left_is_an_error_at_each_of_its_steps)
{
	ouro_loop *loop = warm_loop();

	scratch_enter();
	make_file("f", "old");
	for (int more = 0; more < 2; more++) {
		allow_descriptors(more);
		CHECK_EQ(answer_to(loop, save(loop, "f", "new", OURO_SAVE_ATOMIC)), -EMFILE);
		allow_descriptors(8);
		CHECK_STR(text_of("f"), "old");
		CHECK_EQ(entries_in("."), 1);
	}
	allow_descriptors(2);
	CHECK_EQ(answer_to(loop, save(loop, "f", "new", OURO_SAVE_ATOMIC)), 0);
	allow_descriptors(8);
	CHECK_STR(text_of("f"), "new");
	ouro_loop_free(loop);
	scratch_leave();
}

/* --- Stopped after its first piece --- */

static void stopped(enum ouro_save how, void (*stop)(struct pause *pause, ouro_op op))
{
	struct pause pause;

	pause_init(&pause);
	stop(&pause, save_big(pause.loop, "f", 2, how));
}

TEST(cancelled_after_a_piece_it_has_cleared_away_before_it_says_so)
{
	scratch_enter();
	stopped(OURO_SAVE_NEW, cancel_after_a_piece);
	CHECK_EQ(entries_in("."), 0);
	make_file("f", "old");
	stopped(OURO_SAVE_ATOMIC, cancel_after_a_piece);
	CHECK_STR(text_of("f"), "old");
	CHECK_EQ(entries_in("."), 1);
	stopped(OURO_SAVE_PLAIN, cancel_after_a_piece);
	CHECK_EQ(entries_in("."), 1);
	scratch_leave();
}

TEST(timed_out_after_a_piece_it_clears_away)
{
	scratch_enter();
	stopped(OURO_SAVE_NEW, time_out_after_a_piece);
	CHECK_EQ(entries_in("."), 0);
	make_file("f", "old");
	stopped(OURO_SAVE_ATOMIC, time_out_after_a_piece);
	CHECK_STR(text_of("f"), "old");
	CHECK_EQ(entries_in("."), 1);
	scratch_leave();
}

TEST(a_loop_freed_in_the_middle_leaves_the_old_or_the_new)
{
	scratch_enter();
	make_file("f", "old");
	stopped(OURO_SAVE_ATOMIC, free_after_a_piece);
	CHECK(file_is("f", "old", 3) || file_is_pattern("f", BIG, 2));
	CHECK_EQ(entries_in("."), 1);
	scratch_leave();
}

TEST(what_is_asked_for_later_comes_between_its_pieces)
{
	struct job later = { .word = "later" };
	struct pause pause;
	char *bytes = pattern(BIG, 1);

	scratch_enter();
	pause_init(&pause);
	CHECK(ouro_fs_save(pause.loop, "f", ouro_str_n(bytes, BIG), 0600, OURO_SAVE_PLAIN, say_done,
			   word("saved"))
		      .id != 0);
	ask_job(pause.loop, OURO_LANE_FILES, &later);
	pause_run(&pause);
	CHECK_STR(said, "later saved");
	free(bytes);
	scratch_leave();
}

static int save_it(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	char path[400]; /* too long for the record */
	ouro_op op;
	int err;

	if (!loop)
		return -errno;
	op = save(loop, long_way(path, sizeof(path) - 1, "f"), "new", OURO_SAVE_ATOMIC);
	err = op.id ? answer_to(loop, op) : -errno;
	ouro_loop_free(loop);
	CHECK_STR(text_of("f"), err ? "old" : "new");
	CHECK_EQ(entries_in("."), 1);
	make_file("f", "old");
	return err;
}

TEST(memory_that_runs_out_anywhere_leaves_the_old_file)
{
	scratch_enter();
	make_file("f", "old");
	CHECK(for_each_failing_allocation(save_it) > 3);
	scratch_leave();
}

/* --- Killed --- */

static bool touches_files(uint64_t call)
{
	switch (call) {
	case SYS_openat:
	case SYS_write:
	case SYS_fchmod:
	case SYS_fchown:
	case SYS_fsync:
	case SYS_close:
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
	case SYS_unlinkat:
		return true;
	default:
		return false;
	}
}

/* In the child: saves, traced from its first thread's birth on. */
_Noreturn static void save_traced(void)
{
	ouro_loop *loop;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(TEST_SKIPPED);
	raise(SIGSTOP);
	loop = new_loop();
	CHECK_EQ(answer_to(loop, save_big(loop, "f", 2, OURO_SAVE_ATOMIC)), 0);
	_exit(0);
}

/* Is it a thread of the pool on its way into a call on a file? */
static bool at_a_call(pid_t thread, pid_t process, int status)
{
	struct __ptrace_syscall_info info;

	if (thread == process || !WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
		return false;
	return ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && touches_files(info.entry.nr);
}

/* A signal that is not the tracer's own business goes on to where it was sent. */
static long signal_in(int status)
{
	int sig = WSTOPSIG(status) & 0x7f;

	return sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

/* Runs the child until the nth such call, which it does not live to make. What became of it. */
static int run_to_call(pid_t child, int n)
{
	int status, ended = 0;
	pid_t thread;

	while ((thread = waitpid(-1, &status, __WALL)) > 0) {
		if (thread == child && !WIFSTOPPED(status))
			ended = status;
		if (!WIFSTOPPED(status))
			continue;
		if (at_a_call(thread, child, status) && --n == 0)
			kill(child, SIGKILL);
		else
			ptrace(PTRACE_SYSCALL, thread, NULL, signal_in(status));
	}
	return ended;
}

/* False: it came to its end before. */
static bool killed_before_call(int n)
{
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child)
		save_traced();
	CHECK_EQ(waitpid(child, &status, __WALL), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED) {
		scratch_leave();
		SKIP("may not trace a process");
	}
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, child, NULL,
			PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL),
		 0);
	CHECK_EQ(ptrace(PTRACE_SYSCALL, child, NULL, 0), 0);
	status = run_to_call(child, n);
	if (WIFSIGNALED(status))
		CHECK_EQ(WTERMSIG(status), SIGKILL);
	else
		CHECK_EQ(status, 0);
	return WIFSIGNALED(status);
}

/* Whatever else is in the folder is a temporary file, named as the manual says. */
static void remove_what_was_left(void)
{
	DIR *dir = opendir(".");

	CHECK(dir != NULL);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, "f"))
			continue;
		CHECK_EQ(strncmp(entry->d_name, ".ouro-", 6), 0);
		CHECK_EQ(strlen(entry->d_name), 18);
		CHECK_EQ(unlink(entry->d_name), 0);
	}
	CHECK_EQ(closedir(dir), 0);
}

TEST(killed_before_any_of_its_system_calls_it_leaves_the_old_or_the_new)
{
	int old = 0, new = 0;
	bool killed = true;

	scratch_enter();
	for (int n = 1; killed; n++) {
		make_big("f", 700 * KIB, 1);
		killed = killed_before_call(n);
		if (file_is_pattern("f", BIG, 2))
			new ++;
		else if (file_is_pattern("f", 700 * KIB, 1))
			old++;
		else
			CHECK(!"a mixture of the old and the new");
		remove_what_was_left();
	}
	CHECK(old >= 10); /* two opened, owner, mode, three pieces, sync, close, rename */
	CHECK(new >= 3);  /* sync and close of the folder, and when nobody killed it */
	scratch_leave();
}
