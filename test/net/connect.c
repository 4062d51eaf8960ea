/* Connecting: to an address, to a name, to the best of several; in time, and given up at any
 * moment. Names and far addresses are the test's own: see `places`. */
#include "socks.h"
#include <netdb.h>
#include <sys/syscall.h>

/* What an address of the test's stands for: a loopback socket that listens, one that never answers,
 * or an error at once. */
static struct place {
	const char *text;
	const ouro_addr *real; /* NULL: refuses with error */
	int error;
} places[8];

static char tried[256]; /* the addresses, in the order in which they were */

/* What the library calls. An IPv6 socket gets to a place by an address that stands for IPv4. */
int connect(int fd, __CONST_SOCKADDR_ARG arg, socklen_t len)
{
	const struct sockaddr *sa = arg.__sockaddr__;
	char shown[OURO_ADDR_TEXT];
	ouro_addr addr = { .len = len }, v6;

	memcpy(&addr.sa, sa, len);
	ouro_addr_text(&addr, shown, sizeof(shown));
	for (size_t i = 0; i < 8 && places[i].text; i++) {
		if (strcmp(places[i].text, shown) != 0)
			continue;
		snprintf(tried + strlen(tried), sizeof(tried) - strlen(tried), "%s ", shown);
		if (!places[i].real) {
			errno = places[i].error;
			return -1;
		}
		addr = *places[i].real;
		if (sa->sa_family == AF_INET6) {
			v6 = at("::ffff:127.0.0.1", ouro_addr_port(&addr));
			addr = v6;
		}
		return (int)syscall(SYS_connect, fd, &addr.sa.any, addr.len);
	}
	return (int)syscall(SYS_connect, fd, sa, len);
}

static const char *name_has[8];

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	struct addrinfo *list = NULL;

	(void)name, (void)service, (void)hints;
	if (!name_has[0])
		return EAI_NONAME;
	for (int i = 7; i >= 0; i--) {
		struct addrinfo *info;
		ouro_addr *addr;

		if (!name_has[i])
			continue;
		info = calloc(1, sizeof(*info) + sizeof(*addr));
		addr = (ouro_addr *)(void *)(info + 1);
		*addr = at(name_has[i], 0);
		info->ai_family = addr->sa.any.sa_family;
		info->ai_socktype = SOCK_STREAM;
		info->ai_addr = &addr->sa.any;
		info->ai_addrlen = addr->len;
		info->ai_next = list;
		list = info;
	}
	*ret_list = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
}

static void say_connected(ouro_stream *stream, int err, void *arg)
{
	(void)stream;
	say("%s:%s", (const char *)arg, err ? ouro_errname(err) : "connected");
}

static void say_done(int err, void *arg)
{
	say("%s=%s", (const char *)arg, ouro_errname(err));
}

static ouro_stream *connect_with(ouro_loop *loop, ouro_connect_opts opts)
{
	ouro_stream *stream = NULL;

	CHECK_EQ(ouro_connect(loop, &opts, say_connected, word("c"), &stream), 0);
	CHECK_STR(said, "");
	return stream;
}

/* A socket whose queue is full: who connects to it hears nothing. */
struct hole {
	int listener, fds[2];
	ouro_addr addr;
};

static struct hole new_hole(void)
{
	struct hole hole;

	hole.listener = plain_listener(0, &hole.addr);
	for (int i = 0; i < 2; i++) {
		hole.fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(hole.fds[i], &hole.addr.sa.any, hole.addr.len);
	}
	return hole;
}

static void end_hole(struct hole *hole)
{
	close(hole->listener);
	close(hole->fds[0]);
	close(hole->fds[1]);
}

/* A port at which nobody listens. */
static ouro_addr dead_addr(void)
{
	ouro_addr addr;

	close(plain_listener(1, &addr));
	return addr;
}

/* --- One address --- */

TEST(an_address_is_connected_to_later)
{
	ouro_loop *loop = new_loop();
	ouro_addr addr;
	int listener = plain_listener(5, &addr), fd;
	ouro_stream *stream = connect_with(loop, (ouro_connect_opts){ .addr = &addr });

	CHECK_EQ(ouro_stream_fd(stream), -1);
	UNTIL(loop, *said);
	CHECK_STR(said, "c:connected");
	CHECK_EQ(ouro_addr_port(ouro_stream_peer(stream)), ouro_addr_port(&addr));
	CHECK(ouro_stream_write(stream, text("hello")) > 0);
	turns(loop, 2);
	fd = accept(listener, NULL, NULL);
	CHECK_STR(received(fd), "hello");
	close(fd);
	close(listener);
	ouro_loop_free(loop);
}

TEST(a_literal_is_not_looked_up)
{
	ouro_loop *loop = new_loop();
	ouro_addr addr;
	int listener = plain_listener(5, &addr);

	connect_with(loop,
		     (ouro_connect_opts){ .host = "127.0.0.1", .port = ouro_addr_port(&addr) });
	UNTIL(loop, *said);
	CHECK_STR(said, "c:connected");
	close(listener);
	ouro_loop_free(loop);
}

TEST(what_was_written_before_leaves_when_it_is_connected)
{
	ouro_loop *loop = new_loop();
	ouro_addr addr;
	int listener = plain_listener(5, &addr), fd;
	ouro_stream *stream = connect_with(loop, (ouro_connect_opts){ .addr = &addr });

	CHECK(ouro_stream_write(stream, text("early ")) > 0);
	CHECK(ouro_stream_write_take(stream, text("bird"), say_done, word("w")) > 0);
	ouro_stream_end(stream);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:connected w=OK");
	fd = accept(listener, NULL, NULL);
	CHECK_STR(received(fd), "early bird");
	CHECK(at_end(fd));
	close(fd);
	close(listener);
	ouro_loop_free(loop);
}

TEST(a_refusal_is_told_once_and_closes_the_stream)
{
	ouro_loop *loop = new_loop();
	ouro_addr addr = dead_addr();
	ouro_stream *stream = connect_with(loop, (ouro_connect_opts){ .addr = &addr });

	ouro_stream_on_close(stream, say_closed);
	CHECK(ouro_stream_write_take(stream, text("x"), say_done, word("w")) > 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "w=ECONNREFUSED c:ECONNREFUSED c");
	ouro_loop_free(loop);
}

TEST(a_unix_socket_is_connected_to_by_its_path)
{
	ouro_loop *loop = new_loop();
	char name[64];
	ouro_addr addr;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name, sizeof(name), "@ouro-connect-%d", (int)getpid());
	CHECK_EQ(ouro_addr_unix(name, &addr), 0);
	CHECK_EQ(bind(listener, &addr.sa.any, addr.len), 0);
	CHECK_EQ(listen(listener, 5), 0);
	connect_with(loop, (ouro_connect_opts){ .unix_path = name });
	UNTIL(loop, *said);
	CHECK_STR(said, "c:connected");
	close(listener);
	*said = 0;
	connect_with(loop, (ouro_connect_opts){ .unix_path = "/nowhere/at/all" });
	UNTIL(loop, *said);
	CHECK_STR(said, "c:ENOENT");
	ouro_loop_free(loop);
}

TEST(it_comes_from_the_address_that_was_asked_for)
{
	ouro_loop *loop = new_loop();
	ouro_addr addr, local = at("127.0.0.9", 0), seen = { .len = sizeof(seen.sa) };
	int listener = plain_listener(5, &addr), fd;

	connect_with(loop, (ouro_connect_opts){ .addr = &addr, .local = &local });
	UNTIL(loop, *said);
	fd = accept(listener, &seen.sa.any, &seen.len);
	CHECK(ouro_addr_same_host(&seen, &local));
	close(fd);
	close(listener);
	ouro_loop_free(loop);
}

TEST(what_makes_no_sense_is_refused_at_once)
{
	ouro_loop *loop = new_loop();
	ouro_connect_opts none = { 0 }, both = { .host = "a", .unix_path = "b" };
	ouro_connect_opts empty = { .unix_path = "" };
	ouro_stream *stream;

	CHECK_EQ(ouro_connect(loop, &none, say_connected, NULL, &stream), -EINVAL);
	CHECK_EQ(ouro_connect(loop, &both, say_connected, NULL, &stream), -EINVAL);
	CHECK_EQ(ouro_connect(loop, &empty, say_connected, NULL, &stream), -EINVAL);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

/* --- Time --- */

TEST(who_does_not_answer_in_time_is_given_up)
{
	ouro_loop *loop = virtual_loop();
	struct hole hole = new_hole();
	uint64_t began = ouro_loop_now(loop);

	connect_with(loop, (ouro_connect_opts){ .addr = &hole.addr, .timeout_ms = 700 });
	UNTIL(loop, *said);
	CHECK_STR(said, "c:OURO_ETIMEOUT");
	CHECK_EQ(ouro_loop_now(loop) - began, 700 * MS);
	end_hole(&hole);
	ouro_loop_free(loop);
}

static void never_read(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)stream, (void)bytes, (void)arg;
	say("[read:%s]", ouro_errname(err));
}

TEST(a_stream_is_not_idle_while_it_connects)
{
	ouro_loop *loop = virtual_loop();
	struct hole hole = new_hole();
	ouro_connect_opts opts = { .addr = &hole.addr, .timeout_ms = 700, .stream.idle_ms = 100 };
	ouro_stream *stream = connect_with(loop, opts);

	CHECK_EQ(ouro_stream_read(stream, never_read, word("c")), 0);
	CHECK(ouro_stream_write(stream, text("x")) > 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:OURO_ETIMEOUT");
	end_hole(&hole);
	ouro_loop_free(loop);
}

TEST(closing_gives_up_without_a_call)
{
	ouro_loop *loop = new_loop();
	struct hole hole = new_hole();
	ouro_stream *stream;

	stream = connect_with(loop, (ouro_connect_opts){ .addr = &hole.addr, .timeout_ms = 700 });
	ouro_stream_on_close(stream, say_closed);
	ouro_stream_close(stream);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c");
	*said = 0;
	stream = connect_with(loop, (ouro_connect_opts){ .addr = &hole.addr });
	turns(loop, 3);
	ouro_stream_close(stream);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	end_hole(&hole);
	ouro_loop_free(loop);
}

TEST(a_loop_is_freed_while_it_connects)
{
	ouro_loop *loop = new_loop();
	struct hole hole = new_hole();

	name_has[0] = "192.0.2.1";
	connect_with(loop, (ouro_connect_opts){ .addr = &hole.addr, .timeout_ms = 700 });
	turns(loop, 3);
	connect_with(loop, (ouro_connect_opts){ .host = "name.test", .port = 1 });
	connect_with(loop, (ouro_connect_opts){ .addr = &hole.addr });
	ouro_loop_free(loop);
	CHECK_STR(said, "");
	end_hole(&hole);
}

/* --- Names --- */

TEST(a_name_that_nobody_has_is_told_as_such)
{
	ouro_loop *loop = new_loop();

	connect_with(loop, (ouro_connect_opts){ .host = "gone.test", .port = 1 });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:OURO_EAI_NONAME");
	ouro_loop_free(loop);
}

TEST(a_lookup_is_given_up_with_its_stream)
{
	ouro_loop *loop = new_loop();
	ouro_stream *stream;

	name_has[0] = "192.0.2.1";
	stream = connect_with(loop, (ouro_connect_opts){ .host = "name.test", .port = 1 });
	ouro_stream_close(stream);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "");
	ouro_loop_free(loop);
}

TEST(the_next_address_is_tried_at_once_when_one_fails)
{
	ouro_loop *loop = virtual_loop();
	uint64_t began = ouro_loop_now(loop);
	ouro_addr live, dead = dead_addr();
	int listener = plain_listener(5, &live);
	ouro_stream *stream;

	name_has[0] = "192.0.2.1", name_has[1] = "192.0.2.2", name_has[2] = "192.0.2.3";
	places[0] = (struct place){ "192.0.2.1", NULL, ENETUNREACH };
	places[1] = (struct place){ "192.0.2.2", &dead, 0 };
	places[2] = (struct place){ "192.0.2.3", &live, 0 };
	stream = connect_with(loop, (ouro_connect_opts){ .host = "name.test", .port = 80 });
	UNTIL(loop, *said);
	CHECK_STR(said, "c:connected");
	CHECK_STR(tried, "192.0.2.1 192.0.2.2 192.0.2.3 ");
	CHECK(ouro_loop_now(loop) - began < 250 * MS);
	CHECK_EQ(ouro_addr_port(ouro_stream_peer(stream)), 80);
	close(listener);
	ouro_loop_free(loop);
}

TEST(the_last_error_is_told_when_all_fail)
{
	ouro_loop *loop = new_loop();
	ouro_addr dead = dead_addr();

	name_has[0] = "192.0.2.1", name_has[1] = "192.0.2.2";
	places[0] = (struct place){ "192.0.2.1", &dead, 0 };
	places[1] = (struct place){ "192.0.2.2", NULL, ENETUNREACH };
	connect_with(loop, (ouro_connect_opts){ .host = "name.test", .port = 80 });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:ENETUNREACH");
	ouro_loop_free(loop);
}

TEST(families_take_turns_and_nobody_is_waited_for_longer_than_a_moment)
{
	ouro_loop *loop = virtual_loop();
	struct hole hole = new_hole();
	uint64_t began;
	ouro_addr live;
	int listener = plain_listener(5, &live);

	if (!has_ipv6())
		SKIP("no IPv6");
	name_has[0] = "2001:db8::1", name_has[1] = "2001:db8::2", name_has[2] = "2001:db8::3";
	name_has[3] = "192.0.2.1", name_has[4] = "192.0.2.2";
	places[0] = (struct place){ "2001:db8::1", &hole.addr, 0 };
	places[1] = (struct place){ "192.0.2.1", &hole.addr, 0 };
	places[2] = (struct place){ "2001:db8::2", &hole.addr, 0 };
	places[3] = (struct place){ "192.0.2.2", &live, 0 };
	connect_with(loop, (ouro_connect_opts){ .host = "name.test", .port = 80 });
	UNTIL(loop, *tried);
	began = ouro_loop_now(loop);
	UNTIL(loop, *said);
	CHECK_STR(said, "c:connected");
	CHECK_STR(tried, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 ");
	CHECK_EQ(ouro_loop_now(loop) - began, 3 * 250 * MS);
	close(listener);
	end_hole(&hole);
	ouro_loop_free(loop);
}

TEST(the_first_that_connects_is_taken_and_the_others_closed)
{
	ouro_loop *loop = virtual_loop();
	struct hole hole = new_hole();
	ouro_addr live;
	int listener = plain_listener(5, &live), open_before = dup(0);
	ouro_stream *stream;
	char shown[OURO_ADDR_TEXT];

	close(open_before);
	name_has[0] = "192.0.2.1", name_has[1] = "192.0.2.2";
	places[0] = (struct place){ "192.0.2.1", &hole.addr, 0 };
	places[1] = (struct place){ "192.0.2.2", &live, 0 };
	stream = connect_with(loop, (ouro_connect_opts){ .host = "n.test", .delay_ms = 10 });
	UNTIL(loop, *said);
	CHECK_STR(ouro_addr_text(ouro_stream_peer(stream), shown, sizeof(shown)), "192.0.2.2");
	ouro_stream_close(stream);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:connected");
	close(listener);
	end_hole(&hole);
	ouro_loop_free(loop);
}

TEST(all_of_it_together_has_one_time)
{
	ouro_loop *loop = virtual_loop();
	struct hole hole = new_hole();

	name_has[0] = "192.0.2.1", name_has[1] = "192.0.2.2";
	places[0] = (struct place){ "192.0.2.1", &hole.addr, 0 };
	places[1] = (struct place){ "192.0.2.2", &hole.addr, 0 };
	connect_with(loop, (ouro_connect_opts){ .host = "name.test", .timeout_ms = 5000 });
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "c:OURO_ETIMEOUT");
	CHECK_STR(tried, "192.0.2.1 192.0.2.2 ");
	end_hole(&hole);
	ouro_loop_free(loop);
}

/* --- From its own callback --- */

static void close_stream(ouro_stream *stream, int err, void *arg)
{
	say_connected(stream, err, arg);
	ouro_stream_close(stream);
}

static void free_loop(ouro_stream *stream, int err, void *arg)
{
	say_connected(stream, err, arg);
	ouro_loop_free(ouro_stream_loop(stream));
}

TEST(its_callback_may_close_it_and_free_the_loop)
{
	ouro_loop *loop = new_loop();
	ouro_addr live, dead = dead_addr();
	int listener = plain_listener(5, &live);
	ouro_connect_opts good = { .addr = &live }, bad = { .addr = &dead };

	CHECK_EQ(ouro_connect(loop, &good, close_stream, word("a"), NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_connect(loop, &bad, close_stream, word("b"), NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_connect(loop, &good, free_loop, word("c"), NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	loop = new_loop();
	CHECK_EQ(ouro_connect(loop, &bad, free_loop, word("d"), NULL), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "a:connected b:ECONNREFUSED c:connected d:ECONNREFUSED");
	close(listener);
}

/* --- Memory --- */

static ouro_addr target;
static bool by_name;

static int attempt(void)
{
	ouro_connect_opts opts = { .addr = by_name ? NULL : &target,
				   .host = by_name ? "name.test" : NULL,
				   .timeout_ms = 5000 };
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_stream *stream;
	int err;

	*said = 0;
	err = loop ? ouro_connect(loop, &opts, close_stream, word("c"), &stream) : -ENOMEM;
	if (!err)
		CHECK_EQ(ouro_loop_run(loop), 0);
	if (!err && strcmp(said, "c:connected") != 0)
		err = -ENOMEM;
	CHECK(!strcmp(said, "") || !strcmp(said, "c:connected") || !strcmp(said, "c:ENOMEM"));
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_it_says_so_or_goes_on)
{
	int listener = plain_listener(100, &target);

	CHECK(for_each_failing_allocation(attempt) >= 6);
	by_name = true;
	name_has[0] = "192.0.2.1", name_has[1] = "192.0.2.2";
	places[0] = (struct place){ "192.0.2.1", NULL, ENETUNREACH };
	places[1] = (struct place){ "192.0.2.2", &target, 0 };
	CHECK(for_each_failing_allocation(attempt) >= 8);
	close(listener);
}

TEST(without_descriptors_it_says_so)
{
	ouro_loop *loop = new_loop();
	ouro_addr live;
	int listener = plain_listener(5, &live);
	rlim_t was;

	connect_with(loop, (ouro_connect_opts){ .addr = &live });
	was = take_fds();
	UNTIL(loop, *said);
	give_fds(was);
	CHECK_STR(said, "c:EMFILE");
	close(listener);
	ouro_loop_free(loop);
}
