/* notify.c -- news of changes: each, in order, and none missed.
 *
 * A change is one word: +name made, -name gone, ~name written, *name its attributes; a dot stands
 * for what is watched itself. */
#include "ouro/file.h"
#include "scratch.h"
#include <sched.h>
#include <sys/resource.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

/* The run ends when this has been said. */
static const char *awaited;

static void say_change(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	const char *name = *path ? path : ".";

	(void)arg;
	switch (changes) {
	case OURO_CHANGE_MADE:
		say("+%s", name);
		break;
	case OURO_CHANGE_GONE:
		say("-%s", name);
		break;
	case OURO_CHANGE_DATA:
		say("~%s", name);
		break;
	case OURO_CHANGE_META:
		say("*%s", name);
		break;
	case OURO_CHANGE_SELF:
		say("self%s", path);
		break;
	case OURO_CHANGE_MISSED:
		say("missed%s", path);
		break;
	default:
		say("[changes %u of %s]", changes, path);
	}
	if (awaited && strstr(said, awaited))
		ouro_loop_stop(ouro_watch_loop(watch), 0);
}

static bool is_ready;

static void note_ready(int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	is_ready = true;
}

static void say_ready(int err, void *arg)
{
	(void)arg;
	say("%s", err ? ouro_errname(err) : "ready");
}

static void say_gone(void *arg)
{
	(void)arg;
	say("gone");
}

static ouro_watch *open_watch(ouro_loop *loop, const char *path, bool recursive,
			      ouro_done_fn *ready, ouro_watch_fn *fn)
{
	ouro_watch *watch = NULL;

	CHECK_EQ(ouro_watch_open(loop, path, recursive, ready, fn, NULL, &watch), 0);
	CHECK(watch != NULL);
	CHECK(ouro_watch_loop(watch) == loop);
	return watch;
}

/* One that is ready. */
static ouro_watch *watch_it(ouro_loop *loop, const char *path, bool recursive, ouro_watch_fn *fn)
{
	ouro_watch *watch = open_watch(loop, path, recursive, note_ready, fn);

	is_ready = false;
	while (!is_ready)
		ouro_loop_turn(loop);
	return watch;
}

/* What is said until that is said, and then forgotten. */
static const char *told_until(ouro_loop *loop, const char *w)
{
	static char told[sizeof(said)];

	awaited = w;
	if (!strstr(said, w))
		CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, w) != NULL);
	strcpy(told, said);
	said[0] = '\0';
	return told;
}

static void touch(const char *path)
{
	make_file(path, "");
}

static void make_dir(const char *path)
{
	CHECK_EQ(mkdir(path, 0755), 0);
}

static void move(const char *from, const char *to)
{
	CHECK_EQ(rename(from, to), 0);
}

static void write_more(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(close(fd), 0);
}

static void leave(ouro_loop *loop)
{
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- a folder ---- */

TEST(each_change_in_a_folder_is_told_in_order)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	touch("w/old");
	watch_it(loop, "w", false, say_change);
	make_file("w/f", "x");
	CHECK_EQ(chmod("w/f", 0600), 0);
	move("w/f", "w/g");
	CHECK_EQ(truncate("w/g", 0), 0);
	CHECK_EQ(unlink("w/g"), 0);
	CHECK_EQ(symlink("w", "w/l"), 0);
	move("w/old", "old");
	move("old", "w/old");
	CHECK_EQ(chmod("w", 0700), 0);
	touch("w/end");
	CHECK_STR(told_until(loop, "+end"), "+f ~f *f -f +g ~g -g +l -old +old *. +end");
	leave(loop);
}

TEST(what_happens_in_a_folder_of_a_folder_is_not_told)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/d");
	watch_it(loop, "w", false, say_change);
	touch("w/d/f");
	make_dir("w/e");
	touch("w/e/f");
	touch("w/end");
	CHECK_STR(told_until(loop, "+end"), "+e +end");
	leave(loop);
}

TEST(a_name_may_have_any_bytes)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	watch_it(loop, "w", true, say_change);
	make_dir("w/\n\xff\xfe");
	touch("w/\n\xff\xfe/ \xc3");
	CHECK_STR(told_until(loop, "\xc3"), "+\n\xff\xfe +\n\xff\xfe/ \xc3");
	leave(loop);
}

TEST(the_working_folder_may_change_and_a_symlink_leads_there)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/d");
	CHECK_EQ(symlink("w", "l"), 0);
	watch_it(loop, "l", true, say_change);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(chdir(scratch), 0);
	CHECK_EQ(unlink("l"), 0);
	CHECK_EQ(chdir("w"), 0);
	make_dir("d/e");
	CHECK_STR(told_until(loop, "+d/e"), "+d/e");
	touch("d/e/f");
	CHECK(strstr(told_until(loop, "+d/e/f"), "+d/e/f") != NULL);
	leave(loop);
}

TEST(a_folder_that_is_removed_is_the_last_news)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	touch("w/f");
	ouro_watch_on_close(watch_it(loop, "w", true, say_change), say_gone);
	CHECK_EQ(unlink("w/f"), 0);
	CHECK_EQ(rmdir("w"), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "-f self gone");
	leave(loop);
}

TEST(a_folder_that_is_moved_is_the_last_news)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	ouro_watch_on_close(watch_it(loop, "w", true, say_change), say_gone);
	move("w", "v");
	touch("v/f");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "self gone");
	leave(loop);
}

/* ---- a file ---- */

TEST(a_file_is_followed_by_its_name_through_every_way_to_save_it)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_file("w/f", "x");
	watch_it(loop, "w/f", true, say_change);
	write_more("w/f");
	touch("w/other");
	CHECK_EQ(unlink("w/other"), 0);
	make_file("w/f~", "y");
	move("w/f~", "w/f"); /* over it */
	write_more("w/f");
	move("w/f", "w/aside");
	write_more("w/aside");
	make_file("w/f", "");
	CHECK_EQ(chmod("w/f", 0600), 0);
	CHECK_EQ(unlink("w/f"), 0);
	CHECK_STR(told_until(loop, "*. -."), "~. +. ~. -. +. *. -.");
	leave(loop);
}

TEST(a_file_whose_folder_goes_is_the_last_news)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	touch("w/f");
	ouro_watch_on_close(watch_it(loop, "w/f", false, say_change), say_gone);
	CHECK_EQ(chmod("w", 0700), 0);
	CHECK_EQ(unlink("w/f"), 0);
	CHECK_EQ(rmdir("w"), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "-. self gone");
	leave(loop);
}

TEST(a_file_in_the_root_folder_can_be_watched)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	CHECK_EQ(symlink("/proc/../.", "root"), 0);
	ouro_watch_close(watch_it(loop, "root", false, say_change));
	if (access("/etc", F_OK) == 0)
		ouro_watch_close(watch_it(loop, "root/etc/../etc", false, say_change));
	CHECK_EQ(ouro_loop_run(loop), 0);
	leave(loop);
}

/* ---- a tree ---- */

TEST(folders_that_are_there_and_those_that_come_are_watched)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/a");
	make_dir("w/a/b");
	touch("w/a/b/old");
	watch_it(loop, "w", true, say_change);
	touch("w/a/b/f");
	CHECK_STR(told_until(loop, "+a/b/f"), "+a/b/f");
	make_dir("w/a/c");
	CHECK_STR(told_until(loop, "+a/c"), "+a/c");
	make_dir("w/a/c/d");
	touch("w/a/c/d/f");
	CHECK(strstr(told_until(loop, "+a/c/d/f"), "+a/c/d ") != NULL);
	CHECK_EQ(unlink("w/a/c/d/f"), 0);
	CHECK_EQ(rmdir("w/a/c/d"), 0);
	touch("w/end");
	CHECK(strstr(told_until(loop, "+end"), "-a/c/d/f -a/c/d +end") != NULL);
	leave(loop);
}

static bool has_word(const char *text, const char *w)
{
	size_t n = strlen(w);

	for (const char *at = text; (at = strstr(at, w)); at += n)
		if ((at == text || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

TEST(what_was_made_before_a_new_folder_could_be_watched_is_told)
{
	ouro_loop *loop = new_loop();
	const char *told;

	scratch_enter();
	make_dir("w");
	watch_it(loop, "w", true, say_change);
	make_dir("w/a");
	make_dir("w/a/b");
	make_dir("w/a/b/c");
	touch("w/a/b/c/f");
	touch("w/a/f");
	touch("w/end");
	told = told_until(loop, "+end");
	CHECK(has_word(told, "+a") && has_word(told, "+a/b") && has_word(told, "+a/b/c"));
	CHECK(has_word(told, "+a/b/c/f") && has_word(told, "+a/f"));
	CHECK(strstr(told, "+a ") == told); /* what is in a folder comes behind it */
	leave(loop);
}

TEST(a_folder_that_is_moved_away_is_not_watched_any_more)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/a");
	make_dir("w/a/b");
	make_dir("w/ab");
	watch_it(loop, "w", true, say_change);
	move("w/a", "a");
	CHECK_STR(told_until(loop, "-a"), "-a");
	touch("a/b/f");
	touch("w/ab/f");
	CHECK_STR(told_until(loop, "+ab/f"), "+ab/f");
	leave(loop);
}

TEST(a_folder_that_is_moved_in_is_told_with_all_that_is_in_it_and_watched)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("a");
	make_dir("a/b");
	touch("a/b/f");
	watch_it(loop, "w", true, say_change);
	move("a", "w/c");
	CHECK_STR(told_until(loop, "/f"), "+c +c/b +c/b/f");
	touch("w/c/b/g");
	CHECK_STR(told_until(loop, "g"), "+c/b/g");
	leave(loop);
}

TEST(a_folder_that_gets_another_name_is_watched_by_that)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/a");
	make_dir("w/a/b");
	touch("w/a/b/f");
	watch_it(loop, "w", true, say_change);
	move("w/a", "w/c");
	touch("w/end");
	CHECK_STR(told_until(loop, "+end"), "-a +c +c/b +c/b/f +end");
	write_more("w/c/b/f");
	make_dir("w/a");
	touch("w/a/f");
	CHECK(strstr(told_until(loop, "+a/f"), "~c/b/f +a ") != NULL);
	leave(loop);
}

TEST(a_symlink_in_a_tree_is_a_name_and_not_followed)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("d");
	CHECK_EQ(symlink("../d", "w/old"), 0);
	watch_it(loop, "w", true, say_change);
	CHECK_EQ(symlink("../d", "w/new"), 0);
	touch("d/f");
	touch("w/end");
	CHECK_STR(told_until(loop, "+end"), "+new +end");
	leave(loop);
}

/* As somebody to whom permissions matter. */
TEST(a_folder_that_may_not_be_read_is_passed_over)
{
	bool root = geteuid() == 0;
	ouro_loop *loop;

	scratch_enter();
	make_dir("w");
	make_dir("w/closed");
	make_dir("w/open");
	CHECK_EQ(chmod("w/closed", 0), 0);
	CHECK_EQ(chmod(".", 0755), 0);
	CHECK_EQ(chmod("w", 0777), 0);
	if (root && seteuid(65534)) {
		scratch_leave();
		SKIP("cannot become somebody else");
	}
	loop = new_loop();
	watch_it(loop, "w", true, say_change);
	ouro_watch_on_close(open_watch(loop, "w/closed", false, say_ready, say_change), say_gone);
	make_dir("w/end");
	awaited = NULL;
	while (!has_word(said, "gone") || !has_word(said, "+end"))
		ouro_loop_turn(loop);
	CHECK(has_word(said, "EACCES"));
	if (root)
		CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(chmod("w/closed", 0700), 0);
	leave(loop);
}

/* If the path to what is watched leads elsewhere, folders that come cannot be added. */
TEST(a_tree_whose_path_has_changed_says_what_it_cannot_see)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("above");
	make_dir("above/w");
	watch_it(loop, "above/w", true, say_change);
	move("above", "moved");
	touch("moved/w/f");
	make_dir("moved/w/d");
	CHECK_STR(told_until(loop, "missed"), "+f +d missed");
	leave(loop);
}

/* ---- a tree that changes all the time ---- */

#define NAMES 2000

static struct {
	char *name[NAMES];
	size_t count;
	bool missed;
} seen;

static bool is_at_or_under(const char *name, const char *path)
{
	size_t n = strlen(path);

	return !strncmp(name, path, n) && (!name[n] || name[n] == '/');
}

static void see_gone(const char *path)
{
	for (size_t i = 0; i < seen.count;) {
		if (is_at_or_under(seen.name[i], path)) {
			free(seen.name[i]);
			seen.name[i] = seen.name[--seen.count];
		} else {
			i++;
		}
	}
}

static size_t times_seen(const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < seen.count; i++)
		n += !strcmp(seen.name[i], path);
	return n;
}

static void see(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	(void)arg;
	if (changes == OURO_CHANGE_GONE)
		see_gone(path);
	if (changes == OURO_CHANGE_MADE && !times_seen(path)) {
		CHECK(seen.count < NAMES);
		seen.name[seen.count++] = strdup(path);
	}
	if (changes == OURO_CHANGE_MISSED)
		seen.missed = true;
	if (!strcmp(path, "end"))
		ouro_loop_stop(ouro_watch_loop(watch), 0);
}

static size_t there;

static int compare_with_seen(const char *path, const struct stat *stat_, int kind, struct FTW *ftw)
{
	(void)stat_, (void)kind, (void)ftw;
	if (!strcmp(path, "w"))
		return 0;
	there++;
	if (times_seen(path + 2) != 1)
		fprintf(stderr, "# %s was told %zu times\n", path, times_seen(path + 2));
	CHECK_EQ(times_seen(path + 2), 1);
	return 0;
}

static int mark_folder(const char *path, const struct stat *stat_, int kind, struct FTW *ftw)
{
	char mark[PATH_MAX];

	(void)stat_, (void)ftw;
	if (kind != FTW_D)
		return 0;
	snprintf(mark, sizeof(mark), "%s/mark", path);
	touch(mark);
	return 0;
}

/* A path of up to four steps among a few names, so that they meet. */
static void random_path(uint32_t *seed, char path[64])
{
	strcpy(path, "w");
	for (uint32_t steps = 1 + random_below(seed, 4); steps; steps--) {
		char step[] = { '/', (char)('a' + random_below(seed, 4)), '\0' };

		strcat(path, step);
	}
}

/* Some of these fail, for there is no such name, or it is in the way. */
static void change_something(uint32_t *seed)
{
	char path[64], to[64];

	random_path(seed, path);
	random_path(seed, to);
	switch (random_below(seed, 8)) {
	case 0:
		unlink(path);
		break;
	case 1:
		rmdir(path);
		break;
	case 2:
	case 3:
		rename(path, to);
		break;
	case 4:
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		break;
	case 5:
		if (!rename(path, "outside"))
			rename("outside", to);
		if (access("outside", F_OK) == 0)
			nftw("outside", scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
		break;
	default:
		mkdir(path, 0755);
	}
}

static void see_the_end(ouro_loop *loop)
{
	touch("w/end");
	CHECK_EQ(ouro_loop_run(loop), 0);
	there = 0;
	CHECK_EQ(nftw("w", compare_with_seen, 16, FTW_PHYS), 0);
	CHECK_EQ(seen.count, there);
	CHECK_EQ(unlink("w/end"), 0);
	while (times_seen("end"))
		ouro_loop_turn(loop);
}

/* What is known from the news alone is what is there; also in folders marked at the very end. */
TEST(after_any_storm_the_news_add_up_to_what_is_there)
{
	for (uint32_t first = 1; first <= 6; first++) {
		ouro_loop *loop = new_loop();
		uint32_t seed = first * 2654435761u;

		scratch_enter();
		make_dir("w");
		watch_it(loop, "w", true, see);
		for (int i = 0; i < 1500; i++) {
			change_something(&seed);
			if (random_below(&seed, 6) == 0)
				ouro_loop_turn(loop);
		}
		see_the_end(loop);
		CHECK_EQ(nftw("w", mark_folder, 16, FTW_PHYS), 0);
		see_the_end(loop);
		CHECK(!seen.missed);
		see_gone("");
		while (seen.count)
			free(seen.name[--seen.count]);
		leave(loop);
	}
}

/* ---- too much ---- */

static unsigned queue_length(void)
{
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned n = 0;

	if (!file || fscanf(file, "%u", &n) != 1)
		n = 0;
	if (file)
		fclose(file);
	if (!n || n > 200000)
		SKIP("the kernel's queue is too long to fill");
	return n;
}

static void fill_queue(const char *a, const char *b, unsigned n)
{
	for (unsigned i = 0; i <= n / 2; i++) { /* two like one after the other would be one */
		CHECK_EQ(chmod(a, 0600 + (i & 1)), 0);
		CHECK_EQ(chmod(b, 0600 + (i & 1)), 0);
	}
}

static struct {
	unsigned changes, missed, this_turn;
} flood;

static void count_changes(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	(void)arg;
	flood.changes++;
	flood.this_turn++;
	if (changes == OURO_CHANGE_MISSED) {
		CHECK_STR(path, "");
		flood.missed++;
		ouro_loop_stop(ouro_watch_loop(watch), 0);
	}
	if (changes == OURO_CHANGE_MADE && !strcmp(path, "lost/end"))
		ouro_loop_stop(ouro_watch_loop(watch), 0);
}

static void overflow(bool recursive)
{
	unsigned queued = queue_length();
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	make_dir("w/away");
	touch("w/a");
	touch("w/b");
	watch_it(loop, "w", recursive, count_changes);
	fill_queue("w/a", "w/b", queued);
	make_dir("w/lost");
	move("w/away", "away");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(flood.missed, 1);
	CHECK_EQ(flood.changes, queued + 1);
	if (recursive) { /* what was lost is found again, and what has gone is forgotten */
		touch("away/f");
		touch("w/lost/end");
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_EQ(flood.changes, queued + 2);
	}
	leave(loop);
}

TEST(a_queue_that_overflowed_is_told_once)
{
	overflow(false);
}

TEST(a_tree_whose_news_overflowed_is_looked_through_again_before_that_is_told)
{
	overflow(true);
}

static void look_at_turn(ouro_loop *loop, void *arg)
{
	(void)loop;
	if (flood.this_turn)
		++*(unsigned *)arg;
	CHECK(flood.this_turn <= 1024);
	flood.this_turn = 0;
}

TEST(a_flood_of_news_does_not_hold_up_the_turn)
{
	unsigned queued = queue_length(), turns = 0;
	ouro_loop *loop = new_loop();
	ouro_timer each_turn;

	scratch_enter();
	make_dir("w");
	touch("w/a");
	touch("w/b");
	watch_it(loop, "w", false, count_changes);
	each_turn = ouro_timer_every(loop, 0, look_at_turn, &turns);
	CHECK(each_turn.id != 0);
	fill_queue("w/a", "w/b", queued);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(turns >= queued / 1024);
	leave(loop);
}

/* The same for what is found in a folder that comes. */
static void stop_at_end(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	(void)changes, (void)arg;
	flood.changes++;
	flood.this_turn++;
	if (!strcmp(path, "end"))
		ouro_loop_stop(ouro_watch_loop(watch), 0);
}

TEST(a_large_folder_that_comes_is_told_over_many_turns)
{
	ouro_loop *loop = new_loop();
	unsigned turns = 0;
	char path[64];

	scratch_enter();
	make_dir("w");
	make_dir("d");
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		touch(path);
	}
	watch_it(loop, "w", true, stop_at_end);
	ouro_timer_every(loop, 0, look_at_turn, &turns);
	move("d", "w/d");
	touch("w/end");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(flood.changes, 3002);
	CHECK(turns >= 2);
	leave(loop);
}

/* In a user namespace of our own the limit is ours. */
static bool limit_watches(const char *n)
{
	int fd;
	bool good;

	if (unshare(CLONE_NEWUSER))
		return false;
	fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, n, strlen(n)) == (ssize_t)strlen(n);
	if (fd >= 0)
		close(fd);
	return good;
}

TEST(when_the_kernel_has_no_watch_left_it_is_told)
{
	ouro_loop *loop;

	scratch_enter();
	make_dir("w");
	make_dir("w/a");
	make_dir("v");
	for (char path[] = "v/a"; path[2] < 'e'; path[2]++)
		make_dir(path);
	if (!limit_watches("3")) {
		scratch_leave();
		SKIP("no user namespace to set a limit in");
	}
	loop = new_loop();
	ouro_watch_on_close(open_watch(loop, "v", true, say_ready, say_change), say_gone);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ENOSPC gone");
	said[0] = '\0';
	watch_it(loop, "w", true, say_change);
	make_dir("w/b");
	make_dir("w/c");
	touch("w/b/f");
	CHECK(strstr(told_until(loop, "missed"), "+c missed") != NULL);
	leave(loop);
}

/* ---- beginning and end ---- */

TEST(what_cannot_be_watched_is_told_by_ready_and_ends_it)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	ouro_watch_on_close(open_watch(loop, "none", true, say_ready, say_change), say_gone);
	CHECK_STR(said, "");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ENOENT gone");
	leave(loop);
}

TEST(without_a_descriptor_it_is_refused)
{
	ouro_loop *loop = new_loop();
	struct rlimit limit, none;
	ouro_watch *watch = NULL;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(ouro_watch_open(loop, "/", false, say_ready, say_change, NULL, &watch), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(watch == NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

static void change_and_close(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	ouro_watch_close(watch);
	say_change(watch, changes, path, arg); /* path is there until it returns */
	ouro_watch_close(watch);
	micro(ouro_watch_loop(watch), "m");
}

TEST(a_watch_closed_in_its_own_callback_says_no_more)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	ouro_watch_on_close(watch_it(loop, "w", true, change_and_close), say_gone);
	make_dir("w/a");
	make_dir("w/b");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "+a m gone");
	said[0] = '\0';
	make_dir("d");
	touch("d/x");
	touch("d/y");
	ouro_watch_on_close(watch_it(loop, "w", true, change_and_close), say_gone);
	CHECK_EQ(rmdir("w/a"), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "-a m gone");
	leave(loop);
}

static void close_at_found(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	if (strchr(path, '/'))
		change_and_close(watch, changes, path, arg);
}

TEST(a_watch_closed_among_what_was_found_in_a_new_folder_says_no_more)
{
	ouro_loop *loop = new_loop();
	const char *told;

	scratch_enter();
	make_dir("w");
	make_dir("d");
	make_dir("d/x");
	make_dir("d/y");
	ouro_watch_on_close(watch_it(loop, "w", true, close_at_found), say_gone);
	move("d", "w/d");
	CHECK_EQ(ouro_loop_run(loop), 0);
	told = said;
	CHECK(!strcmp(told, "+d/x m gone") || !strcmp(told, "+d/y m gone"));
	leave(loop);
}

TEST(a_watch_closed_at_once_says_nothing)
{
	ouro_loop *loop = new_loop();
	ouro_watch *watch = open_watch(loop, "/", false, say_ready, say_change);

	ouro_watch_on_close(watch, say_gone);
	ouro_watch_close(watch);
	ouro_watch_close(watch);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "gone");
	ouro_loop_free(loop);
	ouro_watch_close(NULL);
}

TEST(a_watch_that_is_not_held_does_not_keep_the_loop_alive)
{
	ouro_loop *loop = new_loop();
	ouro_watch *watch;

	scratch_enter();
	make_dir("w");
	watch = watch_it(loop, "w", true, say_change);
	ouro_watch_hold(watch, false);
	CHECK_EQ(ouro_loop_run(loop), 0);
	touch("w/f");
	ouro_watch_hold(watch, true);
	CHECK_STR(told_until(loop, "+f"), "+f");
	leave(loop);
}

static void tell_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	say("%s:%s:%d", active->kind, active->name, active->fd >= 0);
}

TEST(it_is_listed_by_its_name)
{
	ouro_loop *loop = new_loop();
	ouro_watch *watch;

	scratch_enter();
	make_dir("w");
	watch = watch_it(loop, "w", true, say_change);
	CHECK_EQ(ouro_watch_set_name(watch, "spy"), 0);
	CHECK_EQ(ouro_loop_active(loop, tell_active, NULL), 1);
	CHECK_STR(said, "watch:spy:1");
	leave(loop);
}

/* In whatever state the turns have brought it to. */
TEST(a_loop_can_be_freed_with_watches_in_any_state)
{
	scratch_enter();
	make_dir("w");
	for (char path[] = "w/a"; path[2] <= 'z'; path[2]++)
		make_dir(path);
	for (int turns = 0; turns < 24; turns++) {
		ouro_loop *loop = new_loop();

		said[0] = '\0';
		ouro_watch_on_close(open_watch(loop, "w", true, say_ready, say_change), say_gone);
		ouro_watch_close(open_watch(loop, "w", false, say_ready, say_change));
		ouro_watch_on_close(open_watch(loop, "none", true, say_ready, say_change),
				    say_gone);
		for (int i = 0; i < turns; i++) {
			ouro_loop_turn(loop);
			if (i == turns / 2) {
				move("w/a", "a");
				move("a", "w/a");
			}
		}
		ouro_loop_free(loop);
		CHECK_STR(said + strlen(said) - 4, "gone");
	}
	scratch_leave();
}

static void free_the_loop(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	say_change(watch, changes, path, arg);
	ouro_loop_free(ouro_watch_loop(watch));
}

TEST(a_loop_can_be_freed_by_a_change)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_dir("w");
	ouro_watch_on_close(watch_it(loop, "w", true, free_the_loop), say_gone);
	make_dir("w/d");
	make_dir("w/e");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK(strstr(said, "+d") == said);
	CHECK_STR(said + strlen(said) - 4, "gone");
	scratch_leave();
}

struct outcome {
	int err;
	bool told;
};

static void make_a_folder(int err, void *arg)
{
	((struct outcome *)arg)->err = err;
	if (err)
		return;
	CHECK_EQ(mkdir("w/n", 0755), 0);
	CHECK_EQ(mkdir("w/n/m", 0755), 0);
}

static void close_when_told(ouro_watch *watch, unsigned changes, const char *path, void *arg)
{
	if (changes != OURO_CHANGE_MISSED && strcmp(path, "n/m") != 0)
		return;
	((struct outcome *)arg)->told = true;
	ouro_watch_close(watch);
}

/* Whatever fails, it ends in word of the new folder, in missed, or in an error. */
static int watch_and_make(void)
{
	struct outcome outcome = { .err = 0 };
	ouro_loop *loop = ouro_loop_new(NULL);
	int err;

	if (!loop)
		return -errno;
	err = ouro_watch_open(loop, "w", true, make_a_folder, close_when_told, &outcome, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	err = err ? err : outcome.err;
	CHECK(outcome.told == !err);
	rmdir("w/n/m");
	rmdir("w/n");
	return err;
}

TEST(whichever_allocation_fails_it_is_told_and_nothing_is_left)
{
	scratch_enter();
	make_dir("w");
	for (char path[] = "w/A"; path[2] < 'Z'; path[2]++)
		make_dir(path);
	CHECK(for_each_failing_allocation(watch_and_make) > 30);
	scratch_leave();
}
