/* Conditions are asked in the order of RFC 9110, 13.2.2, and mean what it says. */
#include "folder.h"

#define BEFORE "Sun, 09 Sep 2001 01:46:39 GMT"
#define AFTER  "Sun, 09 Sep 2001 01:46:41 GMT"

/* $ in the fields is the file's own tag. */
static int get_if(const char *fields)
{
	static char tag[128];
	char text[1024], *to = text;

	if (!*tag) {
		CHECK_EQ(get("/a"), 200);
		strcpy(tag, field("ETag"));
	}
	for (; *fields; fields++)
		if (*fields == '$')
			to = stpcpy(to, tag);
		else
			*to++ = *fields;
	*to = 0;
	return get_with("/a", text);
}

static void serve_one(void)
{
	serve((ouro_static_opts){ 0 });
	put("a", "0123456789");
}

TEST(a_condition_lets_pass_or_not)
{
	static const struct {
		const char *fields;
		int status;
	} cases[] = {
		{ "If-Match: $\r\n", 200 },
		{ "If-Match: *\r\n", 200 },
		{ "If-Match: \"x\", $\r\n", 200 },
		{ "If-Match: \"x,\" ,$\r\n", 200 },
		{ "If-Match: \"x\"\r\nIf-Match: $\r\n", 200 },
		{ "If-Match: \"x\"\r\n", 412 },
		{ "If-Match: W/$\r\n", 412 }, /* a weak tag is not strongly the same */
		{ "If-Match: nonsense\r\n", 412 },
		{ "If-Match:\r\n", 412 },
		{ "If-None-Match: $\r\n", 304 },
		{ "If-None-Match: W/$\r\n", 304 },
		{ "If-None-Match: *\r\n", 304 },
		{ "If-None-Match: \"x\", W/\"y\",$\r\n", 304 },
		{ "If-None-Match: \"x\"\r\n", 200 },
		{ "If-None-Match: nonsense\r\n", 200 },
		{ "If-None-Match: \"unclosed\r\n", 200 },
		{ "If-Modified-Since: " OLD_GMT "\r\n", 304 },
		{ "If-Modified-Since: " AFTER "\r\n", 304 },
		{ "If-Modified-Since: " BEFORE "\r\n", 200 },
		{ "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT\r\n", 304 },
		{ "If-Modified-Since: Sun Sep  9 01:46:40 2001\r\n", 304 },
		{ "If-Modified-Since: yesterday\r\n", 200 },
		{ "If-Unmodified-Since: " OLD_GMT "\r\n", 200 },
		{ "If-Unmodified-Since: " AFTER "\r\n", 200 },
		{ "If-Unmodified-Since: " BEFORE "\r\n", 412 },
		{ "If-Unmodified-Since: yesterday\r\n", 200 },
	};

	serve_one();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_EQ(get_if(cases[i].fields), cases[i].status);
	done();
}

TEST(the_one_before_decides_over_the_one_behind)
{
	static const struct {
		const char *fields;
		int status;
	} cases[] = {
		/* a tag is better than a date */
		{ "If-Match: $\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200 },
		{ "If-Match: \"x\"\r\nIf-Unmodified-Since: " AFTER "\r\n", 412 },
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: " AFTER "\r\n", 200 },
		{ "If-None-Match: $\r\nIf-Modified-Since: " BEFORE "\r\n", 304 },
		/* what fails comes before what has not changed */
		{ "If-Match: \"x\"\r\nIf-None-Match: $\r\n", 412 },
		{ "If-Unmodified-Since: " BEFORE "\r\nIf-None-Match: $\r\n", 412 },
		{ "If-Match: $\r\nIf-None-Match: $\r\n", 304 },
		{ "If-Unmodified-Since: " AFTER "\r\nIf-Modified-Since: " AFTER "\r\n", 304 },
		/* both before a range */
		{ "If-None-Match: $\r\nRange: bytes=0-1\r\n", 304 },
		{ "If-Match: \"x\"\r\nRange: bytes=0-1\r\n", 412 },
		{ "If-Match: $\r\nRange: bytes=0-1\r\n", 206 },
		{ "If-Match: $\r\nRange: bytes=10-\r\n", 416 },
	};

	serve_one();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_EQ(get_if(cases[i].fields), cases[i].status);
	done();
}

TEST(a_range_is_only_for_what_the_client_has_begun)
{
	static const struct {
		const char *fields;
		int status;
	} cases[] = {
		{ "Range: bytes=0-1\r\nIf-Range: $\r\n", 206 },
		{ "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200 },
		{ "Range: bytes=0-1\r\nIf-Range: W/$\r\n", 200 },
		{ "Range: bytes=0-1\r\nIf-Range: " OLD_GMT "\r\n", 206 },
		{ "Range: bytes=0-1\r\nIf-Range: " AFTER "\r\n", 200 },
		{ "Range: bytes=0-1\r\nIf-Range: " BEFORE "\r\n", 200 },
		{ "Range: bytes=0-1\r\nIf-Range: nonsense\r\n", 200 },
		{ "Range: bytes=0-1\r\nIf-Range:\r\n", 200 },
		{ "Range: bytes=10-\r\nIf-Range: \"x\"\r\n", 200 },
		{ "If-Range: $\r\n", 200 },
	};

	serve_one();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_EQ(get_if(cases[i].fields), cases[i].status);
	done();
}

TEST(what_has_not_changed_has_its_fields_and_no_body)
{
	serve_one();
	CHECK_EQ(get_if("If-None-Match: $\r\n"), 304);
	CHECK_STR(field("Last-Modified"), OLD_GMT);
	CHECK_EQ(field("ETag")[0], '"');
	CHECK_STR(field("Content-Length"), "");
	CHECK_STR(field("Content-Type"), "");
	CHECK_EQ(get("/a"), 200);
	done();
}

/* It may be changed again within the same tick of the clock, and then look the same. */
TEST(a_file_changed_just_now_has_a_weak_tag)
{
	char tag[128], fields[256];

	serve((ouro_static_opts){ 0 });
	do { /* unless this machine has slept for two seconds */
		make_file("a", "0123456789");
		ouro_static_forget(site);
		CHECK_EQ(get("/a"), 200);
		strcpy(tag, field("ETag"));
	} while (strncmp(tag, "W/\"", 3) != 0);
	snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", tag);
	CHECK_EQ(get_with("/a", fields), 304);
	snprintf(fields, sizeof(fields), "If-Match: %s\r\n", tag + 2);
	CHECK_EQ(get_with("/a", fields), 412);
	snprintf(fields, sizeof(fields), "Range: bytes=0-1\r\nIf-Range: %s\r\n",
		 field("Last-Modified"));
	CHECK_EQ(get_with("/a", fields), 200);
	done();
}

TEST(a_time_to_come_is_not_told)
{
	struct timespec times[2] = { { 4102444800, 0 }, { 4102444800, 0 } };

	serve((ouro_static_opts){ 0 });
	make_file("a", "0123456789");
	CHECK_EQ(utimensat(AT_FDCWD, "a", times, 0), 0);
	CHECK_EQ(get("/a"), 200);
	CHECK_STR(field("Last-Modified"), "");
	CHECK_EQ(get_with("/a", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n"), 200);
	done();
}
