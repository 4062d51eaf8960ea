/* ws_frame.h -- the frames of RFC 6455: bytes in, pieces of messages out, and back. Touches no
 * descriptor and allocates nothing.
 *
 * The reader hands out a message as its bytes come, unmasked where they lie. What the RFC forbids
 * is refused at the first byte that shows it, by the code that the close frame shall name: nothing
 * depends on how the bytes were cut. No extension is ever agreed on. */
#ifndef OURO__WS_FRAME_H
#define OURO__WS_FRAME_H
#include "base/utf8.h"
#include "ouro/str.h"

enum ws_op { WS_MORE, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };

/* Why a connection is closed. */
enum ws_code {
	WS_NORMAL = 1000,
	WS_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_NO_CODE = 1005, /* never sent: the close frame was empty */
	WS_LOST = 1006,    /* never sent: there was no close frame */
	WS_NOT_TEXT = 1007,
	WS_TOO_BIG = 1009,
};

#define WS_HEAD_MAX    14
#define WS_CONTROL_MAX 125

struct ws_reader {
	uint64_t frame_max, message_max; /* bytes of payload */
	uint64_t left;                   /* of the frame at hand, to come */
	uint64_t total;                  /* of the message at hand, its frame included */
	uint8_t head[WS_HEAD_MAX];
	uint8_t have;    /* of the head */
	uint8_t turn;    /* of the key: 0 to 3 */
	uint8_t message; /* WS_TEXT or WS_BINARY: one is under way; 0: none */
	bool masked;     /* as the frames of this peer must be: it is a client */
	bool inside;     /* a frame's head is whole, its payload is not */
	struct utf8 utf8;
};

struct ws_piece {
	enum ws_op op; /* of the message; never WS_MORE */
	bool last;     /* of the message */
	char *bytes;
	size_t len; /* may be 0 */
};

void ouro__ws_reader_start(struct ws_reader *reader, bool masked, uint64_t frame_max,
			   uint64_t message_max);

/* Between two messages: one that begins anew would do as well. */
static inline bool ws_reader_is_at_rest(const struct ws_reader *reader)
{
	return !reader->have && !reader->inside && !reader->message;
}

/* The next piece of bytes[0..*n); both move on. 1: a piece; 0: all was taken; below 0: minus the
 * ws_code of what is wrong, and nothing more can be read. */
int ouro__ws_read(struct ws_reader *reader, char **bytes, size_t *n, struct ws_piece *ret_piece);

/* The head of a whole message in one frame; key NULL: not masked. How long it is. */
size_t ouro__ws_head(char *room, enum ws_op op, uint64_t len, const uint8_t key[4]);

/* Masks, and unmasks; turn: how many bytes of the payload came before. */
void ouro__ws_mask(char *bytes, size_t n, const uint8_t key[4], size_t turn);

/* May a close frame say that? */
bool ouro__ws_is_code(int code);

/* The payload of a close frame: its code, WS_NO_CODE when it is empty; or minus that of what is
 * wrong with it. */
int ouro__ws_close_read(ouro_str payload, ouro_str *ret_reason);

/* The handshake: is it the key of 16 octets, and the 28 letters that answer it. */
#define WS_KEY_LEN    24
#define WS_ACCEPT_LEN 28
bool ouro__ws_is_key(ouro_str key);
void ouro__ws_accept(ouro_str key, char room[WS_ACCEPT_LEN]);
#endif
