/* resolver.h -- the machine's resolver, in the hands of a test.
 *
 * getaddrinfo() and getnameinfo() are defined here, and libouro.a takes these: so a test knows what
 * was asked, how often, and what is answered when. A name that begins with "slow" waits at a gate
 * until it is let through. A name that is in no table is the real resolver's. */
#ifndef RESOLVER_H
#define RESOLVER_H
#include "kit.h"
#include "ouro/dns.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <strings.h>

/* What a name has: addresses, "unix" being one that no lookup wants, or getaddrinfo's word for why
 * it has none. */
static const struct host {
	const char *name;
	const char *addrs[6];
	int code, error;
} hosts[] = {
	{ "one.test", .addrs = { "192.0.2.1" } },
	{ "both.test", .addrs = { "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2" } },
	{ "twice.test",
	  .addrs = { "192.0.2.1", "2001:db8::1", "192.0.2.1", "192.0.2.2", "2001:db8::1" } },
	{ "mixed.test", .addrs = { "unix", "192.0.2.1", "unix" } },
	{ "unix.test", .addrs = { "unix" } },
	{ "slow.test", .addrs = { "192.0.2.7" } },
	{ "slow2.test", .addrs = { "192.0.2.8" } },
	{ "slow3.test", .addrs = { "192.0.2.9" } },
	{ "gone.test", .code = EAI_NONAME },
	{ "slowgone.test", .code = EAI_NONAME },
	{ "family.test", .code = EAI_ADDRFAMILY },
	{ "again.test", .code = EAI_AGAIN },
	{ "flags.test", .code = EAI_BADFLAGS },
	{ "fail.test", .code = EAI_FAIL },
	{ "families.test", .code = EAI_FAMILY },
	{ "memory.test", .code = EAI_MEMORY },
	{ "nodata.test", .code = EAI_NODATA },
	{ "overflow.test", .code = EAI_OVERFLOW },
	{ "service.test", .code = EAI_SERVICE },
	{ "socktype.test", .code = EAI_SOCKTYPE },
	{ "system.test", .code = EAI_SYSTEM, .error = EMFILE },
	{ "silent.test", .code = EAI_SYSTEM },
	{ "unheard.test", .code = -12345 },
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned asked;        /* questions so far, the real resolver's too */
	unsigned waiting;      /* of them: at the gate */
	unsigned tickets;      /* so many may go through */
	char names[1024];      /* what was asked for, a space between two */
	struct addrinfo hints; /* of the last question */
} resolver = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static inline const struct host *host_of(const char *name)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (!strcasecmp(hosts[i].name, name))
			return &hosts[i];
	return NULL;
}

/* From the test: so many that wait, or will, go on. */
static inline void let_through(unsigned n)
{
	pthread_mutex_lock(&resolver.lock);
	resolver.tickets += n;
	pthread_cond_broadcast(&resolver.changed);
	pthread_mutex_unlock(&resolver.lock);
}

/* From the test: goes on when so many wait at the gate. */
static inline void until_waiting(unsigned n)
{
	pthread_mutex_lock(&resolver.lock);
	while (resolver.waiting != n)
		pthread_cond_wait(&resolver.changed, &resolver.lock);
	pthread_mutex_unlock(&resolver.lock);
}

static inline unsigned questions(void)
{
	unsigned asked;

	pthread_mutex_lock(&resolver.lock);
	asked = resolver.asked;
	pthread_mutex_unlock(&resolver.lock);
	return asked;
}

/* Notes the question, and waits at the gate. */
static inline void enter(const char *name, const struct addrinfo *hints)
{
	size_t used;

	pthread_mutex_lock(&resolver.lock);
	resolver.asked++;
	used = strlen(resolver.names);
	snprintf(resolver.names + used, sizeof(resolver.names) - used, "%s%s", used ? " " : "",
		 name);
	if (hints)
		resolver.hints = *hints;
	if (!strncasecmp(name, "slow", 4)) {
		resolver.waiting++;
		pthread_cond_broadcast(&resolver.changed);
		while (!resolver.tickets)
			pthread_cond_wait(&resolver.changed, &resolver.lock);
		resolver.tickets--;
		resolver.waiting--;
		pthread_cond_broadcast(&resolver.changed);
	}
	pthread_mutex_unlock(&resolver.lock);
}

#define MADE_HERE 0x7e57

static inline struct addrinfo *info_new(const char *text)
{
	struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(ouro_addr));
	ouro_addr addr = { .len = sizeof(sa_family_t), .sa.any.sa_family = AF_UNIX };

	CHECK(info != NULL);
	if (strcmp(text, "unix") != 0)
		CHECK_EQ(ouro_addr_parse(text, 0, &addr), 0);
	info->ai_flags = MADE_HERE;
	info->ai_family = addr.sa.any.sa_family;
	info->ai_addrlen = addr.len;
	info->ai_addr = memcpy(info + 1, &addr.sa, sizeof(addr.sa));
	return info;
}

/* The real thing, behind ours. */
#define REAL(function) ((__typeof__(&function))(uintptr_t)dlsym(RTLD_NEXT, #function))

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	const struct host *host = host_of(name);

	enter(name, hints);
	if (!host)
		return REAL(getaddrinfo)(name, service, hints, ret_list);
	for (int i = 0; i < 6 && host->addrs[i]; i++) {
		*ret_list = info_new(host->addrs[i]);
		ret_list = &(*ret_list)->ai_next;
	}
	errno = host->error;
	return host->code;
}

void freeaddrinfo(struct addrinfo *list)
{
	if (list && list->ai_flags != MADE_HERE) {
		REAL(freeaddrinfo)(list);
		return;
	}
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
}

/* The name of an address is that of the first host in the table that has it; its port decides the
 * rest: below 1024 the real resolver is asked, 1999 is slow, and 2000 and more is the error of the
 * host of that number. */
int getnameinfo(const struct sockaddr *sa, socklen_t len, char *name, socklen_t name_room,
		char *service, socklen_t service_room, int flags)
{
	ouro_addr addr = { .len = len };
	unsigned port;

	memcpy(&addr.sa, sa, len);
	port = ouro_addr_port(&addr);
	enter(port == 1999 ? "slow" : "address", NULL);
	if (port < 1024)
		return REAL(getnameinfo)(sa, len, name, name_room, service, service_room, flags);
	snprintf(name, name_room, "host.test");
	snprintf(service, service_room, "%u", port);
	errno = port >= 2000 ? hosts[port - 2000].error : 0;
	return port >= 2000 ? hosts[port - 2000].code : 0;
}
#endif
