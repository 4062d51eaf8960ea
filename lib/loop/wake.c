/* wake.c -- a bell is a post that is always there: ringing needs no memory. See ouro/wake.h.
 *
 * `rung` is true from the ring until the loop has taken the post out of the inbox, so the post is
 * in there once at most. `ringers` counts the threads inside ouro_wake_send(): the memory waits for
 * both before it goes. */
#include "ouro/wake.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "loop/wake.h"

struct ouro_wake {
	struct handle base;
	struct post post;
	ouro_wake_fn *fn;
	atomic_bool rung;
	atomic_bool closed;
	atomic_uint ringers;
};

static const void *wake_callee(const struct handle *handle)
{
	return CALL_FN(((const struct ouro_wake *)handle)->fn);
}

static int wake_number(const struct handle *handle)
{
	(void)handle;
	return -1;
}

static void wake_stop(struct handle *handle)
{
	atomic_store(&((struct ouro_wake *)handle)->closed, true);
}

static bool wake_is_idle(const struct handle *handle)
{
	const struct ouro_wake *wake = (const struct ouro_wake *)handle;

	return !atomic_load(&wake->ringers) && !atomic_load(&wake->rung);
}

static const struct handle_type wake_type = {
	.kind = "wake",
	.magic = 0x77616b65u,
	.callee = wake_callee,
	.number = wake_number,
	.stop = wake_stop,
	.is_idle = wake_is_idle,
};

int ouro_wake_open(ouro_loop *loop, ouro_wake_fn *fn, void *arg, ouro_wake **ret_wake)
{
	int err;
	struct ouro_wake *wake = ouro__handle_new(loop, &wake_type, sizeof(*wake), arg, &err);

	if (!wake)
		return err;
	wake->fn = fn;
	*ret_wake = wake;
	return 0;
}

void ouro_wake_send(ouro_wake *wake)
{
	atomic_fetch_add(&wake->ringers, 1);
	if (!atomic_load(&wake->closed) && !atomic_exchange(&wake->rung, true))
		ouro__tasks_deliver(wake->base.loop, &wake->post);
	atomic_fetch_sub(&wake->ringers, 1);
}

void ouro__wake_run(struct ouro_loop *loop, struct post *post)
{
	struct ouro_wake *wake = list_of(post, struct ouro_wake, post);

	atomic_store(&wake->rung, false); /* before fn looks: a ring from here on is a new one */
	if (wake->base.closing)
		return;
	call_begin(loop, OURO_PHASE_CHECK, CALL_FN(wake->fn), (struct cause){ "wake", -1, NULL },
		   wake->base.label);
	wake->fn(wake, wake->base.arg);
	call_end(loop);
}

void ouro__wake_forget(struct post *post)
{
	atomic_store(&list_of(post, struct ouro_wake, post)->rung, false);
}

void ouro_wake_close(ouro_wake *wake)
{
	if (!wake)
		return;
	handle_check(wake, wake_type);
	ouro__handle_close(&wake->base);
}

void ouro_wake_on_close(ouro_wake *wake, ouro_close_fn *fn)
{
	handle_check(wake, wake_type);
	wake->base.on_close = fn;
}

ouro_loop *ouro_wake_loop(const ouro_wake *wake)
{
	handle_check(wake, wake_type);
	return wake->base.loop;
}

void ouro_wake_hold(ouro_wake *wake, bool hold)
{
	handle_check(wake, wake_type);
	ouro__handle_hold(&wake->base, hold);
}

int ouro_wake_set_name(ouro_wake *wake, const char *name)
{
	handle_check(wake, wake_type);
	return ouro__handle_name(&wake->base, name);
}
