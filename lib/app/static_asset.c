/* static_asset.c -- the end of what a look has found. See static.h.
 *
 * Closing a descriptor is quick, but for the last one of a file that has no name any more: then the
 * file itself goes, and that may take as long as the disk likes. A new release in place of an old
 * one is just that, for every file of it. So what the loop is done with is closed by the pool. */
#include "app/static.h"
#include "base/alloc.h"
#include "loop/call.h"
#include "offload/op.h"
#include "sys/fd.h"
#include <sys/mman.h>

struct asset *ouro__asset_ref(struct asset *asset)
{
	__atomic_add_fetch(&asset->refs, 1, __ATOMIC_RELAXED);
	return asset;
}

void ouro__form_drop(struct form *form)
{
	if (form->map)
		munmap(form->map, form->size);
	ouro__fd_close(&form->fd);
	ouro__free(form->bytes);
	*form = (struct form){ .fd = -1 };
}

static void free_asset(struct asset *asset)
{
	for (int i = 0; i < CODING_COUNT; i++)
		ouro__form_drop(&asset->forms[i]);
	ouro__free(asset);
}

static bool was_last(struct asset *asset)
{
	return asset && !__atomic_sub_fetch(&asset->refs, 1, __ATOMIC_ACQ_REL);
}

void ouro__asset_unref(struct asset *asset)
{
	if (was_last(asset))
		free_asset(asset);
}

/* ---- By the pool ---- */

static struct asset **asset_of(struct op *op)
{
	return (struct asset **)(void *)op->room;
}

static void close_asset(struct op *op)
{
	if (*asset_of(op))
		free_asset(*asset_of(op));
	*asset_of(op) = NULL;
}

static int close_work(struct op *op)
{
	close_asset(op);
	return 0;
}

static void close_done(struct op *op, int err)
{
	(void)op, (void)err;
}

static const struct op_kind close_kind = {
	.call = "close",
	.lane = OURO_LANE_FILES,
	.room = sizeof(struct asset *),
	.work = close_work,
	.done = close_done,
	.release = close_asset,
};

static bool is_open(const struct asset *asset)
{
	for (int i = 0; i < CODING_COUNT; i++)
		if (asset->forms[i].fd >= 0)
			return true;
	return false;
}

void ouro__asset_drop(ouro_loop *loop, struct asset *asset)
{
	struct op *op;

	if (!was_last(asset))
		return;
	op = is_open(asset) ? ouro__op_new(loop, &close_kind, NULL, NULL) : NULL;
	if (!op) {
		free_asset(asset);
		return;
	}
	*asset_of(op) = asset;
	ouro__op_submit(op);
}
