/* log.h -- what ouro has to say, in sentences. It prints nothing by itself.
 *
 * A loop gives its sentences to ouro_loop_opts.on_log: a caller's mistake that a return code
 * cannot explain ("this loop is already running"), a limit met, something dropped. */
#ifndef OURO_LOG_H
#define OURO_LOG_H
#include "ouro/base.h"
OURO_BEGIN

#define OURO_LOG_LEVELS(X) \
	X(ERROR, "error")  \
	X(WARN, "warn")    \
	X(INFO, "info")    \
	X(DEBUG, "debug")

typedef enum ouro_log_level {
#define OURO_LOG_ENUM(level, name) OURO_LOG_##level,
	OURO_LOG_LEVELS(OURO_LOG_ENUM)
#undef OURO_LOG_ENUM
} ouro_log_level;

/* "warn". Any thread. It is static. */
OURO_API const char *ouro_log_level_name(ouro_log_level level);

/* Gets one sentence, without a newline, valid during the call. On the loop's thread; while the loop is
 * being made, on that of ouro_loop_new(). */
typedef void ouro_log_fn(ouro_log_level level, const char *sentence, void *arg);
OURO_END
#endif
