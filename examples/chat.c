/* chat.c -- everybody hears everybody, in the browser.  ★★
 *
 * The page opens a WebSocket to the program that it came from; each is a member of one room, and
 * what one says is written once for all. Who leaves, by whatever way, has left the room.
 *
 *     cc chat.c $(pkg-config --cflags --libs ouro) && ./a.out
 *     open http://127.0.0.1:8080/ twice */
#include <ouro.h>

static const char page[] = "<!doctype html><title>chat</title><ul id=said></ul>"
			   "<form><input id=text autofocus autocomplete=off></form><script>"
			   "const ws = new WebSocket('ws://' + location.host + '/chat');"
			   "ws.onmessage = e => {"
			   "  const li = document.createElement('li');"
			   "  li.textContent = e.data; said.append(li); };"
			   "document.forms[0].onsubmit = e => {"
			   "  e.preventDefault(); ws.send(text.value); text.value = ''; };"
			   "</script>";

static ouro_room *room;

static void on_message(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)ws, (void)arg;
	if (!err && message->text)
		ouro_room_text(room, message->bytes);
}

static void enter(ouro_req *req, void *arg)
{
	ouro_ws *ws;

	(void)arg;
	if (ouro_ws_accept(req, &(ouro_ws_opts){ .message_max = 1000 }, &ws))
		return; /* it was no handshake, and knows */
	ouro_ws_on_message(ws, on_message, NULL);
	ouro_room_add_ws(room, ws);
}

static void index_page(ouro_req *req, void *arg)
{
	(void)arg;
	ouro_req_reply_static(req, 200, "text/html; charset=utf-8", ouro_str_z(page));
}

int main(int argc, char **argv)
{
	static const ouro_route routes[] = {
		{ "GET", "/", index_page, .arg = NULL },
		{ "GET", "/chat", enter, .arg = NULL },
		{ .path = NULL },
	};
	int code;

	room = ouro_room_new(NULL);
	code = ouro_http_main(argc, argv,
			      &(ouro_http_opts){ .host = "127.0.0.1", .routes = routes });
	ouro_room_free(room);
	return code;
}
