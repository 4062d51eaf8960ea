/* log.h -- one sentence for the user, if the user wants any. */
#ifndef OURO__LOG_H
#define OURO__LOG_H
#include "ouro/log.h"

struct log {
	ouro_log_fn *fn; /* NULL: nobody listens */
	void *arg;
};

/* At most 511 bytes of it arrive. */
void ouro__log(const struct log *log, ouro_log_level level, const char *fmt, ...) OURO_PRINTF(3, 4);
#endif
