/* cast.c -- what it costs to tell everybody: a broadcast of 1 KiB by a room, beside the bare send
 * calls of as many sockets; and what an idle WebSocket takes.
 *
 *     cast CLIENTS ROUNDS
 *
 * Prints a line a figure: round, "room" or "send", "cast", "cpu", "ns" a client; and, in round 0, the
 * bytes of an idle one.
 *
 * Both sides are this process's. What is timed is the processor time of the broadcast and of the
 * turn in which it leaves; the clients are read empty outside of it. The two take turns. */
#include <errno.h>
#include <malloc.h>
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK                                                    \
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" \
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"  \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define FRAME 1028

static ouro_loop *loop;
static ouro_room *room;
static char text[1024];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void on_message(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)ws, (void)err, (void)message, (void)arg;
}

static void enter(ouro_req *req, void *arg)
{
	ouro_ws *ws;

	(void)arg;
	if (ouro_ws_accept(req, NULL, &ws) || ouro_ws_on_message(ws, on_message, NULL) ||
	    ouro_room_add_ws(room, ws))
		fail("accept");
}

static void read_empty(const int *fds, size_t n)
{
	char bytes[4096];

	for (size_t i = 0; i < n; i++)
		while (read(fds[i], bytes, sizeof(bytes)) > 0)
			;
}

static void pair_up(int *ret_one, int *ret_other)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		fail("socketpair");
	*ret_one = pair[0];
	*ret_other = pair[1];
}

static size_t memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Bytes for each. What the first few take is not counted: with them comes what is there once. */
static size_t open_ours(int *ours, size_t n)
{
	size_t first = n / 10, before = 0;
	ouro_server *server;
	int theirs;

	if (ouro_http_open(loop, &(ouro_http_opts){ .on_request = enter }, &server))
		fail("open");
	for (size_t i = 0; i < n; i++) {
		before = i == first ? memory() : before;
		pair_up(&ours[i], &theirs);
		if (ouro_server_adopt(server, theirs) ||
		    write(ours[i], ASK, sizeof(ASK) - 1) != sizeof(ASK) - 1)
			fail("adopt");
		for (int turns = 0; turns < 4; turns++)
			ouro_loop_turn(loop);
	}
	read_empty(ours, n);
	return (memory() - before) / (n - first);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double by_room(size_t n)
{
	double begin = cpu();

	if (ouro_room_text(room, ouro_str_n(text, sizeof(text))) != (int64_t)n)
		fail("cast");
	ouro_loop_turn(loop);
	return cpu() - begin;
}

static double by_send(const int *bare, size_t n)
{
	static char frame[FRAME];
	double begin = cpu();

	for (size_t i = 0; i < n; i++)
		if (send(bare[i], frame, sizeof(frame), MSG_NOSIGNAL) != FRAME)
			fail("send");
	return cpu() - begin;
}

static void say(unsigned round, const char *who, double ns)
{
	printf("%u\t%s\tcast\tcpu\tns\t%.6g\n", round, who, ns);
}

int main(int argc, char **argv)
{
	size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned rounds = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	int *fds = calloc(3 * n, sizeof(*fds));
	struct rlimit limit;

	if (!fds || getrlimit(RLIMIT_NOFILE, &limit))
		fail("memory");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	memset(text, 'x', sizeof(text));
	loop = ouro_loop_new(NULL);
	room = ouro_room_new(NULL);
	printf("0\troom\tidle\tmemory\tbytes\t%zu\n", open_ours(fds, n));
	for (size_t i = 0; i < n; i++)
		pair_up(&fds[n + i], &fds[2 * n + i]);
	for (unsigned i = 1; i <= rounds; i++) {
		say(i, "room", by_room(n) / (double)n);
		read_empty(fds, n);
		say(i, "send", by_send(fds + n, n) / (double)n);
		read_empty(fds + 2 * n, n);
	}
	ouro_loop_free(loop);
	ouro_room_free(room);
	free(fds);
	return 0;
}
