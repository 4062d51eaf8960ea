/* watchdog.c -- what a watchdog costs the loop it watches.
 *
 * The same work with and without one, in turn, ROUNDS times: a byte to and fro between two watched
 * descriptors, and HTTP requests of a client in another process. Measured is the processor time of
 * all threads of this process, so the watchdog's own is in it, and who else uses the machine is not.
 * Prints a line a figure: round, "with" or "without", the work, "cpu", "ns" of each. */
#include "../bench.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <ouro.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ROUNDS   9
#define TRIPS    50000
#define REQUESTS 10000

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static ouro_loop *new_loop(bool watched)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = watched ? 50 : 0 });

	bench_check(loop);
	return loop;
}

/* ---- Descriptors ---- */

static struct {
	int a[2], b[2]; /* each byte from a's end comes back through b's */
	unsigned left;
	ouro_io *there, *back;
} pipes;

static void pass(int from, int to)
{
	char byte;

	bench_check(read(from, &byte, 1) == 1);
	bench_check(write(to, &byte, 1) == 1);
}

static void on_there(ouro_io *io, unsigned ready, void *arg)
{
	(void)io, (void)ready, (void)arg;
	pass(pipes.a[0], pipes.b[1]);
}

static void on_back(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready, (void)arg;
	if (--pipes.left) {
		pass(pipes.b[0], pipes.a[1]);
		return;
	}
	ouro_io_close(io);
	ouro_io_close(pipes.there);
}

static double pipe_trips(bool watched)
{
	ouro_loop *loop = new_loop(watched);
	double began, took;

	bench_check(!pipe2(pipes.a, O_NONBLOCK) && !pipe2(pipes.b, O_NONBLOCK));
	pipes.left = TRIPS;
	ouro_io_open(loop, pipes.a[0], OURO_READABLE, on_there, NULL, &pipes.there);
	ouro_io_open(loop, pipes.b[0], OURO_READABLE, on_back, NULL, &pipes.back);
	bench_check(write(pipes.a[1], "x", 1) == 1);
	began = cpu_seconds();
	ouro_loop_run(loop);
	took = cpu_seconds() - began;
	bench_check(pipes.left == 0);
	ouro_loop_free(loop);
	for (int i = 0; i < 2; i++) {
		close(pipes.a[i]);
		close(pipes.b[i]);
	}
	return took;
}

/* ---- HTTP ---- */

static unsigned answered;

static void hello(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
	if (++answered == REQUESTS)
		ouro_loop_stop(ouro_req_loop(req), 0);
}

_Noreturn static void visit(uint16_t port)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char answer[1024];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		_exit(1);
	for (int i = 0; i < REQUESTS; i++)
		if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0 ||
		    recv(fd, answer, sizeof(answer), 0) <= 0)
			_exit(i < REQUESTS - 1);
	_exit(0);
}

static double http_requests(bool watched)
{
	ouro_loop *loop = new_loop(watched);
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = hello };
	ouro_server *server;
	double began, took;
	int status;
	pid_t pid;

	answered = 0;
	bench_check(!ouro_http_listen(loop, &opts, &server));
	pid = fork();
	if (pid == 0)
		visit(ouro_server_port(server));
	began = cpu_seconds();
	ouro_loop_run(loop);
	took = cpu_seconds() - began;
	ouro_loop_free(loop);
	bench_check(waitpid(pid, &status, 0) == pid && status == 0 && answered == REQUESTS);
	return took;
}

/* ---- Both ---- */

static void measure(const char *what, double (*work)(bool watched), unsigned n)
{
	work(false);
	for (int i = 0; i < 2 * ROUNDS; i++) {
		bool watched = (i & 1) != (i / 2 & 1); /* who is first changes */

		printf("%d\t%s\t%s\tcpu\tns\t%.6g\n", i / 2 + 1, watched ? "with" : "without", what,
		       work(watched) / n * 1e9);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0); /* a child of ours writes nothing of it again */
	measure("a byte to and fro", pipe_trips, TRIPS);
	measure("an HTTP request", http_requests, REQUESTS);
	return 0;
}
