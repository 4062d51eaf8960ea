/* accept.h -- listening sockets, and taking what comes: fairly, and never in a spin.
 *
 * A turn takes ACCEPT_BATCH connections a socket at most, the rest waits in the kernel for the next turn.
 * When the process has no descriptor left accepting stops, which is said once; the owner may close
 * something idle, and when it cannot, a timer tries again after 100 ms, doubling up to 1 s. */
#ifndef OURO__ACCEPT_H
#define OURO__ACCEPT_H
#include "loop/poll.h"
#include "ouro/net.h"
#include "ouro/timer.h"

#define ACCEPT_BATCH 64

struct acceptor;

/* A new connection, non-blocking and close-on-exec: fd is the callee's from here on. */
typedef void accept_fn(struct acceptor *acceptor, int fd, const ouro_addr *peer);

/* No descriptor is left: close something that nobody will miss. False: nothing to close. */
typedef bool accept_starved_fn(struct acceptor *acceptor);

struct acceptor_socket {
	struct watch watch;
	struct acceptor *acceptor;
};

#define ACCEPT_SOCKETS 2 /* 0.0.0.0 and [::], when one socket cannot do both */

struct acceptor {
	struct ouro_loop *loop;
	accept_fn *accepted;
	accept_starved_fn *starved; /* NULL: nothing ever */
	struct acceptor_socket sockets[ACCEPT_SOCKETS];
	unsigned count;
	bool paused;      /* by its owner */
	bool starving;    /* out of descriptors, and said so */
	unsigned wait_ms; /* before the next try */
	ouro_timer retry;
	bool tcp; /* nodelay and keep-alive make sense */
	ouro_addr local;
	char *unix_path;             /* to be removed at the end; NULL: none of ours */
	uint64_t unix_dev, unix_ino; /* so that only our own file is removed */
	uint64_t accepted_count, starved_count;
};

/* Opens as the options say (net.h). Zeroed memory before; 0, or -errno and nothing is open:
 * -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EINVAL for what is no address, -ENAMETOOLONG for a path. */
int ouro__acceptor_open(struct acceptor *acceptor, struct ouro_loop *loop,
			const ouro_listen_opts *opts, accept_fn *accepted,
			accept_starved_fn *starved);

/* Takes no more for now; goes on. */
void ouro__acceptor_pause(struct acceptor *acceptor);
void ouro__acceptor_resume(struct acceptor *acceptor);

/* A descriptor came free: an acceptor that starves tries at once. Cheap when it does not. */
void ouro__acceptor_freed(struct acceptor *acceptor);

/* Closes the sockets (what waits in the kernel is refused by it) and removes a Unix socket's file.
 * Twice is once. */
void ouro__acceptor_close(struct acceptor *acceptor);
#endif
