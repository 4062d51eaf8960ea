/* exchange.h -- sends a case to a server over a connection of its own, and gathers what it says.
 *
 * A server under test answers every request with `X-Saw: METHOD TARGET OCTETS`. What was sent ends
 * with the client's end, so a server has said everything when it closes: nobody has to guess how
 * long to wait. Framing of answers is not looked at, because only heads can look like heads. */
#ifndef EXCHANGE_H
#define EXCHANGE_H
#include "corpus.h"
#include "ouro/loop.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define SENTINEL "GET /sentinel HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

struct server {
	const char *name;
	uint16_t port;
	pid_t pid;       /* a server in another process, */
	ouro_loop *loop; /* or one in this, that has to be turned */
	char folder[64]; /* of its files; "": none */
};

struct outcome {
	char saw[1 << 17]; /* a line a request, without the sentinel */
	int requests;      /* lines in it */
	int status;        /* the first of 400 and above; 0: none */
	bool sentinel;     /* was answered too */
	bool silent;       /* it neither answered nor closed in time */
};

/* Where to cut what is sent; at: the octets before, of len. Answers how many come next. */
typedef size_t cut_fn(size_t at, size_t len, uint32_t *seed);

static size_t whole(size_t at, size_t len, uint32_t *seed)
{
	(void)seed;
	return len - at;
}

/* --- What it said --- */

static void add_request(struct outcome *o, const char *line, size_t len)
{
	size_t used = strlen(o->saw);

	if (len > 14 && !memcmp(line, "GET /sentinel ", 14)) {
		o->sentinel = true;
		return;
	}
	CHECK(used + len + 2 < sizeof(o->saw));
	memcpy(o->saw + used, line, len);
	memcpy(o->saw + used + len, "\n", 2);
	o->requests++;
}

static void understand(const char *answers, struct outcome *o)
{
	for (const char *at = answers; (at = strstr(at, "HTTP/1.")); at += 7) {
		const char *next = strstr(at + 7, "HTTP/1."), *saw = strstr(at, "X-Saw: ");
		int status = atoi(at + 8);

		if (status >= 400 && !o->status)
			o->status = status;
		if (status == 200 && saw && (!next || saw < next))
			add_request(o, saw + 7, strcspn(saw + 7, "\r\n"));
	}
}

/* --- Saying it --- */

static int connected(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	return fd;
}

struct talk {
	int fd;
	const struct server *server;
	const char *bytes;
	size_t len, at, cut; /* cut: how far the piece at hand goes */
	char *said;          /* a zero behind it */
	size_t said_len, said_room;
	bool over, silent;
};

static void hear(struct talk *t)
{
	ssize_t n;

	do {
		if (t->said_room - t->said_len < 4096) {
			t->said_room += 65536;
			t->said = realloc(t->said, t->said_room);
			CHECK(t->said != NULL);
		}
		n = recv(t->fd, t->said + t->said_len, t->said_room - t->said_len - 1,
			 MSG_DONTWAIT);
		t->said_len += n > 0 ? (size_t)n : 0;
		t->over |= !n || (n < 0 && errno != EAGAIN);
	} while (n > 0);
	t->said[t->said_len] = 0;
}

/* A server that closed does not want the rest. */
static void say_piece(struct talk *t)
{
	ssize_t n = send(t->fd, t->bytes + t->at, t->cut - t->at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		t->at += (size_t)n;
	else if (errno != EAGAIN)
		t->at = t->cut = t->len;
	if (t->at == t->len)
		shutdown(t->fd, SHUT_WR);
}

/* In this process the server has its turns: what was sent on loopback is there already. Then waits
 * for something to do on either side, unless there is another piece to send. */
static void wait_for(struct talk *t)
{
	ouro_loop *loop = t->server->loop;
	bool more = t->at == t->cut && t->at < t->len;
	struct pollfd fds[2] = { { .fd = t->fd, .events = POLLIN }, { .fd = -1 } };

	if (t->at < t->cut)
		fds[0].events |= POLLOUT;
	if (loop) {
		ouro_loop_turn(loop);
		fds[1] = (struct pollfd){ .fd = ouro_loop_fd(loop), .events = POLLIN };
	}
	if (!poll(fds, 2, more ? 0 : TEST_SECONDS * 500))
		t->silent = !more;
}

/* One case, cut into pieces; the server has read one before the next is sent. */
static inline void exchange(const struct server *server, const struct rule *rule, cut_fn *cut,
			    uint32_t seed, struct outcome *ret)
{
	struct talk t = { .server = server, .fd = connected(server->port) };
	char *bytes;
	FILE *all = open_memstream(&bytes, &t.len);

	CHECK(all != NULL);
	fwrite(rule->bytes, 1, rule->len, all);
	fputs(rule->eof ? "" : SENTINEL, all);
	CHECK_EQ(fclose(all), 0);
	t.bytes = bytes;

	while (!t.over && !t.silent) {
		if (t.at == t.cut && t.at < t.len)
			t.cut += cut(t.at, t.len, &seed);
		if (t.at < t.cut)
			say_piece(&t);
		wait_for(&t);
		hear(&t);
	}
	memset(ret, 0, sizeof(*ret));
	ret->silent = t.silent;
	understand(t.said, ret);
	close(t.fd);
	free(t.said);
	free(bytes);
}
#endif
