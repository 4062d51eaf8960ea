/* spin.h -- the work that every server of bench/block does when it is asked for /cpu?n=N: N steps
 * of Marsaglia's xorshift, from the same seed. No step can be left out or done ahead of the one
 * before, so that what comes out proves the work; load.c asks for as many as take half a second. */
#ifndef BENCH_SPIN_H
#define BENCH_SPIN_H
#include <stdint.h>

#define SPIN_SEED 2463534242u

static inline uint32_t spin_from(uint32_t x, uint64_t steps)
{
	while (steps--) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
	}
	return x;
}

static inline uint32_t spin(uint64_t steps)
{
	return spin_from(SPIN_SEED, steps);
}
#endif
