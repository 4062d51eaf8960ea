/* Listening, in all the ways there are; accepting fairly; and no spin when there are no
 * descriptors. */
#include "net/accept.h"
#include "socks.h"
#include <sys/un.h>

static struct acceptor acceptor;
static int taken[4096], taken_count;
static ouro_addr last_peer;

static void keep(struct acceptor *self, int fd, const ouro_addr *peer)
{
	CHECK(self == &acceptor);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	taken[taken_count++] = fd;
	last_peer = *peer;
}

static void close_taken(void)
{
	while (taken_count)
		CHECK_EQ(close(taken[--taken_count]), 0);
}

static ouro_loop *loop_for(ouro_loop_opts opts)
{
	ouro_loop *loop = ouro_loop_new(&opts);

	CHECK(loop != NULL);
	ouro_loop_hold(loop, true);
	return loop;
}

static ouro_loop *open_acceptor(ouro_listen_opts opts)
{
	ouro_loop *loop = loop_for((ouro_loop_opts){ 0 });

	CHECK_EQ(ouro__acceptor_open(&acceptor, loop, &opts, keep, NULL), 0);
	return loop;
}

static void end(ouro_loop *loop)
{
	ouro__acceptor_close(&acceptor);
	close_taken();
	ouro_loop_free(loop);
}

static ouro_addr at_port(const char *host)
{
	return at(host, ouro_addr_port(&acceptor.local));
}

static int refusal(ouro_listen_opts opts)
{
	ouro_loop *loop = new_loop();
	struct acceptor refused = { 0 };
	int err = ouro__acceptor_open(&refused, loop, &opts, keep, NULL);

	if (!err)
		ouro__acceptor_close(&refused);
	ouro_loop_free(loop);
	return err;
}

TEST(a_connection_is_told_with_its_peer)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	ouro_addr addr = at_port("127.0.0.1"), own = { .len = sizeof(own.sa) };
	int fd = plain_connect(&addr);

	UNTIL(loop, taken_count == 1);
	CHECK_EQ(getsockname(fd, &own.sa.any, &own.len), 0);
	CHECK_EQ(ouro_addr_port(&last_peer), ouro_addr_port(&own));
	CHECK(ouro_addr_same_host(&last_peer, &own));
	close(fd);
	end(loop);
}

TEST(without_a_host_it_is_every_address_and_ipv4_looks_like_ipv4)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ 0 });
	ouro_addr v4 = at_port("127.0.0.1"), v6 = at_port("::1");
	int fd = plain_connect(&v4);

	UNTIL(loop, taken_count == 1);
	CHECK_EQ(last_peer.sa.any.sa_family, AF_INET);
	CHECK_EQ(last_peer.sa.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	close(fd);
	if (has_ipv6()) {
		fd = plain_connect(&v6);
		UNTIL(loop, taken_count == 2);
		CHECK_EQ(last_peer.sa.any.sa_family, AF_INET6);
		close(fd);
	}
	end(loop);
}

TEST(localhost_is_both_loopbacks_at_one_port)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "localhost" });
	ouro_addr v4 = at_port("127.0.0.1"), v6 = at_port("::1");
	int fd = plain_connect(&v4);

	UNTIL(loop, taken_count == 1);
	close(fd);
	if (has_ipv6()) {
		CHECK_EQ(acceptor.count, 2);
		fd = plain_connect(&v6);
		UNTIL(loop, taken_count == 2);
		close(fd);
	}
	end(loop);
}

TEST(v6_only_leaves_ipv4_alone)
{
	ouro_loop *loop;
	ouro_addr v4;

	if (!has_ipv6())
		SKIP("no IPv6");
	loop = open_acceptor((ouro_listen_opts){ .v6_only = true });
	v4 = at_port("127.0.0.1");
	CHECK_EQ(try_connect(&v4), -ECONNREFUSED);
	end(loop);
}

TEST(what_is_no_address_is_refused)
{
	CHECK_EQ(refusal((ouro_listen_opts){ .host = "example.org" }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .host = "" }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .host = "192.0.2.1" }), -EADDRNOTAVAIL);
	CHECK_EQ(refusal((ouro_listen_opts){ .host = "127.0.0.1", .unix_path = "x" }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .port = 1, .fd = 3 }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .fd = -1 }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .fd = 1000 }), -EBADF);
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = "" }), -EINVAL);
}

TEST(a_port_is_had_once_unless_it_is_shared)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	uint16_t port = ouro_addr_port(&acceptor.local);

	CHECK_EQ(refusal((ouro_listen_opts){ .host = "127.0.0.1", .port = port }), -EADDRINUSE);
	end(loop);
	loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1", .reuse_port = true });
	port = ouro_addr_port(&acceptor.local);
	CHECK_EQ(refusal((ouro_listen_opts){
			 .host = "127.0.0.1", .port = port, .reuse_port = true }),
		 0);
	end(loop);
}

static int option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	CHECK_EQ(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

TEST(connections_have_the_options_of_the_socket_that_listens)
{
	ouro_listen_opts opts = { .host = "127.0.0.1", .stream.keepalive_s = 77 };
	ouro_loop *loop = open_acceptor(opts);
	ouro_addr addr = at_port("127.0.0.1");
	int fd = plain_connect(&addr);

	UNTIL(loop, taken_count == 1);
	CHECK_EQ(option_of(taken[0], IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_EQ(option_of(taken[0], SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_EQ(option_of(taken[0], IPPROTO_TCP, TCP_KEEPIDLE), 77);
	close(fd);
	end(loop);
}

TEST(a_turn_takes_a_bounded_number_and_no_one_is_forgotten)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	ouro_addr addr = at_port("127.0.0.1");
	int fds[200], before, most = 0;

	for (int i = 0; i < 200; i++)
		fds[i] = plain_connect(&addr);
	while (taken_count < 200) {
		before = taken_count;
		ouro_loop_turn(loop);
		if (taken_count - before > most)
			most = taken_count - before;
	}
	CHECK(most > 1 && most <= ACCEPT_BATCH);
	CHECK_EQ(acceptor.accepted_count, 200);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	end(loop);
}

/* Pausing and closing. */

static void keep_and_pause(struct acceptor *self, int fd, const ouro_addr *peer)
{
	keep(self, fd, peer);
	ouro__acceptor_pause(self);
}

TEST(paused_it_takes_none_until_it_goes_on)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	ouro_addr addr = at_port("127.0.0.1");
	int one = plain_connect(&addr), two = plain_connect(&addr);

	acceptor.accepted = keep_and_pause;
	UNTIL(loop, taken_count == 1);
	turns(loop, 20);
	CHECK_EQ(taken_count, 1);
	ouro__acceptor_resume(&acceptor);
	UNTIL(loop, taken_count == 2);
	close(one);
	close(two);
	end(loop);
}

static void keep_and_close(struct acceptor *self, int fd, const ouro_addr *peer)
{
	keep(self, fd, peer);
	ouro__acceptor_close(self);
}

TEST(closed_by_its_own_callback_it_refuses_who_waits)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	ouro_addr addr = at_port("127.0.0.1");
	int one = plain_connect(&addr), two = plain_connect(&addr);
	char byte;

	acceptor.accepted = keep_and_close;
	UNTIL(loop, taken_count == 1);
	turns(loop, 3);
	CHECK_EQ(taken_count, 1);
	CHECK_EQ(recv(two, &byte, 1, 0), -1);
	CHECK_EQ(errno, ECONNRESET);
	CHECK_EQ(try_connect(&addr), -ECONNREFUSED);
	close(one);
	close(two);
	end(loop);
}

static void keep_one(struct acceptor *self, int fd, const ouro_addr *peer)
{
	close_taken();
	keep(self, fd, peer);
}

TEST(a_storm_of_resets_leaves_the_next_one_served)
{
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .host = "127.0.0.1" });
	ouro_addr addr = at_port("127.0.0.1");
	int fd;

	acceptor.accepted = keep_one;
	for (int i = 0; i < 1000; i++) {
		reset(plain_connect(&addr));
		if (i % 50 == 0)
			turns(loop, 50);
	}
	fd = plain_connect(&addr);
	transmit(fd, "here");
	UNTIL(loop, taken_count && !strcmp(received(taken[taken_count - 1]), "here"));
	CHECK(!acceptor.starving);
	close(fd);
	end(loop);
}

/* No descriptor left. */

static int warnings, infos;

static void count_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg, (void)sentence;
	warnings += level == OURO_LOG_WARN;
	infos += level == OURO_LOG_INFO;
}

TEST(without_descriptors_it_waits_longer_and_longer_and_says_so_once)
{
	ouro_loop *loop =
		loop_for((ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = count_log });
	ouro_listen_opts opts = { .host = "127.0.0.1" };
	ouro_addr addr;
	uint64_t began = ouro_loop_now(loop);
	rlim_t was;
	int fd;

	CHECK_EQ(ouro__acceptor_open(&acceptor, loop, &opts, keep, NULL), 0);
	addr = at_port("127.0.0.1");
	fd = plain_connect(&addr);
	was = take_fds();
	for (int n = 0; n < 14 && ouro_loop_now(loop) - began < 3500 * MS; n++)
		ouro_loop_turn(loop);
	CHECK_EQ((ouro_loop_now(loop) - began) / (500 * MS), 7);
	CHECK_EQ(warnings, 1);
	CHECK_EQ(infos, 0);
	CHECK_EQ(acceptor.starved_count, 1);
	give_fds(was);
	UNTIL(loop, taken_count == 1);
	CHECK_EQ(warnings, 1);
	CHECK_EQ(infos, 1);
	close(fd);
	end(loop);
}

static bool close_one(struct acceptor *self)
{
	(void)self;
	say("starved");
	if (!taken_count)
		return false;
	close(taken[--taken_count]);
	return true;
}

TEST(something_that_nobody_misses_makes_way_at_once)
{
	ouro_loop *loop = loop_for((ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	ouro_listen_opts opts = { .host = "127.0.0.1" };
	uint64_t began = ouro_loop_now(loop);
	ouro_addr addr;
	rlim_t was;
	int one, two;

	CHECK_EQ(ouro__acceptor_open(&acceptor, loop, &opts, keep, close_one), 0);
	addr = at_port("127.0.0.1");
	one = plain_connect(&addr);
	two = plain_connect(&addr);
	was = take_fds();
	give_fds(was);
	UNTIL(loop, taken_count == 1);
	was = take_fds();
	UNTIL(loop, acceptor.accepted_count == 2);
	CHECK_EQ(ouro_loop_now(loop), began);
	CHECK_EQ(taken_count, 1);
	give_fds(was);
	close(one);
	close(two);
	end(loop);
}

TEST(a_descriptor_that_comes_free_ends_the_wait)
{
	ouro_loop *loop = loop_for((ouro_loop_opts){ 0 });
	ouro_listen_opts opts = { .host = "127.0.0.1" };
	ouro_addr addr;
	rlim_t was;
	int fd, spare;

	CHECK_EQ(ouro__acceptor_open(&acceptor, loop, &opts, keep, NULL), 0);
	addr = at_port("127.0.0.1");
	fd = plain_connect(&addr);
	spare = dup(0);
	was = take_fds();
	UNTIL(loop, acceptor.waits);
	close(spare);
	ouro__acceptor_freed(&acceptor);
	ouro__acceptor_freed(&acceptor);
	CHECK(!acceptor.waits);
	UNTIL(loop, taken_count == 1);
	CHECK(!acceptor.starving);
	give_fds(was);
	close(fd);
	end(loop);
}

/* Unix sockets. */

static char path[128];

static const char *in_folder(const char *folder, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool exists(const char *name)
{
	struct stat stat;

	return lstat(name, &stat) == 0;
}

/* What a dead server leaves. */
static void leave_socket(const char *name, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	ouro_addr addr;

	CHECK_EQ(ouro_addr_unix(name, &addr), 0);
	CHECK_EQ(bind(fd, &addr.sa.any, addr.len), 0);
	close(fd);
}

TEST(a_unix_socket_is_there_while_it_is_open)
{
	const char *folder = own_folder();
	ouro_listen_opts opts = { .unix_path = in_folder(folder, "sock"), .unix_mode = 0642 };
	ouro_loop *loop;
	struct stat stat;
	ouro_addr addr;
	int fd;

	umask(077);
	loop = open_acceptor(opts);
	CHECK_EQ(lstat(path, &stat), 0);
	CHECK_EQ(stat.st_mode & 0777, 0642);
	CHECK_EQ(ouro_addr_unix(path, &addr), 0);
	CHECK(ouro_addr_same_host(&addr, &acceptor.local));
	fd = plain_connect(&addr);
	UNTIL(loop, taken_count == 1);
	CHECK_EQ(last_peer.sa.any.sa_family, AF_UNIX);
	close(fd);
	end(loop);
	CHECK(!exists(path));
	empty_folder(folder);
}

TEST(the_umask_says_the_mode_when_nobody_else_does)
{
	const char *folder = own_folder();
	struct stat stat;
	ouro_loop *loop;

	umask(027);
	loop = open_acceptor((ouro_listen_opts){ .unix_path = in_folder(folder, "sock") });
	CHECK_EQ(lstat(path, &stat), 0);
	CHECK_EQ(stat.st_mode & 0777, 0750);
	end(loop);
	empty_folder(folder);
}

TEST(a_file_that_a_dead_server_left_is_replaced)
{
	const char *folder = own_folder();
	ouro_loop *loop;
	ouro_addr addr;
	int fd;

	leave_socket(in_folder(folder, "sock"), SOCK_STREAM);
	loop = open_acceptor((ouro_listen_opts){ .unix_path = path });
	CHECK_EQ(ouro_addr_unix(path, &addr), 0);
	fd = plain_connect(&addr);
	UNTIL(loop, taken_count == 1);
	close(fd);
	end(loop);
	empty_folder(folder);
}

TEST(a_file_at_which_somebody_answers_is_in_use)
{
	const char *folder = own_folder();
	ouro_loop *loop = open_acceptor(
		(ouro_listen_opts){ .unix_path = in_folder(folder, "sock"), .backlog = 1 });
	ouro_addr addr;
	int fds[2];

	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = path }), -EADDRINUSE);
	CHECK(exists(path));
	CHECK_EQ(ouro_addr_unix(path, &addr), 0);
	fds[0] = plain_connect(&addr); /* with it, and the one that asked, its queue is full */
	fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)!connect(fds[1], &addr.sa.any, addr.len);
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = path }), -EADDRINUSE);
	CHECK(exists(path));
	close(fds[0]);
	close(fds[1]);
	end(loop);
	empty_folder(folder);
}

TEST(what_is_no_socket_stays_as_it_is)
{
	const char *folder = own_folder();
	int fd = open(in_folder(folder, "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK_EQ(write(fd, "kept", 4), 4);
	close(fd);
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = path }), -ENOTSOCK);
	CHECK(exists(path));
	CHECK_EQ(symlink("nowhere", in_folder(folder, "link")), 0);
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = path }), -ENOTSOCK);
	CHECK(exists(path));
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = folder }), -ENOTSOCK);
	empty_folder(folder);
}

TEST(a_file_that_is_somebody_elses_by_now_is_not_removed)
{
	const char *folder = own_folder();
	ouro_loop *loop =
		open_acceptor((ouro_listen_opts){ .unix_path = in_folder(folder, "sock") });

	CHECK_EQ(unlink(path), 0);
	leave_socket(path, SOCK_STREAM);
	end(loop);
	CHECK(exists(path));
	empty_folder(folder);
}

TEST(the_abstract_space_has_no_files)
{
	char name[64];
	ouro_loop *loop;
	ouro_addr addr;
	int fd;

	snprintf(name, sizeof(name), "@ouro-test-%d", (int)getpid());
	loop = open_acceptor((ouro_listen_opts){ .unix_path = name });
	CHECK_EQ(refusal((ouro_listen_opts){ .unix_path = name }), -EADDRINUSE);
	CHECK_EQ(ouro_addr_unix(name, &addr), 0);
	fd = plain_connect(&addr);
	UNTIL(loop, taken_count == 1);
	close(fd);
	end(loop);
}

/* Inherited. */

TEST(a_descriptor_that_listens_already_is_taken_over)
{
	ouro_addr addr;
	int listener = plain_listener(5, &addr), fd;
	ouro_loop *loop = open_acceptor((ouro_listen_opts){ .fd = listener });

	fd = plain_connect(&addr);
	UNTIL(loop, taken_count == 1);
	CHECK_EQ(ouro_addr_port(&acceptor.local), ouro_addr_port(&addr));
	close(fd);
	end(loop);
	CHECK_EQ(fcntl(listener, F_GETFD), -1);
}

TEST(a_descriptor_that_does_not_listen_stays_its_owners)
{
	struct ends ends = unix_ends(SOCK_STREAM);

	CHECK_EQ(refusal((ouro_listen_opts){ .fd = ends.ours }), -EINVAL);
	CHECK_EQ(refusal((ouro_listen_opts){ .fd = 1 }), -EINVAL);
	close(ends.ours);
	close(ends.theirs);
}

/* Memory. */

static int attempt(void)
{
	ouro_listen_opts opts = { .unix_path = path };
	ouro_loop *loop = ouro_loop_new(NULL);
	int err;

	if (!loop)
		return -ENOMEM;
	memset(&acceptor, 0, sizeof(acceptor));
	err = ouro__acceptor_open(&acceptor, loop, &opts, keep, NULL);
	CHECK_EQ(exists(path), !err);
	ouro__acceptor_close(&acceptor);
	ouro__acceptor_close(&acceptor);
	ouro_loop_free(loop);
	return err;
}

TEST(without_memory_nothing_is_open_and_no_file_stays)
{
	const char *folder = own_folder();

	in_folder(folder, "sock");
	CHECK(for_each_failing_allocation(attempt) >= 2);
	empty_folder(folder);
}
