/* Connections in a loop of another make: what is written outside of a turn leaves too. */
#include "socks.h"
#include <ev.h>

/* Both ends are ours: one echoes and ends, the other says hello and hears it. */

static char heard[16];

static void echo(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err)
		ouro_stream_end(stream);
	else
		ouro_stream_write(stream, bytes);
}

static void accept_one(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
		       void *arg)
{
	(void)peer, (void)arg;
	CHECK_EQ(ouro_stream_read(stream, echo, NULL), 0);
	ouro_listener_close(listener);
}

static void hear(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err)
		ouro_stream_close(stream);
	strncat(heard, bytes.ptr, bytes.len);
	if (!strcmp(heard, "hello"))
		ouro_stream_end(stream);
}

static void on_connected(ouro_stream *stream, int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	CHECK_EQ(ouro_stream_read(stream, hear, NULL), 0);
}

/* All of it asked for outside of a turn. */
static void begin(ouro_loop *loop)
{
	ouro_listen_opts at_loopback = { .host = "127.0.0.1" };
	ouro_connect_opts there = { .host = "localhost" };
	ouro_listener *listener;
	ouro_stream *stream;

	CHECK_EQ(ouro_listen(loop, &at_loopback, accept_one, NULL, &listener), 0);
	there.port = ouro_listener_port(listener);
	CHECK_EQ(ouro_connect(loop, &there, on_connected, NULL, &stream), 0);
	CHECK(ouro_stream_write(stream, text("hello")) > 0);
}

TEST(in_a_hosts_libev_loop)
{
	struct ev_loop *host = ev_loop_new(0);
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });

	begin(loop);
	ev_run(host, 0);
	CHECK_STR(heard, "hello");
	ouro_loop_free(loop);
	ev_loop_destroy(host);
}

TEST(behind_a_descriptor_without_a_spin)
{
	ouro_loop *loop = new_loop();
	struct pollfd ready = { ouro_loop_fd(loop), POLLIN, 0 };
	int rounds = 0;

	begin(loop);
	do {
		CHECK_EQ(poll(&ready, 1, 5000 * TEST_SLOW), 1);
		rounds++;
	} while (ouro_loop_turn(loop));
	CHECK_STR(heard, "hello");
	CHECK(rounds < 100);
	ouro_loop_free(loop);
}
