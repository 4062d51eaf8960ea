/* libevent.c -- a folder by the HTTP server that comes with libevent: each file opened, and mapped;
 * a large one sent by sendfile(), which for a small one would be a second packet, and a wait.
 *
 *     libevent FOLDER -p PORT */
#include "../http/peer.h"
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { LARGE = 1 << 16 };

static void answer(struct evhttp_request *req, void *folder)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	struct stat stat;
	char name[512];
	int fd;

	snprintf(name, sizeof(name), "%s%s", (const char *)folder, path);
	fd = strstr(path, "..") ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat)) {
		evhttp_send_error(req, HTTP_NOTFOUND, NULL);
		return;
	}
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
			  "application/octet-stream");
	if (stat.st_size > LARGE)
		evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
	evbuffer_add_file(body, fd, 0, stat.st_size); /* which closes it */
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);

	bench_check(base && http);
	evhttp_set_gencb(http, answer, argv[1]);
	bench_check(evhttp_accept_socket(http, peer_listen(argc, argv)) == 0);
	return event_base_dispatch(base);
}
