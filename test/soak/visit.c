/* visit.c -- the clients of the soak: threads with blocking sockets, each a visit after the other.
 * See soak.c.
 *
 * A visit is a connection with some requests, of kinds that chance picks; every answer is compared
 * with what it must be. One in eight is broken off: after some bytes of a request, or of an answer,
 * by a close or by a reset. */
#include "soak.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS  12
#define PIPELINE 32
#define UP       60000  /* bytes of a body that is sent back, at most */
#define DOWN     400000 /* of an answer */

struct client {
	struct soak *soak;
	uint32_t seed;
	int fd;
	bool last; /* this request says so */
	char out[UP * 2 + 1024], in[65536];
	size_t out_len, at, got;
};

_Noreturn __attribute__((format(printf, 2, 3))) static void wrong(const struct client *c,
								  const char *fmt, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "# ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ", errno %d; then came: %.*s\n", errno,
		(int)(c->got - c->at < 200 ? c->got - c->at : 200), c->in + c->at);
	_exit(1);
}

/* ---- The wire ---- */

static bool call(struct client *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)c->soak->port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval patience = { 20, 0 };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->at = c->got = c->out_len = 0;
	c->last = false;
	if (c->fd < 0)
		wrong(c, "no socket");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	close(c->fd);
	if (errno != EADDRNOTAVAIL) /* all ports are resting: a moment later there are some */
		wrong(c, "no connection");
	usleep(10000);
	return false;
}

__attribute__((format(printf, 2, 3))) static void add(struct client *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	c->out_len +=
		(size_t)vsnprintf(c->out + c->out_len, sizeof(c->out) - c->out_len, fmt, args);
	va_end(args);
}

static void send_all(struct client *c)
{
	size_t at = 0;
	ssize_t n;

	for (; at < c->out_len; at += (size_t)n) {
		n = send(c->fd, c->out + at, c->out_len - at, MSG_NOSIGNAL);
		if (n <= 0)
			wrong(c, "a request of %zu bytes was not taken", c->out_len);
	}
	c->out_len = 0;
}

/* False: it has ended. Silence is never right: whoever waits here has something to wait for. */
static bool more(struct client *c)
{
	ssize_t n;

	if (c->at == c->got)
		c->at = c->got = 0;
	if (c->got == sizeof(c->in) && c->at) {
		memmove(c->in, c->in + c->at, c->got - c->at);
		c->got -= c->at;
		c->at = 0;
	}
	n = recv(c->fd, c->in + c->got, sizeof(c->in) - c->got, 0);
	if (n < 0 && errno == EAGAIN)
		wrong(c, "nothing comes");
	c->got += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* ---- Answers ---- */

/* The next line, without its end; valid until the next call. */
static char *line(struct client *c)
{
	char *end, *start;

	while (!(end = memmem(c->in + c->at, c->got - c->at, "\r\n", 2)))
		if (!more(c))
			wrong(c, "the head of an answer is not whole");
	*end = 0;
	start = c->in + c->at;
	c->at = (size_t)(end + 2 - c->in);
	return start;
}

static uint32_t take(struct client *c, size_t n, uint32_t sum)
{
	while (n) {
		size_t have = c->got - c->at < n ? c->got - c->at : n;

		sum = sum_bytes(sum, c->in + c->at, have);
		c->at += have;
		n -= have;
		if (n && !have && !more(c))
			wrong(c, "%zu bytes of a body are missing", n);
	}
	return sum;
}

struct answer {
	int status;
	size_t length;
	uint32_t sum;
	bool closes;
};

static void take_chunks(struct client *c, struct answer *a)
{
	size_t size;

	do {
		size = strtoul(line(c), NULL, 16);
		a->sum = take(c, size, a->sum);
		a->length += size;
		if (*line(c))
			wrong(c, "a chunk does not end where it said");
	} while (size);
}

static struct answer hear(struct client *c)
{
	struct answer a = { .sum = SUM_FIRST };
	bool chunked = false;
	char *field = line(c);

	if (strncmp(field, "HTTP/1.1 ", 9) != 0)
		wrong(c, "an answer begins with %s", field);
	a.status = atoi(field + 9);
	while (*(field = line(c))) {
		if (!strncmp(field, "Content-Length: ", 16))
			a.length = strtoul(field + 16, NULL, 10);
		chunked |= !strcmp(field, "Transfer-Encoding: chunked");
		a.closes |= !strcmp(field, "Connection: close");
	}
	if (chunked)
		take_chunks(c, &a);
	else
		a.sum = take(c, a.length, a.sum);
	c->soak->answers++;
	return a;
}

static void hear_sum(struct client *c, size_t length, uint32_t sum)
{
	struct answer a = hear(c);

	if (a.status != 200 || a.length != length || a.sum != sum)
		wrong(c, "an answer is %d with %zu bytes, and not 200 with %zu", a.status, a.length,
		      length);
	c->last |= a.closes;
}

static void hear_hello(struct client *c)
{
	hear_sum(c, 6, sum_bytes(SUM_FIRST, "hello\n", 6));
}

/* ---- Requests, by kind: what is sent, and what must come ---- */

#define HOST "Host: localhost\r\n"

static void ask_plain(struct client *c)
{
	add(c, "GET / HTTP/1.1\r\n" HOST "\r\n");
	send_all(c);
	hear_hello(c);
}

static void ask_pipelined(struct client *c)
{
	unsigned n = 2 + chance(&c->seed, PIPELINE - 1);

	for (unsigned i = 0; i < n; i++)
		add(c, "GET /%s HTTP/1.1\r\n" HOST "\r\n", i == 5 ? "later" : "");
	send_all(c);
	for (unsigned i = 0; i < n; i++)
		hear_hello(c);
}

static void ask_later(struct client *c)
{
	add(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	send_all(c);
	hear_hello(c);
}

static void ask_pool(struct client *c)
{
	add(c, "GET /pool HTTP/1.1\r\n" HOST "\r\n");
	send_all(c);
	hear_hello(c);
}

static void ask_bytes(struct client *c)
{
	size_t n = chance(&c->seed, DOWN);
	uint32_t sum = SUM_FIRST;

	add(c, "GET /bytes?n=%zu HTTP/1.1\r\n" HOST "\r\n", n);
	send_all(c);
	for (size_t i = 0; i < n; i++) {
		char b = byte_at(i);

		sum = sum_bytes(sum, &b, 1);
	}
	hear_sum(c, n, sum);
}

static uint32_t add_random(struct client *c, size_t n, uint32_t sum)
{
	char *at = c->out + c->out_len;

	for (size_t i = 0; i < n; i++)
		at[i] = (char)chance(&c->seed, 256);
	c->out_len += n;
	return sum_bytes(sum, at, n);
}

static void ask_with_length(struct client *c)
{
	size_t n = chance(&c->seed, UP);
	uint32_t sum;

	add(c, "POST /%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
	    chance(&c->seed, 2) ? "back" : "whole", n);
	sum = add_random(c, n, SUM_FIRST);
	send_all(c);
	hear_sum(c, n, sum);
}

static void ask_with_chunks(struct client *c)
{
	size_t all = 0, n;
	uint32_t sum = SUM_FIRST;

	add(c, "POST /%s HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
	    chance(&c->seed, 2) ? "back" : "whole");
	for (unsigned i = chance(&c->seed, 20); i > 0; i--) {
		n = 1 + chance(&c->seed, UP / 20 - 1);
		add(c, "%zx%s\r\n", n, i & 1 ? "" : ";name=value");
		sum = add_random(c, n, sum);
		add(c, "\r\n");
		all += n;
		if (chance(&c->seed, 4) == 0)
			send_all(c);
	}
	add(c, "0\r\n%s\r\n", chance(&c->seed, 2) ? "" : "X-Sum: 1\r\n");
	send_all(c);
	hear_sum(c, all, sum);
}

static void ask_and_expect(struct client *c)
{
	struct answer a;
	uint32_t sum;

	add(c, "POST /whole HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
	       "Content-Length: 1000\r\n\r\n");
	send_all(c);
	a = hear(c);
	if (a.status != 100)
		wrong(c, "who asks before going on is answered %d", a.status);
	sum = add_random(c, 1000, SUM_FIRST);
	send_all(c);
	hear_sum(c, 1000, sum);
}

static void ask_unread(struct client *c)
{
	size_t n = chance(&c->seed, UP);

	add(c, "POST /unread HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
	add_random(c, n, SUM_FIRST);
	send_all(c);
	hear_hello(c);
}

static void ask_in_steps(struct client *c)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
	size_t cut = 1 + chance(&c->seed, sizeof(text) - 3);

	add(c, "%.*s", (int)cut, text);
	send_all(c);
	add(c, "%s", text + cut);
	send_all(c);
	hear_hello(c);
}

static void ask_nonsense(struct client *c)
{
	struct answer a;

	add(c, "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n");
	send_all(c);
	a = hear(c);
	if (a.status != 400 || !a.closes)
		wrong(c, "a bad request is answered %d", a.status);
	c->last = true;
}

static void ask_upgrade(struct client *c)
{
	struct answer a;
	uint32_t sum;

	add(c, "GET /upgrade HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: echo\r\n\r\n");
	sum = add_random(c, 500, SUM_FIRST);
	send_all(c);
	a = hear(c);
	if (a.status != 101)
		wrong(c, "an upgrade is answered %d", a.status);
	if (take(c, 500, SUM_FIRST) != sum)
		wrong(c, "an echo is another");
	shutdown(c->fd, SHUT_WR);
	c->last = true;
}

typedef void ask_fn(struct client *c);

/* Frequent ones more often. */
static ask_fn *const kinds[] = {
	ask_plain,     ask_plain,     ask_plain,      ask_plain,       ask_pipelined,
	ask_pipelined, ask_pipelined, ask_pipelined,  ask_pipelined,   ask_pipelined,
	ask_later,     ask_pool,      ask_bytes,      ask_with_length, ask_with_chunks,
	ask_unread,    ask_in_steps,  ask_and_expect, ask_nonsense,    ask_upgrade,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- Visits ---- */

static void hang_up(struct client *c)
{
	struct linger at_once = { 1, 0 };

	if (chance(&c->seed, 2))
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(c->fd);
}

/* Some requests, cut anywhere; some bytes of what they are answered; and gone. */
static void break_off(struct client *c)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n" HOST "\r\nGET /later HTTP/1.1\r\n" HOST "\r\n",
		"GET /pool HTTP/1.1\r\n" HOST "\r\n",
		"GET /bytes?n=300000 HTTP/1.1\r\n" HOST "\r\n",
		"POST /back HTTP/1.1\r\n" HOST "Content-Length: 20\r\n\r\n0123456789",
		"POST /whole HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"GET /upgrade HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: x\r\n\r\nabc",
	};
	const char *text = texts[chance(&c->seed, sizeof(texts) / sizeof(texts[0]))];
	bool all = chance(&c->seed, 2);
	size_t cut = all ? strlen(text) : chance(&c->seed, (uint32_t)strlen(text));
	struct pollfd wait = { .fd = c->fd, .events = POLLIN };

	add(c, "%.*s", (int)cut, text);
	send_all(c);
	if (all && chance(&c->seed, 2) && poll(&wait, 1, 5) > 0)
		more(c);
	c->soak->aborts++;
	hang_up(c);
}

/* A server that closes in order is heard to the end: then no port is left resting on our side. */
static void part(struct client *c)
{
	while (c->last && more(c))
		if (c->at != c->got)
			wrong(c, "there is more behind the last answer");
	close(c->fd);
}

static void visit(struct client *c)
{
	unsigned rounds = 1 + chance(&c->seed, 40);

	if (!call(c))
		return;
	c->soak->visits++;
	if (chance(&c->seed, 8) == 0) {
		break_off(c);
		return;
	}
	while (rounds-- && !c->last && !c->soak->leave)
		kinds[chance(&c->seed, KINDS)](c);
	part(c);
}

static void *live(void *arg)
{
	struct client *c = arg;

	while (!c->soak->leave)
		visit(c);
	return NULL;
}

int soak_visit(struct soak *soak, uint32_t seed)
{
	static struct client clients[THREADS];
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		clients[i].soak = soak;
		clients[i].seed = (seed + i + 1) * 2654435761u | 1;
		if (pthread_create(&threads[i], NULL, live, &clients[i]))
			return 1;
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
