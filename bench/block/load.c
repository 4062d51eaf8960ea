/* load.c -- what does one long computation do to everybody else? Asked of servers, one by one.
 *
 *     load [-c CORES] [-t SECONDS] [-r RATE] [-j MS] [-l LABEL] [-o FILE] name=command...
 *
 * Each server (../http/server.h) answers /ping with "pong", and /cpu?n=N with what N steps of
 * spin.h come to. First it is asked how many steps it does in MS (500). Then it is pinged RATE
 * (500) times a second for SECONDS (4): alone, while one client asks for /cpu again and
 * again, and while four do. A server whose name ends in "!" has no /cpu and is only pinged.
 *
 * The pings leave by the clock, whether or not the ones before were answered. They come from 64 users
 * in turn, each with a connection that stays; a user who still waits for an answer opens another.
 * The time of a ping is counted from when it should have left. So a server that stands still
 * cannot keep us from asking, and every ping that it missed counts; of a server of several processes
 * each has its share of the users. A ping that is never answered ends the run.
 *
 * With -c 1 the server has the first core to itself; with -c 2, both. We are on the last one, and
 * ahead of everybody there (SCHED_FIFO) where we may: what waits is then the server, not us.
 *
 * FILE gets a line a ping: name, label, when it should have left (s), how long it took (ms).
 *
 *     p50 p99 max  ns, of the pings
 *     late         share of them that took more than 10 ms
 *     jobs         /cpu answers, a second
 *     steps        that the server does in MS, by itself */
#include "../http/answer.h"
#include "spin.h"
#include <limits.h>
#include <sys/epoll.h>

enum {
	LOAD_PINGS = 1 << 16,
	LOAD_ASKERS = 4,
	LOAD_USERS = 64,
	LOAD_EVENTS = 256,
	LOAD_TRIES = 8,
};

#define MS        UINT64_C(1000000)
#define SECOND    (1000 * MS)
#define LATE      (10 * MS)
#define PATIENCE  (20 * SECOND)
#define FIRST_TRY 100000

/* A connection, and the request that is out on it. */
struct caller {
	int fd;
	bool is_job, connecting;
	bool busy, once; /* waits for an answer; is closed when it has it */
	uint64_t due;    /* when it should have left */
	size_t len;
	char bytes[512];
};

struct run {
	const char *name;
	struct server server;
	uint64_t steps;
	char answer[16]; /* that a job must come to */
	int epoll;
	struct caller *users[LOAD_USERS], *askers[LOAD_ASKERS];
	unsigned next, out, jobs, jobs_out;
	bool over;
	const char *load;
	uint64_t began;
	uint64_t took[LOAD_PINGS];
	unsigned pings;
};

static const char *label = "block";
static unsigned seconds = 4, rate = 500, job_ms = 500;
static bool two_cores;
static FILE *each_ping;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void say(const struct run *r, const char *load, const char *figure, const char *unit,
		double value)
{
	printf("1\t%s\t%s-%s\t%s\t%s\t%.6g\n", r->name, label, load, figure, unit, value);
}

/* ---- One request ---- */

static void watch(struct run *r, struct caller *c, int how)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c->connecting)
		event.events |= EPOLLOUT;
	bench_check(epoll_ctl(r->epoll, how, c->fd, &event) == 0);
}

/* Without waiting: who is behind may be standing still. */
static struct caller *connect_one(struct run *r)
{
	struct sockaddr_in to = server_addr(1, r->server.port);
	struct caller *c = bench_alloc(1, sizeof(*c));
	int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bench_check(c->fd >= 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	c->connecting = connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0;
	bench_check(!c->connecting || errno == EINPROGRESS);
	watch(r, c, EPOLL_CTL_ADD);
	return c;
}

static void send_it(struct run *r, struct caller *c)
{
	char path[64], text[256];
	int n;

	snprintf(path, sizeof(path), c->is_job ? "/cpu?n=%llu" : "/ping",
		 (unsigned long long)r->steps);
	n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", path,
		     r->server.port);
	bench_check(send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n);
}

static void hang_up(struct caller *c)
{
	close(c->fd);
	free(c);
}

static void ask(struct run *r, struct caller *c, uint64_t due)
{
	c->busy = true;
	c->due = due;
	c->len = 0;
	if (c->is_job)
		r->jobs_out++;
	else
		r->out++;
	if (!c->connecting)
		send_it(r, c);
}

static void ping(struct run *r, uint64_t due)
{
	struct caller *c = r->users[r->next++ % LOAD_USERS];

	if (c->busy) {
		c = connect_one(r);
		c->once = true;
	}
	ask(r, c, due);
}

/* Its body; NULL: more is to come. */
static const char *body_of(const struct caller *c)
{
	const char *end = strstr(c->bytes, "\r\n\r\n");
	const char *length = strcasestr(c->bytes, "\r\nContent-Length: ");

	if (!end)
		return NULL;
	bench_check(strncmp(c->bytes, "HTTP/1.1 200 ", 13) == 0 && length && length < end);
	end += 4;
	return strlen(end) < strtoul(length + 18, NULL, 10) ? NULL : end;
}

static void note(struct run *r, uint64_t due, uint64_t took)
{
	bench_check(r->pings < LOAD_PINGS);
	r->took[r->pings++] = took;
	r->out--;
	if (each_ping && r->load)
		fprintf(each_ping, "%s\t%s-%s\t%.4f\t%.4f\n", r->name, label, r->load,
			(double)(due - r->began) / 1e9, (double)took / 1e6);
}

static void answered(struct run *r, struct caller *c, const char *body)
{
	c->busy = false;
	if (c->is_job) {
		bench_check(strncmp(body, r->answer, strlen(r->answer)) == 0);
		r->jobs++;
		r->jobs_out--;
		if (!r->over)
			ask(r, c, now_ns());
	} else {
		bench_check(strncmp(body, "pong", 4) == 0);
		note(r, c->due, now_ns() - c->due);
		if (c->once)
			hang_up(c);
	}
}

static void hear(struct run *r, struct caller *c)
{
	const char *body;
	ssize_t n;

	if (c->connecting) {
		c->connecting = false;
		watch(r, c, EPOLL_CTL_MOD);
		send_it(r, c);
		return;
	}
	n = recv(c->fd, c->bytes + c->len, sizeof(c->bytes) - 1 - c->len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	bench_check(n > 0);
	c->len += (size_t)n;
	c->bytes[c->len] = 0;
	if ((body = body_of(c)))
		answered(r, c, body);
}

static void listen_until(struct run *r, uint64_t when)
{
	struct epoll_event events[LOAD_EVENTS];
	uint64_t now = now_ns(), left = when > now ? when - now : 0;
	struct timespec wait = { (time_t)(left / SECOND), (long)(left % SECOND) };
	int n = epoll_pwait2(r->epoll, events, LOAD_EVENTS, &wait, NULL);

	for (int i = 0; i < n; i++)
		hear(r, events[i].data.ptr);
}

/* ---- The phases ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void tell(struct run *r, uint64_t lasted)
{
	unsigned late = 0;

	bench_check(r->pings > 100);
	qsort(r->took, r->pings, sizeof(r->took[0]), by_size);
	for (unsigned i = 0; i < r->pings; i++)
		late += r->took[i] > LATE;
	say(r, r->load, "p50", "ns", (double)r->took[r->pings / 2]);
	say(r, r->load, "p99", "ns", (double)r->took[r->pings * 99 / 100]);
	say(r, r->load, "max", "ns", (double)r->took[r->pings - 1]);
	say(r, r->load, "late", "share", (double)late / r->pings);
	if (r->jobs)
		say(r, r->load, "jobs", "per s", (double)r->jobs * 1e9 / (double)lasted);
}

static void settle(struct run *r)
{
	uint64_t end = now_ns() + PATIENCE;

	while (r->out || r->jobs_out) {
		listen_until(r, end);
		bench_check(now_ns() < end);
	}
}

/* Everybody connects and has had an answer; then those that ask for work connect. */
static void gather(struct run *r, unsigned askers)
{
	r->load = NULL;
	r->pings = r->jobs = 0;
	for (unsigned i = 0; i < LOAD_USERS; i++) {
		r->users[i] = connect_one(r);
		ask(r, r->users[i], now_ns());
	}
	settle(r);
	for (unsigned i = 0; i < askers; i++) {
		r->askers[i] = connect_one(r);
		r->askers[i]->is_job = true;
	}
	r->pings = 0;
}

static void part(struct run *r, unsigned askers)
{
	for (unsigned i = 0; i < LOAD_USERS; i++)
		hang_up(r->users[i]);
	for (unsigned i = 0; i < askers; i++)
		hang_up(r->askers[i]);
}

static void measure(struct run *r, const char *load, unsigned askers)
{
	uint64_t began, next, end, lasted;

	gather(r, askers);
	r->load = load;
	r->over = false;
	r->began = began = now_ns();
	next = began + SECOND / rate;
	end = began + seconds * SECOND;
	for (unsigned i = 0; i < askers; i++)
		ask(r, r->askers[i], began);
	while (next < end) {
		listen_until(r, next);
		for (; next <= now_ns() && next < end; next += SECOND / rate)
			ping(r, next);
	}
	lasted = now_ns() - began;
	r->over = true;
	settle(r);
	tell(r, lasted);
	part(r, askers);
}

static uint64_t time_of_job(struct run *r)
{
	uint64_t began;

	snprintf(r->answer, sizeof(r->answer), "%u", spin(r->steps));
	began = now_ns();
	ask(r, r->askers[0], began);
	settle(r);
	return now_ns() - began;
}

/* How many steps take job_ms. A compiler that is just warming up is asked again. */
static void calibrate(struct run *r)
{
	gather(r, 1);
	r->over = true;
	r->steps = FIRST_TRY;
	for (int i = 0; i < LOAD_TRIES; i++) {
		double ratio = (double)(job_ms * MS) / (double)time_of_job(r);

		if (ratio > 0.95 && ratio < 1.05)
			break;
		r->steps = (uint64_t)((double)r->steps * (ratio < 20 ? ratio : 20));
	}
	time_of_job(r);
	say(r, "alone", "steps", "count", (double)r->steps);
	part(r, 1);
}

/* A name that ends in "!" has no /cpu. */
static void serve(char *name, char *command)
{
	struct run *r = bench_alloc(1, sizeof(*r));
	size_t len = strlen(name);
	bool computes = name[len - 1] != '!';

	if (!computes)
		name[len - 1] = 0;
	r->name = name;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->server.anywhere = two_cores;
	r->server.group = true;
	server_start(&r->server, command);
	if (computes)
		calibrate(r);
	measure(r, "idle", 0);
	if (computes) {
		measure(r, "one", 1);
		measure(r, "four", LOAD_ASKERS);
	}
	close(r->epoll);
	server_end(&r->server);
	server_wait_for_all();
	free(r);
}

/* ---- The command line ---- */

static void misuse(const char *what)
{
	fprintf(stderr, "load: %s? Its head tells how it is called.\n", what);
	exit(2);
}

static unsigned number(const char *z)
{
	char *end;
	unsigned long n = strtoul(z, &end, 10);

	if (*end || end == z || n == 0 || n > 1000000)
		misuse(z);
	return (unsigned)n;
}

/* Ahead of those that compute, where we may: else the kernel would let us wait for them. */
static void come_first(void)
{
	struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) != 0)
		fprintf(stderr, "load: may not run ahead of the server; where both share a core "
				"its figures have our waiting in them\n");
}

/* clang-format off */
static void read_option(int option, const char *z)
{
	switch (option) {
	case 'c': two_cores = number(z) > 1; break;
	case 't': seconds = number(z); break;
	case 'r': rate = number(z); break;
	case 'j': job_ms = number(z); break;
	case 'l': label = z; break;
	case 'o': bench_check((each_ping = fopen(z, "w"))); break;
	default: misuse("which option");
	}
}
/* clang-format on */

int main(int argc, char **argv)
{
	int option;

	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	while ((option = getopt(argc, argv, "+c:t:r:j:l:o:")) != -1)
		read_option(option, optarg);
	if (optind == argc || rate * seconds > LOAD_PINGS)
		misuse("which servers");
	come_first();
	for (; optind < argc; optind++) {
		char *command = strchr(argv[optind], '=');

		if (!command)
			misuse(argv[optind]);
		*command++ = 0;
		serve(argv[optind], command);
		fflush(stdout);
	}
	return 0;
}
