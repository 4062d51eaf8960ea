/* port_hear.c -- the way in of a port. See port.h.
 *
 * One visit of the pipe a turn: what is held first, then what the last visit left in the box, then
 * what one read brings. A message goes to the listener where it lies; without a listener it is held,
 * a small one copied, a large one as it is. A turn that has used up its time leaves the rest to the
 * next, which does not wait for the kernel to say so: the kernel has nothing more. */
#include "base/alloc.h"
#include "base/check.h"
#include "offload/port.h"
#include <errno.h>

static ouro_str message_of(const struct frame *frame)
{
	ouro_str message = frame->bytes;

	if (frame->kind != PORT_MOVED)
		return message;
	message.ptr += sizeof(struct moved);
	message.len -= sizeof(struct moved);
	return message;
}

static struct moved moved_of(const struct frame *frame)
{
	struct moved moved = { .half = NULL };

	if (frame->kind == PORT_MOVED && frame->bytes.len >= sizeof(moved))
		memcpy(&moved, frame->bytes.ptr, sizeof(moved));
	return moved;
}

void ouro__port_drop(struct frame *frame)
{
	ouro__half_free(moved_of(frame).half);
}

/* What nobody took is closed. */
static void drop_frame(struct frame *frame)
{
	ouro__port_drop(frame);
	ouro__frame_release(frame);
}

/* What was delivered. */
static void done_with(struct ouro_port *port, struct frame *frame)
{
	ouro__port_drop(frame);
	ouro__frame_give_back(&port->half->end, frame);
}

/* Holding. */

static int hold_frame(struct ouro_port *port, struct frame *frame)
{
	bool lies_in_box = !frame->taken && !frame->segment;
	size_t copied = lies_in_box ? frame->bytes.len : 0;
	struct held *held = ouro__realloc(NULL, sizeof(*held) + copied);

	if (!held)
		return -ENOMEM;
	held->frame = *frame;
	if (copied)
		memcpy(held->bytes, frame->bytes.ptr, copied);
	if (lies_in_box)
		held->frame.bytes.ptr = held->bytes;
	list_init(&held->link);
	list_push(&port->held, &held->link);
	port->held_bytes += frame->bytes.len + PORT_COST;
	return 0;
}

static struct held *shift_held(struct ouro_port *port)
{
	struct held *held = list_of(list_shift(&port->held), struct held, link);

	port->held_bytes -= held->frame.bytes.len + PORT_COST;
	return held;
}

void ouro__port_forget(ouro_port *port)
{
	while (!list_empty(&port->held)) {
		struct held *held = shift_held(port);

		drop_frame(&held->frame);
		ouro__free(held);
	}
}

/* Breaking: the other end has done what no port does, or this one has no room for what came. A
 * message is never delivered without its bytes, nor left out between two others. */

static void broken(struct ouro_port *port, int err)
{
	port->eof = true;
	ouro__port_give_up(port);
	if (err == OURO_EOF)
		return;
	ouro__log(&port->base.loop->log, OURO_LOG_WARN,
		  "a port is given up, what came through it %s: %s",
		  err == -ENOMEM || err == -EMFILE ? "has no room here" : "makes no sense",
		  ouro_strerror(err));
}

static bool makes_sense(const struct ouro_port *port, const struct frame *frame)
{
	bool threads = port->half->end.between == FRAME_THREADS;
	struct moved moved = moved_of(frame);

	switch (frame->kind) {
	case PORT_MESSAGE:
		return frame->fd_count <= 1;
	case PORT_MARK:
	case PORT_ACK:
		return !frame->bytes.len && !frame->fd_count;
	case PORT_MOVED:
		return frame->bytes.len >= sizeof(moved) && (threads || !moved.half) &&
		       (moved.half || frame->fds_lost || frame->fd_count >= FRAME_ENDS) &&
		       ouro__port_opts(&moved.opts, &moved.opts) == 0;
	default:
		return false;
	}
}

/* Delivering. */

static void mark_reached(struct ouro_port *port, const struct frame *frame)
{
	if (port->base.closing)
		return;
	port->ack = frame->id;
	ouro__port_leave(port);
}

static void call_listener(struct ouro_port *port, struct frame *frame)
{
	struct ouro_loop *loop = port->base.loop;

	call_begin(loop, OURO_PHASE_IO, CALL_FN(port->fn), (struct cause){ "port", -1, NULL },
		   port->base.label);
	port->now = frame;
	port->fn(port, message_of(frame), port->base.arg);
	port->now = NULL;
	call_end(loop);
}

static void count_received(struct ouro_port *port, const struct frame *frame)
{
	port->figures.received++;
	port->figures.received_bytes += message_of(frame).len;
}

/* Its turn has come, and somebody listens. */
static void deliver(struct ouro_port *port, struct frame *frame)
{
	if (frame->kind == PORT_MARK) {
		mark_reached(port, frame);
		return;
	}
	count_received(port, frame);
	call_listener(port, frame);
	done_with(port, frame);
}

/* Has the turn used up its time? Outside one there is no such thing. */
static bool is_over(const struct ouro_port *port)
{
	return port->visiting && loop_turn_is_over(port->base.loop);
}

static void deliver_held(struct ouro_port *port)
{
	while (port->fn && !list_empty(&port->held) && !is_over(port)) {
		struct held *held = shift_held(port);

		deliver(port, &held->frame);
		ouro__free(held);
	}
}

/* A new one. 0, or why the port cannot go on. */
static int arrive(struct ouro_port *port, struct frame *frame)
{
	const ouro_port_opts *opts = &port->half->opts;
	int err = 0;

	if (port->base.closing) {
		drop_frame(frame);
	} else if (frame->bytes_lost) {
		err = frame->bytes_lost;
		ouro__frame_release(frame);
	} else if (!makes_sense(port, frame)) {
		ouro__frame_release(frame);
		err = OURO_EPROTO;
	} else if (frame->kind == PORT_ACK) {
		err = ouro__port_acked(port, frame->id);
	} else if (list_empty(&port->held) && (port->fn || frame->kind == PORT_MARK)) {
		deliver(port, frame);
	} else {
		err = hold_frame(port, frame);
		if (err)
			drop_frame(frame);
		else if (port->held_bytes > opts->high + opts->max + PORT_SLACK)
			err = OURO_ETOOBIG;
	}
	return err;
}

/* What is in the box. */
static int take_in(struct ouro_port *port)
{
	struct frame frame;
	int got = 0;

	while (!port->eof && !is_over(port)) {
		got = ouro__frame_next(&port->half->end, &frame);
		if (got <= 0)
			break;
		got = arrive(port, &frame);
		if (got < 0)
			break;
	}
	return got < 0 ? got : 0;
}

/* What the pipe has. */
static void read_once(struct ouro_port *port)
{
	int err = port->eof ? 0 : take_in(port);

	if (!err && !port->eof && !is_over(port)) {
		err = ouro__frame_read(&port->half->end);
		if (err == 1)
			err = take_in(port);
	}
	if (err < 0 && err != -EAGAIN)
		broken(port, err);
}

void ouro__port_readable(struct watch *in, unsigned ready)
{
	struct ouro_port *port = list_of(in, struct ouro_port, in);
	bool over;

	(void)ready;
	if (!port->half)
		return;
	port->visiting = true;
	deliver_held(port);
	read_once(port); /* a listener may have closed the port: then the rest is dropped */
	over = is_over(port);
	port->visiting = false;
	if (port->eof)
		(void)ouro__watch_set(in, 0);
	ouro__port_tell_drained(port);
	ouro__port_tell_ended(port);
	if (!port->base.closing && (over || (port->fn && !list_empty(&port->held))))
		ouro__watch_again(in);
}

/* Asking. */

void ouro_port_on_message(ouro_port *port, ouro_message_fn *fn, void *arg)
{
	port_check(port);
	if (port->base.closing)
		return;
	port->fn = fn;
	if (fn)
		port->base.arg = arg;
	ouro__port_use(port);
	ouro__port_hold(port);
	if (fn && !list_empty(&port->held))
		ouro__watch_again(&port->in);
}

/* One that waits, if any does. */
static bool receive_held(struct ouro_port *port, ouro_message_fn *fn, void *arg)
{
	bool called = false;

	while (!called && !list_empty(&port->held)) {
		struct held *held = shift_held(port);

		called = held->frame.kind != PORT_MARK;
		if (called) {
			count_received(port, &held->frame);
			port->now = &held->frame;
			fn(port, message_of(&held->frame), arg);
			port->now = NULL;
			done_with(port, &held->frame);
		} else {
			mark_reached(port, &held->frame);
		}
		ouro__free(held);
	}
	return called;
}

/* As if nobody listened: all that is there is held. */
static void hold_what_is_there(struct ouro_port *port)
{
	ouro_message_fn *fn = port->fn;

	ouro__port_use(port);
	port->fn = NULL;
	read_once(port);
	port->fn = fn;
	ouro__watch_again(&port->in); /* for whatever else has come */
}

int ouro_port_receive(ouro_port *port, ouro_message_fn *fn, void *arg)
{
	bool called;

	port_check(port);
	if (port->base.closing)
		return OURO_ECLOSED;
	if (port->visiting)
		return -EBUSY;
	if (list_empty(&port->held))
		hold_what_is_there(port);
	port->visiting = true;
	called = receive_held(port, fn, arg);
	port->visiting = false;
	if (port->base.closing)
		ouro__port_tell_ended(port);
	if (called)
		return 1;
	return port->eof ? OURO_EOF : 0;
}

/* What came with the message. */

int ouro_port_take_fd(ouro_port *port)
{
	struct frame *now = port->now;
	int fd;

	port_check(port);
	if (!now || now->kind != PORT_MESSAGE)
		return -1;
	if (now->fds_lost)
		return -EMFILE;
	fd = now->fd_count ? now->fd[0] : -1;
	now->fd[0] = -1;
	return fd;
}

/* The half is in the message, or its descriptors are. */
static int take_half(struct frame *now, struct half **ret_half)
{
	struct moved moved = moved_of(now);
	int keep = now->fd_count > FRAME_ENDS ? now->fd[FRAME_ENDS] : -1;

	if (now->fds_lost)
		return -EMFILE;
	*ret_half = moved.half;
	if (!moved.half && now->fd_count && now->fd[0] >= 0)
		*ret_half = ouro__half_adopt(now->fd, keep, &moved.opts);
	else if (!moved.half)
		return -ENOENT;
	return *ret_half ? 0 : -ENOMEM;
}

/* It is no longer the message's. */
static void forget_half(struct frame *now)
{
	memset((char *)(uintptr_t)now->bytes.ptr, 0, sizeof(struct half *));
	for (int i = 0; i < now->fd_count; i++)
		now->fd[i] = -1;
}

/* Of a half that stays the message's: nothing of it is closed. */
static void unadopt(struct half *half)
{
	half->end.out = half->end.side = half->end.keep = half->end.own.fd = -1;
	ouro__half_free(half);
}

int ouro_port_take_port(ouro_port *port, ouro_port **ret_port)
{
	struct frame *now = port->now;
	struct half *half;
	int err;

	port_check(port);
	if (!now || now->kind != PORT_MOVED)
		return -ENOENT;
	err = take_half(now, &half);
	if (err)
		return err;
	err = ouro__port_new(port->base.loop, half, NULL, ret_port);
	if (err && moved_of(now).half != half)
		unadopt(half);
	if (!err)
		forget_half(now);
	return err;
}

/* Memory that changed hands need not end in a zero. */
static char *detach_taken(struct frame *now)
{
	char *bytes = ouro__realloc(now->taken, now->bytes.len + 1);

	if (!bytes)
		return NULL;
	now->taken = NULL;
	now->bytes.ptr = bytes;
	return bytes;
}

char *ouro_port_detach(ouro_port *port, size_t *ret_len)
{
	struct frame *now = port->now;
	char *bytes;
	ouro_str message;

	port_check(port);
	if (!now)
		return NULL;
	message = message_of(now);
	if (now->taken && message.ptr == now->taken) {
		bytes = detach_taken(now);
	} else {
		bytes = ouro__realloc(NULL, message.len + 1);
		if (bytes && message.len)
			memcpy(bytes, message.ptr, message.len);
	}
	if (!bytes)
		return NULL;
	bytes[message.len] = '\0';
	if (ret_len)
		*ret_len = message.len;
	return bytes;
}
