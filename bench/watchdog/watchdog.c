/* watchdog.c -- what a watchdog costs the loop it watches.
 *
 *	watchdog pipes|http FIRST ROUNDS    a line a figure: round, who, the work, "cpu", "ns", of each
 *	watchdog count with|without TRIPS   that many trips, for somebody who counts instructions
 *
 * A byte goes to and fro between two watched descriptors, or HTTP requests come from a client in
 * another process. Two loops do that in turn, a short while each, one of them with a watchdog: what a
 * machine does to one it does to the other. All are on one core: whether a client is where its server
 * is, or has to be woken elsewhere, makes more of a difference than any watchdog. Measured is the
 * processor time of all threads of this process, so the watchdog's own is in it, and who else uses
 * the machine is not. FIRST is the number of the first round; the loop that is made first, and begins,
 * is the other in odd ones, as memory is handed out in order. */
#include "../bench.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <ouro.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define TRIPS    30000
#define REQUESTS 4000

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static ouro_loop *new_loop(unsigned watch_ms)
{
	ouro_loop *loop = ouro_loop_new(&(ouro_loop_opts){ .watch_ms = watch_ms });

	bench_check(loop);
	return loop;
}

/* ---- Descriptors ---- */

struct pipes {
	ouro_loop *loop;
	int a[2], b[2]; /* each byte from a's end comes back through b's */
	unsigned left;
};

static void pass(int from, int to)
{
	char byte;

	bench_check(read(from, &byte, 1) == 1);
	bench_check(write(to, &byte, 1) == 1);
}

static void on_there(ouro_io *io, unsigned ready, void *arg)
{
	struct pipes *pipes = arg;

	(void)io, (void)ready;
	pass(pipes->a[0], pipes->b[1]);
}

static void on_back(ouro_io *io, unsigned ready, void *arg)
{
	struct pipes *pipes = arg;
	char byte;

	(void)io, (void)ready;
	if (--pipes->left) {
		pass(pipes->b[0], pipes->a[1]);
		return;
	}
	bench_check(read(pipes->b[0], &byte, 1) == 1);
	ouro_loop_stop(pipes->loop, 0);
}

static void *open_pipes(unsigned watch_ms)
{
	struct pipes *pipes = calloc(1, sizeof(*pipes));

	bench_check(pipes);
	pipes->loop = new_loop(watch_ms);
	bench_check(!pipe2(pipes->a, O_NONBLOCK) && !pipe2(pipes->b, O_NONBLOCK));
	bench_check(!ouro_io_open(pipes->loop, pipes->a[0], OURO_READABLE, on_there, pipes, NULL));
	bench_check(!ouro_io_open(pipes->loop, pipes->b[0], OURO_READABLE, on_back, pipes, NULL));
	return pipes;
}

static void make_trips(void *arg, unsigned n)
{
	struct pipes *pipes = arg;

	pipes->left = n;
	bench_check(write(pipes->a[1], "x", 1) == 1);
	ouro_loop_run(pipes->loop);
	bench_check(pipes->left == 0);
}

/* ---- HTTP ---- */

struct site {
	ouro_loop *loop;
	ouro_server *server;
	unsigned left;
	int client; /* a byte makes it ask REQUESTS times */
};

static void hello(ouro_req *req, void *arg)
{
	struct site *site = arg;

	ouro_req_reply(req, 200, "text/plain", ouro_str_z("hello\n"));
	if (!--site->left)
		ouro_loop_stop(site->loop, 0);
}

static int ask_all(int fd)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[1024];

	for (int i = 0; i < REQUESTS; i++)
		if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) < 0 ||
		    recv(fd, answer, sizeof(answer), 0) <= 0)
			return -1;
	return 0;
}

_Noreturn static void visit(uint16_t port, int told)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		_exit(1);
	while (read(told, &byte, 1) == 1)
		if (ask_all(fd))
			_exit(1);
	_exit(0);
}

static void *open_site(unsigned watch_ms)
{
	struct site *site = calloc(1, sizeof(*site));
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = hello, .arg = site };
	int tell[2];
	pid_t pid;

	bench_check(site && !pipe(tell));
	site->loop = new_loop(watch_ms);
	bench_check(!ouro_http_listen(site->loop, &opts, &site->server));
	site->client = tell[1];
	pid = fork();
	bench_check(pid >= 0);
	if (pid == 0) {
		close(tell[1]);
		visit(ouro_server_port(site->server), tell[0]);
	}
	close(tell[0]);
	return site;
}

static void answer_all(void *arg, unsigned n)
{
	struct site *site = arg;

	site->left = n;
	bench_check(write(site->client, "x", 1) == 1);
	ouro_loop_run(site->loop);
	bench_check(site->left == 0);
}

/* ---- Both ---- */

struct work {
	const char *word, *name;
	void *(*open)(unsigned watch_ms);
	void (*go)(void *arg, unsigned n);
	unsigned n;
};

static double measure(const struct work *work, void *arg)
{
	double began = cpu_ns();

	work->go(arg, work->n);
	return (cpu_ns() - began) / work->n;
}

static void compare(const struct work *work, int first, int rounds)
{
	static const char *const who[] = { "without", "with" };
	void *arg[2];

	for (int i = 0; i < 2; i++) {
		int watched = (first + i) % 2;

		arg[watched] = work->open(watched ? 50 : 0);
		measure(work, arg[watched]); /* warm */
	}
	for (int i = first; i < first + rounds; i++)
		for (int k = 0; k < 2; k++) {
			int watched = (i + k) % 2;

			printf("%d\t%s\t%s\tcpu\tns\t%.1f\n", i, who[watched], work->name,
			       measure(work, arg[watched]));
		}
}

static void *rest(void *arg)
{
	pause();
	return arg;
}

/* Where all takes forty times as long the watchdog looks as often, a trip, when it waits so. In a
 * process of two threads the C library's calls are longer; a pool makes it one as well, so both are. */
static void count(bool watched, unsigned trips)
{
	pthread_t thread;

	bench_check(!pthread_create(&thread, NULL, rest, NULL));
	make_trips(open_pipes(watched ? 2000 : 0), trips);
}

int main(int argc, char **argv)
{
	static const struct work works[] = {
		{ "pipes", "a byte to and fro", open_pipes, make_trips, TRIPS },
		{ "http", "an HTTP request", open_site, answer_all, REQUESTS },
	};

	bench_check(argc == 4);
	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	bench_pin(0);
	if (!strcmp(argv[1], "count"))
		count(!strcmp(argv[2], "with"), (unsigned)atoi(argv[3]));
	for (int i = 0; i < 2; i++)
		if (!strcmp(argv[1], works[i].word))
			compare(&works[i], atoi(argv[2]), atoi(argv[3]));
	return 0;
}
