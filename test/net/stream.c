/* Bytes both ways, one write a turn, back-pressure, and every way in which a connection ends. */
#include "net/stream.h"
#include "socks.h"

/* Says what it reads: the bytes, or the name of the end. */
static void say_bytes(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)stream, (void)arg;
	if (err)
		say("%s", ouro_errname(err));
	else
		say("%.*s", (int)bytes.len, bytes.ptr);
}

static void say_done(int err, void *arg)
{
	say("%s=%s", (const char *)arg, ouro_errname(err));
}

static void say_drained(ouro_stream *stream, void *arg)
{
	(void)stream, (void)arg;
	say("drained");
}

static void say_gone(ouro_stream *stream, int err, void *arg)
{
	(void)stream, (void)arg;
	say("gone:%s", ouro_errname(err));
}

static int adopt(ouro_loop *loop, int fd, const char *early, ouro_stream **ret_stream)
{
	static const ouro_stream_opts defaults;

	return ouro__stream_adopt(loop, fd, &defaults, ouro_str_z(early), &ouro__plain_shape,
				  ret_stream);
}

static ouro_stream *open_stream(ouro_loop *loop, int fd, ouro_stream_opts opts)
{
	ouro_stream *stream = NULL;

	CHECK_EQ(ouro_stream_open(loop, fd, &opts, word("closed"), &stream), 0);
	ouro_stream_on_close(stream, say_closed);
	return stream;
}

/* A loop with a stream on one end of a pair. */
struct rig {
	ouro_loop *loop;
	ouro_stream *stream;
	int theirs;
};

static struct rig rig_on(struct ends ends, ouro_stream_opts opts)
{
	ouro_loop *loop = new_loop();

	return (struct rig){ loop, open_stream(loop, ends.ours, opts), ends.theirs };
}

static struct rig new_rig(void)
{
	return rig_on(unix_ends(SOCK_STREAM), (ouro_stream_opts){ 0 });
}

static void read_it(struct rig *rig)
{
	CHECK_EQ(ouro_stream_read(rig->stream, say_bytes, word("closed")), 0);
}

static int64_t write_it(struct rig *rig, const char *z)
{
	return ouro_stream_write(rig->stream, text(z));
}

static void end_rig(struct rig *rig)
{
	ouro_loop_free(rig->loop);
	if (rig->theirs >= 0)
		close(rig->theirs);
}

static void hang_up(struct rig *rig)
{
	close(rig->theirs);
	rig->theirs = -1;
}

/* --- In --- */

TEST(what_comes_is_read_and_the_end_is_told_once)
{
	struct rig rig = new_rig();

	read_it(&rig);
	transmit(rig.theirs, "one");
	turns(rig.loop, 2);
	transmit(rig.theirs, "two");
	turns(rig.loop, 2);
	CHECK_EQ(shutdown(rig.theirs, SHUT_WR), 0);
	turns(rig.loop, 5);
	CHECK_STR(said, "one two OURO_EOF");
	CHECK_EQ(ouro_stream_read(rig.stream, say_bytes, NULL), OURO_EOF);
	end_rig(&rig);
}

TEST(after_the_peers_end_it_can_still_be_written_to)
{
	struct rig rig = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });

	read_it(&rig);
	CHECK_EQ(shutdown(rig.theirs, SHUT_WR), 0);
	UNTIL(rig.loop, !strcmp(said, "OURO_EOF"));
	CHECK_EQ(write_it(&rig, "answer"), 6);
	turns(rig.loop, 2);
	CHECK_STR(received(rig.theirs), "answer");
	end_rig(&rig);
}

TEST(nothing_is_read_before_it_is_asked_for_nor_while_paused)
{
	struct rig rig = new_rig();

	transmit(rig.theirs, "early");
	turns(rig.loop, 3);
	CHECK_STR(said, "");
	read_it(&rig);
	ouro_stream_pause(rig.stream);
	turns(rig.loop, 3);
	CHECK_STR(said, "");
	ouro_stream_resume(rig.stream);
	CHECK_STR(said, "");
	turns(rig.loop, 2);
	CHECK_STR(said, "early");
	end_rig(&rig);
}

static void say_and_pause(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	say_bytes(stream, err, bytes, arg);
	ouro_stream_pause(stream);
}

TEST(paused_by_its_own_callback_it_leaves_even_the_end_for_later)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_read(rig.stream, say_and_pause, word("closed")), 0);
	transmit(rig.theirs, "one");
	hang_up(&rig);
	turns(rig.loop, 5);
	CHECK_STR(said, "one");
	ouro_stream_resume(rig.stream);
	turns(rig.loop, 5);
	CHECK_STR(said, "one OURO_EOF");
	end_rig(&rig);
}

TEST(the_reader_can_be_changed)
{
	struct rig rig = new_rig();

	read_it(&rig);
	CHECK_EQ(ouro_stream_read(rig.stream, say_and_pause, word("closed")), 0);
	transmit(rig.theirs, "a");
	turns(rig.loop, 2);
	transmit(rig.theirs, "b");
	turns(rig.loop, 2);
	CHECK_STR(said, "a");
	end_rig(&rig);
}

TEST(a_reset_is_an_error_and_the_last_call)
{
	struct rig rig = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });

	read_it(&rig);
	reset(rig.theirs);
	rig.theirs = -1;
	UNTIL(rig.loop, *said);
	turns(rig.loop, 5);
	CHECK_STR(said, "ECONNRESET");
	CHECK_EQ(write_it(&rig, "x"), -ECONNRESET);
	CHECK_EQ(ouro_stream_read(rig.stream, say_bytes, NULL), -ECONNRESET);
	CHECK_EQ(ouro_stream_shutdown(rig.stream), -ECONNRESET);
	end_rig(&rig);
}

TEST(bytes_that_were_read_before_it_was_a_stream_come_first_and_later)
{
	ouro_loop *loop = new_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream;

	CHECK_EQ(fcntl(ends.ours, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(adopt(loop, ends.ours, "early", &stream), 0);
	transmit(ends.theirs, "late");
	turns(loop, 3);
	CHECK_STR(said, "");
	CHECK_EQ(ouro_stream_read(stream, say_and_pause, NULL), 0);
	CHECK_STR(said, "");
	turns(loop, 5);
	CHECK_STR(said, "early");
	ouro_stream_resume(stream);
	turns(loop, 5);
	CHECK_STR(said, "early late");
	CHECK_EQ(adopt(loop, ends.theirs, "", &stream), 0);
	CHECK_EQ(ouro_stream_read(stream, say_bytes, NULL), 0);
	turns(loop, 3);
	CHECK_STR(said, "early late");
	ouro_loop_free(loop);
}

TEST(early_bytes_that_nobody_read_go_with_the_stream)
{
	ouro_loop *loop = new_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream;

	CHECK_EQ(adopt(loop, ends.ours, "early", &stream), 0);
	ouro_stream_close(stream);
	turns(loop, 1);
	close(ends.theirs);
	ouro_loop_free(loop);
}

/* --- Out --- */

TEST(all_writes_of_a_turn_leave_in_one_message)
{
	struct rig rig = rig_on(unix_ends(SOCK_SEQPACKET), (ouro_stream_opts){ 0 });
	char bytes[64];

	CHECK_EQ(write_it(&rig, "one "), 4);
	CHECK_EQ(ouro_stream_write_static(rig.stream, text("two ")), 8);
	CHECK_EQ(ouro_stream_write_take(rig.stream, text("three "), say_done, word("took")), 14);
	CHECK_EQ(write_it(&rig, "four"), 18);
	CHECK_EQ(ouro_stream_queued(rig.stream), 18);
	CHECK_EQ(recv(rig.theirs, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	CHECK_STR(said, "");
	turns(rig.loop, 1);
	CHECK_STR(said, "took=OK");
	CHECK_EQ(recv(rig.theirs, bytes, sizeof(bytes), MSG_DONTWAIT), 18);
	CHECK_EQ(memcmp(bytes, "one two three four", 18), 0);
	CHECK_EQ(recv(rig.theirs, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	end_rig(&rig);
}

static struct rig *the_rig;

static void write_from_task(ouro_loop *loop, void *arg)
{
	(void)loop;
	CHECK(write_it(the_rig, arg) > 0);
}

TEST(whoever_writes_in_a_turn_shares_one_message)
{
	struct rig rig = rig_on(unix_ends(SOCK_SEQPACKET), (ouro_stream_opts){ 0 });
	char bytes[64];

	the_rig = &rig;
	turns(rig.loop, 1);
	call_macro(rig.loop, write_from_task, word("a"));
	call_micro(rig.loop, write_from_task, word("b"));
	CHECK_EQ(ouro_loop_post(rig.loop, write_from_task, word("c")), 0);
	call_after(rig.loop, 0, write_from_task, word("d"));
	turns(rig.loop, 1);
	CHECK_EQ(recv(rig.theirs, bytes, sizeof(bytes), MSG_DONTWAIT), 4);
	end_rig(&rig);
}

TEST(after_tells_when_all_before_it_has_left)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_after(rig.stream, say_done, word("nothing")), 0);
	CHECK_STR(said, "");
	turns(rig.loop, 1);
	write_it(&rig, "bytes");
	CHECK_EQ(ouro_stream_after(rig.stream, say_done, word("bytes")), 0);
	turns(rig.loop, 1);
	CHECK_STR(said, "nothing=OK bytes=OK");
	end_rig(&rig);
}

static char big[1 << 20];

TEST(a_slow_reader_fills_the_queue_to_its_mark_and_drains_it_once)
{
	struct rig rig =
		rig_on(unix_ends(SOCK_STREAM), (ouro_stream_opts){ .high = 10000, .low = 100 });
	size_t sent = 0, got = 0;

	squeeze(ouro_stream_fd(rig.stream));
	ouro_stream_on_drain(rig.stream, say_drained);
	while (!ouro_stream_is_full(rig.stream)) {
		CHECK(ouro_stream_write(rig.stream, ouro_str_n(big, 1000)) > 0);
		sent += 1000;
		turns(rig.loop, 2);
	}
	CHECK(ouro_stream_queued(rig.stream) > 10000);
	turns(rig.loop, 10);
	CHECK_STR(said, "");
	while (got < sent) {
		CHECK((*said != 0) == (ouro_stream_queued(rig.stream) <= 100));
		got += (size_t)recv(rig.theirs, big, 512, 0);
		turns(rig.loop, 2);
	}
	CHECK_STR(said, "drained");
	CHECK(!ouro_stream_is_full(rig.stream));
	end_rig(&rig);
}

TEST(a_full_kernel_is_waited_for_without_a_spin)
{
	struct rig rig = new_rig();
	ouro_timer timer;

	CHECK(ouro_stream_write_static(rig.stream, ouro_str_n(big, sizeof(big))) > 0);
	turns(rig.loop, 3);
	CHECK(ouro_stream_queued(rig.stream) > 0);
	timer = ouro_timer_after(rig.loop, 30, say_task, word("waited"));
	CHECK(timer.id);
	for (int n = 0; !*said; n++) {
		CHECK(n < 10);
		struct pollfd p = { ouro_loop_fd(rig.loop), POLLIN, 0 };
		CHECK(poll(&p, 1, 5000) == 1);
		ouro_loop_turn(rig.loop);
	}
	end_rig(&rig);
}

TEST(nothing_leaves_after_a_shutdown_but_what_was_queued)
{
	struct rig rig = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });

	read_it(&rig);
	write_it(&rig, "last words");
	CHECK_EQ(ouro_stream_shutdown(rig.stream), 0);
	CHECK_EQ(write_it(&rig, "more"), OURO_ECLOSED);
	CHECK_EQ(ouro_stream_shutdown(rig.stream), OURO_ECLOSED);
	turns(rig.loop, 1);
	CHECK_STR(received(rig.theirs), "last words");
	UNTIL(rig.loop, at_end(rig.theirs));
	transmit(rig.theirs, "heard");
	UNTIL(rig.loop, !strcmp(said, "heard"));
	end_rig(&rig);
}

TEST(end_closes_when_the_last_byte_has_left)
{
	struct rig rig = new_rig();
	size_t got = 0;

	CHECK(ouro_stream_write_static(rig.stream, ouro_str_n(big, sizeof(big))) > 0);
	CHECK_EQ(ouro_stream_after(rig.stream, say_done, word("all")), 0);
	ouro_stream_end(rig.stream);
	ouro_stream_end(rig.stream);
	CHECK_EQ(write_it(&rig, "more"), OURO_ECLOSED);
	turns(rig.loop, 5);
	CHECK_STR(said, "");
	while (got < sizeof(big)) {
		static char sink[65536];
		ssize_t n = recv(rig.theirs, sink, sizeof(sink), 0);

		CHECK(n > 0);
		got += (size_t)n;
		turns(rig.loop, 2);
	}
	turns(rig.loop, 2);
	CHECK_STR(said, "all=OK closed");
	CHECK(at_end(rig.theirs));
	end_rig(&rig);
}

TEST(end_with_nothing_queued_closes_too)
{
	struct rig rig = new_rig();

	ouro_stream_end(rig.stream);
	turns(rig.loop, 3);
	CHECK_STR(said, "closed");
	ouro_stream_end(NULL);
	end_rig(&rig);
}

/* --- The peer goes --- */

TEST(a_peer_that_does_not_listen_breaks_writing_with_no_signal)
{
	struct rig rig = new_rig();

	signal(SIGPIPE, SIG_DFL);
	hang_up(&rig);
	write_it(&rig, "into the void");
	CHECK_EQ(ouro_stream_after(rig.stream, say_done, word("void")), 0);
	turns(rig.loop, 3);
	CHECK_STR(said, "void=EPIPE");
	CHECK_EQ(write_it(&rig, "more"), -EPIPE);
	CHECK_EQ(ouro_stream_queued(rig.stream), 0);
	end_rig(&rig);
}

TEST(what_the_peer_said_before_it_went_is_read_before_the_error)
{
	struct rig rig = new_rig();

	transmit(rig.theirs, "farewell");
	hang_up(&rig);
	write_it(&rig, "too late");
	turns(rig.loop, 3);
	read_it(&rig);
	turns(rig.loop, 3);
	CHECK_STR(said, "farewell EPIPE");
	end_rig(&rig);
}

TEST(end_towards_a_peer_that_went_closes_and_tells)
{
	struct rig rig = new_rig();

	hang_up(&rig);
	write_it(&rig, "x");
	CHECK_EQ(ouro_stream_after(rig.stream, say_done, word("x")), 0);
	ouro_stream_end(rig.stream);
	turns(rig.loop, 4);
	CHECK_STR(said, "x=EPIPE closed");
	end_rig(&rig);
}

TEST(who_does_not_read_is_told_that_the_peer_has_gone)
{
	struct rig rig = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });

	CHECK_EQ(ouro_stream_on_gone(rig.stream, say_gone), 0);
	read_it(&rig);
	ouro_stream_pause(rig.stream);
	turns(rig.loop, 2);
	CHECK_STR(said, "");
	reset(rig.theirs);
	rig.theirs = -1;
	UNTIL(rig.loop, *said);
	turns(rig.loop, 5);
	CHECK_STR(said, "gone:ECONNRESET");
	CHECK_EQ(write_it(&rig, "x"), -ECONNRESET);
	ouro_stream_resume(rig.stream);
	turns(rig.loop, 3);
	CHECK_STR(said, "gone:ECONNRESET ECONNRESET");
	end_rig(&rig);
}

TEST(a_unix_peer_that_closes_is_gone_without_an_error)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_on_gone(rig.stream, say_gone), 0);
	transmit(rig.theirs, "before");
	hang_up(&rig);
	turns(rig.loop, 3);
	CHECK_STR(said, "gone:OURO_EOF");
	read_it(&rig);
	turns(rig.loop, 3);
	CHECK_STR(said, "gone:OURO_EOF before OURO_EOF");
	end_rig(&rig);
}

TEST(a_reader_hears_of_the_end_and_not_that_it_is_gone)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_on_gone(rig.stream, say_gone), 0);
	read_it(&rig);
	hang_up(&rig);
	turns(rig.loop, 1);
	CHECK_STR(said, "OURO_EOF");
	end_rig(&rig);
}

TEST(a_failed_write_is_news_for_who_does_not_read)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_on_gone(rig.stream, say_gone), 0);
	hang_up(&rig);
	write_it(&rig, "x");
	turns(rig.loop, 4);
	CHECK(!strncmp(said, "gone:", 5));
	CHECK(!strchr(said, ' '));
	end_rig(&rig);
}

static void count_done(int err, void *arg)
{
	(void)err;
	++*(int *)arg;
}

TEST(the_peer_may_go_at_every_byte_of_a_write)
{
	for (size_t byte = 0; byte <= 30; byte++) {
		struct rig rig = new_rig();
		int taken = 0, told = 0;
		char sink[64];

		read_it(&rig);
		for (int i = 0; i < 4; i++) {
			taken += ouro_stream_write_take(rig.stream, text("0123456789"), count_done,
							&told) > 0;
			turns(rig.loop, i & 1);
			if (i == 2 && byte > 0)
				(void)!recv(rig.theirs, sink, byte, MSG_DONTWAIT);
			if (i == 2)
				hang_up(&rig);
		}
		ouro_stream_close(rig.stream);
		turns(rig.loop, 3);
		CHECK_EQ(told, taken);
		CHECK(taken >= 3);
		end_rig(&rig);
	}
}

/* --- Closing --- */

TEST(close_drops_what_waits_and_tells_each_before_its_own_end)
{
	struct rig rig = new_rig();

	write_it(&rig, "a");
	ouro_stream_write_take(rig.stream, text("b"), say_done, word("b"));
	ouro_stream_after(rig.stream, say_done, word("c"));
	ouro_stream_close(rig.stream);
	ouro_stream_close(rig.stream);
	CHECK_STR(said, "");
	CHECK_EQ(write_it(&rig, "d"), OURO_ECLOSED);
	CHECK_EQ(ouro_stream_read(rig.stream, say_bytes, NULL), OURO_ECLOSED);
	CHECK_EQ(ouro_stream_on_gone(rig.stream, say_gone), OURO_ECLOSED);
	CHECK_EQ(ouro_stream_set_idle(rig.stream, 5), OURO_ECLOSED);
	ouro_stream_pause(rig.stream);
	ouro_stream_resume(rig.stream);
	CHECK(at_end(rig.theirs));
	turns(rig.loop, 3);
	CHECK_STR(said, "b=OURO_ECANCELED c=OURO_ECANCELED closed");
	CHECK(!ouro_loop_turn(rig.loop));
	ouro_stream_close(NULL);
	ouro_stream_reset(NULL);
	end_rig(&rig);
}

TEST(reset_tells_the_peer_by_an_error)
{
	struct rig rig = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });
	char byte;

	ouro_stream_reset(rig.stream);
	turns(rig.loop, 2);
	CHECK_STR(said, "closed");
	CHECK_EQ(recv(rig.theirs, &byte, 1, 0), -1);
	CHECK_EQ(errno, ECONNRESET);
	end_rig(&rig);
}

static ouro_stream *to_close;

static void close_in_read(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	say_bytes(stream, err, bytes, arg);
	ouro_stream_close(to_close);
}

static void close_in_done(int err, void *arg)
{
	say_done(err, arg);
	ouro_stream_close(to_close);
}

static void close_in_drain(ouro_stream *stream, void *arg)
{
	say_drained(stream, arg);
	ouro_stream_close(to_close);
}

static void close_in_gone(ouro_stream *stream, int err, void *arg)
{
	say_gone(stream, err, arg);
	ouro_stream_close(to_close);
}

TEST(closed_by_its_reader_it_is_read_no_more)
{
	struct rig rig = new_rig();

	to_close = rig.stream;
	CHECK_EQ(ouro_stream_read(rig.stream, close_in_read, word("closed")), 0);
	write_it(&rig, "x");
	transmit(rig.theirs, "one");
	turns(rig.loop, 3);
	CHECK_STR(said, "one closed");
	end_rig(&rig);
}

TEST(closed_by_its_reader_at_the_end_and_at_an_error)
{
	struct rig rig = new_rig(), broken = rig_on(tcp_ends(), (ouro_stream_opts){ 0 });

	to_close = rig.stream;
	CHECK_EQ(ouro_stream_read(rig.stream, close_in_read, word("closed")), 0);
	hang_up(&rig);
	turns(rig.loop, 3);
	CHECK_STR(said, "OURO_EOF closed");
	end_rig(&rig);
	to_close = broken.stream;
	CHECK_EQ(ouro_stream_read(broken.stream, close_in_read, word("closed")), 0);
	ouro_stream_write_take(broken.stream, text("x"), close_in_done, word("x"));
	reset(broken.theirs);
	broken.theirs = -1;
	turns(broken.loop, 5);
	CHECK(strstr(said, "x=") && strstr(said, " closed"));
	end_rig(&broken);
}

TEST(closed_by_the_word_on_a_write_the_others_are_still_told)
{
	struct rig rig = new_rig();

	to_close = rig.stream;
	read_it(&rig);
	ouro_stream_write_take(rig.stream, text("a"), close_in_done, word("a"));
	ouro_stream_write_take(rig.stream, text("b"), say_done, word("b"));
	turns(rig.loop, 3);
	CHECK_STR(said, "a=OK b=OK closed");
	CHECK_STR(received(rig.theirs), "ab");
	end_rig(&rig);
}

TEST(closed_when_drained)
{
	struct rig rig = rig_on(unix_ends(SOCK_STREAM), (ouro_stream_opts){ .high = 1 });

	to_close = rig.stream;
	ouro_stream_on_drain(rig.stream, close_in_drain);
	write_it(&rig, "abc");
	turns(rig.loop, 3);
	CHECK_STR(said, "drained closed");
	end_rig(&rig);
}

TEST(closed_when_gone)
{
	struct rig rig = new_rig();

	to_close = rig.stream;
	CHECK_EQ(ouro_stream_on_gone(rig.stream, close_in_gone), 0);
	hang_up(&rig);
	turns(rig.loop, 3);
	CHECK_STR(said, "gone:OURO_EOF closed");
	end_rig(&rig);
}

TEST(closed_by_another_that_was_ready_too_it_is_not_called)
{
	ouro_loop *loop = new_loop();
	struct ends a = unix_ends(SOCK_STREAM), b = unix_ends(SOCK_STREAM);
	ouro_stream *first = open_stream(loop, a.ours, (ouro_stream_opts){ 0 });
	ouro_stream *second = open_stream(loop, b.ours, (ouro_stream_opts){ 0 });

	CHECK_EQ(ouro_stream_read(first, close_in_read, word("closed")), 0);
	CHECK_EQ(ouro_stream_read(second, close_in_read, word("closed")), 0);
	transmit(a.theirs, "first");
	transmit(b.theirs, "second");
	to_close = second;
	turns(loop, 1);
	CHECK_STR(said, "first closed");
	close(a.theirs);
	close(b.theirs);
	ouro_loop_free(loop);
}

static void free_in_read(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	say_bytes(stream, err, bytes, arg);
	ouro_loop_free(ouro_stream_loop(stream));
}

TEST(the_loop_freed_by_a_callback_closes_and_tells_all)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_read(rig.stream, free_in_read, word("closed")), 0);
	ouro_stream_write_take(rig.stream, ouro_str_n(big, sizeof(big)), say_done, word("big"));
	transmit(rig.theirs, "now");
	CHECK_EQ(ouro_loop_run(rig.loop), 0);
	CHECK_STR(said, "now big=OURO_ECANCELED closed");
	close(rig.theirs);
}

TEST(a_loop_freed_with_writes_waiting_tells_each)
{
	struct rig rig = new_rig();

	read_it(&rig);
	write_it(&rig, "a");
	ouro_stream_write_take(rig.stream, text("b"), say_done, word("b"));
	ouro_loop_free(rig.loop);
	CHECK_STR(said, "b=OURO_ECANCELED closed");
	close(rig.theirs);
}

/* --- Time --- */

TEST(a_stream_on_which_nothing_moves_is_broken_off)
{
	ouro_loop *loop = virtual_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream = open_stream(loop, ends.ours, (ouro_stream_opts){ .idle_ms = 1000 });
	uint64_t began = ouro_loop_now(loop);

	CHECK_EQ(ouro_stream_read(stream, say_bytes, word("closed")), 0);
	CHECK_EQ(ouro_stream_after(stream, say_done, word("sent")), 0);
	UNTIL(loop, strstr(said, "ETIMEOUT"));
	CHECK_STR(said, "sent=OK OURO_ETIMEOUT");
	CHECK_EQ(ouro_loop_now(loop) - began, 1000 * MS);
	turns(loop, 5);
	CHECK_STR(said, "sent=OK OURO_ETIMEOUT");
	CHECK_EQ(ouro_stream_write(stream, text("x")), OURO_ETIMEOUT);
	close(ends.theirs);
	ouro_loop_free(loop);
}

/* Moves a byte, out and in by turns, and stops after the fourth. */
static void move(ouro_loop *loop, void *arg)
{
	static int n;

	if (n++ & 1)
		transmit(the_rig->theirs, "in");
	else
		CHECK(write_it(the_rig, "out") > 0);
	if (n == 4)
		ouro_timer_stop(loop, *(ouro_timer *)arg);
}

TEST(whatever_moves_gives_it_its_full_time_again)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	struct rig rig = { .loop = virtual_loop(), .theirs = ends.theirs };
	uint64_t began = ouro_loop_now(rig.loop);
	ouro_timer timer = ouro_timer_every(rig.loop, 900, move, &timer);

	the_rig = &rig;
	rig.stream = open_stream(rig.loop, ends.ours, (ouro_stream_opts){ .idle_ms = 1000 });
	read_it(&rig);
	UNTIL(rig.loop, strstr(said, "ETIMEOUT"));
	CHECK_STR(said, "in in OURO_ETIMEOUT");
	CHECK_EQ(ouro_loop_now(rig.loop) - began, (4 * 900 + 1000) * MS);
	end_rig(&rig);
}

TEST(a_peer_that_does_not_take_is_broken_off_and_the_writes_told)
{
	ouro_loop *loop = virtual_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream = open_stream(loop, ends.ours, (ouro_stream_opts){ .idle_ms = 1000 });

	CHECK_EQ(ouro_stream_on_gone(stream, say_gone), 0);
	ouro_stream_write_take(stream, ouro_str_n(big, sizeof(big)), say_done, word("big"));
	UNTIL(loop, *said);
	CHECK_STR(said, "big=OURO_ETIMEOUT gone:OURO_ETIMEOUT");
	close(ends.theirs);
	ouro_loop_free(loop);
}

TEST(a_stream_that_is_still_of_our_own_will_is_left_alone)
{
	ouro_loop *loop = virtual_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream = open_stream(loop, ends.ours, (ouro_stream_opts){ .idle_ms = 1000 });

	CHECK_EQ(ouro_stream_read(stream, say_bytes, word("closed")), 0);
	ouro_stream_pause(stream);
	after(loop, 10500, "later");
	UNTIL(loop, *said);
	ouro_stream_resume(stream);
	after(loop, 999, "still");
	UNTIL(loop, strstr(said, "still"));
	CHECK_EQ(ouro_stream_set_idle(stream, 0), 0);
	after(loop, 10000, "and on");
	UNTIL(loop, strstr(said, "on"));
	CHECK_STR(said, "later still and on");
	close(ends.theirs);
	ouro_loop_free(loop);
}

TEST(a_timeout_that_comes_while_paused_is_told_at_resume)
{
	ouro_loop *loop = virtual_loop();
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_stream *stream = open_stream(loop, ends.ours, (ouro_stream_opts){ .idle_ms = 1000 });

	CHECK_EQ(ouro_stream_read(stream, say_bytes, word("closed")), 0);
	ouro_stream_pause(stream);
	ouro_stream_write_take(stream, ouro_str_n(big, sizeof(big)), say_done, word("big"));
	UNTIL(loop, *said);
	CHECK_STR(said, "big=OURO_ETIMEOUT");
	transmit(ends.theirs, "unheard");
	ouro_stream_resume(stream);
	turns(loop, 3);
	CHECK_STR(said, "big=OURO_ETIMEOUT OURO_ETIMEOUT");
	close(ends.theirs);
	ouro_loop_free(loop);
}

/* --- Facts --- */

TEST(it_knows_both_its_ends)
{
	struct ends ends = tcp_ends();
	struct rig rig = rig_on(ends, (ouro_stream_opts){ .keepalive_s = 5 });
	ouro_addr own = { .len = sizeof(own.sa) }, local;
	char shown[OURO_ADDR_TEXT];
	int on;
	socklen_t len = sizeof(on);

	CHECK_EQ(getsockname(rig.theirs, &own.sa.any, &own.len), 0);
	CHECK_EQ(ouro_addr_port(ouro_stream_peer(rig.stream)), ouro_addr_port(&own));
	CHECK_STR(ouro_addr_text(ouro_stream_peer(rig.stream), shown, sizeof(shown)), "127.0.0.1");
	CHECK_EQ(ouro_stream_local(rig.stream, &local), 0);
	CHECK_EQ(getpeername(rig.theirs, &own.sa.any, &own.len), 0);
	CHECK_EQ(ouro_addr_port(&local), ouro_addr_port(&own));
	CHECK_EQ(getsockopt(ends.ours, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	CHECK_EQ(on, 1);
	CHECK_EQ(getsockopt(ends.ours, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	CHECK_EQ(on, 1);
	CHECK_EQ(ouro_stream_fd(rig.stream), ends.ours);
	CHECK(ouro_stream_loop(rig.stream) == rig.loop);
	end_rig(&rig);
}

TEST(a_socketpair_has_a_peer_without_a_name)
{
	struct rig rig = new_rig();
	char shown[OURO_ADDR_TEXT];

	CHECK_STR(ouro_addr_text(ouro_stream_peer(rig.stream), shown, sizeof(shown)), "unix:");
	end_rig(&rig);
}

TEST(its_arg_can_be_set)
{
	struct rig rig = new_rig();

	CHECK_STR(ouro_stream_arg(rig.stream), "closed");
	ouro_stream_set_arg(rig.stream, word("other"));
	ouro_stream_close(rig.stream);
	turns(rig.loop, 1);
	CHECK_STR(said, "other");
	end_rig(&rig);
}

static void list_one(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	say("%s %s", active->kind, active->name);
}

TEST(it_keeps_the_loop_alive_by_name_unless_it_does_not_hold)
{
	struct rig rig = new_rig();

	CHECK_EQ(ouro_stream_set_name(rig.stream, "mine"), 0);
	CHECK_EQ(ouro_loop_active(rig.loop, list_one, NULL), 1);
	CHECK_STR(said, "stream mine");
	ouro_stream_hold(rig.stream, false);
	CHECK(!ouro_loop_turn(rig.loop));
	end_rig(&rig);
}

TEST(what_is_no_socket_is_refused_and_stays_open)
{
	ouro_loop *loop = new_loop();
	struct tube tube = tube_empty();
	ouro_stream *stream;

	CHECK_EQ(ouro_stream_open(loop, tube.out, NULL, NULL, &stream), -ENOTSOCK);
	CHECK_EQ(ouro_stream_open(loop, 1000, NULL, NULL, &stream), -EBADF);
	tube_close(tube);
	ouro_loop_free(loop);
}

/* --- Anything in any order --- */

/* One end of a connection, both of whose ends are streams. Byte number n is n * 7, cut to eight
 * bits. */
struct end {
	ouro_stream *stream; /* NULL: closed */
	struct end *other;
	size_t written, read;
	int taken, told, closed;
};

static uint32_t dice;

static void on_end_told(int err, void *arg)
{
	(void)err;
	((struct end *)arg)->told++;
}

static void on_end_closed(void *arg)
{
	((struct end *)arg)->closed++;
}

static void close_end(struct end *end)
{
	if (random_below(&dice, 2))
		ouro_stream_close(end->stream);
	else
		ouro_stream_reset(end->stream);
	end->stream = NULL;
}

static void check_bytes(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	struct end *end = arg;

	CHECK(end->stream == stream || !end->stream);
	CHECK(err ? !bytes.len : bytes.len);
	for (size_t i = 0; i < bytes.len; i++)
		CHECK(bytes.ptr[i] == (char)(end->read++ * 7));
	CHECK(end->read <= end->other->written);
	if (random_below(&dice, 200) == 0)
		close_end(end);
	else if (random_below(&dice, 10) == 0)
		ouro_stream_pause(stream);
}

static void write_something(struct end *end)
{
	static char pattern[256 + 70000];
	size_t n = random_below(&dice, random_below(&dice, 8) ? 500 : 70000);
	ouro_str bytes = { pattern + (end->written & 255), n };
	int64_t answer;

	if (!pattern[1])
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (char)(i * 7);
	if (random_below(&dice, 2)) {
		answer = ouro_stream_write(end->stream, bytes);
	} else {
		answer = ouro_stream_write_take(end->stream, bytes, on_end_told, end);
		end->taken += answer >= 0;
	}
	if (answer >= 0)
		end->written += n;
}

static void do_something(struct end *end)
{
	uint32_t what = random_below(&dice, 200);

	if (!end->stream)
		return;
	if (what < 100)
		write_something(end);
	else if (what < 120)
		ouro_stream_pause(end->stream);
	else if (what < 160)
		ouro_stream_resume(end->stream);
	else if (what < 170)
		(void)ouro_stream_read(end->stream, check_bytes, end);
	else if (what < 180)
		end->taken += ouro_stream_after(end->stream, on_end_told, end) == 0;
	else if (what == 180)
		(void)ouro_stream_shutdown(end->stream);
	else if (what == 181)
		close_end(end);
}

static void open_end(ouro_loop *loop, struct end *end, int fd)
{
	ouro_stream_opts opts = { .high = 1 + random_below(&dice, 100000) };

	if (random_below(&dice, 2))
		squeeze(fd);
	CHECK_EQ(ouro_stream_open(loop, fd, &opts, end, &end->stream), 0);
	ouro_stream_on_close(end->stream, on_end_closed);
	CHECK_EQ(ouro_stream_read(end->stream, check_bytes, end), 0);
}

TEST(whatever_is_done_bytes_stay_in_order_and_each_word_comes_once)
{
	for (uint32_t seed = 1; seed <= 60; seed++) {
		ouro_loop *loop = new_loop();
		struct end ends[8] = { { 0 } };
		uint32_t steps;

		dice = seed * 2654435761u;
		for (int i = 0; i < 8; i += 2) {
			struct ends fds =
				random_below(&dice, 2) ? tcp_ends() : unix_ends(SOCK_STREAM);

			ends[i].other = &ends[i + 1];
			ends[i + 1].other = &ends[i];
			open_end(loop, &ends[i], fds.ours);
			open_end(loop, &ends[i + 1], fds.theirs);
		}
		steps = random_below(&dice, 300);
		for (uint32_t i = 0; i < steps; i++) {
			do_something(&ends[random_below(&dice, 8)]);
			turns(loop, random_below(&dice, 3) == 0);
		}
		ouro_loop_free(loop);
		for (int i = 0; i < 8; i++) {
			CHECK_EQ(ends[i].told, ends[i].taken);
			CHECK_EQ(ends[i].closed, 1);
		}
	}
}

/* --- Memory --- */

static int attempt(void)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_stream_opts opts = { .idle_ms = 1000 };
	ouro_stream *stream = NULL;
	int64_t n = 0;
	int err = loop ? 0 : -ENOMEM;

	if (!err)
		err = ouro_stream_open(loop, ends.ours, &opts, NULL, &stream);
	if (err)
		close(ends.ours);
	if (!err)
		err = ouro_stream_on_gone(stream, say_gone);
	for (int i = 0; !err && n >= 0 && i < 3; i++)
		n = i == 0   ? ouro_stream_write(stream, text("copied"))
		    : i == 1 ? ouro_stream_write_take(stream, text("took"), say_done, word("t"))
			     : ouro_stream_write(stream, ouro_str_n(big, 9000));
	if (!err && n < 0)
		err = (int)n;
	if (!err)
		err = ouro_stream_read(stream, say_bytes, NULL);
	if (loop)
		turns(loop, 2);
	ouro_stream_close(stream);
	ouro_loop_free(loop);
	close(ends.theirs);
	return err;
}

TEST(without_memory_it_says_so_and_nothing_is_lost)
{
	CHECK(for_each_failing_allocation(attempt) >= 6);
}

static int adopt_attempt(void)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_stream *stream;
	int err = loop ? adopt(loop, ends.ours, "early", &stream) : -ENOMEM;

	if (err)
		close(ends.ours);
	close(ends.theirs);
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_nothing_is_adopted)
{
	CHECK(for_each_failing_allocation(adopt_attempt) >= 3);
}
