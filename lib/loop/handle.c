/* handle.c -- opening and closing, the same for every kind of handle. See handle.h. */
#include "loop/handle.h"
#include "base/alloc.h"
#include "base/check.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "ouro/error.h"
#include <errno.h>

void *ouro__handle_new(ouro_loop *loop, const struct handle_type *type, size_t size, void *arg,
		       int *ret_err)
{
	struct handle *handle = loop->ending ? NULL : ouro__alloc(size);

	*ret_err = 0;
	if (!handle) {
		*ret_err = loop->ending ? OURO_ECLOSED : -ENOMEM;
		return NULL;
	}
	handle->magic = type->magic;
	handle->type = type;
	handle->loop = loop;
	handle->arg = arg;
	handle->holds = true;
	if (loop->origins)
		ouro__label_origin(&handle->label);
	list_push(&loop->handles, &handle->link);
	count_add(&loop->handle_count, 1);
	loop_hold(loop);
	loop_touch(loop);
	return handle;
}

void ouro__handle_drop(struct handle *handle)
{
	struct ouro_loop *loop = handle->loop;

	list_remove(&handle->link);
	count_set(&loop->handle_count, loop->handle_count - 1);
	if (handle->holds)
		loop_release(loop);
	if (handle->type->free)
		handle->type->free(handle);
	handle->magic = 0;
	ouro__label_free(handle->label);
	ouro__free(handle);
}

void ouro__handle_close(struct handle *handle)
{
	struct ouro_loop *loop = handle->loop;

	if (handle->closing)
		return;
	handle->closing = true;
	handle->type->stop(handle);
	list_remove(&handle->link);
	list_push(&loop->closing, &handle->link);
	if (!handle->holds) { /* its last callback is to come: that alone keeps a loop alive */
		handle->holds = true;
		loop_hold(loop);
	}
	loop_touch(loop);
}

void ouro__handle_settled(struct handle *handle)
{
	if (!handle->closing)
		return;
	list_remove(&handle->link);
	list_push(&handle->loop->closing, &handle->link);
	loop_touch(handle->loop);
}

void ouro__handle_hold(struct handle *handle, bool hold)
{
	if (handle->closing || handle->holds == hold)
		return;
	handle->holds = hold;
	if (hold)
		loop_hold(handle->loop);
	else
		loop_release(handle->loop);
	loop_touch(handle->loop); /* a host may have to learn that nothing is left */
}

int ouro__handle_name(struct handle *handle, const char *name)
{
	return ouro__label_name(&handle->label, name);
}

/* The memory goes last: on_close, too, may close its own handle once more. */
static void finish(struct handle *handle)
{
	struct ouro_loop *loop = handle->loop;

	if (handle->on_close) {
		call_begin(loop, OURO_PHASE_CLOSE, CALL_FN(handle->on_close),
			   (struct cause){ "close of a", -1, handle->type->kind }, handle->label);
		handle->on_close(handle->arg);
		call_end(loop);
	}
	ouro__handle_drop(handle);
}

void ouro__close_phase(struct ouro_loop *loop)
{
	struct list batch, *link;

	list_init(&batch);
	list_move_all(&batch, &loop->closing);
	while ((link = list_shift(&batch))) {
		struct handle *handle = list_of(link, struct handle, link);

		if (!handle->type->is_idle || handle->type->is_idle(handle))
			finish(handle);
		else
			list_push(handle->type->parks ? &loop->parked : &loop->closing, link);
	}
}
