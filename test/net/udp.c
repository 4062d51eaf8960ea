/* Datagrams come whole or are known to be cut, leave in order, and never fill the memory. */
#include "socks.h"

static ouro_addr last_peer;

static void say_datagram(ouro_udp *udp, int err, ouro_str bytes, const ouro_addr *peer, void *arg)
{
	(void)udp;
	if (err)
		say("%s%s:", (const char *)arg, ouro_errname(err));
	say("%s[%.*s]", (const char *)arg, (int)bytes.len, bytes.ptr);
	last_peer = *peer;
}

static ouro_udp *open_udp(ouro_loop *loop, ouro_udp_opts opts, const char *name)
{
	ouro_udp *udp = NULL;

	if (!opts.host)
		opts.host = "127.0.0.1";
	CHECK_EQ(ouro_udp_open(loop, &opts, say_datagram, word(name), &udp), 0);
	return udp;
}

static ouro_addr addr_of(ouro_udp *udp)
{
	return at("127.0.0.1", ouro_udp_port(udp));
}

TEST(a_datagram_goes_there_and_back)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "a");
	ouro_udp *b = open_udp(loop, (ouro_udp_opts){ 0 }, "b");
	ouro_addr to = addr_of(b);

	CHECK_EQ(ouro_udp_send(a, &to, text("there")), 0);
	CHECK_EQ(ouro_udp_send(a, &to, text("")), 0);
	UNTIL(loop, strstr(said, "b[]"));
	CHECK_EQ(ouro_addr_port(&last_peer), ouro_udp_port(a));
	CHECK_EQ(ouro_udp_send(b, &last_peer, text("back")), 0);
	UNTIL(loop, strstr(said, "a["));
	CHECK_STR(said, "b[there] b[] a[back]");
	ouro_loop_free(loop);
}

TEST(connected_it_hears_and_tells_one_peer)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "a");
	ouro_udp *b = open_udp(loop, (ouro_udp_opts){ 0 }, "b");
	ouro_udp *stranger = open_udp(loop, (ouro_udp_opts){ 0 }, "s");
	ouro_addr to_a = addr_of(a), to_b = addr_of(b);

	CHECK_EQ(ouro_udp_send(a, NULL, text("x")), -EDESTADDRREQ);
	CHECK_EQ(ouro_udp_connect(a, &to_b), 0);
	CHECK_EQ(ouro_udp_send(a, NULL, text("one")), 0);
	CHECK_EQ(ouro_udp_send(stranger, &to_a, text("unheard")), 0);
	CHECK_EQ(ouro_udp_send(b, &to_a, text("two")), 0);
	UNTIL(loop, strstr(said, "one") && strstr(said, "two"));
	CHECK(!strstr(said, "unheard"));
	ouro_loop_free(loop);
}

TEST(what_is_cut_is_told_as_such)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ .room = 5 }, "");
	ouro_addr to = addr_of(a);

	CHECK_EQ(ouro_udp_send(a, &to, text("12345")), 0);
	CHECK_EQ(ouro_udp_send(a, &to, text("123456")), 0);
	CHECK_EQ(ouro_udp_send(a, &to, text("7")), 0);
	UNTIL(loop, strstr(said, "7"));
	CHECK_STR(said, "[12345] OURO_ETOOBIG: [12345] [7]");
	ouro_loop_free(loop);
}

TEST(nobody_there_is_an_error_that_does_not_end_it)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "");
	ouro_udp *gone = open_udp(loop, (ouro_udp_opts){ 0 }, "");
	ouro_addr to = addr_of(gone);
	char shown[OURO_ADDR_TEXT];

	ouro_udp_close(gone);
	CHECK_EQ(ouro_udp_connect(a, &to), 0);
	CHECK_EQ(ouro_udp_send(a, NULL, text("x")), 0);
	UNTIL(loop, *said);
	CHECK_STR(said, "ECONNREFUSED: []");
	CHECK_STR(ouro_addr_text(&last_peer, shown, sizeof(shown)), "?");
	CHECK_EQ(ouro_udp_send(a, NULL, text("x")), 0);
	ouro_loop_free(loop);
}

TEST(paused_it_leaves_them_in_the_kernel)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "");
	ouro_addr to = addr_of(a);

	ouro_udp_pause(a);
	CHECK_EQ(ouro_udp_send(a, &to, text("x")), 0);
	turns(loop, 3);
	CHECK_STR(said, "");
	ouro_udp_resume(a);
	UNTIL(loop, *said);
	CHECK_STR(said, "[x]");
	ouro_loop_free(loop);
}

/* The kernel's queue of a UDP socket over loopback is never full, so here is one that can be. */
static ssize_t room_for = -1;

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, __CONST_SOCKADDR_ARG arg,
	       socklen_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (room_for == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (room_for > 0)
		room_for--;
	msg.msg_name = (void *)(uintptr_t)arg.__sockaddr__;
	msg.msg_namelen = len;
	return sendmsg(fd, &msg, flags);
}

TEST(what_the_kernel_has_no_room_for_waits_in_order_and_within_bounds)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ .queue = 1000 }, "");
	ouro_addr to = addr_of(a);
	int queued = 0;

	room_for = 1;
	CHECK_EQ(ouro_udp_send(a, &to, text("0")), 0);
	CHECK_EQ(ouro_udp_queued(a), 0);
	while (ouro_udp_send(a, &to, text(&"123456789"[queued])) == 0)
		queued++;
	CHECK(queued >= 3 && queued <= 6);
	CHECK_EQ(ouro_udp_send(a, &to, text("")), OURO_EBUSY);
	CHECK(ouro_udp_queued(a) <= 1000);
	turns(loop, 3);
	room_for = -1;
	UNTIL(loop, ouro_udp_queued(a) == 0);
	turns(loop, 2);
	CHECK_EQ(strncmp(said, "[0] [123456789] [23456789]", 26), 0);
	ouro_loop_free(loop);
}

TEST(what_waits_goes_with_the_socket)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "closed");
	ouro_addr to = addr_of(a);

	room_for = 0;
	CHECK_EQ(ouro_udp_send(a, &to, text("x")), 0);
	ouro_udp_on_close(a, say_closed);
	ouro_udp_close(a);
	ouro_udp_close(a);
	ouro_udp_close(NULL);
	CHECK_EQ(ouro_udp_send(a, &to, text("x")), OURO_ECLOSED);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "closed");
	ouro_loop_free(loop);
}

static void close_it(ouro_udp *udp, int err, ouro_str bytes, const ouro_addr *peer, void *arg)
{
	say_datagram(udp, err, bytes, peer, arg);
	ouro_udp_close(udp);
}

TEST(closed_by_its_callback_it_is_called_no_more)
{
	ouro_loop *loop = new_loop();
	ouro_udp_opts opts = { .host = "127.0.0.1" };
	ouro_addr to;
	ouro_udp *a;

	CHECK_EQ(ouro_udp_open(loop, &opts, close_it, word(""), &a), 0);
	to = addr_of(a);
	CHECK_EQ(ouro_udp_send(a, &to, text("1")), 0);
	CHECK_EQ(ouro_udp_send(a, &to, text("2")), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "[1]");
	ouro_loop_free(loop);
}

TEST(one_socket_serves_both_families)
{
	ouro_loop *loop = new_loop();
	ouro_udp *any, *v4 = open_udp(loop, (ouro_udp_opts){ 0 }, "v4");
	ouro_udp_opts opts = { .ttl = 3, .broadcast = true };
	ouro_addr to;

	CHECK_EQ(ouro_udp_open(loop, &opts, say_datagram, word("any"), &any), 0);
	to = at("127.0.0.1", ouro_udp_port(any));
	CHECK_EQ(ouro_udp_send(v4, &to, text("x")), 0);
	UNTIL(loop, *said);
	CHECK_EQ(last_peer.sa.any.sa_family, AF_INET);
	CHECK_EQ(ouro_udp_send(any, &last_peer, text("y")), 0);
	UNTIL(loop, strstr(said, "[y]"));
	CHECK_STR(said, "any[x] v4[y]");
	ouro_loop_free(loop);
}

TEST(what_cannot_be_sent_is_said)
{
	ouro_loop *loop = new_loop();
	ouro_udp *a = open_udp(loop, (ouro_udp_opts){ 0 }, "");
	static char bytes[70000];
	ouro_addr to = addr_of(a);
	ouro_udp *b;

	CHECK_EQ(ouro_udp_send(a, &to, ouro_str_n(bytes, sizeof(bytes))), -EMSGSIZE);
	CHECK_EQ(ouro_udp_open(loop, &(ouro_udp_opts){ .host = "no address" }, say_datagram, NULL,
			       &b),
		 -EINVAL);
	CHECK_EQ(ouro_udp_open(loop,
			       &(ouro_udp_opts){ .host = "127.0.0.1", .port = ouro_udp_port(a) },
			       say_datagram, NULL, &b),
		 -EADDRINUSE);
	ouro_loop_free(loop);
}

static int attempt(void)
{
	ouro_udp_opts opts = { .host = "127.0.0.1" };
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_udp *udp;
	ouro_addr to;
	int err = loop ? ouro_udp_open(loop, &opts, say_datagram, word(""), &udp) : -ENOMEM;

	room_for = 0;
	if (!err) {
		to = addr_of(udp);
		err = ouro_udp_send(udp, &to, text("x"));
	}
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_it_says_so)
{
	CHECK(for_each_failing_allocation(attempt) >= 4);
}
