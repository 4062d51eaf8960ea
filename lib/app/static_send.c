/* static_send.c -- an answer from a descriptor, and answers of several ranges. See static.h.
 *
 * The answer is a row of parts: one, or with several ranges each with a few lines before it. A part
 * of a file is queued whole, and sendfile() moves it as the peer takes it, for as long as mincore()
 * says that what comes next is in memory. Where it is not, the queue gives the rest back, and a
 * piece is read: at once when the kernel can do that without waiting (RWF_NOWAIT: also the way for
 * files of which mincore() would not tell), else by a thread of the pool, while the loop serves
 * others. Then the next piece tries the short way again.
 *
 * There are moments between mincore() and sendfile() in which the kernel could throw the pages out;
 * it does not do that with what was just used unless it has nothing left at all.
 *
 * A sending has its memory until three things are over: the request is ended, no bytes of it are in
 * the queue, no read is out. */
#include "app/static.h"
#include "app/static_range.h"
#include "base/alloc.h"
#include "http/filter.h"
#include "http/lend.h"
#include "http/reply.h"
#include "http/req.h"
#include "offload/op.h"
#include "ouro/error.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE         ((size_t)256 << 10)
#define BOUNDARY_ROOM 33
#define PART_TYPE     128 /* longer ones are cut */
#define WARM_MOST     ((size_t)1 << 20)
#define WARM_NS       (5 * UINT64_C(1000000))
#define PAGES_MAX     (WARM_MOST / 4096 + 1)

struct sending {
	struct out_file file;
	ouro_loop *loop;
	ouro_req *req; /* NULL: ended */
	struct asset *asset;
	struct form *form;
	struct site *site; /* NULL: of nobody */
	char type[PART_TYPE];
	struct range parts[RANGES_MAX];
	unsigned count, at; /* parts; the one that is being sent */
	bool several;
	uint64_t left; /* of it, from file.at on */
	off_t mark;    /* of it, counted up to here */
	char *bytes;   /* PIECE of them, or as many as there are; NULL: not needed yet */
	size_t room;
	bool lent, reading;
	bool stubborn; /* it cannot be sent by sendfile() */
	char boundary[BOUNDARY_ROOM];
};

static struct sending *sending_of(struct out_file *file)
{
	return (struct sending *)(void *)file;
}

static void let_go(struct sending *s)
{
	if (s->req || s->lent || s->reading)
		return;
	ouro__asset_drop(s->loop, s->asset);
	if (s->site)
		ouro__site_unref(s->site);
	ouro__free(s->bytes);
	ouro__free(s);
}

static void end(struct sending *s)
{
	ouro_req *req = s->req;

	s->req = NULL;
	ouro__lend_end(req);
	let_go(s);
}

/* It will never be whole, and the client is to see that. */
static void cut(struct sending *s)
{
	ouro_req *req = s->req;

	s->req = NULL;
	ouro__lend_cut(req);
	let_go(s);
}

/* The queue was dropped before; the request is ended here. */
static void on_gone(ouro_req *req, int err, void *arg)
{
	struct sending *s = arg;

	(void)err;
	if (!ouro_req_is_gone(req) || !s->req)
		return;
	s->req = NULL;
	ouro_req_end(req);
	let_go(s);
}

static void count_bytes(const struct sending *s, bool warm, uint64_t n)
{
	if (s->site && warm)
		s->site->stats.warm_bytes += n;
	else if (s->site)
		s->site->stats.cold_bytes += n;
}

/* ---- Bytes of the file ---- */

/* How many of the n bytes from `at` on are in memory. */
static size_t ask_kernel(const struct form *form, size_t at, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), from = at & ~(page - 1), before = at - from;
	unsigned char there[PAGES_MAX];
	size_t pages = 0, all = (before + n + page - 1) / page;

	if (mincore((char *)form->map + from, before + n, there))
		return 0;
	while (pages < all && there[pages] & 1)
		pages++;
	return pages == all ? n : pages ? pages * page - before : 0;
}

/* Asking costs a tenth of sending, and a hot file is asked for all the time. What was all there a
 * moment ago, and was used then, is there still. */
static size_t warm(struct out_file *file, size_t most)
{
	struct sending *s = sending_of(file);
	struct form *form = s->form;
	uint64_t at = (uint64_t)file->at, now = call_now(s->loop);
	size_t n;

	if (at >= form->size)
		return 0;
	if (most > form->size - at)
		most = (size_t)(form->size - at);
	if (most > WARM_MOST)
		most = WARM_MOST;
	if (now < form->warm_until && at >= form->warm_from && at + most <= form->warm_to)
		return most;
	n = ask_kernel(form, (size_t)at, most);
	form->warm_from = at;
	form->warm_to = at + n;
	form->warm_until = now + WARM_NS;
	return n;
}

static size_t warm_as_told(struct out_file *file, size_t most)
{
	const struct sending *s = sending_of(file);

	return s->site && s->site->warm ? s->site->warm(file, most) : warm(file, most);
}

static void advance(struct sending *s);
static void go_on(struct sending *s);

static void bytes_left(int err, void *arg)
{
	struct sending *s = arg;

	s->lent = false;
	if (!s->req || err)
		let_go(s);
	else if (s->left)
		go_on(s);
	else
		advance(s);
}

/* So many bytes have been read: they go, and then the next. */
static void lend(struct sending *s, size_t n)
{
	s->file.at += (off_t)n;
	s->left -= n;
	s->lent = true;
	if (ouro__lend_bytes(s->req, s->bytes, n, bytes_left, s)) {
		s->lent = false;
		cut(s);
	}
}

static void read_came(struct sending *s, int n)
{
	s->reading = false;
	if (!s->req) {
		let_go(s);
	} else if (n <= 0) {
		cut(s); /* it has been made shorter, or cannot be read */
	} else {
		count_bytes(s, false, (uint64_t)n);
		lend(s, (size_t)n);
	}
}

static size_t piece_of(const struct sending *s)
{
	return s->left < s->room ? (size_t)s->left : s->room;
}

static struct sending *reading_of(struct op *op)
{
	return *(struct sending **)(void *)op->room;
}

static int read_work(struct op *op)
{
	struct sending *s = reading_of(op);
	ssize_t n = TEMP_FAILURE_RETRY(pread(s->form->fd, s->bytes, piece_of(s), s->file.at));

	return n < 0 ? -errno : (int)n;
}

static void read_done(struct op *op, int n)
{
	read_came(reading_of(op), n);
}

static const struct op_kind read_kind = {
	.call = "read",
	.lane = OURO_LANE_FILES,
	.room = sizeof(struct sending *),
	.work = read_work,
	.done = read_done,
};

static void read_by_pool(struct sending *s)
{
	struct op *op = ouro__op_new(s->loop, &read_kind, CALL_FN(ouro_static_serve), NULL);

	if (!op) {
		cut(s);
		return;
	}
	*(struct sending **)(void *)op->room = s;
	s->reading = true;
	ouro__op_submit(op);
}

/* Only what is in memory. Below 0: nothing is, or one cannot ask. */
static ssize_t read_at_once(struct sending *s)
{
	struct iovec iov = { s->bytes, piece_of(s) };

	if (s->site && s->site->slow)
		return -1;
	return TEMP_FAILURE_RETRY(preadv2(s->form->fd, &iov, 1, s->file.at, RWF_NOWAIT));
}

static bool make_room(struct sending *s)
{
	if (s->bytes)
		return true;
	s->room = s->form->size < PIECE ? (size_t)s->form->size : PIECE;
	s->bytes = ouro__realloc(NULL, s->room);
	return s->bytes;
}

static void read_piece(struct sending *s)
{
	ssize_t n;

	if (!make_room(s)) {
		cut(s);
		return;
	}
	n = read_at_once(s);
	if (n > 0) {
		count_bytes(s, true, (uint64_t)n);
		lend(s, (size_t)n);
	} else if (n == 0) {
		cut(s);
	} else {
		read_by_pool(s);
	}
}

/* The queue is done with the range, or gives the rest of it back. */
static void file_left(int err, void *arg)
{
	struct sending *s = arg;
	uint64_t sent = (uint64_t)(s->file.at - s->mark);

	s->lent = false;
	s->mark = s->file.at;
	s->left -= sent;
	count_bytes(s, true, sent);
	if (!s->req || ouro_req_is_gone(s->req)) {
		let_go(s);
	} else if (!err) {
		advance(s);
	} else if (err == OURO_EOF) {
		cut(s);
	} else {
		s->stubborn = err != OUT_COLD;
		read_piece(s);
	}
}

/* As far as the file has been sent, from there on. */
static void go_on(struct sending *s)
{
	if (!s->form->map || s->stubborn) {
		read_piece(s);
		return;
	}
	s->mark = s->file.at;
	s->lent = true;
	if (ouro__lend_file(s->req, &s->file, (size_t)s->left, file_left, s)) {
		s->lent = false;
		cut(s);
	}
}

/* ---- Parts ---- */

#define PART_ROOM 384

static int part_head(const struct sending *s, const struct range *part, char text[PART_ROOM])
{
	return snprintf(
		text, PART_ROOM,
		"\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
		s->boundary, s->type, (unsigned long long)part->first,
		(unsigned long long)part->last, (unsigned long long)s->form->size);
}

static int last_line(const struct sending *s, char text[PART_ROOM])
{
	return snprintf(text, PART_ROOM, "\r\n--%s--\r\n", s->boundary);
}

static uint64_t length_of(const struct sending *s)
{
	uint64_t sum = 0;
	char text[PART_ROOM];

	for (unsigned i = 0; i < s->count; i++) {
		sum += s->parts[i].last - s->parts[i].first + 1;
		if (s->several)
			sum += (unsigned)part_head(s, &s->parts[i], text);
	}
	return s->several ? sum + (unsigned)last_line(s, text) : sum;
}

/* 0, or what ouro_req_write() said; then the request is ended. */
static int write_text(const struct sending *s, const char *text, int len)
{
	int64_t queued = ouro_req_write(s->req, ouro_str_n(text, (size_t)len));

	return queued < 0 ? (int)queued : 0;
}

/* 0: the part is on its way, from memory, all of it. 1: it will be told when it has left. */
static int begin_part(struct sending *s, const struct range *part)
{
	uint64_t n = part->last - part->first + 1;
	char text[PART_ROOM];
	int err = s->several ? write_text(s, text, part_head(s, part, text)) : 0;

	if (err)
		return err;
	if (s->form->bytes)
		return write_text(s, s->form->bytes + part->first, (int)n);
	ouro__lend_count(s->req, n);
	s->file.fd = s->form->fd;
	s->file.at = (off_t)part->first;
	s->left = n;
	return 1;
}

/* A write that failed has ended the request itself, but for one whose client is gone. */
static void failed(struct sending *s, int err)
{
	if (err == OURO_ECLOSED) {
		end(s);
		return;
	}
	s->req = NULL;
	let_go(s);
}

static void advance(struct sending *s)
{
	char text[PART_ROOM];
	int err = 0;

	while (!err && s->at < s->count)
		err = begin_part(s, &s->parts[s->at++]);
	if (err > 0) {
		go_on(s);
		return;
	}
	if (!err && s->several)
		err = write_text(s, text, last_line(s, text));
	if (err)
		failed(s, err);
	else
		end(s);
}

/* ---- The beginning ---- */

/* One that no file can be made to hold beforehand. */
static void choose_boundary(struct sending *s)
{
	uint64_t dice[2];

	if (getrandom(dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice)) {
		dice[0] = call_now(s->loop);
		dice[1] = (uint64_t)(uintptr_t)s;
	}
	snprintf(s->boundary, sizeof(s->boundary), "%016llx%016llx", (unsigned long long)dice[0],
		 (unsigned long long)dice[1]);
}

static struct sending *make(ouro_req *req, struct asset *asset, struct form *form,
			    struct site *site, const char *type)
{
	struct sending *s = ouro__alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->loop = req->http->loop;
	s->req = req;
	s->asset = ouro__asset_ref(asset);
	s->form = form;
	s->site = site ? ouro__site_ref(site) : NULL;
	strncpy(s->type, type, sizeof(s->type) - 1);
	s->file.warm = warm_as_told;
	return s;
}

static int start(struct sending *s, int status, const char *part_type)
{
	char type[64];
	int err = ouro_req_set_length(s->req, length_of(s));

	if (err)
		return err;
	snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s", s->boundary);
	ouro__filter_leave(s->req);
	return ouro_req_start(s->req, status, s->several ? type : part_type);
}

void ouro__static_send(ouro_req *req, struct asset *asset, struct form *form, struct site *site,
		       const char *type, const struct range *ranges, unsigned count)
{
	struct sending *s = make(req, asset, form, site, type);

	if (!s) {
		ouro_req_status(req, 503);
		return;
	}
	s->several = count > 1;
	s->count = count ? count : 1;
	if (count)
		memcpy(s->parts, ranges, count * sizeof(*ranges));
	else
		s->parts[0] = (struct range){ 0, form->size - 1 };
	if (s->several)
		choose_boundary(s);
	if (start(s, count ? 206 : 200, type)) { /* which has answered */
		s->req = NULL;
		let_go(s);
	} else if (req->parse.method == HTTP_HEAD) {
		end(s);
	} else {
		ouro_req_on_gone(req, on_gone, s);
		advance(s);
	}
}
