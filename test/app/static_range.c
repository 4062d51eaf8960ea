/* A Range field is read as RFC 9110, 14 has it, and what is doubtful means all of the file. */
#include "app/static_range.h"
#include "folder.h"

/* "0-4 7-9", "" for none, "416". */
static const char *read_as(const char *value, uint64_t size)
{
	static char text[1024];
	struct range ranges[RANGES_MAX];
	int count = ouro__ranges(ouro_str_z(value), size, ranges), used = 0;

	text[0] = 0;
	if (count == -416)
		return "416";
	for (int i = 0; i < count; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%llu-%llu",
				 i ? " " : "", (unsigned long long)ranges[i].first,
				 (unsigned long long)ranges[i].last);
	return text;
}

TEST(a_range_is_read_or_means_all_or_is_not_in_the_file)
{
	static const struct {
		const char *value;
		uint64_t size;
		const char *is;
	} cases[] = {
		{ "bytes=0-0", 10, "0-0" },
		{ "bytes=0-9", 10, "0-9" },
		{ "bytes=0-10", 10, "0-9" },
		{ "bytes=9-", 10, "9-9" },
		{ "bytes=10-", 10, "416" },
		{ "bytes=-1", 10, "9-9" },
		{ "bytes=-10", 10, "0-9" },
		{ "bytes=-11", 10, "0-9" },
		{ "bytes=-0", 10, "416" },
		{ "bytes=-5", 0, "" },
		{ "bytes=0-", 0, "416" },
		{ "BYTES=1-2", 10, "1-2" },
		{ "bytes=1-2,4-5", 10, "1-2 4-5" },
		{ "bytes=4-5, 1-2", 10, "4-5 1-2" },
		{ "bytes= ,, 1-2 ,\t-1,", 10, "1-2 9-9" },
		{ "bytes=1-2,20-30", 10, "1-2" },
		{ "bytes=20-30,-0", 10, "416" },
		{ "bytes=0-5,0-4", 10, "" }, /* more than there is */
		{ "bytes=0-4,0-4", 10, "0-4 0-4" },
		{ "bytes=0-,0-,0-", 10, "" },
		{ "bytes=18446744073709551615-", 10, "416" },
		{ "bytes=0-18446744073709551615", 10, "0-9" },
		{ "bytes=0-99999999999999999999999999", 10, "0-9" },
		{ "bytes=99999999999999999999999999-", 10, "416" },
		{ "bytes=-99999999999999999999999999", 10, "0-9" },
		{ "bytes=18446744073709551616-18446744073709551617", 10, "416" },
		{ "bytes=5-4", 10, "" },
		{ "bytes=", 10, "" },
		{ "bytes", 10, "" },
		{ "", 10, "" },
		{ "bytes=-", 10, "" },
		{ "bytes=1", 10, "" },
		{ "bytes=1-2-3", 10, "" },
		{ "bytes=1 -2", 10, "" },
		{ "bytes=1-2 4-5", 10, "" },
		{ "bytes=+1-2", 10, "" },
		{ "bytes=0x1-2", 10, "" },
		{ "bytes=a-b", 10, "" },
		{ "bytes =1-2", 10, "" },
		{ " bytes=1-2", 10, "" },
		{ "lines=1-2", 10, "" },
		{ "bytes=1-2;3-4", 10, "" },
		{ "bytes=--1", 10, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STR(read_as(cases[i].value, cases[i].size), cases[i].is);
}

TEST(sixteen_ranges_are_taken_and_no_more)
{
	char value[256] = "bytes=0-0";

	for (int i = 1; i < 16; i++)
		snprintf(value + strlen(value), 16, ",%d-%d", i, i);
	CHECK(strstr(read_as(value, 100), "15-15"));
	strcat(value, ",16-16");
	CHECK_STR(read_as(value, 100), "");
}

/* ---- As answers ---- */

TEST(one_range_is_a_part_of_the_file)
{
	serve((ouro_static_opts){ .small_max = 100 });
	put("small", "0123456789");
	put_pattern("large", 400000);
	CHECK_EQ(get_with("/small", "Range: bytes=2-4\r\n"), 206);
	CHECK_STR(body(), "234");
	CHECK_STR(field("Content-Range"), "bytes 2-4/10");
	CHECK_STR(field("Content-Length"), "3");
	CHECK_STR(field("Last-Modified"), OLD_GMT);
	CHECK_EQ(get_with("/large", "Range: bytes=5000-\r\n"), 206);
	CHECK_STR(field("Content-Range"), "bytes 5000-399999/400000");
	CHECK_EQ(body_len(), 395000);
	CHECK_EQ(memcmp(body(), pattern(400000) + 5000, 395000), 0);
	CHECK_EQ(get_with("/large", "Range: bytes=400000-\r\n"), 416);
	CHECK_STR(field("Content-Range"), "bytes */400000");
	CHECK_EQ(get_with("/large", "Range: bytes=1-0\r\n"), 200);
	done();
}

/* The next part of a multipart body: its Content-Range and what is in it. */
static void check_part(const char **at, const char *boundary, const char *range, const char *bytes,
		       size_t len)
{
	char head[512];

	snprintf(head, sizeof(head),
		 "\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		 "Content-Range: bytes %s\r\n\r\n",
		 boundary, range);
	CHECK_EQ(strncmp(*at, head, strlen(head)), 0);
	*at += strlen(head);
	CHECK_EQ(memcmp(*at, bytes, len), 0);
	*at += len;
}

static void check_parts(const char *path, size_t size)
{
	char boundary[64], range[64];
	const char *at;
	size_t last = size - 3;

	CHECK_EQ(get_with(path, "Range: bytes=0-1,5-9,-3\r\n"), 206);
	CHECK_EQ(sscanf(field("Content-Type"), "multipart/byteranges; boundary=%63s", boundary), 1);
	CHECK_STR(field("Content-Range"), "");
	CHECK_EQ(strlen(boundary), 32);
	at = body();
	snprintf(range, sizeof(range), "0-1/%zu", size);
	check_part(&at, boundary, range, pattern(size), 2);
	snprintf(range, sizeof(range), "5-9/%zu", size);
	check_part(&at, boundary, range, pattern(size) + 5, 5);
	snprintf(range, sizeof(range), "%zu-%zu/%zu", last, size - 1, size);
	check_part(&at, boundary, range, pattern(size) + last, 3);
	snprintf(range, sizeof(range), "\r\n--%s--\r\n", boundary);
	CHECK_STR(at, range);
}

TEST(several_ranges_are_parts_with_a_head_each)
{
	serve((ouro_static_opts){ .small_max = 100 });
	put_pattern("small.txt", 50);
	put_pattern("large.txt", 300000);
	check_parts("/small.txt", 50);
	check_parts("/large.txt", 300000);
	CHECK_EQ(get("/small.txt"), 200); /* the connection is good for another */
	done();
}

TEST(large_ranges_of_a_large_file_come_whole)
{
	serve((ouro_static_opts){ 0 });
	put_pattern("large.txt", 900000);
	CHECK_EQ(get_with("/large.txt", "Range: bytes=0-299999,300000-599999\r\n"), 206);
	CHECK(memmem(body(), body_len(), pattern(900000), 300000));
	CHECK(memmem(body(), body_len(), pattern(900000) + 300000, 300000));
	done();
}

TEST(two_range_fields_are_none)
{
	serve((ouro_static_opts){ 0 });
	put("a", "0123456789");
	CHECK_EQ(get_with("/a", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), 200);
	done();
}
