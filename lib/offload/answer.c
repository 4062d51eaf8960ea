/* answer.c -- from a name to its addresses.
 *
 * getaddrinfo() is told that the socket will be a stream: it would give each address once a type of
 * socket otherwise. The same address twice (two lines in /etc/hosts) is left out here.
 *
 * One answer serves askers of different orders and ports, one after the other. Its second half is
 * where they are laid out for the one whose turn it is, so that an answer that has come can no
 * longer fail for want of memory. */
#include "offload/answer.h"
#include "base/alloc.h"
#include "ouro/error.h"
#include <errno.h>
#include <netdb.h>

int ouro__eai(int code)
{
	switch (code) {
	case 0:
		return 0;
	case EAI_SYSTEM:
		return errno ? -errno : OURO_EAI_FAIL;
#define SAME(name, number, text) \
	case name:               \
		return OURO_##name;
		OURO_EAI_ERRORS(SAME)
#undef SAME
	default:
		return OURO_EAI_FAIL;
	}
}

static struct answer *answer_new(size_t most)
{
	struct answer *answer = ouro__alloc(sizeof(*answer) + 2 * most * sizeof(ouro_addr));

	if (answer)
		answer->view = answer->addr + most;
	return answer;
}

static bool has(const struct answer *answer, const ouro_addr *addr)
{
	for (size_t i = 0; i < answer->count; i++)
		if (!memcmp(&answer->addr[i].sa, &addr->sa, sizeof(addr->sa)))
			return true;
	return false;
}

static void add(struct answer *answer, const ouro_addr *addr)
{
	if (!has(answer, addr))
		answer->addr[answer->count++] = *addr;
}

static bool is_address(const struct addrinfo *info)
{
	return info->ai_family == AF_INET || info->ai_family == AF_INET6;
}

static size_t count_addresses(const struct addrinfo *list)
{
	size_t n = 0;

	for (; list; list = list->ai_next)
		n += is_address(list);
	return n;
}

static void add_all(struct answer *answer, const struct addrinfo *list)
{
	for (; list; list = list->ai_next) {
		ouro_addr addr;

		if (!is_address(list))
			continue;
		memset(&addr, 0, sizeof(addr));
		addr.len = list->ai_addrlen;
		memcpy(&addr.sa, list->ai_addr, list->ai_addrlen);
		add(answer, &addr);
	}
}

int ouro__answer_ask(const char *name, int family, int flags, struct answer **ret_answer)
{
	struct addrinfo hints = { .ai_family = family,
				  .ai_flags = flags,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	size_t n;
	int err;

	errno = 0;
	err = ouro__eai(getaddrinfo(name, NULL, &hints, &list));
	if (err)
		return err;
	n = count_addresses(list);
	*ret_answer = n ? answer_new(n) : NULL;
	if (*ret_answer)
		add_all(*ret_answer, list);
	else
		err = n ? -ENOMEM : OURO_EAI_NODATA;
	freeaddrinfo(list);
	return err;
}

static void map_to_v6(ouro_addr *addr)
{
	struct in_addr v4 = addr->sa.v4.sin_addr;

	ouro_addr_parse("::ffff:0.0.0.0", 0, addr);
	memcpy(&addr->sa.v6.sin6_addr.s6_addr[12], &v4, sizeof(v4));
}

static void map_to_v4(ouro_addr *addr)
{
	struct in6_addr v6 = addr->sa.v6.sin6_addr;

	ouro_addr_parse("0.0.0.0", 0, addr);
	memcpy(&addr->sa.v4.sin_addr, &v6.s6_addr[12], sizeof(addr->sa.v4.sin_addr));
}

/* A literal of the one family for who wants the other, where getaddrinfo() would do it too. */
static int convert(ouro_addr *addr, int family, int flags)
{
	if (!family || addr->sa.any.sa_family == family)
		return 0;
	if (family == AF_INET6 && (flags & AI_V4MAPPED))
		map_to_v6(addr);
	else if (family == AF_INET && IN6_IS_ADDR_V4MAPPED(&addr->sa.v6.sin6_addr))
		map_to_v4(addr);
	else
		return OURO_EAI_ADDRFAMILY;
	return 0;
}

static int answer_literal(const ouro_addr *literal, int family, int flags,
			  struct answer **ret_answer)
{
	ouro_addr addr = *literal;
	int err = convert(&addr, family, flags);

	if (err)
		return err;
	*ret_answer = answer_new(1);
	if (!*ret_answer)
		return -ENOMEM;
	add(*ret_answer, &addr);
	return 0;
}

/* IPv4 first, whatever RFC 6724 has to say of ::1: it is there on every machine. */
static int answer_loopback(int family, struct answer **ret_answer)
{
	static const char *const names[] = { "127.0.0.1", "::1" };

	*ret_answer = answer_new(2);
	if (!*ret_answer)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		ouro_addr addr;

		ouro_addr_parse(names[i], 0, &addr);
		if (!family || addr.sa.any.sa_family == family)
			add(*ret_answer, &addr);
	}
	return 0;
}

int ouro__answer_at_once(const char *name, int family, int flags, struct answer **ret_answer)
{
	ouro_addr literal;

	*ret_answer = NULL;
	if (!*name)
		return answer_loopback(family, ret_answer);
	if (ouro_addr_parse(name, 0, &literal) == 0)
		return answer_literal(&literal, family, flags, ret_answer);
	return 0;
}

static bool is_early(const ouro_addr *addr, enum ouro_dns_order order)
{
	return order == OURO_DNS_AS_GIVEN ||
	       addr->sa.any.sa_family == (order == OURO_DNS_V4_FIRST ? AF_INET : AF_INET6);
}

static void set_port(ouro_addr *addr, uint16_t port)
{
	if (addr->sa.any.sa_family == AF_INET)
		addr->sa.v4.sin_port = htons(port);
	else
		addr->sa.v6.sin6_port = htons(port);
}

const ouro_addr *ouro__answer_view(struct answer *answer, enum ouro_dns_order order, uint16_t port)
{
	size_t n = 0;

	for (int early = 1; early >= 0; early--)
		for (size_t i = 0; i < answer->count; i++)
			if (is_early(&answer->addr[i], order) == early) {
				answer->view[n] = answer->addr[i];
				set_port(&answer->view[n++], port);
			}
	return answer->view;
}
