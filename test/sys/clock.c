/* clock.c -- the quick clock against the real one. */
#include "sys/clock.h"
#include "test.h"

/* Long enough for the counter to be trusted. */
static void get_used_to(struct quick_clock *clock)
{
	uint64_t end = clock_ns() + 60 * NS_PER_MS;

	while (clock_ns() < end)
		clock_past(clock);
}

TEST(the_past_is_never_ahead_of_the_clock)
{
	struct quick_clock clock = { 0 };

	for (int i = 0; i < 200000; i++) {
		uint64_t now = clock_past(&clock);

		CHECK(now <= clock_ns());
	}
}

TEST(the_future_is_never_behind_the_clock)
{
	struct quick_clock clock = { 0 };

	for (int i = 0; i < 200000; i++) {
		uint64_t before = clock_ns();

		CHECK(clock_future(&clock) >= before);
	}
}

TEST(neither_goes_back)
{
	struct quick_clock clock = { 0 };
	uint64_t past = 0, future = 0;

	for (int i = 0; i < 1000000; i++) {
		uint64_t now = clock_past(&clock);

		CHECK(now >= past);
		past = now;
		now = clock_future(&clock);
		CHECK(now >= future);
		future = now;
	}
}

TEST(they_are_less_than_two_microseconds_apart)
{
	struct quick_clock clock = { 0 };

	get_used_to(&clock);
	for (int i = 0; i < 200000; i++) {
		uint64_t now = clock_future(&clock);

		CHECK(now <= clock_ns() + 2 * NS_PER_US);
		now = clock_ns();
		CHECK(clock_past(&clock) + 2 * NS_PER_US >= now);
	}
}

TEST(a_counter_that_jumps_is_not_believed)
{
	struct quick_clock clock = { 0 };

	get_used_to(&clock);
	for (int i = 0; i < 1000; i++) {
		uint64_t before = clock_ns();

		clock.after +=
			i & 1 ? 123456789 : (uint64_t)-123456789; /* as if another machine's */
		CHECK(clock_past(&clock) >= before);
		CHECK(clock_past(&clock) <= clock_ns());
	}
}
