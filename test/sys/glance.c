/* glance.c -- who looks before it sleeps, and when it gives that up. The time is what we say. */
#include "sys/glance.h"
#include "test.h"

static uint64_t now = NS_PER_S;

/* One whole glance in which something comes after ns, or after the most never; false: it slept. */
static bool look(struct glance *glance, uint64_t ns)
{
	uint64_t step = ns < NS_PER_US ? ns : NS_PER_US, end = now + ns;

	if (!glance_is_due(glance))
		return false;
	glance_begin(glance, now);
	while (now < end && glance_again(glance, now))
		now += step;
	glance_over(glance, now, now >= end);
	return true;
}

/* How many of n sleeps begin with a look. */
static unsigned looks(struct glance *glance, uint64_t ns, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += look(glance, ns);
	return count;
}

TEST(a_glance_lasts_until_something_comes_but_not_for_long)
{
	struct glance glance = { 0 };
	uint64_t began = now;

	CHECK(look(&glance, UINT64_MAX - now));
	CHECK(now - began >= GLANCE_MOST);
	CHECK(now - began < GLANCE_MOST + 2 * NS_PER_US);
}

TEST(what_comes_soon_is_looked_for_each_time)
{
	struct glance glance = { 0 };

	CHECK_EQ(looks(&glance, 3 * NS_PER_US, 1000), 1000);
}

TEST(what_never_comes_is_looked_for_less_and_less)
{
	struct glance glance = { 0 };
	unsigned count = looks(&glance, NS_PER_MS, 100000);

	CHECK(count >= 12 + 90000 / (GLANCE_PAUSE + 1));
	CHECK(count <= 13 + 100000 / (GLANCE_PAUSE + 1));
	CHECK_EQ(looks(&glance, NS_PER_MS, GLANCE_PAUSE + 1), 1);
}

TEST(what_comes_late_is_not_worth_it)
{
	struct glance glance = { 0 };

	CHECK(looks(&glance, 40 * NS_PER_US, 100000) < 100);
}

/* The other side was asleep, and is not from now on. */
TEST(one_that_comes_late_is_forgiven)
{
	struct glance glance = { 0 };

	CHECK(look(&glance, 35 * NS_PER_US));
	CHECK_EQ(looks(&glance, 3 * NS_PER_US, 1000), 1000);
}

/* As on a core that both sides share. */
TEST(what_was_there_before_says_nothing)
{
	struct glance glance = { 0 };

	looks(&glance, NS_PER_MS, 100000);
	looks(&glance, 0, 100000);
	CHECK_EQ(glance.pause, GLANCE_PAUSE);
	CHECK(look(&glance, NS_PER_MS));
	CHECK_EQ(looks(&glance, NS_PER_MS, GLANCE_PAUSE), 0);
}

TEST(it_is_found_out_when_it_pays_again)
{
	struct glance glance = { 0 };

	looks(&glance, NS_PER_MS, 100000);
	looks(&glance, 3 * NS_PER_US, 20000);
	CHECK_EQ(glance.pause, 0);
	CHECK_EQ(looks(&glance, 3 * NS_PER_US, 1000), 1000);
}
