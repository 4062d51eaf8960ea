/* addr.h -- an address with its port, and as text.
 *
 * Any thread. */
#ifndef OURO_ADDR_H
#define OURO_ADDR_H
#include "ouro/base.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
OURO_BEGIN

/* One address with its port, ready for connect(2) and bind(2). */
typedef struct ouro_addr {
	socklen_t len;
	union {
		struct sockaddr         any;
		struct sockaddr_in      v4;
		struct sockaddr_in6     v6;
		struct sockaddr_un      un;
		struct sockaddr_storage room;
	} sa;
} ouro_addr;

/* Enough for any address as text. */
#define OURO_ADDR_TEXT 128

/* The address as text, "127.0.0.1", "::1", "fe80::1%2", cut when there is no room for it; of a Unix
 * socket "unix:/run/x.sock", "unix:@abstract", "unix:" when it has no name; "?" when it is of
 * another family. In a Unix socket's name a control character is a '?', a zero an '@'. Answers
 * text. */
OURO_API const char *ouro_addr_text(const ouro_addr *addr, char *text, size_t room);

/* The address that a literal is; a zone may be a number or an interface's name. -EINVAL, with
 * *ret_addr as it was: it is none. Looks up nothing. */
OURO_API int ouro_addr_parse(const char *text, uint16_t port, ouro_addr *ret_addr);

/* The address of a Unix socket: a path, or with '@' before it a name in the abstract space.
 * -EINVAL: empty; -ENAMETOOLONG: it has room for 107 letters. */
OURO_API int ouro_addr_unix(const char *path, ouro_addr *ret_addr);

/* 0 when it has none: a Unix socket's, or another family's. */
OURO_API uint16_t ouro_addr_port(const ouro_addr *addr);

/* Is it the same host? Ports do not matter; a Unix socket's name does. */
OURO_API bool ouro_addr_same_host(const ouro_addr *a, const ouro_addr *b);
OURO_END
#endif
