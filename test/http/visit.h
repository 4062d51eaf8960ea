/* visit.h -- clients of the site, in the same process: each says something, hears something, and
 * leaves, well or badly.
 *
 * Over a pair of sockets, or over TCP where it matters how a connection ends. */
#ifndef VISIT_H
#define VISIT_H
#include "http/site.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define HELLO    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define VISITORS 400

static inline ouro_server_stats figures(const struct site *site)
{
	ouro_server_stats stats;

	ouro_server_get_stats(site->server, &stats);
	return stats;
}

/* A connection by a pair of sockets; -1: the server has no memory for it. */
static inline int visit(struct site *site)
{
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	if (ouro_server_adopt(site->server, pair[1]) == 0)
		return pair[0];
	close(pair[0]);
	close(pair[1]);
	return -1;
}

static inline void site_listen(struct site *site, ouro_http_opts opts)
{
	opts.host = "127.0.0.1";
	opts.routes = site_routes;
	opts.arg = site;
	opts.on_done = site_done;
	CHECK_EQ(ouro_http_listen(site->loop, &opts, &site->server), 0);
	ouro_server_on_close(site->server, site_end);
}

/* By TCP. The kernel has it at once, the server when it is turned. */
static inline int visit_tcp(const struct site *site)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(ouro_server_port(site->server)),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	CHECK(fd >= 0);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CHECK_EQ(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* As much of it as the kernel takes. */
static inline size_t tell_bytes(int fd, const char *bytes, size_t n)
{
	ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

	return sent > 0 ? (size_t)sent : 0;
}

static inline void tell(int fd, const char *text)
{
	CHECK_EQ(tell_bytes(fd, text, strlen(text)), strlen(text));
}

/* What a client has heard: the number of bytes, the first of them, and how it ended. */
struct heard {
	char text[16384];
	size_t bytes;
	bool closed, reset;
};

static inline bool hear_more(int fd, struct heard *heard)
{
	static char bytes[65536];
	size_t before = heard->bytes, room;
	ssize_t n;

	while (!heard->closed && ((n = read(fd, bytes, sizeof(bytes))) >= 0 || errno != EAGAIN)) {
		heard->closed = n <= 0;
		heard->reset = n < 0;
		if (n <= 0)
			break;
		room = sizeof(heard->text) - 1 > heard->bytes
			       ? sizeof(heard->text) - 1 - heard->bytes
			       : 0;
		memcpy(heard->text + (room ? heard->bytes : 0), bytes,
		       (size_t)n < room ? (size_t)n : room);
		heard->bytes += (size_t)n;
	}
	return heard->bytes != before;
}

/* All that is said now. */
static inline void hear(struct site *site, int fd, struct heard *heard)
{
	do
		site_turn(site);
	while (hear_more(fd, heard));
}

/* Over TCP the kernel may need a moment: until this has been said, or the connection has ended. */
static inline void hear_until(struct site *site, int fd, struct heard *heard, const char *words)
{
	while (!heard->closed && !strstr(heard->text, words))
		hear(site, fd, heard);
}

static inline void hear_the_end(struct site *site, int fd, struct heard *heard)
{
	while (!heard->closed)
		hear(site, fd, heard);
}

static inline int status_heard(const struct heard *heard)
{
	return strncmp(heard->text, "HTTP/1.1 ", 9) ? 0 : atoi(heard->text + 9);
}

/* Somebody else comes, asks, is answered and goes. */
static inline void check_served(struct site *site)
{
	struct heard heard = { .bytes = 0 };
	int fd = visit(site);

	CHECK(fd >= 0);
	tell(fd, HELLO);
	hear(site, fd, &heard);
	CHECK_EQ(status_heard(&heard), 200);
	CHECK(strstr(heard.text, "\r\n\r\nhello\n"));
	close(fd);
	site_turn(site);
}

/* Closing it now tells the other side by a reset. */
static inline void reset(int fd)
{
	CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
			    sizeof(struct linger)),
		 0);
	close(fd);
}

static inline void wait_for_connections(struct site *site, uint64_t wanted)
{
	while (figures(site).connections != wanted)
		site_turn(site);
}

/* The server ends, late answers come, and nothing is left of it. */
static inline void site_leave(struct site *site)
{
	if (site->server)
		ouro_server_close(site->server, 0);
	site_settle(site);
	site_wait(site, 10000, NULL, NULL);
	CHECK(site->server == NULL);
}

static inline void site_free(struct site *site)
{
	site_leave(site);
	ouro_loop_free(site->loop);
}
#endif
