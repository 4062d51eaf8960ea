/* clock.c -- the processor's counter, held against the clock. See clock.h. */
#include "sys/clock.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <stdbool.h>

/* Measured over this long, the ratio is right to some hundred-thousandths; what is added makes up
 * for that, because early is worse than late. */
#define MEASURE (20 * NS_PER_MS)
#define MARGIN  4096 /* one part of so many */

#define SAME_MOMENT 2000 /* ticks: less than a microsecond */

/* Does it count at one rate, whatever the processor's own, and through its sleep? */
static bool counter_is_steady(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

static void measure(struct quick_clock *clock)
{
	uint64_t ratio, ns = clock->ns - clock->first_ns, ticks = clock->before - clock->first;

	if (!clock->first_ns) {
		clock->first_ns = clock->ns;
		clock->first = clock->before;
	}
	if (clock->first_ns == clock->ns || ns < MEASURE || !counter_is_steady())
		return;
	ratio = (uint64_t)((double)ns / (double)ticks * 4294967296.0);
	clock->slow = ratio - ratio / MARGIN;
	clock->fast = ratio + ratio / MARGIN;
	clock->limit = ticks / (ns / NS_PER_MS);
	clock->first_ns = clock->ns; /* the next measure is of its own time */
	clock->first = clock->before;
}

/* Both at one moment; false when we were interrupted between the two, time after time. */
static bool read_both(struct quick_clock *clock)
{
	for (int tries = 0; tries < 4; tries++) {
		clock->before = clock_ticks();
		clock->ns = clock_ns();
		clock->after = clock_ticks();
		if (clock->after - clock->before < SAME_MOMENT)
			return true;
	}
	return false;
}

uint64_t ouro__clock_read(struct quick_clock *clock)
{
	if (read_both(clock))
		measure(clock);
	else
		clock->limit = 0;
	return clock->ns;
}
#else
uint64_t ouro__clock_read(struct quick_clock *clock)
{
	clock->ns = clock_ns();
	return clock->ns;
}
#endif
