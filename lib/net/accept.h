/* accept.h -- listening sockets, and taking what comes: fairly, and never in a spin.
 *
 * A turn takes ACCEPT_BATCH connections a socket at most, the rest waits in the kernel for the
 * next turn. When the process has no descriptor left accepting stops, which is said once; the
 * owner may close something idle, and when it cannot, a timer tries again after 100 ms, doubling
 * up to 1 s. */
#ifndef OURO__ACCEPT_H
#define OURO__ACCEPT_H
#include "loop/poll.h"
#include "net/bind.h"
#include "ouro/net.h"
#include "ouro/timer.h"

#define ACCEPT_BATCH 64

struct acceptor;

/* A new connection, non-blocking and close-on-exec: fd is the callee's from here on. It may pause
 * and close the acceptor, whose memory must stay until the turn is over. */
typedef void accept_fn(struct acceptor *acceptor, int fd, const ouro_addr *peer);

/* No descriptor is left: close something that nobody will miss. False: nothing to close. */
typedef bool accept_starved_fn(struct acceptor *acceptor);

struct acceptor_socket {
	struct watch watch;
	struct acceptor *acceptor;
	uint8_t budget; /* how many to take at once */
	uint8_t full;   /* how often in a row that many were there */
};

#define ACCEPT_SOCKETS BIND_SOCKETS /* 127.0.0.1 and [::1], for localhost */

struct acceptor {
	struct ouro_loop *loop;
	accept_fn *accepted;
	accept_starved_fn *starved; /* NULL: nothing ever */
	struct acceptor_socket sockets[ACCEPT_SOCKETS];
	unsigned count; /* of sockets; 0: closed */
	bool paused;    /* by its owner */
	bool starving;  /* out of descriptors, and said so */
	bool waits;     /* for the timer, before the next try */
	bool tcp;
	unsigned wait_ms;
	ouro_timer retry;
	ouro_addr local; /* of several the first */
	struct unix_file file;
	uint64_t accepted_count, starved_count;
};

/* Opens as the options say (net.h), without connections_max and per_address, which are the owner's
 * business. Zeroed memory before; 0, or -errno as of ouro_listen() and nothing is open. */
int ouro__acceptor_open(struct acceptor *acceptor, struct ouro_loop *loop,
			const ouro_listen_opts *opts, accept_fn *accepted,
			accept_starved_fn *starved);

/* Takes what waits in the kernel, but no more than `most`: before closing, so that nobody who has
 * been let in by the kernel is sent away by it. */
void ouro__acceptor_drain(struct acceptor *acceptor, unsigned most);

/* Takes no more for now; goes on. */
void ouro__acceptor_pause(struct acceptor *acceptor);
void ouro__acceptor_resume(struct acceptor *acceptor);

/* Tries at once, although it starves. */
void ouro__acceptor_try(struct acceptor *acceptor);

/* A descriptor came free: an acceptor that starves tries at once. Cheap when it does not. */
static inline void ouro__acceptor_freed(struct acceptor *acceptor)
{
	if (acceptor->waits)
		ouro__acceptor_try(acceptor);
}

/* Closes the sockets (what waits in the kernel is refused by it) and removes a Unix socket's file.
 * Twice is once. */
void ouro__acceptor_close(struct acceptor *acceptor);
#endif
