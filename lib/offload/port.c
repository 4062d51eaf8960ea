/* port.c -- a port's beginning and end. See ouro/port.h, and port.h for how it works.
 *
 * A port that is closed while messages wait to leave is parked: it reads on, only to learn that the
 * other end has gone, and writes until all has left. A loop that ends does not wait for that; a
 * worker's does, before it ends (ouro__ports_flush()). */
#include "offload/port.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/loop.h"
#include "offload/far.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define DEFAULT_HIGH ((size_t)4 << 20)
#define DEFAULT_MAX  ((size_t)1 << 30)

int ouro__port_opts(const ouro_port_opts *opts, ouro_port_opts *ret_opts)
{
	static const ouro_port_opts defaults;
	ouro_port_opts mine = opts ? *opts : defaults;

	if (!mine.high)
		mine.high = DEFAULT_HIGH;
	if (!mine.low)
		mine.low = mine.high > 4 ? mine.high / 4 : 1;
	if (!mine.max)
		mine.max = DEFAULT_MAX;
	if (mine.low > mine.high || mine.max > DEFAULT_MAX)
		return -EINVAL;
	*ret_opts = mine;
	return 0;
}

/* Halves. */

int ouro__half_fd(struct half *half)
{
	int fds[FRAME_ENDS];

	ouro__frame_descriptors(&half->end, fds);
	return fds[0];
}

static void half_init(struct half *half, const ouro_port_opts *opts)
{
	half->opts = *opts;
	half->end.max = opts->max + sizeof(struct moved);
	half->end.drop = ouro__port_drop;
}

/* Either end of a pair may stay in a process where SIGPIPE ends everything. */
static int keep_far_reader(struct half *near, struct half *far)
{
	far->end.keep = fcntl(ouro__half_fd(near), F_DUPFD_CLOEXEC, 3);
	return far->end.keep < 0 ? -errno : 0;
}

static int pair(enum ouro_kind kind, struct half *near, struct half *far)
{
	bool threads = kind == OURO_THREADS;
	int err =
		ouro__frame_pair(&near->end, &far->end, threads ? FRAME_THREADS : FRAME_PROCESSES);

	if (err || threads)
		return err;
	err = keep_far_reader(near, far);
	if (err) {
		ouro__frame_close(&near->end);
		ouro__frame_close(&far->end);
	}
	return err;
}

int ouro__half_pair(enum ouro_kind kind, const ouro_port_opts *opts, struct half **ret_near,
		    struct half **ret_far)
{
	struct half *near = ouro__alloc(sizeof(*near)), *far = ouro__alloc(sizeof(*far));
	int err = near && far ? pair(kind, near, far) : -ENOMEM;

	if (err) {
		ouro__free(near);
		ouro__free(far);
		return err;
	}
	half_init(near, opts);
	half_init(far, opts);
	*ret_near = near;
	*ret_far = far;
	return 0;
}

void ouro__half_free(struct half *half)
{
	if (!half)
		return;
	ouro__frame_close(&half->end);
	ouro__free(half);
}

struct half *ouro__half_adopt(const int fds[FRAME_ENDS], int keep, const ouro_port_opts *opts)
{
	struct half *half = ouro__alloc(sizeof(*half));

	if (!half)
		return NULL;
	ouro__frame_adopt(&half->end, fds);
	half->end.keep = keep;
	half_init(half, opts);
	return half;
}

/* The handle. */

static const void *port_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_port *)handle)->fn);
}

static int port_number(const struct handle *handle)
{
	return ((const struct ouro_port *)handle)->in.fd;
}

static void stop_watching(struct ouro_port *port)
{
	ouro__watch_stop(&port->in);
	if (port->blocked)
		ouro__watch_stop(&port->out);
	port->blocked = false;
	flush_cancel(&port->flush);
}

/* It lets go of its half, but not while a reader looks at what is in it. */
static void let_go(struct ouro_port *port)
{
	stop_watching(port);
	if (port->visiting)
		return;
	ouro__port_forget(port);
	ouro__half_free(port->half);
	port->half = NULL;
}

static bool has_messages_to_send(struct ouro_port *port)
{
	if (!port->half || port->eof)
		return false;
	ouro__port_flush(&port->flush);
	return !port->eof && !ouro__port_is_empty(port);
}

static void port_stop(struct handle *handle)
{
	struct ouro_port *port = (struct ouro_port *)handle;
	port_ended_fn *ended_fn = port->ended_fn;

	port->ended_fn = NULL;
	if (ended_fn)
		ended_fn(port, port->ended_arg);
	if (port->far)
		ouro__far_port_closes(port->far);
	port->fn = NULL;
	if (has_messages_to_send(port) && !handle->loop->ending)
		ouro__port_use(port);
	else if (port->half)
		let_go(port);
}

static bool port_is_idle(const struct handle *handle)
{
	return !((const struct ouro_port *)handle)->half;
}

const struct handle_type ouro__port_type = {
	.kind = "port",
	.magic = 0x706f7274u,
	.callee = port_callee,
	.number = port_number,
	.stop = port_stop,
	.is_idle = port_is_idle,
	.parks = true,
};

/* Closed, and all has left or never will. */
static void settle(struct ouro_port *port)
{
	let_go(port);
	ouro__handle_settled(&port->base);
}

/* The loop ends: those that are parked wait no longer. */

static const char ports_kind;

static void drain(struct attachment *attachment);

static void end(struct attachment *attachment)
{
	ouro__free(attachment);
}

struct ports {
	struct attachment attachment;
	struct ouro_loop *loop;
};

static void drain(struct attachment *attachment)
{
	struct ouro_loop *loop = list_of(attachment, struct ports, attachment)->loop;

	list_each_safe (at, &loop->parked) {
		struct handle *handle = list_of(at, struct handle, link);

		if (handle->type == &ouro__port_type)
			settle((struct ouro_port *)handle);
	}
}

static int attach(ouro_loop *loop)
{
	struct ports *ports;

	if (ouro__loop_attached(loop, &ports_kind))
		return 0;
	ports = ouro__alloc(sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	ports->attachment.kind = &ports_kind;
	ports->attachment.drain = drain;
	ports->attachment.end = end;
	ports->loop = loop;
	list_push(&loop->attachments, &ports->attachment.link);
	return 0;
}

/* Opening. */

int ouro__port_new(ouro_loop *loop, struct half *half, void *arg, ouro_port **ret_port)
{
	int err = attach(loop);
	struct ouro_port *port =
		err ? NULL : ouro__handle_new(loop, &ouro__port_type, sizeof(*port), arg, &err);

	if (!port)
		return err;
	err = ouro__watch_start(&port->in, loop, ouro__half_fd(half), 0, ouro__port_readable);
	if (err) {
		ouro__handle_drop(&port->base);
		return err;
	}
	list_init(&port->held);
	flush_init(&port->flush, ouro__port_flush);
	port->half = half;
	port->wished = true;
	ouro__handle_hold(&port->base, false);
	*ret_port = port;
	return 0;
}

static int open_pair(ouro_loop *loop, struct half *a, struct half *b, ouro_port **ret_a,
		     ouro_port **ret_b)
{
	int err = ouro__port_new(loop, a, NULL, ret_a);

	if (err) {
		ouro__half_free(a);
		ouro__half_free(b);
		return err;
	}
	err = ouro__port_new(loop, b, NULL, ret_b);
	if (err) {
		let_go(*ret_a);
		ouro__handle_drop(&(*ret_a)->base);
		ouro__half_free(b);
	}
	return err;
}

int ouro_port_pair(ouro_loop *loop, enum ouro_kind kind, const ouro_port_opts *opts,
		   ouro_port **ret_a, ouro_port **ret_b)
{
	ouro_port_opts limits;
	struct half *a, *b;
	int err = ouro__port_opts(opts, &limits);

	if (err || (kind != OURO_THREADS && kind != OURO_PROCESSES))
		return -EINVAL;
	if (loop->ending)
		return OURO_ECLOSED;
	err = ouro__half_pair(kind, &limits, &a, &b);
	return err ? err : open_pair(loop, a, b, ret_a, ret_b);
}

void ouro__port_use(ouro_port *port)
{
	if (port->eof || !port->half)
		return;
	port->used = true;
	if (!(port->in.wanted & OURO_READABLE))
		(void)ouro__watch_set(&port->in, OURO_READABLE); /* or the host's loop has gone */
}

void ouro__port_hold(ouro_port *port)
{
	bool listens = port->wished && port->fn && !port->told;

	ouro__handle_hold(&port->base, listens || port->blocked);
}

/* Ending. */

void ouro__port_when_ended(ouro_port *port, port_ended_fn *fn, void *arg)
{
	port->ended_fn = fn;
	port->ended_arg = arg;
}

static void tell_gone(struct ouro_port *port)
{
	struct ouro_loop *loop = port->base.loop;

	if (!port->gone_fn)
		return;
	call_begin(loop, OURO_PHASE_IO, CALL_FN(port->gone_fn), (struct cause){ "port", -1, NULL },
		   port->base.label);
	port->gone_fn(port, port->base.arg);
	call_end(loop);
}

bool ouro__port_has_ended(const ouro_port *port)
{
	return port->base.closing || (port->eof && (!port->fn || list_empty(&port->held)));
}

/* After every visit of the pipe. */
void ouro__port_tell_ended(ouro_port *port)
{
	bool delivered = port->eof && list_empty(&port->held);
	port_ended_fn *ended_fn;

	if (port->base.closing) {
		if (port->half && (port->eof || ouro__port_is_empty(port)))
			settle(port);
		return;
	}
	if (delivered && !port->told) {
		port->told = true;
		tell_gone(port);
	}
	ouro__port_hold(port);
	ended_fn = port->ended_fn;
	if (ended_fn && ouro__port_has_ended(port)) {
		port->ended_fn = NULL;
		ended_fn(port, port->ended_arg);
	}
}

/* What cannot leave now leaves as the other end reads on; while it does not, what it sends is taken
 * in and dropped, so that two that end do not wait for each other. */
static void flush_and_wait(struct ouro_port *port)
{
	struct frame_end *frames = &port->half->end;
	struct frame frame;
	int got = 1;

	ouro__port_flush(&port->flush);
	while (!port->eof && !ouro__port_is_empty(port) && got != OURO_EOF) {
		struct pollfd p[2] = { { .fd = ouro__frame_blocker(frames), .events = POLLOUT },
				       { .fd = port->in.fd, .events = POLLIN } };

		(void)poll(p, 2, -1);
		got = ouro__frame_read(frames);
		while (ouro__frame_next(frames, &frame) > 0)
			ouro__frame_release(&frame);
		if (got < 0 && got != -EAGAIN)
			break;
		ouro__port_flush(&port->flush);
	}
}

static void flush_those(struct list *handles)
{
	list_each (at, handles) {
		struct handle *handle = list_of(at, struct handle, link);

		if (handle->type == &ouro__port_type && ((struct ouro_port *)handle)->half)
			flush_and_wait((struct ouro_port *)handle);
	}
}

void ouro__ports_flush(ouro_loop *loop)
{
	flush_those(&loop->handles);
	flush_those(&loop->closing);
	flush_those(&loop->parked);
}

/* Attributes. */

void ouro_port_on_drain(ouro_port *port, ouro_port_fn *fn)
{
	port_check(port);
	port->drain_fn = fn;
}

void ouro_port_on_gone(ouro_port *port, ouro_port_fn *fn)
{
	port_check(port);
	port->gone_fn = fn;
	port->told = false;
	if (port->base.closing)
		return;
	ouro__port_use(port);
	if (port->eof)
		ouro__watch_again(&port->in);
}

void ouro_port_close(ouro_port *port)
{
	if (!port)
		return;
	port_check(port);
	ouro__handle_close(&port->base);
}

void ouro_port_on_close(ouro_port *port, ouro_close_fn *fn)
{
	port_check(port);
	port->base.on_close = fn;
}

void ouro_port_get_stats(const ouro_port *port, ouro_port_stats *ret_stats)
{
	port_check(port);
	*ret_stats = port->figures;
	if (port->half)
		ret_stats->waiting = port->half->sent - port->half->acked;
}

ouro_loop *ouro_port_loop(const ouro_port *port)
{
	port_check(port);
	return port->base.loop;
}

void ouro_port_set_arg(ouro_port *port, void *arg)
{
	port_check(port);
	port->base.arg = arg;
}

void *ouro_port_arg(const ouro_port *port)
{
	port_check(port);
	return port->base.arg;
}

void ouro_port_hold(ouro_port *port, bool hold)
{
	port_check(port);
	port->wished = hold;
	ouro__port_hold(port);
}

int ouro_port_set_name(ouro_port *port, const char *name)
{
	port_check(port);
	return ouro__handle_name(&port->base, name);
}
