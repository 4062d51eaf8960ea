/* soak.c -- millions of requests of every kind against one server, which must be the same at the
 * end as at the beginning.
 *
 *     build/test/soak/soak [SECONDS [SEED]]      0 seconds: until ten million are answered
 *
 * One process serves, two visit (visit.c says how). First for a while to warm up, then they all
 * leave, and what the server holds when nobody is there is written down: bytes of ouro, bytes of
 * the process, descriptors. Then comes the soak, they all leave again, and the figures must be
 * those from before. Every answer is checked by who asked for it. When the server has ended ouro
 * must not hold a byte. Speaks TAP; a line every ten seconds tells how it goes. */
#include "soak.h"
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VISITORS     2
#define MILLIONS     10
#define WARM_PERCENT 10
#define WARM_SECONDS 20

/* How much more the process may hold in the end: what malloc keeps for itself goes up and down. */
#define RSS_ROOM  (4ll << 20)
#define HELD_ROOM (64ll << 10)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RSS_MEANS_NOTHING 1
#else
#define RSS_MEANS_NOTHING 0
#endif

struct figures {
	long long held, rss;
	unsigned fds;
};

static struct soak *soak;
static pid_t server, visitors[VISITORS];
static uint32_t seed;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rest(void)
{
	usleep(20000);
}

static void stop_all(void)
{
	for (unsigned i = 0; i < VISITORS; i++)
		if (visitors[i] > 0)
			kill(visitors[i], SIGKILL);
	if (server > 0)
		kill(server, SIGKILL);
}

_Noreturn static void fail(const char *what)
{
	stop_all();
	printf("not ok 1 - a soak # %s, seed %u\n1..1\n", what, seed);
	exit(1);
}

/* ---- What the server is like ---- */

static long long read_rss(void)
{
	char path[64];
	long long all, pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)server);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lld %lld", &all, &pages) != 2)
		fail("the server has gone");
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static unsigned count_fds(void)
{
	char path[64];
	unsigned count = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)server);
	d = opendir(path);
	if (!d)
		fail("the server's descriptors cannot be counted");
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

/* When nobody is there any more, and it has looked around once since. */
static struct figures figures_in_peace(void)
{
	double until = now() + 30;
	unsigned long long beats;

	do {
		beats = soak->beats;
		while (soak->beats == beats && now() < until)
			rest();
		if (now() >= until)
			fail("connections or requests are left over");
	} while (soak->connections || soak->waiting);
	sleep(1); /* streams that have left the server take a last turn to close */
	return (struct figures){ soak->held, read_rss(), count_fds() };
}

static void tell(const char *when, struct figures figures)
{
	printf("# %s: %llu answers, %llu visits, %llu broken off; ouro holds %lld KiB, "
	       "the process %lld KiB, %u descriptors\n",
	       when, (unsigned long long)soak->answers, (unsigned long long)soak->visits,
	       (unsigned long long)soak->aborts, figures.held >> 10, figures.rss >> 10,
	       figures.fds);
	fflush(stdout);
}

/* ---- Processes ---- */

static pid_t start(int (*run)(unsigned nth), unsigned nth)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(run(nth));
	}
	if (pid < 0)
		fail("no process");
	return pid;
}

static int run_server(unsigned nth)
{
	(void)nth;
	return soak_serve(soak);
}

static int run_visitor(unsigned nth)
{
	return soak_visit(soak, seed + nth * 1000);
}

static bool has_ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void check_alive(pid_t pid, const char *what)
{
	if (waitpid(pid, NULL, WNOHANG) != 0)
		fail(what);
}

/* Until so many have been answered, or the time is up; 0: that does not matter. */
static void visit_for(unsigned long long answers, double seconds)
{
	double began = now(), told = began;

	soak->leave = false;
	for (unsigned i = 0; i < VISITORS; i++)
		visitors[i] = start(run_visitor, i);
	while ((!answers || soak->answers < answers) && (seconds <= 0 || now() - began < seconds)) {
		rest();
		check_alive(server, "the server ended");
		for (unsigned i = 0; i < VISITORS; i++)
			check_alive(visitors[i], "an answer was wrong");
		if (now() - told < 10)
			continue;
		told = now();
		tell("so far", (struct figures){ soak->held, read_rss(), count_fds() });
	}
	soak->leave = true;
	for (unsigned i = 0; i < VISITORS; i++)
		if (!has_ended_well(visitors[i]))
			fail("an answer was wrong");
	seed += VISITORS * 1000;
}

static void compare(struct figures before, struct figures after)
{
	if (after.fds != before.fds)
		fail("descriptors are left open");
	if (after.held > before.held + HELD_ROOM)
		fail("ouro holds more than before");
	if (!RSS_MEANS_NOTHING && after.rss > before.rss + RSS_ROOM)
		fail("the process holds more than before");
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 0;
	unsigned long long most = seconds > 0 ? 0 : MILLIONS * 1000000ull;
	struct figures before, after;

	seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20261121;
	printf("# seed %u\n", seed);
	soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak == MAP_FAILED)
		return 2;
	server = start(run_server, 0);
	while (!soak->port) {
		rest();
		check_alive(server, "the server did not begin");
	}
	visit_for(0, seconds > 0 ? seconds * WARM_PERCENT / 100 : WARM_SECONDS);
	before = figures_in_peace();
	tell("warm", before);
	visit_for(most, seconds);
	after = figures_in_peace();
	tell("over", after);
	compare(before, after);
	soak->stop = true;
	if (!has_ended_well(server))
		fail("the server did not end well");
	printf("ok 1 - a soak\n1..1\n");
	return 0;
}
