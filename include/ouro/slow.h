/* slow.h -- clients that take their messages more slowly than they come. */
#ifndef OURO_SLOW_H
#define OURO_SLOW_H
#include "ouro/base.h"
OURO_BEGIN

/* What becomes of one for which there is no room in its queue. */
typedef enum ouro_slow {
	OURO_SLOW_DROP_OLDEST, /* of those that have not begun to leave, as many as make room */
	OURO_SLOW_DROP_CLIENT, /* it is cut off, and may come back */
	OURO_SLOW_TELL         /* it misses this message, and you are told */
} ouro_slow;
OURO_END
#endif
