/* epoll.c -- one file by bare epoll, its descriptor open, without parsing: the least that a server
 * can do. A small file is read behind the head and sent with it; a large one goes by sendfile().
 *
 *     epoll FILE -p PORT
 *
 * Every other figure is told as a multiple of this one. */
#include "../http/peer.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { EVENTS = 512, SMALL = 65536 };

struct connection {
	int fd;
	struct peer_rest rest;
	off_t at; /* of the file; the end: nothing is under way */
};

static int epoll, file;
static off_t size;
static char answer[SMALL + 512];
static size_t head_len;

static void watch(struct connection *c, uint32_t events, int what)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	bench_check(epoll_ctl(epoll, what, c->fd, &event) == 0);
}

static void end(struct connection *c)
{
	close(c->fd);
	free(c);
}

static bool send_small(const struct connection *c)
{
	ssize_t n = (ssize_t)head_len + pread(file, answer + head_len, SMALL, 0);

	return send(c->fd, answer, (size_t)n, MSG_NOSIGNAL) == n;
}

/* False: the peer has gone. */
static bool send_on(struct connection *c)
{
	bool waited = c->at > 0;

	while (c->at < size)
		if (sendfile(c->fd, file, &c->at, (size_t)(size - c->at)) < 0) {
			if (errno != EAGAIN)
				return false;
			if (!waited)
				watch(c, EPOLLOUT, EPOLL_CTL_MOD);
			return true;
		}
	if (waited)
		watch(c, EPOLLIN, EPOLL_CTL_MOD);
	return true;
}

static bool send_large(struct connection *c)
{
	c->at = 0;
	return send(c->fd, answer, head_len, MSG_NOSIGNAL | MSG_MORE) == (ssize_t)head_len &&
	       send_on(c);
}

static void serve(struct connection *c, uint32_t events)
{
	ssize_t count;

	if (events & EPOLLOUT) {
		if (!send_on(c))
			end(c);
		return;
	}
	count = peer_receive(c->fd, &c->rest);
	if (count < 0 || (count && !(size <= SMALL ? send_small(c) : send_large(c))))
		end(c);
}

static void take_all(int listener)
{
	int fd;

	while ((fd = peer_accept(listener)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		c->fd = fd;
		watch(c, EPOLLIN, EPOLL_CTL_ADD);
	}
}

static void open_file(const char *path)
{
	struct stat stat;

	file = open(path, O_RDONLY | O_CLOEXEC);
	bench_check(file >= 0 && fstat(file, &stat) == 0);
	size = stat.st_size;
	head_len = (size_t)snprintf(answer, 512,
				    "HTTP/1.1 200 OK\r\n"
				    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				    "Content-Type: application/octet-stream\r\n"
				    "Content-Length: %lld\r\n"
				    "Accept-Ranges: bytes\r\n"
				    "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				    "ETag: \"0123456789abcdef-400-12345\"\r\n\r\n",
				    (long long)size);
}

int main(int argc, char **argv)
{
	struct connection listener = { .fd = peer_listen(argc, argv) };
	struct epoll_event events[EVENTS];

	open_file(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr == &listener)
				take_all(listener.fd);
			else
				serve(events[i].data.ptr, events[i].events);
	}
}
