/* addr.c -- addresses as text, and back. See ouro/addr.h.
 *
 * Only what stands for one address and nothing else is a literal here: inet_pton() takes no "127.1"
 * and no octal. getaddrinfo() does, so for a lookup those are names. The zone of an IPv6 address is
 * written as its number, which asks nobody: a log line a connection should cost no system call. */
#include "ouro/addr.h"
#include "ouro/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>

#define UNIX_NAME offsetof(struct sockaddr_un, sun_path)

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

int ouro_addr_unix(const char *path, ouro_addr *ret_addr)
{
	size_t len = strlen(path);
	ouro_addr addr;

	if (!len || !strcmp(path, "@"))
		return -EINVAL;
	if (len >= sizeof(addr.sa.un.sun_path))
		return -ENAMETOOLONG;
	memset(&addr, 0, sizeof(addr));
	addr.sa.un.sun_family = AF_UNIX;
	memcpy(addr.sa.un.sun_path, path, len);
	addr.len = (socklen_t)(UNIX_NAME + len + (*path != '@'));
	if (*path == '@')
		addr.sa.un.sun_path[0] = 0;
	*ret_addr = addr;
	return 0;
}

/* The kernel counts the zero at the end of a path, mostly; an abstract name has none. */
static size_t unix_length(const ouro_addr *addr)
{
	size_t len = addr->len > UNIX_NAME ? addr->len - UNIX_NAME : 0;
	const char *path = addr->sa.un.sun_path;

	if (len > sizeof(addr->sa.un.sun_path))
		len = sizeof(addr->sa.un.sun_path);
	return len && *path ? strnlen(path, len) : len;
}

static void unix_text(const ouro_addr *addr, char *text, size_t room)
{
	char name[sizeof(addr->sa.un.sun_path) + 1];
	size_t len = unix_length(addr);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)addr->sa.un.sun_path[i];

		name[i] = (char)(!c ? '@' : c < ' ' || c == 0x7f ? '?' : c);
	}
	name[len] = 0;
	snprintf(text, room, "unix:%s", name);
}

const char *ouro_addr_text(const ouro_addr *addr, char *text, size_t room)
{
	char host[INET6_ADDRSTRLEN] = "?", zone[sizeof("%4294967295")] = "";

	if (addr->sa.any.sa_family == AF_UNIX) {
		unix_text(addr, text, room);
		return text;
	}
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

bool ouro_addr_same_host(const ouro_addr *a, const ouro_addr *b)
{
	if (a->sa.any.sa_family != b->sa.any.sa_family)
		return false;
	switch (a->sa.any.sa_family) {
	case AF_INET:
		return a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
	case AF_INET6:
		return a->sa.v6.sin6_scope_id == b->sa.v6.sin6_scope_id &&
		       IN6_ARE_ADDR_EQUAL(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr);
	case AF_UNIX:
		return unix_length(a) == unix_length(b) &&
		       !memcmp(a->sa.un.sun_path, b->sa.un.sun_path, unix_length(a));
	default:
		return false;
	}
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
