/* log.c -- puts a sentence together on the stack and hands it over.
 *
 * No allocation: "out of memory" is one of the sentences. When nobody listens nothing is put
 * together either. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LONGEST 512 /* its zero included */

const char *ouro_log_level_name(ouro_log_level level)
{
	switch (level) {
#define NAME(level, name)      \
	case OURO_LOG_##level: \
		return name;
		OURO_LOG_LEVELS(NAME)
#undef NAME
	}
	return "?";
}

void ouro__log(const struct log *log, ouro_log_level level, const char *fmt, ...)
{
	char sentence[LONGEST];
	va_list args;
	int n;

	if (!log->fn)
		return;
	va_start(args, fmt);
	n = vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	log->fn(level, n < 0 ? fmt : sentence, log->arg);
}
