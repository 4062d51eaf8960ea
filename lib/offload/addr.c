/* addr.c -- addresses as text, and back. See ouro/dns.h.
 *
 * Only what stands for one address and nothing else is a literal here: inet_pton() takes no "127.1"
 * and no octal. getaddrinfo() does, so for a lookup those are names. The zone of an IPv6 address is
 * written as its number, which asks nobody: a log line a connection should cost no system call. */
#include "ouro/dns.h"
#include "ouro/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>

static bool parse_zone(const char *zone, uint32_t *ret_number)
{
	uint64_t number = ouro_str_u64(ouro_str_z(zone), UINT64_MAX);

	if (number <= UINT32_MAX)
		*ret_number = (uint32_t)number;
	else
		*ret_number = if_nametoindex(zone);
	return number <= UINT32_MAX || *ret_number;
}

static bool parse_v6(const char *text, struct sockaddr_in6 *sa)
{
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	if (inet_pton(AF_INET6, host, &sa->sin6_addr) != 1)
		return false;
	return !percent || parse_zone(percent + 1, &sa->sin6_scope_id);
}

int ouro_addr_parse(const char *text, uint16_t port, ouro_addr *ret_addr)
{
	ouro_addr addr;

	memset(&addr, 0, sizeof(addr));
	if (inet_pton(AF_INET, text, &addr.sa.v4.sin_addr) == 1) {
		addr.len = sizeof(addr.sa.v4);
		addr.sa.v4.sin_family = AF_INET;
		addr.sa.v4.sin_port = htons(port);
	} else if (parse_v6(text, &addr.sa.v6)) {
		addr.len = sizeof(addr.sa.v6);
		addr.sa.v6.sin6_family = AF_INET6;
		addr.sa.v6.sin6_port = htons(port);
	} else {
		return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

const char *ouro_addr_text(const ouro_addr *addr, char *text, size_t room)
{
	char host[INET6_ADDRSTRLEN] = "?", zone[sizeof("%4294967295")] = "";

	if (addr->sa.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &addr->sa.v4.sin_addr, host, sizeof(host));
	} else if (addr->sa.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &addr->sa.v6.sin6_addr, host, sizeof(host));
		if (addr->sa.v6.sin6_scope_id)
			snprintf(zone, sizeof(zone), "%%%" PRIu32, addr->sa.v6.sin6_scope_id);
	}
	snprintf(text, room, "%s%s", host, zone);
	return text;
}

uint16_t ouro_addr_port(const ouro_addr *addr)
{
	switch (addr->sa.any.sa_family) {
	case AF_INET:
		return ntohs(addr->sa.v4.sin_port);
	case AF_INET6:
		return ntohs(addr->sa.v6.sin6_port);
	default:
		return 0;
	}
}
