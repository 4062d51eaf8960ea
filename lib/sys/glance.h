/* glance.h -- a last glance before sleep: whether to look a little longer for what may come at once.
 *
 *     if (glance_is_due(&glance)) {
 *             glance_begin(&glance, clock_ns());
 *             while (!(came = ...) && glance_again(&glance, now = clock_ns()))
 *                     ;
 *             glance_over(&glance, now, came);
 *     }
 *
 * To be woken on another core costs a thread 25 us on a virtual machine and 3 us on a real one, and
 * nearly as much the thread that wakes it; to look whether something has come costs a tenth of one.
 * So who has asked for something, and may have it at once, looks for a moment and sleeps then.
 *
 * Whether that pays is found out by doing it. It does not when nothing comes, nor when what comes
 * does so late that to sleep would have been as good; then so many sleeps go by without a glance,
 * each time twice as many, until one in thousands begins with one. What is there at first sight says
 * nothing: on a core that both sides share it may be there before the glance, but never comes during
 * it. */
#ifndef OURO__GLANCE_H
#define OURO__GLANCE_H
#include "sys/clock.h"
#include <stdbool.h>

#define GLANCE_MOST  (50 * NS_PER_US) /* the other side may be asleep: it wakes, and answers */
#define GLANCE_PAYS  (20 * NS_PER_US)
#define GLANCE_PAUSE 4095u

/* All zero to begin with. */
struct glance {
	uint64_t began;
	uint64_t usual; /* ns until something comes; nothing is as bad as twice the most */
	unsigned looks; /* for nothing, in this one */
	unsigned skip;  /* so many sleeps without one */
	unsigned pause; /* how many those were at first */
};

static inline bool glance_is_due(struct glance *glance)
{
	if (!glance->skip)
		return true;
	glance->skip--;
	return false;
}

static inline void glance_begin(struct glance *glance, uint64_t now)
{
	glance->began = now;
	glance->looks = 0;
}

/* Nothing was there: is it to be looked for again? */
static inline bool glance_again(struct glance *glance, uint64_t now)
{
	glance->looks++;
	return now - glance->began < GLANCE_MOST;
}

static inline void glance_over(struct glance *glance, uint64_t now, bool came)
{
	uint64_t took = came ? now - glance->began : 2 * GLANCE_MOST;

	if (came && !glance->looks)
		return;
	glance->usual = (glance->usual + took) / 2;
	if (glance->usual < GLANCE_PAYS / 2)
		glance->pause /= 2;
	if (glance->usual < GLANCE_PAYS)
		return;
	glance->pause = glance->pause < GLANCE_PAUSE ? glance->pause * 2 + 1 : GLANCE_PAUSE;
	glance->skip = glance->pause;
	glance->usual = 0;
}
#endif
