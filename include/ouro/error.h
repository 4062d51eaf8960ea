/* error.h -- the one way an error travels: a negative int.
 *
 * A result of 0 or more is good. Below 0 it is -errno (-ENOENT, -ECONNRESET), or one of the
 * codes below, for what the kernel has no number. */
#ifndef OURO_ERROR_H
#define OURO_ERROR_H
#include "ouro/base.h"
OURO_BEGIN

/* Name, number and sentence, in one list: the enum, ouro_errname() and ouro_strerror() are made
 * from it. The numbers are part of the ABI and never change. */
#define OURO_ERRORS(X)                                     \
	X(EOF, -4095, "end of stream")                     \
	X(ECANCELED, -4094, "cancelled before it ran")     \
	X(ETIMEOUT, -4093, "took longer than its limit")   \
	X(ECLOSED, -4092, "the handle is closing")         \
	X(EPROTO, -4091, "the peer broke the protocol")    \
	X(ETOOBIG, -4090, "larger than its limit")         \
	X(EBUSY, -4089, "the queue is full")               \
	X(ECRASHED, -4088, "the process that ran it died") \
	X(ENOJOB, -4087, "no job of that name")            \
	X(EVERSION, -4086, "headers of another version")   \
	OURO_EAI_ERRORS(X)

/* What getaddrinfo(3) says instead of an errno: its names, numbers of our own, since its differ
 * from one system to the next. (Its EAI_SYSTEM is the -errno behind it.) */
#define OURO_EAI_ERRORS(X)                                                    \
	X(EAI_ADDRFAMILY, -3000, "the name has no address of that family")    \
	X(EAI_AGAIN, -3001, "no name server has answered; ask again later")   \
	X(EAI_BADFLAGS, -3002, "flags that no lookup knows")                  \
	X(EAI_FAIL, -3003, "the name server cannot tell")                     \
	X(EAI_FAMILY, -3004, "a family of addresses that no lookup knows")    \
	X(EAI_MEMORY, -3005, "the lookup has run out of memory")              \
	X(EAI_NODATA, -3006, "the name is known but has no address")          \
	X(EAI_NONAME, -3007, "no host of that name")                          \
	X(EAI_OVERFLOW, -3008, "the name found is longer than a name may be") \
	X(EAI_SERVICE, -3009, "no service of that name")                      \
	X(EAI_SOCKTYPE, -3010, "a type of socket that no lookup knows")

enum ouro_error {
#define OURO_ERROR_ENUM(name, number, text) OURO_##name = number,
	OURO_ERRORS(OURO_ERROR_ENUM)
#undef OURO_ERROR_ENUM
};

/* The sentence for err, "no such file or directory"-like; for 0 "success"; for a number that means
 * nothing "unknown error". Any thread. It is static. */
OURO_API const char *ouro_strerror(int err);

/* The name of err, "ENOENT" or "OURO_EOF"; for 0 "OK"; "?" for what means nothing. */
OURO_API const char *ouro_errname(int err);
OURO_END
#endif
