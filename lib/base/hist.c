/* hist.c -- reading what count.h counted.
 *
 * The counters are written one by one while others read, so a reading may hold a value in its
 * bucket and not yet in the sum. It is made whole in the one way that matters: its count is the sum
 * of its own buckets, so that every quantile lies in one of them. */
#include "ouro/hist.h"

#include "base/count.h"

/* The last value that bucket i counts. */
static uint64_t bucket_end(unsigned i)
{
	return i < OURO_HIST_BUCKETS - 1 ? (UINT64_C(1) << i) - 1 : UINT64_MAX;
}

/* How many values, from the smallest on, are a share q of `count`; rounded up, at least one. The
 * comparisons are so put that q may be anything, even not a number. */
static uint64_t rank(uint64_t count, double q)
{
	double exact = q * (double)count;
	uint64_t whole;

	if (q >= 1)
		return count;
	if (!(exact > 1))
		return 1;
	whole = (uint64_t)exact;
	return (double)whole < exact ? whole + 1 : whole;
}

uint64_t ouro_hist_quantile(const ouro_hist *hist, double q)
{
	uint64_t wanted = rank(hist->count, q), passed = 0;

	for (unsigned i = 0; i < OURO_HIST_BUCKETS; i++) {
		passed += hist->bucket[i];
		if (passed >= wanted)
			return bucket_end(i) < hist->max ? bucket_end(i) : hist->max;
	}
	return hist->max;
}

uint64_t ouro_hist_mean(const ouro_hist *hist)
{
	return hist->count ? hist->sum / hist->count : 0;
}

void ouro__hist_read(const ouro_hist *hist, ouro_hist *ret_reading)
{
	ret_reading->count = 0;
	for (unsigned i = 0; i < OURO_HIST_BUCKETS; i++) {
		ret_reading->bucket[i] = count_read(&hist->bucket[i]);
		ret_reading->count += ret_reading->bucket[i];
	}
	ret_reading->sum = count_read(&hist->sum);
	ret_reading->max = count_read(&hist->max);
}
