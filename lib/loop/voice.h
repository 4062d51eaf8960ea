/* voice.h -- how often somebody may be told: five times at once, and once more every twelve seconds.
 *
 * What a loop does slowly once it most often does again at once: who is told of that must be told
 * little, and how much was left out. */
#ifndef OURO__VOICE_H
#define OURO__VOICE_H
#include "sys/clock.h"
#include <stdbool.h>

#define VOICE_MOST  5
#define VOICE_EVERY (12 * NS_PER_S)

struct voice {
	unsigned left;
	uint64_t since;  /* when one more was given last */
	uint64_t unsaid; /* since the last that was told */
};

static inline void voice_init(struct voice *voice, uint64_t now)
{
	*voice = (struct voice){ .left = VOICE_MOST, .since = now };
}

/* True: is to be told now; false: was counted. */
static inline bool voice_may(struct voice *voice, uint64_t now)
{
	uint64_t more = now > voice->since ? (now - voice->since) / VOICE_EVERY : 0;

	voice->since += more * VOICE_EVERY;
	voice->left = more < VOICE_MOST - voice->left ? voice->left + (unsigned)more : VOICE_MOST;
	if (!voice->left) {
		voice->unsaid++;
		return false;
	}
	voice->left--;
	return true;
}

/* How many were left out before the one that is told. */
static inline uint64_t voice_take(struct voice *voice)
{
	uint64_t unsaid = voice->unsaid;

	voice->unsaid = 0;
	return unsaid;
}
#endif
