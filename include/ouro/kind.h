/* kind.h -- where a far side lives: in a thread of this process, or in a process of its own.
 *
 * The same code runs in either. A thread starts in less time and passes large messages on without a
 * copy; a process may crash, leak, spin or be killed, and nobody else is hurt. */
#ifndef OURO_KIND_H
#define OURO_KIND_H
#include "ouro/base.h"
OURO_BEGIN

enum ouro_kind { OURO_THREADS, OURO_PROCESSES };
OURO_END
#endif
