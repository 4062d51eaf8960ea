/* dns.h -- names to addresses and back, on the pool's lane for names.
 *
 * As getaddrinfo(3) and getnameinfo(3) do it, so /etc/hosts, mDNS and whatever else the machine is
 * told to ask are asked. They cannot be interrupted: cancelled or timed out, a lookup is answered
 * at once and its late result dropped. */
#ifndef OURO_DNS_H
#define OURO_DNS_H
#include "ouro/pool.h"
#include <netinet/in.h>
#include <sys/socket.h>
OURO_BEGIN

/* One address with its port, ready for connect(2) and bind(2). */
typedef struct ouro_addr {
	socklen_t len;
	union {
		struct sockaddr         any;
		struct sockaddr_in      v4;
		struct sockaddr_in6     v6;
		struct sockaddr_storage room;
	} sa;
} ouro_addr;

enum ouro_dns_order {
	OURO_DNS_AS_GIVEN, /* in getaddrinfo's order, RFC 6724 */
	OURO_DNS_V4_FIRST,
	OURO_DNS_V6_FIRST
};

typedef struct ouro_dns_opts {
	int                 family;     /* AF_INET or AF_INET6; 0: both */
	int                 flags;      /* AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL; 0: none */
	enum ouro_dns_order order;      /* OURO_DNS_AS_GIVEN */
	uint16_t            port;       /* put into each address; 0: 0 */
	unsigned            timeout_ms; /* then OURO_ETIMEOUT; 0: none */
} ouro_dns_opts;

/* Every address once, at least one when err is 0; borrowed until the callback returns. Below 0:
 * OURO_EAI_NONAME (no such name), OURO_EAI_AGAIN (ask later) and the others of error.h, or -errno. */
typedef void ouro_dns_fn(int err, const ouro_addr *addrs, size_t count, void *arg);

/* A literal address, and the empty name (NULL too), which means this machine, are answered without
 * the pool, later all the same. Lookups of one name with the same options that are under way at
 * once are one question; each is cancelled by itself. opts NULL: all defaults. */
OURO_API ouro_op ouro_dns_lookup(ouro_loop *loop, const char *name, const ouro_dns_opts *opts,
				 ouro_dns_fn *fn, void *arg);

/* The host's name and the service's of an address: "localhost", "http"; numbers when they have
 * none. Borrowed until the callback returns. */
typedef void     ouro_dns_name_fn(int err, const char *host, const char *service, void *arg);
OURO_API ouro_op ouro_dns_reverse(ouro_loop *loop, const ouro_addr *addr, ouro_dns_name_fn *fn,
				  void *arg);

/* Keep answers for so many seconds (getaddrinfo does not tell how long they are good for): whoever
 * asks again meanwhile gets them without the pool. 0, as it is from the start: keep none, and
 * forget those that were kept. At most 256 names are kept, failures are not. 0 or -ENOMEM. */
OURO_API int ouro_dns_keep(ouro_loop *loop, unsigned seconds);

/* The address as text, "127.0.0.1" or "::1", into room of 46 bytes (INET6_ADDRSTRLEN) at least. And
 * the other way: a literal; -EINVAL when it is none. Neither looks anything up. */
OURO_API const char *ouro_addr_text(const ouro_addr *addr, char *text, size_t room);
OURO_API int         ouro_addr_parse(const char *text, uint16_t port, ouro_addr *ret_addr);
OURO_API uint16_t    ouro_addr_port(const ouro_addr *addr);
OURO_END
#endif
