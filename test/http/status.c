/* The first line of an answer. */
#include "http/status.h"
#include "ouro/http.h"
#include "test.h"

static const char *line(int status)
{
	static char text[128];
	size_t len = 0;
	const char *got = ouro__status_line(status, &len);

	if (!got)
		return NULL;
	CHECK_EQ(strlen(got), len);
	snprintf(text, sizeof(text), "%s", got);
	return text;
}

TEST(a_status_with_a_name_says_it)
{
	CHECK_STR(line(200), "HTTP/1.1 200 OK\r\n");
	CHECK_STR(line(100), "HTTP/1.1 100 Continue\r\n");
	CHECK_STR(line(404), "HTTP/1.1 404 Not Found\r\n");
	CHECK_STR(line(511), "HTTP/1.1 511 Network Authentication Required\r\n");
	CHECK_STR(ouro_status_text(404), "Not Found");
}

TEST(a_status_without_a_name_says_its_number)
{
	CHECK_STR(line(299), "HTTP/1.1 299 \r\n");
	CHECK_STR(line(999), "HTTP/1.1 999 \r\n");
	CHECK_STR(line(306), "HTTP/1.1 306 \r\n");
	CHECK_STR(ouro_status_text(299), "");
}

TEST(what_has_not_three_digits_is_no_status)
{
	CHECK_STR(line(99), NULL);
	CHECK_STR(line(1000), NULL);
	CHECK_STR(line(0), NULL);
	CHECK_STR(line(-200), NULL);
	CHECK_STR(ouro_status_text(-404), "");
}

TEST(every_line_has_its_number_and_its_end)
{
	for (int status = 100; status <= 999; status++) {
		char wanted[128];

		snprintf(wanted, sizeof(wanted), "HTTP/1.1 %d %s\r\n", status,
			 ouro_status_text(status));
		CHECK_STR(line(status), wanted);
	}
}
