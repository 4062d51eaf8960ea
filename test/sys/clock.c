/* clock.c -- the quick clock against the real one. */
#include "sys/clock.h"
#include "test.h"

/* Long enough for the counter to be trusted. */
static void get_used_to(struct quick_clock *clock)
{
	uint64_t end = clock_ns() + 60 * NS_PER_MS;

	while (clock_ns() < end)
		clock_quick(clock);
}

TEST(it_never_says_less_than_the_clock_said_before)
{
	struct quick_clock clock = { 0 };

	for (int i = 0; i < 200000; i++) {
		uint64_t before = clock_ns();

		CHECK(clock_quick(&clock) >= before);
	}
}

TEST(it_never_goes_back)
{
	struct quick_clock clock = { 0 };
	uint64_t last = 0;

	for (int i = 0; i < 2000000; i++) {
		uint64_t now = clock_quick(&clock);

		CHECK(now >= last);
		last = now;
	}
}

TEST(it_is_ahead_of_the_clock_by_less_than_two_microseconds)
{
	struct quick_clock clock = { 0 };

	get_used_to(&clock);
	for (int i = 0; i < 200000; i++) {
		uint64_t now = clock_quick(&clock);

		CHECK(now <= clock_ns() + 2 * NS_PER_US);
	}
}

TEST(a_counter_that_jumps_is_not_believed)
{
	struct quick_clock clock = { 0 };

	get_used_to(&clock);
	for (int i = 0; i < 1000; i++) {
		clock.ticks +=
			i & 1 ? 123456789 : (uint64_t)-123456789; /* as if another machine's */
		CHECK(clock_quick(&clock) <= clock_ns() + 2 * NS_PER_US);
	}
}
