/* ws_cases.c -- what RFC 6455 asks of an endpoint, group by group, as transcripts: frames that come,
 * what is told of them, and what goes back. Each is played to a server and to a client, and comes
 * whole, cut in two at every byte, and byte by byte. */
#include "http/ws.h" /* before there is a variable that its functions would hide */

#include "desk.h"
#include <stdlib.h>

#define LIMIT 1000 /* of a message, and of a frame */

/* first: FIN, RSV and opcode. len 0: as long as the payload; else what is announced; the payload is
 * all that comes then. */
struct frame {
	unsigned first;
	const char *payload;
	uint64_t len;
};

struct talk {
	const char *name;
	struct frame frames[8];
	const char *told, *sent;
};

#define TEXT      0x81
#define BINARY    0x82
#define CLOSE     0x88
#define PING      0x89
#define PONG      0x8a
#define BEGIN     0x01 /* text that goes on */
#define MORE      0x00
#define LAST      0x80
#define TEN       "0123456789"
#define HALF      TEN TEN TEN TEN TEN TEN
#define MOST      HALF HALF "12345" /* 125 */
#define BAD(code) "OURO_EPROTO:" #code, "close:" #code

static const struct talk talks[] = {
	/* 1: frames. */
	{ "empty text", { { TEXT, "", 0 } }, "T()", "" },
	{ "text", { { TEXT, "hello", 0 } }, "T(hello)", "" },
	{ "empty bytes", { { BINARY, "", 0 } }, "B()", "" },
	{ "bytes that are no text", { { BINARY, "\xff\xfe", 0 } }, "B(\xff\xfe)", "" },
	{ "text of 126", { { TEXT, MOST "x", 0 } }, "T(" MOST "x)", "" },

	/* 2: pings and pongs. */
	{ "ping", { { PING, "", 0 } }, "", "pong()" },
	{ "ping with bytes", { { PING, "\x01\xff\xfe", 0 } }, "", "pong(\x01\xff\xfe)" },
	{ "longest ping", { { PING, MOST, 0 } }, "", "pong(" MOST ")" },
	{ "ping too long", { { PING, MOST "x", 0 } }, BAD(1002) },
	{ "pong that nobody asked for", { { PONG, "x", 0 } }, "", "" },
	{ "such a pong, and a ping", { { PONG, "x", 0 }, { PING, "y", 0 } }, "", "pong(y)" },
	{ "many pings",
	  { { PING, "1", 0 }, { PING, "2", 0 }, { PING, "3", 0 }, { PING, "4", 0 } },
	  "",
	  "pong(1) pong(2) pong(3) pong(4)" },

	/* 3: reserved bits. */
	{ "RSV1", { { TEXT | 0x40, "a", 0 } }, BAD(1002) },
	{ "RSV2",
	  { { TEXT, "a", 0 }, { TEXT | 0x20, "b", 0 } },
	  "T(a) OURO_EPROTO:1002",
	  "close:1002" },
	{ "RSV3", { { BINARY | 0x10, "a", 0 } }, BAD(1002) },
	{ "RSV in a ping", { { PING | 0x40, "", 0 } }, BAD(1002) },
	{ "RSV in a close", { { CLOSE | 0x70, "", 0 } }, BAD(1002) },
	{ "RSV in a part", { { BEGIN, "a", 0 }, { LAST | 0x40, "b", 0 } }, BAD(1002) },

	/* 4: opcodes. */
	{ "opcode 3", { { 0x83, "", 0 } }, BAD(1002) },
	{ "opcode 7",
	  { { TEXT, "a", 0 }, { 0x87, "b", 0 } },
	  "T(a) OURO_EPROTO:1002",
	  "close:1002" },
	{ "opcode 11", { { 0x8b, "", 0 } }, BAD(1002) },
	{ "opcode 15 behind a ping",
	  { { PING, "", 0 }, { 0x8f, "b", 0 } },
	  "OURO_EPROTO:1002",
	  "pong() close:1002" },

	/* 5: parts. */
	{ "ping in parts", { { 0x09, "a", 0 }, { LAST, "b", 0 } }, BAD(1002) },
	{ "pong in parts", { { 0x0a, "a", 0 }, { LAST, "b", 0 } }, BAD(1002) },
	{ "close in parts", { { 0x08, "", 0 }, { LAST, "", 0 } }, BAD(1002) },
	{ "text in parts",
	  { { BEGIN, "a", 0 }, { MORE, "b", 0 }, { LAST, "c", 0 } },
	  "T(abc)",
	  "" },
	{ "empty parts", { { BEGIN, "", 0 }, { MORE, "", 0 }, { LAST, "", 0 } }, "T()", "" },
	{ "bytes in parts", { { 0x02, "a", 0 }, { LAST, "b", 0 } }, "B(ab)", "" },
	{ "a ping in between",
	  { { BEGIN, "a", 0 },
	    { PING, "p", 0 },
	    { MORE, "b", 0 },
	    { PING, "", 0 },
	    { LAST, "c", 0 } },
	  "T(abc)",
	  "pong(p) pong()" },
	{ "the end of nothing", { { LAST, "a", 0 } }, BAD(1002) },
	{ "a part of nothing", { { MORE, "a", 0 }, { TEXT, "b", 0 } }, BAD(1002) },
	{ "a part behind a whole",
	  { { TEXT, "a", 0 }, { MORE, "b", 0 } },
	  "T(a) OURO_EPROTO:1002",
	  "close:1002" },
	{ "text within text", { { BEGIN, "a", 0 }, { TEXT, "b", 0 } }, BAD(1002) },
	{ "bytes within text", { { BEGIN, "a", 0 }, { 0x02, "b", 0 } }, BAD(1002) },
	{ "two in parts",
	  { { BEGIN, "a", 0 }, { LAST, "b", 0 }, { BEGIN, "c", 0 }, { LAST, "d", 0 } },
	  "T(ab) T(cd)",
	  "" },

	/* 6: UTF-8. */
	{ "letters of every width",
	  { { TEXT, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d", 0 } },
	  "T(a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d)",
	  "" },
	{ "a letter in two parts",
	  { { BEGIN, "\xe2\x82", 0 }, { LAST, "\xac", 0 } },
	  "T(\xe2\x82\xac)",
	  "" },
	{ "a letter in bytes",
	  { { BEGIN, "\xf0", 0 }, { MORE, "\x9f", 0 }, { MORE, "\x90", 0 }, { LAST, "\x8d", 0 } },
	  "T(\xf0\x9f\x90\x8d)",
	  "" },
	{ "half a letter", { { TEXT, "a\xe2\x82", 0 } }, BAD(1007) },
	{ "half a letter in parts", { { BEGIN, "\xe2", 0 }, { LAST, "\x82", 0 } }, BAD(1007) },
	{ "a lone byte", { { TEXT, "a\x80z", 0 } }, BAD(1007) },
	{ "overlong", { { TEXT, "\xc0\xaf", 0 } }, BAD(1007) },
	{ "overlong, four bytes", { { TEXT, "\xf0\x80\x80\xaf", 0 } }, BAD(1007) },
	{ "a surrogate", { { TEXT, "\xed\xa0\x80", 0 } }, BAD(1007) },
	{ "beyond the last", { { TEXT, "\xf4\x90\x80\x80", 0 } }, BAD(1007) },
	{ "the last", { { TEXT, "\xf4\x8f\xbf\xbf", 0 } }, "T(\xf4\x8f\xbf\xbf)", "" },
	{ "no letter", { { TEXT, "\xef\xbf\xbf", 0 } }, "T(\xef\xbf\xbf)", "" },
	{ "bad text, and the rest never comes", { { TEXT, "a\xff", 500 } }, BAD(1007) },
	{ "bad text in mid-message", { { BEGIN, "a\xf4\x90", 0 } }, BAD(1007) },

	/* 7: closing. */
	{ "close", { { CLOSE, "", 0 } }, "OURO_EOF:1005", "close" },
	{ "close with a code", { { CLOSE, "\x03\xe8", 0 } }, "OURO_EOF:1000", "close:1000" },
	{ "close with a reason",
	  { { CLOSE, "\x0f\xa0why", 0 } },
	  "OURO_EOF:4000(why)",
	  "close:4000" },
	{ "close twice",
	  { { CLOSE, "\x03\xe8", 0 }, { CLOSE, "\x03\xe9", 0 } },
	  "OURO_EOF:1000",
	  "close:1000" },
	{ "text behind a close",
	  { { CLOSE, "\x03\xe8", 0 }, { TEXT, "a", 0 } },
	  "OURO_EOF:1000",
	  "close:1000" },
	{ "ping behind a close",
	  { { CLOSE, "\x03\xe8", 0 }, { PING, "a", 0 } },
	  "OURO_EOF:1000",
	  "close:1000" },
	{ "a fault behind a close",
	  { { CLOSE, "\x03\xe8", 0 }, { 0x83, "a", 0 } },
	  "OURO_EOF:1000",
	  "close:1000" },
	{ "close in a message",
	  { { BEGIN, "a", 0 }, { CLOSE, "\x03\xe8", 0 }, { LAST, "b", 0 } },
	  "OURO_EOF:1000",
	  "close:1000" },
	{ "close behind a message",
	  { { TEXT, "a", 0 }, { CLOSE, "\x03\xe8", 0 } },
	  "T(a) OURO_EOF:1000",
	  "close:1000" },
	{ "half a code", { { CLOSE, "\x03", 0 } }, BAD(1002) },
	{ "longest reason",
	  { { CLOSE, "\x03\xe8" HALF HALF "123", 0 } },
	  "OURO_EOF:1000(" HALF HALF "123)",
	  "close:1000" },
	{ "reason too long", { { CLOSE, "\x03\xe8" HALF HALF "1234", 0 } }, BAD(1002) },
	{ "reason that is no text", { { CLOSE, "\x03\xe8\xff", 0 } }, BAD(1007) },
	{ "code 999", { { CLOSE, "\x03\xe7", 0 } }, BAD(1002) },
	{ "code 1004", { { CLOSE, "\x03\xec", 0 } }, BAD(1002) },
	{ "code 1005", { { CLOSE, "\x03\xed", 0 } }, BAD(1002) },
	{ "code 1006", { { CLOSE, "\x03\xee", 0 } }, BAD(1002) },
	{ "code 1012", { { CLOSE, "\x03\xf4", 0 } }, "OURO_EOF:1012", "close:1012" },
	{ "code 1015", { { CLOSE, "\x03\xf7", 0 } }, BAD(1002) },
	{ "code 2999", { { CLOSE, "\x0b\xb7", 0 } }, BAD(1002) },
	{ "code 3000", { { CLOSE, "\x0b\xb8", 0 } }, "OURO_EOF:3000", "close:3000" },
	{ "code 4999", { { CLOSE, "\x13\x87", 0 } }, "OURO_EOF:4999", "close:4999" },
	{ "code 5000", { { CLOSE, "\x13\x88", 0 } }, BAD(1002) },
	{ "code 65535", { { CLOSE, "\xff\xff", 0 } }, BAD(1002) },

	/* 9: limits. */
	{ "a frame too long", { { BINARY, "a", 1001 } }, "OURO_ETOOBIG:1009", "close:1009" },
	{ "parts too long",
	  { { BEGIN, MOST, 0 }, { LAST, "a", 900 } },
	  "OURO_ETOOBIG:1009",
	  "close:1009" },
	{ "2 to the 63 less 1", { { BINARY, "a", INT64_MAX } }, "OURO_ETOOBIG:1009", "close:1009" },
	{ "2 to the 63", { { BINARY, "a", UINT64_C(1) << 63 } }, BAD(1002) },
	{ "2 to the 64 less 1", { { BINARY, "a", UINT64_MAX } }, BAD(1002) },
};

/* ---- A peer that speaks in frames ---- */

struct peer_end {
	ouro_ws *ws;
	bool client; /* ours is */
	int fd;
	char bytes[4096];
	size_t len;
};

static void note(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)ws, (void)arg;
	if (!err)
		say("%c(%.*s)", message->text ? 'T' : 'B', (int)message->bytes.len,
		    message->bytes.ptr);
	else if (message->bytes.len)
		say("%s:%d(%.*s)", ouro_errname(err), message->code, (int)message->bytes.len,
		    message->bytes.ptr);
	else
		say("%s:%d", ouro_errname(err), message->code);
}

static struct peer_end meet(bool client, size_t limit, ouro_ws_fn *fn)
{
	static const ouro_stream_opts defaults;
	ouro_ws_opts opts = { .message_max = limit, .frame_max = limit };
	struct peer_end peer = { .client = client };
	ouro_stream *stream;
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(ouro__stream_new(loop, pair[0], &defaults, NULL, &ouro__ws_shape, &stream), 0);
	peer.fd = pair[1];
	peer.ws = list_of(stream, struct ouro_ws, stream);
	CHECK_EQ(ouro__ws_begin(peer.ws, &opts, NULL, client), 0);
	CHECK_EQ(ouro__ws_opened(peer.ws), 0);
	CHECK_EQ(ouro_ws_on_message(peer.ws, fn, word("closed")), 0);
	said[0] = 0;
	return peer;
}

static void add_frame(struct peer_end *peer, const struct frame *frame)
{
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t n = strlen(frame->payload), head;
	char *at = peer->bytes + peer->len;

	CHECK(peer->len + n + WS_HEAD_MAX < sizeof(peer->bytes));
	head = ouro__ws_head(at, WS_TEXT, frame->len ? frame->len : n, peer->client ? NULL : key);
	*at = (char)frame->first;
	memcpy(at + head, frame->payload, n);
	if (!peer->client)
		ouro__ws_mask(at + head, n, key, 0);
	peer->len += head + n;
}

static void send_piece(struct peer_end *peer, size_t from, size_t n)
{
	ssize_t sent = n ? send(peer->fd, peer->bytes + from, n, MSG_NOSIGNAL) : 0;

	CHECK(sent == (ssize_t)n || errno == EPIPE); /* it may have closed behind a fault */
	settle();
}

/* "pong(x) close:1000 (closed)", unmasked. */
static const char *sent_back(struct peer_end *peer)
{
	static char text[1024];
	char bytes[4096], *at = bytes;
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);
	size_t left = n > 0 ? (size_t)n : 0;
	struct ws_reader reader;
	struct ws_piece piece;

	text[0] = 0;
	ouro__ws_reader_start(&reader, peer->client, LIMIT, LIMIT);
	while (ouro__ws_read(&reader, &at, &left, &piece) > 0) {
		size_t used = strlen(text);
		const char *space = used ? " " : "";
		int code =
			piece.len > 1 ? (uint8_t)piece.bytes[0] << 8 | (uint8_t)piece.bytes[1] : 0;

		if (piece.op == WS_PONG)
			snprintf(text + used, sizeof(text) - used, "%spong(%.*s)", space,
				 (int)piece.len, piece.bytes);
		else if (code)
			snprintf(text + used, sizeof(text) - used, "%sclose:%d", space, code);
		else
			snprintf(text + used, sizeof(text) - used, "%sclose", space);
		CHECK(piece.last && (piece.op == WS_PONG || piece.op == WS_CLOSE));
	}
	CHECK_EQ(left, 0);
	return text;
}

static void part(struct peer_end *peer)
{
	close(peer->fd);
	settle();
}

static void play(const struct talk *talk, bool client, size_t first, size_t then)
{
	struct peer_end peer = meet(client, LIMIT, note);
	size_t at = 0;

	for (const struct frame *frame = talk->frames; frame->payload; frame++)
		add_frame(&peer, frame);
	first = first < peer.len ? first : peer.len;
	for (size_t n = first; at < peer.len; n = then < peer.len - at ? then : peer.len - at) {
		send_piece(&peer, at, n);
		at += n;
	}
	if (strcmp(said, talk->told) != 0)
		fprintf(stderr, "# %s, cut at %zu\n", talk->name, first);
	CHECK_STR(said, talk->told);
	CHECK_STR(sent_back(&peer), talk->sent);
	part(&peer);
}

static size_t length_of(const struct talk *talk)
{
	size_t n = 0;

	for (const struct frame *frame = talk->frames; frame->payload; frame++)
		n += strlen(frame->payload) + WS_HEAD_MAX;
	return n;
}

static void play_all(bool client, size_t first, size_t then)
{
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++)
		if (first < length_of(&talks[i]) || first == SIZE_MAX)
			play(&talks[i], client, first, then);
	ouro_loop_free(loop);
}

TEST(a_server_takes_every_case_whole_and_byte_by_byte)
{
	CHECK(sizeof(talks) / sizeof(talks[0]) > 70);
	play_all(false, SIZE_MAX, SIZE_MAX);
	play_all(false, 1, 1);
}

TEST(a_client_takes_every_case_whole_and_byte_by_byte)
{
	play_all(true, SIZE_MAX, SIZE_MAX);
	play_all(true, 1, 1);
}

#define CUTS (60 / (TEST_SLOW > 1 ? 2 : 1)) /* heads and short payloads lie before */

TEST(a_server_takes_every_case_cut_at_every_byte)
{
	for (size_t cut = 2; cut < CUTS; cut++)
		play_all(false, cut, SIZE_MAX);
}

TEST(a_client_takes_every_case_cut_at_every_byte)
{
	for (size_t cut = 2; cut < CUTS; cut++)
		play_all(true, cut, SIZE_MAX);
}

/* ---- Who closes ---- */

TEST(we_close_and_what_comes_before_the_answer_is_not_heard)
{
	for (int client = 0; client < 2; client++) {
		struct peer_end peer;

		loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
		peer = meet(client, LIMIT, note);
		CHECK_EQ(ouro_ws_close(peer.ws, 1000, ouro_str_z("bye")), 0);
		settle();
		CHECK_STR(sent_back(&peer), "close:1000");
		add_frame(&peer, &(struct frame){ TEXT, "late", 0 });
		add_frame(&peer, &(struct frame){ PING, "late", 0 });
		add_frame(&peer, &(struct frame){ BEGIN, "late", 0 });
		send_piece(&peer, 0, peer.len);
		CHECK_STR(said, "");
		peer.len = 0;
		add_frame(&peer, &(struct frame){ CLOSE, "\x03\xe8", 0 });
		send_piece(&peer, 0, peer.len);
		CHECK_STR(said, "OURO_EOF:1000");
		CHECK_STR(sent_back(&peer), "");
		part(&peer);
		ouro_loop_free(loop);
	}
}

TEST(both_close_at_once)
{
	for (int client = 0; client < 2; client++) {
		struct peer_end peer;

		loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
		peer = meet(client, LIMIT, note);
		CHECK_EQ(ouro_ws_close(peer.ws, 1001, ouro_str_z("")), 0);
		add_frame(&peer, &(struct frame){ CLOSE, "\x0f\xa0mine", 0 });
		send_piece(&peer, 0, peer.len);
		CHECK_STR(said, "OURO_EOF:4000(mine)");
		CHECK_STR(sent_back(&peer), "close:1001");
		part(&peer);
		ouro_loop_free(loop);
	}
}

/* ---- 9 and 10: many, long, and in small parts ---- */

static size_t heard, messages;

static void count_bytes(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)ws, (void)arg;
	CHECK_EQ(err, 0);
	for (size_t i = 0; i < message->bytes.len; i++)
		CHECK(message->bytes.ptr[i] == (char)(i * 31));
	heard = message->bytes.len;
	messages++;
}

static void send_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n < 60000 ? n : 60000, MSG_NOSIGNAL);

		CHECK(sent > 0 || errno == EAGAIN);
		bytes += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
		ouro_loop_turn(loop);
		(void)ouro_loop_macro(loop, do_nothing, NULL);
	}
	settle();
}

/* As frames of so many bytes each; 0: one frame. */
static void send_in_parts(struct peer_end *peer, size_t size, size_t part_size)
{
	char *all = malloc(size * 3 + 64 + (part_size ? size / part_size * WS_HEAD_MAX : 0));
	size_t len = 0, at = 0;

	CHECK(all != NULL);
	do {
		size_t n = part_size && part_size < size - at ? part_size : size - at;
		size_t head = ouro__ws_head(all + len, at ? WS_MORE : WS_BINARY, n, NULL);

		if (at + n < size)
			all[len] &= 0x7f;
		for (size_t i = 0; i < n; i++)
			all[len + head + i] = (char)((at + i) * 31);
		len += head + n;
		at += n;
	} while (at < size);
	send_all(peer->fd, all, len);
	free(all);
}

TEST(long_messages_come_whole_in_whatever_parts)
{
	static const size_t sizes[] = { 0, 125, 126, 65535, 65536, 1 << 20 };
	static const size_t parts[] = { 0, 64, 1300, 65536 };
	struct peer_end peer;

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	peer = meet(true, 1 << 20, count_bytes);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++) {
			messages = 0;
			send_in_parts(&peer, sizes[i], parts[j]);
			CHECK_EQ(messages, 1);
			CHECK_EQ(heard, sizes[i]);
		}
	ouro_loop_free(loop);
	close(peer.fd);
}

/* ---- Bombs ---- */

TEST(pings_to_who_reads_no_pong_take_no_memory)
{
	static char pings[127 * 500];
	struct peer_end peer;
	size_t n = 0, most = 0;

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	peer = meet(true, LIMIT, note);
	for (; n + 127 <= sizeof(pings); n += 127)
		ouro__ws_head(pings + n, WS_PING, 125, NULL);
	for (int i = 0; i < 100 / TEST_SLOW + 20; i++) {
		send_all(peer.fd, pings, n);
		most = ouro_ws_queued(peer.ws) > most ? ouro_ws_queued(peer.ws) : most;
	}
	CHECK(most > 0 && most <= (256 << 10) + 131);
	CHECK_STR(said, "");
	part(&peer);
	ouro_loop_free(loop);
}

TEST(empty_parts_without_end_take_no_memory)
{
	static char parts[2 * 30000];
	struct peer_end peer;
	size_t held;

	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL });
	peer = meet(true, LIMIT, note);
	send_all(peer.fd, "\x01\x00", 2);
	held = test_memory.held;
	for (int i = 0; i < 10; i++)
		send_all(peer.fd, parts, sizeof(parts));
	CHECK(test_memory.held <= held + 256);
	CHECK_STR(said, "");
	send_all(peer.fd, "\x80\x01z", 3);
	CHECK_STR(said, "T(z)");
	ouro_loop_free(loop);
	close(peer.fd);
}
