/* ws_frame.c -- see ws_frame.h. */
#include "http/ws_frame.h"
#include "base/base64.h"
#include "base/sha1.h"

void ouro__ws_reader_start(struct ws_reader *reader, bool masked, uint64_t frame_max,
			   uint64_t message_max)
{
	*reader = (struct ws_reader){ .masked = masked,
				      .frame_max = frame_max,
				      .message_max = message_max };
}

static bool is_control(unsigned op)
{
	return op & 8;
}

static unsigned op_of(const struct ws_reader *reader)
{
	return reader->head[0] & 15;
}

static bool is_final(const struct ws_reader *reader)
{
	return reader->head[0] & 0x80;
}

/* What the first byte shows. */
static bool may_begin(const struct ws_reader *reader)
{
	unsigned op = op_of(reader);

	if (reader->head[0] & 0x70)
		return false;
	if (is_control(op))
		return op <= WS_PONG && is_final(reader);
	return op == WS_MORE ? reader->message != 0 : op <= WS_BINARY && !reader->message;
}

/* What the second one does. */
static bool may_go_on(const struct ws_reader *reader)
{
	if (((reader->head[1] & 0x80) != 0) != reader->masked)
		return false;
	return !is_control(op_of(reader)) || (reader->head[1] & 127) <= WS_CONTROL_MAX;
}

/* How many bytes the length takes behind the second one. */
static size_t wide(const struct ws_reader *reader)
{
	unsigned len = reader->head[1] & 127;

	return len < 126 ? 0 : len == 126 ? 2 : 8;
}

/* The length is there: it must be the shortest way to say it, and within the limits. */
static int set_length(struct ws_reader *reader)
{
	size_t bytes = wide(reader);
	uint64_t len = bytes ? 0 : reader->head[1] & 127;

	for (size_t i = 0; i < bytes; i++)
		len = len << 8 | reader->head[2 + i];
	if (len >> 63 || (bytes && len < (bytes == 2 ? 126 : UINT64_C(1) << 16)))
		return -WS_PROTOCOL;
	reader->left = len;
	if (is_control(op_of(reader)))
		return 0;
	if (len > reader->frame_max)
		return -WS_TOO_BIG;
	if (op_of(reader) != WS_MORE)
		reader->total = 0;
	if (reader->total > reader->message_max || len > reader->message_max - reader->total)
		return -WS_TOO_BIG;
	reader->total += len;
	return 0;
}

/* One more byte of the head. 1: it was the last; 0; below 0. */
static int take_head(struct ws_reader *reader, char byte)
{
	size_t key = reader->masked ? 4 : 0;

	reader->head[reader->have++] = (uint8_t)byte;
	if (reader->have == 1)
		return may_begin(reader) ? 0 : -WS_PROTOCOL;
	if (reader->have == 2 && !may_go_on(reader))
		return -WS_PROTOCOL;
	if (reader->have == 2 + wide(reader)) {
		int err = set_length(reader);

		if (err)
			return err;
	}
	return reader->have == 2 + wide(reader) + key;
}

static void begin_payload(struct ws_reader *reader)
{
	unsigned op = op_of(reader);

	reader->inside = true;
	reader->turn = 0;
	if (op != WS_TEXT && op != WS_BINARY)
		return;
	reader->message = (uint8_t)op;
	reader->utf8 = (struct utf8){ 0, 0, 0 };
}

static void unmask(struct ws_reader *reader, struct ws_piece *piece)
{
	if (!reader->masked)
		return;
	ouro__ws_mask(piece->bytes, piece->len, reader->head + 2 + wide(reader), reader->turn);
	reader->turn = (reader->turn + piece->len) & 3;
}

static bool is_text(struct ws_reader *reader, const struct ws_piece *piece)
{
	if (piece->op != WS_TEXT)
		return true;
	return ouro__utf8_next(&reader->utf8, piece->bytes, piece->len) &&
	       !(piece->last && reader->utf8.need);
}

static void end_payload(struct ws_reader *reader)
{
	if (!is_control(op_of(reader)) && is_final(reader))
		reader->message = 0;
	reader->inside = false;
	reader->have = 0;
}

int ouro__ws_read(struct ws_reader *reader, char **bytes, size_t *n, struct ws_piece *ret_piece)
{
	struct ws_piece *piece = ret_piece;

	while (!reader->inside) {
		int whole;

		if (!*n)
			return 0;
		(*n)--;
		whole = take_head(reader, *(*bytes)++);
		if (whole < 0)
			return whole;
		if (whole)
			begin_payload(reader);
	}
	if (!*n && reader->left)
		return 0;
	piece->op = is_control(op_of(reader)) ? op_of(reader) : reader->message;
	piece->bytes = *bytes;
	piece->len = *n < reader->left ? *n : (size_t)reader->left;
	reader->left -= piece->len;
	piece->last = !reader->left && is_final(reader);
	*bytes += piece->len;
	*n -= piece->len;
	unmask(reader, piece);
	if (!is_text(reader, piece))
		return -WS_NOT_TEXT;
	if (!reader->left)
		end_payload(reader);
	return 1;
}

size_t ouro__ws_head(char *room, enum ws_op op, uint64_t len, const uint8_t key[4])
{
	size_t bytes = len < 126 ? 0 : len < 1 << 16 ? 2 : 8, at = 0;
	unsigned first = bytes == 8 ? 127 : bytes ? 126 : (unsigned)len;

	room[at++] = (char)(0x80 | op);
	room[at++] = (char)(first | (key ? 0x80 : 0));
	for (size_t i = bytes; i--;)
		room[at++] = (char)(len >> 8 * i);
	if (key)
		memcpy(room + at, key, 4);
	return at + (key ? 4 : 0);
}

void ouro__ws_mask(char *bytes, size_t n, const uint8_t key[4], size_t turn)
{
	uint8_t turned[8];
	uint64_t mask, eight;
	size_t i;

	for (i = 0; i < 8; i++)
		turned[i] = key[(turn + i) & 3];
	memcpy(&mask, turned, 8);
	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&eight, bytes + i, 8);
		eight ^= mask;
		memcpy(bytes + i, &eight, 8);
	}
	for (; i < n; i++)
		bytes[i] = (char)((uint8_t)bytes[i] ^ turned[i & 7]);
}

bool ouro__ws_is_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

int ouro__ws_close_read(ouro_str payload, ouro_str *ret_reason)
{
	int code;

	*ret_reason = (ouro_str){ "", 0 };
	if (!payload.len)
		return WS_NO_CODE;
	if (payload.len == 1)
		return -WS_PROTOCOL;
	code = (uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1];
	if (!ouro__ws_is_code(code))
		return -WS_PROTOCOL;
	if (!ouro__is_utf8(payload.ptr + 2, payload.len - 2))
		return -WS_NOT_TEXT;
	*ret_reason = ouro_str_n(payload.ptr + 2, payload.len - 2);
	return code;
}

bool ouro__ws_is_key(ouro_str key)
{
	uint8_t bytes[16];

	return key.len == WS_KEY_LEN && ouro__base64_decode(key, bytes, sizeof(bytes)) == 16;
}

void ouro__ws_accept(ouro_str key, char room[WS_ACCEPT_LEN])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char both[WS_KEY_LEN + sizeof(guid)];
	uint8_t digest[SHA1_LEN];

	memcpy(both, key.ptr, WS_KEY_LEN);
	memcpy(both + WS_KEY_LEN, guid, sizeof(guid) - 1);
	ouro__sha1(both, sizeof(both) - 1, digest);
	ouro__base64_encode(digest, SHA1_LEN, room);
}
