/* threads.c -- a thread a connection, and calls that wait: how it was done before event loops. The
 * kernel takes the processor from who computes, so nobody is frozen; what it costs is a stack and a
 * switch for each client. */
#include "../http/peer.h"
#include "spin.h"
#include <fcntl.h>
#include <pthread.h>

enum { STACK = 64 * 1024 };

static bool answer(int fd, const char *head)
{
	const char *number = strstr(head, "/cpu?n=");
	char body[32] = "pong", text[256];
	int n;

	if (number)
		snprintf(body, sizeof(body), "%u\n", spin(strtoull(number + 7, NULL, 10)));
	n = snprintf(text, sizeof(text),
		     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, head + len, sizeof(head) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		head[len] = 0;
		if (!strstr(head, "\r\n\r\n"))
			continue;
		len = 0;
		if (!answer(fd, head))
			break;
	}
	close(fd);
	return NULL;
}

static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

int main(int argc, char **argv)
{
	int listener = peer_listen(argc, argv), fd;
	pthread_attr_t attr;
	pthread_t thread;

	fcntl(listener, F_SETFL, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	while ((fd = accept_one(listener)) >= 0)
		bench_check(pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd) == 0);
	return 1;
}
