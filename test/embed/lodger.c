/* lodger.c -- a whole server in somebody's libev loop, and what that somebody may do: fork, become
 * another program, tear its loop down, take a second lodger, throw one out from a callback.
 *
 * The client is in the same thread: it turns the host until its answer is there. */
#include "ouro/fs.h"
#include "ouro/http.h"
#include "socks.h"
#include <ev.h>

struct lodger {
	const char *name;
	ouro_loop *loop;
	ouro_server *server;
	struct lodger *unwanted; /* thrown out by the next request */
	ouro_req *req;           /* the last, when it is to be answered later */
	bool later;
};

static struct ev_loop *host;
static struct lodger one, two;

static void throw_out(struct lodger *lodger)
{
	ouro_loop_free(lodger->loop);
	lodger->loop = NULL;
}

static void answer(ouro_req *req, void *arg)
{
	struct lodger *lodger = arg, *unwanted = lodger->unwanted;

	lodger->unwanted = NULL;
	lodger->req = req;
	if (lodger->later)
		ouro_req_later(req);
	else
		ouro_req_reply(req, 200, "text/plain", ouro_str_z(lodger->name));
	if (unwanted)
		throw_out(unwanted);
}

static void let_in(struct lodger *lodger, const char *name)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = answer, .arg = lodger };

	if (!host)
		host = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	CHECK(host != NULL);
	lodger->name = name;
	lodger->loop = ouro_loop_new(&(ouro_loop_opts){ .ev = host });
	CHECK(lodger->loop != NULL);
	CHECK_EQ(ouro_http_listen(lodger->loop, &opts, &lodger->server), 0);
}

static void lock_up(void)
{
	ouro_loop_free(one.loop);
	ouro_loop_free(two.loop);
	ev_loop_destroy(host);
}

/* ---- A client ---- */

static int visit(const struct lodger *lodger)
{
	ouro_addr addr = at("127.0.0.1", ouro_server_port(lodger->server));
	int fd = try_connect(&addr);

	CHECK(fd >= 0);
	return fd;
}

static void ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

	CHECK_EQ(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
}

/* The last three letters of the answer; "" when there is none any more. */
static const char *hear(int fd)
{
	static char got[1024];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
		ev_run(host, EVRUN_NOWAIT);
	got[n < 0 ? 0 : n] = 0;
	return n > 3 ? got + n - 3 : "";
}

static bool is_answered(int fd, const char *name)
{
	ask(fd);
	return !strcmp(hear(fd), name);
}

static bool answers(const struct lodger *lodger)
{
	int fd = visit(lodger);
	bool is = is_answered(fd, lodger->name);

	close(fd);
	return is;
}

/* ---- The host forks ---- */

static void ends_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* As redis-server does to save, and every daemon that runs a program. */
TEST(a_child_that_only_ends_takes_nothing_along)
{
	pid_t pid;
	int fd;

	let_in(&one, "one");
	fd = visit(&one);
	CHECK(is_answered(fd, "one"));
	ask(fd);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(0);
	ends_well(pid);
	CHECK_STR(hear(fd), "one");
	CHECK(is_answered(fd, "one"));
	CHECK(answers(&one));
	close(fd);
	lock_up();
}

/* It has no use for what it inherited, and a lodger of its own. */
TEST(a_child_that_throws_its_copy_out_leaves_the_parents_alone)
{
	pid_t pid;
	int fd;

	let_in(&one, "one");
	fd = visit(&one);
	CHECK(is_answered(fd, "one"));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		alarm(TEST_SECONDS);
		ev_loop_fork(host);
		CHECK_EQ(ouro_loop_after_fork(one.loop), 0);
		throw_out(&one);
		let_in(&two, "two");
		CHECK(answers(&two));
		lock_up();
		_exit(0);
	}
	ends_well(pid);
	CHECK(is_answered(fd, "one"));
	CHECK(answers(&one));
	close(fd);
	lock_up();
}

/* Both listen at one socket, and one of them takes each connection. */
TEST(both_can_serve)
{
	pid_t pid;

	let_in(&one, "one");
	CHECK(answers(&one));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		alarm(TEST_SECONDS);
		ev_loop_fork(host);
		CHECK_EQ(ouro_loop_after_fork(one.loop), 0);
		one.name = "kid";
		CHECK(answers(&one));
		lock_up();
		_exit(0);
	}
	ends_well(pid);
	CHECK(answers(&one));
	lock_up();
}

/* ---- The host becomes another program ---- */

/* How many descriptors a program of ours has open, by its own account. */
static int descriptors_of_a_program(void)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (!pid)
		execl("/bin/sh", "sh", "-c", "set -- /proc/self/fd/*; exit $#", (char *)NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void on_stat(int err, const struct stat *found, void *arg)
{
	(void)found;
	CHECK_EQ(err, 0);
	*(bool *)arg = true;
}

TEST(another_program_finds_nothing_of_ours)
{
	int before = descriptors_of_a_program(), fd;
	bool found = false;

	let_in(&one, "one");
	fd = visit(&one);
	CHECK(is_answered(fd, "one"));
	ouro_fs_stat(one.loop, "/", on_stat, &found);
	while (!found)
		ev_run(host, EVRUN_ONCE);
	CHECK_EQ(ouro_signal_open(one.loop, SIGUSR2, NULL, NULL, NULL), 0);
	CHECK_EQ(descriptors_of_a_program(), before);
	close(fd);
	lock_up();
}

TEST(the_port_is_free_when_the_host_has_become_another_program)
{
	int words[2], keyboard[2];
	ouro_addr addr;
	char up;
	pid_t pid;

	let_in(&one, "one");
	addr = at("127.0.0.1", ouro_server_port(one.server));
	CHECK_EQ(pipe2(words, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(keyboard, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) { /* the host */
		dup2(words[1], STDOUT_FILENO);
		dup2(keyboard[0], STDIN_FILENO);
		execl("/bin/sh", "sh", "-c", "echo; read end", (char *)NULL);
	}
	close(words[1]);
	close(keyboard[0]);
	CHECK_EQ(read(words[0], &up, 1), 1);
	throw_out(&one); /* ours was the copy */
	CHECK_EQ(try_connect(&addr), -ECONNREFUSED);
	close(keyboard[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	close(words[0]);
	lock_up();
}

/* ---- The host's loop goes first ---- */

TEST(a_host_tears_its_loop_down_over_open_connections)
{
	int idle, waiting, half;

	let_in(&one, "one");
	idle = visit(&one);
	CHECK(is_answered(idle, "one"));
	waiting = visit(&one);
	one.later = true;
	one.req = NULL;
	ask(waiting);
	while (!one.req)
		ev_run(host, EVRUN_NOWAIT);
	half = visit(&one);
	CHECK_EQ(send(half, "GET / HT", 8, MSG_NOSIGNAL), 8);
	ev_run(host, EVRUN_NOWAIT);
	ev_loop_destroy(host);
	ouro_req_reply(one.req, 200, "text/plain", ouro_str_z("too late"));
	ouro_loop_free(one.loop);
	close(idle);
	close(waiting);
	close(half);
}

/* ---- More than one ---- */

TEST(two_lodgers_answer_each_for_itself)
{
	int fd;

	let_in(&one, "one");
	let_in(&two, "two");
	fd = visit(&one);
	CHECK(is_answered(fd, "one"));
	CHECK(answers(&two));
	throw_out(&two);
	CHECK(is_answered(fd, "one"));
	let_in(&two, "new");
	CHECK(answers(&two));
	CHECK(is_answered(fd, "one"));
	close(fd);
	lock_up();
}

TEST(one_throws_the_other_out_while_both_have_visitors)
{
	int first, second;

	let_in(&one, "one");
	let_in(&two, "two");
	first = visit(&one);
	second = visit(&two);
	CHECK(is_answered(first, "one"));
	CHECK(is_answered(second, "two"));
	two.unwanted = &one;
	ask(first); /* ready in the same poll, and never looked at, or answered before */
	ask(second);
	CHECK_STR(hear(second), "two");
	CHECK(one.loop == NULL);
	CHECK(is_answered(second, "two"));
	close(first);
	close(second);
	lock_up();
}

static void tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	if (++*(int *)w->data == 3)
		ev_timer_stop(loop, w);
}

TEST(one_throws_itself_out_from_its_own_handler_and_the_host_goes_on)
{
	ev_timer timer;
	int ticks = 0, fd;

	let_in(&one, "one");
	ev_timer_init(&timer, tick, 0.001, 0.001);
	timer.data = &ticks;
	ev_timer_start(host, &timer);
	one.unwanted = &one;
	fd = visit(&one);
	ask(fd);
	ev_run(host, 0); /* ends when the host itself has nothing left */
	CHECK_EQ(ticks, 3);
	CHECK(one.loop == NULL);
	close(fd);
	lock_up();
}
