/* term.c -- SIGTERM in the middle of everything: requests one by one and in pipelines, with bodies
 * and without, answered at once and later, on connections that stay and on new ones; WebSockets and
 * event streams that hear a tick every few milliseconds; and wrk, where there is one.
 *
 * The service is a process of its own, the clients are here, and look at each byte. What must hold:
 * as many whole answers have come as handlers were called; a connection ends in the middle of
 * nothing; whoever was told that it is the last was not sent another; every WebSocket was told 1001
 * and every event stream its end; and the service says the same numbers. */
#include "ouro/main.h"
#include "ouro/room.h"
#include "ouro/timer.h"
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

/* ---- The service ---- */

/* Handlers count in memory that both processes see. */
static struct counts {
	atomic_uint requests, wrk, sockets, feeds;
} * counts;

static ouro_room *everybody;
static unsigned ticks;

static void reply_number(ouro_req *req)
{
	ouro_str n = ouro_req_query(req, "n");

	ouro_req_replyf(req, 200, "text/plain", "%s\n", n.ptr ? n.ptr : "?");
}

static void now(ouro_req *req, void *arg)
{
	(void)arg;
	counts->requests++;
	reply_number(req);
}

static void wrk(ouro_req *req, void *arg)
{
	(void)arg;
	counts->wrk++;
	reply_number(req);
}

static void reply_later(ouro_loop *loop, void *arg)
{
	(void)loop;
	reply_number(arg);
}

static void later(ouro_req *req, void *arg)
{
	(void)arg;
	counts->requests++;
	ouro_timer_after(ouro_req_loop(req), 7, reply_later, ouro_req_later(req));
}

static void body(ouro_req *req, void *arg)
{
	(void)arg;
	counts->requests++;
	ouro_req_reply(req, 200, "text/plain", ouro_req_body(req));
}

static void never(ouro_req *req, void *arg)
{
	(void)arg;
	counts->requests++;
	ouro_req_later(req);
}

static void hear(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)ws, (void)err, (void)message, (void)arg;
}

static void chat(ouro_req *req, void *arg)
{
	ouro_ws *ws;

	(void)arg;
	if (ouro_ws_accept(req, NULL, &ws))
		return;
	counts->sockets++;
	ouro_ws_on_message(ws, hear, NULL);
	ouro_room_add_ws(everybody, ws);
}

static void events(ouro_req *req, void *arg)
{
	ouro_feed *feed;

	(void)arg;
	if (ouro_feed_start(req, NULL, &feed))
		return;
	counts->feeds++;
	ouro_room_add_feed(everybody, feed);
}

static void tick(ouro_loop *loop, void *arg)
{
	char text[24];

	(void)loop, (void)arg;
	snprintf(text, sizeof(text), "%u", ticks++);
	ouro_room_text(everybody, ouro_str_z(text));
}

static const ouro_route routes[] = {
	{ .path = "/now", .fn = now },   { .path = "/later", .fn = later },
	{ .path = "/body", .fn = body }, { .path = "/never", .fn = never },
	{ .path = "/chat", .fn = chat }, { .path = "/events", .fn = events },
	{ .path = "/wrk", .fn = wrk },   { .path = NULL },
};

static int serve(int port_to)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .routes = routes };
	ouro_loop *loop = ouro_loop_new(NULL);
	ouro_server *server;
	uint16_t port;
	int code;

	everybody = ouro_room_new(NULL);
	if (!loop || !everybody || ouro_http_listen(loop, &opts, &server))
		return 1;
	ouro_timer_hold(loop, ouro_timer_every(loop, 3, tick, NULL), false);
	port = ouro_server_port(server);
	if (write(port_to, &port, sizeof(port)) != sizeof(port))
		return 1;
	code = ouro_loop_main(loop);
	ouro_room_free(everybody);
	return code;
}

static struct service {
	pid_t pid;
	int words;
	uint16_t port;
	bool told; /* SIGTERM is sent */
} service;

static void start(void)
{
	int words[2], ports[2];

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(counts != MAP_FAILED);
	CHECK_EQ(pipe2(words, O_CLOEXEC), 0);
	CHECK_EQ(pipe2(ports, O_CLOEXEC), 0);
	service.pid = fork();
	if (!service.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(words[1], STDERR_FILENO);
		_exit(serve(ports[1]));
	}
	close(words[1]);
	close(ports[1]);
	CHECK_EQ(read(ports[0], &service.port, sizeof(service.port)), sizeof(service.port));
	close(ports[0]);
	service.words = words[0];
}

static void terminate(void)
{
	service.told = true;
	CHECK_EQ(kill(service.pid, SIGTERM), 0);
}

struct told {
	unsigned answered, at_end, cut, sockets, feeds;
};

/* What the service says when it has ended, and that it has ended well. */
static struct told finish(void)
{
	char text[4096];
	const char *line;
	struct told told = { 0 };
	size_t used = 0;
	ssize_t n;
	int status;

	while ((n = read(service.words, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = 0;
	close(service.words);
	CHECK_EQ(waitpid(service.pid, &status, 0), service.pid);
	CHECK_EQ(status, 0);
	line = strstr(text, "requests answered");
	while (line && line > text && line[-1] != '\n')
		line--;
	if (!line ||
	    sscanf(line,
		   "ouro: SIGTERM: %u requests answered, %u of them at the end, %u cut "
		   "off; %u WebSockets and %u event streams were told",
		   &told.answered, &told.at_end, &told.cut, &told.sockets, &told.feeds) < 3) {
		fprintf(stderr, "# it said: %s\n", text);
		test_fail(__FILE__, __LINE__, "the service says its numbers");
	}
	return told;
}

/* ---- Clients ---- */

enum kind { NOW, LATER, BODY, PIPELINE, FRESH, SOCKET, EVENTS };

struct client {
	enum kind kind;
	int fd; /* -1: it has done what it could */
	char in[1 << 16];
	size_t len;
	unsigned asked, answered; /* on this connection */
	unsigned number;          /* of the request that is answered next, or of the next tick */
	unsigned heard;           /* answers, or ticks, in all */
	bool last;                /* was told so */
	bool closed;              /* SOCKET: 1001 has come */
};

#define EACH    4
#define CLIENTS (7 * EACH)
static struct client clients[CLIENTS];
static unsigned unanswered; /* requests that nobody had looked at when their connection ended */

_Noreturn OURO_PRINTF(2, 3) static void wrong(const struct client *client, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "# a client of kind %d, after %u: ", client->kind, client->heard);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n# it has: %.*s\n", (int)client->len, client->in);
	va_end(args);
	abort();
}

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(service.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void tell(struct client *client, const char *text)
{
	(void)!send(client->fd, text, strlen(text), MSG_NOSIGNAL); /* if not, it ends soon */
}

static size_t write_request(const struct client *client, char *to, size_t room)
{
	unsigned n = client->number + client->asked - client->answered;

	if (client->kind == BODY)
		return (size_t)snprintf(
			to, room,
			"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
			"%u\n",
			snprintf(NULL, 0, "%u\n", n), n);
	return (size_t)snprintf(to, room, "GET /%s?n=%u HTTP/1.1\r\nHost: h\r\n%s\r\n",
				client->kind == LATER ? "later" : "now", n,
				client->kind == FRESH ? "Connection: close\r\n" : "");
}

static void ask(struct client *client)
{
	unsigned count = client->kind == PIPELINE ? 5 : 1;
	char text[1024];
	size_t len = 0;

	for (; count--; client->asked++)
		len += write_request(client, text + len, sizeof(text) - len);
	tell(client, text);
}

static void begin(struct client *client)
{
	client->fd = dial();
	client->len = client->asked = client->answered = 0;
	client->last = false;
	if (client->fd < 0 && !service.told)
		wrong(client, "the service cannot be reached");
	if (client->fd < 0)
		return;
	if (client->kind == SOCKET)
		tell(client, "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
			     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	else if (client->kind == EVENTS)
		tell(client, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
	else
		ask(client);
}

static void take(struct client *client, size_t n)
{
	memmove(client->in, client->in + n, client->len - n);
	client->len -= n;
	client->in[client->len] = 0;
}

/* The head that has come; NULL: not yet. */
static const char *whole_head(struct client *client, const char *status)
{
	const char *end = strstr(client->in, "\r\n\r\n");

	if (end && strncmp(client->in, status, strlen(status)) != 0)
		wrong(client, "this is no %s", status);
	return end ? end + 4 : NULL;
}

/* ---- Answers ---- */

static bool take_answer(struct client *client)
{
	const char *body_at = whole_head(client, "HTTP/1.1 200 "), *field;
	char wanted[16];
	size_t len, head;

	if (!body_at)
		return false;
	head = (size_t)(body_at - client->in);
	field = strstr(client->in, "\r\nContent-Length: ");
	len = field && field < body_at ? strtoul(field + 18, NULL, 10) : 0;
	if (client->len < head + len)
		return false;
	if (client->last)
		wrong(client, "an answer behind the last");
	snprintf(wanted, sizeof(wanted), "%u\n", client->number++);
	if (len != strlen(wanted) || memcmp(body_at, wanted, len) != 0)
		wrong(client, "another answer than %s", wanted);
	field = strstr(client->in, "\r\nConnection: close\r\n");
	client->last = field && field < body_at;
	client->answered++;
	client->heard++;
	take(client, head + len);
	return true;
}

static void hear_answers(struct client *client)
{
	while (take_answer(client))
		if (client->answered == client->asked && !client->last)
			ask(client);
}

/* The connection has ended. Whole answers, or none. */
static void answers_end(struct client *client)
{
	if (client->len)
		wrong(client, "the connection ended in an answer");
	if (!client->last && !service.told)
		wrong(client, "the connection ended without a word");
	if (client->last && client->answered < client->asked)
		wrong(client, "the last answer, and %u to come", client->asked - client->answered);
	unanswered += client->asked - client->answered;
}

/* ---- Ticks ---- */

static void hear_tick(struct client *client, const char *text, size_t len)
{
	char number[24];
	unsigned n;

	snprintf(number, sizeof(number), "%.*s", (int)len, text);
	n = (unsigned)atoi(number);
	if (client->heard && n != client->number)
		wrong(client, "tick %u after %u", n, client->number - 1);
	client->number = n + 1;
	client->heard++;
}

static void hear_frames(struct client *client)
{
	const unsigned char *in = (const unsigned char *)client->in;

	while (client->len >= 2 && client->len >= 2u + in[1]) {
		if (client->closed)
			wrong(client, "a frame behind the last");
		if (in[0] == 0x81)
			hear_tick(client, client->in + 2, in[1]);
		else if (memcmp(in, "\x88\x02\x03\xe9", 4) != 0)
			wrong(client, "no frame of ours: %02x %02x %02x", in[0], in[1], in[2]);
		client->closed = in[0] == 0x88;
		if (client->closed)
			CHECK_EQ(send(client->fd, "\x88\x82\0\0\0\0\x03\xe9", 8, MSG_NOSIGNAL), 8);
		take(client, 2u + in[1]);
	}
}

static void hear_socket(struct client *client)
{
	const char *head = client->answered ? NULL : whole_head(client, "HTTP/1.1 101 ");

	if (head) {
		client->answered = 1;
		take(client, (size_t)(head - client->in));
	}
	if (client->answered)
		hear_frames(client);
}

/* Chunk by chunk: each is an event, the empty one is the last. */
static void hear_chunks(struct client *client)
{
	char *line;

	while ((line = strstr(client->in, "\r\n"))) {
		size_t size = strtoul(client->in, NULL, 16);
		size_t all = (size_t)(line + 2 - client->in) + size + 2;

		if (client->len < all)
			return;
		if (client->last)
			wrong(client, "a chunk behind the last");
		if (size)
			hear_tick(client, line + 2 + strlen("data: "), size - strlen("data: "));
		client->last = !size;
		take(client, all);
	}
}

static void hear_events(struct client *client)
{
	const char *head = client->answered ? NULL : whole_head(client, "HTTP/1.1 200 ");

	if (head) {
		client->answered = 1;
		take(client, (size_t)(head - client->in));
	}
	if (client->answered)
		hear_chunks(client);
}

static void ticks_end(struct client *client)
{
	bool told = client->kind == SOCKET ? client->closed : client->last;

	if (client->len || !told)
		wrong(client, "it was not told that this is the end");
}

/* ---- All of them ---- */

static void hear_more(struct client *client)
{
	if (client->kind == SOCKET)
		hear_socket(client);
	else if (client->kind == EVENTS)
		hear_events(client);
	else
		hear_answers(client);
}

/* Who asks comes again as long as there is somebody; who listens has heard the end. */
static void end(struct client *client)
{
	bool listens = client->kind == SOCKET || client->kind == EVENTS;

	close(client->fd);
	client->fd = -1;
	if (listens)
		ticks_end(client);
	else
		answers_end(client);
	client->number += client->asked - client->answered;
	if (!listens)
		begin(client);
}

static void on_ready(struct client *client)
{
	size_t room = sizeof(client->in) - 1 - client->len;
	ssize_t n = recv(client->fd, client->in + client->len, room, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(client);
		return;
	}
	client->len += (size_t)n;
	client->in[client->len] = 0;
	hear_more(client);
}

/* False: nobody is connected any more. */
static bool turn(void)
{
	struct pollfd fds[CLIENTS];
	bool any = false;

	for (unsigned i = 0; i < CLIENTS; i++) {
		fds[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		any |= clients[i].fd >= 0;
	}
	if (!any)
		return false;
	CHECK(poll(fds, CLIENTS, -1) > 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (fds[i].revents)
			on_ready(&clients[i]);
	return true;
}

static bool all_have_heard(unsigned some)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].heard < some)
			return false;
	return true;
}

static void begin_all(void)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i].kind = i % 7;
		begin(&clients[i]);
	}
}

static unsigned answers(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].kind < SOCKET)
			sum += clients[i].heard;
	return sum;
}

/* wrk beside them for a second, if there is one: what it says comes out of *ret_fd. 0: there is
 * none. */
static pid_t start_wrk(int *ret_fd)
{
	char url[64];
	int ends[2];
	pid_t pid;

	if (system("command -v wrk >/dev/null"))
		return 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/wrk", service.port);
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execlp("wrk", "wrk", "-t1", "-c8", "-d1s", url, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static void finish_wrk(pid_t pid, int fd)
{
	char text[4096];
	size_t used = 0;
	ssize_t n;
	int status;

	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = 0;
	close(fd);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(!strstr(text, "Non-2xx"));
}

static void end_in_the_middle(const char *delay_ms)
{
	struct told told;
	pid_t pid;
	int fd = -1;

	setenv("OURO_SHUTDOWN_DELAY_MS", delay_ms, 1);
	start();
	pid = start_wrk(&fd);
	begin_all();
	while (!all_have_heard(10) || (pid && !counts->wrk))
		CHECK(turn());
	terminate();
	while (turn())
		;
	told = finish();
	if (pid)
		finish_wrk(pid, fd);
	CHECK_EQ(answers(), counts->requests);
	CHECK_EQ(told.answered, counts->requests + counts->wrk + counts->sockets + counts->feeds);
	CHECK_EQ(told.cut, 0);
	CHECK_EQ(told.sockets, EACH);
	CHECK_EQ(told.feeds, EACH);
	CHECK(told.at_end >= EACH); /* the event streams, for example */
}

TEST(nothing_is_lost_and_everybody_is_told)
{
	end_in_the_middle("0");
}

TEST(nor_when_the_end_is_announced_first)
{
	end_in_the_middle("200");
}

/* ---- The deadline ---- */

/* A handler that never answers, a WebSocket that never says good-bye, an event stream that nobody
 * reads: they are what a deadline is for. */
TEST(the_deadline_holds_whoever_does_not)
{
	static struct client idle = { .kind = NOW };
	struct client *stuck = clients;
	struct told told;

	setenv("OURO_SHUTDOWN_MS", "300", 1);
	start();
	for (int i = 0; i < 3; i++)
		stuck[i].kind = i ? SOCKET : EVENTS;
	begin(&stuck[0]);
	begin(&stuck[1]);
	stuck[2].fd = dial();
	tell(&stuck[2], "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	while (counts->requests < 1 || counts->sockets < 1 || counts->feeds < 1)
		usleep(1000);
	idle.fd = dial();
	terminate();
	told = finish();
	CHECK_EQ(told.cut, 2); /* what was sent to the event stream, its kernel has */
	CHECK_EQ(told.sockets, 1);
	CHECK_EQ(told.feeds, 1);
	for (int i = 0; i < 3; i++)
		close(stuck[i].fd);
	close(idle.fd);
}
