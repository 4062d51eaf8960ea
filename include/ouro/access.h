/* access.h -- a line for every answer, in a file.
 *
 *     err = ouro_access_open(loop, &(ouro_access_opts){ .path = "/var/log/site.log" }, &log);
 *     ...
 *     err = ouro_access_attach(log, server);
 *
 * Lines are put together on the loop in memory that was there before, and written by the pool, many
 * at a time: after 100 ms, or when 64 KiB of them wait. The loop never waits for the disk, and no
 * request does. When the disk is full, or slower than the lines come, they wait in that memory, and
 * when it is full, too, they are lost: they are counted, and where they would have been there is a
 * line that says how many. A line is in the file whole, or not at all.
 *
 * Nothing that a client sends can end a line or look like another field: what is no printable ASCII,
 * and quotes and backslashes, are escaped (\x22), in JSON as JSON has it, with U+FFFD for what is no
 * UTF-8. Times are UTC.
 *
 * All of it on the loop's thread. After a fork the lines that wait are the parent's. */
#ifndef OURO_ACCESS_H
#define OURO_ACCESS_H
#include "ouro/http.h"
#include <time.h>
OURO_BEGIN

typedef struct ouro_access ouro_access;

/* Status 499 stands for a client that was gone before its answer; `-`, in JSON null, for what there
 * is not: a request that was no good HTTP has no method, one that no route took has no route. Bytes
 * are those of head and body. */
typedef enum ouro_access_format {
	/* Apache's combined line, and behind it id, route, and seconds: in all, and queued.
	 * 127.0.0.1 - - [28/Nov/2026:18:55:49 +0000] "GET /u/7 HTTP/1.1" 200 311 "-" "curl/7.88.1"
	 * 8f2a61c05d9e4b7788f0c1d2e3a4b5c6 /u/:id 0.001203 0.000021 */
	OURO_ACCESS_COMBINED,

	/* The same with nothing behind it. */
	OURO_ACCESS_PLAIN,

	/* {"ts":"2026-11-28T18:55:49.123Z","id":"8f2a...","peer":"127.0.0.1","method":"GET",
	 * "target":"/u/7","route":"/u/:id","status":200,"bytes":311,"dur_ms":1.203,"queue_ms":0.021,
	 * "referer":null,"agent":"curl/7.88.1","err":null}
	 * err: "ECONNRESET", why not all of the answer has left. */
	OURO_ACCESS_JSON
} ouro_access_format;

/* What a line of your own is about. */
typedef struct ouro_access_event {
	struct timespec      time; /* the wall clock's */
	ouro_req            *req;  /* ouro_req_method() and so on; NULL: lines were lost */
	const ouro_req_done *done; /* NULL: as above */
	uint64_t             lost; /* so many */
} ouro_access_event;

/* Appends a line, without its end, to an empty buffer. Nothing appended: no line. 0; below 0 the
 * line is lost. A control character in it (but a tab) becomes a `?`. */
typedef int ouro_access_fn(ouro_buf *line, const ouro_access_event *event, void *arg);

/* For such a function. As the ready-made lines have it: escaped, `-` for what is absent or empty; and
 * as JSON: in its quotes, null for what is absent. 0 or -ENOMEM. */
OURO_API int ouro_access_text(ouro_buf *line, ouro_str text);
OURO_API int ouro_access_json(ouro_buf *line, ouro_str text);

typedef struct ouro_access_opts {
	const char        *path;   /* copied; "-": stdout */
	ouro_access_format format; /* OURO_ACCESS_COMBINED */
	ouro_access_fn    *fn;     /* instead of the format */
	void              *arg;    /* handed to fn */
	unsigned           mode;   /* of a new file; 0: 0644; less the umask */
	/* A line waits no longer for others; 0: 100 ms; OURO_NEVER: until there are 64 KiB. */
	unsigned flush_ms;
	size_t   buffer; /* bytes for lines that wait; 0: 1 MiB; at least 16 KiB */
} ouro_access_opts;

/* Opens the file, to append to it; it is made if it is not there. It does not keep the loop alive. 0,
 * or -ENOMEM, -EMFILE; -EINVAL: no path, or a format there is not; OURO_ECLOSED: the loop is ending.
 *
 * The disk is asked later: when the file cannot be opened, or written to, the loop's on_log is told
 * once, the lines wait, and once a second it is tried again. A FIFO that nobody has open is such a
 * case; one that nobody reads is a slow disk. So is stdout, which is written to in pieces of whole
 * lines (if they are shorter than 4 KiB), so that what others print comes between lines. */
OURO_API int ouro_access_open(ouro_loop *loop, const ouro_access_opts *opts,
			      ouro_access **ret_log) OURO_MUST_CHECK;

/* Every answer of the server from now on has a line, until either of them is closed. Several logs may
 * hear of one server, and one log of several servers; attached twice is attached once. 0, -ENOMEM;
 * -EINVAL: they are of two loops; OURO_ECLOSED. */
OURO_API int ouro_access_attach(ouro_access *log, ouro_server *server) OURO_MUST_CHECK;

/* The same for one answer: ouro_req_on_done(req, ouro_access_done, log), or from an on_done of your
 * own, which may choose. The log must be open as long as that can be called. */
OURO_API void ouro_access_done(ouro_req *req, const ouro_req_done *done, void *log);

/* Opens the path anew, when what waits for the old file is in it: after the file has been renamed.
 * No line is lost by that. When it cannot be opened the old one is kept, and on_log is told. Of
 * all logs of a loop; ouro_loop_main() does so on SIGHUP. How many have a file; stdout stays. */
OURO_API void   ouro_access_reopen(ouro_access *log);
OURO_API size_t ouro_access_reopen_all(ouro_loop *loop);

/* No line more; what waits is written. When that is done, or has failed, on_close is called, and the
 * file is closed. What cannot be written now (a FIFO that nobody reads) is lost. The end of the loop
 * writes what waits, too, with the lines of requests that it cuts off. */
OURO_API void ouro_access_close(ouro_access *log);
OURO_API void ouro_access_on_close(ouro_access *log, ouro_close_fn *fn, void *arg);

OURO_API ouro_loop *ouro_access_loop(const ouro_access *log);

typedef struct ouro_access_stats {
	uint64_t lines;   /* that are in the file, with those that say how many were lost */
	uint64_t bytes;   /* of them */
	uint64_t writes;  /* calls that brought them there */
	uint64_t waiting; /* lines that are not there yet */
	uint64_t lost;    /* lines that never will be */
	int      err;     /* what keeps it from writing now; 0: nothing */
} ouro_access_stats;
OURO_API void ouro_access_get_stats(const ouro_access *log, ouro_access_stats *ret_stats);
OURO_END
#endif
