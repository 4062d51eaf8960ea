/* event_text.c -- transcripts of event streams: what is heard of them, whole, cut in two at every
 * byte, and byte by byte. */
#include "http/event_text.h"
#include "ouro/error.h"
#include "test.h"
#include <errno.h>

#define LIMIT 65 /* of an event in bytes */

static char heard[4096];

/* "(data)", "tick(data)", "#7(data)": with the last id, if there ever was one. */
static void note(const ouro_event *event)
{
	size_t used = strlen(heard);

	snprintf(heard + used, sizeof(heard) - used, "%s%s%s(%.*s)",
		 event->event ? event->event : "", event->id ? "#" : "", event->id ? event->id : "",
		 (int)event->data.len, event->data.ptr);
}

static int hear_some(struct event_reader *reader, const char *bytes, size_t n)
{
	char copy[2048];
	ouro_str rest = ouro_str_n(copy, n);
	ouro_event event;
	int got;

	CHECK(n <= sizeof(copy));
	memcpy(copy, bytes, n);
	while ((got = ouro__event_read(reader, &rest, &event)) > 0)
		note(&event);
	memset(copy, 'z', sizeof(copy));
	return got;
}

static int hear(const char *bytes, size_t n, size_t first, size_t then)
{
	struct event_reader reader;
	int err = ouro__event_reader_start(&reader, LIMIT);
	size_t at = 0;

	heard[0] = 0;
	for (size_t len = first; !err && at < n; len = then < n - at ? then : n - at) {
		err = hear_some(&reader, bytes + at, len);
		at += len;
	}
	ouro__event_reader_end(&reader);
	return err;
}

static void hears(const char *file, int line, const char *bytes, size_t n, int err,
		  const char *what)
{
	test_equal(file, line, "what is wrong with it", hear(bytes, n, n, n), err);
	for (size_t cut = 0; cut <= n; cut++) {
		test_equal(file, line, "cut", hear(bytes, n, cut ? cut : 1, cut ? n : 1), err);
		CHECK_STR(heard, what);
	}
}

#define HEARS(bytes, what)   hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, 0, what)
#define TOO_BIG(bytes, what) hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, OURO_ETOOBIG, what)

TEST(the_examples_of_the_standard)
{
	HEARS("data: This is the first message.\n\n"
	      "data: This is the second message, it\ndata: has two lines.\n\n",
	      "(This is the first message.)(This is the second message, it\nhas two lines.)");
	HEARS("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
	      "add(73857293)remove(2153)");
	HEARS("data: YHOO\ndata: +2\ndata: 10\n\n", "(YHOO\n+2\n10)");
	HEARS(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
	      "data:  third event\n\n",
	      "#1(first event)(second event)( third event)");
	HEARS("data\n\ndata\ndata\n\ndata:", "()(\n)");
	HEARS("data:test\n\ndata: test\n\n", "(test)(test)");
}

TEST(a_line_ends_in_three_ways)
{
	HEARS("data: a\r\rdata: b\n\ndata: c\r\n\r\ndata: d\r\n\ndata: e\n\r\n", "(a)(b)(c)(d)(e)");
	HEARS("data: a\rdata: b\r\ndata: c\ndata: d\n\n", "(a\nb\nc\nd)");
}

TEST(a_mark_of_the_byte_order_may_stand_first)
{
	HEARS("\xef\xbb\xbf"
	      "data: a\n\n",
	      "(a)");
	HEARS("data: a\n\n\xef\xbb\xbf"
	      "data: b\n\n",
	      "(a)");
	HEARS("\xef\xbb"
	      "data: a\n\n",
	      "");
}

TEST(what_is_no_field_of_ours_is_let_pass)
{
	HEARS("Data: a\n:\nfoo\n data: b\ndata : c\ndata: d\n\n", "(d)");
	HEARS("event: a\nevent: b\ndata: c\n\ndata: d\n\n", "b(c)(d)");
	HEARS("event: a\n\ndata: b\n\n", "(b)");
}

TEST(an_id_stays_until_another_comes)
{
	HEARS("id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid:\ndata: d\n\n",
	      "#1(a)#1(b)#2(c)(d)");
	HEARS("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nevent: x\0y\ndata: c\n\n", "#1(a)#1(b)#1(c)");
	HEARS("id: 1\ndata: a\n\nid: 2\nid: 3\ndata: b\n\n", "#1(a)#3(b)");
}

TEST(what_is_not_ended_was_not_sent)
{
	HEARS("data: a\n\ndata: b\n", "(a)");
	HEARS("data: a\n\ndata: b", "(a)");
}

#define SIXTY "012345678901234567890123456789012345678901234567890123456789"

TEST(nothing_grows_beyond_its_limit)
{
	HEARS("data:" SIXTY "\n\n", "(" SIXTY ")");
	TOO_BIG("data: a\n\ndata:" SIXTY "x\n\n", "(a)");
	TOO_BIG("data: a\n\n:" SIXTY "012345", "(a)");
	TOO_BIG("data:" SIXTY "\ndata:abcd\n\n", "");
}

static struct event_reader after(const char *text)
{
	struct event_reader reader;

	heard[0] = 0;
	CHECK_EQ(ouro__event_reader_start(&reader, LIMIT), 0);
	CHECK(hear_some(&reader, text, strlen(text)) <= 0);
	return reader;
}

TEST(how_soon_to_come_back_is_a_number)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} said[] = { { "", UINT64_MAX },
		     { "retry: 250\n", 250 },
		     { "retry: 0\n", 0 },
		     { "retry: 250\nretry: x\n", 250 },
		     { "retry: 250\nretry\n", 250 },
		     { "retry: 250\nretry: +3\n", 250 },
		     { "retry: 250\nretry: 99999999999999999999\n", 250 },
		     { "retry: 250", UINT64_MAX } };

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct event_reader reader = after(said[i].text);

		CHECK_EQ(reader.retry_ms, said[i].ms);
		ouro__event_reader_end(&reader);
	}
}

TEST(another_stream_begins_anew_but_for_the_id)
{
	struct event_reader reader = after("id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\ndat");

	ouro__event_reader_restart(&reader);
	CHECK_EQ(hear_some(&reader,
			   "\xef\xbb\xbf"
			   "data: c\n\n",
			   12),
		 0);
	CHECK_STR(heard, "#1(a)#1(c)");
	ouro__event_reader_end(&reader);
}

TEST(a_reader_that_has_failed_may_begin_anew)
{
	struct event_reader reader = after("data:" SIXTY "01234567");

	ouro__event_reader_restart(&reader);
	CHECK_EQ(hear_some(&reader, "data: c\n\n", 9), 0);
	CHECK_STR(heard, "(c)");
	ouro__event_reader_end(&reader);
}

static int attempt(void)
{
	return hear("id: 1\nevent: x\ndata: a\ndata: b\n\n", 32, 20, 20);
}

TEST(no_failing_allocation_does_harm)
{
	CHECK(for_each_failing_allocation(attempt) > 5);
}
