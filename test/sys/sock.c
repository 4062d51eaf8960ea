/* The socket calls: what they answer, and what they never do. */
#include "sys/sock.h"
#include "socks.h"

static int listening(int family, ouro_addr *ret_addr)
{
	int fd = ouro__sock_open(family, SOCK_STREAM);

	CHECK(fd >= 0);
	*ret_addr = at(family == AF_INET ? "127.0.0.1" : "::", 0);
	if (family == AF_INET6)
		CHECK_EQ(ouro__sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0), 0);
	CHECK_EQ(ouro__sock_bind(fd, ret_addr), 0);
	CHECK_EQ(ouro__sock_listen(fd, 5), 0);
	CHECK_EQ(ouro__sock_local(fd, ret_addr), 0);
	return fd;
}

TEST(a_socket_never_blocks_and_does_not_survive_exec)
{
	int fd = ouro__sock_open(AF_INET, SOCK_STREAM);

	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	CHECK_EQ(ouro__sock_open(-1, SOCK_STREAM), -EAFNOSUPPORT);
}

TEST(what_is_accepted_is_like_what_was_opened)
{
	ouro_addr addr, peer, own;
	int listener = listening(AF_INET, &addr), fd = plain_connect(&addr), got;

	CHECK((got = ouro__sock_accept(listener, &peer)) >= 0);
	CHECK(fcntl(got, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ouro__sock_local(fd, &own), 0);
	CHECK_EQ(ouro_addr_port(&own), ouro_addr_port(&peer));
	CHECK_EQ(ouro__sock_peer(fd, &own), 0);
	CHECK_EQ(ouro_addr_port(&own), ouro_addr_port(&addr));
	CHECK_EQ(ouro__sock_accept(listener, &peer), -EAGAIN);
	close(got);
	close(fd);
	close(listener);
}

TEST(ipv4_by_way_of_ipv6_is_ipv4)
{
	ouro_addr addr, peer;
	int listener, fd, got;

	if (!has_ipv6())
		SKIP("no IPv6");
	listener = listening(AF_INET6, &addr);
	addr = at("127.0.0.1", ouro_addr_port(&addr));
	fd = plain_connect(&addr);
	got = ouro__sock_accept(listener, &peer);
	CHECK_EQ(peer.sa.any.sa_family, AF_INET);
	CHECK_EQ(peer.len, sizeof(struct sockaddr_in));
	CHECK_EQ(ouro__sock_local(got, &peer), 0);
	CHECK_EQ(peer.sa.any.sa_family, AF_INET);
	close(got);
	close(fd);
	close(listener);
}

TEST(connecting_tells_later_how_it_went)
{
	ouro_addr addr;
	int listener = listening(AF_INET, &addr), fd = ouro__sock_open(AF_INET, SOCK_STREAM);
	struct pollfd ready = { fd, POLLOUT, 0 };
	int err = ouro__sock_connect(fd, &addr);

	CHECK(err == 0 || err == -EINPROGRESS);
	CHECK_EQ(poll(&ready, 1, 5000), 1);
	CHECK_EQ(ouro__sock_error(fd), 0);
	close(fd);
	close(listener);
	fd = ready.fd = ouro__sock_open(AF_INET, SOCK_STREAM);
	err = ouro__sock_connect(fd, &addr);
	if (err == -EINPROGRESS) {
		CHECK_EQ(poll(&ready, 1, 5000), 1);
		err = ouro__sock_error(fd);
	}
	CHECK_EQ(err, -ECONNREFUSED);
	CHECK_EQ(ouro__sock_error(fd), 0);
	close(fd);
}

TEST(bytes_come_and_go_and_errno_is_the_answer)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	struct iovec iov[2] = { { word("one "), 4 }, { word("two"), 3 } };
	char bytes[16];

	CHECK_EQ(ouro__sock_recv(ends.ours, bytes, 16), -EAGAIN); /* although it may block */
	CHECK_EQ(ouro__sock_send(ends.theirs, "zero ", 5), 5);
	CHECK_EQ(ouro__sock_sendv(ends.theirs, iov, 2), 7);
	CHECK_EQ(ouro__sock_recv(ends.ours, bytes, 16), 12);
	CHECK_EQ(memcmp(bytes, "zero one two", 12), 0);
	CHECK_EQ(ouro__sock_shutdown(ends.theirs), 0);
	CHECK_EQ(ouro__sock_recv(ends.ours, bytes, 16), 0);
	close(ends.theirs);
	CHECK_EQ(ouro__sock_send(ends.ours, "x", 1), -EPIPE);
	CHECK_EQ(ouro__sock_sendv(ends.ours, iov, 2), -EPIPE);
	close(ends.ours);
	CHECK_EQ(ouro__sock_recv(-1, bytes, 16), -EBADF);
}

TEST(no_signal_is_raised_whatever_sigpipe_means)
{
	struct ends ends = unix_ends(SOCK_STREAM);

	signal(SIGPIPE, SIG_DFL);
	close(ends.theirs);
	CHECK_EQ(ouro__sock_send(ends.ours, "x", 1), -EPIPE);
	close(ends.ours);
}

static void on_alarm(int signo)
{
	(void)signo;
}

TEST(a_signal_does_not_disturb)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	char byte;

	CHECK(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_alarm }, NULL) == 0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(raise(SIGUSR1), 0);
		CHECK_EQ(ouro__sock_send(ends.theirs, "x", 1), 1);
		CHECK_EQ(ouro__sock_recv(ends.ours, &byte, 1), 1);
	}
	close(ends.ours);
	close(ends.theirs);
}

TEST(a_cut_datagram_tells_its_whole_length)
{
	int a = ouro__sock_open(AF_INET, SOCK_DGRAM), b = ouro__sock_open(AF_INET, SOCK_DGRAM);
	ouro_addr addr = at("127.0.0.1", 0), from;
	char bytes[3];

	CHECK_EQ(ouro__sock_bind(a, &addr), 0);
	CHECK_EQ(ouro__sock_local(a, &addr), 0);
	CHECK_EQ(ouro__sock_send_to(b, "12345", 5, &addr), 5);
	CHECK_EQ(ouro__sock_recv_from(a, bytes, 3, &from), 5);
	CHECK_EQ(memcmp(bytes, "123", 3), 0);
	CHECK_EQ(from.sa.any.sa_family, AF_INET);
	CHECK_EQ(ouro__sock_recv_from(a, bytes, 3, &from), -EAGAIN);
	CHECK_EQ(ouro__sock_send_to(b, "12345", 5, NULL), -EDESTADDRREQ);
	close(a);
	close(b);
}

TEST(options_are_set_and_told)
{
	int fd = ouro__sock_open(AF_INET, SOCK_STREAM), value;

	CHECK_EQ(ouro__sock_nodelay(fd, true), 0);
	CHECK_EQ(ouro__sock_get(fd, IPPROTO_TCP, TCP_NODELAY, &value), 0);
	CHECK_EQ(value, 1);
	CHECK_EQ(ouro__sock_keepalive(fd, 100000), 0);
	CHECK_EQ(ouro__sock_get(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value), 0);
	CHECK_EQ(value, 32767);
	CHECK_EQ(ouro__sock_keepalive(fd, 1), 0);
	CHECK_EQ(ouro__sock_get(fd, IPPROTO_TCP, TCP_KEEPINTVL, &value), 0);
	CHECK_EQ(value, 1);
	CHECK_EQ(ouro__sock_keepalive(fd, 0), 0);
	CHECK_EQ(ouro__sock_get(fd, SOL_SOCKET, SO_KEEPALIVE, &value), 0);
	CHECK_EQ(value, 0);
	close(fd);
}

TEST(an_aborted_connection_is_reset)
{
	struct ends ends = tcp_ends();
	char byte;

	CHECK_EQ(ouro__sock_abort(ends.ours), 0);
	close(ends.ours);
	CHECK_EQ(recv(ends.theirs, &byte, 1, 0), -1);
	CHECK_EQ(errno, ECONNRESET);
	close(ends.theirs);
}

TEST(somebodys_socket_becomes_like_ours)
{
	int fds[2];
	struct tube tube = tube_empty();

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_EQ(ouro__sock_adopt(fds[0]), 0);
	CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ouro__sock_adopt(tube.in), -ENOTSOCK);
	CHECK_EQ(ouro__sock_adopt(-1), -EBADF);
	close(fds[0]);
	close(fds[1]);
	tube_close(tube);
}

TEST(an_unnamed_unix_socket_has_an_unnamed_address)
{
	struct ends ends = unix_ends(SOCK_STREAM);
	char shown[OURO_ADDR_TEXT];
	ouro_addr addr;

	CHECK_EQ(ouro__sock_peer(ends.ours, &addr), 0);
	CHECK_STR(ouro_addr_text(&addr, shown, sizeof(shown)), "unix:");
	CHECK_EQ(ouro__sock_local(ends.ours, &addr), 0);
	CHECK_STR(ouro_addr_text(&addr, shown, sizeof(shown)), "unix:");
	close(ends.ours);
	close(ends.theirs);
	CHECK_EQ(ouro__sock_peer(-1, &addr), -EBADF);
	CHECK_STR(ouro_addr_text(&addr, shown, sizeof(shown)), "?");
}
