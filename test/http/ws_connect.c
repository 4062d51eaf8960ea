/* ws_connect.c -- both ends of a WebSocket in one loop; and a client whose server lies. */
#include "ouro/ws.h"
#include "socks.h"

static ouro_loop *loop;
static ouro_server *server;
static ouro_ws *client, *served;
static char url[64];

static void say_end(const char *who, int err, const ouro_ws_message *message)
{
	say("%s:%s:%d", who, ouro_errname(err), message->code);
}

static void on_client(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)arg;
	if (err) {
		say_end("client", err, message);
		return;
	}
	say("client:%zu", message->bytes.len);
	CHECK_EQ(ouro_ws_close(ws, 3000, ouro_str_z("enough")), 0);
}

static void on_served(ouro_ws *ws, int err, const ouro_ws_message *message, void *arg)
{
	(void)arg;
	if (err)
		say_end("server", err, message);
	else
		CHECK(ouro_ws_binary(ws, message->bytes) > 0);
}

static void accept_ws(ouro_req *req, void *arg)
{
	static const char *const ours[] = { "echo", NULL };

	(void)arg;
	CHECK_EQ(ouro_ws_accept(req, &(ouro_ws_opts){ .protocols = ours }, &served), 0);
	CHECK_EQ(ouro_ws_on_message(served, on_served, NULL), 0);
}

static void start_server(void)
{
	ouro_http_opts opts = { .host = "127.0.0.1", .on_request = accept_ws };

	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_http_listen(loop, &opts, &server), 0);
	ouro_server_hold(server, false);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/a?b=c", ouro_server_port(server));
}

static void on_open(ouro_ws *ws, int err, void *size)
{
	static char bytes[100000];

	CHECK_EQ(err, 0);
	CHECK(ws == client);
	CHECK_STR(ouro_ws_protocol(ws), "echo");
	CHECK_EQ(ouro_ws_on_message(ws, on_client, NULL), 0);
	CHECK(ouro_ws_binary(ws, ouro_str_n(bytes, *(size_t *)size)) > 0);
}

static void echo_of(size_t size)
{
	static const char *const ours[] = { "other", "echo", NULL };
	ouro_ws_opts opts = { .protocols = ours };

	start_server();
	CHECK_EQ(ouro_ws_connect(loop, url, &opts, on_open, &size, &client), 0);
	CHECK_EQ(ouro_ws_text(client, ouro_str_z("early")), -ENOTCONN);
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
}

TEST(a_message_goes_there_and_back_and_both_close)
{
	echo_of(5);
	CHECK_STR(said, "client:5 server:OURO_EOF:3000 client:OURO_EOF:3000");
}

TEST(a_long_message_does_too)
{
	echo_of(100000);
	CHECK_STR(said, "client:100000 server:OURO_EOF:3000 client:OURO_EOF:3000");
}

TEST(what_is_no_url_of_ours)
{
	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_ws_connect(loop, "http://h/", NULL, on_open, NULL, &client), -EINVAL);
	CHECK_EQ(ouro_ws_connect(loop, "ws:", NULL, on_open, NULL, &client), -EINVAL);
	CHECK_EQ(ouro_ws_connect(loop, "ws://h/ /", NULL, on_open, NULL, &client), -EINVAL);
	CHECK_EQ(ouro_ws_connect(loop, "wss://h/", NULL, on_open, NULL, &client), -EPROTONOSUPPORT);
	ouro_loop_free(loop);
}

static void say_never(ouro_ws *ws, int err, void *arg)
{
	(void)ws, (void)err, (void)arg;
	say("never");
}

static void accept_known(ouro_req *req, void *arg)
{
	(void)arg;
	CHECK(ouro_str_eq(ouro_req_header(req, "Authorization"), "Bearer sesame"));
	CHECK(ouro_str_eq(ouro_req_header(req, "Origin"), "https://here.example"));
	CHECK(ouro_str_eq(ouro_req_header(req, "Host"), "here.example:81"));
	CHECK_EQ(ouro_ws_accept(req, NULL, &served), 0);
	CHECK_EQ(ouro_ws_on_message(served, on_served, NULL), 0);
}

static void leave(ouro_ws *ws, int err, void *arg)
{
	(void)arg;
	CHECK_EQ(err, 0);
	CHECK_EQ(ouro_ws_on_message(ws, on_client, NULL), 0);
	CHECK_EQ(ouro_ws_close(ws, 1000, ouro_str_z("")), 0);
}

TEST(fields_go_with_it_and_it_may_go_to_a_unix_socket)
{
	static const ouro_field fields[] = { { "Authorization", { "Bearer sesame", 13 } },
					     { "Origin", { "https://here.example", 20 } },
					     { NULL, { NULL, 0 } } };
	ouro_ws_opts opts = { .fields = fields, .unix_path = "@ouro-test-ws" };
	ouro_http_opts here = { .unix_path = "@ouro-test-ws", .on_request = accept_known };

	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_http_listen(loop, &here, &server), 0);
	ouro_server_hold(server, false);
	CHECK_EQ(ouro_ws_connect(loop, "ws://here.example:81/", &opts, leave, NULL, &client), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "server:OURO_EOF:1000 client:OURO_EOF:1000");
	ouro_loop_free(loop);
}

TEST(fields_that_are_none_or_the_handshakes_own_are_refused)
{
	static const ouro_field bad[] = { { "Host", { "x", 1 } },
					  { "sec-websocket-key", { "x", 1 } },
					  { "Upgrade", { "h2c", 3 } },
					  { "A", { "b\r\nC: d", 7 } },
					  { "A b", { "c", 1 } } };

	loop = ouro_loop_new(NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ouro_field fields[2] = { bad[i], { NULL, { NULL, 0 } } };
		ouro_ws_opts opts = { .fields = fields };

		CHECK_EQ(
			ouro_ws_connect(loop, "ws://127.0.0.1:1/", &opts, say_never, NULL, &client),
			-EINVAL);
	}
	ouro_loop_free(loop);
	CHECK_STR(said, "");
}

/* ---- A server that says what it likes ---- */

static const char *answer;

static void answer_it(ouro_stream *stream, int err, ouro_str bytes, void *arg)
{
	(void)bytes, (void)arg;
	if (err) {
		ouro_stream_close(stream);
		return;
	}
	CHECK(ouro_stream_write_static(stream, ouro_str_z(answer)) >= 0);
	ouro_stream_end(stream);
}

static void take(ouro_listener *listener, ouro_stream *stream, const ouro_addr *peer, void *arg)
{
	(void)peer, (void)arg;
	ouro_listener_close(listener);
	CHECK_EQ(ouro_stream_read(stream, answer_it, NULL), 0);
}

static void say_error(ouro_ws *ws, int err, void *arg)
{
	(void)ws, (void)arg;
	say("%s", ouro_errname(err));
}

static const char *told_for(const char *text)
{
	ouro_listener *listener;

	said[0] = 0;
	answer = text;
	loop = ouro_loop_new(NULL);
	CHECK_EQ(ouro_listen(loop, &(ouro_listen_opts){ .host = "127.0.0.1" }, take, NULL,
			     &listener),
		 0);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u", ouro_listener_port(listener));
	CHECK_EQ(ouro_ws_connect(loop, url, NULL, say_error, NULL, &client), 0);
	ouro_ws_on_close(client, say_closed);
	ouro_ws_set_arg(client, word("closed"));
	CHECK_EQ(ouro_loop_run(loop), 0);
	ouro_loop_free(loop);
	return said;
}

#define WRONG_KEY                                                         \
	"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

TEST(every_lie_of_a_server_ends_it_once)
{
	static const char *const lies[] = {
		"",
		"HTTP/1.1 101 Switching Protocols\r\n",
		"nonsense\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		WRONG_KEY,
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		CHECK_STR(told_for(lies[i]), "OURO_EPROTO closed");
}

TEST(nobody_is_there)
{
	start_server();
	ouro_server_close(server, 0);
	CHECK_EQ(ouro_ws_connect(loop, url, NULL, say_error, NULL, &client), 0);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_STR(said, "ECONNREFUSED");
	ouro_loop_free(loop);
}

TEST(it_may_be_given_up_at_any_moment)
{
	start_server();
	CHECK_EQ(ouro_ws_connect(loop, url, NULL, say_error, NULL, &client), 0);
	ouro_ws_cut(client);
	CHECK_EQ(ouro_loop_run(loop), 0);
	CHECK_EQ(ouro_ws_connect(loop, url, NULL, say_error, NULL, &client), 0);
	ouro_loop_free(loop);
	CHECK_STR(said, "");
}
