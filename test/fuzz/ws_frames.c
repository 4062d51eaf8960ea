/* Frames: cut anywhere they come to the same, and what comes out keeps its promises. The first byte
 * says who sends, and where the second reader's cuts are. */
#include "fuzz.h"
#include "http/ws_frame.h"

#define LIMIT 512

struct reading {
	struct ws_reader reader;
	size_t text, binary, control, whole;
	uint64_t sum; /* of the bytes, so that two can be compared */
	int err;
};

static void keep(struct reading *r, const struct ws_piece *piece)
{
	PROMISE(piece->op != WS_MORE && piece->op <= WS_PONG);
	*(piece->op == WS_TEXT     ? &r->text
	  : piece->op == WS_BINARY ? &r->binary
				   : &r->control) += piece->len;
	r->whole += piece->last;
	for (size_t i = 0; i < piece->len; i++)
		r->sum = r->sum * 31 + (uint8_t)piece->bytes[i];
	PROMISE(r->reader.total <= LIMIT);
}

static void read_some(struct reading *r, const uint8_t *bytes, size_t n)
{
	char *copy = exactly(bytes, n), *at = copy;
	size_t left = n;
	struct ws_piece piece;
	int got = 1;

	while (!r->err && got > 0) {
		got = ouro__ws_read(&r->reader, &at, &left, &piece);
		if (got > 0)
			keep(r, &piece);
		r->err = got < 0 ? got : 0;
		PROMISE(at + left == copy + n);
	}
	PROMISE(r->err || !left);
	PROMISE(!r->err || ouro__ws_is_code(-r->err));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct reading whole = { .err = 0 }, cut = { .err = 0 };
	size_t step;

	if (!len)
		return 0;
	ouro__ws_reader_start(&whole.reader, bytes[0] & 1, LIMIT, LIMIT);
	cut.reader = whole.reader;
	step = (bytes[0] >> 1) % 7 + 1;
	bytes++, len--;
	read_some(&whole, bytes, len);
	for (size_t at = 0; at < len; at += step)
		read_some(&cut, bytes + at, len - at < step ? len - at : step);
	PROMISE(whole.err == cut.err && whole.whole == cut.whole);
	PROMISE(whole.err == -WS_NOT_TEXT || whole.sum == cut.sum);
	PROMISE(whole.control == cut.control && whole.binary == cut.binary);
	return 0;
}
