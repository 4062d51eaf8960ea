/* ws_frame.c -- transcripts of frames: what is heard of them, whole, cut in two at every byte, and
 * byte by byte. */
#include "http/ws_frame.h"
#include "test.h"
#include <stdlib.h>

#define MAX 4096

static char heard[8192];

static void note(const char *text, size_t len)
{
	size_t used = strlen(heard);

	CHECK(used + len < sizeof(heard));
	memcpy(heard + used, text, len);
	heard[used + len] = 0;
}

/* "T(hel)T(lo)." with the cuts of a message taken out: "T(hello)." */
static void note_piece(const struct ws_piece *piece, bool *begun)
{
	static const char letters[] = "?TB?????CPO";

	if (!*begun)
		note(&letters[piece->op], 1), note("(", 1);
	note(piece->bytes, piece->len);
	if (piece->last)
		note(")", 1);
	*begun = !piece->last;
}

struct hearing {
	struct ws_reader reader;
	bool message, control;
	int err;
};

static void hear_some(struct hearing *h, const char *bytes, size_t n)
{
	char copy[2 * MAX], *at = copy;
	struct ws_piece piece;
	int got = 1;

	CHECK(n <= sizeof(copy));
	memcpy(copy, bytes, n);
	while (!h->err && got > 0) {
		got = ouro__ws_read(&h->reader, &at, &n, &piece);
		h->err = got < 0 ? -got : 0;
		if (got > 0 && piece.op < WS_CLOSE)
			note_piece(&piece, &h->message);
		else if (got > 0)
			note_piece(&piece, &h->control);
	}
}

static int hear(bool masked, const char *bytes, size_t n, size_t first, size_t then)
{
	struct hearing h = { .err = 0 };
	size_t at = 0;

	heard[0] = 0;
	ouro__ws_reader_start(&h.reader, masked, MAX, MAX);
	for (size_t len = first < n ? first : n; at < n; len = then < n - at ? then : n - at) {
		hear_some(&h, bytes + at, len);
		at += len;
	}
	return h.err;
}

/* Text that is at fault shows it when it comes, so that what was heard before it may be cut. */
static void hears(const char *file, int line, const char *bytes, size_t n, bool masked, int err,
		  const char *what)
{
	test_equal(file, line, "what is wrong with it", hear(masked, bytes, n, n, n), err);
	for (size_t cut = 0; cut <= n; cut++) {
		test_equal(file, line, "cut", hear(masked, bytes, n, cut ? cut : 1, cut ? n : 1),
			   err);
		if (err != WS_NOT_TEXT)
			CHECK_STR(heard, what);
	}
}

#define HEARS(bytes, what)   hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, false, 0, what)
#define REFUSED(code, bytes) hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, false, code, "")
#define THEN_REFUSED(what, code, bytes) \
	hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, false, code, what)
#define MASKED(bytes, what) hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, true, 0, what)
#define MASKED_REFUSED(code, bytes) \
	hears(__FILE__, __LINE__, bytes, sizeof(bytes) - 1, true, code, "")

TEST(the_examples_of_the_rfc)
{
	HEARS("\x81\x05Hello", "T(Hello)");
	MASKED("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "T(Hello)");
	HEARS("\x01\x03Hel\x80\x02lo", "T(Hello)");
	HEARS("\x89\x05Hello", "P(Hello)");
	MASKED("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "O(Hello)");
}

TEST(nothing_may_be_in_a_frame)
{
	HEARS("\x81\x00\x82\x00\x89\x00\x8a\x00\x88\x00", "T()B()P()O()C()");
	HEARS("\x01\x00\x00\x00\x80\x00", "T()");
	MASKED("\x81\x80zzzz\x82\x80yyyy", "T()B()");
}

TEST(control_frames_come_between_fragments)
{
	HEARS("\x01\x01"
	      "a\x89\x01p\x00\x01"
	      "b\x8a\x00\x80\x01"
	      "c",
	      "T(aP(p)bO()c)");
	HEARS("\x02\x01"
	      "a\x88\x02\x03\xe8",
	      "B(aC(\x03\xe8)");
}

TEST(reserved_bits_are_refused)
{
	REFUSED(1002, "\xc1\x00");
	REFUSED(1002, "\xa1\x00");
	REFUSED(1002, "\x91\x00");
	REFUSED(1002, "\xf9\x00");
	THEN_REFUSED("T(a)", 1002,
		     "\x81\x01"
		     "a\xc2\x00");
}

TEST(unknown_opcodes_are_refused)
{
	static const char ops[] = { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < sizeof(ops); i++) {
		char frame[] = { (char)(0x80 | ops[i]), 0 };

		hears(__FILE__, __LINE__, frame, 2, false, 1002, "");
	}
}

TEST(fragments_have_an_order)
{
	REFUSED(1002, "\x80\x01"
		      "a");
	REFUSED(1002, "\x00\x01"
		      "a");
	THEN_REFUSED("T(a", 1002,
		     "\x01\x01"
		     "a\x81\x01"
		     "b");
	THEN_REFUSED("T(a", 1002,
		     "\x01\x01"
		     "a\x02\x01"
		     "b");
	THEN_REFUSED("T(ab)", 1002,
		     "\x01\x01"
		     "a\x80\x01"
		     "b\x80\x01"
		     "c");
}

TEST(a_control_frame_is_short_and_whole)
{
	REFUSED(1002, "\x09\x00");
	REFUSED(1002, "\x08\x00");
	REFUSED(1002, "\x89\x7e\x00\x7e");
	REFUSED(1002, "\x8a\x7f\x00\x00\x00\x00\x00\x00\x00\x01");
}

TEST(a_client_masks_and_a_server_does_not)
{
	MASKED_REFUSED(1002, "\x81\x05Hello");
	MASKED_REFUSED(1002, "\x88\x00");
	REFUSED(1002, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(a_length_is_said_in_the_shortest_way)
{
	REFUSED(1002, "\x82\x7e\x00\x7d");
	REFUSED(1002, "\x82\x7e\x00\x00");
	REFUSED(1002, "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff");
	REFUSED(1002, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00");
	REFUSED(1002, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
}

TEST(what_is_over_a_limit_is_refused_by_its_head)
{
	REFUSED(1009, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff");
	REFUSED(1009, "\x82\x7e\x10\x01");
	THEN_REFUSED("B(ab", 1009,
		     "\x02\x02"
		     "ab\x80\x7e\x0f\xff");
}

TEST(lengths_at_their_borders)
{
	static const size_t lens[] = { 0, 1, 125, 126, 127, 128, 255, 256, 4095, 4096 };
	static const uint8_t key[] = { 1, 2, 3, 250 };
	static char bytes[MAX + WS_HEAD_MAX];
	struct hearing h = { .err = 0 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t head = ouro__ws_head(bytes, WS_BINARY, lens[i], key);

		memset(bytes + head, 'x', lens[i]);
		ouro__ws_mask(bytes + head, lens[i], key, 0);
		CHECK_EQ(hear(true, bytes, head + lens[i], 7, 5), 0);
		CHECK_EQ(strlen(heard), lens[i] + 3);
		CHECK_EQ(strspn(heard + 2, "x"), lens[i]);
	}
	CHECK_EQ(ouro__ws_head(bytes, WS_TEXT, 65536, NULL), 10);
	ouro__ws_reader_start(&h.reader, false, 65536, 65536);
	heard[0] = 0;
	hear_some(&h, bytes, 10);
	CHECK_EQ(h.err, 0);
	CHECK_EQ(h.reader.left, 65536);
}

TEST(text_is_utf8_and_other_bytes_are_free)
{
	HEARS("\x82\x02\xff\xfe", "B(\xff\xfe)");
	HEARS("\x81\x05\xce\xba\xe1\xbd\xb9", "T(\xce\xba\xe1\xbd\xb9)");
	HEARS("\x01\x03\xce\xba\xe1\x80\x02\xbd\xb9", "T(\xce\xba\xe1\xbd\xb9)");
	REFUSED(1007, "\x81\x02\xc0\x80");
	REFUSED(1007, "\x81\x03\xed\xa0\x80");
	REFUSED(1007, "\x81\x02\xe1\xbd");
	REFUSED(1007, "\x01\x02\xe1\xbd\x80\x00");
}

TEST(what_cannot_be_text_is_known_before_the_frame_ends)
{
	REFUSED(1007, "\x81\x7e\x0f\xff"
		      "a\xf4\x90");
	REFUSED(1007, "\x01\x7e\x0f\xff\xff");
}

static int close_read(const char *bytes, size_t n)
{
	ouro_str reason;

	return ouro__ws_close_read(ouro_str_n(bytes, n), &reason);
}

TEST(what_a_close_frame_may_say)
{
	static const int good[] = { 1000, 1001, 1002, 1003, 1007, 1009, 1011, 1014, 3000, 4999 };
	static const int bad[] = { 0,    999,  1004, 1005, 1006, 1015,
				   1016, 1100, 2000, 2999, 5000, 65535 };
	ouro_str reason;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(close_read((char[]){ (char)(good[i] >> 8), (char)good[i] }, 2), good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(close_read((char[]){ (char)(bad[i] >> 8), (char)bad[i] }, 2), -1002);
	CHECK_EQ(close_read("", 0), 1005);
	CHECK_EQ(close_read("\x03", 1), -1002);
	CHECK_EQ(close_read("\x03\xe8\xff", 3), -1007);
	CHECK_EQ(ouro__ws_close_read(ouro_str_z("\x03\xe8"
						"bye"),
				     &reason),
		 1000);
	CHECK(ouro_str_eq(reason, "bye"));
}

TEST(the_key_and_its_answer)
{
	char answer[WS_ACCEPT_LEN + 1] = "";

	CHECK(ouro__ws_is_key(ouro_str_z("dGhlIHNhbXBsZSBub25jZQ==")));
	CHECK(!ouro__ws_is_key(ouro_str_z("dGhlIHNhbXBsZSBub25jZT==")));
	CHECK(!ouro__ws_is_key(ouro_str_z("dGhlIHNhbXBsZSBub25j")));
	CHECK(!ouro__ws_is_key(ouro_str_z("")));
	ouro__ws_accept(ouro_str_z("dGhlIHNhbXBsZSBub25jZQ=="), answer);
	CHECK_STR(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
