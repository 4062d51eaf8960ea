/* room.c -- one message to many, and what becomes of who does not listen. */
#include "ouro/room.h"
#include "ws_kit.h"

#define MANY 1000

static ouro_room *room;

static void enter(ouro_req *req, void *arg)
{
	ouro_feed *feed;

	(void)arg;
	if (ouro_str_eq(ouro_req_path(req), "/chat")) {
		CHECK_EQ(ouro_ws_accept(req, &ws_opts, &ws), 0);
		CHECK_EQ(ouro_ws_on_message(ws, say_message, NULL), 0);
		CHECK_EQ(ouro_room_add_ws(room, ws), 0);
	} else {
		CHECK_EQ(ouro_feed_start(req, NULL, &feed), 0);
		CHECK_EQ(ouro_room_add_feed(room, feed), 0);
	}
}

static void open_room(ouro_room_opts opts)
{
	room = ouro_room_new(&opts);
	CHECK(room != NULL);
	serve(enter);
}

static void close_room(void)
{
	end();
	CHECK_EQ(ouro_room_count(room), 0);
	ouro_room_free(room);
}

static int reader(const char *text)
{
	int fd = connect_client();

	CHECK(has(ask(fd, text), "200 OK"));
	return fd;
}

TEST(both_kinds_hear_it)
{
	open_room((ouro_room_opts){ .queue_max = 0 });
	int socket = shaken(), stream = reader(HELLO), old = reader("GET / HTTP/1.0\r\n\r\n");

	CHECK_EQ(ouro_room_count(room), 3);
	CHECK_EQ(ouro_room_text(room, ouro_str_z("hi")), 3);
	CHECK_STR(frames(socket), "81 02 68 69");
	CHECK_STR(received(stream), "a\r\ndata: hi\n\n\r\n");
	CHECK_STR(received(old), "data: hi\n\n");
	CHECK_EQ(ouro_room_event(room, &(ouro_event){ .data = ouro_str_z("x"), .id = "1" }), 3);
	CHECK_STR(frames(socket), "81 01 78");
	CHECK_STR(received(old), "id: 1\ndata: x\n\n");
	CHECK_EQ(ouro_room_binary(room, ouro_str_z("b")), 1);
	CHECK_EQ(ouro_room_text(room, ouro_str_z("\xff")), -EINVAL);
	close(socket);
	close(stream);
	settle();
	CHECK_EQ(ouro_room_count(room), 1);
	close(old);
	close_room();
}

static void say_count(void *arg)
{
	(void)arg;
	say("left:%zu", ouro_room_count(room));
}

TEST(who_closes_has_left_when_that_is_told)
{
	open_room((ouro_room_opts){ .queue_max = 0 });
	int fd = shaken();

	ouro_ws_on_close(ws, say_count);
	ouro_ws_cut(ws);
	settle();
	CHECK_STR(said, "left:0");
	close(fd);
	close_room();
}

TEST(a_thousand_hear_it_from_one_copy)
{
	static int fds[MANY];
	static char big[1024];
	size_t taken, held;

	memset(big, 'x', sizeof(big));
	open_room((ouro_room_opts){ .queue_max = 0 });
	for (int i = 0; i < MANY / 4; i++)
		fds[i] = shaken();
	taken = test_memory.taken;
	held = test_memory.held;
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ouro_room_text(room, ouro_str_n(big, sizeof(big))), MANY / 4);
	/* Four messages, and for each of the thousand queues a piece that says where it is. */
	CHECK_EQ(test_memory.taken - taken, 4 + MANY);
	CHECK(test_memory.held - held < 4 * 1200 + MANY * 120);
	settle();
	for (int i = 0; i < MANY / 4; i++)
		close(fds[i]);
	close_room();
}

static char big[100000];

static void shout(int times)
{
	for (int i = 0; i < times; i++) {
		CHECK(ouro_room_binary(room, ouro_str_n(big, sizeof(big))) >= 0);
		settle();
	}
}

TEST(a_slow_one_misses_the_oldest)
{
	open_room((ouro_room_opts){ .queue_max = 250000 });
	int fd = shaken();

	shout(20);
	CHECK(ouro_ws_queued(ws) <= 250000);
	CHECK(ouro_room_missed(room) >= 10);
	close(fd);
	close_room();
}

TEST(a_slow_one_is_cut_off)
{
	open_room((ouro_room_opts){ .queue_max = 250000, .slow = OURO_SLOW_DROP_CLIENT });
	int fd = shaken();

	shout(20);
	CHECK_EQ(ouro_room_count(room), 0);
	CHECK_EQ(ouro_room_missed(room), 1);
	close(fd);
	close_room();
}

static void leave(ouro_room *of, ouro_ws *slow, ouro_feed *feed, void *arg)
{
	CHECK(of == room && slow == ws && !feed);
	say("%s", (const char *)arg);
	ouro_room_remove_ws(slow);
}

TEST(a_slow_one_is_told_of_and_may_leave)
{
	open_room((ouro_room_opts){ .queue_max = 250000,
				    .slow = OURO_SLOW_TELL,
				    .on_slow = leave,
				    .arg = word("slow") });
	int fd = shaken();

	shout(20);
	CHECK_STR(said, "slow");
	CHECK_EQ(ouro_room_count(room), 0);
	close(fd);
	close_room();
}

TEST(the_room_may_go_first)
{
	open_room((ouro_room_opts){ .queue_max = 0 });
	int socket = shaken(), stream = reader(HELLO);

	ouro_room_free(room);
	ouro_room_free(NULL);
	CHECK(ouro_ws_text(ws, ouro_str_z("hi")) > 0);
	end();
	close(socket);
	close(stream);
}
