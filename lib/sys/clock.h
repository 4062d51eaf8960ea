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

/* The same for who asks often: a thousand time-outs restarted in one callback. clock_gettime()
 * makes the processor finish everything it is at, which hides no cache miss behind another; its
 * bare counter does not. So the clock is read once a millisecond at most and the counter in
 * between.
 *
 * Never less than the clock says, more by a few hundred nanoseconds at most, and never going back.
 * Where the counter cannot be trusted it is the clock. One thread. All zero to begin with. */
struct quick_clock {
	uint64_t ticks, ns;             /* read together, last */
	uint64_t limit;                 /* ticks after which they are read again; 0: always */
	uint64_t ratio;                 /* ns a tick, times 2^32, and a little more */
	uint64_t told;                  /* the last answer */
	uint64_t first_ticks, first_ns; /* what the ratio is measured from */
};

uint64_t ouro__clock_read(struct quick_clock *clock);

static inline uint64_t clock_quick(struct quick_clock *clock)
{
#ifdef __x86_64__
	uint64_t passed = __builtin_ia32_rdtsc() - clock->ticks;

	if (passed < clock->limit) {
		uint64_t now = clock->ns + (passed * clock->ratio >> 32);

		clock->told = now > clock->told ? now : clock->told;
		return clock->told;
	}
	return ouro__clock_read(clock);
#else
	return (void)clock, clock_ns();
#endif
}
#endif
