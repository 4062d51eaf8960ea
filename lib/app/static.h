/* static.h -- what static files are made of.
 *
 *     form     one way in which a file is there: as it is, or in a coding. Bytes or a descriptor
 *     asset    what a path led to, at one look: forms of a file, a list of a folder, or a status.
 *              Made on the pool, not changed after, freed with its last reference
 *     place    a path, the asset it led to last, and who waits for the next look: static_cache.c
 *     site     the options, the places; lives as long as the handle or a look that is out
 *     sending  an answer on its way from a descriptor: static_send.c
 *
 * A request goes from static.c to its place; when the last look is too old, over the pool
 * (static_look.c, static_open.c); then its conditions are asked (static_if.c), and the answer is
 * sent. */
#ifndef OURO__STATIC_H
#define OURO__STATIC_H
#include "base/list.h"
#include "http/core.h"
#include "loop/handle.h"
#include "net/out.h"
#include "ouro/static.h"
#include <sys/stat.h>

/* In the order of preference where a client has none: the later the better. */
#define CODINGS(X)                    \
	X(PLAIN, "", "", "")          \
	X(GZIP, "gzip", ".gz", "-gz") \
	X(BR, "br", ".br", "-br")

enum coding {
#define X(name, token, ending, mark) CODING_##name,
	CODINGS(X)
#undef X
		CODING_COUNT
};

/* What tells one state of a file from the next. */
struct stamp {
	uint64_t dev, ino, size;
	struct timespec modified, changed;
};

#define ETAG_ROOM 72

struct form {
	bool there;
	bool young;  /* it was changed so shortly before the look that it may be changing still */
	bool future; /* its time is still to come: not told to anybody */
	struct stamp stamp;
	uint64_t size;
	char *bytes; /* all of it; NULL: in fd */
	int fd;      /* -1: in bytes */
	void *map;   /* never touched: for mincore(). NULL: that would not tell */
	char etag[ETAG_ROOM], modified[32];

	/* What is said with it: all of it, what is true of each range, and what a 304 says. */
	struct answer_field fields[6], *with_bytes, *without;
	uint64_t warm_from, warm_to,
		warm_until; /* the loop's: seen in memory, and how long that holds */
};

struct asset {
	unsigned refs;
	int status; /* 200; 308: a folder, asked for without its slash; 404, 403, 500, 503 */
	int err;    /* of a 500 or 503, and of a root that is not there: for the log */
	bool listing;
	bool lasts; /* it may be kept */
	const char *type;
	struct form forms[CODING_COUNT];
};

/* How a site looks at its disk: what threads of the pool may read of it. */
struct site_view {
	char *root, *index, *cache_control;
	bool listing, plain;
	bool old_kernel; /* do as if there were no openat2: for tests */
	size_t small_max;
};

struct place {
	struct list link, recent; /* in its bucket; in site->recent, the oldest first */
	struct asset *asset;      /* NULL: not looked yet */
	uint64_t looked;          /* when */
	struct waiter *waiters, **waiters_end;
	bool holds;     /* what it led to is as good as new for check_ns */
	bool looking;   /* a look is out */
	bool forgotten; /* since it began */
	size_t bytes;   /* of the asset's, in memory */
	size_t len;
	char path[];
};

struct site {
	unsigned refs;
	bool closed;
	ouro_loop *loop;
	struct site_view view;
	uint64_t check_ns;
	size_t files_max, bytes_max;
	struct list *buckets;
	size_t bucket_mask;
	uint64_t key[2];
	struct list recent;
	ouro_static_stats stats;
	bool told; /* of a root that cannot be opened */
	size_t (*warm)(struct out_file *file,
		       size_t most); /* static_send.c's; a test has its own */
	bool slow;                   /* do as if nothing could be read without waiting: for tests */
};

struct ouro_static {
	struct handle base;
	struct site *site;
};

struct site *ouro__site_ref(struct site *site);
void ouro__site_unref(struct site *site);

/* "text/html; charset=utf-8"; of a name that says nothing "application/octet-stream". Static. */
const char *ouro__static_type(const char *path);

/* ---- On the pool ---- */

/* The root's descriptor, or -errno. */
int ouro__static_open_root(const char *root);

/* What is at path below root, for reading: a regular file or a folder, nothing else. *ret_stat is
 * its. The descriptor, or -errno. */
int ouro__static_open(int root, const char *path, bool old_kernel, struct stat *ret_stat);

/* What the path leads to; NULL: no memory. known: what it led to before; NULL: nothing. The same
 * again: known, with one reference more. */
struct asset *ouro__static_look(const struct site_view *view, const char *path,
				struct asset *known);

/* The same for one file, given by any path. */
struct asset *ouro__static_look_at(const char *path, size_t small_max);

/* A list of the folder, in HTML; 0 or -errno. The descriptor is taken. */
int ouro__static_list(int folder, char **ret_bytes, size_t *ret_len);

/* Any thread that may wait for a disk. */
struct asset *ouro__asset_ref(struct asset *asset);
void ouro__asset_unref(struct asset *asset);
void ouro__form_drop(struct form *form); /* an asset's, before anybody else has that */

/* ---- On the loop ---- */

/* As unref, for the loop, which does not wait. NULL: nothing. */
void ouro__asset_drop(ouro_loop *loop, struct asset *asset);

/* Which form the client likes best of those that are there. */
enum coding ouro__static_choose(const ouro_req *req, const struct asset *asset);

/* As ouro_req_header(); quick to say that there is none. */
ouro_str ouro__static_header(const ouro_req *req, const char *name);

/* 0: go on; 304, 412. */
int ouro__static_if(const ouro_req *req, const struct form *form);

/* May a range of it be sent, or has it changed since the client got the first part? */
bool ouro__static_if_range(const ouro_req *req, const struct form *form);

/* Answers. site: whose counters and warm(); NULL: nobody's. type NULL: the
 * asset's. */
void ouro__static_answer(ouro_req *req, struct asset *asset, struct site *site, const char *type);

/* The parts of one answer; ranges NULL: all of it. The head is still to be sent, with its fields
 * set. */
struct range;
void ouro__static_send(ouro_req *req, struct asset *asset, struct form *form, struct site *site,
		       const char *type, const struct range *ranges, unsigned count);

/* Leaves the request with its place: answered at once, or when the look has come back. */
void ouro__static_ask(struct site *site, ouro_req *req, ouro_str path);

/* All places are forgotten, but for who waits. */
void ouro__static_forget_all(struct site *site);
#endif
