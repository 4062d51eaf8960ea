/* folder.h -- a folder that is a web site, and a client that looks at it octet by octet.
 *
 * Files are made old (2001-09-09 01:46:40 GMT), for a young one is looked at more often. The loop's
 * clock is virtual, so check_ms passes when a test says so. */
#ifndef FOLDER_H
#define FOLDER_H
#include "app/static.h"
#include "kit.h"
#include "offload/scratch.h"
#include "ouro/http.h"
#include "ouro/static.h"
#include <sys/stat.h>

#define OLD     1000000000
#define OLD_GMT "Sun, 09 Sep 2001 01:46:40 GMT"

static ouro_loop *loop;
static ouro_server *server;
static ouro_static *site;
static int client = -1;
static char answer[1 << 20];
static size_t answer_len;
static char log_text[1024];

/* ---- Files ---- */

static inline void make_old(const char *path)
{
	struct timespec times[2] = { { OLD, 0 }, { OLD, 0 } };

	CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void put(const char *path, const char *text)
{
	make_file(path, text);
	make_old(path);
}

/* n bytes, each different from its neighbours. */
static inline char *pattern(size_t n)
{
	static char bytes[1 << 20];

	CHECK(n <= sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)('a' + (i * 7 + i / 26) % 26);
	return bytes;
}

static inline void put_pattern(const char *path, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, pattern(n), n), n);
	CHECK_EQ(close(fd), 0);
	make_old(path);
}

/* ---- The server ---- */

static inline void note_log(ouro_log_level level, const char *sentence, void *arg)
{
	(void)level, (void)arg;
	strncat(log_text, sentence, sizeof(log_text) - strlen(log_text) - 2);
	strcat(log_text, "\n");
}

static const ouro_route folder_routes[] = {
	{ .path = "/files/", .fn = ouro_static_serve },
	{ .path = NULL },
};

static inline int open_all(ouro_static_opts opts, unsigned threads)
{
	ouro_http_opts http = { .routes = folder_routes, .on_request = ouro_static_serve };
	int err;

	loop = ouro_loop_new(&(ouro_loop_opts){
		.clock = OURO_CLOCK_VIRTUAL, .pool_threads = threads, .on_log = note_log });
	if (!loop)
		return -ENOMEM;
	if (!opts.root)
		opts.root = ".";
	err = ouro_static_open(loop, &opts, &site);
	if (err)
		return err;
	http.arg = site;
	return ouro_http_open(loop, &http, &server);
}

/* The test lives in the folder, which is the root: "site" in it, if opts say so. */
static inline void serve(ouro_static_opts opts)
{
	scratch_enter();
	CHECK_EQ(open_all(opts, 2), 0);
}

static inline void connect_client(void)
{
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	CHECK_EQ(ouro_server_adopt(server, ends[0]), 0);
	client = ends[1];
}

static inline void hang_up(void)
{
	if (client >= 0)
		close(client);
	client = -1;
}

static inline void done(void)
{
	hang_up();
	ouro_loop_free(loop);
	scratch_leave();
}

/* ---- Time ---- */

static inline void pass(ouro_loop *l, void *arg)
{
	(void)l;
	*(bool *)arg = true;
}

/* One turn in which time stands still, because a task waits. */
static inline void turn(void)
{
	bool passed = false;

	while (ouro_loop_macro(loop, pass, &passed))
		; /* no memory, this once */
	ouro_loop_turn(loop);
	CHECK(passed);
}

static inline void let_pass(unsigned ms)
{
	bool passed = false;

	call_after(loop, ms, pass, &passed);
	while (!passed)
		ouro_loop_turn(loop);
}

/* ---- The client ---- */

static inline char *body(void)
{
	char *at = memmem(answer, answer_len, "\r\n\r\n", 4);

	return at ? at + 4 : NULL;
}

static inline size_t body_len(void)
{
	return body() ? answer_len - (size_t)(body() - answer) : 0;
}

/* The value of a field, "" when there is none; static. */
static inline const char *field(const char *name)
{
	static char value[8][512];
	static unsigned turn;
	char *room = value[turn++ % 8], line[64];
	const char *at;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(answer, line);
	if (!at || at > body())
		return "";
	at += strlen(line);
	snprintf(room, sizeof(value[0]), "%.*s", (int)strcspn(at, "\r"), at);
	return room;
}

static inline int status(void)
{
	return answer_len > 12 ? atoi(answer + 9) : 0;
}

static inline bool has_no_body(const char *request)
{
	return !strncmp(request, "HEAD", 4) || status() == 304 || status() == 204;
}

static inline bool is_whole(const char *request)
{
	return body() &&
	       (has_no_body(request) || body_len() >= (size_t)atol(field("Content-Length")));
}

static inline void transmit(const char *request)
{
	if (client < 0)
		connect_client();
	send(client, request, strlen(request),
	     MSG_NOSIGNAL); /* it may have been closed meanwhile */
}

/* What has come; false: the connection has ended. */
static inline bool receive(void)
{
	ssize_t n;

	while ((n = read(client, answer + answer_len, sizeof(answer) - 1 - answer_len)) > 0)
		answer_len += (size_t)n;
	answer[answer_len] = 0;
	return n < 0 && errno == EAGAIN;
}

static inline void forget_answer(void)
{
	answer_len = 0;
	answer[0] = 0;
}

/* Until the answer is whole, or the connection has ended. Its status; 0: no answer. */
static inline int ask(const char *request)
{
	forget_answer();
	transmit(request);
	do {
		turn();
		if (!receive()) {
			hang_up();
			return status();
		}
	} while (!is_whole(request));
	return status();
}

/* GET with more fields, each ended by \r\n. */
static inline int get_with(const char *path, const char *fields)
{
	char request[8192];

	CHECK(snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path,
		       fields) < (int)sizeof(request));
	return ask(request);
}

static inline int get(const char *path)
{
	return get_with(path, "");
}

static inline ouro_static_stats stats(void)
{
	ouro_static_stats now;

	ouro_static_get_stats(site, &now);
	return now;
}
#endif
