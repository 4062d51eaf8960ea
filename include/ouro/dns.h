/* dns.h -- names to addresses and back, on the pool's lane for names.
 *
 * As getaddrinfo(3) and getnameinfo(3) do it, so /etc/hosts, mDNS and whatever else the machine is
 * told to ask are asked. What pool.h says of every operation is true of these. All of it on the
 * loop's thread. */
#ifndef OURO_DNS_H
#define OURO_DNS_H
#include "ouro/addr.h"
#include "ouro/pool.h"
OURO_BEGIN

enum ouro_dns_order {
	OURO_DNS_AS_GIVEN, /* in getaddrinfo's order, RFC 6724 */
	OURO_DNS_V4_FIRST, /* and these two: else as given */
	OURO_DNS_V6_FIRST
};

typedef struct ouro_dns_opts {
	int                 family; /* AF_INET or AF_INET6; 0: both */
	int                 flags;  /* of netdb.h: AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL; 0: none */
	enum ouro_dns_order order;  /* OURO_DNS_AS_GIVEN */
	uint16_t            port;   /* put into each address; 0: 0 */
	unsigned            timeout_ms; /* as by ouro_op_timeout(); 0: no limit */
} ouro_dns_opts;

/* Every address once, at least one when err is 0; borrowed until the callback returns. Below 0,
 * with no address: OURO_EAI_NONAME (no such name), OURO_EAI_AGAIN (ask later) and the others of
 * error.h, or -errno, -EINVAL for an order that is none. */
typedef void ouro_dns_fn(int err, const ouro_addr *addrs, size_t count, void *arg);

/* Looks name up; opts NULL: all defaults.
 *
 * Answered without the pool, later all the same: a literal ("127.0.0.1", "::1", "fe80::1%eth0"; not
 * "[::1]"), which is OURO_EAI_ADDRFAMILY when another family was asked for; the empty name (NULL
 * too), which is this machine, 127.0.0.1 and then ::1; and more than 1024 letters, which are
 * nobody's name. All else is what getaddrinfo says it is.
 *
 * Lookups of one name, large letters or small, with the same family and flags, that are under way
 * at once, are one question to the pool, answered to all in the order of asking. Each is cancelled
 * and timed out by itself, also while the question is running: to its asker it still waits. A
 * question that nobody waits for any more is taken back; when it runs already, which cannot be
 * interrupted, its thread counts as stuck and its result is dropped. */
OURO_API ouro_op ouro_dns_lookup(ouro_loop *loop, const char *name, const ouro_dns_opts *opts,
				 ouro_dns_fn *fn, void *arg);

/* The host's name and the service's (over TCP) of an address: "localhost", "http"; numbers when
 * they have none. Borrowed until the callback returns; "" when err is below 0, which is as for a
 * lookup. For messages its path is the address as text. */
typedef void     ouro_dns_name_fn(int err, const char *host, const char *service, void *arg);
OURO_API ouro_op ouro_dns_reverse(ouro_loop *loop, const ouro_addr *addr, ouro_dns_name_fn *fn,
				  void *arg);

/* Keep answers for so many seconds (getaddrinfo does not tell how long they are good for): whoever
 * asks again meanwhile gets them without the pool. 0, as it is from the start: keep none, and
 * forget those that were kept. OURO_NEVER: never forget for their age. At most 256 are kept, the
 * newest; failures are not. 0 or -ENOMEM; OURO_ECLOSED when the loop is ending. */
OURO_API int ouro_dns_keep(ouro_loop *loop, unsigned seconds);
OURO_END
#endif
