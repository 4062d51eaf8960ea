/* main.h -- the two functions of ouro that may print, catch signals and end a program.
 *
 * For main() of a program that is ouro's from top to bottom; a library or a host's plug-in
 * leaves them alone. */
#ifndef OURO_MAIN_H
#define OURO_MAIN_H
#include "ouro/loop.h"
OURO_BEGIN

/* ouro_loop_run() and ouro_loop_free() for a whole program: SIGINT and SIGTERM end the run, a
 * second one ends the process at once, SIGUSR1 prints what keeps the loop alive, what the
 * loop has to say (lag, log) goes to stderr unless the loop has callbacks of its own. Returns what
 * main() should return: stop's code, or 1 after an error it has printed. */
OURO_API int ouro_loop_main(ouro_loop *loop);

/* Prints "ouro: cannot listen on 8080: address already in use (EADDRINUSE)" for ("listen on 8080",
 * -EADDRINUSE) to stderr, and returns 1 for main() to return. */
OURO_API int ouro_die(const char *what, int err);
OURO_END
#endif
