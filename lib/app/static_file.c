/* static_file.c -- one file as an answer, by a handler that knows which. See ouro/static.h. */
#include "app/static.h"
#include "base/alloc.h"
#include "http/encoded.h"
#include "http/reply.h"
#include "http/req.h"
#include "offload/fs.h"

#define SMALL ((size_t)64 << 10)

struct one {
	struct paths paths;
	struct asset *asset;
	ouro_req_id req;
	char *type; /* NULL: by the name */
};

static struct one *one_of(struct op *op)
{
	return (struct one *)(void *)op->room;
}

static int one_work(struct op *op)
{
	one_of(op)->asset = ouro__static_look_at(one_of(op)->paths.path, SMALL);
	return one_of(op)->asset ? 0 : -ENOMEM;
}

static void one_done(struct op *op, int err)
{
	struct one *one = one_of(op);
	ouro_req *req = ouro_req_find(ouro__op_loop(op), one->req);

	if (req && err)
		ouro_req_status(req, 503);
	else if (req)
		ouro__static_answer(req, one->asset, NULL, one->type);
	if (!err) {
		ouro__asset_drop(ouro__op_loop(op), one->asset);
		one->asset = NULL;
	}
}

static void one_release(struct op *op)
{
	ouro__asset_unref(one_of(op)->asset);
	ouro__free(one_of(op)->type);
	ouro__paths_drop(op);
}

static const struct op_kind one_kind = {
	.call = "send",
	.lane = OURO_LANE_FILES,
	.room = sizeof(struct one),
	.work = one_work,
	.done = one_done,
	.release = one_release,
};

/* NULL: no memory, and nothing is left of it. */
static struct op *new_one(ouro_req *req, const char *path, const char *type)
{
	struct op *op = ouro__op_new(req->http->loop, &one_kind, CALL_FN(ouro_req_send_file), NULL);

	if (!op)
		return NULL;
	one_of(op)->type = type ? ouro__strdup(type) : NULL;
	if ((!type || one_of(op)->type) && ouro__paths_keep(op, sizeof(struct one), path, NULL))
		return op;
	ouro__op_refuse(op);
	return NULL;
}

int ouro_req_send_file(ouro_req *req, const char *path, const char *type)
{
	struct op *op;
	int err;

	req_check(req);
	if (type && !ouro__is_field_value(ouro_str_z(type)))
		return -EINVAL;
	err = ouro__answer_possible(req);
	if (!err && req->answer.state != ANSWER_NONE)
		err = -EALREADY;
	if (err)
		return err;
	op = new_one(req, path, type);
	if (!op) {
		ouro_req_status(req, 503);
		return -ENOMEM;
	}
	one_of(op)->req = ouro_req_get_id(ouro_req_later(req));
	ouro__op_submit(op);
	return 0;
}
