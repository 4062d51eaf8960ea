/* Counts by powers of two, and what is read from them. */
#include "base/count.h"

#include "test.h"
#include <math.h>
#include <pthread.h>

static ouro_hist hist;

TEST(an_empty_one_answers_zero)
{
	CHECK_EQ(ouro_hist_quantile(&hist, 0), 0);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.5), 0);
	CHECK_EQ(ouro_hist_quantile(&hist, 1), 0);
	CHECK_EQ(ouro_hist_mean(&hist), 0);
}

TEST(a_bucket_ends_where_the_next_power_begins)
{
	hist_add(&hist, 0, 1);
	CHECK_EQ(hist.bucket[0], 1);
	for (unsigned i = 1; i < 63; i++) {
		hist_add(&hist, UINT64_C(1) << (i - 1), 1);
		hist_add(&hist, (UINT64_C(1) << i) - 1, 1);
		CHECK_EQ(hist.bucket[i], 2);
	}
	hist_add(&hist, UINT64_C(1) << 62, 1);
	hist_add(&hist, UINT64_C(1) << 63, 1);
	hist_add(&hist, UINT64_MAX, 1);
	CHECK_EQ(hist.bucket[63], 3);
	CHECK_EQ(hist.count, 1 + 2 * 62 + 3);
	CHECK(hist.max == UINT64_MAX);
}

TEST(one_value_is_all_of_its_quantiles)
{
	hist_add(&hist, 1000, 1);
	CHECK_EQ(ouro_hist_quantile(&hist, 0), 1000);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.5), 1000);
	CHECK_EQ(ouro_hist_quantile(&hist, 1), 1000);
	CHECK_EQ(ouro_hist_mean(&hist), 1000);
}

TEST(the_largest_values_are_counted_too)
{
	hist_add(&hist, UINT64_MAX, 1);
	CHECK(ouro_hist_quantile(&hist, 1) == UINT64_MAX);
	CHECK(ouro_hist_quantile(&hist, 0.1) == UINT64_MAX);
}

TEST(a_value_many_times_weighs_as_much)
{
	hist_add(&hist, 10, 99);
	hist_add(&hist, 5000, 1);
	CHECK_EQ(hist.count, 100);
	CHECK_EQ(hist.sum, 990 + 5000);
	CHECK_EQ(ouro_hist_mean(&hist), 59);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.99), 15);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.991), 5000);
}

TEST(zeros_have_a_bucket_of_their_own)
{
	hist_add(&hist, 0, 3);
	hist_add(&hist, 1, 1);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.75), 0);
	CHECK_EQ(ouro_hist_quantile(&hist, 0.76), 1);
}

TEST(a_share_outside_of_zero_to_one_is_the_nearest_inside)
{
	hist_add(&hist, 3, 1);
	hist_add(&hist, 300, 1);
	CHECK_EQ(ouro_hist_quantile(&hist, -1), 3);
	CHECK_EQ(ouro_hist_quantile(&hist, -(double)INFINITY), 3);
	CHECK_EQ(ouro_hist_quantile(&hist, (double)NAN), 3);
	CHECK_EQ(ouro_hist_quantile(&hist, 2), 300);
	CHECK_EQ(ouro_hist_quantile(&hist, (double)INFINITY), 300);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Values of all sizes, so that each bucket gets some. */
static uint64_t next_value(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random >> (*random % 64);
}

TEST(a_quantile_is_never_too_low_and_at_most_twice_too_high)
{
	enum { MANY = 1000 };
	static uint64_t values[MANY];
	uint64_t random = UINT64_C(88172645463325252);

	for (int i = 0; i < MANY; i++) {
		values[i] = next_value(&random) >> 2; /* below the last bucket, which has no end */
		hist_add(&hist, values[i], 1);
	}
	qsort(values, MANY, sizeof(values[0]), by_size);
	for (int i = 0; i < MANY; i++) {
		uint64_t real = values[i];
		uint64_t told = ouro_hist_quantile(&hist, (i + 0.5) / MANY);

		CHECK(told >= real && told <= 2 * real);
		CHECK(told <= values[MANY - 1]);
	}
	CHECK_EQ(ouro_hist_quantile(&hist, 1), values[MANY - 1]);
}

TEST(a_reading_counts_what_its_buckets_hold)
{
	ouro_hist reading;

	hist_add(&hist, 7, 2);
	hist_add(&hist, 70, 1);
	hist.count = 1; /* as when it is being written */
	ouro__hist_read(&hist, &reading);
	CHECK_EQ(reading.count, 3);
	CHECK_EQ(reading.sum, 84);
	CHECK_EQ(reading.max, 70);
	CHECK_EQ(reading.bucket[3], 2);
	CHECK_EQ(reading.bucket[7], 1);
}

static void *count_up(void *arg)
{
	for (uint64_t i = 0; i < 200000; i++)
		hist_add(arg, i, 1);
	return NULL;
}

TEST(one_thread_counts_while_another_reads)
{
	ouro_hist reading = { 0 };
	uint64_t before = 0;
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, count_up, &hist), 0);
	while (reading.count < 200000) {
		ouro__hist_read(&hist, &reading);
		CHECK(reading.count >= before);
		before = reading.count;
		CHECK(ouro_hist_quantile(&reading, 0.5) <= reading.max);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ouro_hist_mean(&hist), 99999);
}
