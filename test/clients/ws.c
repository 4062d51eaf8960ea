/* ws.c -- ouro's two ends of a WebSocket, for peers that others have written.
 *
 *     ws          serves: sends back what comes, closes as "close CODE REASON" asks for
 *     ws URL      asks a peer that serves likewise: "ok", or what was wrong
 *
 * Both speak the sub-protocol "echo". What is asked is everything at a border: lengths, text of
 * letters of every width, a ping, and who closes first. */
#include <ouro.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const echo_alone[] = { "echo", NULL };
static const char *const asked_for[] = { "other", "echo", NULL };

/* ---- Serving ---- */

static bool asks_to_close(ouro_ws *ws, ouro_str text)
{
	char words[200], reason[124] = "";
	int code;

	snprintf(words, sizeof(words), "%.*s", (int)text.len, text.ptr);
	if (sscanf(words, "close %d %123[^\n]", &code, reason) < 1)
		return false;
	if (ouro_ws_close(ws, code, ouro_str_z(reason)))
		fprintf(stderr, "no such code: %d\n", code);
	return true;
}

static void send_back(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)arg;
	if (err || (message->text && asks_to_close(ws, message->bytes)))
		return;
	if ((message->text ? ouro_ws_text : ouro_ws_binary)(ws, message->bytes) < 0)
		ouro_ws_cut(ws);
}

static void serve(ouro_req *req, void *arg)
{
	ouro_ws_opts opts = { .protocols = echo_alone,
			      .frame_max = 4 << 20,
			      .message_max = 4 << 20 };
	ouro_ws *ws;

	(void)arg;
	if (!ouro_ws_accept(req, &opts, &ws))
		ouro_ws_on_message(ws, send_back, NULL);
}

/* ---- Asking ---- */

static const size_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536, 1000000 };
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static const char *url;
static ouro_loop *loop;
static char *bytes;
static size_t step; /* two for each length: as text, as bytes */
static bool ponged, again;

static void fail(const char *what)
{
	printf("%s (step %zu)\n", what, step);
	exit(1);
}

/* A letter of each width, cut where a letter ends. */
static ouro_str text_of(size_t n)
{
	static const char letters[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d";

	for (size_t i = 0; i < n; i++)
		bytes[i] = letters[i % 10];
	while (n % 10 != 0 && n % 10 != 1 && n % 10 != 3 && n % 10 != 6)
		n--;
	return ouro_str_n(bytes, n);
}

static ouro_str bytes_of(size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7);
	return ouro_str_n(bytes, n);
}

static ouro_str message_of(size_t at)
{
	return at % 2 ? bytes_of(lengths[at / 2]) : text_of(lengths[at / 2]);
}

static void ask_next(ouro_ws *ws)
{
	ouro_str message = message_of(step);

	if ((step % 2 ? ouro_ws_binary : ouro_ws_text)(ws, message) < 0)
		fail("not sent");
}

static void on_echo(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	ouro_str sent = message_of(step < 2 * LENGTHS ? step : 0);

	(void)arg;
	if (err)
		fail(ouro_strerror(err));
	if (message->text == (step % 2 == 1) || message->bytes.len != sent.len ||
	    (sent.len && memcmp(message->bytes.ptr, sent.ptr, sent.len) != 0))
		fail("not what was sent");
	if (++step < 2 * LENGTHS)
		ask_next(ws);
	else if (ouro_ws_ping(ws, ouro_str_z("are you there?")) < 0)
		fail("no ping");
}

static ouro_ws_connect_fn on_again;

/* The first ends by us, the second by the peer. */
static void on_end(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	ouro_ws *second;

	(void)ws, (void)arg;
	if (err != OURO_EOF || !ponged)
		fail(err ? ouro_strerror(err) : "a message, and no end");
	if (again && (message->code != 4001 || !ouro_str_eq(message->bytes, "as you like")))
		fail("another code or reason");
	if (again)
		puts("ok");
	else if (message->code != 4000)
		fail("another code");
	else if (ouro_ws_connect(loop, url, NULL, on_again, NULL, &second))
		fail("no second");
	again = true;
}

static void on_pong(ouro_ws *ws, ouro_str payload, void *arg)
{
	(void)arg;
	ponged = ouro_str_eq(payload, "are you there?");
	ouro_ws_on_message(ws, on_end, NULL);
	if (ouro_ws_close(ws, 4000, ouro_str_z("done")))
		fail("not closed");
}

static void on_again(ouro_ws *ws, int err, void *arg)
{
	(void)arg;
	if (err || ouro_ws_protocol(ws))
		fail(err ? ouro_strerror(err) : "a protocol that nobody asked for");
	ouro_ws_on_message(ws, on_end, NULL);
	ouro_ws_text(ws, ouro_str_z("close 4001 as you like"));
}

static void on_open(ouro_ws *ws, int err, void *arg)
{
	(void)arg;
	if (err)
		fail(ouro_strerror(err));
	if (!ouro_ws_protocol(ws) || strcmp(ouro_ws_protocol(ws), "echo") != 0)
		fail("another protocol");
	ouro_ws_on_pong(ws, on_pong);
	ouro_ws_on_message(ws, on_echo, NULL);
	ask_next(ws);
}

static int ask(void)
{
	ouro_ws_opts opts = { .protocols = asked_for };
	ouro_ws *ws;

	loop = ouro_loop_new(NULL);
	bytes = malloc(lengths[LENGTHS - 1]);
	if (!loop || !bytes || ouro_ws_connect(loop, url, &opts, on_open, NULL, &ws))
		fail("no beginning");
	ouro_loop_run(loop);
	ouro_loop_free(loop);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	url = argc == 2 ? argv[1] : NULL;
	return url ? ask()
		   : ouro_http_main(argc, argv,
				    &(ouro_http_opts){ .host = "127.0.0.1", .on_request = serve });
}
