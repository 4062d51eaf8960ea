/* answer.h -- the addresses that a name has: how they are found, and how each asker wants them. */
#ifndef OURO__ANSWER_H
#define OURO__ANSWER_H
#include "ouro/dns.h"

struct answer {
	size_t count;
	ouro_addr *view;  /* room for all of them again, as one asker wants them */
	ouro_addr addr[]; /* each once, as given, without a port */
};

/* The number in error.h for what getaddrinfo() or getnameinfo() returned. */
int ouro__eai(int code);

/* Asks the machine, and waits for it: on a pool's thread. Each of these two answers 0 with
 * *ret_answer, to be freed by ouro__free(); OURO_EAI_*; or -errno. */
int ouro__answer_ask(const char *name, int family, int flags, struct answer **ret_answer);

/* What is known without asking anybody. Leaves *ret_answer NULL, with 0, when the name is neither
 * empty nor a literal: it must be asked for. */
int ouro__answer_at_once(const char *name, int family, int flags, struct answer **ret_answer);

/* All addresses in that order with that port, until the next view. */
const ouro_addr *ouro__answer_view(struct answer *answer, enum ouro_dns_order order, uint16_t port);
#endif
