/* settings.h -- what can be said to a program from outside: by a flag, or in the environment.
 *
 * One list has them all. A flag is the environment's word for this one run: it is put there, so that
 * whoever needs a setting asks the environment and nothing else. */
#ifndef OURO__SETTINGS_H
#define OURO__SETTINGS_H
#include "ouro/log.h"
#include <stdbool.h>

/* Name, flag, variable, what its value is called, default, kind, what it is. A flag NULL: by the
 * environment alone. The default of the port is what the program says. */
#define SETTINGS(X)                                                                             \
	X(PORT, "-p", "OURO_PORT", "PORT", "8080", "port", "to listen at; 0: any that is free") \
	X(HOST, "--host", "OURO_HOST", "HOST", "", "text", "the address to listen at")          \
	X(LOG, "--log", "OURO_LOG", "LEVEL", "warn", "level", "error, warn, info or debug")     \
	X(LAG, "--lag", "OURO_LAG_MS", "MS", "50", "number of milliseconds",                    \
	  "tell who holds the loop longer than this")                                           \
	X(ACCESS, "--access", "OURO_ACCESS_LOG", "FILE", "", "text",                            \
	  "a line for every answer; -: on stdout")                                              \
	X(DASHBOARD, "--dashboard", "OURO_DASHBOARD", "ADDRESS", "", "text",                    \
	  "a page that shows the loop, at \"127.0.0.1:9090\"")                                  \
	X(TRACE, "--trace", "OURO_TRACE", "FILE", "", "text",                                   \
	  "every callback and request, for a trace viewer")                                     \
	X(POOL, NULL, "OURO_POOL_SIZE", "N", "4", "number", "threads for files and names")      \
	X(SHUTDOWN, NULL, "OURO_SHUTDOWN_MS", "MS", "10000", "number of milliseconds",          \
	  "on SIGTERM, for what is under way")                                                  \
	X(DELAY, NULL, "OURO_SHUTDOWN_DELAY_MS", "MS", "0", "number of milliseconds",           \
	  "on SIGTERM, served before that, and not ready")                                      \
	X(ORIGINS, NULL, "OURO_ORIGINS", "1", "0", "number", "remember who made each handle")

enum setting {
#define X(name, flag, variable, value, otherwise, kind, words) SETTING_##name,
	SETTINGS(X)
#undef X
		SETTING_COUNT
};

/* Reads the flags. True: go on. False: help, the settings or a mistake were printed, and *ret_status
 * is what main returns. port: the program's own default. */
bool ouro__settings_read(int argc, char **argv, unsigned port, int *ret_status);

/* What is said of it; NULL: nothing is. An empty text says nothing. */
const char *ouro__setting(enum setting setting);

/* The least urgent level that is to be printed. */
ouro_log_level ouro__setting_level(void);

/* As a number; `otherwise`: nothing is said. False: it is none, which is told on stderr. */
bool ouro__setting_number(enum setting setting, unsigned otherwise, unsigned *ret_number);
#endif
