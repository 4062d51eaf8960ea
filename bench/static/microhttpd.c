/* microhttpd.c -- a folder by GNU libmicrohttpd, with one thread of its own on epoll: each file
 * opened, and sent by sendfile().
 *
 *     microhttpd FOLDER -p PORT */
#include "../http/peer.h"
#include <fcntl.h>
#include <microhttpd.h>
#include <sys/stat.h>

static enum MHD_Result answer(void *folder, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *body,
			      size_t *body_len, void **of_request)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	struct stat stat;
	char name[512];
	int fd;

	(void)method, (void)version, (void)body, (void)body_len;
	if (!*of_request) {
		*of_request = folder; /* the head is here; an answer now would end the connection */
		return MHD_YES;
	}
	snprintf(name, sizeof(name), "%s%s", (const char *)folder, url);
	fd = strstr(url, "..") ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		return MHD_NO;
	response = MHD_create_response_from_fd((size_t)stat.st_size, fd);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

int main(int argc, char **argv)
{
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, argv[1],
				 MHD_OPTION_LISTEN_SOCKET, peer_listen(argc, argv), MHD_OPTION_END);

	bench_check(daemon);
	return pause();
}
