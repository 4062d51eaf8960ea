/* The last words: what they are, and that nothing comes after them. */
#include "base/check.h"

#include "dies.h"

struct object {
	uint32_t magic;
};

#define OBJECT_MAGIC 0x6f626a65u

static void break_it(void *arg)
{
	ouro__broken((const char *)arg, "lib/some/file.c", 1234567890);
}

static void check_arithmetic(void *arg)
{
	int sum = *(int *)arg + 2;

	ouro__check(sum == 5);
}

static void use(void *arg)
{
	struct object *object = arg;

	ouro__check_magic(object, OBJECT_MAGIC);
}

TEST(what_is_broken_is_said_in_one_line)
{
	char said[256], what[] = "the sky fell";

	dies(break_it, what, said, sizeof(said));
	CHECK_STR(said, "ouro: the sky fell (lib/some/file.c:1234567890)\n");
}

TEST(a_check_quotes_itself)
{
	char said[256];
	int two = 2;

	dies(check_arithmetic, &two, said, sizeof(said));
	CHECK(strstr(said, "ouro: sum == 5 ("));
	CHECK(strstr(said, __FILE__));
}

TEST(what_holds_goes_on)
{
	int n = 3;

	check_arithmetic(&n);
	ouro__check(++n == 4);
	CHECK_EQ(n, 4);
}

TEST(a_lost_magic_is_a_use_after_free)
{
	struct object alive = { OBJECT_MAGIC }, dead = { 0 };
	char said[256];

	use(&alive);
	dies(use, &dead, said, sizeof(said));
	CHECK(strstr(said, "ouro: used after it was freed: object ("));
}

static void close_stderr_and_break(void *arg)
{
	close(STDERR_FILENO);
	break_it(arg);
}

TEST(without_a_stderr_it_aborts_all_the_same)
{
	char said[256], what[] = "unheard";

	dies(close_stderr_and_break, what, said, sizeof(said));
	CHECK_STR(said, "");
}
