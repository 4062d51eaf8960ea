/* microhttpd.c -- GNU libmicrohttpd, with one thread of its own on epoll. */
#include "peer.h"
#include <microhttpd.h>

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *body,
			      size_t *body_len, void **of_request)
{
	(void)url, (void)method, (void)version, (void)body, (void)body_len;
	if (!*of_request) {
		*of_request = cls; /* the head is here; an answer now would end the connection */
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

int main(int argc, char **argv)
{
	static char body[] = PEER_BODY;
	struct MHD_Response *response;
	struct MHD_Daemon *daemon;

	if (argc < 2) {
		puts(MHD_get_version());
		return 0;
	}
	response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
	bench_check(response);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, response,
				  MHD_OPTION_LISTEN_SOCKET, peer_listen(argc, argv),
				  MHD_OPTION_CONNECTION_LIMIT, 1000000u, MHD_OPTION_END);
	bench_check(daemon);
	return pause();
}
