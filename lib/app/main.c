/* main.c -- a loop for a whole program: the only file of ouro that prints. See ouro/main.h. */
#include "ouro/main.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include "ouro/signal.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

/* The three signals of a program; none of them keeps the loop alive. */
struct program {
	ouro_signal *interrupt, *terminate, *explain;
};

int ouro_die(const char *what, int err)
{
	fprintf(stderr, "ouro: cannot %s: %s (%s)\n", what, ouro_strerror(err), ouro_errname(err));
	return 1;
}

static void print_lag(ouro_loop *loop, const ouro_lag *lag, void *arg)
{
	(void)loop, (void)arg;
	fprintf(stderr, "ouro: the loop was held %" PRIu64 " ms by %s (%s)", lag->ns / NS_PER_MS,
		lag->who, lag->doing);
	if (lag->calls > 1)
		fprintf(stderr, ", in %" PRIu64 " calls", lag->calls);
	if (lag->missed)
		fprintf(stderr, "; %" PRIu64 " more like it before", lag->missed);
	fputc('\n', stderr);
}

static void print_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)arg;
	if (level <= OURO_LOG_WARN)
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

/* With our handles gone the signals mean again what they always mean: the second one ends the
 * process, whatever the loop is doing. */
static void end(ouro_signal *signal, int signo, void *arg)
{
	struct program *program = arg;

	(void)signo;
	ouro_signal_close(program->interrupt);
	ouro_signal_close(program->terminate);
	ouro_loop_stop(ouro_signal_loop(signal), 0);
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

int ouro_loop_main(ouro_loop *loop)
{
	struct program program = { NULL, NULL, NULL };
	int err;

	if (!loop)
		return ouro_die("make a loop", -errno);
	if (!loop->on_lag)
		loop->on_lag = print_lag;
	if (!loop->log.fn)
		loop->log.fn = print_log;
	err = listen_to(loop, SIGINT, end, &program, &program.interrupt);
	if (!err)
		err = listen_to(loop, SIGTERM, end, &program, &program.terminate);
	if (!err)
		err = listen_to(loop, SIGUSR1, explain, &program, &program.explain);
	if (!err)
		err = ouro_loop_run(loop);
	ouro_loop_free(loop);
	return err < 0 ? ouro_die("run the loop", err) : err;
}
