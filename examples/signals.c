/* signals.c -- a child that ends and a wish to reload, as ordinary callbacks.  ★★
 *
 * No handler, no async-signal-safe list: a signal waits until the callback that is running is done.
 * It is blocked while it is watched, and a child inherits that, so it is let through there again.
 * SIGHUP alone is no reason to stay: without its hold the program ends when the child has.
 *
 *     cc signals.c $(pkg-config --cflags --libs ouro) */
#include <ouro.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_hangup(ouro_signal *signal, int signo, void *arg)
{
	(void)signal, (void)signo, (void)arg;
	puts("reading the settings again");
}

/* Two children that end together may be one call: ask until nobody answers. */
static void on_child(ouro_signal *signal, int signo, void *arg)
{
	int status;
	pid_t pid;

	(void)signo, (void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		printf("%d ended with %d\n", (int)pid, WEXITSTATUS(status));
	if (pid < 0)
		ouro_signal_close(signal);
}

static pid_t start(const char *command)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int main(void)
{
	ouro_loop *loop = ouro_loop_or_die(NULL);
	ouro_signal *hangup;
	int err = ouro_signal_open(loop, SIGHUP, on_hangup, NULL, &hangup);

	if (!err)
		err = ouro_signal_open(loop, SIGCHLD, on_child, NULL, NULL);
	if (err)
		return ouro_die("watch signals", err);
	ouro_signal_hold(hangup, false);
	setvbuf(stdout, NULL, _IOLBF, 0);
	start("sleep 1; kill -HUP $PPID; sleep 1; exit 7");
	return ouro_loop_main(loop);
}
