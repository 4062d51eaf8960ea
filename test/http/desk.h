/* desk.h -- a server with one handler, and clients at the other ends of pairs of sockets.
 *
 * In virtual time, which passes when a test lets it: pass(). */
#ifndef DESK_H
#define DESK_H
#include "../kit.h"
#include "ouro/http.h"

#define HELLO "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

static ouro_loop *loop;
static ouro_server *server;
static char logged[4096];

static inline void keep_log(ouro_log_level level, const char *sentence, void *arg)
{
	size_t used = strlen(logged);

	(void)level, (void)arg;
	snprintf(logged + used, sizeof(logged) - used, "%s\n", sentence);
}

static inline void open_server(ouro_http_opts opts)
{
	loop = ouro_loop_new(&(ouro_loop_opts){ .clock = OURO_CLOCK_VIRTUAL, .on_log = keep_log });
	CHECK(loop != NULL);
	CHECK_EQ(ouro_http_open(loop, &opts, &server), 0);
}

static inline void serve(ouro_req_fn *fn)
{
	open_server((ouro_http_opts){ .on_request = fn });
}

static inline void do_nothing(ouro_loop *of, void *arg)
{
	(void)of, (void)arg;
}

/* Turns until nothing is ready. A task that waits keeps the virtual clock where it is. */
static inline void settle(void)
{
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(ouro_loop_macro(loop, do_nothing, NULL), 0);
		ouro_loop_turn(loop);
	}
}

/* Lets time pass until there are words. */
static inline void wait_for_words(void)
{
	while (!*said)
		ouro_loop_turn(loop);
}

static inline void say_time(ouro_loop *of, void *arg)
{
	(void)of;
	say("%s", (const char *)arg);
}

static inline void pass(uint64_t ms)
{
	said[0] = 0;
	ouro_timer_after(loop, ms, say_time, word("now"));
	wait_for_words();
	settle();
}

/* A client: our end of the pair. */
static inline int connect_client(void)
{
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(ouro_server_adopt(server, pair[1]), 0);
	return pair[0];
}

static inline void send_text(int fd, const char *text)
{
	CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What has come so far, as text; "(closed)" at the end when the server has closed. */
static inline const char *received(int fd)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t n;

	settle();
	while ((n = recv(fd, text + len, sizeof(text) - len - 16, 0)) > 0) {
		len += (size_t)n;
		settle();
	}
	memcpy(text + len, n ? "" : "(closed)", n ? 1 : 9);
	return text;
}

static inline bool has(const char *text, const char *piece)
{
	return strstr(text, piece) != NULL;
}

static inline const char *ask(int fd, const char *text)
{
	send_text(fd, text);
	return received(fd);
}

static inline void end(void)
{
	ouro_loop_free(loop);
}
#endif
