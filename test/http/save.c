/* save.c -- the body of a request into a file. */
#include "../offload/scratch.h"
#include "desk.h"

static const char *path = "upload";

static void on_saved(ouro_req *req, int err, uint64_t bytes, void *arg)
{
	(void)arg;
	say("%s %d", ouro_errname(err), (int)bytes);
	if (err)
		ouro_req_fail(req, err);
	else
		ouro_req_replyf(req, 201, "text/plain", "%d bytes\n", (int)bytes);
}

static void save(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_req_save(req, path, on_saved, NULL), 0);
	CHECK_EQ(ouro_req_save(req, path, on_saved, NULL), -EINVAL);
}

static int desk(ouro_req_fn *fn)
{
	scratch_enter();
	open_server((ouro_http_opts){ .on_request = fn, .stream = true });
	return connect_client();
}

static void leave(int fd)
{
	close(fd);
	end();
	scratch_leave();
}

/* The pool has its own time: turns until there are words. */
static void wait_for_pool(void)
{
	while (!*said)
		ouro_loop_turn(loop);
	settle();
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

TEST(a_body_is_in_the_file_when_the_handler_is_told)
{
	int fd = desk(save);

	send_text(fd,
		  "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	settle();
	send_text(fd, "6\r\n world\r\n0\r\n\r\n");
	wait_for_pool();
	CHECK_STR(said, "OK 11");
	CHECK_STR(text_of("upload"), "hello world");
	CHECK(has(received(fd), "HTTP/1.1 201 "));
	leave(fd);
}

TEST(an_empty_body_is_an_empty_file)
{
	int fd = desk(save);

	send_text(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	wait_for_pool();
	CHECK_STR(said, "OK 0");
	CHECK_STR(text_of("upload"), "");
	leave(fd);
}

TEST(a_large_body_waits_for_the_disk)
{
	static char piece[65536];
	int fd = desk(save);
	size_t sent = 0, all = 64 * sizeof(piece);

	send_text(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n");
	while (sent < all) {
		size_t most = all - sent < sizeof(piece) ? all - sent : sizeof(piece);
		ssize_t n = send(fd, piece, most, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else
			CHECK_EQ(errno, EAGAIN);
		ouro_loop_turn(loop);
	}
	wait_for_pool();
	CHECK_STR(said, "OK 4194304");
	leave(fd);
}

TEST(a_file_that_cannot_be_made_is_told)
{
	int fd = desk(save);

	path = "no/such/folder";
	send_text(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	wait_for_pool();
	CHECK_STR(said, "ENOENT 5");
	CHECK(has(received(fd), "HTTP/1.1 404 "));
	leave(fd);
}

TEST(what_is_not_whole_does_not_stay)
{
	int fd = desk(save);

	send_text(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello");
	settle();
	close(fd);
	wait_for_pool();
	CHECK_STR(said, "ECONNRESET 5");
	CHECK(!is_there("upload"));
	fd = connect_client();
	leave(fd);
}

static void save_and_answer(ouro_req *req, void *arg)
{
	save(req, arg);
	CHECK_EQ(ouro_req_reply(req, 200, NULL, ouro_str_z("enough")), 0);
}

TEST(an_answer_before_the_end_gives_the_file_up)
{
	int fd = desk(save_and_answer);

	CHECK(has(ask(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello"),
		  "enough"));
	close(fd);
	end();
	CHECK(!is_there("upload"));
	CHECK_STR(said, "");
	scratch_leave();
}

TEST(a_loop_may_be_freed_in_the_middle)
{
	int fd = desk(save);

	send_text(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello");
	settle();
	close(fd);
	end();
	CHECK(!is_there("upload"));
	CHECK_STR(said, "OURO_ECANCELED 5");
	scratch_leave();
}
