/* load.c -- asks servers in turn for the same file, and tells what each answer has cost them.
 *
 *     load LABEL TARGET CONNECTIONS REQUESTS ROUNDS FILE name=command...
 *
 * Starts each server, has it answer once and compares that, byte for byte, with FILE. Then it goes
 * round, REQUESTS to the first, to the second, and so on, ROUNDS times, so that they meet the same
 * moods of the machine. Every answer must have as many bytes as the first. Prints a line a round
 * and server:
 *
 *     round <tab> name <tab> label <tab> cpu <tab> ns <tab> of the server's processor a request
 *     round <tab> name <tab> label <tab> wall <tab> ns <tab> of the clock a request */
#include "../http/server.h"
#include <sys/epoll.h>
#include <sys/stat.h>

enum { SIDES = 16, ROOM = 1 << 18, EVENTS = 256 };

struct connection {
	int fd;
	uint64_t left; /* bytes of the answer */
};

struct side {
	const char *name;
	struct server server;
	char request[512];
	size_t request_len;
	uint64_t answer_len;
	int epoll;
	struct connection *connections;
	unsigned to_ask, to_hear;
};

static struct side sides[SIDES];
static char room[ROOM];

static void ask(struct side *s, struct connection *c)
{
	if (!s->to_ask)
		return;
	s->to_ask--;
	s->to_hear++;
	c->left = s->answer_len;
	bench_check(send(c->fd, s->request, s->request_len, MSG_NOSIGNAL) ==
		    (ssize_t)s->request_len);
}

static void hear(struct side *s, struct connection *c)
{
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);

	bench_check(n > 0 && (uint64_t)n <= c->left);
	c->left -= (uint64_t)n;
	if (c->left)
		return;
	s->to_hear--;
	ask(s, c);
}

static void flood(struct side *s, unsigned connections, unsigned requests)
{
	struct epoll_event events[EVENTS];

	s->to_ask = requests;
	for (unsigned i = 0; i < connections; i++)
		ask(s, &s->connections[i]);
	while (s->to_hear) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			hear(s, events[i].data.ptr);
	}
}

/* The first answer: its body is the file. */
static void learn(struct side *s, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat stat;
	char *all, *body, *want;
	size_t len = 0;
	int fd = server_connect(&s->server, 1);

	bench_check(file && fd >= 0 && fstat(fileno(file), &stat) == 0);
	all = bench_alloc(1, (size_t)stat.st_size + 4096);
	want = bench_alloc(1, (size_t)stat.st_size + 1);
	bench_check(fread(want, 1, (size_t)stat.st_size, file) == (size_t)stat.st_size);
	bench_check(send(fd, s->request, s->request_len, MSG_NOSIGNAL) == (ssize_t)s->request_len);
	do {
		ssize_t n = recv(fd, all + len, (size_t)stat.st_size + 4095 - len, 0);

		bench_check(n > 0);
		len += (size_t)n;
		body = memmem(all, len, "\r\n\r\n", 4);
	} while (!body || len < (size_t)(body + 4 - all) + (size_t)stat.st_size);
	s->answer_len = len;
	bench_check(memcmp(all, "HTTP/1.1 200 ", 13) == 0);
	bench_check(memcmp(body + 4, want, (size_t)stat.st_size) == 0);
	fclose(file);
	free(all);
	free(want);
	close(fd);
}

static void prepare(struct side *s, char *what, const char *target, const char *path,
		    unsigned connections)
{
	char *command = strchr(what, '=');

	bench_check(command);
	*command = 0;
	s->name = what;
	server_start(&s->server, command + 1);
	s->request_len = (size_t)snprintf(s->request, sizeof(s->request),
					  "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", target);
	learn(s, path);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->connections = bench_alloc(connections, sizeof(*s->connections));
	for (unsigned i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &s->connections[i] };

		s->connections[i].fd = server_connect(&s->server, 1);
		bench_check(epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->connections[i].fd, &event) == 0);
	}
}

static void measure(struct side *s, const char *label, unsigned round, unsigned connections,
		    unsigned requests)
{
	uint64_t cpu = server_cpu(&s->server);
	struct bench_time began = bench_time();

	flood(s, connections, requests);
	cpu = server_cpu(&s->server) - cpu;
	if (!round)
		return;
	printf("%u\t%s\t%s\tcpu\tns\t%.6g\n", round, s->name, label, (double)cpu / requests);
	printf("%u\t%s\t%s\twall\tns\t%.6g\n", round, s->name, label,
	       (double)(bench_time().wall - began.wall) / requests);
}

int main(int argc, char **argv)
{
	unsigned connections, requests, rounds, count = 0;

	bench_check(argc > 7 && argc - 7 <= SIDES);
	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	connections = (unsigned)atoi(argv[3]);
	requests = (unsigned)atoi(argv[4]);
	rounds = (unsigned)atoi(argv[5]);
	for (; (int)count < argc - 7; count++)
		prepare(&sides[count], argv[7 + count], argv[2], argv[6], connections);
	for (unsigned round = 0; round <= rounds; round++) /* the first is to warm up */
		for (unsigned i = 0; i < count; i++)
			measure(&sides[i], argv[1], round, connections, requests);
	for (unsigned i = 0; i < count; i++)
		server_end(&sides[i].server);
	server_wait_for_all();
	return 0;
}
