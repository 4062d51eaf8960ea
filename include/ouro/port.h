/* port.h -- one end of a pipe of messages: whole ones, both ways, in order.
 *
 * A worker has a port to its parent and the parent one to it (worker.h). ouro_port_pair() makes two
 * ends more, which can be given away: two workers that got one each talk without their parent.
 *
 * What is sent waits until the end of the turn and then leaves together, in few writes. At the other
 * end it waits, in order, until somebody listens. Small messages travel in the pipe; a large one
 * changes hands between threads, and lies in shared memory (memfd) between processes. What was sent
 * before an end is closed, or its worker ends, still arrives. (A process that is killed takes with
 * it what it had not handed to the kernel.) The virtual clock does not wait for messages.
 *
 * A loop that has sent something looks out for an answer for up to 50 us before it sleeps, while
 * something comes within 20: on two cores then neither side has to be woken, which costs far more. When
 * they do not come it sleeps at once. So do the runners of a crew, and a loop that has called one.
 *
 * All of it on the thread of the port's loop. What io.h says of handles is true of ports. */
#ifndef OURO_PORT_H
#define OURO_PORT_H
#include "ouro/io.h"
#include "ouro/kind.h"
#include "ouro/str.h"
OURO_BEGIN

typedef struct ouro_port ouro_port;

typedef struct ouro_port_opts {
	size_t high; /* bytes that wait for the other end, at which it is enough; 0: 4 MiB */
	size_t low;  /* on_drain when no more than these wait; 0: a quarter of high */
	size_t max;  /* bytes in one message, either way; 0: 1 GiB, which is also the most */
} ouro_port_opts;

/* Two ends of a new pipe, both on this loop, to be used here or given away. OURO_THREADS: the ends
 * may go to any thread of this process. OURO_PROCESSES: to processes too. opts NULL: all defaults;
 * they are those of both ends, wherever these go. 0, or -ENOMEM, -EMFILE, -EINVAL (low above high,
 * max above the most, no such kind), OURO_ECLOSED (the loop is ending). */
OURO_API int ouro_port_pair(ouro_loop *loop, enum ouro_kind kind, const ouro_port_opts *opts,
			    ouro_port **ret_a, ouro_port **ret_b) OURO_MUST_CHECK;

/* --- Sending --- */

/* The message is on its way, or it is not and nothing has changed:
 *
 * OURO_EBUSY    `high` bytes or more wait already (each message counts 32 bytes above its own): go
 *               on after on_drain. A message is never too large for an empty queue.
 * OURO_ECLOSED  the other end is closed, or its worker has ended; or this end is closed.
 * OURO_ETOOBIG  longer than `max`.
 * -ENOMEM, -EMFILE.
 *
 * send       copies the bytes. They may be none.
 * send_take  bytes that ouro_buf_detach() or ouro_port_detach() gave: they are ours now, and between
 *            threads not copied, however many. Refused: they are still yours.
 * send_fd    with a descriptor, which is ours now: it is closed here when it has arrived there.
 *            -EBADF: it is none.
 * send_port  with an end of a pipe, of the same loop, that has not been used: nothing sent, nobody
 *            has listened. It closes here, its on_close is called, and what has come waits for its
 *            new owner. -EINVAL, and on_log is told why: it was used, is a worker's own, is an end
 *            of this very pipe, or is one of OURO_THREADS on its way to a process. */
OURO_API int ouro_port_send(ouro_port *port, ouro_str message);
OURO_API int ouro_port_send_take(ouro_port *port, char *bytes, size_t len);
OURO_API int ouro_port_send_fd(ouro_port *port, ouro_str message, int fd);
OURO_API int ouro_port_send_port(ouro_port *port, ouro_str message, ouro_port *moved);

/* Hands what was sent to the kernel now, as far as it takes it, and not at the end of the turn: for a
 * callback that computes for long. */
OURO_API void ouro_port_flush(ouro_port *port);

/* Sending was refused with OURO_EBUSY, now no more than `low` bytes wait: go on. */
typedef void  ouro_port_fn(ouro_port *port, void *arg);
OURO_API void ouro_port_on_drain(ouro_port *port, ouro_port_fn *fn);

/* --- Receiving --- */

/* One message, borrowed until it returns. */
typedef void ouro_message_fn(ouro_port *port, ouro_str message, void *arg);

/* Listens from now on: fn is called, later, in the I/O phase, for what has come and what will; arg
 * becomes the port's. While it listens the port keeps the loop alive, until the other end is gone.
 * fn NULL: it listens no more, and messages wait again. */
OURO_API void ouro_port_on_message(ouro_port *port, ouro_message_fn *fn, void *arg);

/* What on_message does next, without a loop: the oldest message that is here already goes to fn,
 * now. 1: it did; 0: there is none; OURO_EOF: and there will be none; OURO_ECLOSED. -EBUSY: from a
 * callback of this port's listener. */
OURO_API int ouro_port_receive(ouro_port *port, ouro_message_fn *fn, void *arg);

/* Inside fn, what came with the message, or is to be kept of it:
 *
 * take_fd    the descriptor, yours to close; -1: there is none, or it is taken; -EMFILE: it came,
 *            and this process had no room for it.
 * take_port  the end of a pipe, on this loop, with its limits. 0; -ENOENT: none came, or it is taken;
 *            -ENOMEM; -EMFILE. Either one is closed after fn, if nobody took it.
 * detach     the bytes, yours to free by ouro_bytes_free(), with a zero behind the last; *ret_len
 *            their number, NULL: not wanted. Not copied when they came by send_take between
 *            threads. NULL: no memory, or not inside fn. */
OURO_API int   ouro_port_take_fd(ouro_port *port);
OURO_API int   ouro_port_take_port(ouro_port *port, ouro_port **ret_port) OURO_MUST_CHECK;
OURO_API char *ouro_port_detach(ouro_port *port, size_t *ret_len) OURO_MUST_CHECK;

/* --- The end --- */

/* The other end is closed, or its worker has ended, however: all that it sent has been delivered,
 * and there will be no more. Told once, and at once if it was so before; not while a message
 * waits for a listener. The port stays open until you close it, and holds the loop no more. The same,
 * and on_log is told why, when a message has come that there is no memory or descriptor for here; or
 * what is no message, or more than may wait, from a process that went wrong: what came before it is
 * delivered, it and what follows are not. */
OURO_API void ouro_port_on_gone(ouro_port *port, ouro_port_fn *fn);

/* What was sent still leaves, by itself and before the loop ends if the other end takes it; what has
 * come and was not delivered is dropped. Closing the port of a worker asks nothing of the worker,
 * but it learns of it. */
OURO_API void ouro_port_close(ouro_port *port);
OURO_API void ouro_port_on_close(ouro_port *port, ouro_close_fn *fn);

typedef struct ouro_port_stats {
	uint64_t sent, sent_bytes;         /* messages taken by send */
	uint64_t received, received_bytes; /* messages given to fn */
	uint64_t refused;                  /* OURO_EBUSY */
	uint64_t waiting;                  /* bytes sent that the other end has not taken yet */
} ouro_port_stats;

/* A reading. The other end tells now and then what it has taken: `waiting` can be `low` / 2 too
 * much. */
OURO_API void ouro_port_get_stats(const ouro_port *port, ouro_port_stats *ret_stats);

OURO_API ouro_loop *ouro_port_loop(const ouro_port *port);

/* What on_drain, on_gone and on_close are given. */
OURO_API void  ouro_port_set_arg(ouro_port *port, void *arg);
OURO_API void *ouro_port_arg(const ouro_port *port);

/* Whether it keeps the loop alive while it listens; a new one does. */
OURO_API void ouro_port_hold(ouro_port *port, bool hold);
OURO_API int  ouro_port_set_name(ouro_port *port, const char *name);
OURO_END
#endif
