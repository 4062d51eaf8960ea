/* origin.c -- see origin.h. */
#include "net/origin.h"
#include <string.h>

bool ouro__origin_note(struct origin *origin, const ouro_addr *addr)
{
	*origin = (struct origin){ .family = addr->sa.any.sa_family };
	if (origin->family == AF_INET) {
		origin->port = addr->sa.v4.sin_port;
		memcpy(origin->addr, &addr->sa.v4.sin_addr, sizeof(addr->sa.v4.sin_addr));
	} else if (origin->family == AF_INET6) {
		origin->port = addr->sa.v6.sin6_port;
		origin->scope = addr->sa.v6.sin6_scope_id;
		memcpy(origin->addr, &addr->sa.v6.sin6_addr, sizeof(addr->sa.v6.sin6_addr));
	}
	return origin->family == AF_INET || origin->family == AF_INET6 ||
	       addr->len <= sizeof(addr->sa.any.sa_family);
}

void ouro__origin_addr(const struct origin *origin, ouro_addr *ret_addr)
{
	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->sa.any.sa_family = origin->family;
	ret_addr->len = sizeof(ret_addr->sa.any.sa_family);
	if (origin->family == AF_INET) {
		ret_addr->len = sizeof(ret_addr->sa.v4);
		ret_addr->sa.v4.sin_port = origin->port;
		memcpy(&ret_addr->sa.v4.sin_addr, origin->addr, sizeof(ret_addr->sa.v4.sin_addr));
	} else if (origin->family == AF_INET6) {
		ret_addr->len = sizeof(ret_addr->sa.v6);
		ret_addr->sa.v6.sin6_port = origin->port;
		ret_addr->sa.v6.sin6_scope_id = origin->scope;
		memcpy(&ret_addr->sa.v6.sin6_addr, origin->addr, sizeof(ret_addr->sa.v6.sin6_addr));
	}
}
