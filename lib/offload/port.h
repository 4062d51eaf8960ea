/* port.h -- what the files of a port share: port.c, port_send.c, port_hear.c.
 *
 * A port is a handle around one half of a pipe (sys/frame.h). The handle belongs to a loop; a half
 * that has not been used can leave it, and become the middle of another port on another loop or in
 * another process.
 *
 * What two halves say to each other, beside messages:
 *
 *   MARK n   "by here I have sent n bytes": put in now and then
 *   ACK n    the answer, when all before the mark has been given to a listener
 *
 * So the sender knows what waits over there, however it got there (a pipe holds a thousand
 * references to large messages as easily as one), and a reader that has nothing to say is not made
 * to wake the other side for each message. A port that has sent reads, listening or not, because an
 * answer may stand behind messages nobody listens to: those are held, and there are never more of
 * them than the sender may have out. */
#ifndef OURO__PORT_H
#define OURO__PORT_H
#include "loop/call.h"
#include "loop/flush.h"
#include "loop/handle.h"
#include "loop/poll.h"
#include "ouro/port.h"
#include "sys/frame.h"

enum port_kind { PORT_MESSAGE = 1, PORT_MOVED, PORT_MARK, PORT_ACK };

/* Bytes that a message counts for beside its own. */
#define PORT_COST 32

/* What one half may do beyond its high mark before the other takes it for broken: marks are put in
 * at the end of a turn. */
#define PORT_SLACK ((size_t)1 << 20)

/* One half of a pipe. */
struct half {
	struct frame_end end;
	ouro_port_opts opts; /* no zeros left in it */
	uint64_t sent;       /* bytes, PORT_COST more each message */
	uint64_t marked;     /* where the last mark was put in */
	uint64_t acked;      /* what the last answer said */
};

/* Before the bytes of a message that moves a half. */
struct moved {
	struct half *half;   /* between threads; NULL: it is the message's descriptors */
	ouro_port_opts opts; /* of that */
};

/* A message that has come and waits for a listener, or a mark behind one. */
struct held {
	struct list link;
	struct frame frame;
	char bytes[]; /* of a small one */
};

struct far;
typedef void port_ended_fn(ouro_port *port, void *arg);

struct ouro_port {
	struct handle base;
	struct half *half; /* NULL: moved away, or freed */
	struct watch in, out;
	struct flush flush;
	struct list held;
	size_t held_bytes;

	ouro_message_fn *fn;
	ouro_port_fn *drain_fn, *gone_fn;
	port_ended_fn *ended_fn; /* a worker's */
	void *ended_arg;
	struct far *far;       /* on the far side of a worker: its port to the parent */
	ouro_port_fn *stop_fn; /* there: ouro_worker_on_stop() */

	struct frame *now; /* the message that its reader has before it */
	uint64_t ack;      /* the latest mark that is to be answered; 0: none */
	bool used;         /* it is read from: it may not be moved any more */
	bool wished;       /* to hold the loop while it listens */
	bool blocked;      /* the pipe is full: `out` is watched */
	bool full;         /* a message was refused, and on_drain not called since */
	bool eof;          /* the other end is closed, or broken: nothing more will come */
	bool told;         /* and all that had come was delivered */
	bool visiting;     /* a reader is being called */

	ouro_port_stats figures;
};

extern const struct handle_type ouro__port_type;

#define port_check(port) handle_check(port, ouro__port_type)

/* Options without zeros; 0 or -EINVAL. */
int ouro__port_opts(const ouro_port_opts *opts, ouro_port_opts *ret_opts);

/* Both halves of a new pipe: 0, -ENOMEM, -EMFILE. */
int ouro__half_pair(enum ouro_kind kind, const ouro_port_opts *opts, struct half **ret_near,
		    struct half **ret_far);

/* The descriptor that messages come from. */
int ouro__half_fd(struct half *half);

/* Closes it. NULL: nothing. */
void ouro__half_free(struct half *half);

/* A half made of the descriptors of one, which are its own once this has not returned NULL. keep -1:
 * SIGPIPE is ignored. */
struct half *ouro__half_adopt(const int fds[FRAME_ENDS], int keep, const ouro_port_opts *opts);

/* A port around a half, which is the port's once this has returned 0; -ENOMEM, OURO_ECLOSED. It does
 * not hold the loop. */
int ouro__port_new(ouro_loop *loop, struct half *half, void *arg, ouro_port **ret_port);

/* Reads from now on. */
void ouro__port_use(ouro_port *port);

/* fn is called once, when the other end has gone and who listens has all that came, after on_gone;
 * or nobody listens; or when the port is being closed. */
void ouro__port_when_ended(ouro_port *port, port_ended_fn *fn, void *arg);
bool ouro__port_has_ended(const ouro_port *port);
void ouro__port_tell_ended(ouro_port *port);

/* The phase in which a loop's last messages leave: waits until what was sent through its ports has
 * left, or cannot. For a thread that has nothing else to do. */
void ouro__ports_flush(ouro_loop *loop);

/* port_send.c: once before the poll; and asks for that. */
void ouro__port_flush(struct flush *flush);
void ouro__port_leave(ouro_port *port);
void ouro__port_unblock(struct watch *out, unsigned ready);

/* Nobody will take what has not left. */
void ouro__port_give_up(ouro_port *port);

/* Has all that was sent left? */
bool ouro__port_is_empty(const ouro_port *port);

/* An answer to one of our marks: 0, or OURO_EPROTO; and what there is to tell then. */
int ouro__port_acked(ouro_port *port, uint64_t sent);
void ouro__port_tell_drained(ouro_port *port);

/* port_hear.c: closes the half in a message that nobody took. */
void ouro__port_drop(struct frame *frame);

/* port_hear.c: the pipe is readable; nothing more is wanted of what has come. */
void ouro__port_readable(struct watch *in, unsigned ready);
void ouro__port_forget(ouro_port *port);

/* port.c: the loop is held, or not, as things are now. */
void ouro__port_hold(ouro_port *port);
#endif
