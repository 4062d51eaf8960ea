/* port_send.c -- the way out of a port. See port.h.
 *
 * Sending only lines up: the flush at the end of the turn (loop/flush.h) writes all of it at once. A
 * callback that sends very much does not wait for that: what has come together is written as soon as
 * it fills a pipe. Marks and answers are put in by the flush, one of each at most: so no send can
 * half succeed. */
#include "base/alloc.h"
#include "base/check.h"
#include "offload/port.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* What fills a pipe. */
#define PIPEFUL ((size_t)64 << 10)

bool ouro__port_is_empty(const ouro_port *port)
{
	return frame_unsent(&port->half->end) == 0;
}

/* A mark when there is reason for one. */
static int put_mark(struct half *half, bool full)
{
	struct frame mark = { .kind = PORT_MARK, .id = half->sent };
	uint64_t since = half->sent - half->marked;
	int err = 0;

	if (since > half->opts.low / 2 || (full && since))
		err = ouro__frame_send(&half->end, &mark, NULL);
	else
		return 0;
	if (!err)
		half->marked = half->sent;
	return err;
}

static int put_ack(struct ouro_port *port)
{
	struct frame ack = { .kind = PORT_ACK, .id = port->ack };
	int err = port->ack ? ouro__frame_send(&port->half->end, &ack, NULL) : 0;

	if (!err)
		port->ack = 0;
	return err;
}

static void await_room(struct ouro_port *port, int fd)
{
	if (port->blocked && port->out.fd == fd)
		return;
	if (port->blocked)
		ouro__watch_stop(&port->out);
	port->blocked = !ouro__watch_start(&port->out, port->base.loop, fd, OURO_WRITABLE,
					   ouro__port_unblock);
}

static void stop_awaiting(struct ouro_port *port)
{
	if (port->blocked)
		ouro__watch_stop(&port->out);
	port->blocked = false;
}

void ouro__port_give_up(ouro_port *port)
{
	flush_cancel(&port->flush);
	stop_awaiting(port);
}

/* Of an error on the way out the way in tells more: the end. */
static void write_out(struct ouro_port *port)
{
	struct half *half = port->half;
	int left;

	if (frame_unsent(&half->end))
		loop_expect(port->base.loop);
	left = ouro__frame_flush(&half->end);

	if (left > 0)
		await_room(port, ouro__frame_blocker(&half->end));
	else
		stop_awaiting(port);
	ouro__port_hold(port);
}

void ouro__port_flush(struct flush *flush)
{
	struct ouro_port *port = list_of(flush, struct ouro_port, flush);
	int err;

	if (!port->half || port->eof)
		return;
	err = put_mark(port->half, port->full);
	if (!err)
		err = put_ack(port);
	if (err == -ENOMEM)
		flush_soon(port->base.loop, flush); /* once more, with what memory there is then */
	write_out(port);
}

void ouro__port_leave(ouro_port *port)
{
	if (port->blocked)
		return;
	if (frame_unsent(&port->half->end) < PIPEFUL)
		flush_soon(port->base.loop, &port->flush);
	else
		ouro__port_flush(&port->flush);
}

/* A closed one may have been waiting for just this. */
void ouro__port_unblock(struct watch *out, unsigned ready)
{
	struct ouro_port *port = list_of(out, struct ouro_port, out);

	(void)ready;
	ouro__port_flush(&port->flush);
	ouro__port_tell_ended(port);
}

/* The other end has taken more. */

void ouro__port_tell_drained(ouro_port *port)
{
	struct ouro_loop *loop = port->base.loop;
	struct half *half = port->half;

	if (!port->full || port->base.closing || port->eof ||
	    half->sent - half->acked > half->opts.low)
		return;
	port->full = false;
	if (!port->drain_fn)
		return;
	call_begin(loop, OURO_PHASE_IO, CALL_FN(port->drain_fn), (struct cause){ "port", -1, NULL },
		   port->base.label);
	port->drain_fn(port, port->base.arg);
	call_end(loop);
}

int ouro__port_acked(ouro_port *port, uint64_t sent)
{
	struct half *half = port->half;

	if (sent <= half->acked || sent > half->marked)
		return OURO_EPROTO;
	half->acked = sent;
	return 0;
}

/* Asking. */

static int refuse(struct ouro_port *port, size_t len)
{
	struct half *half = port->half;

	port_check(port);
	if (port->base.closing || port->eof || !half)
		return OURO_ECLOSED;
	if (len > half->opts.max)
		return OURO_ETOOBIG;
	if (half->sent - half->acked < half->opts.high)
		return 0;
	port->full = true;
	port->figures.refused++;
	flush_soon(port->base.loop, &port->flush); /* with a mark */
	return OURO_EBUSY;
}

static int put(struct ouro_port *port, const struct frame *frame, char *take, size_t len)
{
	int err = ouro__frame_send(&port->half->end, frame, take);

	if (err)
		return err;
	port->half->sent += len + PORT_COST;
	port->figures.sent++;
	port->figures.sent_bytes += len;
	if (!port->used)
		ouro__port_use(port);
	ouro__port_leave(port);
	return 0;
}

int ouro_port_send(ouro_port *port, ouro_str message)
{
	struct frame frame = { .kind = PORT_MESSAGE, .bytes = message };
	int err = refuse(port, message.len);

	return err ? err : put(port, &frame, NULL, message.len);
}

int ouro_port_send_take(ouro_port *port, char *bytes, size_t len)
{
	struct frame frame = { .kind = PORT_MESSAGE, .bytes = ouro_str_n(bytes, len) };
	int err = refuse(port, len);

	return err ? err : put(port, &frame, bytes, len);
}

int ouro_port_send_fd(ouro_port *port, ouro_str message, int fd)
{
	struct frame frame = {
		.kind = PORT_MESSAGE, .bytes = message, .fd_count = 1, .fd = { fd }
	};
	int err = refuse(port, message.len);

	if (!err && fcntl(fd, F_GETFD) < 0)
		err = -EBADF;
	return err ? err : put(port, &frame, NULL, message.len);
}

void ouro_port_flush(ouro_port *port)
{
	port_check(port);
	if (port->half && !port->base.closing && !port->blocked)
		ouro__port_flush(&port->flush);
}

/* Moving a port. */

/* Does b read what a writes? */
static bool same_pipe(struct half *a, struct half *b)
{
	struct stat out, in;

	return !fstat(a->end.out, &out) && !fstat(ouro__half_fd(b), &in) &&
	       out.st_ino == in.st_ino && out.st_dev == in.st_dev;
}

static const char *why_not(const struct ouro_port *port, const struct ouro_port *moved)
{
	if (moved == port || same_pipe(port->half, moved->half))
		return "it is an end of the pipe it would go through";
	if (moved->base.loop != port->base.loop)
		return "it belongs to another loop";
	if (moved->used)
		return "it has been used";
	if (port->half->end.between == FRAME_PROCESSES && moved->half->end.between == FRAME_THREADS)
		return "it is one of OURO_THREADS, and would go to a process";
	return NULL;
}

/* The message behind the half, in memory of ours. */
static char *wrap(const struct moved *moved, ouro_str message)
{
	char *bytes = ouro__realloc(NULL, sizeof(*moved) + message.len);

	if (!bytes)
		return NULL;
	memcpy(bytes, moved, sizeof(*moved));
	if (message.len)
		memcpy(bytes + sizeof(*moved), message.ptr, message.len);
	return bytes;
}

/* Its descriptors leave with the message. The one that keeps SIGPIPE away goes along: nobody knows
 * where they will arrive. */
static void take_descriptors(struct half *half, struct frame *frame)
{
	ouro__frame_descriptors(&half->end, frame->fd);
	frame->fd_count = FRAME_ENDS;
	if (half->end.keep >= 0)
		frame->fd[frame->fd_count++] = half->end.keep;
}

static void gone_with_message(struct half *half)
{
	half->end.out = half->end.side = half->end.keep = half->end.own.fd = -1;
	ouro__half_free(half);
}

static int put_half(struct ouro_port *port, ouro_str message, struct half *half)
{
	bool threads = half->end.between == FRAME_THREADS;
	struct moved moved = { .half = threads ? half : NULL, .opts = half->opts };
	struct frame frame = { .kind = PORT_MOVED };
	char *bytes = wrap(&moved, message);
	int err;

	if (!bytes)
		return -ENOMEM;
	frame.bytes = ouro_str_n(bytes, sizeof(moved) + message.len);
	if (!threads)
		take_descriptors(half, &frame);
	err = put(port, &frame, bytes, message.len);
	if (err)
		ouro__free(bytes);
	else if (!threads)
		gone_with_message(half);
	return err;
}

int ouro_port_send_port(ouro_port *port, ouro_str message, ouro_port *moved)
{
	int err = refuse(port, message.len);
	const char *why;

	port_check(moved);
	if (!err && (moved->base.closing || !moved->half))
		err = OURO_ECLOSED;
	if (err)
		return err;
	why = why_not(port, moved);
	if (why) {
		ouro__log(&port->base.loop->log, OURO_LOG_ERROR,
			  "ouro_port_send_port: this port cannot be moved: %s", why);
		return -EINVAL;
	}
	err = put_half(port, message, moved->half);
	if (err)
		return err;
	ouro__watch_stop(&moved->in);
	moved->half = NULL;
	ouro__handle_close(&moved->base);
	return 0;
}
