/* peers.c -- a hash table of counters that grows, and is as small as the number of hosts. See
 * peers.h. */
#include "net/peers.h"
#include "base/alloc.h"
#include "ouro/error.h"
#include <errno.h>
#include <sys/random.h>

#define FIRST_ROOM 16

/* False: addresses of that family are not counted. */
static bool identify(const ouro_addr *addr, uint64_t *ret_high, uint64_t *ret_low)
{
	if (addr->sa.any.sa_family == AF_INET) {
		*ret_high = 0;
		*ret_low = addr->sa.v4.sin_addr.s_addr;
	} else if (addr->sa.any.sa_family == AF_INET6) {
		memcpy(ret_high, &addr->sa.v6.sin6_addr, sizeof(*ret_high));
		*ret_low = UINT64_C(1) << 63 | addr->sa.v6.sin6_scope_id;
	} else {
		return false;
	}
	return true;
}

static struct peer **bucket_of(const struct peers *peers, uint64_t high, uint64_t low)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)(high ^ peers->key[0]) * (low ^ peers->key[1]);
	uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);

	return &peers->buckets[hash & (peers->room - 1)];
}

static struct peer *find(const struct peers *peers, uint64_t high, uint64_t low)
{
	struct peer *peer = peers->room ? *bucket_of(peers, high, low) : NULL;

	while (peer && (peer->high != high || peer->low != low))
		peer = peer->next;
	return peer;
}

/* A chance that cannot be had at once is made up for by the addresses of the heap and of the
 * stack. */
static void choose_key(struct peers *peers)
{
	if (getrandom(peers->key, sizeof(peers->key), GRND_NONBLOCK) != sizeof(peers->key)) {
		peers->key[0] = (uint64_t)(uintptr_t)peers * UINT64_C(0x9e3779b97f4a7c15);
		peers->key[1] = (uint64_t)(uintptr_t)&peers * UINT64_C(0xbf58476d1ce4e5b9);
	}
}

/* Room for one more. A table that cannot grow goes on as it is, and gets slower. */
static bool make_room(struct peers *peers)
{
	struct peers wider = { .room = peers->room ? peers->room * 2 : FIRST_ROOM };

	if (peers->count < peers->room)
		return true;
	wider.buckets = ouro__alloc(wider.room * sizeof(struct peer *));
	if (!wider.buckets)
		return peers->room > 0;
	wider.count = peers->count;
	choose_key(&wider);
	for (uint32_t i = 0; i < peers->room; i++) {
		struct peer *peer = peers->buckets[i];

		while (peer) {
			struct peer *next = peer->next;
			struct peer **bucket = bucket_of(&wider, peer->high, peer->low);

			peer->next = *bucket;
			*bucket = peer;
			peer = next;
		}
	}
	ouro__free(peers->buckets);
	*peers = wider;
	return true;
}

int ouro__peers_enter(struct peers *peers, const ouro_addr *addr, unsigned most,
		      struct peer **ret_peer)
{
	uint64_t high, low;
	struct peer *peer, **bucket;

	*ret_peer = NULL;
	if (!identify(addr, &high, &low))
		return 0;
	peer = find(peers, high, low);
	if (!peer) {
		peer = make_room(peers) ? ouro__alloc(sizeof(*peer)) : NULL;
		if (!peer)
			return -ENOMEM;
		bucket = bucket_of(peers, high, low);
		*peer = (struct peer){ .next = *bucket, .high = high, .low = low };
		*bucket = peer;
		peers->count++;
	}
	if (peer->count >= most)
		return OURO_EBUSY;
	peer->count++;
	*ret_peer = peer;
	return 0;
}

void ouro__peers_leave(struct peers *peers, struct peer *peer)
{
	struct peer **at;

	if (!peer || --peer->count)
		return;
	at = bucket_of(peers, peer->high, peer->low);
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	ouro__free(peer);
	peers->count--;
}

void ouro__peers_free(struct peers *peers)
{
	for (uint32_t i = 0; i < peers->room; i++) {
		struct peer *peer = peers->buckets[i];

		while (peer) {
			struct peer *next = peer->next;

			ouro__free(peer);
			peer = next;
		}
	}
	ouro__free(peers->buckets);
	*peers = (struct peers){ 0 };
}
