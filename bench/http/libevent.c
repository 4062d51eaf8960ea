/* libevent.c -- the HTTP server that comes with libevent. */
#include "peer.h"
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

static void answer(struct evhttp_request *req, void *arg)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(req);

	(void)arg;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain");
	evbuffer_add_reference(body, PEER_BODY, sizeof(PEER_BODY) - 1, NULL, NULL);
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);

	if (argc < 2) {
		puts(event_get_version());
		return 0;
	}
	bench_check(base && http);
	evhttp_set_gencb(http, answer, NULL);
	bench_check(evhttp_accept_socket(http, peer_listen(argc, argv)) == 0);
	return event_base_dispatch(base);
}
