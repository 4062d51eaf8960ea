/* peers.h -- how many connections each host has, for a cap on them.
 *
 * An IPv6 host is its network of 64 bits: whoever has one address of it has them all. Unix sockets
 * are not counted. The table is keyed by chance, so that nobody can choose addresses that make it
 * slow. */
#ifndef OURO__PEERS_H
#define OURO__PEERS_H
#include "ouro/addr.h"

struct peer {
	struct peer *next;
	uint64_t high, low;
	unsigned count;
};

/* Zeroed memory is an empty table. */
struct peers {
	struct peer **buckets;
	uint32_t room, count;
	uint64_t key[2];
};

/* One more from that address. 0, and *ret_peer is what leave wants: NULL when it is not counted;
 * OURO_EBUSY: it has `most` already; -ENOMEM. */
int ouro__peers_enter(struct peers *peers, const ouro_addr *addr, unsigned most,
		      struct peer **ret_peer);

/* One less. NULL: nothing. */
void ouro__peers_leave(struct peers *peers, struct peer *peer);

void ouro__peers_free(struct peers *peers);
#endif
