/* ws_kit.h -- a server whose requests become WebSockets, and clients that speak in frames. */
#ifndef WS_KIT_H
#define WS_KIT_H
#include "desk.h"
#include "ouro/ws.h"

#define SHAKE                                                      \
	"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" \
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"      \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static ouro_ws *ws;
static ouro_ws_opts ws_opts;

/* Says "text", "bytes"; or "OURO_EOF:1000:reason" for the end. */
static inline void say_message(ouro_ws *of, int err, const ouro_ws_message *message, void *arg)
{
	int len = message->bytes.len < 40 ? (int)message->bytes.len : 40;

	(void)of, (void)arg;
	if (err)
		say("%s:%d:%.*s", ouro_errname(err), message->code, len, message->bytes.ptr);
	else
		say("%s%.*s%s", message->text ? "" : "b:", len, message->bytes.ptr,
		    message->more ? "+" : "");
}

static inline void accept_ws(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK_EQ(ouro_ws_accept(req, &ws_opts, &ws), 0);
	CHECK_EQ(ouro_ws_on_message(ws, say_message, word("closed")), 0);
	ouro_ws_on_close(ws, say_closed);
}

/* A client whose handshake is done. */
static inline int shaken(void)
{
	int fd = connect_client();

	CHECK(has(ask(fd, SHAKE "\r\n"), "101 Switching"));
	return fd;
}

static inline int begin(ouro_ws_opts opts)
{
	ws_opts = opts;
	serve(accept_ws);
	return shaken();
}

static inline void send_bytes(int fd, const char *bytes, size_t n)
{
	CHECK_EQ(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	settle();
}

/* A masked frame; the mask is zero, so that what is sent can be read. */
#define SEND(fd, head, payload) \
	send_bytes(fd, head "\0\0\0\0" payload, sizeof(head "\0\0\0\0" payload) - 1)

/* What has come, in bytes: "81 02 68 69", and "(closed)". */
static inline const char *frames(int fd)
{
	static char text[8192];
	unsigned char bytes[2048];
	ssize_t n;

	settle();
	text[0] = 0;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			snprintf(text + strlen(text), 4, "%s%02x", *text ? " " : "", bytes[i]);
	if (!n)
		strcat(text, *text ? " (closed)" : "(closed)");
	return text;
}
#endif
