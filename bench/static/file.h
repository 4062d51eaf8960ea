/* file.h -- one file, its descriptor open, by a server that does not read what it is asked: what
 * epoll.c and libev.c share. A small file is read behind the head and sent with it, a large one goes
 * by sendfile() behind it. */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H
#include "../http/peer.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { FILE_SMALL = 65536, FILE_PIECE = 1 << 18 };

enum file_news { FILE_SENT, FILE_WAITS, FILE_GONE };

static int file;
static off_t file_size;
static char file_answer[FILE_SMALL + 512];
static size_t file_head;

static inline void file_open(const char *path)
{
	struct stat stat;

	file = open(path, O_RDONLY | O_CLOEXEC);
	bench_check(file >= 0 && fstat(file, &stat) == 0);
	file_size = stat.st_size;
	file_head = (size_t)snprintf(file_answer, 512,
				     "HTTP/1.1 200 OK\r\n"
				     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				     "Content-Type: application/octet-stream\r\n"
				     "Content-Length: %lld\r\n"
				     "Accept-Ranges: bytes\r\n"
				     "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				     "ETag: \"0123456789abcdef-400-12345\"\r\n\r\n",
				     (long long)file_size);
}

/* From *at on, which moves. */
static inline enum file_news file_send_on(int fd, off_t *at)
{
	while (*at < file_size)
		if (sendfile(fd, file, at, FILE_PIECE) < 0)
			return errno == EAGAIN ? FILE_WAITS : FILE_GONE;
	return FILE_SENT;
}

/* Head and all. */
static inline enum file_news file_send(int fd, off_t *at)
{
	bool small = file_size <= FILE_SMALL;
	ssize_t n = (ssize_t)file_head;

	*at = small ? file_size : 0;
	if (small)
		n += pread(file, file_answer + file_head, FILE_SMALL, 0);
	if (send(fd, file_answer, (size_t)n, MSG_NOSIGNAL | (small ? 0 : MSG_MORE)) != n)
		return FILE_GONE;
	return file_send_on(fd, at);
}
#endif
