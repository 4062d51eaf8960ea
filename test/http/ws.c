/* ws.c -- a WebSocket from the handshake to the end of its connection, seen by a client that speaks
 * in bytes. */
#include "ws_kit.h"

/* ---- The handshake ---- */

TEST(a_handshake_is_answered_as_the_rfc_shows_it)
{
	serve(accept_ws);
	int fd = connect_client();

	CHECK_STR(ask(fd, SHAKE "\r\n"),
		  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
		  "Upgrade: websocket\r\n"
		  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
	close(fd);
	end();
}

static void refuse(ouro_req *req, void *arg)
{
	ouro_ws *none = NULL;

	(void)arg;
	CHECK_EQ(ouro_ws_accept(req, &ws_opts, &none), -EINVAL);
	CHECK(!none);
}

#define ASK(fields) "GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define UP          "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

TEST(what_is_no_handshake_is_told_what_is_missing)
{
	static const struct {
		const char *status, *ask;
	} bad[] = {
		{ " 426 ", ASK("") },
		{ " 426 ", ASK("Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY) },
		{ " 426 ", ASK(UP KEY) },
		{ " 426 ", ASK(UP KEY "Sec-WebSocket-Version: 8\r\n") },
		{ " 426 ",
		  ASK(UP KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n") },
		{ " 400 ", ASK(UP "Sec-WebSocket-Version: 13\r\n") },
		{ " 400 ", ASK(UP "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n") },
		{ " 400 ", ASK(UP KEY KEY "Sec-WebSocket-Version: 13\r\n") },
		{ " 405 ",
		  "PUT / HTTP/1.1\r\nHost: h\r\n" UP KEY "Sec-WebSocket-Version: 13\r\n\r\n" },
	};

	serve(refuse);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = connect_client();
		const char *answer = ask(fd, bad[i].ask);

		CHECK(has(answer, bad[i].status));
		CHECK_EQ(has(answer, "Sec-WebSocket-Version: 13"), bad[i].status[2] == '2');
		close(fd);
	}
	end();
}

TEST(a_page_of_another_origin_stays_out)
{
	static const char *const ours[] = { "https://here.example", NULL };
	int fd;

	ws_opts.origins = ours;
	serve(refuse);
	fd = connect_client();
	CHECK(has(ask(fd, SHAKE "Origin: https://there.example\r\n\r\n"), " 403 "));
	close(fd);
	end();
	fd = begin((ouro_ws_opts){ .origins = ours });
	close(fd);
	fd = connect_client();
	CHECK(has(ask(fd, SHAKE "Origin: https://HERE.example\r\n\r\n"), " 101 "));
	close(fd);
	end();
}

TEST(the_first_protocol_of_ours_that_is_offered_is_chosen)
{
	static const char *const ours[] = { "v2", "v1", NULL };
	int fd = begin((ouro_ws_opts){ .protocols = ours });

	CHECK_STR(ouro_ws_protocol(ws), NULL);
	close(fd);
	fd = connect_client();
	CHECK(has(ask(fd, SHAKE "Sec-WebSocket-Protocol: v1, v0\r\n"
				"Sec-WebSocket-Protocol: v2\r\n\r\n"),
		  "Sec-WebSocket-Protocol: v2\r\n"));
	CHECK_STR(ouro_ws_protocol(ws), "v2");
	close(fd);
	end();
}

/* ---- Messages ---- */

TEST(messages_come_whole_however_they_were_cut)
{
	static const char bytes[] = "\x81\x82\0\0\0\0hi\x01\x81\0\0\0\0a\x89\x81\0\0\0\0p"
				    "\x80\x81\0\0\0\0b\x82\x80\0\0\0\0";
	int fd = begin((ouro_ws_opts){ .close_ms = 1 });

	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		send_bytes(fd, bytes + i, 1);
	CHECK_STR(said, "hi ab b:");
	CHECK_STR(frames(fd), "8a 01 70");
	close(fd);
	end();
}

TEST(messages_come_in_pieces_to_who_asks_for_that)
{
	int fd = begin((ouro_ws_opts){ .pieces = true });

	SEND(fd, "\x01\x82", "ab");
	SEND(fd, "\x80\x82", "cd");
	CHECK_STR(said, "ab+ cd");
	close(fd);
	end();
}

TEST(what_was_sent_behind_the_handshake_is_heard)
{
	int fd;

	serve(accept_ws);
	fd = connect_client();
	send_bytes(fd, SHAKE "\r\n\x81\x82\0\0\0\0hi", sizeof(SHAKE "\r\n\x81\x82\0\0\0\0hi") - 1);
	CHECK_STR(said, "hi");
	close(fd);
	end();
}

TEST(messages_are_sent_in_the_shortest_frame)
{
	static char big[70000];
	int fd = begin((ouro_ws_opts){ .close_ms = 1 });

	CHECK_EQ(ouro_ws_text(ws, ouro_str_z("hi")), 4);
	CHECK_EQ(ouro_ws_binary(ws, ouro_str_z("")), 6);
	CHECK_EQ(ouro_ws_ping(ws, ouro_str_z("p")), 9);
	CHECK_STR(frames(fd), "81 02 68 69 82 00 89 01 70");
	CHECK_EQ(ouro_ws_binary(ws, ouro_str_n(big, 126)), 130);
	CHECK(has(frames(fd), "82 7e 00 7e 00"));
	CHECK_EQ(ouro_ws_binary(ws, ouro_str_n(big, sizeof(big))), 70010);
	CHECK_EQ(ouro_ws_queued(ws), 70010);
	CHECK_EQ(ouro_ws_text(ws, ouro_str_z("\xff")), -EINVAL);
	CHECK_EQ(ouro_ws_ping(ws, ouro_str_n(big, 126)), -EINVAL);
	CHECK_EQ(ouro_ws_close(ws, 1005, ouro_str_z("")), -EINVAL);
	CHECK_EQ(ouro_ws_close(ws, 1000, ouro_str_n(big, 124)), -EINVAL);
	close(fd);
	end();
}

static void pause_once(ouro_ws *of, int err, const ouro_ws_message *message, void *arg)
{
	say_message(of, err, message, arg);
	if (!err)
		ouro_ws_pause(of);
}

TEST(a_pause_holds_back_even_what_has_been_read)
{
	int fd = begin((ouro_ws_opts){ .ping_ms = 10 });

	CHECK_EQ(ouro_ws_on_message(ws, pause_once, word("closed")), 0);
	send_bytes(fd, "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b\x81\x81\0\0\0\0c", 21);
	CHECK_STR(said, "a");
	pass(100);
	CHECK_STR(said, "now");
	ouro_ws_resume(ws);
	settle();
	CHECK_STR(said, "now b");
	CHECK_EQ(ouro_ws_on_message(ws, say_message, word("closed")), 0);
	ouro_ws_resume(ws);
	settle();
	CHECK_STR(said, "now b c");
	close(fd);
	end();
}

static void say_drained(ouro_ws *of, void *arg)
{
	(void)of, (void)arg;
	say("drained");
}

TEST(who_sends_too_much_is_told_when_to_go_on)
{
	static char big[1 << 20];
	int fd = begin((ouro_ws_opts){ .high = 65536 });

	ouro_ws_on_drain(ws, say_drained);
	CHECK(ouro_ws_binary(ws, ouro_str_n(big, sizeof(big))) > 65536);
	settle();
	CHECK_STR(said, "");
	while (!*said)
		received(fd);
	CHECK_STR(said, "drained");
	close(fd);
	end();
}

/* Numbered, until the kernel takes no more and the queue is full. The last answer. */
static int64_t send_numbered(int times)
{
	static char text[20000];
	int64_t n = 0;

	memset(text, ' ', sizeof(text));
	for (int i = 0; i < times && n >= 0; i++) {
		snprintf(text, sizeof(text), "%06d", i);
		text[6] = ' ';
		n = ouro_ws_text(ws, ouro_str_n(text, i % 2 ? 100 : sizeof(text)));
		settle();
	}
	return n;
}

/* All that was sent comes whole, in order; the number of the last. */
static int last_number(int fd, int *ret_count)
{
	const unsigned char *at = (const unsigned char *)received(fd);
	int last = -1, number;

	for (*ret_count = 0; *at; ++*ret_count) {
		size_t len = at[1] == 126 ? (size_t)at[2] << 8 | at[3] : at[1];

		CHECK(at[0] == 0x81 && (len == 100 || len == 20000));
		at += at[1] == 126 ? 4 : 2;
		CHECK_EQ(sscanf((const char *)at, "%d", &number), 1);
		CHECK(number > last);
		last = number;
		at += len;
	}
	return last;
}

TEST(a_slow_one_misses_the_oldest_whole)
{
	int fd = begin((ouro_ws_opts){ .queue_max = 100000 }), count;

	CHECK(send_numbered(200) > 0);
	CHECK(ouro_ws_queued(ws) <= 100000);
	CHECK_EQ(last_number(fd, &count), 199);
	CHECK(count < 200);
	close(fd);
	end();
}

TEST(a_slow_one_is_told_of_or_cut_off)
{
	int fd = begin((ouro_ws_opts){ .queue_max = 100000, .slow = OURO_SLOW_TELL });

	CHECK_EQ(send_numbered(200), OURO_EBUSY);
	CHECK(ouro_ws_ping(ws, ouro_str_z("still here")) > 0);
	CHECK_STR(said, "");
	close(fd);
	settle();
	end();
	fd = begin((ouro_ws_opts){ .queue_max = 100000, .slow = OURO_SLOW_DROP_CLIENT });
	said[0] = 0;
	CHECK_EQ(send_numbered(200), OURO_ECLOSED);
	CHECK_STR(said, "closed");
	close(fd);
	end();
}

TEST(what_alone_is_larger_than_the_queue_is_refused)
{
	static char big[2000];
	int fd = begin((ouro_ws_opts){ .queue_max = 1000 });

	CHECK_EQ(ouro_ws_binary(ws, ouro_str_n(big, sizeof(big))), OURO_EBUSY);
	CHECK(ouro_ws_binary(ws, ouro_str_n(big, 900)) > 0);
	close(fd);
	end();
}

static void say_pong(ouro_ws *of, ouro_str bytes, void *arg)
{
	(void)of, (void)arg;
	say("pong:%.*s", (int)bytes.len, bytes.ptr);
}

TEST(its_stream_reads_for_nobody_else)
{
	open_server((ouro_http_opts){ .on_request = accept_ws });
	int fd = shaken();

	CHECK_EQ(ouro_stream_read(ouro_ws_stream(ws), NULL, NULL), -EINVAL);
	CHECK_EQ(ouro_stream_on_gone(ouro_ws_stream(ws), NULL), -EINVAL);
	ouro_stream_on_drain(ouro_ws_stream(ws), NULL);
	SEND(fd, "\x81\x82", "hi");
	CHECK_STR(said, "hi");
	close(fd);
	end();
}

TEST(a_pong_is_told)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1 });

	ouro_ws_on_pong(ws, say_pong);
	SEND(fd, "\x8a\x82", "me");
	CHECK_STR(said, "pong:me");
	close(fd);
	end();
}

/* ---- The end ---- */

TEST(the_peer_closes_and_is_answered_with_its_code)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1000 });

	SEND(fd, "\x88\x85",
	     "\x0f\xa0"
	     "bye");
	CHECK_STR(said, "OURO_EOF:4000:bye closed");
	CHECK_STR(frames(fd), "88 02 0f a0 (closed)");
	close(fd);
	fd = shaken();
	said[0] = 0;
	SEND(fd, "\x88\x80", "");
	CHECK_STR(said, "OURO_EOF:1005: closed");
	CHECK_STR(frames(fd), "88 00 (closed)");
	close(fd);
	end();
}

TEST(we_close_and_wait_for_the_answer)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1000 });

	CHECK_EQ(ouro_ws_close(ws, 1001, ouro_str_z("away")), 0);
	CHECK_EQ(ouro_ws_close(ws, 1001, ouro_str_z("")), OURO_ECLOSED);
	CHECK_EQ(ouro_ws_text(ws, ouro_str_z("late")), OURO_ECLOSED);
	CHECK_STR(frames(fd), "88 06 03 e9 61 77 61 79");
	SEND(fd, "\x81\x82", "hi");
	CHECK_STR(said, "");
	SEND(fd, "\x88\x82", "\x03\xe9");
	CHECK_STR(said, "OURO_EOF:1001: closed");
	CHECK_STR(frames(fd), "(closed)");
	close(fd);
	end();
}

TEST(who_does_not_answer_a_close_is_cut_off)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1000 });

	ouro_ws_pause(ws);
	CHECK_EQ(ouro_ws_close(ws, 1000, ouro_str_z("")), 0);
	pass(999);
	CHECK_STR(said, "now");
	pass(1);
	CHECK(has(said, "OURO_ETIMEOUT:1006:") && has(said, "closed"));
	close(fd);
	end();
}

TEST(who_leaves_without_a_word_is_told_as_1006)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1000 });

	send_bytes(fd, "\x81\x82\0\0", 4);
	close(fd);
	settle();
	CHECK_STR(said, "OURO_EOF:1006: closed");
	end();
}

TEST(a_fault_is_told_to_both_and_what_follows_is_not_heard)
{
	static const struct {
		const char *bytes, *told, *sent;
		size_t len;
	} faults[] = {
		{ "\x81\x02hi", "OURO_EPROTO:1002:", "88 02 03 ea (closed)", 4 },
		{ "\xc1\x80", "OURO_EPROTO:1002:", "88 02 03 ea (closed)", 2 },
		{ "\x81\x81\0\0\0\0\xff", "OURO_EPROTO:1007:", "88 02 03 ef (closed)", 7 },
		{ "\x82\xfe\x04\x01", "OURO_ETOOBIG:1009:", "88 02 03 f1 (closed)", 4 },
		{ "\x88\x81\0\0\0\0x", "OURO_EPROTO:1002:", "88 02 03 ea (closed)", 7 },
		{ "\x88\x82\0\0\0\0\x03\xed", "OURO_EPROTO:1002:", "88 02 03 ea (closed)", 8 },
		{ "\x88\x83\0\0\0\0\x03\xe8\xff", "OURO_EPROTO:1007:", "88 02 03 ef (closed)", 9 },
	};
	int fd = begin((ouro_ws_opts){ .message_max = 1024, .close_ms = 1000 });

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		said[0] = 0;
		send_bytes(fd, faults[i].bytes, faults[i].len);
		SEND(fd, "\x81\x82", "hi");
		CHECK_STR(said, faults[i].told);
		CHECK_STR(frames(fd), faults[i].sent);
		close(fd);
		settle();
		CHECK(has(said, "closed"));
		fd = shaken();
	}
	close(fd);
	end();
}

TEST(who_goes_on_sending_after_a_fault_has_a_deadline)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1000 });

	send_bytes(fd, "\x81\x02hi", 4);
	pass(1000);
	CHECK_STR(said, "now closed");
	close(fd);
	end();
}

TEST(a_silent_peer_is_pinged_and_then_cut_off)
{
	int fd = begin((ouro_ws_opts){ .ping_ms = 1000 });

	pass(999);
	CHECK_STR(frames(fd), "");
	pass(1);
	CHECK_STR(frames(fd), "89 00");
	SEND(fd, "\x8a\x80", "");
	pass(1000);
	CHECK_STR(frames(fd), "89 00");
	pass(1000);
	CHECK(has(said, "OURO_ETIMEOUT:1006:") && has(said, "closed"));
	CHECK_STR(frames(fd), "(closed)");
	close(fd);
	end();
}

TEST(an_announced_length_takes_no_memory)
{
	int fd = begin((ouro_ws_opts){ .frame_max = 1u << 30, .message_max = 1u << 30 });
	size_t before = test_memory.held;

	send_bytes(fd, "\x82\xff\0\0\0\0\x3f\xff\xff\xff\0\0\0\0abc", 17);
	CHECK(test_memory.held - before < 4096);
	close(fd);
	settle();
	CHECK_STR(said, "OURO_EOF:1006: closed");
	end();
}

static void cut_it(ouro_ws *of, int err, const ouro_ws_message *message, void *arg)
{
	say_message(of, err, message, arg);
	ouro_ws_cut(of);
	ouro_ws_cut(of);
}

TEST(a_callback_may_cut_it)
{
	int fd = begin((ouro_ws_opts){ .close_ms = 1 });

	CHECK_EQ(ouro_ws_on_message(ws, cut_it, word("closed")), 0);
	send_bytes(fd, "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b", 14);
	CHECK_STR(said, "a closed");
	close(fd);
	ouro_ws_cut(NULL);
	CHECK_EQ(ouro_ws_close(NULL, 1000, ouro_str_z("")), OURO_ECLOSED);
	end();
}

TEST(a_loop_may_be_freed_with_everything_open)
{
	int open = begin((ouro_ws_opts){ .close_ms = 1000 }), closing = shaken();

	CHECK_EQ(ouro_ws_close(ws, 1000, ouro_str_z("")), 0);
	send_bytes(open, "\x01\x82\0\0\0\0hi", 8);
	end();
	CHECK_STR(said, "closed closed");
	close(open);
	close(closing);
}

static void try_accept(ouro_req *req, void *arg)
{
	(void)arg;
	if (!ouro_ws_accept(req, NULL, &ws))
		(void)ouro_ws_on_message(ws, say_message, NULL);
}

static void turn_often(void)
{
	for (int i = 0; i < 8; i++) {
		(void)ouro_loop_macro(loop, do_nothing, NULL);
		ouro_loop_turn(loop);
	}
}

static int talk(int fd)
{
	static const char message[] = "\x01\x82\0\0\0\0hi\x80\x82\0\0\0\0hi\x88\x80\0\0\0\0";
	const size_t cut = 3; /* in the middle of a head */
	char answer[512];
	bool open;

	send_text(fd, SHAKE "\r\n");
	turn_often();
	open = recv(fd, answer, sizeof(answer), 0) > 12 && !memcmp(answer + 9, "101", 3);
	if (open) {
		(void)!send(fd, message, cut, MSG_NOSIGNAL);
		turn_often();
		(void)!send(fd, message + cut, sizeof(message) - 1 - cut, MSG_NOSIGNAL);
		turn_often();
	}
	return open && !strcmp(said, "hihi OURO_EOF:1005:") ? 0 : -ENOMEM;
}

static int attempt(void)
{
	int pair[2], err = -ENOMEM;

	said[0] = 0;
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	if (!loop)
		return err;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	if (!ouro_http_open(loop, &(ouro_http_opts){ .on_request = try_accept }, &server) &&
	    !ouro_server_adopt(server, pair[1]))
		err = talk(pair[0]);
	else
		close(pair[1]);
	close(pair[0]);
	ouro_loop_free(loop);
	return err;
}

TEST(no_failing_allocation_does_harm)
{
	CHECK(for_each_failing_allocation(attempt) > 9);
}
