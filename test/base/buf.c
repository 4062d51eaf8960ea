/* Bytes that grow at their end. */
#include "ouro/str.h"

#include "test.h"

static void check_is(const ouro_buf *buf, const char *z)
{
	ouro_str s = ouro_buf_str(buf);

	CHECK_STR(s.ptr, z);
	CHECK_EQ(s.len, strlen(z));
}

/* A buffer with those bytes in it. */
static ouro_buf *holding(const char *z)
{
	ouro_buf *buf = ouro_buf_new();

	CHECK(buf != NULL);
	CHECK_EQ(ouro_buf_append(buf, z, strlen(z)), 0);
	return buf;
}

TEST(a_new_buffer_is_the_empty_string)
{
	ouro_buf *buf = ouro_buf_new();

	check_is(buf, "");
	ouro_buf_free(buf);
	ouro_buf_free(NULL);
}

TEST(appends_line_up)
{
	ouro_buf *buf = holding("one");

	CHECK_EQ(ouro_buf_append(buf, ", two", 5), 0);
	CHECK_EQ(ouro_buf_append(buf, NULL, 0), 0);
	CHECK_EQ(ouro_buf_append(buf, "", 0), 0);
	CHECK_EQ(ouro_buf_append(buf, ", threepence", 7), 0);
	check_is(buf, "one, two, three");
	ouro_buf_free(buf);
}

TEST(a_zero_is_a_byte_like_others)
{
	ouro_buf *buf = holding("a");

	CHECK_EQ(ouro_buf_append(buf, "\0b", 3), 0);
	CHECK_EQ(ouro_buf_str(buf).len, 4);
	CHECK(memcmp(ouro_buf_str(buf).ptr, "a\0b\0", 5) == 0);
	ouro_buf_free(buf);
}

TEST(a_million_appends_cost_a_few_allocations)
{
	ouro_buf *buf = ouro_buf_new();
	size_t before = allocations();

	for (int i = 0; i < 1000000; i++)
		CHECK_EQ(ouro_buf_append(buf, &"0123456789"[i % 10], 1), 0);
	CHECK(allocations() - before < 20);
	CHECK_EQ(ouro_buf_str(buf).len, 1000000);
	for (int i = 0; i < 1000000; i++)
		CHECK(ouro_buf_str(buf).ptr[i] == '0' + i % 10);
	CHECK_EQ(ouro_buf_str(buf).ptr[1000000], 0);
	ouro_buf_free(buf);
}

TEST(there_is_a_zero_behind_every_length)
{
	ouro_buf *buf = ouro_buf_new();

	for (size_t n = 1; n < 300; n++) {
		CHECK_EQ(ouro_buf_append(buf, "x", 1), 0);
		CHECK_EQ(strlen(ouro_buf_str(buf).ptr), n);
	}
	ouro_buf_free(buf);
}

TEST(a_piece_of_itself_can_be_appended)
{
	ouro_buf *buf = holding("ab");

	/* Its memory moves under the piece several times. */
	for (int i = 0; i < 12; i++)
		CHECK_EQ(ouro_buf_append(buf, ouro_buf_str(buf).ptr, ouro_buf_str(buf).len), 0);
	CHECK_EQ(ouro_buf_str(buf).len, 2 << 12);
	for (size_t i = 0; i < 2 << 12; i++)
		CHECK(ouro_buf_str(buf).ptr[i] == (i % 2 ? 'b' : 'a'));
	CHECK_EQ(ouro_buf_append(buf, ouro_buf_str(buf).ptr + 1, 1), 0);
	CHECK_EQ(ouro_buf_str(buf).ptr[2 << 12], 'b');
	ouro_buf_free(buf);
}

TEST(its_own_zero_can_be_appended_too)
{
	ouro_buf *buf = holding("ab");

	CHECK_EQ(ouro_buf_append(buf, ouro_buf_str(buf).ptr, 3), 0);
	CHECK_EQ(ouro_buf_str(buf).len, 5);
	CHECK(memcmp(ouro_buf_str(buf).ptr, "abab\0", 6) == 0);
	ouro_buf_free(buf);
}

TEST(printf_adds_what_stdio_would_print)
{
	ouro_buf *buf = ouro_buf_new();

	CHECK_EQ(ouro_buf_printf(buf, "%s", ""), 0);
	check_is(buf, "");
	CHECK_EQ(ouro_buf_printf(buf, "%d %s", 42, "horses"), 0);
	CHECK_EQ(ouro_buf_printf(buf, ", %05.1f%%", 2.5), 0);
	check_is(buf, "42 horses, 002.5%");
	ouro_buf_free(buf);
}

TEST(printf_fits_at_every_length)
{
	static char wanted[4096];

	for (int n = 0; n < 200; n++) {
		ouro_buf *buf = holding("<");

		CHECK_EQ(ouro_buf_printf(buf, "%*d", n, 7), 0);
		CHECK_EQ(ouro_buf_printf(buf, "%0*d>", 3 * n, 8), 0);
		snprintf(wanted, sizeof(wanted), "<%*d%0*d>", n, 7, 3 * n, 8);
		check_is(buf, wanted);
		ouro_buf_free(buf);
	}
}

TEST(a_format_that_cannot_be_printed_changes_nothing)
{
	static const wchar_t no_letter[] = { 0x7fffffff, 0 };
	ouro_buf *buf = ouro_buf_new();

	CHECK_EQ(ouro_buf_printf(buf, "some %ls", no_letter), -EINVAL);
	check_is(buf, "");
	CHECK_EQ(ouro_buf_append(buf, "kept", 4), 0);
	CHECK_EQ(ouro_buf_printf(buf, "some %ls", no_letter), -EINVAL);
	check_is(buf, "kept");
	ouro_buf_free(buf);
}

TEST(cut_forgets_the_end_and_keeps_the_memory)
{
	ouro_buf *buf = holding("hello, world");
	size_t before = allocations();

	ouro_buf_cut(buf, 100);
	check_is(buf, "hello, world");
	ouro_buf_cut(buf, 5);
	check_is(buf, "hello");
	ouro_buf_cut(buf, 0);
	check_is(buf, "");
	CHECK_EQ(ouro_buf_append(buf, "again", 5), 0);
	check_is(buf, "again");
	CHECK_EQ(allocations(), before);
	ouro_buf_free(buf);
}

TEST(an_empty_buffer_can_be_cut)
{
	ouro_buf *buf = ouro_buf_new();

	ouro_buf_cut(buf, 0);
	ouro_buf_cut(buf, 10);
	check_is(buf, "");
	ouro_buf_free(buf);
}

TEST(detached_bytes_are_yours)
{
	ouro_buf *buf = holding("mine");
	size_t len = 99;
	char *bytes = ouro_buf_detach(buf, &len);

	check_is(buf, "");
	CHECK_EQ(ouro_buf_append(buf, "new", 3), 0);
	CHECK_STR(bytes, "mine");
	CHECK_EQ(len, 4);
	ouro_buf_free(buf);
	ouro_bytes_free(bytes);
	ouro_bytes_free(NULL);
}

TEST(what_never_held_any_has_none_to_give)
{
	ouro_buf *buf = ouro_buf_new();
	size_t len = 99;

	CHECK(!ouro_buf_detach(buf, &len));
	CHECK_EQ(len, 0);
	CHECK(!ouro_buf_detach(buf, NULL));
	ouro_buf_free(buf);
}

TEST(what_held_some_gives_an_empty_string)
{
	ouro_buf *buf = holding("gone");
	char *bytes;

	ouro_buf_cut(buf, 0);
	bytes = ouro_buf_detach(buf, NULL);
	CHECK_STR(bytes, "");
	ouro_bytes_free(bytes);
	ouro_buf_free(buf);
}

TEST(without_memory_it_stays_as_it_was)
{
	ouro_buf *buf = holding("steady");
	char big[1000];

	memset(big, 'x', sizeof(big));
	fail_allocation(1);
	CHECK_EQ(ouro_buf_append(buf, big, sizeof(big)), -ENOMEM);
	check_is(buf, "steady");
	fail_allocation(1);
	CHECK_EQ(ouro_buf_printf(buf, "%1000d", 1), -ENOMEM);
	check_is(buf, "steady");
	CHECK_EQ(ouro_buf_append(buf, " on", 3), 0);
	check_is(buf, "steady on");
	ouro_buf_free(buf);
}

/* The length with its zero cannot be counted; the last two can, and no allocator has that much.
 * Ours is told so: a sanitizer's would take offence. */
TEST(more_than_memory_can_count_is_no_memory)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 4, SIZE_MAX - 5, SIZE_MAX / 2 };
	ouro_buf *buf = holding("some");
	size_t before = allocations();

	for (size_t i = 0; i < 4; i++) {
		fail_allocation(1);
		CHECK_EQ(ouro_buf_append(buf, "x", sizes[i]), -ENOMEM);
	}
	CHECK_EQ(allocations() - before, 2);
	check_is(buf, "some");
	ouro_buf_free(buf);
}

static int fill(ouro_buf *buf)
{
	for (int i = 0; i < 50; i++) {
		int err = ouro_buf_printf(buf, "line %d\n", i);

		if (!err)
			err = ouro_buf_append(buf, "----------------", 16);
		if (err)
			return err;
	}
	return 0;
}

static int make_and_fill(void)
{
	ouro_buf *buf = ouro_buf_new();
	int err = buf ? fill(buf) : -ENOMEM;

	ouro_buf_free(buf);
	return err;
}

TEST(any_allocation_may_fail)
{
	CHECK(for_each_failing_allocation(make_and_fill) >= 5);
}
