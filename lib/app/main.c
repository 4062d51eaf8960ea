/* main.c -- a loop for a whole program: the only file of ouro that prints, but for
 * settings.c. See ouro/main.h. */
#include "ouro/main.h"
#include "app/settings.h"
#include "http/core.h"
#include "http/server.h"
#include "loop/loop.h"
#include "loop/watchdog.h"
#include "ouro/access.h"
#include "ouro/dashboard.h"
#include "ouro/error.h"
#include "ouro/signal.h"
#include "ouro/timer.h"
#include "ouro/trace.h"
#include "sys/supervisor.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SHUTDOWN_MS 10000
#define WATCH_MS    50
#define PATIENCE_MS 1000 /* of who pressed control-C, without a word */

/* The four signals of a program; none of them keeps the loop alive. */
struct program {
	ouro_loop *loop;
	ouro_signal *interrupt, *terminate, *explain, *hang_up;
	bool stays; /* when its terminal goes: somebody (nohup) has seen to that */
	unsigned shutdown_ms;
	unsigned delay_ms; /* OURO_NEVER: what each server says */
	const char *ended_by;
};

/* How many descriptors this process may have open, as far as it can raise that itself. */
static unsigned long descriptors(void)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	return (unsigned long)limit.rlim_max;
}

/* What to do about it, where that is not what the sentence says already. */
static void advise(const char *what, int err)
{
	switch (err) {
	case -EADDRINUSE:
		fputs("ouro: another program has that port (`ss -ltnp` tells which): end it, or "
		      "take "
		      "another, by -p or OURO_PORT\n",
		      stderr);
		break;
	case -EADDRNOTAVAIL:
		fputs("ouro: this machine has no such address (`ip addr` shows those it has); with "
		      "no "
		      "host, a program listens at all of them\n",
		      stderr);
		break;
	case -EACCES:
		if (strstr(what, "listen"))
			fputs("ouro: this user may not: a port below 1024 takes root, or once "
			      "`setcap "
			      "cap_net_bind_service=+ep PROGRAM`\n",
			      stderr);
		break;
	case -EMFILE:
		fprintf(stderr,
			"ouro: a process may have %lu descriptors open here: `ulimit -n` "
			"raises that, or LimitNOFILE= of its service\n",
			descriptors());
		break;
	case OURO_EVERSION:
		fprintf(stderr,
			"ouro: this program was compiled with the headers of another version "
			"than the library that runs, %s: compile it again, or `ldd PROGRAM` shows "
			"which library it takes\n",
			ouro_version());
		break;
	}
}

int ouro_die(const char *what, int err)
{
	fprintf(stderr, "ouro: cannot %s: %s (%s)\n", what, ouro_strerror(err), ouro_errname(err));
	advise(what, err);
	return 1;
}

ouro_loop *ouro_loop_or_die_for(unsigned version, const ouro_loop_opts *opts)
{
	ouro_loop *loop = ouro_loop_new_for(version, opts);

	if (!loop)
		exit(ouro_die("make a loop", -errno));
	return loop;
}

/* "1,840". */
static const char *grouped(uint64_t n, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), used = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = 0;
	return text;
}

/* " by fib_page for GET /fib?n=42", and the like. */
static int say_who(char *text, size_t room, const ouro_lag *lag)
{
	int n = snprintf(text, room, " by %s", lag->who);

	if (lag->calls > 1)
		n += snprintf(text + n, room - (size_t)n, " in %" PRIu64 " calls", lag->calls);
	if (lag->doing[0])
		n += snprintf(text + n, room - (size_t)n, " for %s", lag->doing);
	return n;
}

static void print_stack(const ouro_lag *lag)
{
	for (unsigned i = 0; i < lag->depth; i++)
		fprintf(stderr, "ouro:   %s %s\n", i ? "called by" : "at", lag->stack[i]);
}

/* While it lasts, on the watchdog's thread. */
static void print_held(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	char who[512], ms[32];

	(void)loop, (void)arg;
	say_who(who, sizeof(who), lag);
	fprintf(stderr, "ouro: the loop is held%s, %s ms so far; %u descriptor%s", who,
		grouped(lag->ns / NS_PER_MS, ms), lag->waiting,
		lag->waiting == 1 ? " waits" : "s wait");
	if (lag->missed)
		fprintf(stderr, "; not told of %" PRIu64 " before", lag->missed);
	fputc('\n', stderr);
	print_stack(lag);
}

/* When it is over. */
static void print_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	char who[512], ms[32];

	(void)loop, (void)arg;
	say_who(who, sizeof(who), lag);
	fprintf(stderr, "ouro: the loop was held %s ms%s", grouped(lag->ns / NS_PER_MS, ms), who);
	if (lag->waiting)
		fprintf(stderr, "; %u descriptor%s waited", lag->waiting,
			lag->waiting == 1 ? "" : "s");
	if (lag->missed)
		fprintf(stderr, "; %" PRIu64 " more like it before", lag->missed);
	fputs(": move it to a crew\n", stderr);
}

static void print_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg;
	if (level <= ouro__setting_level())
		fprintf(stderr, "ouro: %s: %s\n", ouro_log_level_name(level), sentence);
}

static void print_active(ouro_loop *loop, const ouro_active *active, void *arg)
{
	(void)loop, (void)arg;
	fprintf(stderr, "ouro:   %s", active->kind);
	if (active->fd >= 0)
		fprintf(stderr, " %d", active->fd);
	fprintf(stderr, " %s\n%s", active->name, active->origin);
}

static void explain(ouro_signal *signal, int signo, void *arg)
{
	ouro_loop *loop = ouro_signal_loop(signal);
	size_t n = ouro_loop_active(loop, NULL, NULL);

	(void)signo, (void)arg;
	fprintf(stderr, "ouro: %zu thing%s the loop alive\n", n, n == 1 ? " keeps" : "s keep");
	ouro_loop_active(loop, print_active, NULL);
}

/* ---- The end ---- */

static void say_patience(ouro_loop *loop, void *arg)
{
	const struct program *program = arg;

	(void)loop;
	fprintf(stderr, "ouro: %s: finishing what is under way", program->ended_by);
	if (program->shutdown_ms != OURO_NEVER)
		fprintf(stderr, ", %u s at most", (program->shutdown_ms + 999) / 1000);
	fputs("; a second signal ends at once\n", stderr);
}

static void say_delay(const struct program *program, unsigned ms)
{
	fprintf(stderr,
		"ouro: %s: not ready any more, but serving for %u s; a second signal ends at "
		"once\n",
		program->ended_by, (ms + 999) / 1000);
}

static void servers_ended(const ouro_server_report *sum, void *arg)
{
	const struct program *program = arg;

	fprintf(stderr,
		"ouro: %s: %" PRIu64 " requests answered, %" PRIu64 " of them at the end, %" PRIu64
		" cut off",
		program->ended_by, sum->requests, sum->finished, sum->cut);
	if (sum->sockets || sum->feeds)
		fprintf(stderr, "; %" PRIu64 " WebSockets and %" PRIu64 " event streams were told",
			sum->sockets, sum->feeds);
	fputc('\n', stderr);
	ouro_loop_stop(program->loop, 0);
}

static const char *name_of(int signo)
{
	return signo == SIGINT ? "SIGINT" : signo == SIGTERM ? "SIGTERM" : "SIGHUP";
}

/* With our handles gone the signals mean again what they always mean: the second one ends the
 * process, whatever the loop is doing. */
static void end(ouro_signal *signal, int signo, void *arg)
{
	struct program *program = arg;
	ouro_loop *loop = program->loop;
	unsigned delay_ms = signo == SIGTERM ? program->delay_ms : 0;
	unsigned longest = delay_ms == OURO_NEVER ? ouro__servers_delay(loop) : delay_ms;

	(void)signal;
	program->ended_by = name_of(signo);
	ouro__supervisor_tell("STOPPING=1");
	ouro_signal_close(program->interrupt);
	ouro_signal_close(program->terminate);
	if (signo == SIGHUP)
		ouro_signal_close(program->hang_up);
	if (!ouro__servers_close(loop, delay_ms, program->shutdown_ms, servers_ended, program)) {
		ouro_loop_stop(loop, 0);
		return;
	}
	if (longest)
		say_delay(program, longest);
	if (program->shutdown_ms > PATIENCE_MS)
		ouro_timer_hold(loop,
				ouro_timer_after(loop, (uint64_t)longest + PATIENCE_MS,
						 say_patience, program),
				false);
}

/* Its logs have been renamed, or its terminal has gone. */
static void hang_up(ouro_signal *signal, int signo, void *arg)
{
	const struct program *program = arg;

	if (!ouro_access_reopen_all(program->loop) && !program->stays && !program->ended_by)
		end(signal, signo, arg);
}

static bool is_ignored(int signo)
{
	struct sigaction now;

	return !sigaction(signo, NULL, &now) && now.sa_handler == SIG_IGN;
}

static int listen_to(ouro_loop *loop, int signo, ouro_signal_fn *fn, struct program *program,
		     ouro_signal **ret_signal)
{
	int err = ouro_signal_open(loop, signo, fn, program, ret_signal);

	if (err == -EBUSY)
		return 0; /* the program has a handler of its own */
	if (!err)
		ouro_signal_hold(*ret_signal, false);
	return err;
}

/* The servers that there are have a line for every answer, if that was asked for. */
static int open_access(ouro_loop *loop)
{
	const char *path = ouro__setting(SETTING_ACCESS);
	const struct http *http = ouro__http_find(loop);
	ouro_access *log;
	int err;

	if (!path || !http)
		return 0;
	err = ouro_access_open(loop, &(ouro_access_opts){ .path = path }, &log);
	list_each (at, &http->servers)
		if (!err)
			err = ouro_access_attach(log, list_of(at, ouro_server, link));
	return err ? ouro_die("open the access log", err) : 0;
}

static int start_trace(ouro_loop *loop)
{
	const char *path = ouro__setting(SETTING_TRACE);
	int err = path ? ouro_trace_start(loop, path, NULL) : 0;

	return err ? ouro_die("start a trace", err) : 0;
}

static int open_dashboard(ouro_loop *loop)
{
	const char *address = ouro__setting(SETTING_DASHBOARD);
	ouro_dashboard *dashboard;
	char what[160];
	int err;

	if (!address)
		return 0;
	err = ouro_dashboard_listen(loop, address, NULL, &dashboard);
	if (!err) {
		fprintf(stderr, "ouro: dashboard at %s\n", ouro_dashboard_url(dashboard));
		return 0;
	}
	snprintf(what, sizeof(what), "show a dashboard at %s", address);
	return ouro_die(what, err);
}

/* A server wants as many descriptors as it may have; the usual limit is there for programs that count
 * them in a set of bits. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What the environment says of a loop that is to run. 0, or main's status. */
static int obey(ouro_loop *loop, struct program *program)
{
	unsigned lag_ms;
	int status;

	if (!ouro__setting_number(SETTING_SHUTDOWN, SHUTDOWN_MS, &program->shutdown_ms) ||
	    !ouro__setting_number(SETTING_DELAY, OURO_NEVER, &program->delay_ms) ||
	    !ouro__setting_number(SETTING_LAG, 0, &lag_ms))
		return 1;
	if (lag_ms)
		loop->lag.limit = lag_ms * NS_PER_MS;
	raise_descriptors();
	status = start_trace(loop);
	if (!status)
		status = open_access(loop);
	return status ? status : open_dashboard(loop);
}

/* A program's loop has a watchdog, unless it was told otherwise. Without one it still runs. */
static void watch(ouro_loop *loop)
{
	struct watch_wishes wishes = loop->watch_wishes;
	int err;

	if (loop->watchdog || loop->is_virtual || wishes.ms == OURO_NEVER)
		return;
	wishes.ms = WATCH_MS;
	if (!wishes.on_held)
		wishes.on_held = print_held;
	err = ouro__watchdog_start(loop, &wishes);
	if (err)
		ouro__log(&loop->log, OURO_LOG_WARN, "there is no watchdog: %s",
			  ouro_strerror(err));
}

/* ---- systemd, or who speaks as it does ---- */

/* From the loop, so that one that is held stays silent, and is started again. */
static void feed(ouro_loop *loop, void *arg)
{
	(void)loop, (void)arg;
	ouro__supervisor_tell("WATCHDOG=1");
}

static void say_ready(ouro_loop *loop)
{
	uint64_t ms = ouro__supervisor_interval() / 2 / NS_PER_MS;
	int err = ouro__supervisor_tell("READY=1");

	if (err)
		ouro__log(&loop->log, OURO_LOG_WARN, "NOTIFY_SOCKET: %s", ouro_strerror(err));
	if (!ms)
		return;
	feed(loop, NULL);
	ouro_timer_hold(loop, ouro_timer_every(loop, ms, feed, NULL), false);
}

static int run(ouro_loop *loop, struct program *program)
{
	int err;

	program->stays = is_ignored(SIGHUP);
	err = listen_to(loop, SIGINT, end, program, &program->interrupt);

	if (!err)
		err = listen_to(loop, SIGTERM, end, program, &program->terminate);
	if (!err)
		err = listen_to(loop, SIGHUP, hang_up, program, &program->hang_up);
	if (!err)
		err = listen_to(loop, SIGUSR1, explain, program, &program->explain);
	if (err)
		return err;
	watch(loop);
	say_ready(loop);
	return ouro_loop_run(loop);
}

int ouro_loop_main(ouro_loop *loop)
{
	struct program program = { .loop = loop };
	int err;

	if (!loop)
		return ouro_die("make a loop", -errno);
	if (!loop->on_lag)
		loop->on_lag = print_lag;
	if (!loop->log.fn)
		loop->log.fn = print_log;
	err = obey(loop, &program);
	if (err) {
		ouro_loop_free(loop);
		return err;
	}
	err = run(loop, &program);
	ouro_loop_free(loop);
	return err < 0 ? ouro_die("run the loop", err) : err;
}

/* ---- A program that is a server ---- */

static int cannot_listen(const ouro_http_opts *opts, int err)
{
	char what[160];

	if (opts->unix_path)
		snprintf(what, sizeof(what), "listen at %s", opts->unix_path);
	else
		snprintf(what, sizeof(what), "listen at %s port %u",
			 opts->host ? opts->host : "every address,", opts->port);
	return ouro_die(what, err);
}

int ouro_http_main(int argc, char **argv, const ouro_http_opts *opts)
{
	ouro_http_opts mine = opts ? *opts : (ouro_http_opts){ .port = 0 };
	ouro_loop *loop;
	ouro_server *server;
	int err, status;

	if (!mine.port && !mine.unix_path && !mine.fd)
		mine.port = 8080;
	if (!ouro__settings_read(argc, argv, mine.port, &status))
		return status;
	if (ouro__setting(SETTING_PORT))
		mine.port = (uint16_t)ouro_str_u64(ouro_str_z(ouro__setting(SETTING_PORT)), 0);
	if (ouro__setting(SETTING_HOST))
		mine.host = ouro__setting(SETTING_HOST);
	loop = ouro_loop_new(&(ouro_loop_opts){ .on_lag = print_lag, .on_log = print_log });
	if (!loop)
		return ouro_die("make a loop", -errno);
	err = ouro_http_listen(loop, &mine, &server);
	if (err) {
		ouro_loop_free(loop);
		return cannot_listen(&mine, err);
	}
	printf("listening on %s\n", ouro_server_url(server));
	fflush(stdout);
	return ouro_loop_main(loop);
}
