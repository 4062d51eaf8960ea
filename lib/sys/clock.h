/* clock.h -- monotonic nanoseconds: the only time ouro reckons by. */
#ifndef OURO__CLOCK_H
#define OURO__CLOCK_H
#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The same for who asks often: at every callback, or for a thousand time-outs restarted in one.
 * clock_gettime() makes the processor finish everything it is at; its bare counter does not, and is
 * quicker itself. So the clock is read once a millisecond at most and the counter in between. That
 * leaves a few hundred nanoseconds of doubt, and the caller says which way:
 *
 *   clock_past     never more than the clock says: what time it is at least
 *   clock_future   never less, and never going back: what to reckon deadlines from
 *
 * So a deadline reckoned from the one and met by the other is never early. Where the counter cannot
 * be trusted both are the clock. One thread; all zero to begin with. */
struct quick_clock {
	uint64_t ns, before, after; /* the clock, and the counter on either side of reading it */
	uint64_t limit;             /* ticks after which they are read again; 0: always */
	uint64_t slow, fast;        /* ns a tick, times 2^32: a little less, and a little more */
	uint64_t told;              /* clock_future's last answer */
	uint64_t first_ns, first;   /* what the ratio is measured from */
};

/* Reads both, and answers the clock. */
uint64_t ouro__clock_read(struct quick_clock *clock);

static inline uint64_t clock_ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

static inline uint64_t clock_past(struct quick_clock *clock)
{
	uint64_t passed = clock_ticks() - clock->after;

	if (passed < clock->limit)
		return clock->ns + (passed * clock->slow >> 32);
	return ouro__clock_read(clock);
}

static inline uint64_t clock_future(struct quick_clock *clock)
{
	uint64_t passed = clock_ticks() - clock->before, now;

	if (passed < clock->limit)
		now = clock->ns + (passed * clock->fast >> 32);
	else
		now = ouro__clock_read(clock);
	clock->told = now > clock->told ? now : clock->told;
	return clock->told;
}
#endif
