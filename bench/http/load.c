/* load.c -- asks servers for the same thing again and again, and tells what that has cost them.
 *
 *     load [option...] name=command [[option...] name=command...]
 *
 * Starts each server (server.h), opens its connections, and goes round: a slice of requests to the
 * first, until every answer is in, to the second, to the last, and again. So they meet the same
 * moods of the machine, milliseconds apart, and what is compared is round by round; only one server
 * is busy at a time. On a core of its own the load never sleeps: a server that has to wake its
 * client pays for that, so the slower ones would look slower than they are. Options hold for the
 * servers behind them:
 *
 *     -l load    the task's name in what is printed
 *     -c 64      connections; each asks again when it has been answered
 *     -d 1       requests it sends at once
 *     -o         one request a connection, then a new one
 *     -i 0       so many more that look on, idle (idle.h); "max": all that the server may have
 *     -u /       the target
 *     -v         with a query behind it that is never the same
 *     -a target  where the server tells two numbers: allocations made so far, bytes held now
 *     -n 1000    requests a slice; or
 *     -t 0       seconds a slice
 *     -w 0       requests before the first round, to warm up
 *     -r 1       rounds
 *     -g 0       ns that we work for each answer: so much, and we are the bottleneck
 *     -s         one core for all, the servers and us
 *
 * Prints a line a figure: round, name, label, figure, unit, value, with tabs between.
 *
 *     cpu      ns of the server's processor a request
 *     wall     ns of the clock a request
 *     p50 p99  ns from asking to the last byte of the answer, at most 3 % too low
 *     busy     share of the time that the server worked; 1 means that we waited for it
 *     memory   bytes of the server's own an idle connection, between a quarter of them and all
 *     made     allocations a request and
 *     held     bytes from the allocator an idle connection, with -a */
#include "answer.h"
#include "idle.h"
#include <limits.h>
#include <sys/epoll.h>

enum {
	LOAD_SIDES = 32,
	LOAD_ROOM = 1 << 16,
	LOAD_EVENTS = 512,
	LOAD_SPARE = 100, /* descriptors of a server that are not connections */
	LOAD_STEPS = 32,  /* of the histogram, between two powers of two */
};

struct settings {
	const char *label, *target, *accounts;
	unsigned connections, depth, idle;
	uint64_t requests, warm_up, seconds, gap;
	bool once, varied;
};

struct connection {
	int fd;
	unsigned awaited; /* answers */
	size_t at;        /* so many bytes of the first of them are here */
	uint64_t asked;
};

/* A server, and what we have to do with it. */
struct side {
	const char *name, *command;
	struct settings set;
	struct server server;
	struct idle idle;
	struct answer model;
	char request[LOAD_ROOM];    /* as often as it is sent at once */
	size_t request_len, digits; /* of one; where in it the query's are */
	int epoll;
	struct connection *connections;
	uint64_t to_ask, to_hear, to_close;
	uint64_t took[64 * LOAD_STEPS], took_count;
};

static struct side *sides[LOAD_SIDES];
static unsigned side_count, rounds = 1, now_round;
static bool sleeps;    /* when there is nothing to hear */
static unsigned limit; /* of descriptors, ours and any server's */
static char room[LOAD_ROOM];

static void say(const struct side *s, const char *figure, const char *unit, double value)
{
	printf("%u\t%s\t%s\t%s\t%s\t%.6g\n", now_round, s->name, s->set.label, figure, unit, value);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* How long an answer took. */

static void note(struct side *s, uint64_t ns)
{
	unsigned power = 63 - (unsigned)__builtin_clzll(ns | LOAD_STEPS);

	s->took[(power - 5) * LOAD_STEPS + (ns >> (power - 5))]++;
	s->took_count++;
}

/* That share of them took less. */
static double quantile(const struct side *s, double share)
{
	uint64_t below = (uint64_t)((double)s->took_count * share), seen = 0;
	size_t i = 0;

	while ((seen += s->took[i]) <= below)
		i++;
	return i < 2 * LOAD_STEPS ? (double)i
				  : (double)((i % LOAD_STEPS + LOAD_STEPS) << (i / LOAD_STEPS - 1));
}

/* Asking and hearing. */

static int open_connection(const struct side *s)
{
	int fd = server_connect(&s->server, 1);

	bench_check(fd >= 0);
	return fd;
}

static void watch(struct side *s, struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = open_connection(s);
	bench_check(epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0);
}

#define VARIED "?n=00000000"

static size_t write_request(const struct side *s, char *to, const char *target)
{
	int n = snprintf(to, 512, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", target,
			 s->set.varied ? VARIED : "", s->server.port,
			 s->set.once ? "Connection: close\r\n" : "");

	bench_check(n > 0 && n < 512);
	return (size_t)n;
}

/* Counts up, in each of the n requests. */
static void vary(struct side *s, unsigned n)
{
	static unsigned count;
	char *at = s->request + s->digits;

	for (; n--; at += s->request_len) {
		unsigned left = ++count;

		for (int i = 7; i >= 0; i--, left /= 10)
			at[i] = (char)('0' + left % 10);
	}
}

static void ask(struct side *s, struct connection *c, uint64_t now)
{
	unsigned n = s->to_ask < s->set.depth ? (unsigned)s->to_ask : s->set.depth;
	ssize_t len = (ssize_t)(n * s->request_len);

	if (!n)
		return;
	if (s->set.once) {
		watch(s, c);
		s->to_close++;
	}
	if (s->set.varied)
		vary(s, n);
	bench_check(send(c->fd, s->request, (size_t)len, MSG_NOSIGNAL) == len);
	c->awaited = n;
	c->asked = now;
	s->to_ask -= n;
	s->to_hear += n;
}

static void take(struct side *s, struct connection *c, const char *bytes, size_t n)
{
	while (n) {
		size_t part = s->model.len - c->at < n ? s->model.len - c->at : n;

		bench_check(c->awaited);
		answer_check(&s->model, c->at, bytes, part);
		bytes += part;
		n -= part;
		c->at += part;
		if (c->at == s->model.len) {
			c->at = 0;
			c->awaited--;
			s->to_hear--;
		}
	}
}

/* The end of a connection that had one request comes right behind its answer, or a moment later. */
static void end_connection(struct side *s, struct connection *c, uint64_t now)
{
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);

	bench_check(n == 0 || (n < 0 && errno == EAGAIN));
	if (n < 0)
		return;
	close(c->fd);
	s->to_close--;
	ask(s, c, now);
}

/* As one that reads the answers and draws curves would. */
static void work(uint64_t ns)
{
	uint64_t end = ns ? now_ns() + ns : 0;

	while (ns && now_ns() < end)
		;
}

static void hear(struct side *s, struct connection *c, uint64_t now)
{
	ssize_t n;

	if (c->awaited) {
		n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);
		bench_check(n > 0);
		take(s, c, room, (size_t)n);
		if (c->awaited)
			return;
		note(s, now - c->asked);
		work(s->set.gap);
	}
	if (s->set.once)
		end_connection(s, c, now);
	else
		ask(s, c, now);
}

/* So many requests, or for so long; returns how many, when nothing is out any more. */
static uint64_t flood(struct side *s, uint64_t requests, uint64_t seconds)
{
	struct epoll_event events[LOAD_EVENTS];
	uint64_t now = now_ns(), end = seconds ? now + seconds * 1000000000 : UINT64_MAX;

	s->to_ask = requests = seconds ? UINT64_MAX : requests;
	for (unsigned i = 0; i < s->set.connections; i++)
		ask(s, &s->connections[i], now);
	while (s->to_hear || s->to_close) {
		int n = epoll_wait(s->epoll, events, LOAD_EVENTS, sleeps ? -1 : 0);

		for (int i = 0; i < n; i++)
			hear(s, events[i].data.ptr, now = now_ns());
		if (now > end) {
			requests -= s->to_ask;
			s->to_ask = 0;
		}
	}
	return requests;
}

/* What the server says of itself. */

struct accounts {
	double made, held;
};

static struct accounts ask_for_accounts(const struct side *s)
{
	static struct answer answer;
	struct accounts all = { 0, 0 };
	char question[512];
	int fd;

	if (!s->set.accounts)
		return all;
	fd = open_connection(s);
	answer_fetch(&answer, fd, question, write_request(s, question, s->set.accounts));
	bench_check(sscanf(answer.bytes + answer.head, "%lf %lf", &all.made, &all.held) == 2);
	close(fd);
	return all;
}

/* The phases. */

static void learn(struct side *s)
{
	int fd = open_connection(s);

	s->request_len = write_request(s, s->request, s->set.target);
	s->digits = strlen("GET ") + strlen(s->set.target) + strlen("?n=");
	bench_check(s->request_len * s->set.depth <= sizeof(s->request));
	answer_fetch(&s->model, fd, s->request, s->request_len);
	for (unsigned i = 1; i < s->set.depth; i++)
		memcpy(s->request + i * s->request_len, s->request, s->request_len);
	close(fd);
}

static void ask_idly(int fd, const void *arg)
{
	static struct answer answer;
	const struct side *s = arg;

	answer_fetch(&answer, fd, s->request, s->request_len);
	bench_check(answer.len == s->model.len);
}

static void measure_idle(struct side *s)
{
	unsigned some = s->set.idle / 4, rest = s->set.idle - some;
	struct accounts before, after;
	double memory;

	s->idle = (struct idle){ .server = &s->server, .ask = ask_idly, .arg = s };
	idle_grow(&s->idle, some);
	before = ask_for_accounts(s);
	memory = server_memory(&s->server);
	idle_grow(&s->idle, s->set.idle);
	memory = server_memory(&s->server) - memory;
	after = ask_for_accounts(s);
	say(s, "idle", "connections", s->set.idle);
	say(s, "memory", "bytes", memory / rest);
	if (s->set.accounts)
		say(s, "held", "bytes", (after.held - before.held) / rest);
}

static void prepare(struct side *s)
{
	server_start(&s->server, s->command);
	learn(s);
	if (s->set.idle)
		measure_idle(s);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->connections = bench_alloc(s->set.connections + 1, sizeof(*s->connections));
	for (unsigned i = 0; i < s->set.connections && !s->set.once; i++)
		watch(s, &s->connections[i]);
	flood(s, s->set.warm_up, 0);
}

static void measure(struct side *s)
{
	struct accounts before, after;
	uint64_t cpu, began, n;
	double spent, lasted;

	if (!s->set.requests && !s->set.seconds)
		return;
	memset(s->took, 0, sizeof(s->took));
	s->took_count = 0;
	before = ask_for_accounts(s);
	cpu = server_cpu(&s->server);
	began = now_ns();
	n = flood(s, s->set.requests, s->set.seconds);
	lasted = (double)(now_ns() - began);
	spent = (double)(server_cpu(&s->server) - cpu);
	after = ask_for_accounts(s);
	say(s, "cpu", "ns", spent / (double)n);
	say(s, "wall", "ns", lasted / (double)n);
	say(s, "p50", "ns", quantile(s, 0.5));
	say(s, "p99", "ns", quantile(s, 0.99));
	say(s, "busy", "share", spent / lasted);
	if (s->set.accounts)
		say(s, "made", "allocations", (after.made - before.made) / (double)n);
}

static void finish(struct side *s)
{
	if (s->set.idle)
		idle_end(&s->idle);
	server_end(&s->server);
}

/* The command line. */

static void misuse(const char *what)
{
	fprintf(stderr, "load: %s? Its head tells how it is called.\n", what);
	exit(2);
}

static unsigned number(const char *z)
{
	char *end;
	unsigned long n = strtoul(z, &end, 10);

	if (*end || end == z || n > 100000000)
		misuse(z);
	return (unsigned)n;
}

static unsigned at_most(unsigned n, unsigned most)
{
	return n < most ? n : most;
}

static void raise_limit(void)
{
	struct rlimit files;

	bench_check(getrlimit(RLIMIT_NOFILE, &files) == 0);
	files.rlim_cur = files.rlim_max;
	bench_check(setrlimit(RLIMIT_NOFILE, &files) == 0);
	limit = files.rlim_max < 1000000 ? (unsigned)files.rlim_max : 1000000;
	bench_check(limit > 2 * LOAD_SPARE);
}

static void share_a_core(void)
{
	int core = sched_getcpu();

	CPU_ZERO(&bench_cores);
	CPU_SET(core, &bench_cores);
}

/* clang-format off */
static void read_option(struct settings *set, int option, const char *z)
{
	switch (option) {
	case 'l': set->label = z; break;
	case 'c': set->connections = at_most(number(z), limit - LOAD_SPARE); break;
	case 'd': set->depth = number(z); break;
	case 'o': set->once = true; break;
	case 'i': set->idle = strcmp(z, "max") == 0 ? limit : number(z); break;
	case 'u': set->target = z; break;
	case 'v': set->varied = true; break;
	case 'a': set->accounts = z; break;
	case 'n': set->requests = number(z); break;
	case 't': set->seconds = number(z); break;
	case 'w': set->warm_up = number(z); break;
	case 'r': rounds = number(z); break;
	case 'g': set->gap = number(z); break;
	case 's': share_a_core(); break;
	default: misuse("which option");
	}
}
/* clang-format on */

static void add_side(const struct settings *set, char *z)
{
	struct side *s = bench_alloc(1, sizeof(*s));
	char *command = strchr(z, '=');

	if (!command || !set->depth || (set->once && set->depth > 1) || side_count == LOAD_SIDES)
		misuse(z);
	*command++ = 0;
	s->name = z;
	s->command = command;
	s->set = *set;
	s->set.idle = at_most(set->idle, limit - LOAD_SPARE - set->connections);
	sides[side_count++] = s;
}

static void read_arguments(int argc, char **argv)
{
	struct settings set = {
		.label = "load", .target = "/", .connections = 64, .depth = 1, .requests = 1000
	};
	int option;

	while (optind < argc) {
		option = getopt(argc, argv, "+l:c:d:oi:u:va:n:t:w:r:g:s");
		if (option != -1)
			read_option(&set, option, optarg);
		else if (optind < argc)
			add_side(&set, argv[optind++]);
	}
	if (!side_count)
		misuse("which server");
}

int main(int argc, char **argv)
{
	bench_check(sched_getaffinity(0, sizeof(bench_cores), &bench_cores) == 0);
	raise_limit();
	read_arguments(argc, argv);
	sleeps = CPU_COUNT(&bench_cores) == 1;
	alarm(BENCH_PATIENCE_S);
	for (unsigned i = 0; i < side_count; i++)
		prepare(sides[i]);
	while (++now_round <= rounds)
		for (unsigned i = 0; i < side_count; i++)
			measure(sides[i]);
	for (unsigned i = 0; i < side_count; i++)
		finish(sides[i]);
	server_wait_for_all();
	return 0;
}
