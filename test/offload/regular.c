/* regular.c -- files that hold bytes, and the folders they are in. */
#include "offload/regular.h"
#include "offload/whole.h"

static int opened(const char *path, int flags)
{
	struct stat st;
	int fd = ouro__regular_open(AT_FDCWD, path, flags, 0644, &st);

	if (fd < 0)
		return fd;
	CHECK(S_ISREG(st.st_mode));
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(ouro__regular_close(&fd), 0);
	CHECK_EQ(fd, -1);
	return 0;
}

TEST(files_are_opened_and_nothing_else)
{
	scratch_enter();
	make_file("f", "x");
	CHECK_EQ(symlink("f", "link"), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	CHECK_EQ(opened("f", O_RDONLY), 0);
	CHECK_EQ(opened("new", O_WRONLY | O_CREAT), 0);
	CHECK_EQ(opened("link", O_RDONLY), 0);
	CHECK_EQ(opened("link", O_RDONLY | O_NOFOLLOW), -ELOOP);
	CHECK_EQ(opened(".", O_RDONLY), -EISDIR);
	CHECK_EQ(opened("fifo", O_RDONLY), -EINVAL);
	CHECK_EQ(opened("fifo", O_WRONLY), -EINVAL);
	CHECK_EQ(opened("/dev/null", O_RDONLY), -EINVAL);
	CHECK_EQ(opened("missing", O_RDONLY), -ENOENT);
	scratch_leave();
}

TEST(what_is_in_the_way_is_in_the_way_whatever_it_is)
{
	static const char *const names[] = { ".", "f", "fifo", "link" };

	scratch_enter();
	make_file("f", "x");
	CHECK_EQ(symlink("nowhere", "link"), 0);
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_EQ(opened(names[i], O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	CHECK_EQ(opened("new", O_WRONLY | O_CREAT | O_EXCL), 0);
	scratch_leave();
}

TEST(a_reader_of_a_fifo_does_not_notice_that_it_was_looked_at)
{
	struct pollfd reader = { .events = POLLIN };

	scratch_enter();
	CHECK_EQ(mkfifo("fifo", 0644), 0);
	reader.fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(reader.fd >= 0);
	CHECK_EQ(opened("fifo", O_WRONLY), -EINVAL);
	CHECK_EQ(poll(&reader, 1, 0), 0); /* a writer that came and went would be POLLHUP */
	CHECK_EQ(close(reader.fd), 0);
	scratch_leave();
}

TEST(bytes_that_cannot_be_written_are_told)
{
	int fd;

	scratch_enter();
	fd = open("f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK_EQ(ouro__regular_write(fd, "four", 4), 0);
	CHECK_EQ(ouro__regular_write(fd, NULL, 0), 0);
	CHECK_EQ(ouro__regular_close(&fd), 0);
	CHECK_EQ(ouro__regular_close(&fd), 0);
	CHECK_STR(text_of("f"), "four");
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CHECK(fd < 0 || ouro__regular_write(fd, "x", 1) == -ENOSPC);
	CHECK_EQ(ouro__regular_close(&fd), 0);
	scratch_leave();
}

/* Is it that folder, and what is the name in it? */
static void check_folder(const char *path, const char *folder, const char *name)
{
	const char *last;
	struct stat a, b;
	int fd = ouro__folder_open(path, O_RDONLY, &last);

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &a), 0);
	CHECK_EQ(stat(folder, &b), 0);
	CHECK(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	CHECK_STR(last, name);
	CHECK_EQ(close(fd), 0);
}

TEST(the_folder_of_a_path_is_what_is_before_its_last_name)
{
	const char *name;

	scratch_enter();
	CHECK_EQ(mkdir("a", 0755), 0);
	make_file("f", "");
	check_folder("x", ".", "x");
	check_folder("a/x", "a", "x");
	check_folder("a//x", "a", "x");
	check_folder("a/x//", "a", "x//");
	check_folder("a/", ".", "a/");
	check_folder("/x", "/", "x");
	check_folder("/", "/", "");
	check_folder("///", "/", "");
	check_folder("", ".", "");
	CHECK_EQ(ouro__folder_open("no/x", O_PATH, &name), -ENOENT);
	CHECK_EQ(ouro__folder_open("f/x", O_PATH, &name), -ENOTDIR);
	fail_allocation(1);
	CHECK_EQ(ouro__folder_open("a/x", O_PATH, &name), -ENOMEM);
	scratch_leave();
}
