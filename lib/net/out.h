/* out.h -- bytes on their way to a peer that takes them when it likes.
 *
 * A queue of pieces: pages that hold copies, borrowed bytes that are released when they are sent or
 * dropped, and ranges of files that the kernel sends by itself. Nothing here watches a descriptor
 * or calls a user; the owner flushes at the end of its event, or of the turn (loop/flush.h), and
 * when the descriptor is writable. */
#ifndef OURO__OUT_H
#define OURO__OUT_H
#include "net/pages.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* err 0: the kernel has taken all of it; below 0: it was dropped. Called once, from the flush
 * (after its last system call) or the drop; it may add to the queue, but not flush or drop it. */
typedef void out_release_fn(int err, void *arg);

/* Lies at the beginning of its page, before the bytes; of a block of its own, when they are more
 * than a page has room for; or alone, when they are borrowed. */
struct out_piece {
	struct out_piece *next;
	const char *at; /* the first byte that has not left */
	size_t len;     /* how many have not */
	size_t room;    /* free behind them; 0 but in a page */
	struct page *page;
	out_release_fn *fn; /* borrowed: NULL when nobody wants to know */
	void *arg;
	bool borrowed;
	struct out_file *file; /* where they are; NULL: in memory */
};

#define OUT_PAGE_ROOM (PAGE_ROOM - sizeof(struct out_piece))

struct out {
	struct out_piece *first, *last;
	size_t queued; /* bytes */
};

/* Zeroed memory is an empty queue. */

static inline bool out_is_empty(const struct out *out)
{
	return !out->queued && !out->first;
}

/* A new page at the end, with OUT_PAGE_ROOM; false: no memory. */
bool ouro__out_add_page(struct out *out, struct net *net);

/* Room for n bytes in a row at the end, 1 to OUT_RUN; NULL: no memory. They count when out_used()
 * says how many were written; nothing else may be asked of the queue in between. */
#define OUT_RUN 2048
static inline char *ouro__out_room(struct out *out, struct net *net, size_t n)
{
	if (!out->last || out->last->room < n)
		if (!ouro__out_add_page(out, net))
			return NULL;
	return out->last->page->bytes + PAGE_ROOM - out->last->room;
}

static inline void ouro__out_used(struct out *out, size_t n)
{
	out->last->len += n;
	out->last->room -= n;
	out->queued += n;
}

/* All of it, or -ENOMEM with the queue as it was. */
int ouro__out_copy(struct out *out, struct net *net, const void *bytes, size_t n);

/* Not copied: must stay until fn is called (fn NULL: for ever). n may be 0: fn tells when all
 * before it has left. 0 or -ENOMEM. */
int ouro__out_borrow(struct out *out, struct net *net, const void *bytes, size_t n,
		     out_release_fn *fn, void *arg);

/* A range of a file, on its way without a copy in our memory. The loop may not wait for a disk, so
 * just before each part of it is sent warm() says how many of the next `most` bytes the kernel has
 * in memory. When it has none the piece leaves the queue with its rest unsent, and fn is told
 * OUT_COLD: who comes back with the bytes comes back by one of the calls above. */
struct out_file {
	int fd;
	off_t at; /* the first byte that has not left */
	size_t (*warm)(struct out_file *file, size_t most);
};
#define OUT_COLD (-5001)

/* n bytes, not 0, from file->at on. fn as above, and besides: OUT_COLD; OURO_EOF: the file ends
 * before; -EIO and the like: it cannot be sent so. 0 or -ENOMEM. */
int ouro__out_file(struct out *out, struct net *net, struct out_file *file, size_t n,
		   out_release_fn *fn, void *arg);

/* One system call (several for what does not fit in one; never more than OUT_AT_ONCE bytes, so that
 * one fast peer cannot keep the loop). Answers how many bytes left, 0 when the kernel takes none
 * now; or -errno, and the queue is as it was. SIGPIPE never. */
#define OUT_AT_ONCE (1u << 20)
ssize_t ouro__out_flush(struct out *out, struct net *net, int fd);

/* As flush with `bytes` behind all that is queued, which are copied only as far as the kernel did
 * not take them: for what is too large to be copied in vain. 0 or more: how many bytes left;
 * -errno: nothing left and nothing was added; but for -ENOMEM: there is no room for what the
 * kernel did not take, some may have left, and the connection is of no more use. */
ssize_t ouro__out_send(struct out *out, struct net *net, int fd, const void *bytes, size_t n);

/* Empties it; every release is told err. */
void ouro__out_drop(struct out *out, struct net *net, int err);

/* The net ends. */
void ouro__out_end(struct net *net);
#endif
