/* gzip.c -- answers compressed by zlib. See ouro-gzip.h, ouro/filter.h.
 *
 * An answer has a compressor, which is taken from those that others have left, and a queue of what
 * its handler has written and that has not been through it. A short piece goes through at once, when
 * nothing is before it. A long one is kept, and goes in portions, each a call on the pool: one at a
 * time, and none while the client has enough waiting. So the loop is held for no more than one short
 * piece, and an answer has no more in flight than a portion and what its handler knows is waiting.
 *
 * A compressor is the answer's until gone(); if a thread is at it then, until that has come back. */
#include "gzip/accept.h"
#include "ouro-gzip.h"
#include "ouro/error.h"
#include "ouro/filter.h"
#include "ouro/pool.h"
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define LEAST    1024
#define IN_PLACE 16384
#define MOST     64
#define KEPT     4
#define PORTION  65536
#define OUT_ROOM (PORTION + 1024)

struct ouro_gzip {
	ouro_loop *loop;
	ouro_gzip_opts opts; /* every default filled in */
	struct squeeze *spare;
	unsigned spares;
	ouro_gzip_stats stats;
};

/* Something written that has not been through yet. */
struct block {
	struct block *next;
	const char *bytes;
	size_t len, at;
	char copy[];
};

struct squeeze {
	struct squeeze *next; /* of the spare ones */
	ouro_gzip *gzip;
	ouro_req *req; /* NULL: gone */
	struct block *first, **last;
	size_t held;  /* in them */
	bool flushes; /* each write leaves at once */
	bool ending;  /* the handler has ended */
	bool waits;   /* for the client to take what it has */
	bool working; /* a thread is at it */
	bool busy;    /* a function of ours is on the stack: it leaves freeing to that */

	/* A portion: what a thread uses. */
	z_stream z;
	int flush, result;
	unsigned char out[OUT_ROOM];
};

/* ---- Compressors ---- */

static struct squeeze *make(ouro_gzip *gzip)
{
	struct squeeze *s = calloc(1, sizeof(*s));

	if (s && deflateInit2(&s->z, gzip->opts.level, Z_DEFLATED, 15 + 16, 8,
			      Z_DEFAULT_STRATEGY) != Z_OK) {
		free(s);
		s = NULL;
	}
	return s;
}

static void unmake(struct squeeze *s)
{
	deflateEnd(&s->z);
	free(s);
}

static struct squeeze *take(ouro_gzip *gzip)
{
	struct squeeze *s = gzip->spare;

	if (gzip->stats.active >= gzip->opts.most)
		s = NULL;
	else if (!s)
		s = make(gzip);
	else
		gzip->spare = s->next, gzip->spares--;
	if (!s) {
		gzip->stats.full++;
		return NULL;
	}
	gzip->stats.active++;
	s->gzip = gzip;
	s->last = &s->first;
	return s;
}

static void drop_block(struct squeeze *s)
{
	struct block *block = s->first;

	s->held -= block->len - block->at;
	s->first = block->next;
	if (!s->first)
		s->last = &s->first;
	free(block);
}

static void give(struct squeeze *s)
{
	ouro_gzip *gzip = s->gzip;

	while (s->first)
		drop_block(s);
	gzip->stats.active--;
	if (gzip->spares >= gzip->opts.kept || deflateReset(&s->z) != Z_OK) {
		unmake(s);
		return;
	}
	s->flushes = s->ending = s->waits = false;
	s->next = gzip->spare;
	gzip->spare = s;
	gzip->spares++;
}

static void give_if_gone(struct squeeze *s)
{
	if (!s->req && !s->working && !s->busy)
		give(s);
}

static void gone(void *filter)
{
	struct squeeze *s = filter;

	s->req = NULL;
	give_if_gone(s);
}

/* ---- Portions ---- */

/* On a pool thread, or in place. Room for more than the portion can become, so one call takes it
 * all; but for a flush, which may leave something for a second. */
static int squeeze_work(void *arg)
{
	struct squeeze *s = arg;

	s->z.next_out = s->out;
	s->z.avail_out = OUT_ROOM;
	s->result = deflate(&s->z, s->flush);
	return 0;
}

static void set_portion(struct squeeze *s, const char *bytes, size_t n, bool last)
{
	s->z.next_in = (unsigned char *)(uintptr_t)bytes;
	s->z.avail_in = (unsigned)n;
	s->flush = !last        ? Z_NO_FLUSH
		   : s->ending  ? Z_FINISH
		   : s->flushes ? Z_SYNC_FLUSH
				: Z_NO_FLUSH;
	s->gzip->stats.bytes_in += n;
}

/* What has become of it goes to the client. False: nobody is there. */
static bool hand_on(struct squeeze *s)
{
	size_t n = OUT_ROOM - s->z.avail_out;
	int enough;

	if (!s->req)
		return false;
	s->gzip->stats.bytes_out += n;
	enough = ouro_filter_write(s->req, ouro_str_n(s->out, n));
	if (enough < 0)
		return false;
	s->waits = enough;
	if (s->result == Z_STREAM_END)
		ouro_filter_end(s->req);
	return s->req != NULL;
}

static bool is_through(const struct squeeze *s)
{
	return !s->z.avail_in && s->z.avail_out;
}

/* In place, to its end. */
static bool squeeze(struct squeeze *s)
{
	do
		squeeze_work(s);
	while (hand_on(s) && !is_through(s));
	return s->req != NULL;
}

static void advance(struct squeeze *s);

/* Nobody took it, when the pool is full: then the loop does. */
static void on_squeezed(int err, void *arg)
{
	struct squeeze *s = arg;

	s->working = false;
	s->busy = true;
	if (err == OURO_EBUSY && s->req)
		squeeze_work(s);
	if (err && err != OURO_EBUSY && s->req)
		ouro_filter_cut(s->req);
	if (hand_on(s) && (is_through(s) || squeeze(s)))
		advance(s);
	s->busy = false;
	give_if_gone(s);
}

static bool to_pool(struct squeeze *s)
{
	s->working = true;
	if (!ouro_pool_run(s->gzip->loop, squeeze_work, on_squeezed, s).id)
		s->working = false;
	return s->working;
}

/* The next portion of what is in the queue. Its block stays while a thread reads it. */
static bool squeeze_next(struct squeeze *s)
{
	struct block *block = s->first;
	size_t left = block->len - block->at, n = left < PORTION ? left : PORTION;

	set_portion(s, block->bytes + block->at, n, n == left && !block->next);
	block->at += n;
	s->held -= n;
	if (n > s->gzip->opts.in_place && to_pool(s))
		return false;
	return squeeze(s);
}

static bool finish(struct squeeze *s)
{
	set_portion(s, NULL, 0, true);
	return squeeze(s);
}

/* As far as it goes: until a thread is at it, the client has enough, or nothing is left. */
static void advance(struct squeeze *s)
{
	bool on = true;

	while (on && !s->working && !s->waits) {
		while (s->first && s->first->at == s->first->len)
			drop_block(s);
		if (s->first)
			on = squeeze_next(s);
		else if (s->ending)
			on = finish(s);
		else
			return;
	}
}

static int keep(struct squeeze *s, ouro_str piece, bool is_static)
{
	struct block *block = malloc(sizeof(*block) + (is_static ? 0 : piece.len));

	if (!block)
		return -ENOMEM;
	*block = (struct block){ .bytes = is_static ? piece.ptr : block->copy, .len = piece.len };
	if (!is_static)
		memcpy(block->copy, piece.ptr, piece.len);
	*s->last = block;
	s->last = &block->next;
	s->held += piece.len;
	return 0;
}

/* ---- The filter ---- */

static int64_t on_piece(ouro_req *req, ouro_str piece, bool is_static, void *filter)
{
	struct squeeze *s = filter;
	int err = 0;
	int64_t held;

	(void)req;
	s->busy = true;
	if (!s->first && !s->working && !s->waits && piece.len <= s->gzip->opts.in_place) {
		set_portion(s, piece.ptr, piece.len, true);
		squeeze(s);
	} else {
		err = keep(s, piece, is_static);
		if (!err)
			advance(s);
	}
	held = err ? err : (int64_t)s->held;
	s->busy = false;
	give_if_gone(s);
	return held;
}

static int on_end(ouro_req *req, void *filter)
{
	struct squeeze *s = filter;

	(void)req;
	s->busy = true;
	s->ending = true;
	advance(s);
	s->busy = false;
	give_if_gone(s);
	return 0;
}

static size_t on_drained(ouro_req *req, void *filter)
{
	struct squeeze *s = filter;
	size_t held;

	(void)req;
	s->busy = true;
	s->waits = false;
	advance(s);
	held = s->req ? s->held : 0;
	s->busy = false;
	give_if_gone(s);
	return held;
}

/* ---- Which answers ---- */

static bool has_any(const ouro_req *req)
{
	static const char *const fields[] = { "Content-Encoding", "Content-Range", "Content-MD5",
					      "Content-Digest", "Digest" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (ouro_filter_field(req, fields[i]).ptr)
			return true;
	return false;
}

static bool may_be(const ouro_gzip *gzip, const ouro_req *req, int status, const char *type,
		   uint64_t length)
{
	ouro_str type_set = type ? ouro_str_z(type) : ouro_filter_field(req, "Content-Type");

	return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304 &&
	       length >= gzip->opts.least && gzip_type_is_in(type_set, gzip->opts.types) &&
	       !has_any(req) &&
	       !gzip_list_has(ouro_filter_field(req, "Cache-Control"), "no-transform");
}

static bool is_wanted(const ouro_req *req)
{
	struct gzip_accept accept = { -1, -1, -1 };
	bool good = true;
	ouro_str line;

	for (unsigned n = 0; good && (line = ouro_req_header_nth(req, "Accept-Encoding", n)).ptr;
	     n++)
		good = gzip_accept_add(&accept, line);
	return good && gzip_accept_says_yes(&accept);
}

static int say_vary(ouro_req *req)
{
	ouro_str vary = ouro_filter_field(req, "Vary");

	if (gzip_list_has(vary, "*") || gzip_list_has(vary, "Accept-Encoding"))
		return 0;
	return ouro_req_add(req, "Vary", ouro_str_z("Accept-Encoding"));
}

/* The same, for whoever compares weakly; not the same bytes. */
static int weaken(ouro_req *req)
{
	ouro_str tag = ouro_filter_field(req, "ETag"), weak;

	if (!tag.ptr || (tag.len > 1 && tag.ptr[0] == 'W' && tag.ptr[1] == '/'))
		return 0;
	weak = ouro_req_printf(req, "W/%.*s", (int)tag.len, tag.ptr);
	return weak.ptr ? ouro_req_set(req, "ETag", weak) : -ENOMEM;
}

static int say_so(ouro_req *req)
{
	int err = weaken(req);

	if (!err)
		err = ouro_req_unset(req, "Accept-Ranges");
	return err ? err : ouro_req_set(req, "Content-Encoding", ouro_str_z("gzip"));
}

static void *begin(ouro_req *req, int status, const char *type, uint64_t length, void *arg)
{
	ouro_gzip *gzip = arg;
	struct squeeze *s;

	if (!may_be(gzip, req, status, type, length) || say_vary(req) || !is_wanted(req))
		return NULL;
	s = take(gzip);
	if (!s)
		return NULL;
	if (say_so(req)) {
		give(s);
		return NULL;
	}
	gzip->stats.answers++;
	s->req = req;
	s->flushes = length == UINT64_MAX;
	return s;
}

static const ouro_filter filter = { begin, on_piece, on_end, on_drained, gone };

void ouro_gzip_wrap(ouro_req *req, void *gzip)
{
	ouro_req_filter(req, &filter, gzip); /* an answer that has a filter has another's */
	ouro_req_next(req);
}

/* ---- The module ---- */

int ouro_gzip_new(ouro_loop *loop, const ouro_gzip_opts *opts, ouro_gzip **ret_gzip)
{
	static const ouro_gzip_opts defaults;
	ouro_gzip *gzip;

	opts = opts ? opts : &defaults;
	if (opts->level < 0 || opts->level > 9)
		return -EINVAL;
	gzip = calloc(1, sizeof(*gzip));
	if (!gzip)
		return -ENOMEM;
	gzip->loop = loop;
	gzip->opts = *opts;
	gzip->opts.level = opts->level ? opts->level : 6;
	gzip->opts.least = opts->least ? opts->least : LEAST;
	gzip->opts.in_place = opts->in_place ? opts->in_place : IN_PLACE;
	gzip->opts.most = opts->most ? opts->most : MOST;
	gzip->opts.kept = opts->kept ? opts->kept : KEPT;
	*ret_gzip = gzip;
	return 0;
}

void ouro_gzip_free(ouro_gzip *gzip)
{
	if (!gzip)
		return;
	while (gzip->spare) {
		struct squeeze *s = gzip->spare;

		gzip->spare = s->next;
		unmake(s);
	}
	free(gzip);
}

void ouro_gzip_get_stats(const ouro_gzip *gzip, ouro_gzip_stats *ret_stats)
{
	*ret_stats = gzip->stats;
}
