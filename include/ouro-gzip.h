/* ouro-gzip.h -- answers compressed by zlib, for clients that say they can read that.
 *
 * A module: link libouro-gzip (pkg-config ouro-gzip) beside libouro. Off until a route says so (on a
 * line with a table it stands before every line of that), or a server, for all of its answers:
 *
 *     ouro_gzip *gzip;
 *     ...
 *     err = ouro_gzip_new(loop, NULL, &gzip);
 *     ...
 *     { .path = "/", .wrap = ouro_gzip_wrap, .arg = gzip, .routes = pages },
 *     ...
 *     ouro_http_opts opts = { .wrap = ouro_gzip_wrap, .wrap_arg = gzip, ... };
 *
 * Compressed is what a handler answers, whole or in pieces, with a type that is text of some kind, to
 * a request whose Accept-Encoding prefers gzip to nothing; large pieces on the loop's pool, so that
 * nobody waits for them. A body whose length is not known before leaves with each write, as event
 * streams need it. Left as they are: bodies shorter than `least`, 206, answers that
 * have a Content-Encoding, Content-Range or digest already, or `Cache-Control: no-transform`, files
 * of ouro/static.h (put a .gz beside them) and feeds of ouro/events.h. All that could have been
 * compressed says `Vary: Accept-Encoding`; of what was, an ETag is made weak. HEAD has the
 * fields of a GET.
 *
 * BEWARE of compressing a secret together with words that an attacker may choose: who can see the
 * length of an answer, TLS or not, and have it asked for again and again, finds the secret letter by
 * letter (BREACH). Do not wrap routes whose answers have session tokens, CSRF tokens or the like in
 * their body next to what came with the request.
 *
 * All of it on the loop's thread. Memory is zlib's and malloc's. */
#ifndef OURO_GZIP_H
#define OURO_GZIP_H
#include "ouro/http.h"
OURO_BEGIN

typedef struct ouro_gzip ouro_gzip;

typedef struct ouro_gzip_opts {
	int    level;    /* 1, fast, to 9, small; 0: 6 */
	size_t least;    /* bytes of a body whose length is known; 0: 1024 */
	size_t in_place; /* longer pieces go to the pool; 0: 16 KiB, OURO_NEVER: none does */
	/* Answers at once, 350 KiB each and what they wait with; more go as they are; 0: 64. */
	unsigned most;
	unsigned kept; /* of those 350 KiB, for the next answers; 0: 4 */

	/* Kept by address, the last is NULL; "text" and a slash and a star is every text. NULL: text,
	 * JSON, JavaScript, XML, SVG, WebAssembly, and whatever ends in +json or +xml. */
	const char *const *types;
} ouro_gzip_opts;

/* 0, -ENOMEM; -EINVAL: no such level. Free takes NULL: when no server has a route with it any more,
 * or after the loop is freed. */
OURO_API int  ouro_gzip_new(ouro_loop *loop, const ouro_gzip_opts *opts,
			    ouro_gzip **ret_gzip) OURO_MUST_CHECK;
OURO_API void ouro_gzip_free(ouro_gzip *gzip);

/* The wrapper; its arg is the ouro_gzip. */
OURO_API void ouro_gzip_wrap(ouro_req *req, void *gzip);

typedef struct ouro_gzip_stats {
	uint64_t answers;   /* compressed so far */
	uint64_t bytes_in;  /* of their bodies */
	uint64_t bytes_out; /* that became of them */
	uint64_t full;      /* left as they were because of `most`, or of no memory */
	unsigned active;    /* being compressed now */
} ouro_gzip_stats;
OURO_API void ouro_gzip_get_stats(const ouro_gzip *gzip, ouro_gzip_stats *ret_stats);
OURO_END
#endif
