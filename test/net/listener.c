/* A listener hands out streams: within its caps, as long as it is open, and when descriptors are
 * short. */
#include "net/peers.h"
#include "socks.h"

static ouro_stream *streams[64];
static int count;

static void keep(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer, void *arg)
{
	(void)listener, (void)arg;
	/* Unless there is no memory to say it in. */
	CHECK(!ouro_stream_peer(stream)->len ||
	      ouro_addr_same_host(peer, ouro_stream_peer(stream)));
	streams[count++ % 64] = stream;
}

static void echo(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)arg;
	if (err)
		ouro_stream_end(stream);
	else
		ouro_stream_write(stream, bytes);
}

static void keep_echo(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
		      void *arg)
{
	keep(listener, stream, peer, arg);
	CHECK_EQ(ouro_stream_read(stream, echo, NULL), 0);
}

static ouro_listener *open_listener(ouro_loop *loop, ouro_listen_opts opts, ouro_accept_fn *fn)
{
	ouro_listener *listener = NULL;

	if (!opts.unix_path)
		opts.host = "127.0.0.1";
	CHECK_EQ(ouro_listen(loop, &opts, fn, word("closed"), &listener), 0);
	CHECK(listener != NULL);
	return listener;
}

static int connect_to(ouro_listener *listener)
{
	return plain_connect(ouro_listener_addr(listener));
}

TEST(what_comes_is_a_stream)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep_echo);
	int fd = connect_to(listener);
	const char *got = "";

	CHECK(ouro_listener_port(listener) > 0);
	transmit(fd, "hello");
	UNTIL(loop, *(got = received(fd)));
	CHECK_STR(got, "hello");
	CHECK_EQ(ouro_listener_streams(listener), 1);
	close(fd);
	UNTIL(loop, ouro_listener_streams(listener) == 0);
	ouro_loop_free(loop);
}

TEST(all_defaults_are_every_address_and_a_free_port)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener;
	ouro_addr addr;
	int fd;

	CHECK_EQ(ouro_listen(loop, NULL, keep, NULL, &listener), 0);
	addr = at("127.0.0.1", ouro_listener_port(listener));
	fd = plain_connect(&addr);
	UNTIL(loop, count == 1);
	close(fd);
	ouro_loop_free(loop);
}

TEST(streams_outlive_their_listener)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener =
		open_listener(loop, (ouro_listen_opts){ .per_address = 5 }, keep_echo);
	ouro_addr addr = *ouro_listener_addr(listener);
	int fd = connect_to(listener);
	const char *got = "";

	UNTIL(loop, count == 1);
	ouro_listener_on_close(listener, say_closed);
	ouro_listener_close(listener);
	ouro_listener_close(listener);
	ouro_listener_close(NULL);
	turns(loop, 2);
	CHECK_STR(said, "closed");
	CHECK_EQ(try_connect(&addr), -ECONNREFUSED);
	transmit(fd, "still");
	UNTIL(loop, *(got = received(fd)));
	CHECK_STR(got, "still");
	close(fd);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static void close_both(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
		       void *arg)
{
	keep(listener, stream, peer, arg);
	ouro_stream_close(stream);
	ouro_listener_close(listener);
}

TEST(its_callback_may_close_both)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, close_both);
	int one = connect_to(listener), two = connect_to(listener);

	ouro_listener_on_close(listener, say_closed);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(count, 1);
	CHECK_STR(said, "closed");
	close(one);
	close(two);
	ouro_loop_free(loop);
}

static void free_loop(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer,
		      void *arg)
{
	keep(listener, stream, peer, arg);
	ouro_loop_free(ouro_listener_loop(listener));
}

TEST(its_callback_may_free_the_loop)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, free_loop);
	int fd = connect_to(listener);

	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(count, 1);
	close(fd);
}

TEST(a_loop_is_freed_with_everything_open)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener =
		open_listener(loop, (ouro_listen_opts){ .per_address = 9 }, keep_echo);
	int fds[5];

	for (int i = 0; i < 5; i++) {
		fds[i] = connect_to(listener);
		transmit(fds[i], "x");
	}
	UNTIL(loop, count == 4);
	ouro_loop_free(loop);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

TEST(paused_it_takes_none)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep);
	int fd;

	ouro_listener_pause(listener);
	fd = connect_to(listener);
	turns(loop, 10);
	CHECK_EQ(count, 0);
	ouro_listener_resume(listener);
	UNTIL(loop, count == 1);
	close(fd);
	ouro_loop_free(loop);
}

/* Each resets somewhere on the way: before a byte, in the middle, with answers unread. */
TEST(a_storm_of_resets_leaves_no_stream_behind)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep_echo);
	static char bytes[100000];
	uint32_t seed = 7;
	int fd;

	for (int i = 0; i < 500; i++) {
		fd = connect_to(listener);
		(void)!send(fd, bytes, random_below(&seed, sizeof(bytes)), MSG_DONTWAIT);
		turns(loop, (int)random_below(&seed, 4));
		count = 0;
		reset(fd);
	}
	UNTIL(loop, ouro_listener_streams(listener) == 0);
	count = 0;
	fd = connect_to(listener);
	UNTIL(loop, count == 1);
	close(fd);
	ouro_loop_free(loop);
}

/* --- Caps --- */

TEST(above_the_most_connections_the_rest_waits)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener =
		open_listener(loop, (ouro_listen_opts){ .connections_max = 2 }, keep);
	int fds[4];

	for (int i = 0; i < 4; i++)
		fds[i] = connect_to(listener);
	UNTIL(loop, count == 2);
	turns(loop, 10);
	CHECK_EQ(count, 2);
	ouro_stream_close(streams[0]);
	UNTIL(loop, count == 3);
	turns(loop, 10);
	CHECK_EQ(count, 3);
	ouro_listener_pause(listener);
	ouro_stream_close(streams[1]);
	turns(loop, 10);
	CHECK_EQ(count, 3);
	ouro_listener_resume(listener);
	UNTIL(loop, count == 4);
	CHECK_EQ(ouro_listener_streams(listener), 2);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	ouro_loop_free(loop);
}

static bool was_reset(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

TEST(one_host_has_its_share_and_no_more)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ .per_address = 2 }, keep);
	int fds[4];

	for (int i = 0; i < 3; i++)
		fds[i] = connect_to(listener);
	UNTIL(loop, was_reset(fds[2]));
	CHECK_EQ(count, 2);
	ouro_stream_close(streams[1]);
	fds[3] = connect_to(listener);
	UNTIL(loop, count == 3);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	ouro_loop_free(loop);
}

static int enter(struct peers *peers, const char *host, struct peer **ret_peer)
{
	ouro_addr addr = at(host, 1);

	return ouro__peers_enter(peers, &addr, 2, ret_peer);
}

TEST(an_ipv6_host_is_its_network)
{
	struct peers peers = { 0 };
	struct peer *peer[3];

	CHECK_EQ(enter(&peers, "2001:db8::1", &peer[0]), 0);
	CHECK_EQ(enter(&peers, "2001:db8::ffff:0:2", &peer[1]), 0);
	CHECK(peer[0] == peer[1]);
	CHECK_EQ(enter(&peers, "2001:db8::3", &peer[2]), OURO_EBUSY);
	CHECK_EQ(enter(&peers, "2001:db8:0:1::3", &peer[2]), 0);
	CHECK_EQ(peers.count, 2);
	for (int i = 0; i < 3; i++)
		ouro__peers_leave(&peers, peer[i]);
	CHECK_EQ(peers.count, 0);
	ouro__peers_free(&peers);
}

TEST(many_hosts_are_counted_each_for_itself)
{
	static struct peer *peer[5000];
	struct peers peers = { 0 };
	char host[32];

	for (int round = 0; round < 2; round++)
		for (int i = round * 2500; i < round * 2500 + 2500; i++) {
			snprintf(host, sizeof(host), "10.0.%d.%d", i % 2500 / 250, i % 250);
			CHECK_EQ(enter(&peers, host, &peer[i]), 0);
			CHECK_EQ(peer[i]->count, (unsigned)round + 1);
		}
	CHECK_EQ(peers.count, 2500);
	for (int i = 0; i < 5000; i += 2)
		ouro__peers_leave(&peers, peer[i]);
	for (int i = 1; i < 5000; i += 2)
		ouro__peers_leave(&peers, peer[i]);
	CHECK_EQ(peers.count, 0);
	CHECK_EQ(enter(&peers, "10.0.0.1", &peer[0]), 0);
	ouro__peers_free(&peers);
}

TEST(unix_sockets_are_not_counted)
{
	struct peers peers = { 0 };
	struct peer *peer;
	ouro_addr addr;

	CHECK_EQ(ouro_addr_unix("@x", &addr), 0);
	CHECK_EQ(ouro__peers_enter(&peers, &addr, 0, &peer), 0);
	CHECK(peer == NULL);
	ouro__peers_leave(&peers, peer);
	ouro__peers_free(&peers);
}

/* --- Descriptors --- */

static int warnings;

static void count_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg, (void)sentence;
	warnings += level == OURO_LOG_WARN;
}

TEST(a_stream_that_ends_makes_room_for_who_waits)
{
	ouro_loop_opts opts = { .on_log = count_log };
	ouro_loop *loop = ouro_loop_new(&opts);
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep_echo);
	int one = connect_to(listener), two;
	const char *got = "";
	rlim_t was;

	UNTIL(loop, count == 1);
	two = connect_to(listener);
	was = take_fds();
	UNTIL(loop, warnings == 1);
	transmit(one, "served");
	UNTIL(loop, *(got = received(one)));
	CHECK_STR(got, "served");
	ouro_stream_close(streams[0]);
	UNTIL(loop, count == 2);
	CHECK_EQ(warnings, 1);
	give_fds(was);
	close(one);
	close(two);
	ouro_loop_free(loop);
}

static void let_one_go(ouro_listener *listener, void *arg)
{
	(void)listener;
	say("starved");
	CHECK_STR(arg, "closed");
	ouro_stream_close(streams[0]);
}

TEST(who_is_told_of_want_can_make_room_at_once)
{
	ouro_loop *loop = virtual_loop();
	uint64_t began = ouro_loop_now(loop);
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep);
	int one = connect_to(listener), two;
	rlim_t was;

	ouro_listener_on_starved(listener, let_one_go);
	UNTIL(loop, count == 1);
	two = connect_to(listener);
	was = take_fds();
	UNTIL(loop, count == 2);
	CHECK_STR(said, "starved");
	CHECK_EQ(ouro_loop_now(loop), began);
	give_fds(was);
	close(one);
	close(two);
	ouro_loop_free(loop);
}

static void close_listener(ouro_listener *listener, void *arg)
{
	(void)arg;
	ouro_listener_close(listener);
}

TEST(it_may_be_closed_when_it_starves)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep);
	int fd = connect_to(listener);
	rlim_t was = take_fds();

	ouro_listener_on_starved(listener, close_listener);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(count, 0);
	give_fds(was);
	close(fd);
	ouro_loop_free(loop);
}

/* --- The rest --- */

static void list_one(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	say("%s %s", active->kind, active->name);
}

TEST(it_keeps_the_loop_alive_unless_it_does_not_hold)
{
	ouro_loop *loop = new_loop();
	ouro_listener *listener = open_listener(loop, (ouro_listen_opts){ 0 }, keep);

	CHECK_EQ(ouro_listener_set_name(listener, "front"), 0);
	CHECK_EQ(ouro_loop_active(loop, list_one, NULL), 1);
	CHECK_STR(said, "listener front");
	CHECK(ouro_listener_loop(listener) == loop);
	ouro_listener_hold(listener, false);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

static int attempt(void)
{
	ouro_listen_opts opts = { .host = "127.0.0.1", .per_address = 3, .stream.idle_ms = 5000 };
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_listener *listener;
	int err = loop ? ouro_listen(loop, &opts, keep_echo, NULL, &listener) : -ENOMEM, fd = -1;

	count = 0;
	if (!err) {
		fd = connect_to(listener);
		transmit(fd, "x");
		while (!count && !was_reset(fd))
			ouro_loop_turn(loop);
		turns(loop, 2);
	}
	ouro_loop_free(loop);
	if (fd >= 0)
		close(fd);
	return err;
}

TEST(a_stream_knows_its_peer)
{
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_listener *listener;
	int fd;

	CHECK_EQ(ouro_listen(loop, &(ouro_listen_opts){ .host = "127.0.0.1" }, keep, NULL,
			     &listener),
		 0);
	fd = connect_to(listener);
	UNTIL(loop, count);
	CHECK(ouro_addr_port(ouro_stream_peer(streams[0])) != 0);
	CHECK(ouro_stream_peer(streams[0]) == ouro_stream_peer(streams[0]));
	ouro_loop_free(loop);
	close(fd);
}

TEST(without_memory_one_connection_is_reset_and_no_more)
{
	CHECK(for_each_failing_allocation(attempt) >= 8);
}
