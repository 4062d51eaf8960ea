/* dir.c -- folders: read whole, read in pieces, and closed whatever happens meanwhile. */
#include "offload/scratch.h"
#include <dirent.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/un.h>

/* --- libc's readdir(), with something to say about it: the program's own symbols come first --- */

static struct {
	atomic_int fail_in; /* this call says EIO, once; 0: none */
	atomic_bool typeless;
	atomic_bool removes; /* the file goes before anybody can ask about it */
	atomic_bool hangs;   /* until there is a byte in the plug */
	atomic_bool hanging; /* it does */
} quirk;

static void obey_quirks(struct dirent *entry)
{
	if (quirk.typeless)
		entry->d_type = DT_UNKNOWN;
	if (quirk.removes)
		unlinkat(AT_FDCWD, entry->d_name, 0);
}

struct dirent *readdir(DIR *stream)
{
	struct dirent *(*real)(DIR *) =
		(struct dirent * (*)(DIR *))(uintptr_t)dlsym(RTLD_NEXT, "readdir");
	struct dirent *entry;

	if (quirk.hangs) {
		quirk.hanging = true;
		plug_work(NULL);
	}
	if (quirk.fail_in && --quirk.fail_in == 0) {
		errno = EIO;
		return NULL;
	}
	entry = real(stream);
	if (entry)
		obey_quirks(entry);
	return entry;
}

/* --- Asking and noting --- */

static ouro_loop *loop;
static ouro_dir *dir;

#define MOST 300

static struct {
	int called, err;
	size_t count;
	struct {
		char name[256];
		mode_t type;
	} entry[MOST];
	char call[32], path[PATH_MAX];
} got;

static void note(int err)
{
	ouro_op now = ouro_op_now(loop);

	got.called++;
	got.err = err;
	snprintf(got.call, sizeof(got.call), "%s", ouro_op_call(loop, now));
	snprintf(got.path, sizeof(got.path), "%s", ouro_op_path(loop, now));
}

static void on_entries(int err, const ouro_entry *entries, size_t count, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK(count <= MOST);
	CHECK((entries == NULL) == (count == 0));
	CHECK(err == 0 || count == 0);
	got.count = count;
	for (size_t i = 0; i < count; i++) {
		CHECK(strlen(entries[i].name) < sizeof(got.entry[i].name));
		strcpy(got.entry[i].name, entries[i].name);
		got.entry[i].type = entries[i].type;
	}
}

static void on_dir(int err, ouro_dir *opened, void *arg)
{
	CHECK(arg == &got);
	note(err);
	CHECK((err < 0) == (opened == NULL));
	dir = opened;
}

static int settle(ouro_op op)
{
	CHECK(op.id != 0);
	CHECK_EQ(got.called, 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.called, 1);
	got.called = 0;
	return got.err;
}

/* For a loop in which something hangs. */
static int wait_for_answer(void)
{
	while (!got.called)
		ouro_loop_turn(loop);
	CHECK_EQ(got.called, 1);
	got.called = 0;
	return got.err;
}

static int read_whole(const char *path)
{
	return settle(ouro_fs_readdir(loop, path, on_entries, &got));
}

static int open_dir(const char *path)
{
	return settle(ouro_fs_opendir(loop, path, on_dir, &got));
}

static ouro_op ask_next(void)
{
	return ouro_dir_next(dir, on_entries, &got);
}

static int next(void)
{
	return settle(ask_next());
}

static void begin(void)
{
	scratch_enter();
	loop = ouro_loop_new(NULL);
	CHECK(loop != NULL);
}

static void end(void)
{
	ouro_loop_free(loop);
	scratch_leave();
}

/* The type of the entry of that name, of which there is one; -1: there is none. */
static long type_of(const char *name)
{
	long found = -1;

	for (size_t i = 0; i < got.count; i++)
		if (!strcmp(got.entry[i].name, name)) {
			CHECK_EQ(found, -1);
			found = got.entry[i].type;
		}
	return found;
}

/* --- Whole folders --- */

/* Seven names, of each type that needs no privilege. */
static void make_one_of_each(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make_file("file", "");
	make_file(".hidden", "");
	CHECK_EQ(mkdir("folder", 0755), 0);
	CHECK_EQ(symlink("folder", "link"), 0);
	CHECK_EQ(symlink("nowhere", "dangling"), 0);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_EQ(close(fd), 0);
}

static void check_one_of_each(void)
{
	CHECK_EQ(got.count, 7);
	CHECK_EQ(type_of("file"), S_IFREG);
	CHECK_EQ(type_of(".hidden"), S_IFREG);
	CHECK_EQ(type_of("folder"), S_IFDIR);
	CHECK_EQ(type_of("link"), S_IFLNK);
	CHECK_EQ(type_of("dangling"), S_IFLNK);
	CHECK_EQ(type_of("fifo"), S_IFIFO);
	CHECK_EQ(type_of("socket"), S_IFSOCK);
}

TEST(a_folder_is_read_whole_without_its_dots)
{
	begin();
	make_one_of_each();
	CHECK_EQ(read_whole("."), 0);
	check_one_of_each();
	CHECK_STR(got.call, "readdir");
	CHECK_STR(got.path, ".");
	CHECK_EQ(read_whole("folder"), 0);
	CHECK_EQ(got.count, 0);
	end();
}

TEST(types_are_told_where_the_file_system_does_not)
{
	begin();
	make_one_of_each();
	quirk.typeless = true;
	CHECK_EQ(read_whole("."), 0);
	check_one_of_each();
	CHECK_EQ(open_dir("."), 0);
	CHECK_EQ(next(), 0);
	check_one_of_each();
	ouro_dir_close(dir);
	CHECK_EQ(ouro_loop_run(loop), 0);
	quirk.typeless = false;
	end();
}

TEST(an_entry_that_has_gone_meanwhile_has_no_type)
{
	begin();
	make_file("file", "");
	quirk.typeless = quirk.removes = true;
	CHECK_EQ(read_whole("."), 0);
	CHECK_EQ(type_of("file"), 0);
	quirk.typeless = quirk.removes = false;
	end();
}

TEST(a_name_is_any_bytes_but_a_slash_and_a_zero)
{
	static const char *const names[] = {
		"a\nb", "\n", " ", "...", ".. ", "-", "%s", "\xff\xfe", "\xc3", "\xed\xa0\x80",
	};
	char longest[256];
	size_t count = sizeof(names) / sizeof(*names);

	begin();
	memset(longest, 'n', 255);
	longest[255] = '\0';
	make_file(longest, "");
	for (size_t i = 0; i < count; i++)
		make_file(names[i], "");
	CHECK_EQ(read_whole("."), 0);
	CHECK_EQ(got.count, count + 1);
	CHECK_EQ(type_of(longest), S_IFREG);
	for (size_t i = 0; i < count; i++)
		CHECK_EQ(type_of(names[i]), S_IFREG);
	end();
}

TEST(what_is_no_folder_or_cannot_be_read_says_so)
{
	static char path[PATH_MAX + 1];
	static const struct {
		const char *path;
		int err;
	} wrong[] = { { "missing", -ENOENT },
		      { "", -ENOENT },
		      { "file", -ENOTDIR },
		      { "loop", -ELOOP },
		      { path, -ENAMETOOLONG } };

	begin();
	make_file("file", "");
	CHECK_EQ(symlink("loop", "loop"), 0);
	long_way(path, PATH_MAX, "x");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CHECK_EQ(read_whole(wrong[i].path), wrong[i].err);
		CHECK_STR(got.call, "readdir");
		CHECK_EQ(open_dir(wrong[i].path), wrong[i].err);
		CHECK_STR(got.call, "opendir");
		CHECK(!strncmp(got.path, wrong[i].path, sizeof(got.path) - 1));
	}
	end();
}

TEST(no_descriptor_left_is_an_error_like_any_other)
{
	struct rlimit limit;
	int first_free;

	begin();
	CHECK_EQ(read_whole("."), 0); /* the pool has what it needs */
	first_free = dup(0);
	CHECK_EQ(close(first_free), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)first_free;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(read_whole("."), -EMFILE);
	CHECK_EQ(open_dir("."), -EMFILE);
	limit.rlim_cur = limit.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	end();
}

TEST(a_folder_that_breaks_in_the_middle_has_no_entries)
{
	begin();
	make_one_of_each();
	quirk.fail_in = 5;
	CHECK_EQ(read_whole("."), -EIO);
	CHECK_EQ(got.count, 0);
	end();
}

/* --- Ten thousand --- */

#define THOUSANDS 10000

static bool seen[THOUSANDS];

/* In memory if there is such a place: it takes some disks seconds to make so many names. */
static void begin_big(void)
{
	if (!access("/dev/shm", W_OK | X_OK))
		CHECK_EQ(setenv("TMPDIR", "/dev/shm", 1), 0);
	begin();
}

/* So many names for one file, which are made and removed faster than files. */
static void make_some(const char *folder, int count)
{
	char name[32];

	CHECK_EQ(mkdir(folder, 0755), 0);
	make_file("one", "");
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%05d", folder, i);
		CHECK_EQ(link("one", name), 0);
	}
}

static void see(const char *name)
{
	int i = atoi(name);

	CHECK(i >= 0 && i < THOUSANDS && strlen(name) == 5);
	CHECK(!seen[i]);
	seen[i] = true;
}

static void see_all(int err, const ouro_entry *entries, size_t count, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	CHECK_EQ(count, THOUSANDS);
	for (size_t i = 0; i < count; i++) {
		CHECK_EQ(entries[i].type, S_IFREG);
		see(entries[i].name);
	}
}

TEST(ten_thousand_names_come_at_once)
{
	begin_big();
	make_some("big", THOUSANDS);
	CHECK(ouro_fs_readdir(loop, "big", see_all, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	for (int i = 0; i < THOUSANDS; i++)
		CHECK(seen[i]);
	end();
}

TEST(ten_thousand_names_come_in_pieces)
{
	size_t sum = 0;

	begin_big();
	make_some("big", THOUSANDS);
	CHECK_EQ(open_dir("big"), 0);
	CHECK_STR(got.path, "big");
	do {
		CHECK_EQ(next(), 0);
		CHECK_STR(got.call, "readdir");
		CHECK_STR(got.path, "big");
		CHECK(got.count <= 256);
		for (size_t i = 0; i < got.count; i++)
			see(got.entry[i].name);
		sum += got.count;
	} while (got.count);
	CHECK_EQ(sum, THOUSANDS);
	CHECK_EQ(next(), 0); /* the end stays the end */
	CHECK_EQ(got.count, 0);
	ouro_dir_close(dir);
	end();
}

/* --- One at a time, and closing --- */

static void begin_open(void)
{
	begin();
	make_one_of_each();
	CHECK_EQ(open_dir("."), 0);
}

static void say_entries(int err, const ouro_entry *entries, size_t count, void *arg)
{
	(void)entries;
	if (err)
		say("%s:%s", (const char *)arg, ouro_errname(err));
	else
		say("%s:%zu", (const char *)arg, count);
}

static void say_next(const char *w)
{
	CHECK(ouro_dir_next(dir, say_entries, word(w)).id != 0);
}

TEST(a_second_next_is_refused_until_the_first_has_ended)
{
	scratch_enter();
	loop = single_thread_loop(0);
	make_one_of_each();
	CHECK_EQ(open_dir("."), 0);
	plug_in(loop);
	say_next("first");
	say_next("second");
	CHECK_STR(said, "");
	while (!*said)
		ouro_loop_turn(loop);
	CHECK_STR(said, "second:EBUSY");
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "second:EBUSY first:7");
	CHECK_EQ(next(), 0);
	CHECK_EQ(got.count, 0);
	tube_close(plug);
	end();
}

TEST(a_refusal_says_what_it_is_about)
{
	begin_open();
	CHECK(ouro_dir_next(dir, say_entries, word("first")).id != 0);
	CHECK(ask_next().id != 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(got.err, -EBUSY);
	CHECK_STR(got.call, "readdir");
	CHECK_STR(got.path, ".");
	end();
}

TEST(close_waits_for_what_is_under_way)
{
	begin_open();
	say_next("under way");
	ouro_dir_close(dir);
	ouro_dir_close(dir);
	say_next("after");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "under way:7") != NULL);
	CHECK(strstr(said, "after:OURO_ECLOSED") != NULL);
	end();
}

TEST(closed_at_rest_it_takes_no_more_questions)
{
	begin_open();
	ouro_dir_close(dir);
	ouro_dir_close(dir);
	say_next("after");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "after:OURO_ECLOSED");
	ouro_dir_close(NULL);
	end();
}

static void close_it(int err, const ouro_entry *entries, size_t count, void *arg)
{
	(void)entries, (void)arg;
	say("%d:%zu", err, count);
	ouro_dir_close(dir);
	ouro_dir_close(dir);
}

static void next_and_close_it(int err, ouro_dir *opened, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	dir = opened;
	CHECK(ouro_dir_next(dir, close_it, NULL).id != 0);
}

static void close_at_once(int err, ouro_dir *opened, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	ouro_dir_close(opened);
	say("closed");
}

TEST(a_folder_may_be_closed_in_any_callback)
{
	begin();
	make_one_of_each();
	ouro_fs_opendir(loop, ".", close_at_once, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_fs_opendir(loop, ".", next_and_close_it, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "closed 0:7");
	end();
}

TEST(an_open_folder_does_not_keep_the_loop_and_goes_with_it)
{
	begin_open();
	CHECK_EQ(ouro_loop_active(loop, NULL, NULL), 0);
	CHECK(!ouro_loop_turn(loop));
	end();
}

TEST(a_folder_that_is_being_read_goes_with_its_loop)
{
	begin_open();
	say_next("last");
	ouro_loop_free(loop);
	CHECK(!strcmp(said, "last:7") || !strcmp(said, "last:OURO_ECANCELED"));
	scratch_leave();
}

TEST(a_folder_that_is_closing_goes_with_its_loop)
{
	begin_open();
	say_next("last");
	ouro_dir_close(dir);
	ouro_loop_free(loop);
	CHECK(!strcmp(said, "last:7") || !strcmp(said, "last:OURO_ECANCELED"));
	scratch_leave();
}

static void free_the_loop(int err, const ouro_entry *entries, size_t count, void *arg)
{
	(void)entries, (void)arg;
	CHECK_EQ(err, 0);
	CHECK_EQ(count, 7);
	ouro_loop_free(loop);
	ouro_dir_close(dir);
}

TEST(a_callback_may_free_the_loop_and_close_the_folder)
{
	begin_open();
	CHECK(ouro_dir_next(dir, free_the_loop, NULL).id != 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	scratch_leave();
}

static void refused_opening(int err, ouro_dir *opened, void *arg)
{
	(void)arg;
	CHECK(err < 0 ? !opened : !!opened);
	say("told");
}

TEST(a_folder_that_opens_while_its_loop_ends_is_closed)
{
	begin();
	for (int i = 0; i < 8; i++)
		CHECK(ouro_fs_opendir(loop, ".", refused_opening, NULL).id != 0);
	ouro_loop_free(loop);
	CHECK_STR(said, "told told told told told told told told");
	scratch_leave();
}

/* --- Cancelled, refused, late --- */

static void begin_plugged(unsigned queue)
{
	scratch_enter();
	loop = single_thread_loop(queue);
	make_one_of_each();
	CHECK_EQ(open_dir("."), 0);
	plug_in(loop);
}

static void end_plugged(void)
{
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	tube_close(plug);
	end();
}

TEST(a_next_that_was_cancelled_has_lost_nothing)
{
	ouro_op op;

	begin_plugged(0);
	op = ask_next();
	CHECK(ouro_op_cancel(loop, op));
	CHECK_EQ(wait_for_answer(), OURO_ECANCELED);
	op = ask_next();
	plug_pull();
	CHECK_EQ(settle(op), 0);
	check_one_of_each();
	tube_close(plug);
	end();
}

TEST(a_next_for_which_there_was_no_room_has_lost_nothing)
{
	ouro_op op;

	begin_plugged(1);
	CHECK(ouro_fs_readdir(loop, "folder", say_entries, word("waits")).id != 0);
	CHECK(ask_next().id != 0);
	CHECK_EQ(wait_for_answer(), OURO_EBUSY);
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "waits:0");
	op = ask_next();
	CHECK_EQ(settle(op), 0);
	check_one_of_each();
	tube_close(plug);
	end();
}

TEST(a_folder_is_closed_even_when_the_pool_has_no_room_for_that)
{
	begin_plugged(1);
	CHECK(ouro_fs_readdir(loop, "folder", say_entries, word("waits")).id != 0);
	ouro_dir_close(dir);
	end_plugged();
}

TEST(opening_and_reading_can_be_cancelled_while_they_wait)
{
	begin_plugged(0);
	CHECK(ouro_op_cancel(loop, ouro_fs_opendir(loop, ".", on_dir, &got)));
	CHECK_EQ(wait_for_answer(), OURO_ECANCELED);
	CHECK(ouro_op_cancel(loop, ouro_fs_readdir(loop, ".", on_entries, &got)));
	CHECK_EQ(wait_for_answer(), OURO_ECANCELED);
	end_plugged();
}

/* Nobody can tell whether its thread had begun, so it is the same as if it had. */
TEST(a_next_whose_time_ran_out_while_it_waited_ends_the_reading)
{
	begin_plugged(0);
	CHECK(ouro_op_timeout(loop, ask_next(), 1));
	CHECK_EQ(wait_for_answer(), OURO_ETIMEOUT);
	CHECK(ask_next().id != 0);
	CHECK_EQ(wait_for_answer(), OURO_ECLOSED);
	ouro_dir_close(dir);
	end_plugged();
}

/* Here the plug stops readdir(3) itself. */
static void begin_hanging(void)
{
	int fd[2];

	begin_open();
	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	plug = (struct tube){ fd[0], fd[1] };
	quirk.hangs = true;
}

static void time_out(ouro_op op)
{
	wait_for_running(loop);
	CHECK(ouro_op_timeout(loop, op, 1));
	CHECK_EQ(wait_for_answer(), OURO_ETIMEOUT);
}

static void let_go_on(void)
{
	quirk.hangs = false;
	plug_pull();
}

TEST(a_next_that_hangs_keeps_what_it_reads_from)
{
	begin_hanging();
	time_out(ask_next());
	CHECK(ask_next().id != 0);
	CHECK_EQ(wait_for_answer(), OURO_ECLOSED);
	let_go_on();
	wait_for_stuck(loop);
	CHECK_EQ(got.called, 0);
	CHECK_EQ(next(), OURO_ECLOSED);
	ouro_dir_close(dir);
	CHECK_EQ(ouro_loop_run(loop), 0);
	tube_close(plug);
	end();
}

TEST(a_folder_may_be_closed_before_its_time_is_up)
{
	ouro_op op;

	begin_hanging();
	op = ask_next();
	ouro_dir_close(dir);
	time_out(op);
	CHECK_EQ(ouro_loop_run(loop), 0);
	let_go_on();
	wait_for_stuck(loop);
	tube_close(plug);
	end();
}

TEST(a_folder_may_be_closed_while_its_thread_hangs)
{
	begin_hanging();
	time_out(ask_next());
	ouro_dir_close(dir);
	CHECK_EQ(ouro_loop_run(loop), 0);
	let_go_on();
	wait_for_stuck(loop);
	tube_close(plug);
	end();
}

TEST(a_loop_need_not_wait_for_a_thread_that_hangs)
{
	begin_hanging();
	time_out(ask_next());
	ouro_loop_free(loop);
	let_go_on();
	while (test_memory.held) /* the thread takes the pool with it */
		usleep(500);
	tube_close(plug);
	scratch_leave();
}

/* There the thread is not, and the folder is as the thread had it in that moment. */
static void look_from_a_child(void)
{
	alarm(TEST_SECONDS);
	CHECK_EQ(ouro_loop_after_fork(loop), 0);
	CHECK_EQ(wait_for_answer(), OURO_ECANCELED);
	CHECK_EQ(next(), OURO_ECLOSED);
	ouro_dir_close(dir);
	ouro_loop_free(loop);
	_exit(0); /* LeakSanitizer would look for the threads of its parent */
}

TEST(in_the_child_of_a_fork_a_next_that_ran_ends_the_reading)
{
	int status;
	ouro_op op;
	pid_t pid;

	begin_hanging();
	op = ask_next();
	while (!quirk.hanging)
		usleep(500);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		look_from_a_child();
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	let_go_on();
	CHECK_EQ(settle(op), 0);
	check_one_of_each();
	tube_close(plug);
	end();
}

TEST(a_folder_read_too_late_is_closed)
{
	begin_hanging();
	time_out(ouro_fs_readdir(loop, ".", on_entries, &got));
	let_go_on();
	wait_for_stuck(loop);
	CHECK_EQ(got.called, 0);
	tube_close(plug);
	end();
}

/* --- Errors in the middle, and memory --- */

TEST(a_next_that_failed_has_lost_nothing)
{
	size_t sum = 0;

	begin_big();
	make_some("big", THOUSANDS);
	CHECK_EQ(open_dir("big"), 0);
	do {
		quirk.fail_in = 3;
		CHECK_EQ(next(), -EIO);
		CHECK_EQ(next(), 0);
		for (size_t i = 0; i < got.count; i++)
			see(got.entry[i].name);
		sum += got.count;
	} while (got.count == 256);
	CHECK_EQ(sum, THOUSANDS);
	ouro_dir_close(dir);
	end();
}

/* Until all have been seen, whatever was refused on the way. */
static int read_in_pieces(void)
{
	int err = 0;

	memset(seen, 0, sizeof(seen));
	do {
		ouro_op op = ask_next();
		int now = op.id ? settle(op) : -ENOMEM;

		err = now ? now : err;
		for (size_t i = 0; now == 0 && i < got.count; i++)
			see(got.entry[i].name);
		if (now == 0 && got.count == 0)
			break;
	} while (true);
	for (int i = 0; i < 600; i++)
		CHECK(seen[i]);
	return err;
}

static int attempt_pieces(void)
{
	ouro_op op;
	int err;

	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	errno = 0;
	op = ouro_fs_opendir(loop, "some", on_dir, &got);
	err = op.id ? settle(op) : -errno;
	if (!err) {
		err = read_in_pieces();
		ouro_dir_close(dir);
	}
	ouro_loop_run(loop);
	ouro_loop_free(loop);
	return err;
}

static int attempt_whole(void)
{
	ouro_op op;
	int err;

	loop = ouro_loop_new(NULL);
	if (!loop)
		return -errno;
	errno = 0;
	op = ouro_fs_readdir(loop, "few", on_entries, &got);
	err = op.id ? settle(op) : -errno;
	ouro_loop_free(loop);
	return err;
}

TEST(reading_copes_without_memory_and_loses_nothing)
{
	scratch_enter();
	make_some("some", 600);
	make_some("few", 200);
	CHECK(for_each_failing_allocation(attempt_pieces) > 6);
	CHECK(for_each_failing_allocation(attempt_whole) > 4);
	scratch_leave();
}
