/* cast.c -- see cast.h. */
#include "http/cast.h"
#include "base/alloc.h"
#include "ouro/error.h"
#include <errno.h>

struct cast *ouro__cast_new(size_t len)
{
	struct cast *cast =
		len < SIZE_MAX - sizeof(*cast) ? ouro__realloc(NULL, sizeof(*cast) + len) : NULL;

	if (cast)
		*cast = (struct cast){ .refs = 1, .len = len };
	return cast;
}

void ouro__cast_drop(struct cast *cast)
{
	if (cast && !--cast->refs)
		ouro__free(cast);
}

static void on_release(int err, void *arg)
{
	(void)err;
	ouro__cast_drop(arg);
}

int ouro__cast_queue(struct cast *cast, struct out *out, struct net *net, size_t from, size_t len)
{
	int err = ouro__out_borrow(out, net, cast->bytes + from, len, on_release, cast);

	if (!err)
		cast->refs++;
	return err;
}

/* Only the first of a queue may have left in part. */
static bool may_go(const struct out *out, const struct out_piece *piece)
{
	const struct cast *cast = piece->arg;

	if (!piece->borrowed || piece->fn != on_release || !cast->sheds)
		return false;
	return piece != out->first || piece->at == cast->bytes ||
	       piece->at == cast->bytes + cast->skip;
}

static void take_out(struct out *out, struct out_piece *before, struct out_piece *piece)
{
	if (before)
		before->next = piece->next;
	else
		out->first = piece->next;
	if (out->last == piece)
		out->last = before;
	out->queued -= piece->len;
	ouro__cast_drop(piece->arg);
	ouro__free(piece);
}

size_t ouro__cast_shed(struct out *out, size_t most)
{
	struct out_piece *before = NULL, *next;
	size_t count = 0;

	for (struct out_piece *at = out->first; at && out->queued > most; at = next) {
		next = at->next;
		if (may_go(out, at)) {
			take_out(out, before, at);
			count++;
		} else {
			before = at;
		}
	}
	return count;
}

int ouro__slow_make_room(struct out *out, size_t len, size_t queue_max, ouro_slow slow,
			 size_t *ret_missed)
{
	*ret_missed = 0;
	if (out->queued <= queue_max && len <= queue_max - out->queued)
		return 0;
	if (slow == OURO_SLOW_DROP_OLDEST && len <= queue_max)
		*ret_missed = ouro__cast_shed(out, queue_max - len);
	return out->queued <= queue_max && len <= queue_max - out->queued ? 0 : OURO_EBUSY;
}
