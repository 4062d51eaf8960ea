/* parser.c -- libev and http_parser, and nothing of our own: every request is parsed, its target
 * compared, and answered; what came in one read is answered in one write. No limit, no deadline,
 * no check of what the parser lets through: the least that one might call an HTTP server. */
#include "peer.h"
#include <ev.h>
#include <http_parser.h>

struct connection {
	ev_io io;
	http_parser parser;
	size_t to_answer;
	bool last;
};

static int on_url(http_parser *parser, const char *at, size_t n)
{
	(void)parser;
	return n == 0 || at[0] != '/';
}

static int on_message(http_parser *parser)
{
	struct connection *c = parser->data;

	c->to_answer++;
	c->last = !http_should_keep_alive(parser);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_message_complete = on_message,
};

static void end(struct ev_loop *loop, struct connection *c)
{
	ev_io_stop(loop, &c->io);
	close(c->io.fd);
	free(c);
}

static void answer(EV_P_ ev_io *io, int events)
{
	struct connection *c = io->data;
	char room[PEER_ROOM];
	ssize_t n = recv(io->fd, room, sizeof(room), 0);

	(void)events;
	c->to_answer = 0;
	if (n <= 0 || http_parser_execute(&c->parser, &settings, room, (size_t)n) != (size_t)n ||
	    (c->to_answer && !peer_send(io->fd, c->to_answer)) || c->last)
		end(loop, c);
}

static void take_all(EV_P_ ev_io *listener, int events)
{
	int fd;

	(void)events;
	while ((fd = peer_accept(listener->fd)) >= 0) {
		struct connection *c = bench_alloc(1, sizeof(*c));

		http_parser_init(&c->parser, HTTP_REQUEST);
		c->parser.data = c;
		ev_io_init(&c->io, answer, fd, EV_READ);
		c->io.data = c;
		ev_io_start(loop, &c->io);
	}
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	ev_io listener;

	if (argc < 2) {
		printf("%d.%d.%d\n", HTTP_PARSER_VERSION_MAJOR, HTTP_PARSER_VERSION_MINOR,
		       HTTP_PARSER_VERSION_PATCH);
		return 0;
	}
	bench_check(loop);
	ev_io_init(&listener, take_all, peer_listen(argc, argv), EV_READ);
	ev_io_start(loop, &listener);
	ev_run(loop, 0);
	return 0;
}
