/* server.h -- the server that is measured: started, looked at from outside, and ended.
 *
 * It is any command that takes "-p PORT" at its end and listens there, on 127.0.0.1. It runs on the
 * first core and we on the second, so that its caches are its own. What it used is
 * asked of the kernel: its processor time is a clock like any other, with all its threads in it, to
 * the nanosecond; its memory is what it touched itself, not what it maps of files.
 *
 * A wrapper may stand before it (valgrind, strace -D) and leave a process behind that still writes
 * what it counted: that one becomes our child, and is waited for. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H
#include "../bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct server {
	pid_t pid;
	uint16_t port;
	clockid_t clock;
	bool anywhere; /* it may use every core, not only the first */
	bool group;    /* it is several processes: they end together */
};

enum { SERVER_PATIENCE_MS = 20000, SERVER_FIRST_PORT = 10000, SERVER_PORTS = 20000 };

static inline struct sockaddr_in server_addr(unsigned last, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000000 + last),
		.sin_port = htons(port),
	};
}

/* One that nobody listens on, below those that the kernel gives to clients: who tries to connect
 * to one of his own before anybody listens there may find himself. */
static inline uint16_t server_free_port(void)
{
	for (unsigned i = 0; i < SERVER_PORTS; i++) {
		unsigned port = SERVER_FIRST_PORT + ((unsigned)getpid() * 7 + i) % SERVER_PORTS;
		struct sockaddr_in addr = server_addr(1, (uint16_t)port);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int err;

		bench_check(fd >= 0);
		err = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
		close(fd);
		if (!err)
			return (uint16_t)port;
	}
	bench_check(!"a free port");
	return 0;
}

/* From 127.0.0.last; below 0: nobody listens there. */
static inline int server_connect(const struct server *s, unsigned last)
{
	struct sockaddr_in from = server_addr(last, 0), to = server_addr(1, s->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	bench_check(fd >= 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (last != 1) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
		bench_check(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	}
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	bench_check(errno == ECONNREFUSED);
	close(fd);
	return -1;
}

static inline void server_exec(const struct server *s, const char *command)
{
	char line[1024];
	int nowhere = open("/dev/null", O_WRONLY);

	bench_check(snprintf(line, sizeof(line), "exec %s -p %u", command, s->port) < 1024);
	if (!s->anywhere)
		bench_pin(0);
	if (s->group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(nowhere, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(127);
}

static inline void server_wait_until_it_listens(const struct server *s)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < SERVER_PATIENCE_MS; i++) {
		int fd = server_connect(s, 1);

		if (fd >= 0) {
			close(fd);
			return;
		}
		bench_check(waitpid(s->pid, NULL, WNOHANG) == 0);
		nanosleep(&pause, NULL);
	}
	bench_check(!"a server that listens");
}

static inline void server_start(struct server *s, const char *command)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->port = server_free_port();
	s->pid = fork();
	bench_check(s->pid >= 0);
	if (s->pid == 0)
		server_exec(s, command);
	bench_pin(1);
	server_wait_until_it_listens(s);
	bench_check(clock_getcpuclockid(s->pid, &s->clock) == 0);
}

/* ns of all its threads, in the program and in the kernel. */
static inline uint64_t server_cpu(const struct server *s)
{
	struct timespec t;

	bench_check(clock_gettime(s->clock, &t) == 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Bytes that are its own and in memory. */
static inline double server_memory(const struct server *s)
{
	char path[64], line[256];
	double kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)s->pid);
	f = fopen(path, "r");
	bench_check(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "RssAnon: %lf", &kib);
	fclose(f);
	bench_check(kib >= 0);
	return kib * 1024;
}

static inline void server_end(const struct server *s)
{
	if (s->group)
		kill(-s->pid, SIGKILL);
	else
		kill(s->pid, SIGTERM);
}

/* Until all have ended, and what stood before them. */
static inline void server_wait_for_all(void)
{
	while (wait(NULL) > 0)
		;
}
#endif
