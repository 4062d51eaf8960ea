/* main.h -- the functions of ouro that may print, catch signals and end a program.
 *
 * For main() of a program that is ouro's from top to bottom; a library or a host's plug-in
 * leaves them alone. */
#ifndef OURO_MAIN_H
#define OURO_MAIN_H
#include "ouro/http.h"
#include "ouro/loop.h"
OURO_BEGIN

/* ouro_loop_new() for main(): where there can be no loop it says why, as ouro_die() does, and ends the
 * program with 1. */
OURO_API ouro_loop *ouro_loop_or_die_for(unsigned version, const ouro_loop_opts *opts);
#define ouro_loop_or_die(...) ouro_loop_or_die_for(OURO_VERSION_NUMBER, __VA_ARGS__)

/* ouro_loop_run() and ouro_loop_free() for a whole program: SIGINT and SIGTERM end the run, a
 * second one ends the process at once, SIGUSR1 prints what keeps the loop alive, what the
 * loop has to say (lag, log) goes to stderr unless the loop has callbacks of its own. SIGHUP opens
 * the loop's access logs anew (access.h); where there is none it ends the run, too, unless it is
 * ignored, as under nohup. Returns what main() should return: stop's code, or 1 after an error it
 * has printed. NULL: prints why ouro_loop_new() failed (errno), and returns 1.
 *
 * A loop with servers ends in peace: ouro_server_close() with 10 s for what is under way, or as
 * many milliseconds as OURO_SHUTDOWN_MS says in the environment (0: none); then a line on stderr
 * says how many answers were finished and how many cut off.
 *
 * Where somebody else sends the clients here, and needs its time to hear that it should not: on
 * SIGTERM each server is served for its delay_ms first, or for the milliseconds that
 * OURO_SHUTDOWN_DELAY_MS says, and not ready any more (health.h): ouro_server_close_after(). For
 * Kubernetes 5000 is a good number; with OURO_SHUTDOWN_MS it must be less than the time that it
 * gives. SIGINT does not wait, since it is somebody at the keyboard.
 *
 * Under systemd, or who speaks as it does (NOTIFY_SOCKET), it says READY=1 when the loop begins to
 * turn and STOPPING=1 when it is to end; with WATCHDOG_USEC it says WATCHDOG=1 twice as often as that,
 * from the loop itself: one that is held is silent, and is started again. */
OURO_API int ouro_loop_main(ouro_loop *loop);

/* What the environment can say to every program that calls ouro_loop_main(); a word that makes no
 * sense ends it, in words.
 *
 *     OURO_LOG=info                   print the log down to this level: error, warn (the default),
 *                                     info, debug
 *     OURO_LAG_MS=20                  tell who holds the loop longer than this
 *     OURO_ACCESS_LOG=FILE            a line for every answer of the servers there are: access.h
 *     OURO_DASHBOARD=127.0.0.1:9090   a page that shows the loop: dashboard.h
 *     OURO_TRACE=FILE                 turns, callbacks, requests for a trace viewer: trace.h
 *     OURO_SHUTDOWN_MS, OURO_SHUTDOWN_DELAY_MS   as above
 *     OURO_POOL_SIZE, OURO_ORIGINS    pool.h and loop.h: to any loop
 *
 * The limit of open descriptors is raised as far as the process may. */

/* A whole program that is one HTTP server: a loop, ouro_http_listen() with these options,
 * "listening on http://127.0.0.1:8080/" on stdout, and ouro_loop_main(). The port is what
 * `-p PORT` asks for, or else OURO_PORT, or else that of the options (0 there: 8080, and not any);
 * from a flag or OURO_PORT 0 takes any free one. So it is with --host and OURO_HOST, and with --log,
 * --lag, --access, --dashboard and --trace: a flag goes before the environment, that before the program.
 * --print-config prints what holds and where it was said, --help all there is. opts NULL: all defaults.
 * Returns what main() should return: 2 for a flag that is none. */
OURO_API int ouro_http_main(int argc, char **argv, const ouro_http_opts *opts);

/* Prints "ouro: cannot listen on port 8080: Address already in use (EADDRINUSE)" for ("listen on
 * port 8080", -EADDRINUSE) to stderr, below it what can be done about it where ouro knows, and
 * returns 1 for main() to return. */
OURO_API int ouro_die(const char *what, int err);
OURO_END
#endif
