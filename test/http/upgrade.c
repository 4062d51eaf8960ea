/* upgrade.c -- a connection leaves HTTP and becomes a stream. */
#include "desk.h"

#define UPGRADE "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo, other\r\n\r\n"

static ouro_stream *stream;

static void on_bytes(ouro_stream *of, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err) {
		say("%s", ouro_errname(err));
		ouro_stream_close(of);
		return;
	}
	CHECK(ouro_stream_write(of, bytes) >= 0);
}

static void upgrade(ouro_req *req, void *protocol)
{
	CHECK_EQ(ouro_req_set(req, "X-Test", ouro_str_z("1")), 0);
	CHECK_EQ(ouro_req_upgrade(req, protocol, &stream), 0);
	CHECK_EQ(ouro_stream_read(stream, on_bytes, NULL), 0);
}

static void say_done(ouro_req *req, const ouro_req_done *done, void *arg)
{
	(void)req, (void)arg;
	say("%d %s", done->status, ouro_errname(done->err));
}

TEST(what_was_sent_behind_the_request_is_read_first)
{
	open_server((ouro_http_opts){ .on_request = upgrade, .on_done = say_done });
	int fd = connect_client();

	CHECK_STR(ask(fd, UPGRADE "early"),
		  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
		  "Upgrade: echo\r\nX-Test: 1\r\n\r\nearly");
	CHECK_STR(ask(fd, "late"), "late");
	CHECK_STR(said, "101 OK");
	close(fd);
	settle();
	CHECK(has(said, "101 OK OURO_EOF"));
	end();
}

static void upgrade_now(ouro_loop *of, void *req)
{
	(void)of;
	upgrade(req, word("chosen"));
}

static void upgrade_later(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_timer_after(loop, 5, upgrade_now, ouro_req_later(req));
}

TEST(an_upgrade_may_come_later_with_a_protocol_of_ones_own)
{
	serve(upgrade_later);
	int fd = connect_client();

	CHECK_STR(ask(fd, UPGRADE "early"), "");
	pass(5);
	CHECK(has(received(fd), "Upgrade: chosen\r\nX-Test: 1\r\n\r\nearly"));
	ouro_stream_close(stream);
	CHECK_STR(received(fd), "(closed)");
	close(fd);
	end();
}

static void refuse(ouro_req *req, void *arg)
{
	CHECK_EQ(ouro_req_upgrade(req, NULL, &stream), -EINVAL);
	(void)arg;
	ouro_req_reply(req, 200, NULL, ouro_str_z("plain"));
}

TEST(a_request_that_did_not_ask_is_not_upgraded)
{
	serve(refuse);
	int fd = connect_client();

	CHECK(has(ask(fd, HELLO), "plain"));
	CHECK(has(ask(fd, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\n\r\n"), "plain"));
	CHECK(has(ask(fd, "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n"), "plain"));
	close(fd);
	end();
}

TEST(a_loop_may_be_freed_with_the_stream_open)
{
	serve(upgrade);
	int fd = connect_client();

	CHECK(has(ask(fd, UPGRADE), "101"));
	close(fd);
	end();
}

static int upgrade_failed;

static void try_upgrade(ouro_req *req, void *arg)
{
	(void)arg;
	upgrade_failed = ouro_req_upgrade(req, NULL, &stream);
	if (!upgrade_failed)
		ouro_stream_close(stream);
}

TEST(a_server_ends_while_its_stream_goes_on)
{
	serve(upgrade);
	int fd = connect_client();

	CHECK(has(ask(fd, UPGRADE), "101"));
	ouro_server_close(server, 0);
	CHECK_STR(ask(fd, "still"), "still");
	close(fd);
	end();
}

TEST(a_stream_may_be_closed_at_once)
{
	serve(try_upgrade);
	int fd = connect_client();

	ask(fd, UPGRADE);
	CHECK_EQ(upgrade_failed, 0);
	close(fd);
	end();
}
