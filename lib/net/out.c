/* out.c -- queueing bytes, and handing them to the kernel. See out.h.
 *
 * Most queues hold one piece, for one short answer: that goes by send(), which is cheaper than
 * sendmsg(), and its page is back on the free list a few instructions later. What is longer than a
 * page is copied into one block of its own, so that a large answer is a handful of pieces and a
 * copy needs at most one allocation: it succeeds or changes nothing.
 *
 * A range of a file is a piece without bytes. Memory is gathered up to the first of them, and when
 * all before it has left the kernel is told to send from there.
 *
 * A release may add to the queue, another release among the rest, so whoever walks the queue to
 * release stops at the piece that was the last when it began. */
#include "net/out.h"
#include "base/alloc.h"
#include "ouro/error.h"
#include "sys/sendfile.h"
#include "sys/sock.h"
#include <errno.h>

#define VECTORS    64
#define SPARE_KEPT 256

/* Adding. */

static void add(struct out *out, struct out_piece *piece)
{
	piece->next = NULL;
	if (out->last)
		out->last->next = piece;
	else
		out->first = piece;
	out->last = piece;
	out->queued += piece->len;
}

bool ouro__out_add_page(struct out *out, struct net *net)
{
	struct page *page = ouro__page_take(net);
	struct out_piece *piece;

	if (!page)
		return false;
	piece = (struct out_piece *)(void *)page->bytes;
	piece->at = page->bytes + sizeof(*piece);
	piece->len = 0;
	piece->room = OUT_PAGE_ROOM;
	piece->page = page;
	piece->borrowed = false;
	piece->file = NULL;
	add(out, piece);
	return true;
}

static bool add_block(struct out *out, const char *bytes, size_t n)
{
	struct out_piece *piece =
		n < SIZE_MAX - sizeof(*piece) ? ouro__realloc(NULL, sizeof(*piece) + n) : NULL;

	if (!piece)
		return false;
	*piece = (struct out_piece){ .at = (char *)(piece + 1), .len = n };
	memcpy(piece + 1, bytes, n);
	add(out, piece);
	return true;
}

static void append(struct out *out, const char *bytes, size_t n)
{
	struct out_piece *last = out->last;

	memcpy(last->page->bytes + PAGE_ROOM - last->room, bytes, n);
	ouro__out_used(out, n);
}

int ouro__out_copy(struct out *out, struct net *net, const void *bytes, size_t n)
{
	struct out_piece *last = out->last;
	size_t fits = last && last->room < n ? last->room : last ? n : 0;
	const char *rest;

	if (!n)
		return 0;
	rest = (const char *)bytes + fits;
	if (n - fits > OUT_PAGE_ROOM) {
		if (!add_block(out, rest, n - fits))
			return -ENOMEM;
	} else if (n > fits) {
		if (!ouro__out_add_page(out, net))
			return -ENOMEM;
		append(out, rest, n - fits);
	}
	if (!fits)
		return 0;
	memcpy(last->page->bytes + PAGE_ROOM - last->room, bytes, fits);
	last->len += fits;
	last->room -= fits;
	out->queued += fits;
	return 0;
}

static struct out_piece *take_spare(struct net *net)
{
	struct out_piece *piece = net->spare;

	if (!piece)
		return ouro__realloc(NULL, sizeof(*piece));
	net->spare = piece->next;
	net->spare_count--;
	return piece;
}

int ouro__out_borrow(struct out *out, struct net *net, const void *bytes, size_t n,
		     out_release_fn *fn, void *arg)
{
	struct out_piece *piece = take_spare(net);

	if (!piece)
		return -ENOMEM;
	*piece = (struct out_piece){
		.at = n ? bytes : "", .len = n, .fn = fn, .arg = arg, .borrowed = true
	};
	add(out, piece);
	return 0;
}

int ouro__out_file(struct out *out, struct net *net, struct out_file *file, size_t n,
		   out_release_fn *fn, void *arg)
{
	struct out_piece *piece = take_spare(net);

	if (!piece)
		return -ENOMEM;
	*piece = (struct out_piece){
		.at = "", .len = n, .fn = fn, .arg = arg, .borrowed = true, .file = file
	};
	add(out, piece);
	return 0;
}

/* Taking out. */

static void give_spare(struct net *net, struct out_piece *piece)
{
	if (net->spare_count >= SPARE_KEPT) {
		ouro__free(piece);
		return;
	}
	piece->next = net->spare;
	net->spare = piece;
	net->spare_count++;
}

void ouro__out_end(struct net *net)
{
	while (net->spare) {
		struct out_piece *piece = net->spare;

		net->spare = piece->next;
		ouro__free(piece);
	}
}

/* The first piece is done with. */
static void shift(struct out *out, struct net *net, int err)
{
	struct out_piece *piece = out->first;

	out->first = piece->next;
	if (!out->first)
		out->last = NULL;
	out->queued -= piece->len;
	if (piece->borrowed) {
		out_release_fn *fn = piece->fn;
		void *arg = piece->arg;

		give_spare(net, piece);
		if (fn)
			fn(err, arg);
	} else if (piece->page) {
		ouro__page_give(net, piece->page);
	} else {
		ouro__free(piece);
	}
}

/* n bytes have left. What is empty and comes next goes with them. */
static void leave(struct out *out, struct net *net, size_t n)
{
	const struct out_piece *end = out->last;
	bool more = end != NULL;

	while (more) {
		struct out_piece *piece = out->first;
		size_t gone = n < piece->len ? n : piece->len;

		piece->at += piece->file ? 0 : gone;
		piece->len -= gone;
		out->queued -= gone;
		n -= gone;
		if (piece->len)
			return;
		more = piece != end;
		shift(out, net, 0);
	}
}

void ouro__out_drop(struct out *out, struct net *net, int err)
{
	while (out->first)
		shift(out, net, err);
}

/* Sending. */

/* One system call's worth of the memory that is queued behind `skip` bytes, no more than `most`.
 * How many bytes those are. */
static size_t gather(const struct out *out, size_t skip, struct iovec *iov, size_t most,
		     size_t *ret_count)
{
	size_t count = 0, sum = 0;

	for (const struct out_piece *p = out->first; p && !p->file && count < VECTORS && sum < most;
	     p = p->next) {
		size_t over = skip < p->len ? skip : p->len;
		size_t len = p->len - over < most - sum ? p->len - over : most - sum;

		skip -= over;
		if (!len)
			continue;
		iov[count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)(p->at + over),
					       .iov_len = len };
		sum += len;
	}
	*ret_count = count;
	return sum;
}

/* The range of a file that is next when so many bytes of memory have left; NULL: none is. */
static struct out_piece *next_file(const struct out *out, size_t memory)
{
	struct out_piece *p = out->first;

	while (p && !p->file && p->len <= memory) {
		memory -= p->len;
		p = p->next;
	}
	return p && p->file && !memory ? p : NULL;
}

/* How many bytes left; or -errno, OUT_COLD, OURO_EOF. */
static ssize_t send_file(const struct out_piece *piece, int fd)
{
	size_t most = piece->len < OUT_AT_ONCE ? piece->len : OUT_AT_ONCE;
	size_t n = piece->file->warm(piece->file, most);
	ssize_t sent = n ? ouro__sendfile(fd, piece->file->fd, &piece->file->at, n) : OUT_COLD;

	return sent ? sent : OURO_EOF;
}

/* Is it the file, and not the socket? */
static bool is_of_file(ssize_t err)
{
	return err == OUT_COLD || err == OURO_EOF || err == -EIO || err == -EINVAL ||
	       err == -EOVERFLOW;
}

/* The file is at the head of the queue by now. How many bytes left; or -errno, of the socket. */
static ssize_t leave_file(struct out *out, struct net *net, ssize_t sent)
{
	if (sent >= 0) {
		leave(out, net, (size_t)sent);
		return sent;
	}
	if (is_of_file(sent))
		shift(out, net, (int)sent);
	else if (sent != -EAGAIN)
		return sent;
	return 0;
}

/* The long way: several pieces, or more than one call may take, or a file. Nothing is released
 * before the last call, so that whoever is told may close the descriptor. */
static ssize_t flush_many(struct out *out, struct net *net, int fd)
{
	size_t total = 0, wanted, count;
	struct iovec iov[VECTORS];
	const struct out_piece *file;
	ssize_t sent = 0, of_file = 0;

	do {
		wanted = gather(out, total, iov, OUT_AT_ONCE - total, &count);
		file = next_file(out, total + wanted);
		if (wanted)
			sent = file ? ouro__sock_sendv_more(fd, iov, count)
				    : ouro__sock_sendv(fd, iov, count);
		total += sent > 0 ? (size_t)sent : 0;
	} while (!file && sent == (ssize_t)wanted && total < out->queued && total < OUT_AT_ONCE);
	if (sent < 0 && sent != -EAGAIN && !total)
		return sent; /* else it comes again, when there is nothing better to tell */
	if (file && sent == (ssize_t)wanted)
		of_file = send_file(file, fd);
	leave(out, net, total);
	if (of_file)
		of_file = leave_file(out, net, of_file);
	return of_file < 0 && !total ? of_file : (ssize_t)total + (of_file > 0 ? of_file : 0);
}

ssize_t ouro__out_flush(struct out *out, struct net *net, int fd)
{
	struct out_piece *first = out->first;
	ssize_t sent;

	if (!out->queued) {
		leave(out, net, 0);
		return 0;
	}
	if (first->next || first->len > OUT_AT_ONCE || first->file)
		return flush_many(out, net, fd);
	sent = ouro__sock_send(fd, first->at, first->len);
	if (sent < 0)
		return sent == -EAGAIN ? 0 : sent;
	if ((size_t)sent == first->len && first->page) { /* nearly always */
		*out = (struct out){ NULL, NULL, 0 };
		ouro__page_give(net, first->page);
		return sent;
	}
	leave(out, net, (size_t)sent);
	return sent;
}

/* What the kernel did not take is queued before anything is released: a release may add more, and
 * that belongs behind it. */
ssize_t ouro__out_send(struct out *out, struct net *net, int fd, const void *bytes, size_t n)
{
	struct iovec iov[VECTORS + 1];
	size_t count, most = OUT_AT_ONCE, sum = gather(out, 0, iov, most, &count), own = 0;
	ssize_t sent;
	int err;

	if (sum == out->queued)
		own = n < most - sum ? n : most - sum;
	if (own)
		iov[count++] =
			(struct iovec){ .iov_base = (void *)(uintptr_t)bytes, .iov_len = own };
	if (!count) {
		err = ouro__out_copy(out, net, bytes, n);
		return err ? err : ouro__out_flush(out, net, fd);
	}
	sent = count == 1 ? ouro__sock_send(fd, iov[0].iov_base, iov[0].iov_len)
			  : ouro__sock_sendv(fd, iov, count);
	if (sent == -EAGAIN)
		sent = 0;
	if (sent < 0)
		return sent;
	own = (size_t)sent > sum ? (size_t)sent - sum : 0;
	err = ouro__out_copy(out, net, (const char *)bytes + own, n - own);
	leave(out, net, (size_t)sent - own);
	return err ? err : sent;
}
