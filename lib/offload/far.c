/* far.c -- the life of a worker, on its own thread. See far.h.
 *
 * It has an ordinary loop, made and freed here; in between main sets things up, and the loop runs
 * dry or is stopped. The last thing it does is to wait until its messages have left: that is what
 * makes "sent before the end arrives before on_exit" true, however full the pipe was.
 *
 * Asked to end it is by a bell in its loop: of ouro's in a thread, an eventfd in a process. The lock
 * is for the moments before the former is there and after it has gone, when the parent must find
 * neither half. */
#include "offload/far.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "ouro/io.h"
#include "sys/wake.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* Once, in a callback of the far loop. */
static void be_asked(struct far *far)
{
	ouro_port *port = far->port;

	if (far->told)
		return;
	far->told = true;
	if (port && far->stop_fn)
		far->stop_fn(port, port->base.arg);
	else
		ouro_loop_stop(far->loop, 0);
}

static void on_bell(ouro_wake *bell, void *arg)
{
	(void)bell;
	be_asked(arg);
}

static void on_bell_fd(ouro_io *io, unsigned ready, void *arg)
{
	(void)ready;
	ouro_io_close(io);
	be_asked(arg);
}

/* There is nobody left to work for, and nobody to tell. */
static void on_parent_ended(ouro_io *io, unsigned ready, void *arg)
{
	(void)io, (void)ready, (void)arg;
	raise(SIGKILL);
}

void ouro__far_ask(struct far *far)
{
	atomic_store(&far->news->asked, true);
	if (far->bell_fd >= 0) {
		ouro__wake_ring(far->bell_fd);
		return;
	}
	pthread_mutex_lock(&far->lock);
	if (far->bell)
		ouro_wake_send(far->bell);
	pthread_mutex_unlock(&far->lock);
}

static int watch_fd(struct far *far, int fd, ouro_io_fn *fn)
{
	ouro_io *io;
	int err = ouro_io_open(far->loop, fd, OURO_READABLE, fn, far, &io);

	if (!err)
		ouro_io_hold(io, false);
	return err;
}

static int hang_bell(struct far *far)
{
	ouro_wake *bell;
	int err = ouro_wake_open(far->loop, on_bell, far, &bell);

	if (err)
		return err;
	ouro_wake_hold(bell, false);
	pthread_mutex_lock(&far->lock);
	far->bell = bell;
	pthread_mutex_unlock(&far->lock);
	return 0;
}

static void take_bell_down(struct far *far)
{
	pthread_mutex_lock(&far->lock);
	far->bell = NULL;
	pthread_mutex_unlock(&far->lock);
}

static int listen_to_parent(struct far *far)
{
	int err = 0;

	if (far->bell_fd < 0)
		return hang_bell(far);
	if (far->parent >= 0)
		err = watch_fd(far, far->parent, on_parent_ended);
	return err ? err : watch_fd(far, far->bell_fd, on_bell_fd);
}

static int open_port(struct far *far)
{
	int err = ouro__port_new(far->loop, far->half, NULL, &far->port);

	if (err)
		return err;
	far->half = NULL;
	far->port->far = far;
	ouro__port_use(far->port);
	return listen_to_parent(far);
}

static int run(struct far *far)
{
	int code;

	if (atomic_load(&far->news->asked))
		return 0;
	far->main(far->loop, far->port, far->arg);
	code = ouro_loop_run(far->loop);
	ouro__ports_flush(far->loop);
	return code;
}

int ouro__far_live(struct far *far)
{
	int code;

	far->loop = ouro_loop_new(far->has_loop_opts ? &far->loop_opts : NULL);
	code = far->loop ? open_port(far) : -errno;
	if (!code)
		code = run(far);
	ouro__half_free(far->half);
	far->half = NULL;
	take_bell_down(far);
	ouro_loop_free(far->loop);
	return code;
}

void ouro__far_port_closes(struct far *far)
{
	far->port = NULL;
}

/* For the worker's own code. */

void ouro_worker_on_stop(ouro_port *parent, ouro_port_fn *fn)
{
	port_check(parent);
	if (parent->far)
		parent->far->stop_fn = fn;
}

bool ouro_worker_is_asked(const ouro_port *parent)
{
	port_check(parent);
	return parent->far && atomic_load(&parent->far->news->asked);
}
