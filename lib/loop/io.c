/* io.c -- a user's descriptor on the loop: a handle around a watch. See ouro/io.h. */
#include "ouro/io.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include <errno.h>

struct ouro_io {
	struct handle base;
	struct watch watch;
	ouro_io_fn *fn;
};

static const void *io_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_io *)handle)->fn);
}

static int io_number(const struct handle *handle)
{
	return ((const struct ouro_io *)handle)->watch.fd;
}

static void io_stop(struct handle *handle)
{
	ouro__watch_stop(&((struct ouro_io *)handle)->watch);
}

static const struct handle_type io_type = {
	.kind = "descriptor",
	.magic = 0x696f2121u,
	.callee = io_callee,
	.number = io_number,
	.stop = io_stop,
};

static void io_ready(struct watch *watch, unsigned ready)
{
	struct ouro_io *io = list_of(watch, struct ouro_io, watch);

	call_begin(watch_loop(watch), OURO_PHASE_IO, CALL_FN(io->fn),
		   (struct cause){ "descriptor", watch->fd, NULL }, io->base.label);
	io->fn(io, ready, io->base.arg);
	call_end(watch_loop(watch));
}

static bool events_make_sense(unsigned events)
{
	return !(events & ~(unsigned)(OURO_READABLE | OURO_WRITABLE | OURO_ERROR));
}

int ouro_io_open(ouro_loop *loop, int fd, unsigned events, ouro_io_fn *fn, void *arg,
		 ouro_io **ret_io)
{
	struct ouro_io *io;
	int err = events_make_sense(events) ? ouro__watch_check(&loop->poll, fd) : -EINVAL;

	if (err)
		return err;
	io = ouro__handle_new(loop, &io_type, sizeof(*io), arg, &err);
	if (!io)
		return err;
	io->fn = fn;
	err = ouro__watch_start(&io->watch, loop, fd, events, io_ready);
	if (err) {
		ouro__handle_drop(&io->base);
		return err;
	}
	if (ret_io)
		*ret_io = io;
	return 0;
}

int ouro_io_set(ouro_io *io, unsigned events)
{
	handle_check(io, io_type);
	if (io->base.closing)
		return OURO_ECLOSED;
	return events_make_sense(events) ? ouro__watch_set(&io->watch, events) : -EINVAL;
}

void ouro_io_close(ouro_io *io)
{
	if (!io)
		return;
	handle_check(io, io_type);
	ouro__handle_close(&io->base);
}

void ouro_io_on_close(ouro_io *io, ouro_close_fn *fn)
{
	handle_check(io, io_type);
	io->base.on_close = fn;
}

int ouro_io_fd(const ouro_io *io)
{
	handle_check(io, io_type);
	return io->watch.fd;
}

unsigned ouro_io_events(const ouro_io *io)
{
	handle_check(io, io_type);
	return io->watch.wanted;
}

ouro_loop *ouro_io_loop(const ouro_io *io)
{
	handle_check(io, io_type);
	return io->base.loop;
}

void ouro_io_hold(ouro_io *io, bool hold)
{
	handle_check(io, io_type);
	ouro__handle_hold(&io->base, hold);
}

int ouro_io_set_name(ouro_io *io, const char *name)
{
	handle_check(io, io_type);
	return ouro__handle_name(&io->base, name);
}
