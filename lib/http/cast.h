/* cast.h -- bytes that many queues share: written once, counted, freed when the last queue lets go
 * of them. */
#ifndef OURO__CAST_H
#define OURO__CAST_H
#include "net/out.h"
#include "ouro/slow.h"

struct cast {
	unsigned refs;
	bool sheds;  /* may leave a queue unsent, to make room */
	size_t skip; /* where it begins for who reads without chunks, and as many bytes less two */
	size_t len;
	char bytes[];
};

/* One of yours, to be dropped; NULL: no memory. */
struct cast *ouro__cast_new(size_t len);
void ouro__cast_drop(struct cast *cast);

/* At the end of the queue: len bytes from `from` on. 0 or -ENOMEM. */
int ouro__cast_queue(struct cast *cast, struct out *out, struct net *net, size_t from, size_t len);

/* Takes the oldest that have not begun to leave out of the queue, until no more than `most` bytes
 * wait or there are no more of them. How many. */
size_t ouro__cast_shed(struct out *out, size_t most);

/* Makes room for len more bytes by the policy: 0, or OURO_EBUSY; *ret_missed: how many messages were
 * dropped for it. */
int ouro__slow_make_room(struct out *out, size_t len, size_t queue_max, ouro_slow slow,
			 size_t *ret_missed);
#endif
