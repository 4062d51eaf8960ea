/* peer.h -- what the small servers of bench/http share: the socket that listens, and the answer.
 *
 * Each is called with "-p PORT", listens on 127.0.0.1, and answers every request with these bytes
 * until it is killed. They are written as one would with that library, and as well as we can: no
 * lock, no second thread, nothing logged. Where the library writes the head, it writes its own. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H
#include "../bench.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define PEER_BODY "Hello, world!"
#define PEER_ANSWER                               \
	"HTTP/1.1 200 OK\r\n"                     \
	"Content-Type: text/plain\r\n"            \
	"Content-Length: 13\r\n"                  \
	"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" \
	"\r\n" PEER_BODY

enum { PEER_ROOM = 1 << 16, PEER_BACKLOG = 4096 };

/* The port of "-p PORT". */
static inline uint16_t peer_port(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-p") == 0)
			return (uint16_t)strtoul(argv[i + 1], NULL, 10);
	fprintf(stderr, "usage: %s -p PORT\n", argv[0]);
	exit(2);
}

static inline int peer_listen(int argc, char **argv)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(peer_port(argc, argv)),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1;

	bench_check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	bench_check(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	bench_check(listen(fd, PEER_BACKLOG) == 0);
	return fd;
}

/* A connection that waits; below 0: none does. */
static inline int peer_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int yes = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

/* So many answers in one system call; false: the peer has gone, or takes less than a few KiB. */
static inline bool peer_send(int fd, size_t count)
{
	static char answers[PEER_ROOM];
	const size_t one = sizeof(PEER_ANSWER) - 1;
	size_t most = sizeof(answers) / one;

	for (size_t i = answers[0] ? most : 0; i < most; i++)
		memcpy(answers + i * one, PEER_ANSWER, one);
	return count <= most &&
	       send(fd, answers, count * one, MSG_NOSIGNAL) == (ssize_t)(count * one);
}

/* For servers that do not read what they are asked: they look for the empty lines, and count.
 * A line that was cut in two is why a connection keeps the last three bytes. */
struct peer_rest {
	char bytes[3];
	unsigned char len;
};

static bool peer_closes; /* the first request wants its connection closed: all do */

/* How many requests have come; below 0: the peer has gone. */
static inline ssize_t peer_receive(int fd, struct peer_rest *rest)
{
	static bool asked;
	char room[PEER_ROOM], *at = room, *end, *found;
	ssize_t n, count = 0;

	memcpy(room, rest->bytes, rest->len);
	n = recv(fd, room + rest->len, sizeof(room) - rest->len, 0);
	if (n <= 0)
		return -1;
	end = room + rest->len + n;
	for (; (found = memmem(at, (size_t)(end - at), "\r\n\r\n", 4)); at = found + 4)
		count++;
	rest->len = end - at < 3 ? (unsigned char)(end - at) : 3;
	memcpy(rest->bytes, end - rest->len, rest->len);
	if (!asked && count) {
		asked = true;
		peer_closes = memmem(room, (size_t)n, "\r\nConnection: close\r\n", 21) != NULL;
	}
	return count;
}
#endif
