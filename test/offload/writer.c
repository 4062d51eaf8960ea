/* writer.c -- bytes into a file, in order, and word of when it is enough. */
#include "ouro/file.h"
#include "scratch.h"
#include <sys/resource.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static ouro_writer *writer(ouro_loop *loop, const char *path, const ouro_writer_opts *opts,
			   ouro_writer_fn *fn, void *arg)
{
	ouro_writer *made = NULL;

	CHECK_EQ(ouro_writer_open(loop, path, opts, fn, arg, &made), 0);
	CHECK(made != NULL);
	CHECK(ouro_writer_loop(made) == loop);
	return made;
}

static void say_news(ouro_writer *writer_, int err, bool ended, void *arg)
{
	(void)writer_, (void)arg;
	say("%s", err ? ouro_errname(err) : ended ? "ended" : "drained");
	CHECK(!err || !ended);
}

static void say_gone(void *arg)
{
	(void)arg;
	say("gone");
}

static int64_t put(ouro_writer *writer_, const char *text)
{
	return ouro_writer_write(writer_, ouro_str_z(text));
}

/* ---- what is written ---- */

TEST(what_is_written_is_in_the_file_when_the_end_is_told)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w;

	scratch_enter();
	make_file("f", "what was there before");
	w = writer(loop, "f", NULL, say_news, NULL);
	ouro_writer_on_close(w, say_gone);
	CHECK_EQ(put(w, "one "), 4);
	CHECK_EQ(put(w, ""), 4);
	CHECK_EQ(put(w, "two"), 7);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended gone");
	CHECK_STR(text_of("f"), "one two");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_file_to_which_nothing_is_written_is_empty)
{
	ouro_loop *loop = new_loop();
	struct stat stat_;

	scratch_enter();
	CHECK_EQ(
		ouro_writer_end(writer(loop, "f", &(ouro_writer_opts){ .mode = 0600, .sync = true },
				       say_news, NULL)),
		0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended");
	CHECK_EQ(stat("f", &stat_), 0);
	CHECK_EQ(stat_.st_size, 0);
	CHECK_EQ(stat_.st_mode & 07777, 0600);
	ouro_loop_free(loop);
	scratch_leave();
}

static void write_with(int flags, const char *text, const char *expected)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w = writer(loop, "f", &(ouro_writer_opts){ .flags = flags }, say_news, NULL);

	said[0] = '\0';
	put(w, text);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, expected);
	ouro_loop_free(loop);
}

TEST(flags_say_what_becomes_of_a_file_that_is_there)
{
	scratch_enter();
	write_with(O_CREAT | O_EXCL, "abc", "ended");
	write_with(O_CREAT | O_EXCL, "xyz", "EEXIST");
	CHECK_STR(text_of("f"), "abc");
	write_with(O_CREAT | O_APPEND, "de", "ended");
	CHECK_STR(text_of("f"), "abcde");
	write_with(O_CLOEXEC, "AB", "ended");
	CHECK_STR(text_of("f"), "ABcde");
	write_with(O_RDWR | O_TRUNC, "z", "ended"); /* it only writes, whatever they say */
	CHECK_STR(text_of("f"), "z");
	scratch_leave();
}

TEST(what_cannot_be_opened_is_told_once_and_ends_it)
{
	static const struct {
		const char *path, *told;
	} tries[] = { { "d", "EISDIR gone" },
		      { "none/f", "ENOENT gone" },
		      { "f/x", "ENOTDIR gone" },
		      { "p", "ENXIO gone" } };

	scratch_enter();
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkfifo("p", 0644), 0);
	make_file("f", "");
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		ouro_loop *loop = new_loop();
		ouro_writer *w = writer(loop, tries[i].path, NULL, say_news, NULL);

		said[0] = '\0';
		ouro_writer_on_close(w, say_gone);
		put(w, "lost");
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, tries[i].told);
		ouro_loop_free(loop);
	}
	scratch_leave();
}

/* Even one that somebody reads from. */
TEST(a_fifo_is_refused)
{
	ouro_loop *loop = new_loop();
	int fd;

	scratch_enter();
	CHECK_EQ(mkfifo("p", 0644), 0);
	fd = open("p", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	writer(loop, "p", NULL, say_news, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "EINVAL");
	CHECK_EQ(close(fd), 0);
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- much of it ---- */

static char letter_at(uint64_t at)
{
	return (char)('!' + (at * 7 + at / 89) % 90);
}

static void check_file(const char *path, uint64_t size)
{
	FILE *file = fopen(path, "re");
	uint64_t at = 0;
	int c;

	CHECK(file != NULL);
	for (; (c = getc(file)) != EOF; at++)
		CHECK_EQ(c, letter_at(at));
	CHECK_EQ(at, size);
	CHECK_EQ(fclose(file), 0);
}

/* n bytes that say where they are. */
static int64_t put_letters(ouro_writer *w, uint64_t *at, size_t n)
{
	char *bytes = malloc(n + 1);
	int64_t waiting;

	CHECK(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = letter_at(*at + i);
	waiting = ouro_writer_write(w, ouro_str_n(bytes, n));
	free(bytes); /* it was copied */
	*at += n;
	return waiting;
}

TEST(writes_of_any_size_come_in_order)
{
	ouro_loop *loop = new_loop();
	uint32_t seed = 4711;
	uint64_t at = 0;
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", NULL, say_news, NULL);
	for (int i = 0; i < 400; i++) {
		int64_t waiting = put_letters(w, &at, random_below(&seed, i % 9 ? 300 : 20000));

		CHECK_EQ(waiting, at);
	}
	for (int i = 0; i < 4000; i++) {
		CHECK(put_letters(w, &at, random_below(&seed, i % 50 ? 30 : 9000)) >= 0);
		if (i % 16 == 0)
			ouro_loop_turn(loop); /* so that some are written while others come */
	}
	CHECK(put_letters(w, &at, 3000000) >= 3000000);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said + strlen(said) - 5, "ended");
	check_file("f", at);
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- when it is enough ---- */

struct flood {
	uint64_t at;
	int64_t most;
	unsigned drained;
};

static void write_until_enough(ouro_writer *w, struct flood *flood)
{
	int64_t waiting;

	do {
		waiting = put_letters(w, &flood->at, 700);
		CHECK(waiting > 0);
		flood->most = waiting > flood->most ? waiting : flood->most;
	} while (waiting <= 10000);
}

static void go_on(ouro_writer *w, int err, bool ended, void *arg)
{
	struct flood *flood = arg;

	CHECK_EQ(err, 0);
	if (ended) {
		say("ended");
	} else if (++flood->drained < 20) {
		write_until_enough(w, flood);
	} else {
		CHECK_EQ(put_letters(w, &flood->at, 100), 100); /* drained is empty */
		CHECK_EQ(ouro_writer_end(w), 0);
	}
}

TEST(whoever_stops_above_high_is_told_once_for_each_time_and_takes_no_more_memory)
{
	ouro_loop *loop = new_loop();
	struct flood flood = { .at = 0 };
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", &(ouro_writer_opts){ .high = 10000 }, go_on, &flood);
	write_until_enough(w, &flood);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(flood.drained, 20);
	CHECK(flood.most <= 10700);
	CHECK_STR(said, "ended");
	check_file("f", flood.at);
	ouro_loop_free(loop);
	scratch_leave();
}

static void end_it(ouro_loop *loop, void *arg)
{
	(void)loop;
	CHECK_EQ(ouro_writer_end(arg), 0);
}

TEST(who_stays_below_high_is_not_told_that_it_drained)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", &(ouro_writer_opts){ .high = 10 }, say_news, NULL);
	CHECK_EQ(put(w, "0123456789"), 10);
	call_after(loop, 20, end_it, w);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(after_the_end_was_asked_for_drained_is_no_news)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", &(ouro_writer_opts){ .high = 1 }, say_news, NULL);
	CHECK_EQ(put(w, "0123456789"), 10);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended");
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- its end ---- */

static void try_everything(ouro_writer *w, int err, bool ended, void *arg)
{
	say_news(w, err, ended, arg);
	CHECK_EQ(put(w, "x"), OURO_ECLOSED);
	CHECK_EQ(ouro_writer_end(w), OURO_ECLOSED);
	micro(ouro_writer_loop(w), "m");
	ouro_writer_close(w);
	CHECK_EQ(put(w, "x"), OURO_ECLOSED);
}

TEST(nothing_can_be_written_after_end_close_or_an_error)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", NULL, try_everything, NULL);
	CHECK_EQ(put(w, "abc"), 3);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_writer_end(w), OURO_ECLOSED);
	CHECK_EQ(put(w, "x"), OURO_ECLOSED);
	w = writer(loop, "f", NULL, try_everything, word("never"));
	ouro_writer_close(w);
	CHECK_EQ(put(w, "x"), OURO_ECLOSED);
	CHECK_EQ(ouro_writer_end(w), OURO_ECLOSED);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended m");
	CHECK_STR(text_of("f"), "abc");
	said[0] = '\0';
	writer(loop, "none/f", NULL, try_everything, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ENOENT m");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_full_disk_is_told_once)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w =
		writer(loop, "/dev/full", &(ouro_writer_opts){ .high = 100 }, try_everything, NULL);
	uint64_t at = 0;

	ouro_writer_on_close(w, say_gone);
	for (int i = 0; i < 100; i++)
		put_letters(w, &at, 5000);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ENOSPC m gone");
	ouro_loop_free(loop);
}

/* A part of it goes in; the rest is the error. */
TEST(a_file_that_grows_too_large_is_told_once)
{
	ouro_loop *loop = new_loop();
	struct rlimit limit, small;
	uint64_t at = 0;
	ouro_writer *w;

	scratch_enter();
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 12345;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	w = writer(loop, "f", NULL, say_news, NULL);
	for (int i = 0; i < 100; i++)
		put_letters(w, &at, 500);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_STR(said, "EFBIG");
	check_file("f", 12345);
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_device_that_cannot_be_synced_is_as_good_as_synced)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w =
		writer(loop, "/dev/null", &(ouro_writer_opts){ .sync = true }, say_news, NULL);

	CHECK_EQ(put(w, "x"), 1);
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended");
	ouro_loop_free(loop);
}

TEST(a_writer_closed_at_once_writes_nothing_and_says_nothing)
{
	ouro_loop *loop = plugged_loop(0);
	ouro_writer *w;

	scratch_enter();
	w = writer(loop, "f", NULL, say_news, NULL);
	ouro_writer_on_close(w, say_gone);
	CHECK_EQ(put(w, "abc"), 3);
	ouro_writer_close(w);
	ouro_writer_close(w);
	while (!*said)
		ouro_loop_turn(loop);
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "gone");
	CHECK_EQ(access("f", F_OK), -1);
	ouro_loop_free(loop);
	tube_close(plug);
	ouro_writer_close(NULL);
	scratch_leave();
}

/* In whatever state the turns have brought it to. */
TEST(a_loop_can_be_freed_with_writers_in_any_state)
{
	scratch_enter();
	for (int turns = 0; turns < 24; turns++) {
		ouro_loop *loop = new_loop();
		uint64_t at = 0;
		ouro_writer *w = writer(loop, "f", NULL, say_news, NULL);

		said[0] = '\0';
		ouro_writer_on_close(w, say_gone);
		put_letters(w, &at, 2000000);
		w = writer(loop, "g", NULL, say_news, NULL);
		put_letters(w, &at, 10);
		ouro_writer_end(w);
		w = writer(loop, "h", NULL, say_news, NULL);
		put_letters(w, &at, 1000000);
		for (int i = 0; i < turns; i++)
			ouro_loop_turn(loop);
		ouro_writer_close(w);
		ouro_loop_free(loop);
		CHECK(strstr(said, "gone") != NULL);
	}
	scratch_leave();
}

static void free_the_loop(ouro_writer *w, int err, bool ended, void *arg)
{
	say_news(w, err, ended, arg);
	ouro_loop_free(ouro_writer_loop(w));
}

TEST(a_loop_can_be_freed_by_the_news_that_it_drained)
{
	ouro_loop *loop = new_loop();
	ouro_writer *w =
		writer(loop, "/dev/null", &(ouro_writer_opts){ .high = 1 }, free_the_loop, NULL);

	ouro_writer_on_close(w, say_gone);
	CHECK_EQ(put(w, "abc"), 3);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "drained gone");
}

/* ---- memory ---- */

static void note_news(ouro_writer *w, int err, bool ended, void *arg)
{
	(void)w;
	*(int *)arg = ended ? 1 : err;
}

/* Either all that was taken is in the file, or it is told that it went wrong. */
static int write_it_all(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_writer *w = NULL;
	int err, news = 0;
	uint64_t at = 0, n = 0;

	if (!loop)
		return -errno;
	err = ouro_writer_open(loop, "f", NULL, note_news, &news, &w);
	for (int i = 0; !err && i < 4; i++) {
		int64_t waiting = put_letters(w, &at, 3000);

		n++;
		if (waiting < 0) {
			err = (int)waiting;
			ouro_writer_close(w);
		}
		ouro_loop_turn(loop);
		if (!err && news < 0)
			err = news;
	}
	if (!err && ouro_writer_end(w) < 0)
		err = ouro_writer_end(w); /* the second try has the memory */
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	if (news == 1)
		check_file("f", n * 3000);
	else
		CHECK(err < 0 || news < 0);
	return err ? err : news == 1 ? 0 : news;
}

TEST(whichever_allocation_fails_it_is_told_and_nothing_is_left)
{
	scratch_enter();
	CHECK(for_each_failing_allocation(write_it_all) > 4);
	scratch_leave();
}

TEST(small_writes_share_their_memory)
{
	ouro_loop *loop = plugged_loop(0);
	ouro_writer *w = writer(loop, "/dev/null", NULL, say_news, NULL);
	size_t before = test_memory.held;

	for (int i = 0; i < 100000; i++)
		CHECK_EQ(put(w, "x"), i + 1);
	CHECK(test_memory.held - before < 110000);
	plug_pull();
	CHECK_EQ(ouro_writer_end(w), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ended");
	ouro_loop_free(loop);
	tube_close(plug);
}

static void tell_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	say("%s:%s", active->kind, active->name);
}

TEST(it_is_listed_by_its_name_and_what_it_is_about)
{
	ouro_loop *loop = new_loop();
	ouro_writer *named = writer(loop, "/dev/null", NULL, say_news, NULL);

	CHECK_EQ(ouro_writer_set_name(named, "sink"), 0);
	CHECK_EQ(ouro_loop_active(loop, tell_active, NULL), 2);
	CHECK_STR(said, "writer:sink open:/dev/null");
	ouro_loop_free(loop);
}
