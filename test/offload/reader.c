/* reader.c -- a file in pieces, at the pace of who reads it. */
#include "ouro/file.h"
#include "scratch.h"
#include <sys/resource.h>

static ouro_loop *new_loop(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);

	CHECK(loop != NULL);
	return loop;
}

static ouro_reader *reader(ouro_loop *loop, const char *path, const ouro_reader_opts *opts,
			   ouro_reader_fn *fn, void *arg)
{
	ouro_reader *made = NULL;

	CHECK_EQ(ouro_reader_open(loop, path, opts, fn, arg, &made), 0);
	CHECK(made != NULL);
	CHECK(ouro_reader_loop(made) == loop);
	return made;
}

static void say_piece(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	(void)reader_, (void)arg;
	if (err)
		say("%s", ouro_errname(err));
	else
		say("%.*s", (int)piece.len, piece.ptr);
	CHECK(!err == (piece.len > 0));
}

static void say_gone(void *arg)
{
	(void)arg;
	say("gone");
}

/* All that a reader of path says. */
static const char *told(const char *path, const ouro_reader_opts *opts)
{
	ouro_loop *loop = new_loop();

	said[0] = '\0';
	ouro_reader_on_close(reader(loop, path, opts, say_piece, NULL), say_gone);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	return said;
}

/* ---- what is read ---- */

TEST(a_file_comes_in_pieces_then_its_end_then_the_reader_is_gone)
{
	scratch_enter();
	make_file("f", "abcdefgh");
	CHECK_STR(told("f", &(ouro_reader_opts){ .piece = 3 }), "abc def gh OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .piece = 4 }), "abcd efgh OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .piece = 1 }), "a b c d e f g h OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .piece = 8 }), "abcdefgh OURO_EOF gone");
	CHECK_STR(told("f", NULL), "abcdefgh OURO_EOF gone");
	scratch_leave();
}

TEST(an_empty_file_has_no_piece)
{
	scratch_enter();
	make_file("f", "");
	CHECK_STR(told("f", NULL), "OURO_EOF gone");
	scratch_leave();
}

TEST(a_range_is_read_and_not_a_byte_beside_it)
{
	scratch_enter();
	make_file("f", "abcdefgh");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = 2 }), "cdefgh OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .bytes = 3 }), "abc OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = 2, .bytes = 3, .piece = 2 }),
		  "cd e OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = 6, .bytes = 99 }), "gh OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = 8 }), "OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = 99, .bytes = 1 }), "OURO_EOF gone");
	CHECK_STR(told("f", &(ouro_reader_opts){ .from = UINT64_MAX }), "EINVAL gone");
	scratch_leave();
}

static void count_zeros(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	(void)reader_, (void)arg;
	for (size_t i = 0; i < piece.len; i++)
		CHECK_EQ(piece.ptr[i], 0);
	say("%zu", err ? 0 : piece.len);
}

TEST(a_range_of_something_endless_ends)
{
	ouro_loop *loop = new_loop();

	reader(loop, "/dev/zero", &(ouro_reader_opts){ .bytes = 150000 }, count_zeros, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "65536 65536 18928 0");
	ouro_loop_free(loop);
}

TEST(a_file_that_tells_no_size_is_read_to_its_end)
{
	CHECK(strstr(told("/proc/self/status", NULL), "Name:") == said);
	CHECK(strstr(said, " OURO_EOF gone") != NULL);
}

TEST(what_cannot_be_read_is_told_once_and_ends_it)
{
	scratch_enter();
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkfifo("p", 0644), 0);
	make_file("f", "x");
	CHECK_STR(told("none", NULL), "ENOENT gone");
	CHECK_STR(told("d", NULL), "EISDIR gone");
	CHECK_STR(told("f/x", NULL), "ENOTDIR gone");
	CHECK_STR(told("p", NULL), "EINVAL gone"); /* and at once: nobody writes to it */
	scratch_leave();
}

static void say_what_failed(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	ouro_loop *loop = ouro_reader_loop(reader_);
	ouro_op now = ouro_op_now(loop);

	(void)piece, (void)arg;
	say("%s %s %s", ouro_op_call(loop, now), ouro_op_path(loop, now), ouro_errname(err));
}

TEST(a_message_can_name_the_call_and_the_file)
{
	ouro_loop *loop = new_loop();

	reader(loop, "/none/such", NULL, say_what_failed, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "open /none/such ENOENT");
	ouro_loop_free(loop);
}

TEST(without_a_descriptor_it_is_told)
{
	ouro_loop *loop = plugged_loop(0);
	struct rlimit limit, none;

	reader(loop, "/dev/zero", NULL, say_piece, NULL);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_STR(said, "EMFILE");
	ouro_loop_free(loop);
	tube_close(plug);
}

/* Every byte says where it is. */
static unsigned char byte_at(uint64_t at)
{
	return (unsigned char)(at * 7 + at / 251);
}

static void make_large(const char *path, size_t size)
{
	FILE *file = fopen(path, "we");

	CHECK(file != NULL);
	for (size_t i = 0; i < size; i++)
		putc(byte_at(i), file);
	CHECK_EQ(fclose(file), 0);
}

struct large {
	uint64_t at;
	unsigned pieces;
	size_t allocated;
};

static void check_bytes(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	struct large *large = arg;

	(void)reader_;
	if (err) {
		CHECK_EQ(err, OURO_EOF);
		return;
	}
	for (size_t i = 0; i < piece.len; i++)
		CHECK_EQ((unsigned char)piece.ptr[i], byte_at(large->at + i));
	large->at += piece.len;
	if (++large->pieces == 4)
		large->allocated = allocations();
}

TEST(a_large_file_is_read_to_the_last_byte_and_its_pieces_take_no_new_memory)
{
	ouro_loop *loop = new_loop();
	struct large large = { .at = 0 };

	scratch_enter();
	make_large("f", 3000001);
	reader(loop, "f", NULL, check_bytes, &large);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(large.at, 3000001);
	CHECK_EQ(large.pieces, (3000001 + 65535) / 65536);
	CHECK_EQ(allocations(), large.allocated);
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- a file that changes meanwhile ---- */

static void grow_once(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	bool *grown = arg;

	say_piece(reader_, err, piece, NULL);
	if (*grown)
		return;
	*grown = true;
	ouro_reader_pause(reader_); /* so that what is read ahead is not the end already */
	int fd = open("f", O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK_EQ(write(fd, "efgh", 4), 4);
	CHECK_EQ(close(fd), 0);
	ouro_reader_resume(reader_);
}

TEST(a_file_that_grows_is_read_to_its_new_end)
{
	ouro_loop *loop = new_loop();
	bool grown = false;

	scratch_enter();
	make_file("f", "abcd");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 1 }, grow_once, &grown);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "a b c d e f g h OURO_EOF");
	ouro_loop_free(loop);
	scratch_leave();
}

static void cut_once(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	bool *cut = arg;

	say_piece(reader_, err, piece, NULL);
	if (!*cut)
		CHECK_EQ(truncate("f", 1), 0);
	*cut = true;
}

/* One piece may have been read ahead before. */
TEST(a_file_that_shrinks_has_ended)
{
	ouro_loop *loop = new_loop();
	bool cut = false;

	scratch_enter();
	make_file("f", "abcdefgh");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 2 }, cut_once, &cut);
	CHECK_EQ(ouro_loop_run(loop), 0);
	if (strcmp(said, "ab OURO_EOF") != 0)
		CHECK_STR(said, "ab cd OURO_EOF");
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- its pace ---- */

static ouro_reader *paused;

static void resume_it(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	say("resume");
	ouro_reader_resume(paused);
	say("resumed");
}

static void pause_each(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	(void)arg;
	say_piece(reader_, err, piece, NULL);
	if (err)
		return;
	paused = reader_;
	ouro_reader_pause(reader_);
	ouro_reader_pause(reader_);
	call_after(ouro_reader_loop(reader_), 5, resume_it, NULL);
}

TEST(a_pause_holds_back_the_next_piece_and_the_end_until_resume_has_returned)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abc");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 2 }, pause_each, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ab resume resumed c resume resumed OURO_EOF");
	ouro_loop_free(loop);
	scratch_leave();
}

static void pause_and_resume(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	say_piece(reader_, err, piece, arg);
	ouro_reader_resume(reader_);
	ouro_reader_pause(reader_);
	ouro_reader_resume(reader_);
	ouro_reader_resume(reader_);
	say("-");
}

TEST(a_pause_that_is_taken_back_in_the_same_callback_changes_nothing)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abc");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 1 }, pause_and_resume, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "a - b - c - OURO_EOF -");
	ouro_loop_free(loop);
	scratch_leave();
}

static void say_and_pause_again(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	say("again");
	ouro_reader_resume(paused);
	ouro_reader_pause(paused); /* before anything could come of it */
	call_after(loop, 5, resume_it, NULL);
}

TEST(a_reader_that_is_paused_before_it_is_open_says_nothing)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abc");
	paused = reader(loop, "f", NULL, say_piece, NULL);
	ouro_reader_pause(paused);
	call_after(loop, 5, say_and_pause_again, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "again resume resumed abc OURO_EOF");
	ouro_loop_free(loop);
	scratch_leave();
}

/* How far a file was read can be told from its position only if it has one; so the file is cut
 * where nothing may have been read yet, and what is read must end there. */
static void cut_and_resume(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	CHECK_EQ(truncate("f", 4), 0);
	ouro_reader_resume(paused);
}

static void pause_first(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	say_piece(reader_, err, piece, arg);
	if (strcmp(said, "ab") != 0)
		return;
	paused = reader_;
	ouro_reader_pause(reader_);
	call_after(ouro_reader_loop(reader_), 20, cut_and_resume, NULL);
}

TEST(a_paused_reader_reads_no_more_than_the_piece_that_was_under_way)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abcdefgh");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 2 }, pause_first, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ab cd OURO_EOF");
	ouro_loop_free(loop);
	scratch_leave();
}

static void say_and_queue(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	say_piece(reader_, err, piece, arg);
	micro(ouro_reader_loop(reader_), "m");
}

TEST(micro_tasks_run_after_every_piece_and_after_the_end)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abc");
	reader(loop, "f", &(ouro_reader_opts){ .piece = 2 }, say_and_queue, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ab m c m OURO_EOF m");
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- its end ---- */

static void close_and_say(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	ouro_reader_close(reader_);
	say_piece(reader_, err, piece, arg); /* the bytes are there until it returns */
	ouro_reader_close(reader_);
	ouro_reader_resume(reader_);
	ouro_reader_pause(reader_);
}

TEST(a_reader_closed_in_its_own_callback_says_no_more)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abcdefgh");
	for (size_t piece = 1; piece < 10; piece += 7) {
		ouro_reader_opts opts = { .piece = piece };

		said[0] = '\0';
		ouro_reader_on_close(reader(loop, "f", &opts, close_and_say, NULL), say_gone);
		CHECK_EQ(ouro_loop_run(loop), 0);
		CHECK_STR(said, piece == 1 ? "a gone" : "abcdefgh gone");
	}
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(a_reader_closed_at_once_says_nothing)
{
	ouro_loop *loop = new_loop();
	ouro_reader *closed = reader(loop, "/dev/zero", NULL, say_piece, NULL);

	ouro_reader_on_close(closed, say_gone);
	ouro_reader_close(closed);
	ouro_reader_close(closed);
	CHECK_STR(said, "");
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "gone");
	ouro_loop_free(loop);
	ouro_reader_close(NULL);
}

static void close_it(ouro_loop *loop, void *arg)
{
	(void)loop;
	ouro_reader_close(arg);
	say("closed");
}

TEST(a_paused_reader_can_be_closed)
{
	ouro_loop *loop = new_loop();

	scratch_enter();
	make_file("f", "abc");
	paused = reader(loop, "f", NULL, say_piece, NULL);
	ouro_reader_on_close(paused, say_gone);
	ouro_reader_pause(paused);
	call_after(loop, 10, close_it, paused);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "closed gone");
	ouro_loop_free(loop);
	scratch_leave();
}

TEST(one_that_waits_for_the_pool_is_closed_before_the_pool_has_time_for_it)
{
	ouro_loop *loop = plugged_loop(0);
	ouro_reader *waiting = reader(loop, "/dev/zero", NULL, say_piece, NULL);

	ouro_reader_on_close(waiting, say_gone);
	ouro_reader_close(waiting);
	while (!*said)
		ouro_loop_turn(loop);
	CHECK_STR(said, "gone");
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	tube_close(plug);
}

TEST(a_pool_that_has_no_place_left_is_told)
{
	ouro_loop *loop = plugged_loop(1);

	reader(loop, "/dev/null", NULL, say_piece, NULL);
	ouro_reader_on_close(reader(loop, "/dev/null", NULL, say_piece, NULL), say_gone);
	while (!strstr(said, "gone"))
		ouro_loop_turn(loop);
	CHECK_STR(said, "OURO_EBUSY gone");
	plug_pull();
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "OURO_EBUSY gone OURO_EOF");
	ouro_loop_free(loop);
	tube_close(plug);
}

/* In whatever state the turns have brought it to. */
TEST(a_loop_can_be_freed_with_readers_in_any_state)
{
	scratch_enter();
	make_large("f", 100000);
	for (int turns = 0; turns < 24; turns++) {
		ouro_loop *loop = new_loop();
		struct large large = { .at = 0 };

		said[0] = '\0';
		ouro_reader_on_close(reader(loop, "f", &(ouro_reader_opts){ .piece = 20000 },
					    check_bytes, &large),
				     say_gone);
		paused = reader(loop, "f", NULL, say_piece, NULL);
		ouro_reader_on_close(paused, say_gone);
		ouro_reader_pause(paused);
		ouro_reader_close(reader(loop, "f", NULL, say_piece, NULL));
		for (int i = 0; i < turns; i++)
			ouro_loop_turn(loop);
		ouro_loop_free(loop);
		CHECK_STR(said, "gone gone");
	}
	scratch_leave();
}

static void free_the_loop(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	(void)err, (void)piece, (void)arg;
	ouro_loop_free(ouro_reader_loop(reader_));
	say("freed");
}

TEST(a_loop_can_be_freed_by_a_piece)
{
	ouro_loop *loop = new_loop();

	ouro_reader_on_close(reader(loop, "/dev/zero", NULL, free_the_loop, NULL), say_gone);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "freed gone");
}

static void note_err(ouro_reader *reader_, int err, ouro_str piece, void *arg)
{
	(void)reader_, (void)piece;
	if (err)
		*(int *)arg = err;
}

static int read_it_all(void)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_reader_opts opts = { .piece = 2 };
	int err, end = 0;

	if (!loop)
		return -errno;
	err = ouro_reader_open(loop, "f", &opts, note_err, &end, NULL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	CHECK(err || end);
	return err ? err : end == OURO_EOF ? 0 : end;
}

TEST(whichever_allocation_fails_it_is_told_and_nothing_is_left)
{
	scratch_enter();
	make_file("f", "abcdefgh");
	CHECK(for_each_failing_allocation(read_it_all) > 4);
	scratch_leave();
}

static void tell_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	say("%s:%s", active->kind, active->name);
}

TEST(it_is_listed_by_its_name_and_what_it_is_about)
{
	ouro_loop *loop = new_loop();
	ouro_reader *named = reader(loop, "/dev/zero", NULL, say_piece, NULL);

	CHECK_EQ(ouro_reader_set_name(named, "zeros"), 0);
	CHECK_EQ(ouro_loop_active(loop, tell_active, NULL), 2);
	CHECK_STR(said, "reader:zeros open:/dev/zero");
	ouro_loop_free(loop);
}
