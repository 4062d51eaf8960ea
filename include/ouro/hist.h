/* hist.h -- how often, how long: counts by powers of two.
 *
 * Sixty-four counters instead of every value: a quantile read from them is at most a factor of two
 * too high, never too low. Values are nanoseconds unless a name says otherwise. */
#ifndef OURO_HIST_H
#define OURO_HIST_H
#include "ouro/base.h"
OURO_BEGIN

#define OURO_HIST_BUCKETS 64

/* bucket[0] counts zeros, bucket[i] the values from 2^(i-1) to 2^i - 1, the last one the rest. */
typedef struct ouro_hist {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t bucket[OURO_HIST_BUCKETS];
} ouro_hist;

/* The value that a share q (0 to 1) of all values does not exceed, rounded up to the end of its
 * bucket, but never above max. 0 when nothing was counted. */
OURO_API uint64_t ouro_hist_quantile(const ouro_hist *hist, double q);

/* sum / count; 0 when nothing was counted. */
OURO_API uint64_t ouro_hist_mean(const ouro_hist *hist);
OURO_END
#endif
